//! Predicts how long a prefill takes, from chunks that were timed in this run.
//!
//! The picture: a chunk costs its products with the weights (in proportion to its tokens) and its attention (in proportion
//! to the pairs of query and key that it computes). Both costs are counted in operations of the model's shape, and each has
//! a price in seconds per operation that [`Forecaster::observe`] learns by least squares. Chunks near the start say little about the
//! price of attention; until deep ones were seen, its price leans on that of the products.
//!
//! Example: 512 tokens at depth 7,680 of a 0.5B model are 5.1e11 operations of products and 3.5e11 of attention.
//!
//! What was learnt in an earlier run ([`super::speeds`]) is a beginning that newer chunks soon outweigh.
//!
//! What it does not do: predict before anything was measured.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::kv_log::Reading;
use crate::swaa::Attention;

/// What one token costs in a model of a given shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    pub parameters: f64,
    pub layers: u32,
    /// Query heads times head size.
    pub attention_width: f64,
}

/// Operations of a stretch of prefill, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Work {
    products: f64,
    attention: f64,
}

/// Attention's operations are believed to cost 3 times as much as the products', each, as they did on AVX-512 (
/// a 0.5B in 4 bits); where that is wrong, deep chunks soon say so.
const ATTENTION_PRICE_BEFORE_DEEP_CHUNKS: f64 = 3.0;

/// How much the belief above weighs beside measurements: as one chunk of equal halves.
const BELIEF_WEIGHT: f64 = 0.05;

/// Older chunks count less by this factor at each new one: a machine's speed drifts.
const MEMORY: f64 = 0.97;

/// Chunks of this grain keep the sum over a triangle within a percent of its integral.
const GRAIN_TOKENS: u32 = 512;

/// How much what was learnt in earlier runs weighs at the start of a new one, whose machine may be busier or idler.
const EARLIER: f64 = 0.1;

/// The normal equations of least squares over (products, attention) → seconds: all that is kept of what was measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sums {
    pp: f64,
    pa: f64,
    aa: f64,
    pt: f64,
    at: f64,
}

/// Learns the prices and predicts.
#[derive(Debug, Clone)]
pub(super) struct Forecaster {
    shape: Shape,
    sums: Sums,
}

impl Forecaster {
    #[cfg(test)]
    pub(super) fn new(shape: Shape) -> Self {
        Self::knowing(shape, Sums::default())
    }

    /// One that begins with what was learnt `earlier`.
    pub(super) fn knowing(shape: Shape, earlier: Sums) -> Self {
        let Sums { pp, pa, aa, pt, at } = earlier;
        let sums = Sums { pp: pp * EARLIER, pa: pa * EARLIER, aa: aa * EARLIER, pt: pt * EARLIER, at: at * EARLIER };
        Self { shape, sums }
    }

    pub(super) fn sums(&self) -> Sums {
        self.sums
    }

    /// Learns from a chunk of `tokens` that began at `start` under `attention` and took `elapsed`.
    pub(super) fn observe(&mut self, start: u32, tokens: u32, attention: &Attention, elapsed: Duration) {
        let Work { products, attention } = self.work(start, tokens, attention);
        let seconds = elapsed.as_secs_f64();
        for (sum, term) in [
            (&mut self.sums.pp, products * products),
            (&mut self.sums.pa, products * attention),
            (&mut self.sums.aa, attention * attention),
            (&mut self.sums.pt, products * seconds),
            (&mut self.sums.at, attention * seconds),
        ] {
            *sum = *sum * MEMORY + term;
        }
    }

    /// How long reading `reading` from `start` on takes; `None` before anything was measured.
    pub(super) fn predict(&self, reading: &Reading, start: u32) -> Option<Duration> {
        let prices = self.sums.prices()?;
        let mut seconds = 0.0;
        let mut position = start;
        while let Some((tokens, attention)) = reading.chunk_from(position, GRAIN_TOKENS) {
            seconds += self.seconds(position, tokens.len() as u32, attention, prices);
            position += tokens.len() as u32;
        }
        Some(Duration::from_secs_f64(seconds))
    }

    /// How long reading stretches of so many tokens takes, one after the other from position 0; `None` before anything was measured.
    pub(super) fn predict_stretches(&self, stretches: &[(u32, &Attention)]) -> Option<Duration> {
        let prices = self.sums.prices()?;
        let mut seconds = 0.0;
        let mut start = 0;
        for (tokens, attention) in stretches {
            for begun in (0..*tokens).step_by(GRAIN_TOKENS as usize) {
                let chunk = GRAIN_TOKENS.min(tokens - begun);
                seconds += self.seconds(start + begun, chunk, attention, prices);
            }
            start += tokens;
        }
        Some(Duration::from_secs_f64(seconds))
    }

    fn seconds(&self, start: u32, tokens: u32, attention: &Attention, (product, pair): (f64, f64)) -> f64 {
        let work = self.work(start, tokens, attention);
        work.products * product + work.attention * pair
    }

    /// Operations of `tokens` tokens from `start` on.
    fn work(&self, start: u32, tokens: u32, attention: &Attention) -> Work {
        let full_keys = f64::from(start) + f64::midpoint(f64::from(tokens), 1.0);
        let (full_layers, sliding_keys) = match attention {
            Attention::Full => (self.shape.layers, full_keys),
            Attention::Sliding { window, sinks, full_layers } => {
                // The graph computes whole views: window and sinks plus the chunk itself.
                let view = f64::from(*window) + f64::from(*sinks) + f64::from(tokens) / 2.0;
                (full_layers.len() as u32, full_keys.min(view))
            }
        };
        let sliding_layers = self.shape.layers - full_layers;
        let keys = f64::from(full_layers) * full_keys + f64::from(sliding_layers) * sliding_keys;
        let tokens = f64::from(tokens);
        Work {
            products: 2.0 * self.shape.parameters * tokens,
            attention: 4.0 * self.shape.attention_width * keys * tokens,
        }
    }
}

