//! A quote of an answer, and where the document has it.

use crate::document::ByteSpan;

/// A quote of an answer, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Citation {
    /// Of the answer, the marks not among it.
    pub span: ByteSpan,
    pub verdict: Verdict,
}

/// Whether a quote is in the document.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Word for word; of several places the first.
    Verified(ByteSpan),
    /// The nearest passage, and which share of the words agrees.
    Repaired {
        passage: ByteSpan,
        agreement: f32,
    },
    NotFound,
}

impl Verdict {
    /// Where it leads.
    #[must_use]
    pub fn passage(&self) -> Option<ByteSpan> {
        match self {
            Self::Verified(passage) | Self::Repaired { passage, .. } => Some(*passage),
            Self::NotFound => None,
        }
    }
}
