//! Keys while a value is typed into a popup.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::super::keymap::{Field, Intent};
use super::super::ui_command::UiCommand;
use super::field::FieldEntry;
use super::line_input::{edit, line_box};
use super::overlay::{ListKind, ListPopup, Overlay};
use super::state::Screen;
use crate::chat::{Action, Chat, Tone};
use crate::session::paths::Completed;

impl Screen {
    pub(super) fn open_field(&mut self, chat: &Chat, field: Field) {
        let mut entry = FieldEntry::new(field, chat);
        if field == Field::Open {
            entry.input = line_box(&self.typed_path);
        }
        self.overlay = Some(Overlay::Field(entry));
    }

    /// Once something could not be opened, shows why where it can be corrected.
    pub(super) fn notice_opening(&mut self, chat: &Chat) {
        let was_opening = std::mem::replace(&mut self.was_opening, chat.opening.is_some());
        let is_over = was_opening && chat.opening.is_none() && self.overlay.is_none();
        let failed = chat.notice.as_ref().filter(|notice| is_over && notice.tone == Tone::Error);
        let Some(notice) = failed else { return };
        if !self.typed_path.is_empty() {
            let hint = notice.hint.as_ref().map_or(String::new(), |hint| format!(" · {hint}"));
            self.open_field(chat, Field::Open);
            if let Some(Overlay::Field(entry)) = &mut self.overlay {
                entry.problem = Some(format!("{}{hint}", notice.text));
            }
        } else if self.reader.is_empty() && chat.transcript.is_empty() {
            self.overlay = Some(Overlay::List(ListPopup::new(ListKind::Start, 0)));
        }
    }

    pub(super) fn in_field(&mut self, chat: &Chat, mut entry: FieldEntry, intent: &Intent) -> Vec<Action> {
        match intent {
            Intent::Submit => match entry.field.action(chat, &entry.text()) {
                Ok(action) => {
                    if entry.field == Field::Open {
                        self.typed_path = entry.text();
                    }
                    self.message = action.as_ref().and_then(|_| entry.field.told(chat, &entry.text()));
                    return action.into_iter().collect();
                }
                Err(allowed) => entry.problem = Some(allowed),
            },
            Intent::Escape | Intent::Interrupt => {
                self.typed_path.clear();
                return Vec::new();
            }
            Intent::Type(key) if key.code == KeyCode::Tab && entry.field == Field::Open => {
                self.commands.push(UiCommand::Complete(entry.text()));
            }
            Intent::Type(key) if key.code != KeyCode::Tab => type_in(&mut entry, *key),
            Intent::Paste(text) => {
                let lines = entry.field == Field::System;
                let text = text.replace("\r\n", "\n").replace('\r', "\n");
                entry.input.insert_str(if lines { text } else { text.lines().collect::<Vec<_>>().join(" ") });
            }
            _ => {}
        }
        self.overlay = Some(Overlay::Field(entry));
        Vec::new()
    }

    /// Takes the completion of a path, unless it was changed or closed meanwhile.
    pub(in crate::tui) fn completed(&mut self, typed: &str, completed: Completed) {
        let Some(Overlay::Field(entry)) = &mut self.overlay else { return };
        if entry.field != Field::Open || entry.text() != typed {
            return;
        }
        entry.problem = completed.names.is_empty().then(|| "no file begins with this".to_owned());
        entry.input = line_box(&completed.text);
        // A single name is in the line already.
        entry.names = if completed.names.len() > 1 { completed.names } else { Vec::new() };
    }
}

fn type_in(entry: &mut FieldEntry, key: KeyEvent) {
    entry.problem = None;
    entry.names.clear();
    let is_newline = matches!(key.code, KeyCode::Char('j') if key.modifiers == KeyModifiers::CONTROL)
        || (key.code == KeyCode::Enter && key.modifiers == KeyModifiers::ALT);
    if entry.field == Field::System && is_newline {
        entry.input.insert_newline();
    } else {
        edit(&mut entry.input, key);
    }
}
