//! The one error type of the build script: what failed, with the evidence, and what to do about it.

use std::fmt::Display;
use std::path::Path;

/// An error as the person who runs cargo sees it.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    pub message: String,
    pub hint: Option<String>,
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// `cannot <action> <path>: <why>`
    pub fn file(action: &str, path: &Path, why: &impl Display) -> Self {
        Self::new(format!("cannot {action} {}: {why}", path.display()))
    }

    /// Prints the error so that cargo shows it as its own, line by line.
    pub fn tell_cargo(&self) {
        for line in self.message.lines() {
            println!("cargo::error={line}");
        }
        for line in self.hint.iter().flat_map(|hint| hint.lines()) {
            println!("cargo::error=hint: {line}");
        }
    }
}
