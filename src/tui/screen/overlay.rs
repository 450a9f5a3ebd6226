//! What lies over everything until it is closed: the help, and lists to choose from.

use super::super::keymap::{Intent, Place};
use super::palette::Palette;
use super::parts::Plan;
use super::picker::Picker;
use super::{Screen, scrolled};
use crate::chat::{Action, Chat};
use crate::document::ByteSpan;

/// What is open.
#[allow(clippy::large_enum_variant, reason = "there is one at most")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) enum Overlay {
    /// From this line on.
    Help(usize),
    List(List),
    Palette(Palette),
    Picker(Picker),
    Parts(Plan),
    /// The figures, from this line on.
    Figures(usize),
}

/// A list with one row chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct List {
    pub of: ListOf,
    pub at: usize,
    /// How many rows the last frame showed.
    pub shown: usize,
}

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum ListOf {
    Contents,
    Hits,
    /// Where a branch can begin.
    ForkPoints,
    Branches,
}

impl List {
    pub(super) fn new(of: ListOf, at: usize) -> Self {
        Self { of, at, shown: 10 }
    }
}

impl Screen {
    pub(super) fn in_overlay(&mut self, chat: &Chat, intent: &Intent) -> Vec<Action> {
        match self.overlay.take() {
            Some(Overlay::Help(line)) => self.overlay = self.after_text(intent, line).map(Overlay::Help),
            Some(Overlay::List(list)) => return self.in_list(chat, list, intent),
            Some(Overlay::Palette(palette)) => return self.in_palette(chat, palette, intent),
            Some(Overlay::Picker(picker)) => return self.in_picker(chat, picker, intent),
            Some(Overlay::Parts(plan)) => return self.in_parts(chat, plan, intent),
            Some(Overlay::Figures(line)) => self.overlay = self.after_text(intent, line).map(Overlay::Figures),
            None => {}
        }
        Vec::new()
    }

    fn in_list(&mut self, chat: &Chat, mut list: List, intent: &Intent) -> Vec<Action> {
        match intent {
            Intent::Scroll(scroll) => {
                let end = self.rows_of(chat, list.of).saturating_sub(1);
                list.at = scrolled(*scroll, list.at, end, list.shown).min(end);
                self.overlay = Some(Overlay::List(list));
            }
            Intent::Submit => return self.choose(chat, &list),
            Intent::Escape | Intent::Interrupt => {}
            _ => self.overlay = Some(Overlay::List(list)),
        }
        Vec::new()
    }

    /// Where a text is after `intent`: keys that move it do so as far as it goes, all others close it.
    fn after_text(&self, intent: &Intent, line: usize) -> Option<usize> {
        let Intent::Scroll(scroll) = *intent else { return None };
        let end = self.popup.end();
        Some(scrolled(scroll, line.min(end), end, self.popup.shown).min(end))
    }

    /// How many rows a list has.
    pub(in crate::tui) fn rows_of(&self, chat: &Chat, of: ListOf) -> usize {
        match of {
            ListOf::Contents => self.reader.book.document().outline.len(),
            ListOf::Hits => self.reader.search.hits.len(),
            ListOf::ForkPoints => chat.fork_points().len(),
            ListOf::Branches => chat.branches.count(),
        }
    }

    fn choose(&mut self, chat: &Chat, list: &List) -> Vec<Action> {
        match list.of {
            ListOf::Contents => {
                if let Some(entry) = self.reader.book.document().outline.get(list.at) {
                    let start = entry.span.start;
                    self.focus_pane(Place::Reader);
                    self.reader.open_part(start);
                }
            }
            ListOf::Hits => {
                self.reader.search.at = list.at;
                if let Some(hit) = self.reader.search.selected() {
                    self.show_passage(hit);
                }
            }
            ListOf::ForkPoints => return self.fork_after(chat, list.at),
            ListOf::Branches => return self.show_branch(list.at),
        }
        Vec::new()
    }

    /// The passage of a row of the hits, with what stands around it in its line.
    pub(in crate::tui) fn hit_line(&self, hit: ByteSpan) -> ByteSpan {
        self.reader.book.span(self.reader.book.unit_at(hit.start))
    }
}
