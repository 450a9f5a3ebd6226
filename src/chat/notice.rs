//! Notices to the user, and what to report about a model once it is loaded.

use super::template::ChatTemplate;
use crate::engine::config::ContextSize;
use crate::engine::message::{Counting, ModelInfo, PlainServer};
use crate::failure::Failure;
use crate::swaa::ChainOfThought;
use crate::units::count;

/// The kind of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Info,
    Error,
}

/// One line for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub tone: Tone,
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Notice {
    pub(super) fn info(text: impl Into<String>) -> Self {
        Self { tone: Tone::Info, text: text.into(), hint: None }
    }

    pub(super) fn with_hint(self, hint: &str) -> Self {
        Self { hint: Some(hint.to_owned()), ..self }
    }
}

impl From<&Failure> for Notice {
    fn from(failure: &Failure) -> Self {
        Self { tone: Tone::Error, text: failure.message.clone(), hint: failure.hint.clone() }
    }
}

/// What the user has to know about a model before asking it: that it runs on another device than intended, or that its
/// file has no chat template.
#[must_use]
pub fn model_notes(model: &ModelInfo, template: &ChatTemplate) -> Vec<String> {
    let without_gpu = model.without_gpu.clone();
    let without_template =
        template.stand_in().map(|used| format!("{} has no chat template; using {}", model.title(), used.name()));
    let of_server = model.server.map(server_notes).unwrap_or_default();
    let stretched = model.stretched_from.map(|trained| {
        format!(
            "RoPE scaling makes a context of {} tokens of the {} that the model was trained for: answers may be worse at any length",
            count(model.train_context_tokens),
            count(trained)
        )
    });
    without_gpu.into_iter().chain(without_template).chain(stretched).chain(of_server).collect()
}

/// What somebody else's server can't do or doesn't tell.
fn server_notes(server: PlainServer) -> Vec<String> {
    let limits = "the server decides about attention: presets, forecasts and figures of memory are not available";
    let estimated = (server.counting == Counting::Estimated).then_some(
        "token counts are estimates: the server has no tokeniser that can be asked (--tokenizer FILE makes them exact)",
    );
    let unknown = (!server.is_context_known).then_some(
        "the server does not say how long its context is: nothing is checked against it (-c TOKENS says it)",
    );
    [Some(limits), estimated, unknown].into_iter().flatten().map(str::to_owned).collect()
}

/// What was asked for and this model does not have: a context beyond its training, or reasoning of its own.
pub(super) fn asked_in_vain(
    model: &ModelInfo,
    template: &ChatTemplate,
    context: ContextSize,
    cot: Option<ChainOfThought>,
) -> Vec<String> {
    let trained = model.train_context_tokens;
    let beyond_training = match context {
        ContextSize::Tokens(tokens) if tokens > trained && trained > 0 => Some(format!(
            "-c {} is more than the {} tokens that the model was trained for: it makes no sense of the rest (--rope-scale stretches it)",
            count(tokens),
            count(trained)
        )),
        _ => None,
    };
    let without_reasoning = cot.filter(|cot| *cot == ChainOfThought::Native).and_then(|_| no_reasoning(template));
    beyond_training.into_iter().chain(without_reasoning).collect()
}

/// Says that the template can't make the model reason; `None` if it can.
pub(super) fn no_reasoning(template: &ChatTemplate) -> Option<String> {
    let told = "the model's template has no reasoning, so native changes nothing; --cot prompted works with any model";
    (!template.conventions().can_reason).then(|| told.to_owned())
}
