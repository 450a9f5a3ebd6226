//! How a run ended: the number that scripts look at, and the sentence with its hint that people do.

use std::io;

use crate::engine::message::{Failure, FailureKind, Finish};
use crate::{fit, session};

/// The exit codes, which scripts rely on: they never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Ok = 0,
    /// It failed while running.
    Runtime = 1,
    /// It was asked for in a way that makes no sense.
    Usage = 2,
    /// A document is unreadable or empty.
    Input = 3,
    /// The prompt or its memory does not fit.
    DoesNotFit = 4,
    /// No model, or none that can be loaded or fetched.
    Model = 5,
    /// The answer was cut at a limit; what there is was printed.
    Limit = 6,
    /// `--timeout` passed.
    Timeout = 124,
    Interrupted = 130,
    Terminated = 143,
}

impl Exit {
    /// The number for the system.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<FailureKind> for Exit {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Model => Self::Model,
            FailureKind::DoesNotFit => Self::DoesNotFit,
            // The preset asks for what this model can't do: another preset is the answer.
            FailureKind::Unsupported => Self::Usage,
            FailureKind::Runtime => Self::Runtime,
        }
    }
}

impl From<Finish> for Exit {
    fn from(finish: Finish) -> Self {
        match finish {
            Finish::EndOfGeneration | Finish::StopString => Self::Ok,
            Finish::TokenLimit | Finish::TimeLimit | Finish::ContextFull => Self::Limit,
            Finish::Cancelled => Self::Interrupted,
        }
    }
}

impl From<session::Signal> for Exit {
    fn from(signal: session::Signal) -> Self {
        match signal {
            session::Signal::Interrupt => Self::Interrupted,
            session::Signal::HangUp | session::Signal::Terminate => Self::Terminated,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a run ended without what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub exit: Exit,
    /// What failed, with the evidence; lower case, no full stop. Empty when there is nothing to say.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Trouble {
    #[must_use]
    pub fn new(exit: Exit, message: impl Into<String>, hint: Option<String>) -> Self {
        Self { exit, message: message.into(), hint }
    }

    /// The run was stopped from outside, which whoever stopped it knows.
    #[must_use]
    pub fn stopped(exit: Exit) -> Self {
        let message = match exit {
            Exit::Timeout => "the time given with --timeout is over",
            _ => "",
        };
        Self::new(exit, message, None)
    }

    /// The engine's thread is gone without a word.
    #[must_use]
    pub fn engine_gone() -> Self {
        Self::new(Exit::Runtime, "the engine stopped without a word", Some("the log has more (lunette paths)".into()))
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self { exit: failure.kind.into(), message: failure.message, hint: failure.hint }
    }
}

impl From<crate::settings::Error> for Trouble {
    fn from(error: crate::settings::Error) -> Self {
        let exit = if matches!(error, crate::settings::Error::PromptFile { .. }) { Exit::Input } else { Exit::Usage };
        Self::new(exit, error.to_string(), error.hint())
    }
}

impl From<crate::swaa::selection::Error> for Trouble {
    fn from(error: crate::swaa::selection::Error) -> Self {
        Self::new(Exit::Usage, error.to_string(), Some(error.hint()))
    }
}

impl From<crate::document::Error> for Trouble {
    fn from(error: crate::document::Error) -> Self {
        Self::new(Exit::Input, error.to_string(), error.hint())
    }
}

impl From<crate::document::SelectError> for Trouble {
    fn from(error: crate::document::SelectError) -> Self {
        Self::new(Exit::Usage, error.to_string(), Some(error.hint()))
    }
}

impl From<fit::Error> for Trouble {
    fn from(error: fit::Error) -> Self {
        match error {
            fit::Error::Parts(error) => error.into(),
            fit::Error::Preset(error) => error.into(),
            fit::Error::Template(error) => error.into(),
            fit::Error::NothingPicked { .. } => Self::new(Exit::Input, error.to_string(), error.hint()),
        }
    }
}

impl From<session::Error> for Trouble {
    fn from(error: session::Error) -> Self {
        match error {
            session::Error::Document(error) => error.into(),
            session::Error::Selection(error) => error.into(),
            session::Error::Retrieval(error) => error.into(),
            session::Error::Model(error) => error.into(),
            session::Error::Engine(failure) => failure.into(),
            session::Error::PartsGone { .. } => Self::new(Exit::Input, error.to_string(), error.hint()),
            session::Error::ModelMissing { .. } => Self::new(Exit::Model, error.to_string(), error.hint()),
        }
    }
}

impl From<crate::models::Error> for Trouble {
    fn from(error: crate::models::Error) -> Self {
        let exit = if matches!(error, crate::models::Error::Cancelled) { Exit::Interrupted } else { Exit::Model };
        Self::new(exit, error.to_string(), error.hint())
    }
}

impl From<crate::chat::template::Error> for Trouble {
    fn from(error: crate::chat::template::Error) -> Self {
        Self::new(Exit::Model, error.to_string(), Some(error.hint().to_owned()))
    }
}

impl From<io::Error> for Trouble {
    /// Whoever read our output has enough of it: that is no failure and needs no word.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Ok, "", None);
        }
        Self::new(Exit::Runtime, format!("cannot write the answer: {error}"), None)
    }
}
