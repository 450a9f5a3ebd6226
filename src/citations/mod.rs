//! Is it really in the document? Quotes of an answer, matched against the text that was read.
//!
//! The picture: a proof-reader with the book at hand. Whatever the answer puts in quotation marks or in a block quote is looked up: the same
//! words in the same order is [`Verdict::Verified`], nearly the same [`Verdict::Repaired`] (with the passage that it must have been),
//! anything else [`Verdict::NotFound`]. Only words count: case, punctuation, line ends and the kind of quotation marks do not.
//!
//! Example: an answer says `"a single man in possession of a large fortune"`; the book has "of a good fortune": repaired, eight of nine words.
//!
//! One pass over the words of the document for each quote. What it does not do: judge whether a quote supports what is
//! said, or find a thought in other words.

mod find;
mod index;
mod verdict;
mod words;

pub use find::find_citations;
pub use index::Index;
pub use verdict::{Citation, Verdict};

/// Every quote of `answer`, in its order, looked up in the document.
#[must_use]
pub fn check(answer: &str, document: &Index) -> Vec<Citation> {
    let citations = find_citations(answer).into_iter();
    citations.map(|span| Citation { span, verdict: document.look_up(&answer[span.start..span.end]) }).collect()
}
