//! The facts about a model that the choice of a preset needs, as plain values.

use super::cost::PrefillCost;
use super::layers::ModelLayers;

/// The properties of a model that recipes depend on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModelFacts<'a> {
    /// `general.name` of its file.
    pub name: &'a str,
    /// `general.architecture`.
    pub architecture: &'a str,
    pub layers: &'a ModelLayers,
    /// Why sliding attention does not work with this model; `None` if it does.
    pub sliding_refused: Option<&'a str>,
    /// Why `auto` does not take sliding attention although it works; `None` if it may.
    pub sliding_unproven: Option<&'a str>,
    /// Prefill cost of this model on this machine.
    pub cost: PrefillCost,
}

impl ModelFacts<'_> {
    /// Whether the model's name contains `known`, which is in lower case with `-` between words: `Meta Llama 3.1 8B`
    /// contains `llama-3-1-8b`.
    pub(super) fn is_called(&self, known: &str) -> bool {
        let words = self.name.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join("-").to_ascii_lowercase().contains(known)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A model of 24 layers that has not been timed on this machine.
    pub(in crate::swaa) fn model<'a>(architecture: &'a str, name: &'a str) -> ModelFacts<'a> {
        let cost = PrefillCost { pairs_per_token: 1_500.0, token_s: None };
        let layers = &ModelLayers::All(24);
        ModelFacts { name, architecture, layers, sliding_refused: None, sliding_unproven: None, cost }
    }

    #[test]
    fn names_differ_in_all_but_letters_and_digits() {
        assert!(model("", "Meta Llama 3.1 8B Instruct").is_called("llama-3-1-8b"));
        assert!(model("", "qwen2.5-coder-1.5b-instruct").is_called("qwen2-5-coder-1-5b-instruct"));
        assert!(!model("", "Qwen2.5-Coder-0.5B-Instruct").is_called("qwen2-5-coder-1-5b-instruct"));
    }
}
