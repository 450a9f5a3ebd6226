//! What comes from the terminal.

use ratatui::crossterm::event::{KeyEvent, MouseEvent};

/// An event of the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) enum TerminalEvent {
    Key(KeyEvent),
    /// Pasted text, with or without brackets around it.
    Paste(String),
    Mouse(MouseEvent),
    /// The size changed.
    Resized,
    /// The reply to the question for the background colour.
    Background(Background),
    /// The reply to the question that comes after all others: no other reply is missing.
    EndOfReplies,
    /// SIGTSTP came from outside.
    Suspended,
    /// SIGCONT came: something else may have used the terminal.
    Continued,
}

/// The terminal's background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum Background {
    Dark,
    Light,
}
