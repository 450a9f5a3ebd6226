//! Which passages of a text does a question point at?
//!
//! Two ways to find them: by where attention heads look while the question is read ([`Attention`]), and by the words
//! of the question ([`by_words`], BM25). Either gives windows of about 256 tokens that don't overlap, which [`joined`]
//! widens to the ends of sentences or lines.
//!
//! Example: 8 heads look at a book of 30,000 tokens while "Who is Mr. Collins?" is read. Their attention is added up in
//! chunks of 64 tokens; the best window of four chunks holds 31% of it: the letter in chapter 13.
//!
//! It knows nothing of models: attention comes in as numbers, tokens as the bytes where they end.

mod attention;
mod ends;
mod words;

use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use attention::{Attention, Window};
pub use ends::joined;
pub use words::{Words, asks_about_all, by_words, has_its_words};

/// Tokens of a passage before it is widened.
pub const PASSAGE_TOKENS: usize = 256;

/// A stretch of a text, in bytes, and how much points at it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    pub span: Range<usize>,
    /// Of attention: its share of all, 0 to 1. Of words: BM25.
    pub score: f32,
}
