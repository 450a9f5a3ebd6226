//! One line for the person, and what is said of a model as soon as it is there.

use super::template::ChatTemplate;
use crate::engine::message::ModelInfo;
use crate::failure::Failure;

/// How a notice is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Info,
    Error,
}

/// One line for the person.
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

/// What a user has to know of a model before it is asked: that it computes elsewhere than it was meant to, that its
/// file lacks a template.
#[must_use]
pub fn model_notes(model: &ModelInfo, template: &ChatTemplate) -> Vec<String> {
    let without_gpu = model.without_gpu.map(str::to_owned);
    let without_template = template.is_fallback().then(|| format!("{} has no chat template; using ChatML", model.name));
    without_gpu.into_iter().chain(without_template).collect()
}
