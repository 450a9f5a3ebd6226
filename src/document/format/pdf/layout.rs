//! Puts the glyphs of a page in reading order: glyphs → pieces of words → columns and rows → lines of text.
//!
//! Knows nothing of PDF files, only where which character is, and in which order the file shows them:
//!
//! ```text
//! glyphs with the same direction, turned until they run from left to right   planes
//! glyphs that touch, without spaces                                         pieces
//! pieces between gaps that go down the page: columns one after the other,
//! rows of a table line by line                                              blocks
//! pieces on one baseline, with spaces, right-to-left text turned around     lines
//! ```
//!
//! A table is printed with its columns aligned, so that wrapped cells stay under their column. Vertical text is turned
//! as well, so that its columns, from right to left, are lines from top to bottom.
//!
//! Does not drop anything but glyphs printed twice at the same place.

mod bidi;
mod blocks;
mod glyph;
mod gutters;
mod line;
mod matrix;
mod pieces;
mod planes;
mod rows;
mod spacing;
mod table;

pub(super) use self::glyph::Glyph;
pub(super) use self::matrix::Matrix;

/// The text of a page with these glyphs, in the order in which the file shows them. Blank lines separate paragraphs.
pub(super) fn page_text(glyphs: Vec<Glyph>) -> String {
    let mut text = String::new();
    for plane in planes::planes(glyphs) {
        let pieces = pieces::pieces(&plane);
        for block in blocks::blocks(&pieces) {
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            text.push_str(&block);
        }
    }
    text
}

#[cfg(test)]
mod tests;
