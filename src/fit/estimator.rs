//! What a plan has to know of a model: tokens of texts, what prefill costs, free memory. No weights are needed for it.

use crate::document::ByteSpan;
use crate::engine::message::ModelInfo;
use crate::engine::{Measured, Survey};

/// What is known of a model without its weights.
pub trait Estimator {
    fn info(&self) -> &ModelInfo;
    /// Tokens of a text.
    fn count(&self, text: &str) -> u32;
    /// Tokens of each of some texts.
    fn count_each(&self, texts: &[&str]) -> Vec<u32>;
    /// Tokens of what a chat template wrote.
    fn count_markup(&self, text: &str) -> u32;
    /// Tokens of each of `spans` of `text`; those of neighbours add up to those of both together.
    fn count_spans(&self, text: &str, spans: &[ByteSpan]) -> Vec<u32>;
    /// What predictions rest on.
    fn measured(&self) -> Option<Measured>;
    /// Bytes that the model and its cache may take; `None` when that is not known before they are loaded.
    fn free_bytes(&self) -> Option<u64>;
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

    fn count_markup(&self, text: &str) -> u32 {
        self.vocabulary().count_markup(text) as u32
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
