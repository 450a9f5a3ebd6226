//! What is known about a model on an OpenAI-compatible server, in the form that every front end knows models in.
//!
//! Most of it isn't known: a server tells neither layers nor memory. What can't be told is 0 or absent, and
//! [`ModelInfo::server`] says that it is so, for front ends to leave it out.

use std::path::PathBuf;
use std::time::Duration;

use super::answer::UNKNOWN_COST;
use super::messages::TEMPLATE;
use super::models::Offer;
use crate::engine::config::ContextSize;
use crate::engine::message::{
    CacheShape, Counting, HeadsKnown, ModelInfo, PlainServer, SamplingPatch, UNKNOWN_CONTEXT_TOKENS,
};
use crate::harmless;
use crate::swaa::ModelLayers;

/// Why no preset but `full` is available.
const NO_PRESETS: &str = "the model runs on a server, which decides about attention itself";

/// [`ModelInfo`] of a server's model.
pub(super) fn info(server: &str, offer: &Offer, counting: Counting, load_time: Duration) -> ModelInfo {
    let Offer { context_tokens, .. } = *offer;
    // It is shown, and the server chose it.
    let name = harmless::line(&offer.id).into_owned();
    ModelInfo {
        path: PathBuf::from(&name),
        name,
        called: None,
        quantisation: None,
        architecture: String::new(),
        layers: ModelLayers::All(0),
        train_context_tokens: context_tokens.unwrap_or(UNKNOWN_CONTEXT_TOKENS),
        stretched_from: None,
        vocab_tokens: offer.vocab_tokens.unwrap_or(0),
        cache: CacheShape::plain(0),
        model_bytes: offer.bytes.unwrap_or(0),
        repacked_bytes: 0,
        load_time,
        chat_template: Some(TEMPLATE.to_owned()),
        turn_marks: crate::engine::message::TurnMarks::default(),
        bos_text: String::new(),
        eos_text: String::new(),
        sampling: SamplingPatch::default(),
        sliding_refused: Some(NO_PRESETS.to_owned()),
        without_gpu: None,
        prefill_cost: UNKNOWN_COST,
        patch_stamp: String::new(),
        devices: offer.kind.name().into_iter().map(str::to_owned).collect(),
        offloaded_layers: 0,
        server: Some(PlainServer { counting, is_context_known: context_tokens.is_some() }),
        context: ContextSize::Fit,
        heads: HeadsKnown::default(),
        runs_on: Some(server.to_owned()),
    }
}
