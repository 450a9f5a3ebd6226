//! Keys while a popup is open.

use super::super::keymap::{Focus, Intent};
use super::overlay::{ListKind, ListPopup, Overlay};
use super::scrolling::scrolled;
use super::state::Screen;
use crate::chat::{Action, Chat};
use crate::document::ByteSpan;

impl Screen {
    pub(super) fn in_overlay(&mut self, chat: &Chat, intent: &Intent) -> Vec<Action> {
        match self.overlay.take() {
            Some(Overlay::Help(line)) => self.overlay = self.after_text(intent, line).map(Overlay::Help),
            Some(Overlay::List(list)) => return self.in_list(chat, list, intent),
            Some(Overlay::Palette(palette)) => return self.in_palette(chat, palette, intent),
            Some(Overlay::Picker(picker)) => return self.in_picker(chat, picker, intent),
            Some(Overlay::Parts(selection)) => return self.in_parts(chat, selection, intent),
            Some(Overlay::Figures(line)) => self.overlay = self.after_text(intent, line).map(Overlay::Figures),
            None => {}
        }
        Vec::new()
    }

    fn in_list(&mut self, chat: &Chat, mut list: ListPopup, intent: &Intent) -> Vec<Action> {
        match intent {
            Intent::Scroll(scroll) => {
                let end = self.rows_of(chat, list.kind).saturating_sub(1);
                list.at = scrolled(*scroll, list.at, end, list.shown).min(end);
                self.overlay = Some(Overlay::List(list));
            }
            Intent::Submit => return self.choose(chat, &list),
            Intent::Escape | Intent::Interrupt => {}
            _ => self.overlay = Some(Overlay::List(list)),
        }
        Vec::new()
    }

    /// The line a text is scrolled to after `intent`; `None` closes it. Keys that don't scroll close it.
    fn after_text(&self, intent: &Intent, line: usize) -> Option<usize> {
        let Intent::Scroll(scroll) = *intent else { return None };
        let end = self.popup.end();
        Some(scrolled(scroll, line.min(end), end, self.popup.shown).min(end))
    }

    /// The number of rows of a list.
    pub(in crate::tui) fn rows_of(&self, chat: &Chat, kind: ListKind) -> usize {
        match kind {
            ListKind::Contents => self.reader.book.document().outline.len(),
            ListKind::Hits => self.reader.search.hits.len(),
            ListKind::ForkPoints => chat.fork_points().len(),
            ListKind::Branches => chat.branches.count(),
        }
    }

    fn choose(&mut self, chat: &Chat, list: &ListPopup) -> Vec<Action> {
        match list.kind {
            ListKind::Contents => {
                if let Some(entry) = self.reader.book.document().outline.get(list.at) {
                    let start = entry.span.start;
                    self.focus_pane(Focus::Reader);
                    self.reader.open_part(start);
                }
            }
            ListKind::Hits => {
                self.reader.search.at = list.at;
                if let Some(hit) = self.reader.search.selected() {
                    self.show_passage(hit);
                }
            }
            ListKind::ForkPoints => return self.fork_after(chat, list.at),
            ListKind::Branches => return self.show_branch(list.at),
        }
        Vec::new()
    }

    /// The line around a hit.
    pub(in crate::tui) fn hit_line(&self, hit: ByteSpan) -> ByteSpan {
        self.reader.book.span(self.reader.book.unit_at(hit.start))
    }
}
