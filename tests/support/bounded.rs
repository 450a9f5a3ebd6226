//! A plain toy in other sizes, a recipe that is bounded everywhere, and texts of any length.

#![allow(dead_code, reason = "each test file takes what it needs")]

use lunette::engine::config::EngineConfig;
use lunette::swaa::{LayerSpec, RecipeSpec, WindowSpec};

use super::desk::config;
use super::gguf::Value;
use super::toys::Toy;

/// 300 tokens back and 4 sinks, in calls of 128: 256 + 512 + 256 + 256 cells.
pub(crate) const BOUNDED: RecipeSpec = RecipeSpec {
    window: WindowSpec::Tokens(300),
    sinks: 4,
    far: 0,
    full_layers: LayerSpec::None,
    fa_decode: false,
    dense_tail: false,
    adapters: Vec::new(),
};

pub(crate) const CELLS: u32 = 1_280;

/// A plain toy in a folder that is gone with it.
pub(crate) struct Shelf(tempfile::TempDir);

impl Shelf {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room for a temporary folder"))
    }

    /// A toy with as many of its layers, trained for so many tokens.
    pub(crate) fn config(&self, layers: u32, trained: u32) -> EngineConfig {
        let path = self.0.path().join(format!("{layers}-{trained}.gguf"));
        // An engine that ends may still read it.
        if path.exists() {
            return config(path);
        }
        let mut gguf = Toy::Plain.gguf();
        for (name, value) in &mut gguf.keys {
            match name.as_str() {
                "llama.block_count" => *value = Value::U32(layers),
                "llama.context_length" => *value = Value::U32(trained),
                _ => {}
            }
        }
        let is_of_layer = |name: &str, layer: u32| name.starts_with(&format!("blk.{layer}."));
        gguf.tensors.retain(|(name, _)| !(layers..8).any(|layer| is_of_layer(name, layer)));
        gguf.write_to(&path).expect("the temporary folder takes a small file");
        config(path)
    }
}

/// As many bytes, each a token, in which no stretch is like another.
pub(crate) fn text(tokens: usize) -> String {
    let sentences = (0..).map(|number| format!("This is number {number} of the stories. "));
    let mut text: String = sentences.take(tokens / 20 + 1).collect();
    text.truncate(tokens);
    text
}
