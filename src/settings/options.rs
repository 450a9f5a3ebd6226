//! Plain option types: what a command does, how it prints, how the screen looks.

use std::ffi::OsString;
use std::fmt;

use clap_complete::Shell;

use super::args::{EvalArgs, SessionsCommand};
use super::surroundings::ScreenVariables;
use super::values::Listen;
use crate::engine::config::PeerOffer;
use crate::engine::message::Reread;
use crate::toml_fields::Field;

/// The front end or command to run.
#[derive(Debug)]
pub enum FrontEnd {
    Screen,
    /// The chat in plain lines.
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
    Doctor {
        json: bool,
    },
    Models {
        task: ModelsTask,
        json: bool,
    },
    Read(ReadAhead),
    Cache {
        task: CacheTask,
        json: bool,
    },
    Sessions(SessionsCommand),
    Calibrate {
        json: bool,
    },
    Completions(Shell),
    Man,
    Probe(Probe),
    Eval(Box<EvalArgs>),
    Serve(Serving),
    RpcServer {
        listen: Listen,
        offer: PeerOffer,
    },
}

/// How a server listens, to whom, and how much it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    pub listen: Listen,
    /// What clients have to send; `None` only on the loopback address.
    pub api_key: Option<ApiKey>,
    pub most_body_bytes: u64,
    pub most_waiting: u32,
    /// How many questions are answered at the same time.
    pub most_answers: u32,
    pub most_connections: u32,
}

/// A secret between a server and its clients, which is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(pub String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// Which conversation is saved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SessionChoice {
    /// A new one; in a chat, the last one about these documents is offered. A script's is not saved.
    #[default]
    Offer,
    /// The last one about these documents, or begun in this folder.
    Last,
    /// The one of this name or number; a new one gets the name.
    Named(String),
    /// A new one.
    New,
    /// None.
    Nothing,
}

/// Options of a headless run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headless {
    pub output: Output,
    pub stats: bool,
    pub hide_reasoning: bool,
    /// Print only the first fenced code block.
    pub extract: bool,
    /// Print below each answer where its quotes are.
    pub cite: bool,
    /// An answer without a verified quote is a failure.
    pub require_citations: bool,
}

impl Headless {
    /// Of a run that answers nothing.
    #[must_use]
    pub const fn quiet(output: Output) -> Self {
        Self { output, stats: false, hide_reasoning: false, extract: false, cite: false, require_citations: false }
    }
}

/// What to read ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadAhead {
    /// Under each of these presets; none for that of the configuration.
    pub presets: Vec<String>,
    pub output: Output,
}

impl ReadAhead {
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.output != Output::Text
    }
}

/// What to probe a document with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    pub presets: Vec<String>,
    /// Each preset is tried with each of these.
    pub rereads: Vec<Reread>,
    pub facts: usize,
    pub json: bool,
}

/// What to do with models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelsTask {
    List,
    /// For the documents in the settings.
    Suggest,
    /// `None`: the default model.
    Pull(Option<String>),
    Remove(String),
    /// Of the model in the settings.
    Info,
    Verify(String),
}

/// What to do with the readings that are kept on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheTask {
    Path,
    List,
    /// Check that every block is whole, and drop those that are not.
    Verify,
    Prune {
        /// Max bytes that stay; `None`: all that can be used.
        to: Option<u64>,
    },
    Remove {
        /// A part of the model's name; `None` for everything.
        name: Option<String>,
    },
}

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FitAs {
    pub json: bool,
    /// Prefill a little first if nothing has been measured yet.
    pub measure: bool,
}

/// What is printed to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// The answer.
    Text,
    /// One object per question.
    Json,
    /// Events, then the same object.
    JsonLines,
}

/// The form in which `lunette inspect` shows a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Summary,
    Json,
    /// Exactly what the model sees.
    Text,
}

/// The documents to load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Documents {
    /// Paths, URLs and `-`; may be empty.
    Named(Vec<OsString>),
    /// Standard input, which nobody named: only if there is text in it.
    Piped,
    /// The book bundled with Lunette.
    BundledBook,
}

/// The colours of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThemeChoice {
    /// Dark or light, like the terminal's background; the terminal's own sixteen colours if that is unknown.
    #[default]
    Auto,
    Dark,
    Light,
    /// The terminal's own sixteen colours.
    Ansi,
    None,
}

impl ThemeChoice {
    pub const ALL: [Self; 5] = [Self::Auto, Self::Dark, Self::Light, Self::Ansi, Self::None];

    /// As the configuration has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Ansi => "ansi",
            Self::None => "none",
        }
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.name() == text)
    }
}

/// Settings of the screen.
#[derive(Debug, Clone, Default)]
pub struct ScreenSettings {
    pub theme: ThemeChoice,
    pub mouse: bool,
    /// The `[keys]` table of the configuration file, and the file's name for errors.
    pub keys: Vec<Field>,
    pub keys_file: String,
    pub variables: ScreenVariables,
}

/// What to do if the model is not on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    /// Offer the download at a terminal, fail elsewhere.
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
