//! What the interface needs to know from outside, and how it ended.

use std::io;
use std::path::PathBuf;

use super::keymap::Keymap;
use crate::session::Signal;
use crate::settings::ThemeChoice;
use crate::settings::argv::GivenFlags;

/// Settings of the interface.
#[derive(Debug, Clone)]
pub struct Options {
    pub theme: ThemeChoice,
    /// The terminal supports 24-bit colour.
    pub true_color: bool,
    pub keymap: Keymap,
    pub mouse: bool,
    /// Where reading positions and asked questions are saved.
    pub state: PathBuf,
    /// Where exported conversations go.
    pub exports: PathBuf,
    /// The user's configuration file, where presets are saved.
    pub config: PathBuf,
    /// The user's editor, with its arguments.
    pub editor: Option<String>,
    /// What `~` stands for.
    pub home: Option<PathBuf>,
    /// The program runs inside tmux.
    pub in_tmux: bool,
    /// Kept free after the document, for questions and answers.
    pub reserve_tokens: u32,
    /// The flags of the command line, for whoever comes back.
    pub given: GivenFlags,
    /// The program, the system and llama.cpp, with their versions. A crash report begins with it.
    pub build: String,
}

/// Why the interface ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScreenExit {
    ByUser,
    BySignal(Signal),
}

/// The end of the interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub exit: ScreenExit,
    /// How to come back, for whoever left on purpose.
    pub farewell: Option<String>,
}

/// Why the interface cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot use the terminal: {0}")]
    Terminal(#[from] io::Error),
}
