//! Prints lists: the presets, and the folders that Lunette uses.

use std::io;

use serde::Serialize;

use super::Reporter;
use crate::engine::message::{MemoryClass, ModelInfo};
use crate::exit::ExitError;
use crate::harmless;
use crate::models::{Catalogue, Places};
use crate::session::EngineClient;
use crate::settings::Directories;
use crate::swaa::selection::PresetSelection;
use crate::swaa::{ModelLayers, Preset, RecipeSpec};
use crate::units::bytes;

/// Layers of a model that is not known: so many that "the first 8" are not all.
const MANY_LAYERS: &ModelLayers = &ModelLayers::All(1_000);

/// A preset, and how it resolves for a model.
#[derive(Debug, Serialize)]
struct PresetLine<'a> {
    name: &'a str,
    key: Option<char>,
    summary: &'a str,
    /// Null for `auto`.
    recipe: Option<RecipeLine<'a>>,
    cot: Option<String>,
}

#[derive(Debug, Serialize)]
struct RecipeLine<'a> {
    /// As written: "full", "4k", "max(4k, n/4)".
    window: String,
    sinks: u32,
    /// 0: no far keys.
    far: u32,
    full_layers: String,
    /// Which of the model's layers stay full; null without a model.
    #[serde(skip_serializing_if = "Option::is_none")]
    full_layer_numbers: Option<Vec<u32>>,
    fa_decode: bool,
    dense_tail: bool,
    /// Nothing looks beyond the window, so with plain memory no more than that is kept.
    bounded: bool,
    #[serde(skip)]
    spec: &'a RecipeSpec,
}

#[derive(Debug, Serialize)]
struct ModelLine<'a> {
    /// What people call it.
    name: String,
    architecture: &'a str,
    layers: u32,
    context_tokens: u32,
    memory_class: &'static str,
    /// The same under every preset that keeps every token.
    kv_bytes_per_1k_tokens: u64,
    /// Of layers that keep a state of fixed size.
    state_bytes: u64,
    /// Of layers that keep only what a window of their own sees.
    own_window_bytes: u64,
    #[serde(skip)]
    memory: MemoryClass,
    #[serde(skip_serializing_if = "Option::is_none")]
    sliding_refused: Option<&'a str>,
}

impl<'a> PresetLine<'a> {
    fn new(preset: &'a Preset, model: Option<&ModelInfo>) -> Self {
        let recipe = preset.recipe.as_ref().map(|spec| RecipeLine {
            window: spec.window.to_string(),
            sinks: spec.sinks,
            far: spec.far,
            full_layers: spec.full_layers.to_string(),
            full_layer_numbers: model.map(|model| spec.full_layers.resolve(&model.layers).as_slice().to_vec()),
            fa_decode: spec.fa_decode,
            dense_tail: spec.dense_tail,
            bounded: spec.resolve(u32::MAX, model.map_or(MANY_LAYERS, |model| &model.layers)).bound().is_some(),
            spec,
        });
        Self {
            name: &preset.name,
            key: preset.key,
            summary: &preset.summary,
            recipe,
            cot: preset.cot.map(|cot| cot.to_string()),
        }
    }
}

/// Lists the presets. With an engine, also which layers of its model stay full, and the KV cache of a thousand tokens.
pub async fn list_presets(
    reading: &PresetSelection,
    client: Option<EngineClient>,
    json: bool,
    reporter: &mut Reporter<'_>,
) -> Result<(), ExitError> {
    let model = match client {
        Some(mut client) => Some(client.loaded(reporter).await?),
        None => None,
    };
    Ok(presets(reading, model.as_ref(), json, reporter)?)
}

fn presets(
    reading: &PresetSelection,
    model: Option<&ModelInfo>,
    json: bool,
    reporter: &mut Reporter,
) -> io::Result<()> {
    // Somebody else's server tells nothing that a recipe could be resolved for.
    let elsewhere = model.filter(|model| model.server.is_some());
    let model = model.filter(|model| model.server.is_none());
    let lines: Vec<PresetLine> = reading.presets.iter().map(|preset| PresetLine::new(preset, model)).collect();
    if json && let Some(model) = elsewhere {
        let about = serde_json::json!({ "name": model.title(), "sliding_refused": model.sliding_refused });
        return reporter.object(&serde_json::json!({ "presets": lines, "model": about }));
    }
    let about = model.map(|model| ModelLine {
        name: model.title(),
        architecture: &model.architecture,
        layers: model.layers.count(),
        context_tokens: model.train_context_tokens,
        kv_bytes_per_1k_tokens: model.cache.bytes_per_token * 1000,
        state_bytes: model.cache.state_bytes,
        own_window_bytes: model.cache.own_windows.map_or(0, |kept| u64::from(kept.tokens) * kept.bytes_per_token),
        memory_class: model.cache.class.name(),
        memory: model.cache.class,
        sliding_refused: model.sliding_refused.as_deref(),
    });
    if json {
        return reporter.object(&serde_json::json!({ "presets": lines, "model": about }));
    }
    let listed: String = lines.iter().map(|line| line.in_words(model)).collect();
    reporter.data(&listed)?;
    if let Some(model) = elsewhere {
        let why = model.sliding_refused.as_deref().unwrap_or_default();
        let name = harmless::line(&model.title()).into_owned();
        return reporter.data(&format!("\n{name} on {}: full attention only, because {why}\n", model.place()));
    }
    about.map_or(Ok(()), |about| reporter.data(&about.in_words()))
}

