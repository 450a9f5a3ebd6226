//! An error as a front end shows it: its kind, a message with the evidence, and a separate hint.
//!
//! Each module has its own errors, which implement [`Hint`]. [`Failure::of`] turns any of them into a failure. Exit
//! errors, notices and engine events are built from failures, so every front end words an error the same way.
//!
//! Example: `Failure::of(FailureKind::Input, &error)` with the document's error gives "cannot read book.txt: no such
//! file" and its hint.
//!
//! It does not choose exit codes; [`crate::exit`] does.

use std::fmt::Display;
use std::io;

use serde::{Deserialize, Serialize};

use crate::document;

/// An error with a hint for the user.
pub trait Hint {
    /// What the user can do, in one line; `None` if there is nothing to do.
    fn hint(&self) -> Option<String>;
}

/// Why a file can't be read or written, without the system's number for it: `no such file`, `permission denied`.
#[must_use]
pub fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
        _ => error.to_string(),
    }
}

// `document` uses nothing else of this crate, so that it can be compiled alone.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The command line or configuration is invalid.
    Usage,
    /// A document is unreadable or empty.
    Input,
    /// The model's file is missing, not a GGUF, truncated, or of an unknown architecture.
    Model,
    /// The prompt or the context does not fit.
    DoesNotFit,
    /// Sliding attention or a named device is not available here.
    Unsupported,
    Runtime,
}

/// What failed, with its kind and a hint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
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

    /// The failure with the message and hint of `error`.
    #[must_use]
    pub fn of(kind: FailureKind, error: &(impl Display + Hint)) -> Self {
        Self::new(kind, error.to_string(), error.hint())
    }

    /// The engine's thread ended without a reason.
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
