//! Resolves preset entries for this model and document.
//!
//! A preset entry ([`Chat::preset_entries`]) becomes a recipe once the model is loaded: `first-half` is layers 0 to 11
//! of 24. `auto` also needs the document's length in tokens, which the engine forecasts first
//! ([`PresetSelection::sizing`](crate::swaa::selection::PresetSelection::sizing)).

use super::state::{Chat, Model, Questions};
use crate::failure::{Failure, FailureKind};
use crate::swaa::selection::{ResolvedPreset, refusal, why_refused};
use crate::swaa::{ChainOfThought, RecipeSpec, WindowSpec};
use crate::units::count;

/// Why some preset entries can't be compared (yet).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotCompared {
    /// `auto` is among them, and the document's tokens have not been counted yet.
    NotSized,
    Refused(Failure),
}

impl Chat {
    /// The preset entry resolved for this model and the prefilled document.
    #[must_use]
    pub fn resolve_entry(&self, preset_entry: usize) -> Option<ResolvedPreset> {
        let document_tokens = self.cache_state.as_ref()?.document_tokens;
        self.resolve(preset_entry, document_tokens)?.ok().map(|(resolved_preset, _)| resolved_preset)
    }

    /// Why the preset entry is not available, in words; `None` if it is, or no model is loaded.
    #[must_use]
    pub fn why_refused(&self, preset_entry: usize) -> Option<&str> {
        let Model::Ready { info, .. } = &self.model else { return None };
        let recipe = self.preset_entries.get(preset_entry)?.recipe.as_ref()?;
        why_refused(recipe, &info.facts())
    }

    /// Checks that one question can be asked under each of these preset entries.
    ///
    /// Errors: why not.
    pub fn compares(&self, preset_entries: &[usize]) -> Result<(), Failure> {
        match self.compared(preset_entries) {
            Err(NotCompared::Refused(failure)) => Err(failure),
            Ok(_) | Err(NotCompared::NotSized) => Ok(()),
        }
    }

    /// These preset entries, resolved; no two of them are the same.
    pub(super) fn compared(&self, preset_entries: &[usize]) -> Result<Vec<ResolvedPreset>, NotCompared> {
        let refused = |message: String, hint: &str| {
            NotCompared::Refused(Failure::new(FailureKind::Usage, message, Some(hint.to_owned())))
        };
        if self.cache_state.is_none() && self.asking.questions == Questions::Conversation {
            return Err(refused(
                "presets can be compared once the document has been prefilled".to_owned(),
                "wait until prefill is done",
            ));
        }
        if preset_entries.len() < 2 {
            return Err(refused("cannot compare a single preset".to_owned(), "name at least two"));
        }
        let mut compared: Vec<ResolvedPreset> = Vec::with_capacity(preset_entries.len());
        for (index, &preset_entry) in preset_entries.iter().enumerate() {
            let resolved_preset = self.comparable(preset_entry)?;
            if let Some(same) = compared
                .iter()
                .position(|known| (&known.recipe, known.cot) == (&resolved_preset.recipe, resolved_preset.cot))
            {
                let [one, other] = [same, index].map(|index| &self.preset_entries[preset_entries[index]].name);
                let message = if one == other {
                    format!("cannot compare {one} with itself")
                } else {
                    format!("{one} and {other} both resolve to {} here", resolved_preset.name)
                };
                return Err(refused(message, "compare presets that differ"));
            }
            compared.push(resolved_preset);
        }
        Ok(compared)
    }

    /// The resolved preset entry, if a question can be asked under it.
    fn comparable(&self, preset_entry: usize) -> Result<ResolvedPreset, NotCompared> {
        let known = self.cache_state.as_ref().map(|cache_state| cache_state.document_tokens).or(self.document_tokens);
        if known.is_none() && self.has_document() && self.is_automatic(preset_entry) {
            return Err(NotCompared::NotSized);
        }
        let unknown = || Failure::new(FailureKind::Usage, "no such preset", None);
        let resolved = self.resolve(preset_entry, known.unwrap_or(0)).unwrap_or_else(|| Err(unknown()));
        let (resolved_preset, _) = resolved.map_err(NotCompared::Refused)?;
        match self.refusal(preset_entry, &resolved_preset) {
            Some(failure) => Err(NotCompared::Refused(failure)),
            None => Ok(resolved_preset),
        }
    }