impl PresetLine<'_> {
    fn in_words(&self, model: Option<&ModelInfo>) -> String {
        let (key, name, summary) = (self.key.unwrap_or(' '), self.name, self.summary);
        let recipe =
            self.recipe.as_ref().map_or(String::new(), |recipe| format!("{:14}{}\n", "", recipe.in_words(model)));
        format!("{key}  {name:<10} {summary}\n{recipe}")
    }
}

impl RecipeLine<'_> {
    fn in_words(&self, model: Option<&ModelInfo>) -> String {
        if self.window == "full" {
            return "every token sees everything before it".to_owned();
        }
        let layers = match model {
            Some(model) => full_layers_of(self.spec, model),
            None => format!("full layers {}", self.full_layers),
        };
        let decode = if self.fa_decode { "full" } else { "sliding" };
        let tail = if self.dense_tail { "full" } else { "sliding" };
        let far = if self.far > 0 { format!("far {}, ", self.far) } else { String::new() };
        let kept = match (self.bounded, model) {
            (true, Some(model)) if !model.drops_anywhere() => ", every token kept by this model",
            (true, _) => ", memory bounded",
            (false, _) => ", every token kept",
        };
        format!("window {}, sinks {}, {far}{layers}, answer {decode}, question {tail}{kept}", self.window, self.sinks)
    }
}

/// `full layers 0-11 of 24`
fn full_layers_of(recipe: &RecipeSpec, model: &ModelInfo) -> String {
    let full = recipe.full_layers.resolve(&model.layers);
    if full.is_empty() {
        return format!("none of {} full", model.layers);
    }
    format!("full layers {full} of {}", model.layers)
}

impl ModelLine<'_> {
    fn in_words(&self) -> String {
        let refused = self.sliding_refused.map_or(String::new(), |why| format!("\n   full attention only: {why}"));
        let state = match self.state_bytes {
            0 => String::new(),
            state => format!(" and {} of state", bytes(state)),
        };
        let windows = match self.own_window_bytes {
            0 => String::new(),
            windows => format!(" and {} of layers with a window of their own,", bytes(windows)),
        };
        let kept = match (self.memory, self.sliding_refused, self.own_window_bytes) {
            (MemoryClass::Plain, None, _) => "where every token is kept",
            (.., 0) => "under every preset: every token is kept",
            _ => "under every preset",
        };
        format!(
            "\n{} ({}, {} layers, context up to {} tokens)\n   {}\n   KV cache {} per 1k tokens{state}{windows} {kept}{refused}\n",
            harmless::line(&self.name),
            harmless::line(self.architecture),
            self.layers,
            self.context_tokens,
            self.memory.in_words(),
            bytes(self.kv_bytes_per_1k_tokens)
        )
    }
}

/// Prints the folders that Lunette uses, and the model that it uses on this machine when none is named.
pub fn paths(directories: &Directories, places: &Places, json: bool, reporter: &mut Reporter) -> io::Result<()> {
    let default_model = &Catalogue::bundled().default_for(places.machine).name;
    let config = directories.config_file();
    let rows = [
        ("config", config.as_path()),
        ("models", places.own.as_path()),
        ("cache", &directories.cache),
        ("data", &directories.data),
        ("logs", &directories.state),
    ];
    if json {
        let mut object: serde_json::Map<String, serde_json::Value> =
            rows.iter().map(|(name, path)| ((*name).to_owned(), path.to_string_lossy().into())).collect();
        object.insert("default_model".to_owned(), default_model.as_str().into());
        return reporter.object(&object);
    }
    rows.iter().try_for_each(|(name, path)| reporter.data(&format!("{name:<7} {}\n", path.display())))?;
    reporter.data(&format!("\nthe default model on this machine is {default_model}\n"))
}
