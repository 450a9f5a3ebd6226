//! Builds running text for formats that have markup instead of lines: words, paragraphs, headings, lists, tables, code.
//!
//! A reader of HTML or DOCX calls *text*, *block*, *heading of level 2*, *next cell*. White space is decided here, and
//! only when the next word arrives, so that ten nested empty blocks make one blank line.
//!
//! Example: a heading of level 2 `Of Cats`, a row of the cells `a` and `b`, and an item give
//! `## Of Cats\n\na | b\n\n- item\n`. A row that contains a heading, code or another table is layout: its cells are
//! written one below the other.
//!
//! Marks (headings, anchors) record where the next word will be. At the end, each is moved to the start of its line,
//! because documents are cut there. Everything takes time in proportion to the text, however deep the nesting: indents
//! and nested tables are limited to [`DEEPEST`].

use std::borrow::Cow;

use crate::controls::without_controls;
use crate::outline::{OutlineEntry, close_spans};
use crate::span::ByteSpan;

/// Maximum depth of indents and nested tables. Anything deeper is written at this depth. Hostile pages nest a hundred
/// thousand levels.
const DEEPEST: usize = 8;

/// A longer heading was probably never closed. What follows is text.
const LONGEST_HEADING: usize = 400;

/// A longer row is not readable as one line.
const LONGEST_ROW: usize = 4000;

/// Text beyond this is not kept. A file of a few kilobytes may ask for a long text again and again.
pub(super) const MOST_TEXT_BYTES: usize = if cfg!(test) { 16 << 20 } else { 256 << 20 };

/// More empty cells at the end of a row are not written: they come from cells that say they span a hundred columns.
const MOST_EMPTY_AT_END: usize = 8;

/// Separates the cells of an open row. It is never part of the text, because control characters are replaced before.
const CELL: char = '\u{1f}';

/// The white space that goes before the next word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Gap {
    #[default]
    None,
    Space,
    Line,
    Paragraph,
}

/// The text so far, and its open elements.
#[derive(Debug, Default)]
pub(super) struct Flow {
    text: String,
    gap: Gap,
    /// Start of the open cell's text, or 0. The first word after it gets no white space.
    floor: usize,
    /// Goes before the next word, at the start of its line: `- `, `12. `, `## `.
    marker: String,
    depth: usize,
    rows: Vec<OpenRow>,
    verbatim: usize,
    /// White space at the start of code, held until a word follows.
    lead: String,
    /// What the lines of the open code are indented by: those of an item stand below it.
    code_indent: usize,
    marks: Vec<PlacedMark>,
    heading: Option<OpenHeading>,
    control_characters: u64,
}

/// A heading or an anchor at a place of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PlacedMark {
    at: usize,
    what: MarkKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum MarkKind {
    Heading { level: u8, title: String },
    Anchor(String),
}

#[derive(Debug)]
struct OpenHeading {
    mark: usize,
    start: usize,
}

#[derive(Debug)]
struct OpenRow {
    start: usize,
    cells: usize,
    /// The values before the row began.
    gap: Gap,
    floor: usize,
    is_layout: bool,
}

/// The finished text.
#[derive(Debug)]
pub(super) struct Flowed {
    /// Ends with a line end, unless it is empty.
    pub text: String,
    marks: Vec<PlacedMark>,
    pub control_characters: u64,
}

impl Flow {
    /// Appends words. White space between them becomes a space, except in code.
    pub(super) fn text(&mut self, text: &str) {
        if self.is_full() {
            return;
        }
        let text = self.harmless(text);
        if self.verbatim > 0 { self.code(&text) } else { self.words(&text) }
    }

    /// Whether no more text is kept. A file with so much text is refused.
    pub(super) const fn is_full(&self) -> bool {
        self.text.len() > MOST_TEXT_BYTES
    }

    /// Puts a blank line before what follows.
    pub(super) fn block(&mut self) {
        // `<li><p>`: the paragraph begins on the line of the item's marker.
        if self.marker.is_empty() {
            self.gap = self.gap.max(Gap::Paragraph);
        }
    }

