//! Keys in the document: contents, search, marks, jumps.

use ratatui::crossterm::event::{KeyCode, KeyEvent};

use super::super::keymap::{Focus, Intent};
use super::super::reader::DocumentSearch;
use super::overlay::{ListKind, ListPopup, Overlay};
use super::search::{SearchEntry, SearchOrigin};
use super::state::{MarkKey, Screen};
use crate::document::ByteSpan;

impl Screen {
    pub(super) fn read(&mut self, intent: &Intent) {
        if self.reader.is_empty() {
            self.message = Some("there is no document".to_owned());
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
            self.message = Some("the document has no table of contents".to_owned());
            return;
        }
        let at = self.reader.book.entry_at(self.reader.top()).unwrap_or(0);
        self.overlay = Some(Overlay::List(ListPopup::new(ListKind::Contents, at)));
    }

    pub(super) fn open_search(&mut self) {
        self.focus_pane(Focus::Reader);
        self.search_entry = Some(SearchEntry::at(SearchOrigin::Document(self.reader.top())));
    }

    fn open_hits(&mut self) {
        if self.has_hits() {
            self.overlay = Some(Overlay::List(ListPopup::new(ListKind::Hits, self.reader.search.at)));
        }
    }

    fn step_hit(&mut self, step: isize) {
        if self.has_hits() {
            self.reader.next_hit(step);
        }
    }

    pub(super) fn has_hits(&mut self) -> bool {
        let search = &self.reader.search;
        if search.needle.is_empty() {
            self.message = Some("press / to search".to_owned());
        } else if search.hits.is_empty() {
            self.message = Some(format!("no match for \"{}\" in the document", search.needle));
        }
        !search.hits.is_empty()
    }

    /// Clears search results and the highlighted passage. Returns false if there was nothing to clear.
    pub(super) fn forget_found(&mut self) -> bool {
        let was_shown = self.reader.found.is_some() || !self.reader.search.needle.is_empty();
        self.reader.found = None;
        self.reader.search = DocumentSearch::default();
        was_shown
    }

    pub(super) fn name_mark(&mut self, intent: &Intent) {
        let key = self.mark.take();
        let Intent::Type(KeyEvent { code: KeyCode::Char(name), .. }) = *intent else { return };
        match key {
            Some(MarkKey::Set) if name.is_ascii_lowercase() => {
                self.reader.set_mark(name);
                self.message = Some(format!("mark {name} set"));
            }
            Some(MarkKey::Set) => self.message = Some("marks are named a to z".to_owned()),
            Some(MarkKey::GoTo) if !self.reader.go_to_mark(name) => {
                self.message = Some(format!("there is no mark {name}"));
            }
            _ => {}
        }
    }

    /// Jumps to a passage; `back` returns.
    pub(super) fn show_passage(&mut self, span: ByteSpan) {
        self.focus_pane(Focus::Reader);
        self.reader.go_to(span);
    }
}
