//! How a run ended, as the number that scripts look at.

use crate::engine::message::{FailureKind, Finish};

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

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
