//! Chooses the preset for `auto`.
//!
//! Takes full attention while that is cheap; else the cheapest preset that is *known* to answer as well as full
//! attention with this model at this length; else the preset that was closest to full attention in all measurements.
//!
//! The costs come from the engine's cost model for this machine and model ([`PrefillCost`]); there are no speed figures
//! here. If this model has not been timed on this machine yet, the cost is an estimate, and the reason says so.
//!
//! Example, where 1,500 pairs of query and key cost as much as a token's matmuls: 4,000 tokens cost 9,335 with full
//! attention, and 8,562 with a window of 2k and one in 16 of the tokens before it. That is 1.09 times as fast, so
//! `auto` takes full attention. 30,000 tokens cost 330,010 against 92,590, 3.56 times as fast: `balanced`, if its
//! recall with this model is known.
//!
//! Recall figures are in [`super::recall`].
//!
//! [`PrefillCost`]: super::cost::PrefillCost

use super::model::ModelFacts;
use super::preset::Presets;
use super::recall;
use super::recipe::{Attention, RecipeSpec};

/// A preset must be this many times as fast as full attention to be worth the answers it may cost.
const WORTH_IT: f64 = 1.3;
/// A smaller gain would be printed as `1.00 times`.
const NOTICEABLE: f64 = 1.005;
/// Full attention is always taken if prefill takes less than this.
const FEW_SECONDS: f64 = 5.0;
/// A preset holds if its recall relative to full attention is at least this: repeated measurements differ by as much.
const HOLDS: f64 = 0.97;
/// The preset for models without measurements: within noise of full attention on every model measured.
const SAFEST: &str = "accurate";
const FULL: &str = "full";

/// The chosen preset, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub preset: String,
    /// One line, without the preset's name.
    pub reason: String,
}

/// Chooses one of `presets` for a document. `full` and `accurate` are always among them: a user can change built-in
/// presets, but not remove them.
#[must_use]
pub fn choose(presets: &Presets, model: &ModelFacts, document_tokens: u32) -> Choice {
    let full = |reason: String| Choice { preset: FULL.to_owned(), reason };
    if let Some(why) = model.sliding_refused {
        return full(why.to_owned());
    }
    if let Some(why) = model.sliding_unproven {
        return full(why.to_owned());
    }
    if document_tokens == 0 {
        return full("there is no document to read".to_owned());
    }
    let full_cost = cost(&Attention::Full, model, document_tokens);
    let full_seconds = model.cost.token_s.map(|seconds| full_cost * seconds);
    if let Some(seconds) = full_seconds.filter(|&seconds| seconds < FEW_SECONDS) {
        return full(format!("full attention takes only about {seconds:.1} s"));
    }
    let (preset, recipe) = cheapest_that_holds(presets, model, document_tokens).unwrap_or_else(|| safest(presets));
    let gain = full_cost / recipe_cost(recipe, model, document_tokens);
    if everyone_sees_all(presets, model, document_tokens) {
        return full("the document is so short that every preset sees all of it".to_owned());
    }
    let basis =
        if full_seconds.is_some() { "" } else { " (estimated: this model has not been timed on this machine yet)" };
    if gain < NOTICEABLE {
        return full(format!("at this length {preset} would hardly be faster{basis}"));
    }
    if gain < WORTH_IT {
        return full(format!("at this length {preset} would be only {gain:.2} times as fast{basis}"));
    }
    let known = recall::in_words(recipe, model, document_tokens);
    let reason = format!("about {gain:.1} times as fast as full attention{basis}; {known}");
    Choice { preset: preset.to_owned(), reason }
}

/// The cheapest of the presets that are known to hold for this model and length.
fn cheapest_that_holds<'a>(
    presets: &'a Presets,
    model: &ModelFacts,
    document_tokens: u32,
) -> Option<(&'a str, &'a RecipeSpec)> {
    let benchmark = recall::of(model)?;
    let holds = |recipe: &RecipeSpec| benchmark.share(recipe, document_tokens).is_some_and(|share| share >= HOLDS);
    let named = presets.iter().filter_map(|preset| Some((preset.name.as_str(), preset.recipe.as_ref()?)));
    let cost_of = |recipe| recipe_cost(recipe, model, document_tokens);
    named
        .filter(|(name, recipe)| *name != FULL && !is_bounded(recipe, model, document_tokens) && holds(recipe))
        .min_by(|(_, a), (_, b)| cost_of(a).total_cmp(&cost_of(b)))
}

