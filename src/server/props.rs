//! `/props` and `/slots`, with those fields of llama-server that are true here.
//!
//! Example: `{"total_slots": 4, "default_generation_settings": {"n_ctx": 32768, "params": {"seed": 42, …}}, "chat_template": "{%- …", …}`.
//!
//! The path of the model's file is its name alone: where it lies is nobody's business. Properties can't be set, and a slot shows no prompts.

use serde_json::{Value, json};

use super::asked::Loaded;
use super::error::ApiError;
use super::native;
use super::shared::Server;

/// What the server runs with.
///
/// Errors: the model is being loaded.
pub(super) fn props(server: &Server) -> Result<Value, ApiError> {
    let loaded = server.model()?;
    let params = native::settings(&server.defaults.sampling_of(&loaded), &server.defaults.limits, false);
    let info = &loaded.info;
    Ok(json!({
        "default_generation_settings": { "n_ctx": context(&loaded), "params": params },
        "total_slots": server.serving.most_answers,
        "model_alias": &*server.model_id(),
        "model_path": server.model_file_name(),
        "modalities": { "vision": false, "audio": false },
        "chat_template": info.chat_template.as_deref().unwrap_or_default(),
        "bos_token": info.bos_text,
        "eos_token": info.eos_text,
        "build_info": server.fingerprint(),
    }))
}

/// How many answers are being written, as so many busy slots of those that there are.
///
/// Errors: the model is being loaded.
pub(super) fn slots(server: &Server) -> Result<Value, ApiError> {
    let context = context(&*server.model()?);
    let answering = server.queue.answering();
    let slot = |id: usize| json!({ "id": id, "n_ctx": context, "is_processing": id < answering });
    Ok((0..server.serving.most_answers as usize).map(slot).collect())
}

/// How many tokens a prompt and its answer may have together.
fn context(loaded: &Loaded) -> u32 {
    loaded.info.context.limit(loaded.info.train_context_tokens)
}
