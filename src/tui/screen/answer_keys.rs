//! Keys for answers: ask again, continue, copy, export.

use super::super::keymap::{Focus, Intent};
use super::super::ui_command::UiCommand;
use super::line_input::replace;
use super::state::Screen;
use crate::chat::{Action, Chat, Entry, Exchange, code_blocks, export};

impl Screen {
    pub(super) fn with_answers(&mut self, chat: &Chat, intent: &Intent) -> Vec<Action> {
        match intent {
            Intent::EditLast => self.edit_last(chat),
            Intent::Regenerate => {
                self.follow();
                return vec![Action::Regenerate];
            }
            Intent::Continue => {
                self.follow();
                return vec![Action::Continue];
            }
            Intent::CopyAnswer => self.copy(chat, "the answer", |exchange| Some(exchange.answer.trim().to_owned())),
            Intent::CopyCode => self.copy(chat, "the code", |exchange| code_blocks(&exchange.answer).pop()),
            Intent::ExportMarkdown => self.export(chat, export::as_markdown, "md"),
            Intent::ExportJson => self.export(chat, export::as_json, "json"),
            _ => {}
        }
        Vec::new()
    }

    /// Scrolls to the end of the transcript, where new text is about to appear.
    pub(super) fn follow(&mut self) {
        self.top = None;
        self.citation = None;
        self.pane = Focus::Transcript;
    }

    /// Puts the last question into the input box. Sending it replaces the original.
    fn edit_last(&mut self, chat: &Chat) {
        let last = chat.transcript.iter().rposition(|entry| matches!(entry, Entry::Exchange(_)));
        let Some((entry, Entry::Exchange(exchange))) = last.map(|entry| (entry, &chat.transcript[entry])) else {
            self.message = Some("no question was asked yet".to_owned());
            return;
        };
        replace(&mut self.input, &exchange.question);
        self.editing = Some(entry);
        self.focus = Focus::Input;
    }

    fn copy(&mut self, chat: &Chat, name: &'static str, what: impl Fn(&Exchange) -> Option<String>) {
        let chosen = self.citation.map(|citation| citation.entry);
        let entries = chat.transcript.iter().enumerate().rev();
        let mut exchanges = entries.filter_map(|(index, entry)| match entry {
            Entry::Exchange(exchange) if chosen.is_none_or(|chosen| chosen == index) => Some(exchange),
            _ => None,
        });
        match exchanges.find_map(what).filter(|text| !text.is_empty()) {
            Some(text) => self.commands.push(UiCommand::Copy { text, name }),
            None => self.message = Some(format!("nothing to copy: {name} is missing")),
        }
    }

    fn export(&mut self, chat: &Chat, write: impl Fn(&Chat) -> String, ending: &'static str) {
        if chat.transcript.is_empty() {
            self.message = Some("no question was asked yet".to_owned());
        } else {
            self.exported = chat.exchanges().filter(|exchange| !exchange.answer.is_empty()).count();
            self.commands.push(UiCommand::Export {
                text: write(chat),
                name: chat.name.as_deref().map(str::to_owned),
                ending,
            });
        }
    }
}
