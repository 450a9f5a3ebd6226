//! The one way out of the loop: what it wants done, who does it, and what is known at once.

use std::io;

use super::ui_command::UiCommand;
use crate::chat::Effect;
use crate::session::Reloaded;

/// What is to be done outside of the loop.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum LoopCommand {
    /// What the chat asks for.
    Chat(Effect),
    /// What the screen asks for.
    Screen(UiCommand),
    /// Read the documents again, if they have changed: a question is about to be asked.
    Reload,
}

/// What is known at once. Everything else comes back as a [`crate::session::EffectResult`].
pub(super) enum Reply {
    Nothing,
    /// One line for the person.
    Message(String),
    /// What was written in the editor.
    Edited(String),
    /// The documents are not what they were.
    Reloaded(Reloaded),
}

/// Does it.
pub(super) trait Runner {
    /// Errors are those of the terminal; all others are messages.
    fn run(&mut self, command: LoopCommand) -> io::Result<Reply>;
}
