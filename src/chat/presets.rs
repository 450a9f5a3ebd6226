//! What the presets that can be switched to are for this model and this document.
//!
//! A preset entry ([`Chat::offers`]) becomes a recipe once the model is there: `first-half` is layers 0 to 11 of 24. `auto` also needs the
//! document's length in tokens, which the engine counts first.

use super::state::{Chat, Model, Questions};
use crate::failure::{Failure, FailureKind};
use crate::swaa::selection::ResolvedPreset;
use crate::swaa::{ChainOfThought, RecipeSpec, WindowSpec};

/// Why some offers can't be compared (yet).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotCompared {
    /// `auto` is among them, and the document was not counted yet.
    NotSized,
    Refused(Failure),
}

impl Chat {
    /// What an offer is for this model and the document that was read.
    #[must_use]
    pub fn way_of(&self, offer: usize) -> Option<ResolvedPreset> {
        let document_tokens = self.held.as_ref()?.document_tokens;
        self.resolve(offer, document_tokens)?.ok().map(|(way, _)| way)
    }

    /// Whether one question can be asked under each of these offers.
    ///
    /// Errors: why not.
    pub fn compares(&self, offers: &[usize]) -> Result<(), Failure> {
        match self.compared(offers) {
            Err(NotCompared::Refused(failure)) => Err(failure),
            Ok(_) | Err(NotCompared::NotSized) => Ok(()),
        }
    }

    /// What each of these offers is; no two are the same.
    pub(super) fn compared(&self, offers: &[usize]) -> Result<Vec<ResolvedPreset>, NotCompared> {
        let refused = |message: String, hint: &str| {
            NotCompared::Refused(Failure::new(FailureKind::Usage, message, Some(hint.to_owned())))
        };
        if self.held.is_none() && self.asking.questions == Questions::Conversation {
            return Err(refused("two presets can be compared once the document is read".to_owned(), "wait for it"));
        }
        if offers.len() < 2 {
            return Err(refused("one preset is nothing to compare".to_owned(), "name two at least"));
        }
        let mut compared: Vec<ResolvedPreset> = Vec::with_capacity(offers.len());
        for (index, &offer) in offers.iter().enumerate() {
            let way = self.comparable(offer)?;
            if let Some(same) = compared.iter().position(|known| (&known.recipe, known.cot) == (&way.recipe, way.cot)) {
                let [one, other] = [same, index].map(|index| &self.offers[offers[index]].name);
                let message = if one == other {
                    format!("{one} can't be compared with itself")
                } else {
                    format!("{one} and {other} are both {} here", way.name)
                };
                return Err(refused(message, "compare presets that differ"));
            }
            compared.push(way);
        }
        Ok(compared)
    }

    /// What an offer is, if a question can be asked under it.
    fn comparable(&self, offer: usize) -> Result<ResolvedPreset, NotCompared> {
        let known = self.held.as_ref().map(|held| held.document_tokens).or(self.document_tokens);
        if known.is_none() && self.is_automatic(offer) {
            return Err(NotCompared::NotSized);
        }
        let unknown = || Failure::new(FailureKind::Usage, "there is no such preset", None);
        let resolved = self.resolve(offer, known.unwrap_or(0)).unwrap_or_else(|| Err(unknown()));
        let (way, _) = resolved.map_err(NotCompared::Refused)?;
        match self.refusal(offer, &way) {
            Some(failure) => Err(NotCompared::Refused(failure)),
            None => Ok(way),
        }
    }

    /// Whether an offer chooses another preset by the document's length.
    pub(super) fn is_automatic(&self, offer: usize) -> bool {
        self.offers.get(offer).is_some_and(|preset| self.reading.recipe_of(preset).is_none())
    }

    /// What an offer is for a document of so many tokens (only `auto` looks at them), and why, when `auto` chose. `None` while there is no
    /// model, or for an offer that there is not.
    pub(super) fn resolve(
        &self,
        offer: usize,
        document_tokens: u32,
    ) -> Option<Result<(ResolvedPreset, Option<String>), Failure>> {
        let (Model::Ready { info, .. }, Some(preset)) = (&self.model, self.offers.get(offer)) else { return None };
        let chosen = self.reading.choose(preset, &info.facts(), document_tokens);
        Some(chosen.map_err(|error| Failure::of(FailureKind::Usage, &error)))
    }

    /// Why an offer is not available: it slides, and this model can't.
    pub(super) fn refusal(&self, offer: usize, way: &ResolvedPreset) -> Option<Failure> {
        let Model::Ready { info, .. } = &self.model else { return None };
        let why = info.sliding_refused.as_ref().filter(|_| way.recipe.window != WindowSpec::Full)?;
        let name = self.offers.get(offer).map_or(&*way.name, |preset| &preset.name);
        let hint = Some("full attention can".to_owned());
        Some(Failure::new(FailureKind::Unsupported, format!("{name} can't be had: {why}"), hint))
    }

    /// The offer that is full attention, for the model that can do nothing else.
    pub(super) fn full_attention(&self) -> ResolvedPreset {
        let full = self.offers.iter().filter_map(|offer| Some((offer, offer.recipe.clone()?)));
        full.filter(|(_, recipe)| recipe.window == WindowSpec::Full)
            .map(|(offer, recipe)| ResolvedPreset {
                name: offer.name.as_str().into(),
                recipe,
                cot: self.reading.cot_of(offer),
            })
            .next()
            .unwrap_or_else(|| ResolvedPreset {
                name: "full".into(),
                recipe: RecipeSpec::FULL,
                cot: ChainOfThought::default(),
            })
    }
}
