//! Divides text without headings by size, so that every book has parts to choose from.
//!
//! A text of more than [`SMALL_BYTES`] without any heading, and a chapter of more than [`LONG_BYTES`] without headings
//! of its own, get outline entries about every [`PIECE_BYTES`]: `lines 1-131`, `lines 132-260`. A piece ends with a
//! paragraph if possible, or else with a line, a sentence, a word.
//!
//! Example: a log of 68 MB is 1,000 pieces of 68 kB, a JSON file of 5 MB on one line 640 pieces of 8 kB.

use super::outline::{OutlineEntry, close_spans};
use super::position::{Position, count_lines};
use super::span::ByteSpan;

/// A text that is not longer is one part: about 4,000 tokens.
const SMALL_BYTES: usize = 16 << 10;
/// A chapter, or a file among others, that is not longer is one part.
const LONG_BYTES: usize = 64 << 10;
/// About how large a piece is.
const PIECE_BYTES: usize = 8 << 10;
/// Most pieces of a text. Nobody chooses from more.
const MOST_PIECES: usize = 1000;

/// Adds entries to `outline`, of the text of one file, where it has none for long. `is_among_others` says that the
/// document has other files.
pub(super) fn add_pieces(
    text: &str,
    positions: &[(ByteSpan, Position)],
    outline: &mut Vec<OutlineEntry>,
    is_among_others: bool,
) {
    let most = if outline.is_empty() && !is_among_others { SMALL_BYTES } else { LONG_BYTES };
    let stretches = stretches(text.len(), outline, most);
    if stretches.is_empty() {
        return;
    }
    let mut namer = Namer { text, positions, at: 0, line: 0 };
    let pieces: Vec<OutlineEntry> =
        stretches.into_iter().flat_map(|(span, level)| pieces(text, span, level, &mut namer)).collect();
    outline.extend(pieces);
    // A piece that begins with a heading stands below it.
    outline.sort_by_key(|entry| (entry.span.start, entry.level));
    close_spans(outline, text.len());
}

/// The stretches between two headings that are longer than `most`, and the level of entries in them.
fn stretches(end: usize, outline: &[OutlineEntry], most: usize) -> Vec<(ByteSpan, u8)> {
    let first = outline.first().map_or(end, |entry| entry.span.start);
    let before = (ByteSpan { start: 0, end: first }, outline.first().map_or(1, |entry| entry.level));
    let ends = outline.iter().skip(1).map(|entry| entry.span.start).chain([end]);
    let under = outline
        .iter()
        .zip(ends)
        .map(|(entry, end)| (ByteSpan { start: entry.span.start, end }, entry.level.saturating_add(1)));
    [before].into_iter().chain(under).filter(|(span, _)| span.len() > most).collect()
}

/// The entries of equal pieces of `span`.
fn pieces(text: &str, span: ByteSpan, level: u8, namer: &mut Namer<'_>) -> Vec<OutlineEntry> {
    let count = span.len().div_ceil(PIECE_BYTES).min(MOST_PIECES);
    let size = span.len() / count;
    let mut starts = vec![span.start];
    for piece in 1..count {
        let last = starts[starts.len() - 1];
        let cut = cut_near(text, span.start + piece * size, size / 3);
        if cut > last && cut < span.end {
            starts.push(cut);
        }
    }
    let all = starts.len();
    let entry = |(index, &start): (usize, &usize)| {
        let end = starts.get(index + 1).map_or(span.end, |next| *next);
        let title = namer.name(ByteSpan { start, end }, index + 1, all);
        OutlineEntry { title, level, span: ByteSpan { start, end: start } }
    };
    starts.iter().enumerate().map(entry).collect()
}

/// The best place to cut `text` at most `reach` bytes from `near`: behind a paragraph, a line, a sentence, a word.
pub(super) fn cut_near(text: &str, near: usize, reach: usize) -> usize {
    let from = text.floor_char_boundary(near.saturating_sub(reach));
    let to = text.floor_char_boundary((near + reach).min(text.len()));
    let window = &text[from..to];
    let middle = text.floor_char_boundary(near).max(from) - from;
    let behind = |sign: &str| {
        let before = window[..middle].rfind(sign).map(|at| at + sign.len());
        let after = window[middle..].find(sign).map(|at| middle + at + sign.len());
        match (before, after) {
            (Some(before), Some(after)) => Some(if middle - before <= after - middle { before } else { after }),
            (before, after) => before.or(after),
        }
    };
    let cut = ["\n\n", "\n", ". ", "。", "} ", "},", " "].into_iter().find_map(behind);
    from + cut.unwrap_or(middle)
}

