//! Measured recall of recipes, with the model and the questions of each measurement.
//!
//! Example: half of the layers full and a window of 2,048 on the others found 98% of what full attention finds, with
//! Qwen2.5-Coder-1.5B-Instruct on 1,178 questions about documents of 4k to 32k tokens. For another model, or another
//! size, that is only an indication; for longer documents it says nothing.
//!
//! Everything was measured with 100 sinks, a dense tail and FA decode; recipes that differ in these have no figure. Those
//! with far keys have figures of their own (`benches/results/recall.md`).

use super::layers::LayerSpec;
use super::model::ModelFacts;
use super::recipe::RecipeSpec;
use crate::units::count;

/// Sinks in the measurements. More made no difference.
const SINKS: u32 = 100;

/// The smallest window for which `first_half_full` holds.
const HALF_FULL_WINDOW: u32 = 2048;

/// Measurements with one model: recall as a fraction of full attention's.
#[derive(Debug, PartialEq)]
pub(super) struct Benchmark {
    /// The model's name, for display.
    model: &'static str,
    /// The model's name in its files; see [`ModelFacts::is_called`].
    name: &'static str,
    /// The number of questions and the lengths of the documents, for display.
    questions: &'static str,
    /// Length of the longest document.
    tokens: u32,
    /// The fraction with the first half of the layers full.
    first_half_full: f64,
    /// With every layer sliding: the fraction for documents of up to this many windows, the lower end of the
    /// measurements.
    all_sliding: &'static [(u32, f64)],
    /// With every layer sliding and far keys.
    far_keys: &'static [FarKeys],
}

/// Measurements of one window with far keys; a larger window, or more far keys, find as much.
#[derive(Debug, PartialEq)]
struct FarKeys {
    window: u32,
    /// One in so many.
    far: u32,
    /// The fraction for documents of up to so many tokens. What was measured at 8k tokens with a window of 1,024 is left out: as much as with
    /// full attention, give or take a tenth, which is too unsure to choose by.
    found: &'static [(u32, f64)],
}

/// With how many questions each length of [`FarKeys`] was measured.
const FAR_KEYS_QUESTIONS: u32 = 225;

/// A measured recall, as a fraction of full attention's.
struct Found {
    share: f64,
    /// What was asked.
    questions: String,
}

/// The one with the longest documents and the most questions comes first: it is quoted for models without their own.
const BENCHMARKS: [Benchmark; 2] = [
    Benchmark {
        model: "Qwen2.5-Coder-1.5B-Instruct",
        name: "qwen2-5-coder-1-5b-instruct",
        questions: "1,178 questions on documents of 4k to 32k tokens",
        tokens: 32 * 1024,
        first_half_full: 0.98,
        all_sliding: &[(2, 0.97), (4, 0.93), (8, 0.86), (16, 0.70), (32, 0.60)],
        far_keys: &[
            FarKeys { window: 2048, far: 16, found: &[(8 * 1024, 1.0), (16 * 1024, 0.97), (32 * 1024, 1.0)] },
            FarKeys { window: 1024, far: 64, found: &[(16 * 1024, 0.89), (32 * 1024, 0.89)] },
        ],
    },
    Benchmark {
        model: "Qwen2.5-Coder-0.5B-Instruct",
        name: "qwen2-5-coder-0-5b-instruct",
        questions: "731 questions on documents of 4k to 8k tokens",
        tokens: 8 * 1024,
        first_half_full: 1.0,
        all_sliding: &[(2, 0.97), (4, 0.88)],
        far_keys: &[
            FarKeys { window: 2048, far: 16, found: &[(8 * 1024, 0.93), (16 * 1024, 0.99), (32 * 1024, 0.89)] },
            FarKeys { window: 1024, far: 64, found: &[(16 * 1024, 0.83), (32 * 1024, 0.81)] },
        ],
    },
];

