//! Models that suit a machine and a document, as every front end shows them: plain data, and the words for it.
//!
//! `session` works them out; nothing here is measured, and the heading says what the predictions rest on.

use std::time::Duration;

use crate::units::{bytes, coarse_time, count};

/// Models of the catalogue that suit this machine and this document: predictions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suggestions {
    /// Of the document, estimated.
    pub document_tokens: u32,
    /// For so many tokens: fewer, where no model holds all of the document.
    pub tokens: u32,
    /// At most one of each role; empty where nothing fits.
    pub models: Vec<Suggestion>,
}

/// A model, and what it would take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    pub role: Role,
    /// What `-m` takes.
    pub name: String,
    pub title: String,
    /// Of its file.
    pub bytes: u64,
    pub is_here: bool,
    /// Of weights and cache.
    pub memory_bytes: u64,
    /// To read the document.
    pub reading: Duration,
    /// Under this preset.
    pub preset: String,
}

/// What a suggested model is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Fast,
    Balanced,
    Best,
}

impl Role {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Balanced => "balanced",
            Self::Best => "best",
        }
    }
}

impl Suggestions {
    /// What they are for and rest on: `for about 30,000 tokens, predicted from sizes and from one core of a Xeon with AVX-512`.
    #[must_use]
    pub fn heading(&self) -> String {
        let all = if self.tokens < self.document_tokens {
            format!(" (none holds all {} of this document here)", count(self.document_tokens))
        } else {
            String::new()
        };
        format!(
            "for about {} tokens{all}, predicted from shapes and from what one core of a Xeon with AVX-512 reads",
            count(self.tokens)
        )
    }
}

impl Suggestion {
    /// `2.50 GB to download · 8.2 GB of memory · reads it in 12 min (quick)`
    #[must_use]
    pub fn facts(&self) -> String {
        let place = if self.is_here { "here" } else { "to download" };
        let (size, memory, reading) = (bytes(self.bytes), bytes(self.memory_bytes), coarse_time(self.reading));
        format!("{size} {place} · {memory} of memory · reads it in {reading} ({})", self.preset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_would_take_is_said_in_a_line() {
        let model = Suggestion {
            role: Role::Balanced,
            name: "qwen3-4b".into(),
            title: "Qwen3-4B".into(),
            bytes: 2_497_281_120,
            is_here: false,
            memory_bytes: 8_200_000_000,
            reading: Duration::from_secs(721),
            preset: "quick".into(),
        };
        let expected = "2.50 GB to download · 8.20 GB of memory · reads it in 12 min 01 s (quick)";
        assert_eq!((model.role.name(), model.facts().as_str()), ("balanced", expected));
        let suggestions = Suggestions { document_tokens: 160_000, tokens: 32_768, models: vec![model] };
        let heading = suggestions.heading();
        assert!(
            heading.starts_with("for about 32,768 tokens (none holds all 160,000 of this document here), predicted")
        );
    }
}
