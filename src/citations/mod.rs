//! Checks whether the quotes in an answer are really in the document.
//!
//! Everything that the answer puts in quotation marks or in a block quote is looked up. The same words in the same
//! order are [`Verdict::Verified`]; nearly the same words are [`Verdict::Repaired`], with the nearest passage; anything
//! else is [`Verdict::NotFound`]. Only words count: case, punctuation, line ends and the kind of quotation marks don't.
//!
//! Example: an answer says `"a single man in possession of a large fortune"`; the book has "of a good fortune":
//! repaired, eight of nine words.
//!
//! A quote with a negation more or less than the passage (`The river never floods in April`) is not found, however many
//! words agree.
//!
//! Each quote takes one pass over the words of the document. It does not judge whether a quote supports a claim, and
//! does not find paraphrases.

mod find;
mod index;
mod negation;
mod source;
mod verdict;
mod words;

use crate::document::ByteSpan;
pub use find::find_citations;
pub use index::Index;
pub use source::{Source, SourceRange, sources};
pub use verdict::{Citation, Verdict};

/// Whether `answer` has quotes that can be looked up in `document`: a blank one has no words.
#[must_use]
pub fn can_look_up(answer: &str, document: &str) -> bool {
    !document.trim().is_empty() && !find_citations(answer).is_empty()
}

/// All quotes in `answer`, in order, looked up in the document: first in the passages that were read again for it, then
/// everywhere. They have their places if the index knows its document.
#[must_use]
pub fn check(answer: &str, document: &Index, passages: &[ByteSpan]) -> Vec<Citation> {
    let looked_up = |span: ByteSpan| {
        let verdict = document.look_up(&answer[span.start..span.end], passages);
        Citation { span, verdict, source: verdict.passage().and_then(|passage| document.source(passage)) }
    };
    find_citations(answer).into_iter().map(looked_up).collect()
}
