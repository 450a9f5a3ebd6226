//! What the screen wants to have done outside of it, as data.

use crate::chat::Choice;
use crate::session::CountRequest;
use crate::swaa::Preset;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum UiCommand {
    /// Into the clipboard; the name is for the person: `the answer`.
    Copy { text: String, name: &'static str },
    /// Into a file of the user's.
    Export { text: String, ending: &'static str },
    /// A preset into the user's configuration.
    SavePreset(Preset),
    /// A question into the history.
    Remember(String),
    /// The question, in the user's own editor. The terminal is the editor's meanwhile.
    Edit(String),
    /// Count the tokens of every part.
    CountParts(CountRequest),
    /// What would fit in the place of these parts?
    Propose { of: CountRequest, parts: Vec<usize> },
    /// These parts are the document from now on.
    TakeParts(Choice),
    /// Ctrl-Z.
    Suspend,
}

impl UiCommand {
    /// Whether another program has the terminal meanwhile.
    pub(super) const fn takes_the_terminal(&self) -> bool {
        matches!(self, Self::Edit(_) | Self::Suspend)
    }
}
