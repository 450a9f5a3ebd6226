//! An error as a front end shows it: what kind it is, a sentence with the evidence, and apart from it what to do.
//!
//! Each module has errors of its own, which implement [`Hint`]. [`Failure::of`] makes a failure of any of them. Exit
//! errors, notices and the engine's events are built from failures, so that every front end says the same of one error.
//!
//! Example: `Failure::of(FailureKind::Input, &error)` with the document's error gives "cannot read book.txt: no such
//! file" and its hint.
//!
//! It does not choose exit codes; [`crate::exit`] does.

use std::fmt::Display;

use crate::document;

/// An error that knows what its reader can do about it.
pub trait Hint {
    /// One line; `None` when there is nothing to do.
    fn hint(&self) -> Option<String>;
}

// `document` uses nothing of this crate, so that it can be compiled alone.
impl Hint for document::Error {
    fn hint(&self) -> Option<String> {
        self.hint()
    }
}

impl Hint for document::SelectError {
    fn hint(&self) -> Option<String> {
        self.hint()
    }
}

/// The kind of a failure, which decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// It was asked for in a way that makes no sense.
    Usage,
    /// A document is unreadable or has nothing to read.
    Input,
    /// The model's file is missing, no GGUF, truncated, or of an unknown kind.
    Model,
    /// The prompt or the context does not fit.
    DoesNotFit,
    /// Sliding attention, or a device that was named, is not available here.
    Unsupported,
    Runtime,
}

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub kind: FailureKind,
    /// What failed, with the evidence; lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failure {
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>, hint: Option<String>) -> Self {
        Self { kind, message: message.into(), hint }
    }

    /// What `error` says.
    #[must_use]
    pub fn of(kind: FailureKind, error: &(impl Display + Hint)) -> Self {
        Self::new(kind, error.to_string(), error.hint())
    }

    /// The engine's thread ended and did not say why.
    #[must_use]
    pub fn engine_gone() -> Self {
        let hint = "see the log for details (`lunette paths` shows where it is)".to_owned();
        Self::new(FailureKind::Runtime, "the engine stopped unexpectedly", Some(hint))
    }
}

impl Hint for Failure {
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}
