//! The open document: the reading position, scrolling, searching, marks.
//!
//! The position is a byte of the text, so it survives another width, another layout and a restart. A frame wraps only
//! what is visible, so it costs the same for a note and for a million tokens.
//!
//! | file | answers |
//! |---|---|
//! | [`book`] | which units is the text divided into, and what is the position of each? |
//! | [`kind`] | is a file prose, markdown or code? |
//! | [`look`] | which bytes of a unit are visible, and in which role? |
//! | [`mod@rows`] | how does a unit wrap at this width? |
//! | [`code`] | what is each word of code? |
//! | [`search`] | where does a text occur? |
//! | [`bookmarks`] | where are the marks, and where did the last jumps start? |
//!
//! It does not draw (`tui::view` does) and does not know the chat.

pub(super) mod book;
mod bookmarks;
pub(super) mod code;
mod kind;
pub(super) mod look;
pub(super) mod rows;
mod search;

use std::sync::Arc;

pub(super) use bookmarks::Bookmarks;
pub(super) use search::{DocumentSearch, pattern};

use self::book::{Book, floor_char_boundary};
use self::code::Highlighter;
use self::rows::{PageRow, rows};
use super::keymap::Scroll;
use crate::document::{ByteSpan, Document};

/// Rows kept above the target of a jump, for context.
const ABOVE: usize = 4;

/// An open document.
#[derive(Debug, Clone)]
pub(super) struct DocumentReader {
    pub book: Book,
    /// The first byte of the first visible row.
    top: usize,
    pub numbers: bool,
    pub search: DocumentSearch,
    pub bookmarks: Bookmarks,
    /// The passage of the last jump.
    pub found: Option<ByteSpan>,
    pub code: Highlighter,
    /// The rows of the page, as last laid out.
    pub page: Vec<PageRow>,
    /// The size of the text in cells and rows, as last laid out.
    size: (usize, usize),
    /// Where the last page begins, for a size.
    end: Option<((usize, usize), usize)>,
}

impl DocumentReader {
    /// Opens `document` at its beginning.
    pub(super) fn new(document: Arc<Document>) -> Self {
        Self {
            book: Book::new(document),
            top: 0,
            numbers: true,
            search: DocumentSearch::default(),
            bookmarks: Bookmarks::default(),
            found: None,
            code: Highlighter::default(),
            page: Vec::new(),
            size: (80, 24),
            end: None,
        }
    }

    /// Replaces the text, keeping the position as closely as possible. Clears the search.
    pub(super) fn reopen(&mut self, document: Arc<Document>) {
        let (top, marks) = (self.top(), std::mem::take(&mut self.bookmarks.marks));
        *self = Self::new(document);
        self.open_at(top);
        self.bookmarks.marks = marks;
    }

    /// Whether there is no text.
    pub(super) fn is_empty(&self) -> bool {
        self.book.is_empty()
    }

    /// The first byte of the first visible row.
    pub(super) fn top(&self) -> usize {
        self.top
    }

    /// The end of the last visible line.
    pub(super) fn page_end(&self) -> usize {
        self.page.last().map_or(self.top, |row| row.span.end)
    }

    /// Goes to a saved position.
    pub(super) fn open_at(&mut self, byte: usize) {
        let last = self.book.text().len().saturating_sub(1);
        self.top = floor_char_boundary(self.book.text(), byte.min(last));
    }

    /// Lays out a page of `cells` by `shown`.
    pub(super) fn lay_out(&mut self, cells: usize, shown: usize) {
        self.size = (cells, shown);
        self.page = if self.is_empty() { Vec::new() } else { self.rows_of_page() };
        let code = self.page.iter().filter(|row| row.is_code).map(|row| row.unit);
        self.code.prepare(&self.book, code);
    }

    fn rows_of_page(&mut self) -> Vec<PageRow> {
        let (cells, shown) = self.size;
        self.top = self.top.min(self.known_end());
        let (unit, row) = self.place();
        let mut page: Vec<PageRow> = rows(&self.book, unit, cells).split_off(row);
        let mut unit = unit + 1;
        while page.len() < shown && unit < self.book.len() {
            page.extend(rows(&self.book, unit, cells));
            unit += 1;
        }
        page.truncate(shown);
        self.top = page.first().map_or(0, |row| row.span.start);
        page
    }

    pub(super) fn scroll(&mut self, scroll: Scroll) {
        let shown = self.size.1.max(1);
        match scroll {
            Scroll::Up => self.up(1),
            Scroll::Down => self.down(1),
            Scroll::HalfUp => self.up(shown / 2),
            Scroll::HalfDown => self.down(shown / 2),
            Scroll::PageUp => self.up(shown.saturating_sub(2).max(1)),
            Scroll::PageDown => self.down(shown.saturating_sub(2).max(1)),
            Scroll::Top => self.leap(0),
            Scroll::Bottom => {
                let end = self.known_end();
                self.leap(end);
            }
        }
    }

    /// Jumps to `span`; `back` returns.
    pub(super) fn go_to(&mut self, span: ByteSpan) {
        self.found = Some(span);
        self.look_at(span.start);
    }

    /// Shows `byte`; the page stays if it is visible already.
    pub(super) fn look_at(&mut self, byte: usize) {
        if self.is_empty() || self.is_shown(byte) {
            return;
        }
        self.bookmarks.leave(self.top);
        self.top = byte;
        self.top = self.row_start();
        self.up(ABOVE.min(self.size.1 / 4));
    }

