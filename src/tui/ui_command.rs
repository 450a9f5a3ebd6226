//! What the screen wants done outside of it, as data.

use crate::chat::Choice;
use crate::session::CountRequest;
use crate::settings::ThemeChoice;
use crate::swaa::Preset;

/// A command of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum UiCommand {
    /// Copy to the clipboard; `name` is for the user: `the answer`.
    Copy {
        text: String,
        name: &'static str,
    },
    /// Write to a file of the user's, called `name` or else like the document.
    Export {
        text: String,
        name: Option<String>,
        ending: &'static str,
    },
    /// Save a preset in the user's configuration.
    SavePreset(Preset),
    /// Add a question to the history.
    Remember(String),
    /// Edit the question in the user's editor, which gets the terminal.
    Edit(String),
    /// Count the tokens of each part.
    CountParts(CountRequest),
    /// Find what would fit instead of these parts.
    Propose {
        of: CountRequest,
        parts: Vec<usize>,
    },
    /// Use these parts of the document from now on.
    TakeParts(Choice),
    /// Complete a path.
    Complete(String),
    /// List the models that can be used by name.
    ListModels,
    /// List the saved conversations.
    ListSessions,
    /// List where this was said in them.
    FindSessions(String),
    /// Name a saved conversation that is not open; an empty name takes the name away.
    NameSession {
        id: i64,
        name: String,
    },
    CopySession(i64),
    RemoveSession(i64),
    ExportSession(i64),
    /// Draw with this theme from now on.
    UseTheme(ThemeChoice),
    /// Suspend the program (Ctrl-Z, SIGTSTP).
    Suspend,
    /// Take the terminal again: the program was stopped without a warning (SIGSTOP), and now goes on.
    Reclaim,
}

impl UiCommand {
    /// Whether it gives the terminal to another program.
    pub(super) const fn takes_the_terminal(&self) -> bool {
        matches!(self, Self::Edit(_) | Self::Suspend | Self::Reclaim)
    }
}
