//! Predicts how long a prefill takes, from chunks that were timed in this run.
//!
//! The picture: a chunk costs its products with the weights (in proportion to its tokens) and its attention (in proportion
//! to the pairs of query and key that it computes). Both costs are counted in operations of the model's shape, and each has
//! a price in seconds per operation that [`Forecaster::observe`] learns by least squares. Chunks near the start say little about the
//! price of attention; until deep ones were seen, its price leans on that of the products.
//!
//! Example: 512 tokens at depth 7,680 of a 0.5B model are 5.1e11 operations of products and 3.5e11 of attention.
//!
//! What it does not do: predict before anything was measured.

use std::time::Duration;

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

/// Attention's operations cost more time each than the products' on every CPU that was measured (about 3 times on AVX-512,
/// a 0.5B in 4 bits); where that is wrong, deep chunks soon say so.
const ATTENTION_PRICE_BEFORE_DEEP_CHUNKS: f64 = 3.0;

/// How much the belief above weighs beside measurements: as one chunk of equal halves.
const BELIEF_WEIGHT: f64 = 0.05;

/// Older chunks count less by this factor at each new one: a machine's speed drifts.
const MEMORY: f64 = 0.97;

/// Learns the prices and predicts.
#[derive(Debug, Clone)]
pub(super) struct Forecaster {
    shape: Shape,
    // The normal equations of least squares over (products, attention) → seconds.
    pp: f64,
    pa: f64,
    aa: f64,
    pt: f64,
    at: f64,
}

impl Forecaster {
    pub(super) fn new(shape: Shape) -> Self {
        Self { shape, pp: 0.0, pa: 0.0, aa: 0.0, pt: 0.0, at: 0.0 }
    }

    /// Learns from a chunk of `tokens` that began at `start` under `attention` and took `elapsed`.
    pub(super) fn observe(&mut self, start: u32, tokens: u32, attention: &Attention, elapsed: Duration) {
        let Work { products, attention } = self.work(start, tokens, attention);
        let seconds = elapsed.as_secs_f64();
        for (sum, term) in [
            (&mut self.pp, products * products),
            (&mut self.pa, products * attention),
            (&mut self.aa, attention * attention),
            (&mut self.pt, products * seconds),
            (&mut self.at, attention * seconds),
        ] {
            *sum = *sum * MEMORY + term;
        }
    }

    /// How long reading `reading` from `start` on takes; `None` before anything was measured.
    pub(super) fn predict(&self, reading: &Reading, start: u32) -> Option<Duration> {
        let (product_price, attention_price) = self.prices()?;
        let mut seconds = 0.0;
        let mut position = start;
        // Chunks of this grain keep the sum over a triangle within a percent of its integral.
        while let Some((tokens, attention)) = reading.chunk_from(position, 512) {
            let work = self.work(position, tokens.len() as u32, attention);
            seconds += work.products * product_price + work.attention * attention_price;
            position += tokens.len() as u32;
        }
        Some(Duration::from_secs_f64(seconds))
    }

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
    fn what_is_cached_costs_nothing() {
        let forecaster = observed(&Attention::Full, 4_096, 1e-11, 3e-11);
        assert_eq!(forecaster.predict(&reading(4_096, &Attention::Full), 4_096), Some(Duration::ZERO));
    }
}
