//! Divides the document into units that are wrapped one by one.
//!
//! A unit ([`Unit`]) is a line of text, or a paragraph of prose that was hard-wrapped for another width. One of more
//! than [`LONGEST`] bytes is cut at spaces, so that no frame wraps more than the visible text and one unit. One pass on
//! opening finds all units: the 5 MB of a million tokens have about 100,000, at 16 bytes each. All other queries take a
//! byte offset and logarithmic time.

use std::ops::Range;
use std::sync::Arc;

use unicode_segmentation::UnicodeSegmentation;

use super::kind::{Fence, TextKind, fences};
use crate::document::{ByteSpan, Document, Position};

/// Most bytes of a unit; a paragraph of a novel has a few hundred.
const LONGEST: usize = 4096;

/// A line of prose is full if the next word would not have fit: books are set in 65 to 80 columns.
const FULL_LINE: usize = 60;

/// A line, a paragraph, or a piece of a long one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) struct Unit {
    pub start: usize,
    /// Which line of the text, from 0.
    pub line: usize,
}

/// A document that is ready for display.
#[derive(Debug, Clone)]
pub(in crate::tui) struct Book {
    document: Arc<Document>,
    units: Vec<Unit>,
    /// The kind of each source, and the line on which it begins.
    sources: Vec<(TextKind, usize)>,
    fences: Vec<Fence>,
    widest: Option<Position>,
}

impl Book {
    pub(in crate::tui) fn new(document: Arc<Document>) -> Self {
        let prose = prose(&document);
        let is_prose = |byte: usize| {
            let before = prose.partition_point(|span| span.start <= byte);
            before > 0 && prose[before - 1].contains(byte)
        };
        let units = units(&document.text, |start, line, next| is_prose(start) && goes_on(line, next));
        let line_at = |byte: usize| units[units.partition_point(|unit| unit.start <= byte).max(1) - 1].line;
        let described = document.sources.iter().map(|source| (TextKind::of(source), line_at(source.span.start)));
        let sources: Vec<(TextKind, usize)> = if units.is_empty() { Vec::new() } else { described.collect() };
        let fences = fences(&document, &sources);
        let mut book = Self { document, units, sources, fences, widest: None };
        book.widest = book.greatest_position();
        book
    }

    pub(in crate::tui) fn text(&self) -> &str {
        &self.document.text
    }

    pub(in crate::tui) fn document(&self) -> &Document {
        &self.document
    }

    pub(in crate::tui) fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// The number of units.
    pub(in crate::tui) fn len(&self) -> usize {
        self.units.len()
    }

    /// The bytes of a unit, without the line break.
    pub(in crate::tui) fn span(&self, unit: usize) -> ByteSpan {
        let start = self.units[unit].start;
        let end = self.units.get(unit + 1).map_or(self.text().len(), |next| next.start);
        let content = self.text()[start..end].trim_end_matches('\n').len();
        ByteSpan { start, end: start + content }
    }

    /// The unit that contains `byte`.
    pub(in crate::tui) fn unit_at(&self, byte: usize) -> usize {
        self.units.partition_point(|unit| unit.start <= byte).max(1) - 1
    }

    /// Whether a line begins with this unit.
    pub(in crate::tui) fn begins_a_line(&self, unit: usize) -> bool {
        unit == 0 || self.units[unit - 1].line != self.units[unit].line
    }

    /// The position of a byte in its file; `None` on the line that names a file.
    pub(in crate::tui) fn position_at(&self, byte: usize) -> Option<Position> {
        let unit = self.unit_at(byte);
        let further = self.text()[self.units[unit].start..byte].matches('\n').count() as u32;
        Some(self.position(unit)?.further(further))
    }

    /// The position with the greatest number, over all files.
    pub(in crate::tui) fn widest_position(&self) -> Option<Position> {
        self.widest
    }

    /// The position of a unit in its file; `None` on the line that names a file and the empty line before it.
    pub(in crate::tui) fn position(&self, unit: usize) -> Option<Position> {
        let source = self.source_of(unit)?;
        if self.units[unit].start >= self.document.sources[source].span.end {
            return None;
        }
        let (_, first_line) = self.sources[source];
        let further = self.units[unit].line.saturating_sub(first_line) as u32;
        Some(self.document.sources[source].position.further(further))
    }

    /// The greatest of the files' last positions.
    fn greatest_position(&self) -> Option<Position> {
        let ends = self.document.sources.iter().map(|source| self.unit_at(source.span.end.saturating_sub(1)));
        let ends = ends.filter(|&unit| unit < self.len()).filter_map(|unit| self.position(unit));
        ends.max_by_key(|position| position.number())
    }

    /// The file that contains `byte`, or that is named there.
    pub(in crate::tui) fn file_at(&self, byte: usize) -> Option<&str> {
        let sources = &self.document.sources;
        let at = sources.partition_point(|source| source.span.end <= byte);
        sources.get(at).or(sources.last()).map(|source| source.name.as_str())
    }

    /// The kind of a unit.
    pub(in crate::tui) fn kind(&self, unit: usize) -> TextKind {
        self.source_of(unit).map_or(TextKind::FileName, |source| self.sources[source].0)
    }

    /// The fenced code block that contains `byte`.
    pub(in crate::tui) fn fence_at(&self, byte: usize) -> Option<&Fence> {
        let after = self.fences.partition_point(|fence| fence.span.start <= byte);
        self.fences[..after].last().filter(|fence| fence.span.contains(byte))
    }

