//! The full layers of the paper's recipe by model family: the meaning of `full_layers = "model"` in a preset.
//!
//! The parity of the layers matters and differs by family; the wrong one costs 20 points and more (arXiv 2512.10411).
//!
//! Example: `Qwen3 4B Thinking 2507` with the architecture `qwen3` belongs to the family Qwen3 4B, whose odd layers
//! stay full.

use super::layers::LayerSpec;
use super::model::ModelFacts;

struct Family {
    /// `general.architecture` of the model's file.
    architecture: &'static str,
    /// The name of its models; see [`ModelFacts::is_called`].
    name: &'static str,
    full_layers: LayerSpec,
}

const FAMILIES: [Family; 3] = [
    Family { architecture: "qwen3", name: "qwen3-4b", full_layers: LayerSpec::Odd },
    Family { architecture: "qwen3moe", name: "qwen3-30b-a3b", full_layers: LayerSpec::Even },
    Family { architecture: "llama", name: "llama-3-1-8b", full_layers: LayerSpec::Even },
];

/// The full layers for `model`; `None` for a family without measurements.
#[must_use]
pub fn full_layers(model: &ModelFacts) -> Option<LayerSpec> {
    let belongs = |family: &&Family| family.architecture == model.architecture && model.is_called(family.name);
    FAMILIES.iter().find(belongs).map(|family| family.full_layers.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swaa::model::tests::model;

    #[test]
    fn families_are_told_by_architecture_and_name() {
        let full_layers = |architecture, name| full_layers(&model(architecture, name));
        assert_eq!(full_layers("qwen3", "Qwen3 4B Thinking 2507"), Some(LayerSpec::Odd));
        assert_eq!(full_layers("qwen3moe", "Qwen3-30B-A3B"), Some(LayerSpec::Even));
        assert_eq!(full_layers("llama", "Meta Llama 3.1 8B Instruct"), Some(LayerSpec::Even));
        assert_eq!(full_layers("llama", "Smollm2 135M 8k Lc100K Mix1 Ep2"), None);
        assert_eq!(full_layers("qwen3", "Qwen3 0.6B"), None);
    }
}
