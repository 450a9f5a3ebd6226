//! The one way out of the loop and the one way back: what it wants done, who does it, what is known at once and what comes later.

use std::io;

use super::ui_command::UiCommand;
use crate::chat::Effect;
use crate::session::{EffectResult, Reloaded};

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

/// What is known at once. Everything else comes back as an [`EffectResult`].
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

    /// What comes back next. Nothing is lost when the future is dropped before it is ready.
    fn next(&mut self) -> impl Future<Output = EffectResult>;

    /// What is back already.
    fn try_next(&mut self) -> Option<EffectResult>;
}
