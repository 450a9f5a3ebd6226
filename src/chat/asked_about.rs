//! What a question is about: the document, or what is before a place in it ([`super::until`]).

use std::sync::Arc;

use super::state::Chat;
use crate::swaa::selection::ResolvedPreset;
use crate::swaa::{Attention, RecipeSpec, WindowSpec};

impl Chat {
    /// The document's text as far as it is asked about.
    #[must_use]
    pub fn text_asked_about(&self) -> Arc<str> {
        match &self.until {
            Some(until) if until.byte < self.document.text.len() => self.document.text[..until.byte].into(),
            _ => self.document.text.clone(),
        }
    }

    /// The recipe to ask with: that of the preset, with its window as it is for the whole document.
    pub(super) fn recipe_asked_with(&self, preset: &ResolvedPreset) -> RecipeSpec {
        let recipe = preset.recipe.clone();
        let read = self.measurements.of(&preset.name).map(|measurement| &measurement.recipe.reading);
        match (&self.until, recipe.window, read) {
            (Some(_), WindowSpec::Share { .. }, Some(Attention::Sliding { window, .. })) => {
                RecipeSpec { window: WindowSpec::Tokens(*window), ..recipe }
            }
            _ => recipe,
        }
    }
}