    /// Goes to the next heading; or to the start of this section, or of the previous one if already there.
    pub(super) fn go_to_part(&mut self, forward: bool) {
        let outline = &self.book.document().outline;
        let (_, row_end) = self.first_row();
        let start = if forward {
            outline.iter().map(|entry| entry.span.start).find(|&start| start >= row_end)
        } else {
            outline.iter().rev().map(|entry| entry.span.start).find(|&start| start < self.top)
        };
        if let Some(start) = start {
            self.leap(start);
        }
    }

    pub(super) fn back(&mut self) {
        if let Some(byte) = self.bookmarks.back(self.top) {
            self.top = byte;
        }
    }

    pub(super) fn forward(&mut self) {
        if let Some(byte) = self.bookmarks.forward(self.top) {
            self.top = byte;
        }
    }

    pub(super) fn set_mark(&mut self, name: char) {
        self.bookmarks.marks.insert(name, self.top);
    }

    /// Goes to a mark; `'` is the position before the last jump. Returns false if there is no such mark.
    pub(super) fn go_to_mark(&mut self, name: char) -> bool {
        if name == '\'' {
            self.back();
            return true;
        }
        let Some(&byte) = self.bookmarks.marks.get(&name) else { return false };
        self.leap(byte.min(self.book.text().len().saturating_sub(1)));
        true
    }

    /// Searches for `needle` and shows the first hit from the page on.
    pub(super) fn search_for(&mut self, needle: &str) {
        self.search = DocumentSearch::for_text(self.book.text(), needle);
        self.search.select_from(self.top);
        self.show_hit();
    }

    pub(super) fn next_hit(&mut self, step: isize) {
        self.search.step(step);
        self.show_hit();
    }

    pub(super) fn show_hit(&mut self) {
        if let Some(hit) = self.search.selected() {
            self.go_to(hit);
        }
    }

    /// The share of the document above the page, from 0 to 1.
    pub(super) fn share(&self) -> f64 {
        self.top as f64 / self.book.text().len().max(1) as f64
    }

    /// Shows the section that begins at `byte`, with its heading.
    pub(super) fn open_part(&mut self, byte: usize) {
        self.leap(byte);
    }

    /// Jumps; `back` returns.
    fn leap(&mut self, byte: usize) {
        if byte != self.top {
            self.bookmarks.leave(self.top);
            self.top = byte;
        }
    }

    /// The unit of the first visible row, and the row in it.
    fn place(&self) -> (usize, usize) {
        let unit = self.book.unit_at(self.top);
        let rows = rows(&self.book, unit, self.size.0);
        let row = rows.iter().rposition(|row| row.span.start <= self.top).unwrap_or(0);
        (unit, row)
    }

    fn row_start(&self) -> usize {
        self.first_row().0
    }

    /// Where the first visible row begins, and the next one.
    fn first_row(&self) -> (usize, usize) {
        let (unit, row) = self.place();
        let rows = rows(&self.book, unit, self.size.0);
        let next_unit = if unit + 1 < self.book.len() { self.book.span(unit + 1).start } else { usize::MAX };
        (rows[row].span.start, rows.get(row + 1).map_or(next_unit, |next| next.span.start))
    }

    fn is_shown(&self, byte: usize) -> bool {
        let (mut unit, row) = self.place();
        let mut left = self.size.1.saturating_sub(1);
        let mut page = rows(&self.book, unit, self.size.0).split_off(row);
        while page.len() <= left && unit + 1 < self.book.len() {
            left -= page.len();
            unit += 1;
            page = rows(&self.book, unit, self.size.0);
        }
        let end = page.get(left.min(page.len() - 1)).map_or(self.top, |last| last.span.end);
        (self.top..=end).contains(&byte)
    }

    fn up(&mut self, count: usize) {
        let (mut unit, mut row) = self.place();
        for _ in 0..count {
            if row > 0 {
                row -= 1;
            } else if unit > 0 {
                unit -= 1;
                row = rows(&self.book, unit, self.size.0).len() - 1;
            }
        }
        self.top = rows(&self.book, unit, self.size.0)[row].span.start;
    }

    fn down(&mut self, count: usize) {
        let (mut unit, row) = self.place();
        let mut row = row + count;
        loop {
            let rows = rows(&self.book, unit, self.size.0);
            if row < rows.len() || unit + 1 == self.book.len() {
                self.top = rows[row.min(rows.len() - 1)].span.start.min(self.known_end());
                return;
            }
            row -= rows.len();
            unit += 1;
        }
    }

    /// [`Self::last_top`], cached for the size.
    fn known_end(&mut self) -> usize {
        match self.end {
            Some((size, end)) if size == self.size => end,
            _ => {
                let end = self.last_top();
                self.end = Some((self.size, end));
                end
            }
        }
    }

    /// Where the last page begins.
    fn last_top(&self) -> usize {
        let (cells, shown) = self.size;
        let mut left = shown.max(1);
        for unit in (0..self.book.len()).rev() {
            let rows = rows(&self.book, unit, cells);
            if rows.len() >= left {
                return rows[rows.len() - left].span.start;
            }
            left -= rows.len();
        }
        0
    }
}

#[cfg(test)]
mod tests;
