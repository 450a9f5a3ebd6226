//! The reader's keys: contents, search, marks, jumps.

use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui_textarea::TextArea;

use super::super::keymap::{Intent, Place};
use super::question::{line_box, type_in_line};
use super::{List, ListOf, Overlay, Screen};
use crate::document::ByteSpan;

/// What is searched for, as it is typed.
#[derive(Debug, Clone)]
pub(in crate::tui) struct SearchEntry {
    pub input: TextArea<'static>,
    /// Where the search began, to go back to.
    from: From,
}

/// Where a search begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    /// A byte of the document.
    Document(usize),
    /// A line of the transcript; `None` is its end.
    Transcript(Option<usize>),
}

impl SearchEntry {
    pub(in crate::tui) fn text(&self) -> &str {
        &self.input.lines()[0]
    }

    pub(super) fn in_transcript(line: Option<usize>) -> Self {
        Self { input: line_box(), from: From::Transcript(line) }
    }

    pub(in crate::tui) fn is_in_transcript(&self) -> bool {
        matches!(self.from, From::Transcript(_))
    }

    /// The line of the transcript where it began.
    pub(super) fn line(&self) -> Option<usize> {
        match self.from {
            From::Transcript(line) => line,
            From::Document(_) => None,
        }
    }
}

/// What the next letter names a mark for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum MarkKey {
    Set,
    GoTo,
}

impl Screen {
    pub(super) fn read(&mut self, intent: &Intent) {
        if self.reader.is_empty() {
            self.told = Some("there is no document to read".to_owned());
            return;
        }
        match intent {
            Intent::Contents => self.open_contents(),
            Intent::Search => self.open_search(),
            Intent::Hits => self.open_hits(),
            Intent::NextHit => self.step_hit(1),
            Intent::PreviousHit => self.step_hit(-1),
            Intent::NextPart => self.reader.go_to_part(true),
            Intent::PreviousPart => self.reader.go_to_part(false),
            Intent::SetMark => self.mark = Some(MarkKey::Set),
            Intent::GoToMark => self.mark = Some(MarkKey::GoTo),
            Intent::Back => self.reader.back(),
            Intent::Forward => self.reader.forward(),
            Intent::Numbers => self.reader.numbers ^= true,
            _ => {}
        }
    }

    fn open_contents(&mut self) {
        if self.reader.book.document().outline.is_empty() {
            self.told = Some("the document has no contents".to_owned());
            return;
        }
        let at = self.reader.book.entry_at(self.reader.top()).unwrap_or(0);
        self.overlay = Some(Overlay::List(List::new(ListOf::Contents, at)));
    }

    pub(super) fn open_search(&mut self) {
        self.focus_pane(Place::Reader);
        self.entry = Some(SearchEntry { input: line_box(), from: From::Document(self.reader.top()) });
    }

    fn open_hits(&mut self) {
        if self.has_hits() {
            self.overlay = Some(Overlay::List(List::new(ListOf::Hits, self.reader.search.at)));
        }
    }

    fn step_hit(&mut self, step: isize) {
        if self.has_hits() {
            self.reader.next_hit(step);
        }
    }

    fn has_hits(&mut self) -> bool {
        let search = &self.reader.search;
        if search.needle.is_empty() {
            self.told = Some("/ searches".to_owned());
        } else if search.hits.is_empty() {
            self.told = Some(format!("{} is not in the document", search.needle));
        }
        !search.hits.is_empty()
    }

    /// What was searched for and found is no longer shown; false when there was nothing.
    pub(super) fn forget_found(&mut self) -> bool {
        let was_shown = self.reader.found.is_some() || !self.reader.search.needle.is_empty();
        self.reader.found = None;
        self.reader.search = super::super::reader::Search::default();
        was_shown
    }

    /// Every letter searches again, from where the search began.
    pub(super) fn search_entry(&mut self, intent: &Intent) {
        let Some(entry) = &mut self.entry else { return };
        match intent {
            Intent::Type(KeyEvent { code: KeyCode::Backspace, .. }) if entry.text().is_empty() => self.give_up_search(),
            Intent::Type(key) => {
                type_in_line(&mut entry.input, *key);
                self.search_again();
            }
            Intent::Paste(text) => {
                entry.input.insert_str(text.split_whitespace().collect::<Vec<_>>().join(" "));
                self.search_again();
            }
            Intent::Submit => {
                let in_transcript = entry.is_in_transcript();
                self.entry = None;
                if in_transcript {
                    self.found();
                } else {
                    self.has_hits();
                }
            }
            Intent::Escape | Intent::Interrupt => self.give_up_search(),
            _ => {}
        }
    }

    /// Back to where it began.
    fn give_up_search(&mut self) {
        match self.entry.take().map(|entry| entry.from) {
            Some(From::Document(byte)) => {
                self.reader.open_at(byte);
                self.forget_found();
            }
            Some(From::Transcript(line)) => {
                self.top = line;
                self.finding = None;
            }
            None => {}
        }
    }

    fn search_again(&mut self) {
        let Some(entry) = &self.entry else { return };
        let needle = entry.text().to_owned();
        match entry.from {
            From::Document(byte) => {
                self.reader.open_at(byte);
                self.reader.found = None;
                self.reader.search_for(&needle);
            }
            From::Transcript(_) => self.find(&needle),
        }
    }

    pub(super) fn name_mark(&mut self, intent: &Intent) {
        let key = self.mark.take();
        let Intent::Type(KeyEvent { code: KeyCode::Char(name), .. }) = *intent else { return };
        match key {
            Some(MarkKey::Set) if name.is_ascii_lowercase() => {
                self.reader.set_mark(name);
                self.told = Some(format!("mark {name} is set"));
            }
            Some(MarkKey::Set) => self.told = Some("marks are called a to z".to_owned()),
            Some(MarkKey::GoTo) if !self.reader.go_to_mark(name) => {
                self.told = Some(format!("there is no mark {name}"));
            }
            _ => {}
        }
    }

    /// Shows a passage of the document, and leads back from it.
    pub(super) fn show_passage(&mut self, span: ByteSpan) {
        self.focus_pane(Place::Reader);
        self.reader.go_to(span);
    }
}
