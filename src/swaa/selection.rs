//! The user's choice of attention: a preset plus single fields, resolved to a recipe for a document and a model.
//!
//! Example: `--preset accurate --window 8k` selects `accurate` with its window changed. For a model of 24 layers it
//! resolves to `custom`: window 8,192, full layers 0 to 11.
//!
//! Does not know the default preset or where presets come from; `settings` does.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::auto;
use super::families;
use super::layers::{Lacking, LayerSpec, ModelLayers};
use super::model::ModelFacts;
use super::preset::{CUSTOM, ChainOfThought, Preset, Presets, RecipePatch};
use super::recipe::{RecipeSpec, WindowSpec};
use crate::failure::{Failure, FailureKind, Hint};

/// The key of `custom`, unless a preset of the user has it: the first key that the built-in presets leave free.
const CUSTOM_KEY: char = '9';

/// The preset and the changes that the user asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresetSelection {
    pub presets: Presets,
    /// The name of one of `presets`.
    pub preset: String,
    /// Fields given as flags.
    pub changes: RecipePatch,
    /// Set by a flag or in the file; overrides the preset's.
    pub cot: Option<ChainOfThought>,
}

/// A preset with nothing left to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedPreset {
    /// The preset's name, or `custom` where flags changed it.
    pub name: Arc<str>,
    pub recipe: RecipeSpec,
    pub cot: ChainOfThought,
}

impl ResolvedPreset {
    /// Says that `auto` chose it, and why: `auto chose full: the document is so short that every preset sees all of it`.
    #[must_use]
    pub fn chosen_for(&self, reason: &str) -> String {
        format!("auto chose {}: {reason}", self.name)
    }
}

/// Why a preset has no recipe for this model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("there is no layer {layer}: {model} has {layers}")]
    NoSuchLayer { layer: u32, model: String, layers: ModelLayers },
    #[error("of the layers that attend, none is number {nth}, counted from 0: {model} has {layers}")]
    NoSuchNth { nth: u32, model: String, layers: ModelLayers },
    #[error("layer {layer} has no attention that could stay full: {model} has {layers}")]
    NoAttention { layer: u32, model: String, layers: ModelLayers },
    #[error("no full layers are known for {model}")]
    UnknownFamily { model: String },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoSuchLayer { layers, .. } => {
                format!("layers are numbered 0 to {}", layers.count().saturating_sub(1))
            }
            Self::NoSuchNth { layers, .. } => format!("use fewer, or a list: --full-layers {}", layers.attending()),
            Self::NoAttention { .. } => "name layers that attend, or count them: first-half, odd, every 4".to_owned(),
            Self::UnknownFamily { .. } => "give them yourself, e.g. --full-layers first-half".to_owned(),
        })
    }
}

impl PresetSelection {
    /// The preset that the user asked for.
    #[must_use]
    pub fn asked(&self) -> &Preset {
        self.presets.get(&self.preset).expect("resolve has checked the name")
    }

    /// Name and recipe of `preset` with the fields given as flags; the name is `custom` if they change it. `None` if
    /// `auto` has to choose.
    ///
    /// With a window given as a flag there is a recipe even under `auto`.
    #[must_use]
    pub fn recipe_of(&self, preset: &Preset) -> Option<(String, RecipeSpec)> {
        let sliding = RecipeSpec { adapters: self.presets.adapters_of_all(), ..RecipeSpec::SLIDING };
        let base = match (&preset.recipe, self.changes.window) {
            (Some(recipe), _) => recipe,
            (None, Some(_)) => &sliding,
            (None, None) => return None,
        };
        let recipe = self.changes.over(base);
        // Sinks and full layers have no effect under full attention.
        let still_full =
            base.window == WindowSpec::Full && recipe.window == WindowSpec::Full && base.adapters == recipe.adapters;
        let changed = preset.recipe.as_ref() != Some(&recipe) && !still_full;
        Some((if changed { CUSTOM.to_owned() } else { preset.name.clone() }, recipe))
    }

