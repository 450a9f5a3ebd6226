//! Puts the glyphs of a page in reading order: glyphs → pieces of words → columns and rows → lines of text.
//!
//! Knows nothing of PDF files, only where which character and which straight line is, and in which order the file shows
//! them:
//!
//! ```text
//! glyphs with the same direction, turned until they run from left to right   planes
//! glyphs that touch, without spaces                                         pieces
//! tables with lines between their cells, taken out and put back             ruled
//! pieces between gaps that go down the page: columns one after the other,
//! rows of a table line by line                                              blocks
//! pieces on one baseline, with spaces, right-to-left text turned around     lines
//! ```
//!
//! A table is printed with its columns aligned, so that wrapped cells stay under their column. Vertical text is turned
//! as well, so that its columns, from right to left, are lines from top to bottom.
//!
//! Does not drop anything but glyphs printed twice at the same place.

mod accents;
mod bidi;
mod blocks;
mod centred;
mod fixed;
mod glyph;
mod gutters;
mod line;
mod look;
mod matrix;
mod pieces;
mod planes;
mod rows;
mod ruled;
mod spacing;
mod table;

pub(super) use self::glyph::Glyph;
pub(super) use self::look::LineLook;
pub(super) use self::matrix::Matrix;
pub(super) use self::ruled::Rule;

use self::ruled::Tables;

/// The text of a page, and how its lines look.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct PageText {
    /// In reading order. Blank lines separate paragraphs.
    pub text: String,
    /// One for each line that is not blank.
    pub looks: Vec<LineLook>,
}

/// The text of a page of this height with these glyphs, in the order in which the file shows them, and these lines.
pub(super) fn page_text(glyphs: Vec<Glyph>, rules: &[Rule], page_height: f64) -> PageText {
    let mut page = PageText::default();
    for (index, plane) in planes::planes(glyphs).into_iter().enumerate() {
        let (is_upright, is_vertical) = (plane.is_upright, plane.is_vertical);
        let mut pieces = pieces::pieces(&plane.glyphs);
        let rules: Vec<Rule> = rules.iter().map(|rule| plane.turn.rule(rule)).collect();
        let tables = Tables::take(&mut pieces, &rules);
        let printed = tables.put_back(blocks::printed(&pieces, is_vertical));
        let usual_size = look::usual_size(&printed);
        let looks = printed.iter().map(|line| {
            let height = is_upright.then_some(line.baseline / page_height);
            LineLook::new(height, line.size / usual_size, line.has_gap)
        });
        page.looks.extend(looks);
        for (block, text) in blocks::paragraphs(printed).into_iter().enumerate() {
            page.text.push_str(if (index, block) == (0, 0) { "" } else { "\n\n" });
            page.text.push_str(&text);
        }
    }
    page
}

#[cfg(test)]
mod tests;
