//! What the screen wants done outside of it, as data: the loop does it, and tells how it went.

use super::aside::Question;
use crate::chat::Choice;
use crate::swaa::Preset;

/// An errand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Errand {
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
    /// The tokens of every part, counted on the side.
    Weigh(Question),
    /// What would fit in the place of these parts, tried on the side.
    Propose { of: Question, parts: Vec<usize> },
    /// These parts are the document from now on.
    TakeParts(Choice),
    /// Ctrl-Z.
    Suspend,
}

impl Errand {
    pub(super) const fn takes_the_terminal(&self) -> bool {
        matches!(self, Self::Edit(_) | Self::Suspend)
    }
}

/// How an errand went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// One line for the person.
    Line(String),
    /// What was written in the editor.
    Edited(String),
    Nothing,
}
