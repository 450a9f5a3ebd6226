//! A quote in an answer, and where it was found in the document.

use serde::{Deserialize, Serialize};

use super::source::Source;
use crate::document::ByteSpan;

/// Words of a quote that are repeated when it is told where it stands, enough to recognise it.
const QUOTE_WORDS: usize = 12;

/// A quote in an answer, and the result of looking it up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Citation {
    /// Where the quote is in the answer, without the quotation marks.
    pub span: ByteSpan,
    pub verdict: Verdict,
    /// Where the passage is; `None` if there is none.
    pub source: Option<Source>,
}

impl Citation {
    /// `quoted from Chapter 1, line 28: "a single man in possession of a good fortune"`.
    #[must_use]
    pub fn in_words(&self, answer: &str) -> String {
        let words: Vec<&str> = answer[self.span.start..self.span.end].split_whitespace().collect();
        let more = if words.len() > QUOTE_WORDS { " …" } else { "" };
        let text = format!("\"{}{more}\"", words[..words.len().min(QUOTE_WORDS)].join(" "));
        let place = self.source.as_ref().map_or_else(|| "the document".to_owned(), Source::in_words);
        match self.verdict {
            Verdict::Verified(_) => format!("quoted from {place}: {text}"),
            Verdict::Repaired { agreement, .. } => {
                format!("close to {place} ({:.0}% of the words match): {text}", agreement * 100.0)
            }
            Verdict::NotFound => format!("not in the document: {text}"),
        }
    }
}

/// Whether a quote is in the document.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Word for word; if there are several places, the first.
    Verified(ByteSpan),
    /// The nearest passage, and the share of words that agree.
    Repaired {
        passage: ByteSpan,
        agreement: f32,
    },
    NotFound,
}

impl Verdict {
    /// Its name in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Verified(_) => "verified",
            Self::Repaired { .. } => "repaired",
            Self::NotFound => "not_found",
        }
    }

    /// The share of words that agree, from 0 to 1.
    #[must_use]
    pub fn agreement(&self) -> f32 {
        match self {
            Self::Verified(_) => 1.0,
            Self::Repaired { agreement, .. } => *agreement,
            Self::NotFound => 0.0,
        }
    }

    /// Where it was found.
    #[must_use]
    pub fn passage(&self) -> Option<ByteSpan> {
        match self {
            Self::Verified(passage) | Self::Repaired { passage, .. } => Some(*passage),
            Self::NotFound => None,
        }
    }
}
