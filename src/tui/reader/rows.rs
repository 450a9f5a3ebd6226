//! Wraps a unit into rows. Each row knows its bytes, and each glyph the bytes it stands for.
//!
//! Breaks like [`crate::tui::wrap`]: at the last space that fits, and inside a word only if it is wider than the
//! screen.

use unicode_segmentation::UnicodeSegmentation;

use super::book::Book;
use super::look::{Look, LookPiece, TextRole};
use crate::document::ByteSpan;
use crate::tui::wrap::{clean, grapheme_width, width};

/// One grapheme on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct Glyph {
    /// The bytes that it stands for.
    pub span: ByteSpan,
    pub role: TextRole,
    /// Displayed text, if it differs from the document's.
    pub shown: Option<String>,
    pub cells: usize,
    is_space: bool,
}

/// A row of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct PageRow {
    pub unit: usize,
    /// All bytes up to the next row, including hidden markup and the space at the break.
    pub span: ByteSpan,
    /// Indent in cells.
    pub indent: usize,
    pub glyphs: Vec<Glyph>,
    pub is_first: bool,
    pub is_code: bool,
}

/// The rows of a unit: at least one, at most `cells` wide (at least 2).
pub(in crate::tui) fn rows(book: &Book, unit: usize, cells: usize) -> Vec<PageRow> {
    let cells = cells.max(2);
    let look = Look::of(book, unit);
    let hang = if look.hang + 8 > cells { 0 } else { look.hang };
    let whole = book.span(unit);
    let mut rest = glyphs(book.text(), &look);
    rest.dedup_by(|next, glyph| glyph.is_space && next.is_space && next.shown.is_some());
    let mut rows: Vec<PageRow> = Vec::new();
    while !rest.is_empty() || rows.is_empty() {
        let indent = if rows.is_empty() { 0 } else { hang };
        let after = rest.split_off(next_line(&rest, cells - indent));
        let start =
            if rows.is_empty() { whole.start } else { rest.first().map_or(whole.end, |glyph| glyph.span.start) };
        let end = after.first().map_or(whole.end.max(start), |glyph| glyph.span.start);
        trim(&mut rest, cells - indent);
        let span = ByteSpan { start, end };
        rows.push(PageRow { unit, span, indent, glyphs: rest, is_first: rows.is_empty(), is_code: look.is_code });
        rest = after;
    }
    rows
}

fn glyphs(text: &str, look: &Look) -> Vec<Glyph> {
    let of_piece = |piece: &LookPiece| {
        let source = &text[piece.span.start..piece.span.end];
        if let Some(shown) = piece.shown {
            let cells = width(shown);
            return vec![Glyph {
                span: piece.span,
                role: piece.role,
                shown: Some(shown.into()),
                cells,
                is_space: false,
            }];
        }
        let start = piece.span.start;
        let pictures = source.grapheme_indices(true).map(|(at, picture)| {
            let span = ByteSpan { start: start + at, end: start + at + picture.len() };
            if picture == "\n" {
                // A line break within a paragraph.
                return Glyph { span, role: piece.role, shown: Some(" ".into()), cells: 1, is_space: true };
            }
            let plain = !picture.chars().any(char::is_control);
            let shown = (!plain).then(|| clean(picture));
            let cells = shown.as_deref().map_or_else(|| grapheme_width(picture), width);
            Glyph { span, role: piece.role, shown, cells, is_space: picture == " " }
        });
        pictures.collect()
    };
    look.pieces.iter().flat_map(of_piece).collect()
}

/// The number of glyphs on this line, including spaces at the break.
fn next_line(glyphs: &[Glyph], cells: usize) -> usize {
    let fitting = fitting(glyphs, cells);
    if fitting == glyphs.len() {
        return fitting;
    }
    let first_word = glyphs.iter().position(|glyph| !glyph.is_space).unwrap_or(0);
    let space = (first_word..=fitting).rev().find(|&index| glyphs[index].is_space);
    let end = space.unwrap_or(fitting);
    (end..glyphs.len()).find(|&index| !glyphs[index].is_space).unwrap_or(glyphs.len())
}

/// How many glyphs fit; at least one.
fn fitting(glyphs: &[Glyph], cells: usize) -> usize {
    let mut taken = 0;
    let fits = glyphs.iter().take_while(|glyph| {
        taken += glyph.cells;
        taken <= cells
    });
    fits.count().max(1).min(glyphs.len())
}

/// Drops trailing spaces that don't fit.
fn trim(line: &mut Vec<Glyph>, cells: usize) {
    while line.iter().map(|glyph| glyph.cells).sum::<usize>() > cells && line.last().is_some_and(|glyph| glyph.is_space)
    {
        line.pop();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::document::{Document, Position, SourceSpan};

    fn book(name: &str, text: &str) -> Book {
        let span = ByteSpan { start: 0, end: text.len() };
        let source = SourceSpan { span, name: name.into(), position: Position::Line(1) };
        Book::new(Arc::new(Document { text: text.into(), sources: vec![source], ..Document::default() }))
    }

    fn shown(book: &Book, row: &PageRow) -> String {
        let glyph = |glyph: &Glyph| {
            glyph.shown.clone().unwrap_or_else(|| book.text()[glyph.span.start..glyph.span.end].to_owned())
        };
        " ".repeat(row.indent) + &row.glyphs.iter().map(glyph).collect::<String>()
    }

    fn wrapped(name: &str, text: &str, cells: usize) -> Vec<String> {
        let book = book(name, text);
        (0..book.len())
            .flat_map(|unit| rows(&book, unit, cells))
            .map(|row| shown(&book, &row).trim_end().into())
            .collect()
    }

    #[test]
    fn lines_break_at_spaces_and_hang() {
        assert_eq!(wrapped("a.txt", "a truth universally\n\nknown", 8), ["a truth", "universa", "lly", "", "known"]);
        let item = "- a **clergyman** of the parish";
        assert_eq!(wrapped("a.md", item, 16), ["• a clergyman of", "  the parish"]);
    }

    #[test]
    fn what_could_reach_the_terminal_is_made_visible() {
        assert_eq!(wrapped("a.txt", "\tx", 20), ["    x"]);
    }

    proptest! {
        #[test]
        fn rows_are_narrow_enough_and_follow_one_another(text in "[ a-z真👩‍👧é\u{301}\t*`-]{0,80}", cells in 2_usize..30) {
            let book = book("a.md", &text);
            for unit in 0..book.len() {
                let rows = rows(&book, unit, cells);
                let span = book.span(unit);
                prop_assert_eq!((rows[0].span.start, rows[rows.len() - 1].span.end), (span.start, span.end));
                for row in &rows {
                    prop_assert!(row.indent + row.glyphs.iter().map(|glyph| glyph.cells).sum::<usize>() <= cells.max(4));
                }
                prop_assert!(rows.windows(2).all(|pair| pair[0].span.end == pair[1].span.start));
            }
        }
    }
}