/// The measurements with `model` itself, if any.
pub(super) fn of(model: &ModelFacts) -> Option<&'static Benchmark> {
    BENCHMARKS.iter().find(|benchmark| model.is_called(benchmark.name))
}

impl Benchmark {
    /// The recall of `recipe` on documents of `tokens` tokens, as a fraction of full attention's; `None` if that was
    /// not measured.
    pub(super) fn share(&self, recipe: &RecipeSpec, tokens: u32) -> Option<f64> {
        Some(self.found(recipe, tokens)?.share)
    }

    fn found(&self, recipe: &RecipeSpec, tokens: u32) -> Option<Found> {
        let as_measured = recipe.sinks >= SINKS && recipe.fa_decode && recipe.dense_tail && recipe.adapters.is_empty();
        let window = recipe.window.resolve(tokens).filter(|_| as_measured)?;
        if recipe.far != 0 {
            return self.found_with_far_keys(recipe, window, tokens);
        }
        let share = match recipe.full_layers {
            _ if tokens > self.tokens => None,
            LayerSpec::FirstHalf if window >= HALF_FULL_WINDOW => Some(self.first_half_full),
            LayerSpec::None => {
                let row = self.all_sliding.iter().find(|(windows, _)| tokens <= window.saturating_mul(*windows));
                row.map(|(_, share)| *share)
            }
            _ => None,
        }?;
        Some(Found { share, questions: self.questions.to_owned() })
    }

    /// Length of the longest document that recipes like this one were measured with.
    fn longest(&self, recipe: &RecipeSpec) -> u32 {
        let with_far_keys = self.far_keys.iter().flat_map(|measured| measured.found).map(|(tokens, _)| *tokens).max();
        with_far_keys.filter(|_| recipe.far != 0).unwrap_or(self.tokens)
    }

    fn found_with_far_keys(&self, recipe: &RecipeSpec, window: u32, tokens: u32) -> Option<Found> {
        let covers = |measured: &&FarKeys| window >= measured.window && recipe.far <= measured.far;
        let measured = self.far_keys.iter().filter(|_| recipe.full_layers == LayerSpec::None).find(covers)?;
        let (most, share) = *measured.found.iter().find(|(most, _)| tokens <= *most)?;
        let questions = format!("{FAR_KEYS_QUESTIONS} questions on documents of {}k tokens", most / 1024);
        Some(Found { share, questions })
    }
}

