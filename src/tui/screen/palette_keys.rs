//! Keys in the command palette.

use super::super::keymap::{COMMANDS, Focus, Intent};
use super::line_input::is_backspace;
use super::overlay::Overlay;
use super::palette::CommandPalette;
use super::scrolling::scrolled;
use super::state::Screen;
use crate::chat::{Action, Chat};

impl Screen {
    pub(super) fn in_palette(&mut self, chat: &Chat, mut palette: CommandPalette, intent: &Intent) -> Vec<Action> {
        let commands = palette.commands(chat);
        let last = commands.len().saturating_sub(1);
        match intent {
            Intent::Type(key) if is_backspace(*key) && palette.input.is_empty() => return Vec::new(),
            Intent::Type(key) => {
                palette.input.press(*key);
                palette.at = 0;
            }
            Intent::Paste(text) => {
                palette.input.paste(text);
                palette.at = 0;
            }
            Intent::Scroll(scroll) => palette.at = scrolled(*scroll, palette.at, last, 1).min(last),
            Intent::Submit => return commands.get(palette.at).map_or(Vec::new(), |row| self.call(chat, *row)),
            Intent::Escape | Intent::Interrupt => return Vec::new(),
            _ => {}
        }
        self.overlay = Some(Overlay::Palette(palette));
        Vec::new()
    }

    /// Runs a command, with the focus where it works.
    fn call(&mut self, chat: &Chat, row: usize) -> Vec<Action> {
        let command = &COMMANDS[row];
        if !command.places.contains(&self.focus)
            && let Some(place) = command.places.first()
        {
            match place {
                Focus::Input => self.focus = Focus::Input,
                pane => self.focus_pane(*pane),
            }
        }
        self.at_work(chat, command.intent.clone())
    }
}
