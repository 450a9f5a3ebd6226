//! A quote in an answer, and where it was found in the document.

use crate::document::ByteSpan;

/// A quote in an answer, and the result of looking it up.
#[derive(Debug, Clone, PartialEq)]
pub struct Citation {
    /// Where the quote is in the answer, without the quotation marks.
    pub span: ByteSpan,
    pub verdict: Verdict,
}

/// Whether a quote is in the document.
#[derive(Debug, Clone, Copy, PartialEq)]
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
    /// Where it was found.
    #[must_use]
    pub fn passage(&self) -> Option<ByteSpan> {
        match self {
            Self::Verified(passage) | Self::Repaired { passage, .. } => Some(*passage),
            Self::NotFound => None,
        }
    }
}