impl Sums {
    /// Seconds per operation of products and of attention.
    fn prices(&self) -> Option<(f64, f64)> {
        if self.pp == 0.0 {
            return None;
        }
        // The belief is one more equation: attention price − 3 × product price = 0, weighed by what was seen.
        let weight = BELIEF_WEIGHT * self.pp;
        let ratio = ATTENTION_PRICE_BEFORE_DEEP_CHUNKS;
        let (pp, pa, aa) = (self.pp + weight * ratio * ratio, self.pa - weight * ratio, self.aa + weight);
        let determinant = pp * aa - pa * pa;
        let product = (aa * self.pt - pa * self.at) / determinant;
        let attention = (pp * self.at - pa * self.pt) / determinant;
        if product > 0.0 && attention > 0.0 {
            return Some((product, attention));
        }
        // Noise can push one price below nothing; then both follow the belief.
        let product = (self.pt + ratio * self.at) / (self.pp + 2.0 * ratio * self.pa + ratio * ratio * self.aa);
        Some((product, ratio * product))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kv_log::Token;
    use crate::swaa::LayerSet;

    const HALF_BILLION: Shape = Shape { parameters: 4.9e8, layers: 24, attention_width: 896.0 };

    /// A machine with these prices, observed over a reading in chunks of 512.
    fn observed(attention: &Attention, tokens: u32, product_price: f64, attention_price: f64) -> Forecaster {
        let mut forecaster = Forecaster::new(HALF_BILLION);
        for start in (0..tokens).step_by(512) {
            let work = forecaster.work(start, 512, attention);
            let seconds = work.products * product_price + work.attention * attention_price;
            forecaster.observe(start, 512, attention, Duration::from_secs_f64(seconds));
        }
        forecaster
    }

    fn reading(tokens: usize, attention: &Attention) -> Reading {
        let mut reading = Reading::default();
        reading.push(&vec![Token(1); tokens], attention);
        reading
    }

    #[test]
    fn nothing_is_predicted_before_anything_was_measured() {
        assert_eq!(Forecaster::new(HALF_BILLION).predict(&reading(10, &Attention::Full), 0), None);
    }

    #[test]
    fn a_full_reading_predicts_itself_and_a_sliding_one() {
        let (product_price, attention_price) = (1e-11, 4e-11);
        let forecaster = observed(&Attention::Full, 16_384, product_price, attention_price);
        let sliding = Attention::Sliding { window: 2048, sinks: 100, full_layers: LayerSet::default() };
        for attention in [Attention::Full, sliding] {
            let truth: f64 = (0..16_384)
                .step_by(512)
                .map(|start| {
                    let work = forecaster.work(start, 512, &attention);
                    work.products * product_price + work.attention * attention_price
                })
                .sum();
            let predicted = forecaster.predict(&reading(16_384, &attention), 0).expect("32 chunks were observed");
            let ratio = predicted.as_secs_f64() / truth;
            assert!((0.9..1.1).contains(&ratio), "{attention}: predicted {predicted:?} of {truth} s");
        }
    }

    #[test]
    fn what_was_learnt_earlier_predicts_and_gives_way_to_what_is_measured_now() {
        let slow = observed(&Attention::Full, 16_384, 3e-11, 9e-11);
        let of =
            |forecaster: &Forecaster| forecaster.predict_stretches(&[(8_192, &Attention::Full)]).expect("measured");
        let mut now = Forecaster::knowing(HALF_BILLION, slow.sums());
        assert!(of(&now).abs_diff(of(&slow)) < Duration::from_millis(1), "prices do not depend on the weight");
        let fast = observed(&Attention::Full, 16_384, 1e-11, 3e-11);
        for start in (0..8_192).step_by(512) {
            let work = now.work(start, 512, &Attention::Full);
            let elapsed = Duration::from_secs_f64(work.products * 1e-11 + work.attention * 3e-11);
            now.observe(start, 512, &Attention::Full, elapsed);
        }
        let ratio = of(&now).as_secs_f64() / of(&fast).as_secs_f64();
        assert!((1.0..1.5).contains(&ratio), "{ratio} times what it now takes; earlier it was 3 times");
    }

    #[test]
    fn stretches_are_predicted_as_the_reading_that_they_make() {
        let forecaster = observed(&Attention::Full, 4_096, 1e-11, 3e-11);
        let sliding = Attention::Sliding { window: 512, sinks: 10, full_layers: LayerSet::default() };
        let mut whole = reading(3_000, &sliding);
        whole.push(&[Token(1); 40], &Attention::Full);
        let stretches = [(3_000, &sliding), (40, &Attention::Full)];
        assert_eq!(forecaster.predict_stretches(&stretches), forecaster.predict(&whole, 0));
    }

    #[test]
    fn what_is_cached_costs_nothing() {
        let forecaster = observed(&Attention::Full, 4_096, 1e-11, 3e-11);
        assert_eq!(forecaster.predict(&reading(4_096, &Attention::Full), 4_096), Some(Duration::ZERO));
    }
}
