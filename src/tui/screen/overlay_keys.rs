//! Keys while a popup is open.

use super::super::keymap::{Field, Focus, Intent};
use super::super::ui_command::UiCommand;
use super::overlay::{ListKind, ListPopup, Overlay};
use super::scrolling::scrolled;
use super::start::{StartRow, start_rows};
use super::state::Screen;
use crate::chat::{Action, Chat, WayOut};
use crate::document::ByteSpan;
use crate::settings::ThemeChoice;
use crate::units::count;

impl Screen {
    pub(super) fn in_overlay(&mut self, chat: &Chat, intent: &Intent) -> Vec<Action> {
        match self.overlay.take() {
            Some(Overlay::Help(line)) => self.overlay = self.after_text(intent, line).map(Overlay::Help),
            Some(Overlay::List(list)) => return self.in_list(chat, list, intent),
            Some(Overlay::Palette(palette)) => return self.in_palette(chat, palette, intent),
            Some(Overlay::Field(entry)) => return self.in_field(chat, entry, intent),
            Some(Overlay::Picker(picker)) => return self.in_picker(chat, picker, intent),
            Some(Overlay::Parts(selection)) => return self.in_parts(chat, selection, intent),
            Some(Overlay::Sessions(list)) => return self.in_sessions(chat, list, intent),
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
            Intent::Edit(Field::Open) | Intent::Models | Intent::Sessions if list.kind == ListKind::Start => {
                return self.at_work(chat, intent.clone());
            }
            Intent::Type(_) | Intent::Paste(_) if list.kind == ListKind::WaysOut => {
                return self.at_work(chat, intent.clone());
            }
            // Nothing else is open yet, so these keys are meant for the program.
            Intent::Leave | Intent::Interrupt if list.kind == ListKind::Start && chat.transcript.is_empty() => {
                self.overlay = Some(Overlay::List(list));
                let is_q = *intent == Intent::Leave;
                return if is_q { self.leave(chat) } else { self.ask_to_leave("Ctrl-C again leaves") };
            }
            Intent::Escape | Intent::Interrupt | Intent::Leave => {}
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
            ListKind::Start => start_rows(chat, &self.recent).len(),
            // The last row is for a model that the catalogue doesn't have.
            ListKind::Models => self.models.len() + 1,
            ListKind::Themes => ThemeChoice::ALL.len(),
            ListKind::WaysOut => chat.full.as_ref().map_or(0, |full| full.ways.len()),
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
            ListKind::Start => return self.choose_start(chat, list.at),
            ListKind::Models => match self.models.get(list.at) {
                Some(model) => return vec![Action::UseModel(Box::new(model.clone()))],
                None => self.open_field(chat, Field::Open),
            },
            ListKind::Themes => {
                let theme = ThemeChoice::ALL[list.at.min(ThemeChoice::ALL.len() - 1)];
                self.commands.push(UiCommand::UseTheme(theme));
            }
            ListKind::WaysOut => return self.choose_way_out(chat, list.at),
        }
        Vec::new()
    }

    fn choose_start(&mut self, chat: &Chat, row: usize) -> Vec<Action> {
        match start_rows(chat, &self.recent).get(row) {
            Some(StartRow::Earlier(_)) => vec![Action::Resume],
            Some(StartRow::Recent(recent)) => vec![Action::Open(recent.source())],
            Some(StartRow::Sessions) => self.at_work(chat, Intent::Sessions),
            Some(StartRow::Open) => self.at_work(chat, Intent::Edit(Field::Open)),
            Some(StartRow::Demo) => self.at_work(chat, Intent::Demo),
            Some(StartRow::Models) => self.at_work(chat, Intent::Models),
            None => Vec::new(),
        }
    }

    fn choose_way_out(&mut self, chat: &Chat, row: usize) -> Vec<Action> {
        match chat.full.as_ref().and_then(|full| full.ways.get(row)) {
            Some(WayOut::Branch) => self.at_work(chat, Intent::Fork),
            Some(way) => {
                self.follow();
                vec![Action::MakeRoom(*way)]
            }
            None => Vec::new(),
        }
    }

    /// Lists the ways out of a full context, or says that it is not full.
    pub(super) fn open_ways_out(&mut self, chat: &Chat) {
        match (&chat.full, &chat.cache_state) {
            (Some(_), _) => self.overlay = Some(Overlay::List(ListPopup::new(ListKind::WaysOut, 0))),
            (None, Some(cache_state)) => {
                let (used, all) = (count(cache_state.context_used), count(cache_state.context_tokens));
                self.message = Some(format!("the context is not full: {used} of {all} tokens are in use"));
            }
            (None, None) => self.message = Some("the context is empty".to_owned()),
        }
    }

    /// The line around a hit.
    pub(in crate::tui) fn hit_line(&self, hit: ByteSpan) -> ByteSpan {
        self.reader.book.span(self.reader.book.unit_at(hit.start))
    }
}
