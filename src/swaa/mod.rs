//! What each token may see: Sliding Window Attention Adaptation (arXiv 2512.10411) as plain data.
//!
//! The causal mask is a triangle with queries as rows and keys as columns. Full attention fills it. A sliding layer
//! keeps a band of `window` keys along the diagonal and the first `sinks` columns. A [`Recipe`] says which layers
//! slide, and for which segments of tokens: the document is prefilled through the window; the question (the *dense
//! tail*) and the answer (*FA decode*) see everything.
//!
//! Example: window 2048, sinks 100. Token 5000 sees keys 2953..=5000 and 0..100: 2,148 of 5,001. Token 2147 still sees
//! all of its 2,148 keys, so the first `window + sinks` positions are the same under every recipe that is at least as
//! wide ([`Attention::seen_whole`]).
//!
//! Runs nothing: the patched llama.cpp does (`ggml-patches`), and is tested against [`sees`]. Look next at [`preset`]
//! for the names that users know, at [`selection`] for how a preset becomes a recipe for a model, at [`cost`] for the
//! cost of prefill, and at [`auto`] for how a preset is chosen. Of the rest of the crate, it uses only `failure`.

pub mod auto;
pub mod cost;
mod families;
mod layers;
pub mod model;
pub mod preset;
mod recall;
mod recipe;
pub mod selection;
pub mod written;

pub use layers::{LayerSet, LayerSpec};
pub use preset::{ChainOfThought, Preset, Presets};
pub use recipe::{Attention, Recipe, RecipeError, RecipeSpec, WindowSpec};

/// Whether the query at position `query` sees the key at position `key` on a sliding layer.
///
/// `window` counts the keys that a query sees *including its own* (the reference's transformers backend; its vLLM
/// backend sees one more). Source: SWAA, section 3, and the mask of the paper's code.
#[must_use]
pub const fn sees(query: u32, key: u32, window: u32, sinks: u32) -> bool {
    key <= query && (query - key < window || key < sinks)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::sees;

    proptest! {
        #[test]
        fn a_query_sees_the_last_window_keys_and_the_first_sinks(query in 0_u32..300, window in 1_u32..320, sinks in 0_u32..320) {
            let past = || 0..=query;
            let in_window: Vec<u32> = past().rev().take(window as usize).collect();
            let in_sinks: Vec<u32> = past().take(sinks as usize).collect();
            for key in 0..=query + 2 {
                prop_assert_eq!(
                    sees(query, key, window, sinks),
                    in_window.contains(&key) || in_sinks.contains(&key),
                    "query {}, key {}", query, key
                );
            }
        }
    }

    #[test]
    fn the_widest_window_and_the_last_position_do_not_overflow() {
        assert!(sees(u32::MAX, 0, u32::MAX, 1));
        assert!(!sees(u32::MAX, 0, u32::MAX, 0));
        assert!(!sees(0, u32::MAX, u32::MAX, u32::MAX));
    }
}