    /// Starts a new line before what follows.
    pub(super) fn line(&mut self) {
        self.gap = self.gap.max(Gap::Line);
    }

    /// An explicit line break. Two of them leave a blank line.
    pub(super) fn line_break(&mut self) {
        if self.verbatim > 0 {
            self.code("\n");
        } else {
            self.gap = if self.gap >= Gap::Line { Gap::Paragraph } else { Gap::Line };
        }
    }

    /// Puts a space before what follows.
    pub(super) fn space(&mut self) {
        self.gap = self.gap.max(Gap::Space);
    }

    /// Begins a heading; level 1 is the outermost. Ends a heading that is still open.
    pub(super) fn begin_heading(&mut self, level: u8) {
        self.end_heading();
        self.marker.clear();
        self.block();
        self.spoil_row();
        self.marker = format!("{} ", "#".repeat(usize::from(level.clamp(1, 6))));
        self.heading = Some(OpenHeading { mark: self.marks.len(), start: self.text.len() });
        self.marks.push(PlacedMark { at: self.text.len(), what: MarkKind::Heading { level, title: String::new() } });
    }

    /// Ends the heading. A heading without words is dropped.
    pub(super) fn end_heading(&mut self) {
        let Some(open) = self.heading.take() else { return };
        let written = self.text.get(open.start..).unwrap_or_default();
        let title = written.trim().trim_start_matches('#').split_whitespace().collect::<Vec<_>>().join(" ");
        if title.is_empty() {
            self.marker.clear();
            self.marks.remove(open.mark);
        } else if let MarkKind::Heading { title: empty, .. } = &mut self.marks[open.mark].what {
            *empty = title;
        }
        self.block();
    }

    /// Sets how many lists what follows is in.
    pub(super) fn set_depth(&mut self, depth: usize) {
        self.depth = depth.min(DEEPEST);
    }

    /// Begins a list item with its marker: `- `, `3. `.
    pub(super) fn item(&mut self, marker: &str) {
        self.line();
        self.marker = self.harmless(marker).into_owned();
    }

    /// Ends the item. An item without words is dropped.
    pub(super) fn end_item(&mut self) {
        self.marker.clear();
    }

    pub(super) fn begin_code(&mut self) {
        self.block();
        self.spoil_row();
        self.verbatim += 1;
        let marker = self.marker.chars().count();
        self.code_indent = if marker > 0 { self.depth.saturating_sub(1) * 2 + marker } else { self.depth * 2 };
    }

    pub(super) fn end_code(&mut self) {
        self.verbatim = self.verbatim.saturating_sub(1);
        if self.verbatim == 0 {
            self.lead.clear();
            self.text.truncate(self.text.trim_end().len().max(self.floor));
            self.block();
        }
    }

    /// Begins a row. Returns false if the table is deeper than [`DEEPEST`]; there is no row to end then.
    pub(super) fn begin_row(&mut self) -> bool {
        self.end_heading();
        self.line();
        if self.rows.len() == DEEPEST {
            return false;
        }
        self.spoil_row();
        self.rows.push(OpenRow {
            start: self.text.len(),
            cells: 0,
            gap: self.gap,
            floor: self.floor,
            is_layout: false,
        });
        self.floor = self.text.len();
        self.gap = Gap::None;
        true
    }

    pub(super) fn begin_cell(&mut self) {
        self.end_heading();
        let Some(row) = self.rows.last_mut() else { return };
        row.cells += 1;
        if row.cells > 1 {
            self.text.push(CELL);
            self.floor = self.text.len();
        }
        self.gap = Gap::None;
    }

    /// Ends the row: its cells become a line.
    pub(super) fn end_row(&mut self) {
        self.end_heading();
        let Some(row) = self.rows.pop() else { return };
        let cells = self.text.split_off(row.start);
        (self.floor, self.gap) = (row.floor, row.gap);
        if row.is_layout || cells.len() > LONGEST_ROW {
            self.write_blocks(row.start, &cells);
        } else {
            self.write_line(row.start, &cells);
        }
        self.line();
    }