    /// The units of the file that contains `unit`.
    pub(in crate::tui) fn units_of_source(&self, unit: usize) -> Range<usize> {
        let span = self.source_of(unit).map(|source| self.document.sources[source].span);
        span.map_or(unit..unit + 1, |span| self.unit_at(span.start)..self.unit_at(span.end.saturating_sub(1)) + 1)
    }

    /// Whether an outline entry begins with this unit.
    pub(in crate::tui) fn is_heading(&self, unit: usize) -> bool {
        let span = self.span(unit);
        let outline = &self.document.outline;
        let from = outline.partition_point(|entry| entry.span.start < span.start);
        !span.is_empty() && outline.get(from).is_some_and(|entry| entry.span.start < span.end)
    }

    /// The innermost outline entry that contains `byte`.
    pub(in crate::tui) fn entry_at(&self, byte: usize) -> Option<usize> {
        let after = self.document.outline.partition_point(|entry| entry.span.start <= byte);
        (0..after).rev().find(|&entry| self.document.outline[entry].span.contains(byte))
    }

    fn source_of(&self, unit: usize) -> Option<usize> {
        let start = self.units[unit].start;
        let after = self.document.sources.partition_point(|source| source.span.start <= start);
        let source = after.checked_sub(1)?;
        // An empty line at the end of a file belongs to it.
        (start <= self.document.sources[source].span.end).then_some(source)
    }
}

/// The spans of running text.
fn prose(document: &Document) -> Vec<ByteSpan> {
    let sources = document.sources.iter().filter(|source| TextKind::of(source) == TextKind::Prose);
    sources.map(|source| source.span).collect()
}

/// Whether a line of prose was hard-wrapped, so that the next line continues the paragraph. Verse and lists, with short
/// or indented lines, stay as they are.
fn goes_on(line: &str, next: &str) -> bool {
    let is_flush = |line: &str| line.starts_with(|c: char| !c.is_whitespace());
    let first_word = next.split_whitespace().next().unwrap_or_default();
    is_flush(line) && is_flush(next) && line.len() + 1 + first_word.len() > FULL_LINE
}

/// All units of `text`. `joins` decides for a line (its first byte, the line, the next line) whether both are one unit.
fn units(text: &str, joins: impl Fn(usize, &str, &str) -> bool) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut start = 0;
    let mut goes_on = false;
    let mut lines = text.split_inclusive('\n').enumerate().peekable();
    while let Some((line, content)) = lines.next() {
        let joined = goes_on && units.last().is_some_and(|unit: &Unit| start - unit.start + content.len() <= LONGEST);
        let mut rest = content;
        let mut begin = start;
        while rest.len() > LONGEST {
            units.push(Unit { start: begin, line });
            let cut = cut(rest);
            begin += cut;
            rest = &rest[cut..];
        }
        if !joined {
            units.push(Unit { start: begin, line });
        }
        goes_on = lines.peek().is_some_and(|(_, next)| joins(start, content.trim_end(), next));
        start += content.len();
    }
    units
}

/// The last character boundary of `text` up to `byte`.
pub(super) fn floor_char_boundary(text: &str, byte: usize) -> usize {
    (0..=byte.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// Where the first piece of a long line ends: after a space, else between two characters.
fn cut(line: &str) -> usize {
    let most = floor_char_boundary(line, LONGEST);
    let space = line[..most].rfind(' ').map(|space| space + 1);
    space.unwrap_or_else(|| {
        let pictures = line[..most].grapheme_indices(true);
        pictures.map(|(at, _)| at).next_back().filter(|&at| at > 0).unwrap_or(most)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(text: &str) -> Vec<(usize, usize)> {
        units(text, |_, _, _| false).iter().map(|unit| (unit.start, unit.line)).collect()
    }

    #[test]
    fn a_unit_is_a_line() {
        assert_eq!(starts("ab\n\nc"), [(0, 0), (3, 1), (4, 2)]);
        assert_eq!(starts(""), []);
    }

    #[test]
    fn a_long_line_is_several_units_that_together_are_the_line() {
        let line = "真理 words ".repeat(3_000) + "\nnext";
        let units = units(&line, |_, _, _| false);
        assert!(units.len() > 8, "{} units", units.len());
        assert!(units.windows(2).all(|pair| pair[1].start - pair[0].start <= LONGEST));
        assert!(units[1..units.len() - 1].iter().all(|unit| line[..unit.start].ends_with(' ')));
        assert_eq!((units[0].line, units[units.len() - 2].line, units[units.len() - 1].line), (0, 0, 1));
    }

    #[test]
    fn full_lines_of_prose_are_one_paragraph_and_verse_is_left_alone() {
        let text = format!(
            "{}\n{}\nend.\n\nRoses are red,\nviolets are blue.\n  {}\nx\n",
            "w ".repeat(34),
            "v ".repeat(32),
            "u ".repeat(34)
        );
        let paragraphs = |start: usize, line: &str, next: &str| start < text.len() && goes_on(line, next);
        let lines: Vec<usize> = units(&text, paragraphs).iter().map(|unit| unit.line).collect();
        assert_eq!(lines, [0, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn a_long_word_is_cut_between_characters() {
        let text = "真".repeat(5_000);
        assert!(units(&text, |_, _, _| false).iter().all(|unit| text.is_char_boundary(unit.start)));
    }
}
