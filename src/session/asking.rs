//! Which preset is a question asked under that no chat asks? Evaluations and servers bring whole conversations of their own.
//!
//! ```text
//! build_prompt ──> ReadyQuestion ── resolve(preset) ──> recipe ── ReadyQuestion::command ──> EngineClient::run
//! ```
//!
//! Example: a record of an evaluation is asked under `auto`. [`resolve`] forecasts its prompt, 160,900 tokens of document, and chooses
//! `accurate`; [`crate::chat::ReadyQuestion::command`] makes the question from the prompt.
//!
//! It does not lay out prompts or make questions (`chat` does), and keeps nothing between two questions: the engine does.

use super::client::{ClientError, EngineClient};
use crate::engine::message::{ModelInfo, Prompt};
use crate::swaa::Preset;
use crate::swaa::selection::{self, PresetSelection, ResolvedPreset};

/// Resolves `preset` for the document of `prompt`, with the reason if `auto` chose. Only `auto` has the prompt forecast.
pub async fn resolve<E: From<ClientError> + From<selection::Error>>(
    client: &mut EngineClient,
    reading: &PresetSelection,
    preset: &Preset,
    model: &ModelInfo,
    prompt: &Prompt,
) -> Result<(ResolvedPreset, Option<String>), E> {
    let document_tokens = match reading.recipe_of(preset) {
        Some(_) => 0,
        None => client.forecast(prompt.clone(), reading.sizing()).await?.document_tokens,
    };
    Ok(reading.choose(preset, &model.facts(), document_tokens)?)
}