    /// Sets an anchor at the next word.
    pub(super) fn anchor(&mut self, name: String) {
        self.marks.push(PlacedMark { at: self.text.len(), what: MarkKind::Anchor(name) });
    }

    /// Bytes written so far, without pending white space.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// What was written from byte `start` on.
    pub(super) fn written_from(&self, start: usize) -> &str {
        self.text.get(start..).unwrap_or_default()
    }

    /// Inserts `sign` at `start`. No mark may be after it.
    pub(super) fn insert(&mut self, start: usize, sign: &str) {
        self.text.insert_str(start, sign);
    }

    /// Ends everything that is open.
    pub(super) fn finish(mut self) -> Flowed {
        while !self.rows.is_empty() {
            self.end_row();
        }
        self.end_heading();
        self.text.truncate(self.text.trim_end().len());
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        settle(&mut self.marks, &self.text);
        Flowed { text: self.text, marks: self.marks, control_characters: self.control_characters }
    }

    fn harmless<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        let (harmless, replaced) = without_controls(text);
        self.control_characters += replaced;
        harmless
    }

    fn words(&mut self, text: &str) {
        for (index, word) in text.split(is_space).enumerate() {
            if index > 0 {
                self.space();
            }
            if !word.is_empty() {
                self.word(word);
            }
        }
    }

    fn word(&mut self, word: &str) {
        self.open();
        push_without_soft_hyphens(&mut self.text, word);
        if self.heading.as_ref().is_some_and(|heading| self.text.len() - heading.start > LONGEST_HEADING) {
            self.end_heading();
        }
    }

    /// Appends code. Line breaks and indents stay, blank lines before it are dropped.
    fn code(&mut self, text: &str) {
        self.lead.push_str(text);
        let words = self.lead.trim_start_matches(is_space);
        if self.gap == Gap::None && self.text.len() > self.floor {
            // In the middle of the code, nothing is held back.
        } else if words.is_empty() {
            return;
        } else {
            let indent = self.lead.len() - words.len();
            let line = self.lead[..indent].rfind('\n').map_or(0, |newline| newline + 1);
            self.lead.drain(..line);
            self.open();
        }
        let code = std::mem::take(&mut self.lead).replace('\u{a0}', " ");
        let indent = " ".repeat(self.code_indent);
        for (index, line) in code.split('\n').enumerate() {
            if index > 0 {
                self.text.push('\n');
            }
            let begins_line = index > 0 || self.text.ends_with('\n');
            if begins_line && !line.is_empty() {
                self.text.push_str(&indent);
            }
            push_without_soft_hyphens(&mut self.text, line);
        }
    }

    /// Writes the pending white space, and the marker of an item or heading.
    fn open(&mut self) {
        // A heading is a single line.
        let in_heading = self.heading.is_some() && self.marker.is_empty();
        let gap = if in_heading { self.gap.min(Gap::Space) } else { self.gap };
        self.gap = Gap::None;
        let is_start = self.text.len() == self.floor;
        if !is_start {
            self.write_gap(gap);
        }
        if is_start || gap >= Gap::Line {
            let indent = if self.marker.is_empty() { self.depth } else { self.depth.saturating_sub(1) };
            let indent = if self.heading.is_some() { 0 } else { indent };
            self.text.extend(std::iter::repeat_n("  ", indent));
            self.text.push_str(&std::mem::take(&mut self.marker));
        }
    }

    fn write_gap(&mut self, gap: Gap) {
        let ends = self.text[self.floor..].bytes().rev().take(2).take_while(|&byte| byte == b'\n').count();
        match gap {
            Gap::Space if ends == 0 => self.text.push(' '),
            Gap::Line => self.text.push_str(&"\n"[ends.min(1)..]),
            Gap::Paragraph => self.text.push_str(&"\n\n"[ends..]),
            Gap::None | Gap::Space => {}
        }
    }

    /// Makes the open row layout, because what follows does not fit into a line.
    fn spoil_row(&mut self) {
        if let Some(row) = self.rows.last_mut() {
            row.is_layout = true;
        }
    }

    fn write_line(&mut self, start: usize, cells: &str) {
        let cell = |cell: &str| cell.split_whitespace().collect::<Vec<_>>().join(" ");
        let cells: Vec<String> = cells.split(CELL).map(cell).collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            self.open();
            let line = self.text.len();
            let used = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
            let written = if cells.len() - used > MOST_EMPTY_AT_END { used } else { cells.len() };
            self.text.push_str(cells[..written].join(" | ").trim_end());
            self.move_marks(start, |_| line);
        } else {
            self.move_marks(start, |_| start);
        }
    }

    fn write_blocks(&mut self, start: usize, cells: &str) {
        let mut places = Vec::new();
        let mut from = start;
        for cell in cells.split(CELL) {
            let kept = cell.trim_matches('\n').trim_end();
            if !kept.trim().is_empty() {
                self.open();
                places.push((from + (cell.len() - cell.trim_start_matches('\n').len()), self.text.len()));
                self.text.push_str(kept);
                self.gap = Gap::Paragraph;
            }
            from += cell.len() + CELL.len_utf8();
        }
        let end = self.text.len();
        self.move_marks(start, |at| {
            let place = places.iter().rev().find(|(from, _)| *from <= at);
            place.map_or(start, |(from, to)| to + (at - from)).min(end)
        });
    }

    fn move_marks(&mut self, from: usize, to: impl Fn(usize) -> usize) {
        let first = self.marks.partition_point(|mark| mark.at < from);
        self.marks[first..].iter_mut().for_each(|mark| mark.at = to(mark.at));
    }
}

