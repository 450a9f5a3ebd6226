//! Keys in the list of saved conversations.

use super::super::keymap::Intent;
use super::super::ui_command::UiCommand;
use super::line_input::{LineInput, is_backspace};
use super::overlay::Overlay;
use super::scrolling::scrolled;
use super::sessions::{SessionEntry, SessionList, SessionRow};
use super::state::Screen;
use crate::chat::{Action, Chat, SessionId};

impl Screen {
    /// Shows the conversations, or those that `found_by` was found in; a list that is open stays at its row.
    pub(in crate::tui) fn list_sessions(&mut self, rows: Vec<SessionRow>, found_by: Option<String>) {
        if rows.is_empty() && found_by.is_none() {
            self.message = Some("no conversation is saved yet".to_owned());
            return;
        }
        let at = match &self.overlay {
            Some(Overlay::Sessions(list)) if list.found_by == found_by => list.at.min(rows.len().saturating_sub(1)),
            _ => 0,
        };
        self.overlay = Some(Overlay::Sessions(SessionList { at, ..SessionList::new(rows, found_by) }));
    }

    pub(super) fn in_sessions(&mut self, chat: &Chat, mut list: SessionList, intent: &Intent) -> Vec<Action> {
        if let Some(entry) = list.entry.take() {
            return self.in_session_entry(list, entry, intent);
        }
        let to_remove = list.to_remove.take();
        let row = list.row().cloned();
        match (intent, row) {
            (Intent::Scroll(scroll), _) => {
                let end = list.rows.len().saturating_sub(1);
                list.at = scrolled(*scroll, list.at, end, list.shown).min(end);
            }
            (Intent::Escape | Intent::Interrupt | Intent::Leave, _) if list.found_by.is_some() => {
                self.commands.push(UiCommand::ListSessions);
            }
            (Intent::Escape | Intent::Interrupt | Intent::Leave, _) => return Vec::new(),
            (Intent::Search, _) => list.entry = Some(SessionEntry::Search(LineInput::new(""))),
            (Intent::Submit, Some(row)) => return self.go_on_with(chat, &row),
            (Intent::NameSession, Some(row)) => {
                let name = row.name.as_deref().unwrap_or_default();
                list.entry = Some(SessionEntry::Name(row.id, LineInput::new(name)));
            }
            (Intent::CopySession, Some(row)) => self.commands.push(UiCommand::CopySession(row.id)),
            (Intent::ExportMarkdown, Some(row)) => self.commands.push(UiCommand::ExportSession(row.id)),
            (Intent::RemoveSession, Some(row)) if row.is_open => {
                self.message = Some("this conversation is open; Alt-N begins another one".to_owned());
            }
            (Intent::RemoveSession, Some(row)) if to_remove == Some(row.id) => {
                self.commands.push(UiCommand::RemoveSession(row.id));
            }
            (Intent::RemoveSession, Some(row)) => {
                self.message = Some(format!("d again removes {} for good", row.called()));
                list.to_remove = Some(row.id);
            }
            _ => {}
        }
        self.overlay = Some(Overlay::Sessions(list));
        Vec::new()
    }

    fn go_on_with(&mut self, chat: &Chat, row: &SessionRow) -> Vec<Action> {
        if row.is_open {
            return Vec::new();
        }
        if chat.is_waited_for() {
            self.message = Some("an answer is in progress".to_owned());
            return Vec::new();
        }
        self.leave_branch();
        vec![Action::GoOnWith { session: SessionId(row.id), called: row.called().to_owned() }]
    }

    /// Keys while a name or a search is typed.
    fn in_session_entry(&mut self, mut list: SessionList, mut entry: SessionEntry, intent: &Intent) -> Vec<Action> {
        let (SessionEntry::Name(_, input) | SessionEntry::Search(input)) = &mut entry;
        let mut is_open = true;
        let mut actions = Vec::new();
        match intent {
            Intent::Type(key) if is_backspace(*key) && input.is_empty() => is_open = false,
            Intent::Type(key) => input.press(*key),
            Intent::Paste(text) => input.paste(text),
            Intent::Submit => {
                is_open = false;
                actions = self.submit_session_entry(&list, &entry);
            }
            Intent::Escape | Intent::Interrupt => is_open = false,
            _ => {}
        }
        list.entry = is_open.then_some(entry);
        self.overlay = Some(Overlay::Sessions(list));
        actions
    }

    fn submit_session_entry(&mut self, list: &SessionList, entry: &SessionEntry) -> Vec<Action> {
        match entry {
            SessionEntry::Search(input) if input.text().trim().is_empty() => {
                self.commands.push(UiCommand::ListSessions);
            }
            SessionEntry::Search(input) => self.commands.push(UiCommand::FindSessions(input.text().to_owned())),
            SessionEntry::Name(id, input) => {
                let name = input.text().trim().to_owned();
                if list.rows.iter().any(|row| row.id == *id && row.is_open) {
                    // The chat has its name, and saves it.
                    self.commands.push(UiCommand::ListSessions);
                    return vec![Action::Rename(name)];
                }
                self.commands.push(UiCommand::NameSession { id: *id, name });
            }
        }
        Vec::new()
    }
}
