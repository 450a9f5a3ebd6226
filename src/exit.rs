//! How a run ended: the exit code for scripts, and the message with its hint for users.

use std::io;

use crate::engine::message::Finish;
use crate::failure::{Failure, FailureKind};
use crate::session::{self, ClientError, Signal, Stop};
use crate::{chat, document, fit, models, settings, swaa};

/// The exit codes. Scripts rely on them, so they never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Ok = 0,
    /// The run failed.
    Runtime = 1,
    /// The command line or configuration is invalid.
    Usage = 2,
    /// A document is unreadable or empty.
    Input = 3,
    /// The prompt does not fit into the context or the memory.
    DoesNotFit = 4,
    /// The model is missing, or can't be loaded or fetched.
    Model = 5,
    /// The answer was cut off at a limit, or because it repeated itself; what there is of it was printed.
    Limit = 6,
    /// `--require-citations`, and an answer has no quote that is in the document word for word.
    NotCited = 7,
    /// The model ended its output without an answer.
    NoAnswer = 8,
    /// `--timeout` passed.
    Timeout = 124,
    Interrupted = 130,
    /// By SIGQUIT.
    Quit = 131,
    Terminated = 143,
}

impl Exit {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 13] = [
        Self::Ok,
        Self::Runtime,
        Self::Usage,
        Self::Input,
        Self::DoesNotFit,
        Self::Model,
        Self::Limit,
        Self::NotCited,
        Self::NoAnswer,
        Self::Timeout,
        Self::Interrupted,
        Self::Quit,
        Self::Terminated,
    ];

    /// The code as a number.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// How several answers ended, of which the `later` one comes next: the first that ended badly decides.
    #[must_use]
    pub fn or(self, later: Self) -> Self {
        if self == Self::Ok { later } else { self }
    }
}

impl From<FailureKind> for Exit {
    fn from(kind: FailureKind) -> Self {
        match kind {
            // Something that this model or machine doesn't support calls for other flags.
            FailureKind::Usage | FailureKind::Unsupported => Self::Usage,
            FailureKind::Input => Self::Input,
            FailureKind::Model => Self::Model,
            FailureKind::DoesNotFit => Self::DoesNotFit,
            FailureKind::Runtime => Self::Runtime,
        }
    }
}

impl From<Finish> for Exit {
    fn from(finish: Finish) -> Self {
        match finish {
            Finish::EndOfGeneration | Finish::StopString => Self::Ok,
            Finish::NoAnswer => Self::NoAnswer,
            Finish::TokenLimit | Finish::TimeLimit | Finish::ContextFull | Finish::Repetition => Self::Limit,
            Finish::Cancelled => Self::Interrupted,
        }
    }
}

impl From<Stop> for Exit {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Timeout => Self::Timeout,
            Stop::Signal(Signal::Interrupt) => Self::Interrupted,
            Stop::Signal(Signal::Quit) => Self::Quit,
            Stop::Signal(Signal::HangUp | Signal::Terminate) => Self::Terminated,
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
pub enum ExitError {
    Failed(Failure),
    /// By a signal or `--timeout`.
    Stopped(Stop),
    /// The reader closed our output, as `head` does. That is no failure.
    ReaderGone,
}

impl ExitError {
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Failed(failure) => failure.kind.into(),
            Self::Stopped(stop) => (*stop).into(),
            Self::ReaderGone => Exit::Ok,
        }
    }

    /// The message and the hint. `None` if there is nothing to report: the sender of a signal knows about it.
    #[must_use]
    pub fn told(&self) -> Option<(&str, Option<&str>)> {
        match self {
            Self::Failed(failure) => Some((&failure.message, failure.hint.as_deref())),
            Self::Stopped(Stop::Timeout) => Some(("the --timeout limit was reached", None)),
            Self::Stopped(Stop::Signal(_)) | Self::ReaderGone => None,
        }
    }
}

impl From<Failure> for ExitError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<ClientError> for ExitError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Failed(failure) => failure.into(),
            ClientError::Stopped(stop) => Self::Stopped(stop),
        }
    }
}

impl From<settings::Error> for ExitError {
    fn from(error: settings::Error) -> Self {
        let is_unread = matches!(
            error,
            settings::Error::PromptFile { .. }
                | settings::Error::SystemFile { .. }
                | settings::Error::SchemaFile { .. }
        );
        Failure::of(if is_unread { FailureKind::Input } else { FailureKind::Usage }, &error).into()
    }
}

impl From<swaa::selection::Error> for ExitError {
    fn from(error: swaa::selection::Error) -> Self {
        Failure::of(FailureKind::Usage, &error).into()
    }
}

impl From<document::Error> for ExitError {
    fn from(error: document::Error) -> Self {
        Failure::of(FailureKind::Input, &error).into()
    }
}

impl From<document::SelectError> for ExitError {
    fn from(error: document::SelectError) -> Self {
        Failure::of(FailureKind::Usage, &error).into()
    }
}

impl From<fit::Error> for ExitError {
    fn from(error: fit::Error) -> Self {
        match error {
            fit::Error::Parts(error) => error.into(),
            fit::Error::Preset(error) => error.into(),
            fit::Error::Template(error) => error.into(),
            fit::Error::NothingPicked { .. } => Failure::of(FailureKind::Input, &error).into(),
        }
    }
}

impl From<session::Error> for ExitError {
    fn from(error: session::Error) -> Self {
        match error {
            session::Error::Document(error) => error.into(),
            session::Error::Selection(error) => error.into(),
            session::Error::Place(_) => Failure::of(FailureKind::Usage, &error).into(),
            session::Error::Retrieval(error) => error.into(),
            session::Error::Model(error) => error.into(),
            session::Error::Engine(failure) => failure.into(),
            session::Error::NothingCame { .. } | session::Error::PartsGone { .. } | session::Error::StillReading => {
                Failure::of(FailureKind::Input, &error).into()
            }
            session::Error::ModelMissing { .. } => Failure::of(FailureKind::Model, &error).into(),
        }
    }
}

impl From<session::earlier::Error> for ExitError {
    fn from(error: session::earlier::Error) -> Self {
        let is_usage = !matches!(error, session::earlier::Error::NothingKept(_) | session::earlier::Error::Store(_));
        Failure::of(if is_usage { FailureKind::Usage } else { FailureKind::Runtime }, &error).into()
    }
}

impl From<models::Error> for ExitError {
    fn from(error: models::Error) -> Self {
        match error {
            models::Error::Cancelled => Self::Stopped(Stop::Signal(Signal::Interrupt)),
            error => Failure::of(FailureKind::Model, &error).into(),
        }
    }
}

impl From<chat::template::Error> for ExitError {
    fn from(error: chat::template::Error) -> Self {
        Failure::of(FailureKind::Model, &error).into()
    }
}

impl From<io::Error> for ExitError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::ReaderGone;
        }
        Failure::new(FailureKind::Runtime, format!("cannot write the answer: {error}"), None).into()
    }
}
