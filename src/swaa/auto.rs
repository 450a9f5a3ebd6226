//! Chooses a preset when the user has not.
//!
//! The picture: reading costs one unit a token for the products with the weights, and one unit for so many pairs of query and key
//! ([`Machine::pairs_per_token`]). Full attention is taken while it is cheap by that arithmetic; else the cheapest preset that is
//! *known* to answer as well as full attention at this length on this family of models; else the one that was closest to it everywhere.
//!
//! Example, on a CPU: 4,000 tokens have 8.0 million pairs under full attention: 4,000 + 2,808 units. With the first half of the layers full
//! and 2k on the others it is 4,000 + 2,507: 1.05 times as fast, so full attention it is. For 30,000 tokens
//! it is 187,900 against 119,851 units, 1.57 times as fast: `accurate`.
//!
//! Does not measure: whoever knows this machine's speed may say so ([`Facts::tokens_per_s`]). What is known of recall was measured on
//! Qwen2.5-Coder-Instruct, 1.5B to 32k tokens and 0.5B to 8k, sinks 100, questions read with full attention; nothing is inferred beyond.

use super::preset::Presets;
use super::{Attention, LayerSpec, RecipeSpec};

/// Below this, another recipe than full attention is not worth what it may cost in answers.
const WORTH_IT: f64 = 1.3;
/// Nobody minds waiting so long for the best that there is.
const FEW_SECONDS: f64 = 5.0;
/// Recall relative to full attention from which a preset is said to hold: what repeated measurements differ by.
const HOLDS: f64 = 0.97;
/// What is taken when nothing is known: the one that was within noise of full attention on every model that was measured.
const SAFEST: &str = "accurate";
const FULL: &str = "full";

/// Longest documents that recall was measured on, in tokens.
const MEASURED_TOKENS: u32 = 32 * 1024;

/// What computes: it settles how dear attention is beside the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    Cpu,
    Gpu,
}

impl Machine {
    /// How many pairs of query and key, over all layers, take as long as all else that is computed for one token.
    ///
    /// Measured: 2,850 with a 0.5B `Q4_K_M` on AVX-512 before patches 0005 and 0006 made the products faster; by `benches/results/prefill-cpu.md`
    /// it is 1,200 to 1,800 since, so that other recipes gain more there than is told. 16,200 with a 4B in bf16 on an H100 (0.429 s for 16,384 tokens, 11.5 s for 131,072). On GPUs whose attention reads masks it is
    /// fewer, so that other recipes than full attention gain more there than is told.
    #[must_use]
    pub const fn pairs_per_token(self) -> f64 {
        match self {
            Self::Cpu => 2_850.0,
            Self::Gpu => 16_200.0,
        }
    }
}

/// What the choice rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts<'a> {
    pub document_tokens: u32,
    pub layers: u32,
    /// `general.architecture` of the model.
    pub family: &'a str,
    /// Why this model can't slide, if it can't.
    pub sliding_refused: Option<&'a str>,
    pub machine: Machine,
    /// What this machine reads at the start of a document, where attention costs next to nothing; `None` when nothing was measured.
    pub tokens_per_s: Option<f64>,
}

/// A preset, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub preset: String,
    /// One line, without the preset's name.
    pub reason: String,
}

/// The preset for a document, among `presets` (which have `full` and `accurate`: they can be changed, not removed).
#[must_use]
pub fn choose(presets: &Presets, facts: &Facts) -> Choice {
    let full = |reason: String| Choice { preset: FULL.to_owned(), reason };
    if let Some(why) = facts.sliding_refused {
        return full(why.to_owned());
    }
    if facts.document_tokens == 0 {
        return full("there is no document to read".to_owned());
    }
    let full_work = work(&Attention::Full, facts);
    if let Some(seconds) = facts.tokens_per_s.map(|rate| full_work / rate).filter(|&seconds| seconds < FEW_SECONDS) {
        return full(format!("all of it takes about {seconds:.1} s"));
    }
    let (preset, recipe) = cheapest_that_holds(presets, facts).unwrap_or_else(|| safest(presets));
    let gain = full_work / work(&recipe.resolve(facts.document_tokens, facts.layers).reading, facts);
    if gain < 1.005 {
        return full("so short a document is seen whole under every preset".to_owned());
    }
    if gain < WORTH_IT {
        return full(format!("at this length {preset} would be only {gain:.2} times as fast"));
    }
    Choice { preset: preset.to_owned(), reason: reason(facts, recipe, gain) }
}

