//! Why a file's header is refused.

use std::io;

/// What is wrong with the header of a GGUF file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// The file ends before `what` does.
    #[error("it ends too early: {what} at byte {at} takes {need} bytes, and the file has {have}")]
    Ends { what: String, at: u64, need: u64, have: u64 },
    /// The layout is broken.
    #[error("its header is damaged: {what} is {found}, not {expected}")]
    Damaged { what: String, found: String, expected: String },
    /// A key's value is outside of what it can mean.
    #[error("{key} is {found}, not {expected}")]
    Key { key: String, found: String, expected: String },
    /// A key that every language model has is missing.
    #[error("it has no {key}, {what}")]
    Missing { key: String, what: &'static str },
}

impl Error {
    #[expect(clippy::needless_pass_by_value, reason = "numbers and texts alike, as they come")]
    pub(super) fn damaged(what: impl Into<String>, found: impl ToString, expected: impl Into<String>) -> Self {
        Self::Damaged { what: what.into(), found: found.to_string(), expected: expected.into() }
    }

    #[expect(clippy::needless_pass_by_value, reason = "numbers and texts alike, as they come")]
    pub(super) fn key(key: impl Into<String>, found: impl ToString, expected: impl Into<String>) -> Self {
        Self::Key { key: key.into(), found: found.to_string(), expected: expected.into() }
    }
}