/// Names stretches of a file by their position. They must ascend.
struct Namer<'a> {
    text: &'a str,
    positions: &'a [(ByteSpan, Position)],
    /// Lines are counted up to here.
    at: usize,
    line: u32,
}

impl Namer<'_> {
    /// `lines 12-40`, `pages 3-9`, or `line 1, piece 2 of 40`.
    fn name(&mut self, span: ByteSpan, number: usize, all: usize) -> String {
        let first = self.number_at(span.start);
        let last = self.number_at(self.text.floor_char_boundary(span.end.saturating_sub(1)).max(span.start));
        let noun = match self.positions.first() {
            Some((_, Position::Page(_))) => "page",
            _ => "line",
        };
        if first == last {
            return format!("{noun} {first}, piece {number} of {all}");
        }
        format!("{noun}s {first}-{last}")
    }

    /// The line or page of byte `at`.
    fn number_at(&mut self, at: usize) -> u32 {
        if let Some((_, Position::Page(_))) = self.positions.first() {
            let after = self.positions.partition_point(|(span, _)| span.start <= at);
            return self.positions[after.saturating_sub(1)].1.number();
        }
        self.line += count_lines(&self.text.as_bytes()[self.at.min(at)..at]);
        self.at = at;
        self.positions.first().map_or(1, |(_, position)| position.number()) + self.line
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn divided(text: &str, outline: Vec<OutlineEntry>) -> Vec<OutlineEntry> {
        let mut outline = outline;
        let whole = ByteSpan { start: 0, end: text.len() };
        add_pieces(text, &[(whole, Position::Line(1))], &mut outline, false);
        outline
    }

    fn entry(title: &str, level: u8, start: usize) -> OutlineEntry {
        OutlineEntry { title: title.into(), level, span: ByteSpan { start, end: start } }
    }

    #[test]
    fn a_text_without_headings_is_cut_at_paragraphs() {
        let text = "One line of a paragraph.\nAnd another.\n\n".repeat(1000);
        let outline = divided(&text, Vec::new());
        assert_eq!(outline.len(), 5);
        assert_eq!((outline[0].title.as_str(), outline[0].level), ("lines 1-600", 1));
        assert!(
            outline
                .iter()
                .all(|entry| text[..entry.span.start].is_empty() || text[..entry.span.start].ends_with("\n\n"))
        );
        assert_eq!(outline[4].span.end, text.len());
        assert_eq!(divided("Short.\n", Vec::new()), []);
    }

    #[test]
    fn one_line_is_cut_between_words_or_anywhere() {
        for text in ["some words ".repeat(4000), "a".repeat(40_000), "é猫".repeat(10_000)] {
            let outline = divided(&text, Vec::new());
            assert!((3..=7).contains(&outline.len()), "{}", outline.len());
            assert_eq!(outline[1].title, format!("line 1, piece 2 of {}", outline.len()));
        }
    }

    #[test]
    fn only_a_long_chapter_is_cut_and_its_pieces_stand_below_it() {
        let short = "Words of it.\n\n".repeat(100);
        let long = "Words of it.\n\n".repeat(10_000);
        let text = format!("# A\n\n{short}# B\n\n{long}");
        let second = 5 + short.len();
        let outline = divided(&text, vec![entry("A", 1, 0), entry("B", 1, second)]);
        let inner: Vec<u8> = outline.iter().map(|entry| entry.level).collect();
        assert_eq!(outline[2].span.start, second, "the first piece begins with the heading");
        assert!(inner[2..].iter().all(|&level| level == 2) && inner.len() > 10, "{inner:?}");
    }

    #[test]
    fn a_huge_text_has_no_more_pieces_than_anyone_chooses_from() {
        assert_eq!(divided(&"2026-11-30 all is well\n".repeat(1 << 20), Vec::new()).len(), MOST_PIECES);
    }

    proptest! {
        #[test]
        fn cuts_are_at_letters_and_near(text in "[a-zé猫。. \n]{0,200}", near in 0..220_usize, reach in 0..40_usize) {
            let cut = cut_near(&text, near.min(text.len()), reach);
            prop_assert!(text.is_char_boundary(cut) && cut.abs_diff(near.min(text.len())) <= reach + 4);
        }
    }
}