/// One line: the gain, and how far recall is known.
fn reason(facts: &Facts, recipe: &RecipeSpec, gain: f64) -> String {
    let known = match recall(recipe, facts) {
        Some(share) => format!("it found {:.0}% of what full attention finds, at this length", share * 100.0),
        None if is_measured(facts.family) => format!(
            "its recall was measured to {}k tokens, this document has {}k",
            MEASURED_TOKENS / 1024,
            facts.document_tokens / 1024
        ),
        None => format!("what any preset is worth on {} models was not measured, it held elsewhere", facts.family),
    };
    format!("about {gain:.1} times as fast as full attention; {known}")
}

/// The preset with the least work of those that are known to hold here.
fn cheapest_that_holds<'a>(presets: &'a Presets, facts: &Facts) -> Option<(&'a str, &'a RecipeSpec)> {
    let work_of = |recipe: &RecipeSpec| work(&recipe.resolve(facts.document_tokens, facts.layers).reading, facts);
    let named = presets.iter().filter_map(|preset| Some((preset.name.as_str(), preset.recipe.as_ref()?)));
    named
        .filter(|(name, _)| *name != FULL)
        .filter(|(_, recipe)| recall(recipe, facts).is_some_and(|share| share >= HOLDS))
        .min_by(|(_, a), (_, b)| work_of(a).total_cmp(&work_of(b)))
}

fn safest(presets: &Presets) -> (&str, &RecipeSpec) {
    let preset = presets.get(SAFEST).expect("a built-in preset can't be removed");
    (&preset.name, preset.recipe.as_ref().expect("only auto has no recipe"))
}

/// The share of full attention's right answers that `recipe` is known to give; `None` when nobody measured.
///
/// The rows are what was measured over n/W, the document's length over the window, with the lower end of each range.
fn recall(recipe: &RecipeSpec, facts: &Facts) -> Option<f64> {
    const ALL_SLIDING: [(u32, f64); 5] = [(2, 0.97), (4, 0.93), (8, 0.86), (16, 0.70), (32, 0.60)];
    const FIRST_HALF_FULL: f64 = 0.98;
    let as_measured = recipe.sinks >= 100 && recipe.fa_decode && recipe.dense_tail;
    if !is_measured(facts.family) || !as_measured || facts.document_tokens > MEASURED_TOKENS {
        return None;
    }
    let window = recipe.window.resolve(facts.document_tokens)?;
    match recipe.full_layers {
        LayerSpec::FirstHalf if window >= 2048 => Some(FIRST_HALF_FULL),
        LayerSpec::None => {
            let row = ALL_SLIDING.iter().find(|(times, _)| facts.document_tokens <= window.saturating_mul(*times));
            row.map(|(_, share)| *share)
        }
        _ => None,
    }
}

/// Whether recall was measured on a model of this family.
fn is_measured(family: &str) -> bool {
    family == "qwen2"
}

/// What reading the document costs, in units of one token's products with the weights.
fn work(attention: &Attention, facts: &Facts) -> f64 {
    let tokens = facts.document_tokens;
    f64::from(tokens) + pairs(attention, tokens, facts.layers) / facts.machine.pairs_per_token()
}

