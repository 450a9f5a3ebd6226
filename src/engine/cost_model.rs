//! Learns the cost of prefill on this machine from the chunks timed in this run, and predicts prefill time.
//!
//! A chunk costs its matmuls with the weights (proportional to its tokens) and its attention (proportional to the pairs
//! of query and key that it computes). Both are counted in operations, which follow from the model's shape. Each has a
//! price in seconds per operation that [`CostModel::observe`] learns by least squares. Chunks near the start say little
//! about the price of attention. Until deep ones have been timed, it is assumed to be proportional to the price of the
//! matmuls: with the ratio learnt in earlier runs, or else that of a [`Reference`].
//!
//! Example: in a 0.5B model, 512 tokens at depth 7,680 take 5.1e11 operations of matmuls and 3.5e11 of attention.
//!
//! It starts from what earlier runs learnt ([`super::calibration`]); new chunks soon outweigh that.
//!
//! Doesn't predict seconds before anything has been measured. The ratio of attention to matmuls is an estimate then.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cache_index::TokenSequence;
use crate::swaa::Attention;
use crate::swaa::cost::{PrefillCost, pairs};

/// The shape of a model, from which the operations per token follow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    /// Those that a token passes: of a model's experts, the ones that are chosen for it.
    pub parameters: f64,
    /// Those that attend. What the others of a hybrid compute is the same for each token, and is priced with its matmuls.
    pub layers: u32,
    /// Query heads times head size.
    pub attention_width: f64,
}

impl Shape {
    /// Operations of the matmuls of one token.
    fn token_operations(self) -> f64 {
        2.0 * self.parameters
    }

    /// How many keys take a single token on a CPU as long as all weights: 4,500 with the 0.5B.
    pub(super) fn keys_as_weights_tokens(self) -> f32 {
        (self.token_operations() / self.pair_operations() / CPU_DECODE_PRICE_RATIO) as f32
    }

    /// Operations of one pair of query and key, in every layer.
    fn pair_operations(self) -> f64 {
        4.0 * self.attention_width * f64::from(self.layers)
    }
}

/// The price of an attention operation divided by that of a matmul operation, while one token is decoded on a CPU.
const CPU_DECODE_PRICE_RATIO: f64 = 3.3;

/// A model measured at several depths, with the cost of its attention relative to the matmuls.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Reference {
    shape: Shape,
    /// How many pairs of query and key, averaged over the layers, take as long as the matmuls of one token.
    pairs_per_token: f64,
}

/// Qwen2.5-Coder-0.5B-Instruct in `Q4_K_M` on 2 threads of a Xeon with AVX-512 VNNI: 1,205 from the chunks at the three
/// depths of `benches/results/prefill-cpu.md`, 1,468 from the two whole prefills there.
const CPU: Reference =
    Reference { shape: Shape { parameters: 6.3e8, layers: 24, attention_width: 896.0 }, pairs_per_token: 1_350.0 };

/// The shape of Qwen3-4B in bf16 on an H100: 14,200 to 14,900 from the depths of `benches/results/prefill-cuda.md`.
const GPU: Reference =
    Reference { shape: Shape { parameters: 4.02e9, layers: 36, attention_width: 4096.0 }, pairs_per_token: 14_400.0 };

impl Reference {
    /// The reference for this kind of device.
    const fn of(on_gpu: bool) -> Self {
        if on_gpu { GPU } else { CPU }
    }

    /// The price of one attention operation divided by that of one matmul operation.
    fn price_ratio(self) -> f64 {
        self.shape.token_operations() / (self.shape.pair_operations() * self.pairs_per_token)
    }
}

/// The cost of prefill with a model of which only the shape is known, on CPU cores of which one takes `token_s` for the matmuls of a token.
///
/// A prediction: the ratio of attention to matmuls is that of the [`CPU`] reference.
#[must_use]
pub fn predicted_cost(
    active_parameters: f64,
    attention_layers: u32,
    attention_width: f64,
    token_s: f64,
) -> PrefillCost {
    let shape = Shape { parameters: active_parameters, layers: attention_layers, attention_width };
    let unmeasured = CostModel::knowing(shape, false, Sums::default()).cost();
    PrefillCost { token_s: Some(token_s), ..unmeasured }
}

/// Operations of a chunk, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Work {
    products: f64,
    attention: f64,
}