    /// The recipe to have a prompt forecast under, if `auto` has to choose. What it chooses by is the plan's `document_tokens`: all tokens before the
    /// question, those of the system prompt and of the fence included. Every front end measures like this, so all of them choose the same.
    #[must_use]
    pub fn sizing(&self) -> RecipeSpec {
        // With other adapters than the questions, it could not be computed beside them.
        RecipeSpec { adapters: self.presets.adapters_of_all(), ..RecipeSpec::FULL }
    }

    /// The presets to switch between, and the index of the one to start with. A preset changed by flags is added as
    /// `custom`, so that the named presets stay as they are.
    #[must_use]
    pub fn preset_entries(&self) -> (Vec<Preset>, usize) {
        let asked = self.asked();
        let mut preset_entries = self.presets.as_slice().to_vec();
        let (name, custom) = match self.recipe_of(asked) {
            Some((name, recipe)) if name != asked.name => (name, Some(recipe)),
            _ => (asked.name.clone(), None),
        };
        preset_entries.extend(custom.map(|recipe| self.custom(recipe, asked.cot)));
        let first = preset_entries
            .iter()
            .position(|preset_entry| preset_entry.name == name)
            .expect("resolve has checked the name");
        (preset_entries, first)
    }

    fn custom(&self, recipe: RecipeSpec, cot: Option<ChainOfThought>) -> Preset {
        Preset {
            name: CUSTOM.to_owned(),
            key: self.presets.by_key(CUSTOM_KEY).is_none().then_some(CUSTOM_KEY),
            summary: format!("from your flags: {recipe}"),
            recipe: Some(recipe),
            cot,
            has_own_adapters: true,
        }
    }

    /// Whether the model reasons first under `preset`.
    #[must_use]
    pub fn cot_of(&self, preset: &Preset) -> ChainOfThought {
        self.cot.or(preset.cot).unwrap_or_default()
    }

    /// Resolves `preset` for a document of `document_tokens` on this model, with the reason if `auto` chose. [`Self::sizing`] says which tokens
    /// count; presets other than `auto` take no notice of them.
    ///
    /// Errors: a layer that the model does not have; `full_layers = "model"` for a model of an unknown family.
    pub fn choose(
        &self,
        preset: &Preset,
        model: &ModelFacts,
        document_tokens: u32,
    ) -> Result<(ResolvedPreset, Option<String>), Error> {
        let (mut resolved, reason) = match self.recipe_of(preset) {
            Some((name, recipe)) => (self.resolved(&name, recipe, preset), None),
            None => self.automatic(model, document_tokens),
        };
        resolved.recipe.full_layers = layers_of(resolved.recipe.full_layers, model)?;
        Ok((resolved, reason))
    }

    fn automatic(&self, model: &ModelFacts, document_tokens: u32) -> (ResolvedPreset, Option<String>) {
        let choice = auto::choose(&self.presets, model, document_tokens);
        let preset = self.presets.get(&choice.preset).expect("auto chooses from the presets it was given");
        let (name, recipe) = self.recipe_of(preset).expect("auto never chooses auto");
        (self.resolved(&name, recipe, preset), Some(choice.reason))
    }

    fn resolved(&self, name: &str, recipe: RecipeSpec, preset: &Preset) -> ResolvedPreset {
        ResolvedPreset { name: name.into(), recipe, cot: self.cot_of(preset) }
    }
}

/// Why `recipe` is not available: it needs sliding attention, which this model does not support.
#[must_use]
pub fn why_refused<'a>(recipe: &RecipeSpec, model: &ModelFacts<'a>) -> Option<&'a str> {
    model.sliding_refused.filter(|_| recipe.window != WindowSpec::Full)
}

/// The same of the preset `name`, as a failure.
#[must_use]
pub fn refusal(name: &str, recipe: &RecipeSpec, model: &ModelFacts) -> Option<Failure> {
    let why = why_refused(recipe, model)?;
    let message = format!("preset {name} is not available for this model: {why}");
    Some(Failure::new(FailureKind::Unsupported, message, Some("use the preset full".to_owned())))
}