impl Flowed {
    /// The headings, as an outline.
    pub(super) fn outline(&self) -> Vec<OutlineEntry> {
        let entry = |mark: &PlacedMark| match &mark.what {
            MarkKind::Heading { level, title } => {
                let span = ByteSpan { start: mark.at, end: mark.at };
                Some(OutlineEntry { title: title.clone(), level: *level, span })
            }
            MarkKind::Anchor(_) => None,
        };
        let mut outline: Vec<OutlineEntry> = self.marks.iter().filter_map(entry).collect();
        close_spans(&mut outline, self.text.len());
        outline
    }

    /// The anchors, each with the start of its line.
    pub(super) fn anchors(&self) -> impl Iterator<Item = (&str, usize)> {
        self.marks.iter().filter_map(|mark| match &mark.what {
            MarkKind::Anchor(name) => Some((name.as_str(), mark.at)),
            MarkKind::Heading { .. } => None,
        })
    }
}

/// Text that is laid out already, without control characters, and with one line end at its end.
pub(super) fn paged(text: &str) -> Flowed {
    let (harmless, control_characters) = without_controls(text);
    let mut text = harmless.trim_end().to_owned();
    if !text.is_empty() {
        text.push('\n');
    }
    Flowed { text, marks: Vec::new(), control_characters }
}

/// Moves each mark to the next word, and from there to the start of the line. Visits each byte at most twice.
fn settle(marks: &mut [PlacedMark], text: &str) {
    let bytes = text.as_bytes();
    let (mut known, mut word) = (bytes.len(), bytes.len());
    for mark in marks.iter_mut().rev() {
        let at = mark.at.min(known);
        let next = bytes[at..known].iter().position(|byte| !byte.is_ascii_whitespace());
        word = next.map_or(word, |next| at + next);
        known = at;
        mark.at = word;
    }
    let (mut seen, mut line) = (0, 0);
    for mark in marks {
        line = bytes[seen..mark.at].iter().rposition(|&byte| byte == b'\n').map_or(line, |newline| seen + newline + 1);
        seen = mark.at;
        mark.at = line;
    }
}

/// White space between words. A no-break space counts, too: lines are not broken here, and models rarely see it.
fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\n' | '\t' | '\r' | '\u{c}' | '\u{a0}')
}

