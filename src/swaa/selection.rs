//! How documents are to be read: a preset and single fields over it, until a document and a model make it a recipe.
//!
//! Example: `--preset accurate --window 8k` selects `accurate` with its window changed. For a model of 24 layers it resolves to `custom`:
//! window 8,192, full layers 0 to 11.
//!
//! What it does not do: know which preset is the default or where presets are written down; `settings` does.

use std::sync::Arc;

use super::auto::{self, Facts, Machine};
use super::families;
use super::layers::LayerSpec;
use super::preset::{CUSTOM, ChainOfThought, Preset, Presets, RecipePatch};
use super::recipe::{RecipeSpec, WindowSpec};

/// The key of `custom`, unless a preset of the user's own has it: the first that Lunette's presets leave free.
const CUSTOM_KEY: char = '9';

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresetSelection {
    pub presets: Presets,
    /// A name that `presets` has.
    pub preset: String,
    /// Fields given as flags.
    pub changes: RecipePatch,
    /// Given as a flag or in the file; wins over the preset's.
    pub cot: Option<ChainOfThought>,
}

/// A preset with nothing left to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedPreset {
    /// The preset's name, or `custom` where flags changed it.
    pub name: Arc<str>,
    pub recipe: RecipeSpec,
    pub cot: ChainOfThought,
}

/// What a choice needs to know of the model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModelFacts<'a> {
    /// `general.name` of its file.
    pub name: &'a str,
    /// `general.architecture`.
    pub architecture: &'a str,
    pub layers: u32,
    /// Why it can't slide, if it can't.
    pub sliding_refused: Option<&'a str>,
    pub machine: Machine,
}

/// Why a preset has no recipe for this model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("layer {layer} can't stay full: {model} has {layers} layers")]
    NoSuchLayer { layer: u32, model: String, layers: u32 },
    #[error("which layers of {model} should stay full is not known")]
    UnknownFamily { model: String },
}

impl Error {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoSuchLayer { layers, .. } => format!("layers are numbered 0 to {}", layers.saturating_sub(1)),
            Self::UnknownFamily { .. } => "name them, as in --full-layers first-half".to_owned(),
        }
    }
}

impl PresetSelection {
    /// The preset that was asked for.
    #[must_use]
    pub fn asked(&self) -> &Preset {
        self.presets.get(&self.preset).expect("resolve has looked the name up")
    }

    /// `preset` with the fields given as flags: its name (`custom` when they change it) and its recipe; `None` leaves it to `auto`.
    ///
    /// A window given as a flag settles a recipe even under `auto`.
    #[must_use]
    pub fn recipe_of(&self, preset: &Preset) -> Option<(String, RecipeSpec)> {
        let base = match (&preset.recipe, self.changes.window) {
            (Some(recipe), _) => recipe,
            (None, Some(_)) => &RecipeSpec::SLIDING,
            (None, None) => return None,
        };
        let recipe = self.changes.over(base);
        // Sinks and full layers mean nothing where every token sees all before it.
        let still_full = base.window == WindowSpec::Full && recipe.window == WindowSpec::Full;
        let changed = preset.recipe.as_ref() != Some(&recipe) && !still_full;
        Some((if changed { CUSTOM.to_owned() } else { preset.name.clone() }, recipe))
    }

    /// The presets to switch between, and which of them comes first. What flags make of a preset is one more, `custom`: the
    /// presets themselves stay what their names say.
    #[must_use]
    pub fn offers(&self) -> (Vec<Preset>, usize) {
        let asked = self.asked();
        let mut offers = self.presets.as_slice().to_vec();
        let (name, custom) = match self.recipe_of(asked) {
            Some((name, recipe)) if name != asked.name => (name, Some(recipe)),
            _ => (asked.name.clone(), None),
        };
        offers.extend(custom.map(|recipe| self.custom(recipe, asked.cot)));
        let first = offers.iter().position(|offer| offer.name == name).expect("resolve has looked the name up");
        (offers, first)
    }

    fn custom(&self, recipe: RecipeSpec, cot: Option<ChainOfThought>) -> Preset {
        Preset {
            name: CUSTOM.to_owned(),
            key: self.presets.by_key(CUSTOM_KEY).is_none().then_some(CUSTOM_KEY),
            summary: format!("as your flags have it: {recipe}"),
            recipe: Some(recipe),
            cot,
        }
    }

    /// Whether the model reasons first, under `preset`.
    #[must_use]
    pub fn cot_of(&self, preset: &Preset) -> ChainOfThought {
        self.cot.or(preset.cot).unwrap_or_default()
    }

    /// What `preset` is for a document of `document_tokens` on this model, and why, when `auto` chose. `tokens_per_s` is what this machine
    /// was measured to read at the start of a document, if it was.
    ///
    /// Errors: a layer that the model lacks; `full_layers = "model"` for a model of an unknown family.
    pub fn choose(
        &self,
        preset: &Preset,
        model: &ModelFacts,
        document_tokens: u32,
        tokens_per_s: Option<f64>,
    ) -> Result<(ResolvedPreset, Option<String>), Error> {
        let (mut resolved, reason) = match self.recipe_of(preset) {
            Some((name, recipe)) => (self.resolved(&name, recipe, preset), None),
            None => self.automatic(model, document_tokens, tokens_per_s),
        };
        resolved.recipe.full_layers = layers_of(resolved.recipe.full_layers, model)?;
        Ok((resolved, reason))
    }

    fn automatic(
        &self,
        model: &ModelFacts,
        document_tokens: u32,
        tokens_per_s: Option<f64>,
    ) -> (ResolvedPreset, Option<String>) {
        let facts = Facts {
            document_tokens,
            layers: model.layers,
            family: model.architecture,
            sliding_refused: model.sliding_refused,
            machine: model.machine,
            tokens_per_s,
        };
        let choice = auto::choose(&self.presets, &facts);
        let preset = self.presets.get(&choice.preset).expect("auto names a preset that it was given");
        let (name, recipe) = self.recipe_of(preset).expect("auto never chooses auto");
        (self.resolved(&name, recipe, preset), Some(choice.reason))
    }

    fn resolved(&self, name: &str, recipe: RecipeSpec, preset: &Preset) -> ResolvedPreset {
        ResolvedPreset { name: name.into(), recipe, cot: self.cot_of(preset) }
    }
}

/// `layers` with `model` replaced by what is known of the model's family, once they are sure to be there.
fn layers_of(layers: LayerSpec, model: &ModelFacts) -> Result<LayerSpec, Error> {
    let unknown = || Error::UnknownFamily { model: model.name.to_owned() };
    let layers = match layers {
        LayerSpec::Model => families::full_layers(model.architecture, model.name).ok_or_else(unknown)?,
        layers => layers,
    };
    match layers.out_of_range(model.layers) {
        Some(layer) => Err(Error::NoSuchLayer { layer, model: model.name.to_owned(), layers: model.layers }),
        None => Ok(layers),
    }
}
