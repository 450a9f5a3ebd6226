//! The input box: typing, pasting, sending, and recalling earlier questions.

use std::path::Path;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui_textarea::CursorMove;

use super::super::keymap::Focus;
use super::super::ui_command::UiCommand;
use super::line_input::{edit, replace};
use super::overlay::Overlay;
use super::palette::CommandPalette;
use super::state::Screen;
use crate::chat::{Action, Chat, Model, Phase, Source};
use crate::session::paths::is_model;

impl Screen {
    /// `?` as the first character opens the help, `/` the command palette.
    pub(super) fn type_key(&mut self, key: KeyEvent) {
        let is_first = self.input.is_empty() && (key.modifiers - KeyModifiers::SHIFT).is_empty();
        match key.code {
            KeyCode::Char('?') if is_first => self.overlay = Some(Overlay::Help(0)),
            KeyCode::Char('/') if is_first => self.overlay = Some(Overlay::Palette(CommandPalette::new())),
            _ => edit(&mut self.input, key),
        }
    }

    /// Replaces the input with text from the editor.
    pub(in crate::tui) fn edited(&mut self, text: &str) {
        replace(&mut self.input, text.trim_end());
        self.name_list = None;
        self.focus = Focus::Input;
    }

    /// Normalises line endings. Pasting never sends.
    pub(super) fn paste(&mut self, text: &str) {
        self.focus = Focus::Input;
        self.name_list = None;
        let text = self.noted(text.replace("\r\n", "\n").replace('\r', "\n"));
        self.input.insert_str(text);
    }

    pub(in crate::tui) fn text(&self) -> String {
        self.input.lines().join("\n")
    }

    /// Sends the question. An empty line confirms, or resumes a stopped prefill.
    pub(super) fn submit(&mut self, chat: &Chat) -> Vec<Action> {
        let text = self.text();
        if self.focus == Focus::Input && !text.trim().is_empty() {
            if let Some(model) = self.typed_model(chat, &text) {
                return vec![Action::Open(model)];
            }
            let mut actions = self.attach(chat, |_| true);
            let editing = self.editing.take();
            let question = self.take_question();
            self.follow();
            actions.push(match editing {
                Some(entry) => Action::Replace { entry, question },
                None => Action::Ask(question),
            });
            return actions;
        }
        match chat.work {
            Phase::Deciding { .. } => vec![Action::Confirm],
            _ if self.focus == Focus::Transcript && self.show_quote(chat) => Vec::new(),
            _ => vec![Action::Resume],
        }
    }

    /// Takes the question out of the box, with its pastes, and adds it to the history.
    pub(super) fn take_question(&mut self) -> String {
        let written = self.text();
        let question = self.with_pasted(&written);
        self.clear();
        self.history.push(question.clone());
        self.commands.push(UiCommand::Remember(question.clone()));
        question
    }

    /// The typed path of a model, while there is none. Whoever opens it expands `~` and looks whether the file is there.
    fn typed_model(&mut self, chat: &Chat, text: &str) -> Option<Source> {
        let is_path = matches!(chat.model, Model::Absent(_)) && is_model(Path::new(text.trim()));
        is_path.then(|| {
            self.clear();
            Source::Named(vec![text.trim().to_owned()])
        })
    }

    pub(super) fn clear(&mut self) {
        replace(&mut self.input, "");
        self.recalled = None;
        self.editing = None;
        self.pasted.clear();
        self.looked_up.clear();
        self.name_list = None;
    }

    /// Up and down recall questions at the first and last line of the box, and move the caret elsewhere.
    pub(super) fn recall(&mut self, step: isize) {
        let row = self.input.screen_cursor().row;
        let inside = if step < 0 { row > 0 } else { self.input.cursor().0 + 1 < self.input.lines().len() };
        if inside {
            self.input.move_cursor(if step < 0 { CursorMove::Up } else { CursorMove::Down });
            return;
        }
        let Some(next) = self.recalled.unwrap_or(self.history.len()).checked_add_signed(step) else { return };
        match self.history.get(next) {
            Some(question) => {
                replace(&mut self.input, question);
                self.recalled = Some(next);
            }
            None if self.recalled.is_some() => self.clear(),
            None => {}
        }
    }
}