/// A soft hyphen only marks where a line may be broken. Searches do not find words that contain one.
fn push_without_soft_hyphens(text: &mut String, words: &str) {
    text.extend(words.split('\u{ad}'));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Flow)) -> Flowed {
        let mut flow = Flow::default();
        write(&mut flow);
        flow.finish()
    }

    fn row(flow: &mut Flow, cells: &[&str]) {
        assert!(flow.begin_row());
        for cell in cells {
            flow.begin_cell();
            flow.text(cell);
        }
        flow.end_row();
    }

    #[test]
    fn white_space_is_decided_by_the_next_word() {
        let flowed = written(|flow| {
            flow.block();
            flow.text("  one\n two ");
            flow.line();
            flow.block();
            flow.block();
            flow.text(" \n");
            flow.text("three\u{a0}fo\u{ad}ur");
            flow.block();
        });
        assert_eq!(flowed.text, "one two\n\nthree four\n");
    }

    #[test]
    fn a_row_is_a_line_and_empty_cells_keep_their_column() {
        let flowed = written(|flow| {
            row(flow, &["a", "b\nc", "d"]);
            row(flow, &["", "", ""]);
            row(flow, &["e", "", "f"]);
        });
        assert_eq!(flowed.text, "a | b c | d\ne |  | f\n");
    }

    #[test]
    fn a_row_with_a_table_in_it_is_layout() {
        let flowed = written(|flow| {
            flow.text("before");
            flow.begin_row();
            flow.begin_cell();
            row(flow, &["a", "b"]);
            row(flow, &["c", "d"]);
            flow.begin_cell();
            flow.text("beside");
            flow.end_row();
        });
        assert_eq!(flowed.text, "before\na | b\nc | d\n\nbeside\n");
    }

    #[test]
    fn marks_in_rows_lead_to_their_lines() {
        let flowed = written(|flow| {
            flow.text("before");
            flow.begin_row();
            flow.begin_cell();
            flow.text("menu");
            flow.begin_cell();
            flow.text("words");
            flow.begin_heading(2);
            flow.text("Title");
            flow.end_heading();
            flow.text("text");
            flow.end_row();
            flow.begin_row();
            flow.begin_cell();
            flow.text("x");
            flow.begin_cell();
            flow.anchor("y".into());
            flow.text("y");
            flow.end_row();
        });
        assert_eq!(flowed.text, "before\nmenu\n\nwords\n\n## Title\n\ntext\n\nx | y\n");
        let title = flowed.outline()[0].span.start;
        assert_eq!(&flowed.text[title..], "## Title\n\ntext\n\nx | y\n");
        let (_, anchor) = flowed.anchors().next().expect("one anchor");
        assert_eq!(&flowed.text[anchor..], "x | y\n");
    }

    #[test]
    fn code_keeps_its_lines_and_indents_but_no_blank_lines_around() {
        let flowed = written(|flow| {
            flow.text("see");
            flow.begin_code();
            flow.text("\n\n  ");
            flow.text("let x;\n\n");
            flow.text("    y\n\n");
            flow.end_code();
            flow.text("and");
        });
        assert_eq!(flowed.text, "see\n\n  let x;\n\n    y\n\nand\n");
    }

    #[test]
    fn a_heading_without_words_leaves_nothing() {
        let flowed = written(|flow| {
            flow.begin_heading(1);
            flow.text(" ");
            flow.end_heading();
            flow.text("text");
        });
        assert_eq!((flowed.text.as_str(), flowed.outline()), ("text\n", vec![]));
    }

    #[test]
    fn a_heading_that_never_ends_becomes_text() {
        let flowed = written(|flow| {
            flow.begin_heading(1);
            flow.text(&"word ".repeat(1000));
            flow.block();
            flow.text("more");
        });
        assert!(flowed.outline()[0].title.len() <= LONGEST_HEADING + 10, "{}", flowed.outline()[0].title.len());
        assert!(flowed.text.ends_with("word\n\nmore\n"));
    }

    #[test]
    fn escapes_are_shown_and_counted() {
        let flowed = written(|flow| flow.text("a\u{1b}[31mb\u{1f}"));
        assert_eq!((flowed.text.as_str(), flowed.control_characters), ("a␛[31mb␟\n", 2));
    }
}