/// Pairs of query and key among `tokens` tokens, averaged over `layers` layers.
///
/// Full: n(n+1)/2. Sliding: a query sees `window + sinks` keys, or all that stand before it.
#[must_use]
pub fn pairs(attention: &Attention, tokens: u32, layers: u32) -> f64 {
    let triangle = |n: u32| f64::from(n) * (f64::from(n) + 1.0) / 2.0;
    let full = triangle(tokens);
    match attention {
        Attention::Full => full,
        Attention::Sliding { full_layers, .. } => {
            let seen = attention.seen_whole().min(tokens);
            let sliding = triangle(seen) + f64::from(tokens - seen) * f64::from(seen);
            let share = full_layers.len() as f64 / f64::from(layers.max(1));
            share * full + (1.0 - share) * sliding
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::swaa::{LayerSet, sees};

    fn facts(document_tokens: u32) -> Facts<'static> {
        Facts {
            document_tokens,
            layers: 24,
            family: "qwen2",
            sliding_refused: None,
            machine: Machine::Cpu,
            tokens_per_s: None,
        }
    }

    fn chosen(facts: &Facts) -> (String, String) {
        let Choice { preset, reason } = choose(&Presets::built_in(), facts);
        (preset, reason)
    }

    #[test]
    fn full_attention_while_it_is_cheap() {
        let (preset, reason) = chosen(&facts(4_000));
        assert_eq!(
            (preset.as_str(), reason.as_str()),
            ("full", "at this length fastest would be only 1.10 times as fast")
        );
    }

    #[test]
    fn full_attention_where_there_is_nothing_to_read() {
        let (preset, reason) = chosen(&facts(0));
        assert_eq!((preset.as_str(), reason.as_str()), ("full", "there is no document to read"));
    }

    #[test]
    fn the_cheapest_preset_that_holds_at_this_length() {
        let (preset, reason) = chosen(&facts(30_000));
        assert_eq!(preset, "accurate");
        assert_eq!(
            reason,
            "about 1.6 times as fast as full attention; it found 98% of what full attention finds, at this length"
        );
    }

    #[test]
    fn a_preset_counts_by_its_recipe_and_not_by_its_name() {
        let mut presets = Presets::built_in();
        presets.change("accurate", &[("full_layers", "odd")]).unwrap();
        presets.change("wide", &[("window", "n/2")]).unwrap();
        let expected = Choice {
            preset: "full".to_owned(),
            reason: "at this length wide would be only 1.26 times as fast".to_owned(),
        };
        assert_eq!(choose(&presets, &facts(30_000)), expected);
    }

    #[test]
    fn beyond_what_was_measured_the_safest_and_it_says_so() {
        let (preset, reason) = chosen(&facts(161_000));
        assert_eq!(preset, "accurate");
        assert!(reason.ends_with("its recall was measured to 32k tokens, this document has 157k"), "{reason}");
    }

    #[test]
    fn an_unknown_family_gets_the_safest_and_it_says_so() {
        let (preset, reason) = chosen(&Facts { family: "llama", ..facts(30_000) });
        assert_eq!(preset, "accurate");
        assert!(reason.contains("on llama models was not measured"), "{reason}");
    }

    #[test]
    fn a_model_that_cannot_slide_is_read_in_full() {
        let refused = Facts { sliding_refused: Some("gemma has windows of its own"), ..facts(100_000) };
        assert_eq!(chosen(&refused), ("full".to_owned(), "gemma has windows of its own".to_owned()));
    }

    #[test]
    fn a_machine_that_reads_it_in_a_few_seconds_reads_it_in_full() {
        let fast = Facts { machine: Machine::Gpu, tokens_per_s: Some(40_000.0), ..facts(30_000) };
        assert_eq!(chosen(&fast), ("full".to_owned(), "all of it takes about 1.4 s".to_owned()));
        let slow = Facts { tokens_per_s: Some(100.0), ..facts(30_000) };
        assert_eq!(chosen(&slow).0, "accurate");
    }

    #[test]
    fn the_example_of_the_module() {
        let half = RecipeSpec { full_layers: LayerSpec::FirstHalf, ..RecipeSpec::SLIDING };
        let units = |recipe: &RecipeSpec, tokens| work(&recipe.resolve(tokens, 24).reading, &facts(tokens)).round();
        assert_eq!((units(&RecipeSpec::FULL, 4_000), units(&half, 4_000)), (6_808.0, 6_507.0));
        assert_eq!((units(&RecipeSpec::FULL, 30_000), units(&half, 30_000)), (187_900.0, 119_851.0));
    }

    #[test]
    fn the_arithmetic_gives_the_ratios_that_were_measured() {
        // 16k tokens of a 0.5B on a CPU: 520 CPU seconds stock, 233 with W = 2048 and every layer sliding (±10%).
        let facts = facts(16_384);
        let sliding = RecipeSpec::SLIDING.resolve(16_384, 24).reading;
        let gain = work(&Attention::Full, &facts) / work(&sliding, &facts);
        assert!((520.0 / 233.0 * 0.85..520.0 / 233.0 * 1.15).contains(&gain), "{gain}");
    }

    proptest! {
        #[test]
        fn pairs_are_counted_as_the_mask_has_them(
            tokens in 0_u32..120, window in 1_u32..50, sinks in 0_u32..20, full in prop::collection::btree_set(0_u32..6, 0..6)
        ) {
            let full_layers: LayerSet = full.iter().copied().collect();
            let attention = Attention::Sliding { window, sinks, full_layers };
            let every = |seen: &dyn Fn(u32, u32) -> bool| {
                (0..tokens).flat_map(|query| (0..=query).map(move |key| (query, key))).filter(|&(q, k)| seen(q, k)).count()
            };
            let sliding = every(&|query, key| sees(query, key, window, sinks));
            let expected = full.len() * every(&|_, _| true) + (6 - full.len()) * sliding;
            let counted = pairs(&attention, tokens, 6) * 6.0;
            prop_assert!((counted - expected as f64).abs() < 1e-6 * counted.max(1.0), "{} {}", counted, expected);
        }
    }
}