/// Weight of the expected price ratio, in timed chunks of [`CHUNK_TOKENS`]: the first chunk of a run is often slow, and
/// the next ones are not deep yet.
const RATIO_WEIGHT_CHUNKS: f64 = 1.0;

/// Tokens of a usual chunk.
const CHUNK_TOKENS: f64 = 512.0;

/// Each new chunk reduces the weight of the older ones by this factor: a machine's speed drifts.
const MEMORY: f64 = 0.97;

/// Weight of earlier runs at the start of a new one: the machine may be more or less busy now.
const EARLIER: f64 = 0.1;

/// The normal equations of least squares over (products, attention) → seconds: all that is kept of the measurements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sums {
    pp: f64,
    pa: f64,
    aa: f64,
    pt: f64,
    at: f64,
}

impl Sums {
    /// Whether they can have been measured: none is negative, or so large that predictions overflow.
    pub(super) fn are_sound(&self) -> bool {
        let Self { pp, pa, aa, pt, at } = *self;
        [pp, pa, aa, pt, at].iter().all(|sum| (0.0..1e50).contains(sum))
    }
}

/// Learns the prices and predicts prefill time.
#[derive(Debug, Clone)]
pub(super) struct CostModel {
    shape: Shape,
    /// Expected price of an attention operation relative to a matmul operation: learnt earlier, or from the reference.
    ratio: f64,
    sums: Sums,
}

impl CostModel {
    /// A cost model for this shape that starts from the `earlier` sums.
    pub(super) fn knowing(shape: Shape, on_gpu: bool, earlier: Sums) -> Self {
        let ratio = Reference::of(on_gpu).price_ratio();
        let ratio = earlier.prices(shape, ratio).map_or(ratio, |(product, attention)| attention / product);
        let Sums { pp, pa, aa, pt, at } = earlier;
        let sums = Sums { pp: pp * EARLIER, pa: pa * EARLIER, aa: aa * EARLIER, pt: pt * EARLIER, at: at * EARLIER };
        Self { shape, ratio, sums }
    }

    pub(super) fn sums(&self) -> Sums {
        self.sums
    }

    /// Learns from a chunk of `tokens` tokens at `start` under `attention` that took `elapsed`.
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

    /// The cost of prefill, from all measurements; an estimate before there are any.
    pub(super) fn cost(&self) -> PrefillCost {
        let (token, pair) = (self.shape.token_operations(), self.shape.pair_operations());
        match self.sums.prices(self.shape, self.ratio) {
            Some((product, attention)) => {
                PrefillCost { pairs_per_token: (product * token) / (attention * pair), token_s: Some(product * token) }
            }
            None => PrefillCost { pairs_per_token: token / (self.ratio * pair), token_s: None },
        }
    }

    /// The predicted time to prefill `sequence` from `start` on; `None` before anything has been measured.
    pub(super) fn predict(&self, sequence: &TokenSequence, start: u32) -> Option<Duration> {
        let mut segments = Vec::new();
        let mut position = start;
        while let Some((tokens, attention)) = sequence.chunk_from(position, u32::MAX) {
            segments.push((tokens.len() as u32, attention));
            position += tokens.len() as u32;
        }
        self.cost().time(start, &segments, self.shape.layers)
    }

    /// The time to prefill `tokens` more behind `sequence` under `attention`, as a share of the time for the first
    /// `document_tokens` of it. Before anything has been measured, an estimate.
    pub(super) fn share_of_document(
        &self,
        tokens: u32,
        attention: &Attention,
        sequence: &TokenSequence,
        document_tokens: u32,
    ) -> f64 {
        let (cost, layers) = (self.cost(), self.shape.layers);
        let document = sequence.chunk_from(0, document_tokens);
        let whole = document.map_or(0.0, |(read, under)| cost.tokens_worth(0, &[(read.len() as u32, under)], layers));
        cost.tokens_worth(sequence.len(), &[(tokens, attention)], layers) / whole.max(f64::MIN_POSITIVE)
    }

    /// Operations of a chunk of `tokens` tokens at `start`.
    fn work(&self, start: u32, tokens: u32, attention: &Attention) -> Work {
        let pairs = pairs(start, tokens, attention, self.shape.layers);
        Work {
            products: self.shape.token_operations() * f64::from(tokens),
            attention: self.shape.pair_operations() * pairs,
        }
    }
}

