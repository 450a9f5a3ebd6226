//! What the event loop wants done outside of it, and who does that.

use std::io;
use std::time::Duration;

use super::recents::Left;
use super::screen::SessionRow;
use super::ui_command::UiCommand;
use crate::chat::{Effect, KnownModel};
use crate::session::paths::Completed;
use crate::session::{EffectResult, Reloaded};
use crate::settings::ThemeChoice;
use crate::store::Remembered;

/// A command of the loop.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum LoopCommand {
    /// An effect of the chat.
    Chat(Effect),
    /// A command of the screen.
    Screen(UiCommand),
    /// Look whether the documents changed: a question is about to be asked.
    Look,
    /// Use the documents as that look found them.
    Reload,
    /// Use the documents that were opened. The ones that are left are remembered.
    Opened(Option<Left>),
}

/// A result that is available at once. Other results arrive later, as an [`EffectResult`].
pub(super) enum Reply {
    Nothing,
    /// A line to show.
    Message(String),
    /// The text that the user wrote in the editor.
    Edited(String),
    /// The documents changed.
    Reloaded(Reloaded),
    /// Looking at the documents takes longer; so long it is worth waiting for [`EffectResult::Looked`].
    Looking(Duration),
    /// Other documents were opened, of which these parts are in use; they were left there last time.
    Opened {
        reloaded: Reloaded,
        parts: Vec<usize>,
        place: Option<Remembered>,
    },
    /// A path and its completion.
    Completed(String, Completed),
    Models(Vec<KnownModel>),
    /// Saved conversations, what they were found by, and a line to show.
    Sessions {
        rows: Vec<SessionRow>,
        found_by: Option<String>,
        message: Option<String>,
    },
    /// Draw with this theme.
    Theme(ThemeChoice),
}

/// Carries out commands.
pub(super) trait Runner {
    /// Starts or carries out `command`. An error is one of the terminal; any other failure is a message.
    fn run(&mut self, command: LoopCommand) -> io::Result<Reply>;

    /// The next result. Cancel-safe.
    fn next(&mut self) -> impl Future<Output = EffectResult>;

    /// A result that is ready.
    fn try_next(&mut self) -> Option<EffectResult>;
}
