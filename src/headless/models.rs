//! `lunette models`: which models are there, what is known of one, is it whole, and how to be rid of it.
//!
//! ```text
//! on this machine
//!   qwen2.5-coder-0.5b        491 MB   Lunette
//!   ollama:qwen3:4b          2.50 GB   Ollama
//! in the catalogue
//!   qwen2.5-coder-1.5b       1.12 GB   Qwen2.5-Coder 1.5B Instruct, Q4_K_M · 32,768 tokens
//! ```
//!
//! `lunette models suggest BOOK` names those that suit this machine and a document.
//!
//! Only what Lunette fetched itself is removed; other tools' files are theirs.

use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::Reporter;
use super::rows::put;
use crate::chat::Suggestion;
use crate::document::Document;
use crate::engine::message::ModelInfo;
use crate::exit::{Exit, ExitError};
use crate::failure::{Failure, FailureKind};
use crate::harmless;
use crate::models::{Catalogue, Entry, FoundModel, Places, Shelf};
use crate::session::model;
use crate::session::suggestions::suggested;
use crate::settings::Settings;
use crate::swaa::cost::PrefillCost;
use crate::swaa::model::ModelFacts;
use crate::swaa::{ModelLayers, family_layers};
use crate::units::{bytes, count};

/// A model as `--json` lists it.
#[derive(Serialize)]
struct FoundLine<'a> {
    name: &'a str,
    path: String,
    bytes: u64,
    of: &'static str,
}

/// An entry of the catalogue as `--json` lists it.
#[derive(Serialize)]
struct EntryLine<'a> {
    name: &'a str,
    title: &'a str,
    bytes: u64,
    context_tokens: Option<u32>,
    license: Option<&'a str>,
    memory_class: Option<&'static str>,
    thinking: Option<&'static str>,
    /// Those of the paper's recipe, where the model's family was measured.
    full_layers: Option<String>,
    is_here: bool,
}

/// A model that suits this machine, as `--json` lists it.
#[derive(Serialize)]
struct SuggestedLine<'a> {
    role: &'static str,
    name: &'a str,
    title: &'a str,
    bytes: u64,
    is_here: bool,
    predicted_memory_bytes: u64,
    predicted_reading_s: f64,
    preset: &'a str,
}

impl<'a> FoundLine<'a> {
    fn new(model: &'a FoundModel) -> Self {
        let FoundModel { name, path, bytes, shelf, .. } = model;
        Self { name, path: path.display().to_string(), bytes: *bytes, of: shelf.name() }
    }
}

impl<'a> EntryLine<'a> {
    fn new(entry: &'a Entry, places: &Places) -> Self {
        Self {
            name: &entry.name,
            title: &entry.title,
            bytes: entry.bytes,
            context_tokens: entry.card.as_ref().map(|card| card.context_tokens),
            license: entry.license(),
            memory_class: entry.card.as_ref().map(|card| card.memory_class.name()),
            thinking: entry.card.as_ref().map(|card| card.thinking.name()),
            full_layers: full_layers(entry),
            is_here: places.find(entry).is_some(),
        }
    }

    fn in_words(&self) -> String {
        let context = self.context_tokens.map_or(String::new(), |tokens| format!(" · {} tokens", count(tokens)));
        let license = self.license.map_or(String::new(), |license| format!(" · {license}"));
        let class = self.memory_class.map_or(String::new(), |class| format!(" · {class}"));
        let layers = self.full_layers.as_ref().map_or(String::new(), |layers| format!(" (full layers: {layers})"));
        let thinks = match self.thinking {
            Some("always") => " · thinks",
            Some("switch") => " · thinks on demand",
            _ => "",
        };
        let Self { name, title, .. } = self;
        let size = bytes(self.bytes);
        format!("  {name:<28} {size:>8}   {title}{context}{class}{layers}{thinks}{license}\n")
    }
}

/// Where the paper's recipe for the family of this entry is known.
fn full_layers(entry: &Entry) -> Option<String> {
    let card = entry.card.as_ref()?;
    let cost = PrefillCost { pairs_per_token: 1.0, token_s: None };
    let layers = ModelLayers::All(card.shape.map_or(0, |shape| shape.layers));
    let facts = ModelFacts {
        name: &entry.title,
        architecture: &card.architecture,
        layers: &layers,
        sliding_refused: None,
        sliding_unproven: None,
        cost,
    };
    family_layers(&facts).map(|layers| layers.to_string())
}

/// Suggests up to three models for this machine and `document`.
pub fn suggest_models(
    settings: &Settings,
    document: &Document,
    json: bool,
    reporter: &mut Reporter,
) -> Result<Exit, ExitError> {
    let suggestions = suggested(settings, document.text.len());
    if json {
        let line = |model: &Suggestion| {
            let Suggestion { role, name, title, bytes, is_here, memory_bytes, reading, preset } = model;
            json!(SuggestedLine {
                role: role.name(),
                name,
                title,
                bytes: *bytes,
                is_here: *is_here,
                predicted_memory_bytes: *memory_bytes,
                predicted_reading_s: reading.as_secs_f64(),
                preset,
            })
        };
        reporter.object(&json!({
            "document_tokens": suggestions.document_tokens,
            "tokens": suggestions.tokens,
            "suggestions": suggestions.models.iter().map(line).collect::<Vec<_>>(),
        }))?;
        return Ok(Exit::Ok);
    }
    let mut words = format!("{}\n", suggestions.heading());
    if suggestions.models.is_empty() {
        words += "  no model of the catalogue fits in this machine's memory\n";
    }
    for model in &suggestions.models {
        put(&mut words, format_args!("  {:<9} {:<20} {}\n", model.role.name(), model.name, model.facts()));
    }
    reporter.data(&words)?;
    Ok(Exit::Ok)
}