/// Replaces `model` with the full layers of the model's family, and checks that all layers exist.
fn layers_of(layers: LayerSpec, model: &ModelFacts) -> Result<LayerSpec, Error> {
    let unknown = || Error::UnknownFamily { model: model.name.to_owned() };
    let layers = match layers {
        LayerSpec::Model => families::full_layers(model).ok_or_else(unknown)?,
        layers => layers,
    };
    let (name, all) = (model.name.to_owned(), model.layers.clone());
    match layers.lacking(model.layers) {
        Some(Lacking::Layer(layer)) => Err(Error::NoSuchLayer { layer, model: name, layers: all }),
        Some(Lacking::Nth(nth)) => Err(Error::NoSuchNth { nth, model: name, layers: all }),
        Some(Lacking::Attention(layer)) => Err(Error::NoAttention { layer, model: name, layers: all }),
        None => Ok(layers),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swaa::model::tests::model;

    fn selection(preset: &str, changes: RecipePatch) -> PresetSelection {
        PresetSelection { presets: Presets::built_in(), preset: preset.to_owned(), changes, cot: None }
    }

    fn layers(full_layers: LayerSpec, model: &ModelFacts) -> Result<LayerSpec, Error> {
        let selection = selection("fastest", RecipePatch { full_layers: Some(full_layers), ..RecipePatch::default() });
        selection.choose(selection.asked(), model, 10_000).map(|(resolved, _)| resolved.recipe.full_layers)
    }

    #[test]
    fn a_preset_resolves_to_its_recipe_and_needs_no_reason() {
        let selection = selection("quick", RecipePatch::default());
        let quick = selection.asked().recipe.clone().unwrap();
        let expected = ResolvedPreset { name: "quick".into(), recipe: quick, cot: ChainOfThought::Auto };
        assert_eq!(selection.choose(selection.asked(), &model("llama", "any"), 10_000), Ok((expected, None)));
    }

    #[test]
    fn auto_resolves_to_the_preset_that_it_chose_and_says_why() {
        let selection = selection("auto", RecipePatch::default());
        let (resolved, reason) = selection.choose(selection.asked(), &model("llama", "any"), 100_000).unwrap();
        assert_eq!((&*resolved.name, reason.is_some()), ("accurate", true));
    }

    #[test]
    fn the_layers_of_the_model_are_those_of_its_family() {
        assert_eq!(layers(LayerSpec::Model, &model("qwen3", "Qwen3 4B")), Ok(LayerSpec::Odd));
        let error = layers(LayerSpec::Model, &model("qwen3", "Qwen3 0.6B")).unwrap_err();
        assert_eq!(error.to_string(), "no full layers are known for Qwen3 0.6B");
    }

    #[test]
    fn a_layer_that_the_model_lacks_is_named() {
        let error = layers(LayerSpec::List(vec![3, 24]), &model("qwen3", "Small")).unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.hint().as_deref()),
            ("there is no layer 24: Small has 24 layers", Some("layers are numbered 0 to 23"))
        );
    }

    #[test]
    fn a_layer_of_a_hybrid_that_does_not_attend_is_refused() {
        let hybrid = ModelLayers::new(8, [3, 7].into_iter().collect());
        let hybrid = ModelFacts { layers: &hybrid, ..model("qwen35", "Small") };
        let told = |spec| layers(spec, &hybrid).map_err(|error| (error.to_string(), error.hint().unwrap_or_default()));
        assert_eq!(told(LayerSpec::List(vec![3])), Ok(LayerSpec::List(vec![3])));
        let (error, hint) = told(LayerSpec::List(vec![0])).unwrap_err();
        assert_eq!(error, "layer 0 has no attention that could stay full: Small has 8 layers, of which 2 attend (3,7)");
        assert_eq!(hint, "name layers that attend, or count them: first-half, odd, every 4");
        let (error, hint) = told(LayerSpec::First(3)).unwrap_err();
        let expected =
            "of the layers that attend, none is number 2, counted from 0: Small has 8 layers, of which 2 attend (3,7)";
        assert_eq!((error.as_str(), hint.as_str()), (expected, "use fewer, or a list: --full-layers 3,7"));
    }
}
