//! How documents are to be read: a preset, and single fields over it, until a document and a model make it a recipe.

use super::Error;
use crate::engine::message::ModelInfo;
use crate::models::Catalogue;
use crate::swaa::auto::{self, Facts, Machine};
use crate::swaa::preset::{CUSTOM, RecipePatch};
use crate::swaa::{ChainOfThought, LayerSpec, Preset, Presets, RecipeSpec, WindowSpec};

/// The key of `custom`, unless a preset of the user's own has it: the first that Lunette's presets leave free.
const CUSTOM_KEY: char = '9';

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub presets: Presets,
    /// A name that `presets` has.
    pub preset: String,
    /// Fields given as flags.
    pub changes: RecipePatch,
    /// Given as a flag or in the file; wins over the preset's.
    pub cot: Option<ChainOfThought>,
}

/// What a document is read with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The preset's name, or `custom` where flags changed it.
    pub name: String,
    pub recipe: RecipeSpec,
    pub cot: ChainOfThought,
    /// Why, when `auto` chose.
    pub reason: Option<String>,
}

impl Reading {
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

    /// What `preset` is for a document of `document_tokens` on this model. `tokens_per_s` is what this machine was measured to
    /// read at the start of a document, if it was.
    ///
    /// Errors: a layer that the model lacks; `full_layers = "model"` for a model that the catalogue knows nothing of.
    pub fn choose(
        &self,
        preset: &Preset,
        model: &ModelInfo,
        document_tokens: u32,
        tokens_per_s: Option<f64>,
    ) -> Result<Chosen, Error> {
        let mut chosen = match self.recipe_of(preset) {
            Some((name, recipe)) => Chosen { name, recipe, cot: self.cot_of(preset), reason: None },
            None => self.automatic(model, document_tokens, tokens_per_s),
        };
        chosen.recipe.full_layers = layers_of(chosen.recipe.full_layers, model)?;
        Ok(chosen)
    }

    fn automatic(&self, model: &ModelInfo, document_tokens: u32, tokens_per_s: Option<f64>) -> Chosen {
        let facts = Facts {
            document_tokens,
            layers: model.layers,
            family: &model.architecture,
            sliding_refused: model.sliding_refused.as_deref(),
            machine: if model.devices.iter().all(|device| device.starts_with("CPU")) {
                Machine::Cpu
            } else {
                Machine::Gpu
            },
            tokens_per_s,
        };
        let choice = auto::choose(&self.presets, &facts);
        let chosen = self.presets.get(&choice.preset).expect("auto names a preset that it was given");
        let (name, recipe) = self.recipe_of(chosen).expect("auto never chooses auto");
        Chosen { name, recipe, cot: self.cot_of(chosen), reason: Some(choice.reason) }
    }
}

/// `layers` with `model` replaced by what the catalogue knows of its family, once they are sure to be there.
fn layers_of(layers: LayerSpec, model: &ModelInfo) -> Result<LayerSpec, Error> {
    let layers = match layers {
        LayerSpec::Model => {
            let family = Catalogue::bundled().family(&model.architecture, &model.name);
            family.ok_or_else(|| Error::UnknownFamily { model: model.name.clone() })?.full_layers.clone()
        }
        layers => layers,
    };
    match layers.out_of_range(model.layers) {
        Some(layer) => Err(Error::NoSuchLayer { layer, model: model.name.clone(), layers: model.layers }),
        None => Ok(layers),
    }
}
