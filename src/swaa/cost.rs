//! The cost of prefill: the arithmetic shared by the engine's cost model and the choice of a preset.
//!
//! A token costs its matmuls with the weights, plus a constant per pair of query and key that its attention computes.
//! [`PrefillCost`] holds the ratio of the two for one model on one machine and, once measured, the time they take.
//!
//! Example: 1,500 pairs take as long as one token's matmuls, and those take 1.5 ms. 16,384 tokens with full attention
//! have 134 million pairs: 16,384 + 89,500 tokens' worth of matmuls, 159 s.
//!
//! Doesn't measure anything: the engine learns these values from every chunk that it prefills.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::recipe::Attention;

/// Step size of the sum: keeps the sum over a triangle within a percent of its integral.
const GRAIN_TOKENS: u32 = 512;

/// Prefill cost of one model on one machine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PrefillCost {
    /// How many pairs of query and key, averaged over the layers that attend, take as long as the matmuls of one token. What
    /// the other layers of a hybrid compute, is the same for each token, as matmuls are.
    pub pairs_per_token: f64,
    /// Seconds for the matmuls of one token. `None` before this model has been timed on this machine:
    /// `pairs_per_token` is then an estimate.
    pub token_s: Option<f64>,
}

impl PrefillCost {
    /// The cost of prefilling `segments` (tokens and their attention, one after the other) from position `start` on, in
    /// a model in which `layers` layers attend. The unit is the matmuls of one token.
    #[must_use]
    pub fn tokens_worth(&self, start: u32, segments: &[(u32, &Attention)], layers: u32) -> f64 {
        let mut cost = 0.0;
        let mut position = start;
        for &(tokens, attention) in segments {
            let end = position + tokens;
            while position < end {
                let chunk = GRAIN_TOKENS.min(end - position);
                cost += f64::from(chunk) + pairs(position, chunk, attention, layers) / self.pairs_per_token;
                position += chunk;
            }
        }
        cost
    }

    /// The time for the same work; `None` before anything has been measured.
    #[must_use]
    pub fn time(&self, start: u32, segments: &[(u32, &Attention)], layers: u32) -> Option<Duration> {
        self.token_s.map(|seconds| Duration::from_secs_f64(seconds * self.tokens_worth(start, segments, layers)))
    }
}

/// The pairs of query and key that a chunk of `tokens` tokens from position `start` on computes, averaged over the `layers`
/// layers that attend.
///
/// For each query, a sliding layer computes the window, the sinks, the far keys of the chunk's last query and on average
/// half of the chunk.
#[must_use]
pub fn pairs(start: u32, tokens: u32, attention: &Attention, layers: u32) -> f64 {
    let tokens_f = f64::from(tokens);
    let full_keys = f64::from(start) + f64::midpoint(tokens_f, 1.0);
    let keys = match attention {
        Attention::Full => full_keys,
        Attention::Sliding { window, sinks, far, full_layers } => {
            let near = f64::from(*window) + f64::from(*sinks);
            let beyond = (f64::from(start) + tokens_f - near).max(0.0);
            let view = near + tokens_f / 2.0 + if *far > 0 { beyond / f64::from(*far) } else { 0.0 };
            let full_share = full_layers.len() as f64 / f64::from(layers.max(1));
            full_share * full_keys + (1.0 - full_share) * full_keys.min(view)
        }
    };
    keys * tokens_f
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::swaa::{LayerSet, weight};

    const COST: PrefillCost = PrefillCost { pairs_per_token: 1_500.0, token_s: Some(0.0015) };

    fn sliding(window: u32, sinks: u32, full_layers: LayerSet) -> Attention {
        Attention::Sliding { window, sinks, far: 0, full_layers }
    }

    #[test]
    fn the_example_of_the_module() {
        let cost = COST.tokens_worth(0, &[(16_384, &Attention::Full)], 24);
        assert_eq!(cost.round() as u32, 16_384 + 89_484);
        assert_eq!(COST.time(0, &[(16_384, &Attention::Full)], 24).map(|time| time.as_secs()), Some(158));
    }

    #[test]
    fn nothing_takes_any_time_before_it_was_measured() {
        let estimate = PrefillCost { token_s: None, ..COST };
        assert_eq!(estimate.time(0, &[(10, &Attention::Full)], 24), None);
    }

    #[test]
    fn what_is_cached_costs_nothing_and_segments_add_up() {
        let (full, window) = (Attention::Full, sliding(512, 10, LayerSet::default()));
        let whole = COST.tokens_worth(0, &[(4_096, &full)], 24);
        let rest = COST.tokens_worth(1_024, &[(3_072, &full)], 24);
        let beginning = COST.tokens_worth(0, &[(1_024, &full)], 24);
        assert!((beginning + rest - whole).abs() < 1e-9 * whole);
        let both = COST.tokens_worth(0, &[(1_024, &full), (100, &window)], 24);
        assert!((both - beginning - COST.tokens_worth(1_024, &[(100, &window)], 24)).abs() < 1e-9 * both);
    }

    proptest! {
        /// The pairs are those that the mask lets through, plus at most half a chunk and the chunk's far keys per query on
        /// sliding layers.
        #[test]
        fn pairs_are_those_of_the_mask_and_of_its_views(
            tokens in 1_u32..120, window in 1_u32..50, sinks in 0_u32..20, far in prop_oneof![Just(0_u32), 2_u32..20],
            full in prop::collection::btree_set(0_u32..6, 0..6)
        ) {
            let count = |seen: &dyn Fn(u32, u32) -> bool| {
                (0..tokens).flat_map(|query| (0..=query).map(move |key| (query, key))).filter(|&(q, k)| seen(q, k)).count()
            };
            let all = count(&|_, _| true);
            prop_assert!((pairs(0, tokens, &Attention::Full, 6) - all as f64).abs() < 1e-6);
            let windowed = count(&|query, key| weight(query, key, window, sinks, far) > 0);
            let masked = (full.len() * all + (6 - full.len()) * windowed) as f64 / 6.0;
            let sliding_share = (6 - full.len()) as f64 / 6.0;
            let attention = Attention::Sliding { window, sinks, far, full_layers: full.into_iter().collect() };
            let counted = pairs(0, tokens, &attention, 6);
            let of_chunk = f64::from(tokens) / 2.0 + f64::from(tokens.checked_div(far).unwrap_or(0)) + 1.0;
            let more = sliding_share * f64::from(tokens) * of_chunk;
            // A far key more or less at either end of the stride.
            let fewer = if far > 0 { sliding_share * f64::from(tokens) } else { 0.0 };
            prop_assert!((masked - fewer - 1e-6..=masked + more).contains(&counted), "{} of {}", counted, masked);
        }
    }
}
