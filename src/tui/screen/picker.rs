//! The presets as a list to look at, to choose from, and to change: a change is a draft, tried with Enter and saved with `s`.

use crate::swaa::{LayerSpec, RecipeSpec, WindowSpec};

/// The picker as it is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct PresetPicker {
    /// Which offer is looked at.
    pub at: usize,
    pub draft: Option<RecipeDraft>,
    /// The question is asked under the preset in force and the one that is chosen.
    pub versus: bool,
}

/// A recipe that is being changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct RecipeDraft {
    pub recipe: RecipeSpec,
    pub field: RecipeField,
}

/// A field of a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum RecipeField {
    Window,
    Sinks,
    FullLayers,
    Decode,
    Tail,
}

impl RecipeField {
    pub(in crate::tui) const ALL: [Self; 5] = [Self::Window, Self::Sinks, Self::FullLayers, Self::Decode, Self::Tail];

    /// As a preset's file names it.
    pub(in crate::tui) const fn name(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::Sinks => "sinks",
            Self::FullLayers => "full_layers",
            Self::Decode => "fa_decode",
            Self::Tail => "dense_tail",
        }
    }

    /// As a preset's file writes it.
    pub(in crate::tui) fn value(self, recipe: &RecipeSpec) -> String {
        match self {
            Self::Window => recipe.window.to_string(),
            Self::Sinks => recipe.sinks.to_string(),
            Self::FullLayers => recipe.full_layers.to_string(),
            Self::Decode => recipe.fa_decode.to_string(),
            Self::Tail => recipe.dense_tail.to_string(),
        }
    }

    pub(super) fn step(self, recipe: &mut RecipeSpec, up: bool) {
        match self {
            Self::Window => recipe.window = stepped(&WINDOWS, &recipe.window, up),
            Self::Sinks => recipe.sinks = stepped(&SINKS, &recipe.sinks, up),
            Self::FullLayers => recipe.full_layers = stepped(&LAYERS, &recipe.full_layers, up),
            Self::Decode => recipe.fa_decode ^= true,
            Self::Tail => recipe.dense_tail ^= true,
        }
    }
}

/// What the fields go through; everything else can be written in the user's file.
const WINDOWS: [WindowSpec; 9] = [
    WindowSpec::Tokens(512),
    WindowSpec::Tokens(1024),
    WindowSpec::Tokens(2048),
    WindowSpec::Tokens(4096),
    WindowSpec::Tokens(8192),
    WindowSpec::Tokens(16_384),
    WindowSpec::Share { divisor: 8, at_least: 4096 },
    WindowSpec::Share { divisor: 4, at_least: 4096 },
    WindowSpec::Full,
];
const SINKS: [u32; 5] = [0, 10, 50, 100, 200];
const LAYERS: [LayerSpec; 5] =
    [LayerSpec::None, LayerSpec::Every { step: 4, from: 1 }, LayerSpec::Odd, LayerSpec::FirstHalf, LayerSpec::Even];

/// The neighbour of `value`; from a value that is not among them the first or the last.
fn stepped<T: Clone + PartialEq>(values: &[T], value: &T, up: bool) -> T {
    let at = values.iter().position(|known| known == value);
    let next = match (at, up) {
        (Some(at), true) => (at + 1).min(values.len() - 1),
        (Some(at), false) => at.saturating_sub(1),
        (None, true) => 0,
        (None, false) => values.len() - 1,
    };
    values[next].clone()
}