impl Sums {
    /// Seconds per operation of matmuls and of attention. `ratio` is the expected price of attention relative to
    /// matmuls.
    fn prices(&self, shape: Shape, ratio: f64) -> Option<(f64, f64)> {
        if self.pp == 0.0 {
            return None;
        }
        // The ratio adds one equation: attention price ÷ ratio − matmul price = 0.
        let chunk = CHUNK_TOKENS * shape.token_operations();
        let weight = RATIO_WEIGHT_CHUNKS * chunk * chunk / (ratio * ratio);
        let (pp, pa, aa) = (self.pp + weight * ratio * ratio, self.pa - weight * ratio, self.aa + weight);
        let determinant = pp * aa - pa * pa;
        let product = (aa * self.pt - pa * self.at) / determinant;
        let attention = (pp * self.at - pa * self.pt) / determinant;
        if product > 0.0 && attention > 0.0 {
            return Some((product, attention));
        }
        // Noise can make one price negative; then both follow from the ratio.
        let product = (self.pt + ratio * self.at) / (self.pp + 2.0 * ratio * self.pa + ratio * ratio * self.aa);
        Some((product, ratio * product))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cache_index::Token;
    use crate::swaa::LayerSet;

    const HALF_BILLION: Shape = Shape { parameters: 4.9e8, layers: 24, attention_width: 896.0 };

    /// A machine with these prices, observed over a prefill in chunks of 512.
    fn observed(attention: &Attention, tokens: u32, product_price: f64, attention_price: f64) -> CostModel {
        let mut cost_model = CostModel::knowing(HALF_BILLION, false, Sums::default());
        for start in (0..tokens).step_by(512) {
            let work = cost_model.work(start, 512, attention);
            let seconds = work.products * product_price + work.attention * attention_price;
            cost_model.observe(start, 512, attention, Duration::from_secs_f64(seconds));
        }
        cost_model
    }

    fn sequence(tokens: usize, attention: &Attention) -> TokenSequence {
        let mut sequence = TokenSequence::default();
        sequence.push(&vec![Token(1); tokens], attention);
        sequence
    }

    #[test]
    fn nothing_is_predicted_before_anything_was_measured() {
        assert_eq!(
            CostModel::knowing(HALF_BILLION, false, Sums::default()).predict(&sequence(10, &Attention::Full), 0),
            None
        );
    }

    #[test]
    fn a_full_reading_predicts_itself_and_a_sliding_one() {
        let (product_price, attention_price) = (1e-11, 4e-11);
        let cost_model = observed(&Attention::Full, 16_384, product_price, attention_price);
        let sliding = Attention::Sliding { window: 2048, sinks: 100, far: 0, full_layers: LayerSet::default() };
        for attention in [Attention::Full, sliding] {
            let truth: f64 = (0..16_384)
                .step_by(512)
                .map(|start| {
                    let work = cost_model.work(start, 512, &attention);
                    work.products * product_price + work.attention * attention_price
                })
                .sum();
            let predicted = cost_model.predict(&sequence(16_384, &attention), 0).expect("32 chunks were observed");
            let ratio = predicted.as_secs_f64() / truth;
            assert!((0.9..1.1).contains(&ratio), "{attention}: predicted {predicted:?} of {truth} s");
        }
    }

    #[test]
    fn what_was_learnt_earlier_predicts_and_gives_way_to_what_is_measured_now() {
        let slow = observed(&Attention::Full, 16_384, 3e-11, 9e-11);
        let of = |cost_model: &CostModel| cost_model.predict(&sequence(8_192, &Attention::Full), 0).expect("measured");
        let mut now = CostModel::knowing(HALF_BILLION, false, slow.sums());
        let ratio = of(&now).as_secs_f64() / of(&slow).as_secs_f64();
        assert!((0.97..1.03).contains(&ratio), "{ratio} times what was learnt");
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
    fn a_reading_of_two_attentions_takes_as_long_as_its_segments() {
        let cost_model = observed(&Attention::Full, 4_096, 1e-11, 3e-11);
        let sliding = Attention::Sliding { window: 512, sinks: 10, far: 0, full_layers: LayerSet::default() };
        let mut whole = sequence(3_000, &sliding);
        whole.push(&[Token(1); 40], &Attention::Full);
        let segments = [(3_000, &sliding), (40, &Attention::Full)];
        assert_eq!(cost_model.predict(&whole, 0), cost_model.cost().time(0, &segments, 24));
    }

    #[test]
    fn what_is_cached_costs_nothing() {
        let cost_model = observed(&Attention::Full, 4_096, 1e-11, 3e-11);
        assert_eq!(cost_model.predict(&sequence(4_096, &Attention::Full), 4_096), Some(Duration::ZERO));
    }

    /// The number of pairs that cost as much as a token, from two measurements: the seconds (or processor seconds) of a
    /// chunk or a whole prefill, with its pairs and tokens.
    fn pairs_per_token(
        (few, pairs_of_few, tokens_of_few): (f64, f64, f64),
        (many, pairs_of_many, tokens_of_many): (f64, f64, f64),
    ) -> f64 {
        // few = a·pairs + b·tokens, many likewise.
        let determinant = pairs_of_few * tokens_of_many - pairs_of_many * tokens_of_few;
        let pair = (few * tokens_of_many - many * tokens_of_few) / determinant;
        let token = (pairs_of_few * many - pairs_of_many * few) / determinant;
        token / pair
    }

    fn cells(row: &str) -> Vec<f64> {
        let numbers = row.split(['|', '·']).filter_map(|cell| cell.trim().parse().ok());
        numbers.collect()
    }

    #[test]
    fn the_cpu_reference_is_between_the_two_measurements_of_the_bench() {
        let bench = include_str!("../../benches/results/prefill-cpu.md");
        let row = |depth: u32| {
            let row =
                bench.lines().find(|line| line.starts_with(&format!("| {depth} | "))).expect("a row of this depth");
            // depth, sliding s, full s, …
            (cells(row)[2], pairs(depth, 512, &Attention::Full, 24), 512.0)
        };
        let by_chunks = pairs_per_token(row(4_096), row(31_232));
        let whole = "The whole of 16,384 tokens took 52.5 s sliding and 137.2 s with full attention";
        assert!(bench.contains(whole), "the bench says something else now");
        let sliding = Attention::Sliding { window: 2048, sinks: 100, far: 0, full_layers: LayerSet::default() };
        let in_chunks =
            |attention: &Attention| (0..16_384).step_by(512).map(|start| pairs(start, 512, attention, 24)).sum();
        let by_wholes =
            pairs_per_token((52.5, in_chunks(&sliding), 16_384.0), (137.2, in_chunks(&Attention::Full), 16_384.0));
        assert!((by_chunks..by_wholes).contains(&CPU.pairs_per_token), "{by_chunks} to {by_wholes}");
    }

    #[test]
    fn the_gpu_reference_is_between_the_measurements_of_the_bench() {
        let bench = include_str!("../../benches/results/prefill-cuda.md");
        let table = bench.split("## Qwen3-4B shape, bf16").nth(1).expect("the table of this shape");
        let row = table.lines().find(|line| line.starts_with("| full |")).expect("the row of full attention");
        let seconds: Vec<f64> = cells(row).chunks(3).map(|cell| cell[0]).collect();
        let whole = |tokens: u32, seconds: f64| (seconds, pairs(0, tokens, &Attention::Full, 36), f64::from(tokens));
        let deepest = whole(131_072, seconds[4]);
        let measured = [8_192, 16_384, 32_768].into_iter().zip(&seconds);
        for (tokens, &seconds) in measured {
            let pairs = pairs_per_token(whole(tokens, seconds), deepest);
            assert!((GPU.pairs_per_token / pairs - 1.0).abs() < 0.03, "{pairs} by {tokens} tokens");
        }
    }

    #[test]
    fn a_machine_that_was_not_measured_costs_what_the_reference_did() {
        for (reference, on_gpu) in [(CPU, false), (GPU, true)] {
            let cost = CostModel::knowing(reference.shape, on_gpu, Sums::default()).cost();
            assert_eq!(cost.token_s, None);
            assert!((cost.pairs_per_token / reference.pairs_per_token - 1.0).abs() < 1e-9, "{cost:?}");
        }
    }

    #[test]
    fn what_was_learnt_is_what_it_costs() {
        let (product_price, attention_price) = (1e-11, 4e-11);
        let cost = observed(&Attention::Full, 32_768, product_price, attention_price).cost();
        let token_s = cost.token_s.expect("64 chunks were observed");
        assert!((token_s / (2.0 * 4.9e8 * product_price) - 1.0).abs() < 0.15, "{cost:?}");
        let pair_s = token_s / cost.pairs_per_token;
        assert!((pair_s / (4.0 * 896.0 * 24.0 * attention_price) - 1.0).abs() < 0.1, "{cost:?}");
    }
}
