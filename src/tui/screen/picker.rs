//! The preset picker: compare, choose and edit presets. Enter tries an edited preset, `s` and Enter save it.

use crate::swaa::{LayerSpec, RecipeSpec, WindowSpec};

/// An open picker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct PresetPicker {
    /// The selected preset.
    pub at: usize,
    pub draft: Option<RecipeDraft>,
    /// Enter asks the question under both the active and the selected preset.
    pub versus: bool,
}

/// A recipe being edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct RecipeDraft {
    pub recipe: RecipeSpec,
    pub field: RecipeField,
    /// `s` was pressed: Enter saves it.
    pub to_save: bool,
}

/// A field of a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum RecipeField {
    Window,
    Sinks,
    Far,
    FullLayers,
    Decode,
    Tail,
}

impl RecipeField {
    pub(in crate::tui) const ALL: [Self; 6] =
        [Self::Window, Self::Sinks, Self::Far, Self::FullLayers, Self::Decode, Self::Tail];

    /// The key in a preset file.
    pub(in crate::tui) const fn name(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::Sinks => "sinks",
            Self::Far => "far",
            Self::FullLayers => "full_layers",
            Self::Decode => "fa_decode",
            Self::Tail => "dense_tail",
        }
    }

    /// The value in a preset file.
    pub(in crate::tui) fn value(self, recipe: &RecipeSpec) -> String {
        match self {
            Self::Window => recipe.window.to_string(),
            Self::Sinks => recipe.sinks.to_string(),
            Self::Far if recipe.far == 0 => "none".to_owned(),
            Self::Far => recipe.far.to_string(),
            Self::FullLayers => recipe.full_layers.to_string(),
            Self::Decode => recipe.fa_decode.to_string(),
            Self::Tail => recipe.dense_tail.to_string(),
        }
    }

    pub(super) fn step(self, recipe: &mut RecipeSpec, up: bool) {
        match self {
            Self::Window => recipe.window = stepped(&WINDOWS, &recipe.window, up),
            Self::Sinks => recipe.sinks = stepped(&SINKS, &recipe.sinks, up),
            Self::Far => recipe.far = stepped(&FAR, &recipe.far, up),
            Self::FullLayers => recipe.full_layers = stepped(&LAYERS, &recipe.full_layers, up),
            Self::Decode => recipe.fa_decode ^= true,
            Self::Tail => recipe.dense_tail ^= true,
        }
    }
}

/// The values that the arrow keys step through; a preset file can have any other.
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
const FAR: [u32; 6] = [0, 64, 32, 16, 8, 4];
const LAYERS: [LayerSpec; 5] =
    [LayerSpec::None, LayerSpec::Every { step: 4, from: 1 }, LayerSpec::Odd, LayerSpec::FirstHalf, LayerSpec::Even];

/// The value next to `value`; if `value` is not in the list, the first or last.
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
