//! What each token may see, and what a change of preset costs: Sliding Window Attention Adaptation (arXiv 2512.10411) as plain data.
//!
//! The picture: a triangle of queries (rows) and keys (columns). Full attention fills it. A sliding layer keeps a band of
//! `window` keys along the diagonal and the first `sinks` columns. A [`Recipe`] says which layers do that, and for which
//! stretches of tokens: the document is read through the window; the question (the *dense tail*) and the answer
//! (*FA decode*) see everything.
//!
//! Example: window 2048, sinks 100. Token 5000 sees keys 2953..=5000 and 0..100: 2,148 of 5,001. Token 2147 still sees all
//! of its 2,148 keys, so the first `window + sinks` positions are the same under every recipe at least that wide ([`Attention::seen_whole`]).
//!
//! What it does not do: run anything. The patched llama.cpp does (`ggml-patches`), and [`sees`] is the judge of what it does.
//! Look next at [`preset`] for the names that users know, and at `engine::plan` for how a recipe becomes reading.

pub mod auto;
mod layers;
pub mod preset;
mod recipe;
pub mod written;

pub use layers::{LayerSet, LayerSpec};
pub use preset::{ChainOfThought, Preset, Presets};
pub use recipe::{Attention, Change, Recipe, RecipeError, RecipeSpec, WindowSpec};

/// Whether the query at position `query` sees the key at position `key` on a sliding layer.
///
/// `window` counts the keys that a query sees *including its own* (the reference's transformers backend; its vLLM backend sees one more).
/// Source: SWAA, section 3, and the mask of the paper's code.
#[must_use]
pub const fn sees(query: u32, key: u32, window: u32, sinks: u32) -> bool {
    key <= query && (query - key < window || key < sinks)
}
