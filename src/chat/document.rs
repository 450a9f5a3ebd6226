//! What front ends and prompts need to know about the document.

use std::sync::Arc;

/// What a chat is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFacts {
    /// `Pride and Prejudice`, `src/ and 2 more`.
    pub title: String,
    /// Which part is in use, if not all: `chapters 1–12 of 61`.
    pub part: Option<String>,
    pub text: Arc<str>,
    /// How its length was chosen, if it was: `4 of 61 parts are read, as many as …`.
    pub choice: Option<String>,
}
