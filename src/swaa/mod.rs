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
//! A recipe can add *far keys*: of the keys between sinks and window, a sliding layer sees every `far`-th, and each
//! counts for all `far` of them ([`weight`]). With `far` 16, token 5000 also sees 104, 120, … 2952: 179 more keys, each
//! in place of 16. What a window loses is the many small weights that are missing from its softmax; a sample with the
//! right weight puts them back (measured: `docs/presets.md`).
//!
//! Runs nothing: the patched llama.cpp does (`ggml-patches`), and is tested against [`weight`]. Look next at [`preset`]
//! for the names that users know, at [`selection`] for how a preset becomes a recipe for a model, at [`cost`] for the
//! cost of prefill, and at [`auto`] for how a preset is chosen. Of the rest of the crate, it uses only `failure` and `units`.

mod adapters;
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

pub use adapters::{Adapter, Scale};
pub use families::full_layers as family_layers;
pub use layers::{Lacking, LayerSet, LayerSpec, ModelLayers};
pub use preset::{ChainOfThought, Preset, Presets};
pub use recipe::{Attention, Bound, Recipe, RecipeError, RecipeSpec, WindowSpec};

/// Whether the query at position `query` sees the key at position `key` on a sliding layer.
///
/// `window` counts the keys that a query sees *including its own* (the reference's transformers backend; its vLLM
/// backend sees one more). Source: SWAA, section 3, and the mask of the paper's code.
#[must_use]
pub const fn sees(query: u32, key: u32, window: u32, sinks: u32) -> bool {
    key <= query && (query - key < window || key < sinks)
}

/// How many keys the key at position `key` counts for when the query at position `query` attends on a sliding layer: 0
/// if the query does not see it, 1 in the window and among the sinks, `far` for a far key.
///
/// The far keys of a query are the positions [`far_offset`]` + i * far` from `sinks` up to where the window starts. The
/// logarithm of the weight is added to the logit, after the scale and any soft cap. Without far keys (`far` 0) this is
/// [`sees`]; with `far` 1 every key counts once, which is full attention.
#[must_use]
pub const fn weight(query: u32, key: u32, window: u32, sinks: u32, far: u32) -> u32 {
    if sees(query, key, window, sinks) {
        1
    } else if far > 0 && key < query && key % far == far_offset(far) {
        far
    } else {
        0
    }
}

/// Where in each `far` positions the far key is: in the middle, as in the measurements.
#[must_use]
pub const fn far_offset(far: u32) -> u32 {
    far / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{sees, weight};

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

    proptest! {
        /// The keys between sinks and window, one by one from the front: each `far`-th counts for `far`, the rest for
        /// nothing.
        #[test]
        fn far_keys_stand_for_those_between_sinks_and_window(
            query in 0_u32..300, window in 1_u32..320, sinks in 0_u32..320, far in 0_u32..50
        ) {
            let between: Vec<u32> = (0..=query).filter(|&key| key >= sinks && key + window <= query).collect();
            for key in 0..=query + 2 {
                let counted = weight(query, key, window, sinks, far);
                if between.contains(&key) {
                    let far_positions: Vec<u32> =
                        if far == 0 { Vec::new() } else { (far / 2..=query).step_by(far as usize).collect() };
                    prop_assert_eq!(counted, if far_positions.contains(&key) { far } else { 0 }, "key {}", key);
                } else {
                    prop_assert_eq!(counted, u32::from(sees(query, key, window, sinks)), "key {}", key);
                }
            }
        }

        /// All keys together count for as many as there are, but for less than one stride at each end.
        #[test]
        fn the_weights_add_up_to_the_keys_there_are(
            query in 0_u32..3000, window in 1_u32..320, sinks in 0_u32..320, far in 1_u32..50
        ) {
            let counted: u32 = (0..=query).map(|key| weight(query, key, window, sinks, far)).sum();
            prop_assert!(counted.abs_diff(query + 1) < far, "{} of {} keys", counted, query + 1);
        }

        #[test]
        fn every_key_far_or_near_counts_once_where_far_is_one(query in 0_u32..300, window in 1_u32..320, sinks in 0_u32..320) {
            prop_assert!((0..=query).all(|key| weight(query, key, window, sinks, 1) == 1));
        }
    }

    #[test]
    fn the_example_of_the_module() {
        let far: Vec<u32> = (0..=5000).filter(|&key| weight(5000, key, 2048, 100, 16) == 16).collect();
        assert_eq!((far.len(), far.first(), far.last()), (179, Some(&104), Some(&2952)));
    }

    #[test]
    fn the_widest_window_and_the_last_position_do_not_overflow() {
        assert!(sees(u32::MAX, 0, u32::MAX, 1));
        assert!(!sees(u32::MAX, 0, u32::MAX, 0));
        assert!(!sees(0, u32::MAX, u32::MAX, u32::MAX));
        assert_eq!(weight(u32::MAX, u32::MAX / 2, 1, 0, u32::MAX), u32::MAX);
    }
}
