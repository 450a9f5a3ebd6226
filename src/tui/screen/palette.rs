//! The command palette: finds a command by name.

use super::super::keymap::{COMMANDS, Field, Focus, Intent};
use super::line_input::LineInput;
use crate::chat::Chat;

/// An open palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct CommandPalette {
    pub input: LineInput,
    pub at: usize,
}

impl CommandPalette {
    pub(super) fn new() -> Self {
        Self { input: LineInput::new(""), at: 0 }
    }

    pub(in crate::tui) fn text(&self) -> &str {
        self.input.text()
    }

    /// The matching commands: each typed word is in the command's name or description. Names that begin with the first
    /// word come first.
    pub(in crate::tui) fn commands(&self, chat: &Chat) -> Vec<usize> {
        let words: Vec<String> = self.text().split_whitespace().map(str::to_lowercase).collect();
        let is_meant = |row: &usize| {
            let text = format!("{} {}", COMMANDS[*row].name, what(*row, chat)).to_lowercase();
            words.iter().all(|word| text.contains(word.as_str()))
        };
        let mut rows: Vec<usize> = (0..COMMANDS.len()).filter(|row| is_offered(*row)).filter(is_meant).collect();
        let begins = |row: &usize| words.first().is_some_and(|word| COMMANDS[*row].name.starts_with(word.as_str()));
        rows.sort_by_key(|row| !begins(row));
        rows
    }
}

/// The description of a command. Presets are described by name.
pub(in crate::tui) fn what(row: usize, chat: &Chat) -> String {
    let command = &COMMANDS[row];
    match command.intent {
        Intent::Preset(key) => match chat.preset_entries.iter().find(|preset_entry| preset_entry.key == Some(key)) {
            Some(preset_entry) => format!("use preset {}", preset_entry.name),
            None => command.what.to_owned(),
        },
        Intent::Edit(field) if field != Field::Open => {
            let value = field.value(chat);
            let value = if value.is_empty() { "none".to_owned() } else { value.replace('\n', " ") };
            format!("{} · {value}", command.what)
        }
        _ => command.what.to_owned(),
    }
}

/// Navigation keys are not offered, nor is the palette itself.
fn is_offered(row: usize) -> bool {
    let command = &COMMANDS[row];
    let moves = matches!(
        command.intent,
        Intent::Scroll(_)
            | Intent::Submit
            | Intent::Escape
            | Intent::Newline
            | Intent::Earlier
            | Intent::Later
            | Intent::Palette
    );
    !moves && command.places.iter().any(|place| matches!(place, Focus::Input | Focus::Transcript | Focus::Reader))
}
