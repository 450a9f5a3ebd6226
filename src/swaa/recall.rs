//! Measured recall of recipes, with the model and the questions of each measurement.
//!
//! Example: half of the layers full and a window of 2,048 on the others found 98% of what full attention finds, with
//! Qwen2.5-Coder-1.5B-Instruct on 1,178 questions about documents of 4k to 32k tokens. For another model, or another
//! size, that is only an indication; for longer documents it says nothing.
//!
//! Everything was measured with 100 sinks, without far keys, with a dense tail and FA decode; recipes that differ in
//! these have no figure.

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
    },
    Benchmark {
        model: "Qwen2.5-Coder-0.5B-Instruct",
        name: "qwen2-5-coder-0-5b-instruct",
        questions: "731 questions on documents of 4k to 8k tokens",
        tokens: 8 * 1024,
        first_half_full: 1.0,
        all_sliding: &[(2, 0.97), (4, 0.88)],
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
        let as_measured = recipe.sinks >= SINKS && recipe.far == 0 && recipe.fa_decode && recipe.dense_tail;
        let as_measured = as_measured && recipe.adapters.is_empty();
        if !as_measured || tokens > self.tokens {
            return None;
        }
        let window = recipe.window.resolve(tokens)?;
        match recipe.full_layers {
            LayerSpec::FirstHalf if window >= HALF_FULL_WINDOW => Some(self.first_half_full),
            LayerSpec::None => {
                let row = self.all_sliding.iter().find(|(windows, _)| tokens <= window.saturating_mul(*windows));
                row.map(|(_, share)| *share)
            }
            _ => None,
        }
    }
}

/// Describes the known recall of `recipe`; every figure names its model and questions.
pub(super) fn in_words(recipe: &RecipeSpec, model: &ModelFacts, tokens: u32) -> String {
    let own = of(model);
    let benchmark = own.unwrap_or(&BENCHMARKS[0]);
    let found = benchmark
        .share(recipe, tokens)
        .map(|share| format!("found {:.0}% of what full attention finds ({})", share * 100.0, benchmark.questions));
    match (own, found) {
        (Some(_), Some(found)) => format!("with this model it {found}"),
        (Some(own), None) if tokens > own.tokens => format!(
            "its recall was measured with this model up to {} tokens; this document has {}",
            count(own.tokens),
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
        let nothing = "its recall was not measured with this model";
        assert_eq!(told("accurate", "Qwen3 4B", 161_000), nothing);
        assert_eq!(told("paper", "qwen2.5-coder-1.5b-instruct", 30_000), nothing, "read without the dense tail");
        let far = RecipeSpec { far: 16, ..recipe("accurate") };
        assert_eq!(in_words(&far, &model("qwen2", "qwen2.5-coder-1.5b-instruct"), 8_000), nothing);
        let few_sinks = RecipeSpec { sinks: 4, ..recipe("accurate") };
        assert_eq!(in_words(&few_sinks, &model("qwen2", "qwen2.5-coder-1.5b-instruct"), 8_000), nothing);
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