/// Lists what is on this machine and what the catalogue has.
pub fn list_models(places: &Places, json: bool, reporter: &mut Reporter) -> Result<Exit, ExitError> {
    let catalogue = Catalogue::bundled();
    let found = places.models_on_disk(catalogue);
    let lines: Vec<FoundLine> = found.iter().map(FoundLine::new).collect();
    let entries: Vec<EntryLine> = catalogue.entries().iter().map(|entry| EntryLine::new(entry, places)).collect();
    if json {
        reporter.object(&json!({ "models": lines, "catalogue": entries }))?;
        return Ok(Exit::Ok);
    }
    let mut words = String::from("on this machine\n");
    if lines.is_empty() {
        words += "  none\n";
    }
    for line in &lines {
        put(&mut words, format_args!("  {:<28} {:>8}   {}\n", harmless::line(line.name), bytes(line.bytes), line.of));
    }
    words += "in the catalogue (`lunette models pull NAME`)\n";
    words.extend(entries.iter().filter(|entry| !entry.is_here).map(EntryLine::in_words));
    reporter.data(&words)?;
    Ok(Exit::Ok)
}

/// What is known of a model without its weights.
pub fn model_info(path: &Path, info: &ModelInfo, json: bool, reporter: &mut Reporter) -> Result<Exit, ExitError> {
    if json {
        reporter.object(&json!({
            "path": path.display().to_string(),
            "name": info.title(),
            "architecture": info.architecture,
            "quantisation": info.quantisation,
            "layers": info.layers.count(),
            "attention_layers": info.layers.attending().as_slice(),
            "context_tokens": info.train_context_tokens,
            "model_bytes": info.model_bytes,
            "weights_bytes": info.weights_bytes(),
            "memory_class": info.cache.class.name(),
            "kv_bytes_per_token": info.cache.bytes_per_token,
            "state_bytes": info.cache.state_bytes,
            "kv_bytes_at_context": info.cache.bytes(info.train_context_tokens),
            "sliding_refused": info.sliding_refused,
        }))?;
        return Ok(Exit::Ok);
    }
    let sliding = info.sliding_refused.as_deref().unwrap_or("every preset works");
    reporter.data(&format!(
        "{}\n  file      {}\n  model     {}, {}, trained for {} tokens\n  weights   {}\n  memory    {}\n  \
         KV cache  {} at {} tokens, {} at {}\n  presets   {}\n",
        harmless::line(&info.title()),
        harmless::line(&path.display().to_string()),
        harmless::line(&info.architecture),
        info.layers,
        count(info.train_context_tokens),
        bytes(info.weights_bytes()),
        info.cache.class.in_words(),
        bytes(info.cache.bytes(8192)),
        count(8192),
        bytes(info.cache.bytes(info.train_context_tokens)),
        count(info.train_context_tokens),
        harmless::line(sliding),
    ))?;
    Ok(Exit::Ok)
}

/// Reads a whole model and compares its sha256 with what the catalogue, or the name of the file's blob, says it is.
pub fn verify_model(name: &str, settings: &Settings, json: bool, reporter: &mut Reporter) -> Result<Exit, ExitError> {
    let found = named(name, &settings.places)?;
    let Some(expected) = &found.sha256 else {
        let message = format!("nothing says what the sha256 of {} should be", found.path.display());
        let hint = "models of the catalogue, of Hugging Face's cache and of Ollama can be verified";
        return Err(Failure::new(FailureKind::Unsupported, message, Some(hint.to_owned())).into());
    };
    let is_whole = model::is_whole(&found, expected, reporter)?;
    if json {
        let line = FoundLine::new(&found);
        reporter.object(&json!({ "model": line, "sha256": expected, "is_whole": is_whole }))?;
    } else if is_whole {
        reporter.data(&format!("{} is whole: its sha256 is {expected}\n", harmless::line(&found.name)))?;
    }
    if is_whole {
        return Ok(Exit::Ok);
    }
    let message = format!("{} is not what it should be: its sha256 is not {expected}", found.path.display());
    let hint = format!("remove it (`lunette models rm {name}`) and fetch it again");
    Err(Failure::new(FailureKind::Model, message, Some(hint)).into())
}

/// Removes a model that Lunette fetched.
pub fn remove_model(name: &str, places: &Places, json: bool, reporter: &mut Reporter) -> Result<Exit, ExitError> {
    let found = named(name, places)?;
    if found.shelf != Shelf::Own {
        let message = format!("{} belongs to {}: {}", found.name, found.shelf.name(), found.path.display());
        let hint = format!("remove it with {}", found.shelf.name());
        return Err(Failure::new(FailureKind::Usage, message, Some(hint)).into());
    }
    found.remove().map_err(|error| {
        Failure::new(FailureKind::Runtime, format!("cannot remove {}: {error}", found.path.display()), None)
    })?;
    if json {
        reporter.object(&json!({ "removed": FoundLine::new(&found) }))?;
    } else {
        reporter.data(&format!("removed {}: {}\n", harmless::line(&found.name), bytes(found.bytes)))?;
    }
    Ok(Exit::Ok)
}

fn named(name: &str, places: &Places) -> Result<FoundModel, Failure> {
    let found = places.models_on_disk(Catalogue::bundled());
    let is_named = |model: &FoundModel| model.name.eq_ignore_ascii_case(name) || model.path == Path::new(name);
    found.into_iter().find(is_named).ok_or_else(|| {
        let message = format!("there is no model called `{name}` on this machine");
        Failure::new(FailureKind::Model, message, Some("`lunette models ls` lists them".to_owned()))
    })
}