/// Describes the known recall of `recipe`; every figure names its model and questions.
pub(super) fn in_words(recipe: &RecipeSpec, model: &ModelFacts, tokens: u32) -> String {
    let own = of(model);
    let benchmark = own.unwrap_or(&BENCHMARKS[0]);
    let found = benchmark.found(recipe, tokens).map(|Found { share, questions }| {
        format!("found {:.0}% of what full attention finds ({questions})", share * 100.0)
    });
    match (own, found) {
        (Some(_), Some(found)) => format!("with this model it {found}"),
        (Some(own), None) if tokens > own.longest(recipe) => format!(
            "its recall was measured with this model up to {} tokens; this document has {}",
            count(own.longest(recipe)),
            count(tokens)
        ),
        (None, Some(found)) => {
            format!("its recall was not measured with this model; with {} it {found}", benchmark.model)
        }
        (_, None) => "its recall was not measured with this model".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swaa::model::tests::model;
    use crate::swaa::{Presets, RecipeSpec, WindowSpec};

    fn recipe(preset: &str) -> RecipeSpec {
        Presets::built_in().get(preset).unwrap().recipe.clone().unwrap()
    }

    fn told(preset: &str, name: &str, tokens: u32) -> String {
        in_words(&recipe(preset), &model("qwen2", name), tokens)
    }

    #[test]
    fn a_figure_has_the_model_and_the_questions_that_it_belongs_to() {
        assert_eq!(
            told("accurate", "Qwen2.5 Coder 1.5B Instruct GGUF", 30_000),
            "with this model it found 98% of what full attention finds (1,178 questions on documents of 4k to 32k tokens)"
        );
        assert_eq!(
            told("accurate", "qwen2.5-coder-0.5b-instruct", 8_000),
            "with this model it found 100% of what full attention finds (731 questions on documents of 4k to 8k tokens)"
        );
    }

    #[test]
    fn a_model_that_was_not_measured_is_told_of_one_that_was() {
        for name in ["Qwen2.5-Coder-7B-Instruct", "Qwen2.5-1.5B-Instruct", "Meta Llama 3.1 8B Instruct", ""] {
            assert_eq!(
                told("accurate", name, 30_000),
                "its recall was not measured with this model; with Qwen2.5-Coder-1.5B-Instruct it found 98% of what full \
                 attention finds (1,178 questions on documents of 4k to 32k tokens)"
            );
        }
    }

    #[test]
    fn beyond_what_was_measured_there_is_no_figure() {
        assert_eq!(
            told("accurate", "qwen2.5-coder-1.5b-instruct", 161_000),
            "its recall was measured with this model up to 32,768 tokens; this document has 161,000"
        );
        assert_eq!(
            told("balanced", "qwen2.5-coder-0.5b-instruct", 40_000),
            "its recall was measured with this model up to 32,768 tokens; this document has 40,000"
        );
        let nothing = "its recall was not measured with this model";
        assert_eq!(told("accurate", "Qwen3 4B", 161_000), nothing);
        assert_eq!(told("paper", "qwen2.5-coder-1.5b-instruct", 30_000), nothing, "read without the dense tail");
        let far = RecipeSpec { far: 16, ..recipe("accurate") };
        assert_eq!(in_words(&far, &model("qwen2", "qwen2.5-coder-1.5b-instruct"), 8_000), nothing);
        let few_sinks = RecipeSpec { sinks: 4, ..recipe("accurate") };
        assert_eq!(in_words(&few_sinks, &model("qwen2", "qwen2.5-coder-1.5b-instruct"), 8_000), nothing);
    }

    #[test]
    fn far_keys_have_figures_by_the_documents_length() {
        let [large, small] = &BENCHMARKS;
        let shares = |benchmark: &Benchmark, preset: &str| {
            [6_000, 14_000, 30_000, 33_000].map(|tokens| benchmark.share(&recipe(preset), tokens))
        };
        assert_eq!(shares(large, "balanced"), [Some(1.0), Some(0.97), Some(1.0), None]);
        assert_eq!(shares(large, "fastest"), [Some(0.89), Some(0.89), Some(0.89), None]);
        assert_eq!(shares(small, "fastest"), [Some(0.83), Some(0.83), Some(0.81), None]);
        let fewer = RecipeSpec { far: 32, ..recipe("balanced") };
        assert_eq!(large.share(&fewer, 30_000), Some(0.89), "as the smaller window with fewer far keys");
        assert_eq!(
            told("balanced", "qwen2.5-coder-1.5b-instruct", 14_000),
            "with this model it found 97% of what full attention finds (225 questions on documents of 16k tokens)"
        );
    }

    #[test]
    fn what_every_layer_sliding_finds_depends_on_how_many_windows_the_document_has() {
        let [large, small] = &BENCHMARKS;
        let sliding = |window| RecipeSpec { window: WindowSpec::Tokens(window), ..RecipeSpec::SLIDING };
        let shares = |benchmark: &Benchmark, tokens| [2048, 4096, 8192].map(|w| benchmark.share(&sliding(w), tokens));
        assert_eq!(shares(large, 8_192), [Some(0.93), Some(0.97), Some(0.97)]);
        assert_eq!(shares(large, 32_768), [Some(0.70), Some(0.86), Some(0.93)]);
        assert_eq!(shares(small, 8_192), [Some(0.88), Some(0.97), Some(0.97)]);
        assert_eq!(shares(small, 8_193), [None; 3]);
    }
}
