//! A question with its answer, as later prompts repeat it.

use std::sync::Arc;

/// A question that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    pub question: Arc<str>,
    /// The visible answer, exactly as it was generated, so that the engine can reuse the generated tokens.
    pub answer: Arc<str>,
}
