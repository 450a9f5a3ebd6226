//! What the screen is told from outside, and how it ended.

use std::io;
use std::path::PathBuf;

use super::keymap::Keymap;
use crate::engine::config::ContextSize;
use crate::session::Signal;
use crate::settings::ThemeChoice;

/// What the screen is told from outside.
#[derive(Debug, Clone)]
pub struct Options {
    pub theme: ThemeChoice,
    /// The terminal says that it shows any colour.
    pub true_color: bool,
    pub keymap: Keymap,
    pub mouse: bool,
    /// Where it is remembered how far documents were read and what was asked.
    pub state: PathBuf,
    /// Where conversations are exported to.
    pub exports: PathBuf,
    /// The user's configuration, which presets are saved to.
    pub config: PathBuf,
    /// The user's editor, with its arguments.
    pub editor: Option<String>,
    /// tmux stands between us and the terminal.
    pub in_tmux: bool,
    /// How much context a document gets.
    pub context: ContextSize,
    /// Kept free behind a document for questions and answers.
    pub reserve_tokens: u32,
    /// The program, the system and llama.cpp with their versions, for the report of a crash.
    pub build: String,
}

/// Why the screen was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScreenExit {
    ByUser,
    BySignal(Signal),
}

/// Why the screen could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot use the terminal: {0}")]
    Terminal(#[from] io::Error),
}
