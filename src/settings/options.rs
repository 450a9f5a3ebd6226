//! Plain options: what a command does, how it prints, how the screen looks.

use std::ffi::OsString;

use super::args::EvalArgs;
use super::surroundings::ScreenVariables;
use crate::toml_fields::Field;

/// Who talks to the user.
#[derive(Debug)]
pub enum FrontEnd {
    Screen,
    /// The same chat in plain lines.
    Plain,
    Headless(Headless),
    Presets {
        json: bool,
    },
    Inspect(Shown),
    Fit(FitAs),
    Paths {
        json: bool,
    },
    Pull {
        name: Option<String>,
    },
    Eval(Box<EvalArgs>),
}

/// How a run without a screen speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headless {
    pub output: Output,
    pub stats: bool,
    pub hide_reasoning: bool,
    /// Only the first fenced code block.
    pub extract: bool,
}

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FitAs {
    pub json: bool,
    /// Read a little first, when nothing was measured yet.
    pub measure: bool,
}

/// What standard output carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// The answer.
    Text,
    /// One object for each question.
    Json,
    /// Events, and then that object.
    JsonLines,
}

/// In which form `lunette inspect` shows a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Summary,
    Json,
    /// Exactly what the model sees.
    Text,
}

/// What is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Documents {
    /// Paths, and `-`; maybe none.
    Named(Vec<OsString>),
    /// The one that Lunette brings along.
    BundledBook,
}

/// The colours of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThemeChoice {
    /// Dark or light colours as the terminal's background is, its own sixteen where that is not known.
    #[default]
    Auto,
    Dark,
    Light,
    /// The terminal's own sixteen colours.
    Ansi,
    None,
}

impl ThemeChoice {
    pub(super) fn read(text: &str) -> Option<Self> {
        match text {
            "auto" => Some(Self::Auto),
            "dark" => Some(Self::Dark),
            "light" => Some(Self::Light),
            "ansi" => Some(Self::Ansi),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

/// How the screen looks and is used.
#[derive(Debug, Clone, Default)]
pub struct ScreenSettings {
    pub theme: ThemeChoice,
    pub mouse: bool,
    /// The `[keys]` of the configuration file, and its name for errors.
    pub keys: Vec<Field>,
    pub keys_file: String,
    pub variables: ScreenVariables,
}

/// What is done about a model that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    /// Offered at a terminal, refused elsewhere.
    Ask,
    Always,
    Never,
}

impl PullPolicy {
    pub(super) fn read(text: &str) -> Option<Self> {
        match text {
            "ask" => Some(Self::Ask),
            "always" => Some(Self::Always),
            "never" => Some(Self::Never),
            _ => None,
        }
    }
}