/// Whether nothing ever looks farther back than a window: that is chosen by the user alone, however fast it is.
fn is_bounded(recipe: &RecipeSpec, model: &ModelFacts, document_tokens: u32) -> bool {
    recipe.resolve(document_tokens, model.layers).bound().is_some()
}

/// Whether no token of the document is hidden from a later one under any preset.
fn everyone_sees_all(presets: &Presets, model: &ModelFacts, document_tokens: u32) -> bool {
    let mut recipes = presets.iter().filter_map(|preset| preset.recipe.as_ref());
    recipes.all(|recipe| recipe.resolve(document_tokens, model.layers).reading.seen_whole() >= document_tokens)
}

fn safest(presets: &Presets) -> (&str, &RecipeSpec) {
    let preset = presets.get(SAFEST).expect("a built-in preset can't be removed");
    (&preset.name, preset.recipe.as_ref().expect("only auto has no recipe"))
}

fn recipe_cost(recipe: &RecipeSpec, model: &ModelFacts, document_tokens: u32) -> f64 {
    cost(&recipe.resolve(document_tokens, model.layers).reading, model, document_tokens)
}

/// The cost of prefilling the document; the unit is the matmuls of one token.
fn cost(attention: &Attention, model: &ModelFacts, document_tokens: u32) -> f64 {
    model.cost.tokens_worth(0, &[(document_tokens, attention)], model.layers.attending_count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swaa::WindowSpec;
    use crate::swaa::cost::PrefillCost;
    use crate::swaa::model::tests::model;

    /// A model with recall measurements, not timed on this machine.
    fn measured() -> ModelFacts<'static> {
        model("qwen2", "Qwen2.5-Coder-1.5B-Instruct")
    }

    /// The same model, timed: the matmuls of a token take `token_s` seconds.
    fn timed(model: ModelFacts<'static>, token_s: f64) -> ModelFacts<'static> {
        ModelFacts { cost: PrefillCost { token_s: Some(token_s), ..model.cost }, ..model }
    }

    fn chosen(model: &ModelFacts, document_tokens: u32) -> (String, String) {
        let Choice { preset, reason } = choose(&Presets::built_in(), model, document_tokens);
        (preset, reason)
    }

    const ESTIMATED: &str = " (estimated: this model has not been timed on this machine yet)";

    #[test]
    fn full_attention_while_it_is_cheap() {
        let (preset, reason) = chosen(&measured(), 4_000);
        assert_eq!(
            (preset.as_str(), reason),
            ("full", format!("at this length balanced would be only 1.09 times as fast{ESTIMATED}"))
        );
        let (preset, reason) = chosen(&timed(measured(), 0.002), 4_000);
        assert_eq!(
            (preset.as_str(), reason.as_str()),
            ("full", "at this length balanced would be only 1.09 times as fast")
        );
    }

    /// A document of 2,454 tokens was said to be seen whole by every preset, and `fastest` has a window of 1,024.
    #[test]
    fn presets_are_said_to_see_all_only_where_they_do() {
        let narrowest = Presets::built_in().iter().filter_map(|preset| preset.recipe.as_ref()).map(seen_whole).min();
        let narrowest = narrowest.expect("there are presets");
        let all = "the document is so short that every preset sees all of it";
        let reasons = [narrowest, narrowest + 1, 2_454].map(|tokens| chosen(&measured(), tokens).1);
        let hardly = format!("at this length accurate would hardly be faster{ESTIMATED}");
        assert_eq!(reasons, [all.to_owned(), hardly.clone(), hardly]);
    }

    fn seen_whole(recipe: &RecipeSpec) -> u32 {
        recipe.resolve(2_454, measured().layers).reading.seen_whole()
    }

    #[test]
    fn full_attention_where_there_is_nothing_to_read() {
        let (preset, reason) = chosen(&measured(), 0);
        assert_eq!((preset.as_str(), reason.as_str()), ("full", "there is no document to read"));
    }

    #[test]
    fn the_cheapest_preset_that_holds_at_this_length() {
        let found =
            "with this model it found 100% of what full attention finds (225 questions on documents of 32k tokens)";
        let expected =
            ("balanced".to_owned(), format!("about 3.6 times as fast as full attention{ESTIMATED}; {found}"));
        assert_eq!(chosen(&measured(), 30_000), expected);
        let expected = ("balanced".to_owned(), format!("about 3.6 times as fast as full attention; {found}"));
        assert_eq!(chosen(&timed(measured(), 0.002), 30_000), expected);
        let small = model("qwen2", "Qwen2.5-Coder-0.5B-Instruct");
        assert_eq!(chosen(&small, 8_000).0, "full", "this model loses by far keys, and without them little is gained");
    }

    #[test]
    fn what_this_machine_was_measured_to_cost_settles_whether_it_is_worth_it() {
        let with = |pairs_per_token| {
            let cost = PrefillCost { pairs_per_token, token_s: Some(0.002) };
            chosen(&ModelFacts { cost, ..measured() }, 10_000).0
        };
        assert_eq!((with(20_000.0), with(1_200.0)), ("full".to_owned(), "balanced".to_owned()));
    }

    #[test]
    fn a_preset_counts_by_its_recipe_and_not_by_its_name() {
        let mut presets = Presets::built_in();
        presets.change("accurate", &[("full_layers", "odd")]).expect("a recipe");
        presets.change("balanced", &[("full_layers", "odd")]).expect("a recipe");
        presets.change("wide", &[("window", "n/2")]).expect("a recipe");
        let Choice { preset, reason } = choose(&presets, &measured(), 30_000);
        assert_eq!(
            (preset.as_str(), reason),
            ("full", format!("at this length wide would be only 1.28 times as fast{ESTIMATED}"))
        );
    }

    #[test]
    fn bounded_attention_everywhere_is_never_chosen() {
        let mut presets = Presets::built_in();
        let like_quick = [("window", "n/2"), ("fa_decode", "false"), ("dense_tail", "false")];
        presets.change("mine", &like_quick).expect("a recipe");
        for tokens in [5_000, 30_000, 1_000_000] {
            let chosen = choose(&presets, &measured(), tokens).preset;
            let recipe = presets.get(&chosen).ok().and_then(|preset| preset.recipe.as_ref()).expect("it has one");
            assert!(!is_bounded(recipe, &measured(), tokens), "{chosen} for {tokens} tokens");
        }
    }

    #[test]
    fn a_model_that_was_not_measured_gets_the_safest() {
        let (preset, reason) = chosen(&model("llama", "Meta Llama 3.1 8B Instruct"), 30_000);
        assert_eq!(preset, "accurate");
        assert!(reason.contains("not measured with this model; with Qwen2.5-Coder-1.5B-Instruct it found"), "{reason}");
    }

    #[test]
    fn a_model_that_cannot_slide_is_read_in_full() {
        let refused = ModelFacts { sliding_refused: Some("gemma has windows of its own"), ..measured() };
        assert_eq!(chosen(&refused, 100_000), ("full".to_owned(), "gemma has windows of its own".to_owned()));
    }

    #[test]
    fn where_sliding_attention_is_unproven_it_is_left_to_the_user() {
        let unproven = ModelFacts { sliding_unproven: Some("nobody has measured it"), ..measured() };
        assert_eq!(chosen(&unproven, 100_000), ("full".to_owned(), "nobody has measured it".to_owned()));
    }

    #[test]
    fn a_machine_that_reads_it_in_a_few_seconds_reads_it_in_full() {
        let fast =
            ModelFacts { cost: PrefillCost { pairs_per_token: 14_400.0, token_s: Some(1.0 / 40_000.0) }, ..measured() };
        assert_eq!(chosen(&fast, 30_000), ("full".to_owned(), "full attention takes only about 1.5 s".to_owned()));
    }

    #[test]
    fn the_example_of_the_module() {
        let balanced = RecipeSpec { window: WindowSpec::Tokens(2_048), far: 16, ..RecipeSpec::SLIDING };
        let full = RecipeSpec { window: WindowSpec::Full, ..RecipeSpec::SLIDING };
        let costs = |tokens| [&full, &balanced].map(|recipe| recipe_cost(recipe, &measured(), tokens).round());
        assert_eq!((costs(4_000), costs(30_000)), ([9_335.0, 8_562.0], [330_010.0, 92_590.0]));
    }
}
