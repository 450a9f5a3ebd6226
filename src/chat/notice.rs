//! Notices to the user, and what to report about a model once it is loaded.

use super::template::ChatTemplate;
use crate::engine::message::ModelInfo;
use crate::failure::Failure;

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
    let without_gpu = model.without_gpu.map(str::to_owned);
    let without_template = template.is_fallback().then(|| format!("{} has no chat template; using ChatML", model.name));
    without_gpu.into_iter().chain(without_template).collect()
}