    /// Whether a preset entry chooses another preset by the document's length.
    pub(super) fn is_automatic(&self, preset_entry: usize) -> bool {
        self.preset_entries.get(preset_entry).is_some_and(|preset| self.reading.recipe_of(preset).is_none())
    }

    /// How the model reasons before its next answer: `thinking prompted, at most 256 tokens`. `None` if nothing was said
    /// about it.
    #[must_use]
    pub fn thinking(&self) -> Option<String> {
        let cot = self.cot();
        let budget = self.asking.limits.reasoning_tokens.filter(|_| cot != ChainOfThought::Off);
        let most = budget.map_or(String::new(), |tokens| format!(", at most {} tokens", count(tokens)));
        (cot != ChainOfThought::Auto || budget.is_some()).then(|| format!("thinking {cot}{most}"))
    }

    /// The mode after the present one: off, native if the model's template can, prompted.
    #[must_use]
    pub fn next_thinking(&self) -> ChainOfThought {
        let can_reason = matches!(&self.model, Model::Ready { template, .. } if template.conventions().can_reason);
        match self.cot() {
            ChainOfThought::Auto | ChainOfThought::Off if can_reason => ChainOfThought::Native,
            ChainOfThought::Auto | ChainOfThought::Off => ChainOfThought::Prompted,
            ChainOfThought::Native if !can_reason => ChainOfThought::Prompted,
            ChainOfThought::Native | ChainOfThought::Prompted => ChainOfThought::Off,
        }
    }

    pub(super) fn cot(&self) -> ChainOfThought {
        let resolved = self.resolved_preset.as_ref().map(|preset| preset.cot);
        resolved.or(self.reading.cot).unwrap_or_default()
    }

    /// The preset entry resolved for a document of `document_tokens` tokens (only `auto` uses the number), and the
    /// reason if `auto` chose. `None` if no model is loaded or there is no such entry.
    pub(super) fn resolve(
        &self,
        preset_entry: usize,
        document_tokens: u32,
    ) -> Option<Result<(ResolvedPreset, Option<String>), Failure>> {
        let (Model::Ready { info, .. }, Some(preset)) = (&self.model, self.preset_entries.get(preset_entry)) else {
            return None;
        };
        let chosen = self.reading.choose(preset, &info.facts(), document_tokens);
        Some(chosen.map_err(|error| Failure::of(FailureKind::Usage, &error)))
    }

    /// Why a preset is not available: it needs sliding attention, which this model does not support.
    pub(super) fn refusal(&self, preset_entry: usize, resolved_preset: &ResolvedPreset) -> Option<Failure> {
        let Model::Ready { info, .. } = &self.model else { return None };
        let name = self.preset_entries.get(preset_entry).map_or(&*resolved_preset.name, |preset| &preset.name);
        refusal(name, &resolved_preset.recipe, &info.facts())
    }

    /// The preset entry with full attention, for a model that supports nothing else.
    pub(super) fn full_attention(&self) -> ResolvedPreset {
        let full =
            self.preset_entries.iter().filter_map(|preset_entry| Some((preset_entry, preset_entry.recipe.clone()?)));
        full.filter(|(_, recipe)| recipe.window == WindowSpec::Full)
            .map(|(preset_entry, recipe)| ResolvedPreset {
                name: preset_entry.name.as_str().into(),
                recipe,
                cot: self.reading.cot_of(preset_entry),
            })
            .next()
            .unwrap_or_else(|| ResolvedPreset {
                name: "full".into(),
                recipe: RecipeSpec::FULL,
                cot: ChainOfThought::default(),
            })
    }
}
