//! The document, as a front end and the prompt need it.

use std::sync::Arc;

/// What a chat is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFacts {
    /// `Pride and Prejudice`, `src/ and 2 more`.
    pub title: String,
    /// What part of it was taken, when not all: `chapters 1–12 of 61`.
    pub part: Option<String>,
    pub text: Arc<str>,
    /// Why it is so long, when that was chosen for it: `4 of 61 parts are read, as many as …`.
    pub choice: Option<String>,
}
