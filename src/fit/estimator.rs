//! The estimates that a plan needs: token counts, prefill cost, free memory. None of them needs the weights.

use super::plan::PromptTokens;
use crate::document::ByteSpan;
use crate::engine::message::{ModelInfo, Prompt};
use crate::engine::{Measured, Survey};
use crate::failure::Failure;

/// Answers about a model without its weights.
pub trait Estimator {
    fn info(&self) -> &ModelInfo;
    /// Tokens of a text.
    fn count(&self, text: &str) -> u32;
    /// Tokens of each text.
    fn count_each(&self, texts: &[&str]) -> Vec<u32>;
    /// Tokens of a prompt, as the engine computes it.
    fn count_prompt(&self, prompt: &Prompt) -> PromptTokens;
    /// Tokens of each of `spans` of `text`. Counts of adjacent spans add up to the count of both together.
    fn count_spans(&self, text: &str, spans: &[ByteSpan]) -> Vec<u32>;
    /// The measurements that predictions are based on.
    fn measured(&self) -> Option<Measured>;
    /// Bytes available for the model and its cache; `None` if that is unknown before they are loaded.
    fn free_bytes(&self) -> Option<u64>;
    /// Why what was counted last is wrong. A model's own tables don't fail.
    fn failure(&self) -> Option<Failure> {
        None
    }
}

impl Estimator for Survey {
    fn info(&self) -> &ModelInfo {
        self.info()
    }

    fn count(&self, text: &str) -> u32 {
        self.vocabulary().count(text) as u32
    }

    fn count_each(&self, texts: &[&str]) -> Vec<u32> {
        self.vocabulary().count_each(texts).into_iter().map(|tokens| tokens as u32).collect()
    }

    fn count_prompt(&self, prompt: &Prompt) -> PromptTokens {
        let [front, document, prompt] = self.vocabulary().count_prompt(prompt).map(|tokens| tokens as u32);
        PromptTokens { document, front, prompt }
    }

    fn count_spans(&self, text: &str, spans: &[ByteSpan]) -> Vec<u32> {
        self.vocabulary().count_spans(text, spans.iter().map(|span| span.start..span.end))
    }

    fn measured(&self) -> Option<Measured> {
        self.measured()
    }

    fn free_bytes(&self) -> Option<u64> {
        self.free_bytes()
    }
}
