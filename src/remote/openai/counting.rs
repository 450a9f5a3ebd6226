//! How many tokens does a text have for a server's model?
//!
//! Asked in this order: a tokeniser's file that the user names (`--tokenizer`), the server's own `/tokenize`, an
//! [`TokenEstimate`]. A document is counted once: later prompts that contain it add their own few texts.
//!
//! ```text
//! llama-server, Lunette  {"content": "Hi"}                            {"tokens": [13048]}
//! vLLM                   {"model": "m", "prompt": "Hi",               {"count": 1, "max_model_len": 32768, …}
//!                         "add_special_tokens": false}
//! others                 404: estimated
//! ```
//!
//! The marks of the server's chat template are not known here. [`PER_MESSAGE`] stands for them, so that the tokens of a
//! prompt are those of its texts and a few more. The server's own count comes with the answer.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Value, json};

use super::estimate::TokenEstimate;
use super::models::{Kind, Offer};
use super::stream::whole;
use super::tokenizer::Tokenizer;
use super::wire::Wire;
use crate::engine::message::{Counting, Origin, Prompt, Segment};

/// Tokens that a chat template puts around a message. ChatML has 5, Llama 3 has 5, Gemma has 4.
const PER_MESSAGE: u32 = 5;
/// Shorter texts are estimated: asking the server takes longer than it is worth.
const FEWEST_BYTES_TO_ASK: usize = 16;
/// Texts whose counts are kept.
const MOST_KEPT: usize = 4096;

/// The shape of a server's `/tokenize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    LlamaServer,
    Vllm,
}

impl Shape {
    fn request(self, model: &str, text: &str) -> Value {
        match self {
            Self::LlamaServer => json!({ "content": text, "add_special": false }),
            Self::Vllm => json!({ "model": model, "prompt": text, "add_special_tokens": false }),
        }
    }

    fn tokens(self, answer: &Value) -> Option<u32> {
        match self {
            Self::LlamaServer => u32::try_from(answer["tokens"].as_array()?.len()).ok(),
            Self::Vllm => whole(&answer["count"]),
        }
    }
}

/// What counts.
#[derive(Debug)]
enum Method {
    Own(Box<Tokenizer>),
    Server(Shape),
    Estimate,
}

/// The tokens of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct PromptTokens {
    /// Those of the document and what comes before it.
    pub(super) document: u32,
    pub(super) all: u32,
}

/// Counts texts, and keeps what it has counted.
#[derive(Debug)]
pub(super) struct Counter {
    model: String,
    method: Method,
    estimate: TokenEstimate,
    known: HashMap<u64, u32>,
}

impl Counter {
    /// The best way to count for `offer`.
    pub(super) async fn choose(own: Option<Tokenizer>, offer: &Offer, wire: &Wire) -> Self {
        let method = match own {
            Some(own) => Method::Own(Box::new(own)),
            None => shape_of(offer, wire).await.map_or(Method::Estimate, Method::Server),
        };
        Self { model: offer.id.clone(), method, estimate: TokenEstimate::default(), known: HashMap::new() }
    }

    /// Whether counts are exact.
    pub(super) fn counting(&self) -> Counting {
        match self.method {
            Method::Estimate => Counting::Estimated,
            Method::Own(_) | Method::Server(_) => Counting::Exact,
        }
    }

    /// The tokens of `text`.
    pub(super) async fn count(&mut self, text: &str, wire: &Wire) -> u32 {
        let key = key_of(text);
        if let Some(&tokens) = self.known.get(&key) {
            return tokens;
        }
        let tokens = self.count_anew(text, wire).await;
        if self.known.len() >= MOST_KEPT {
            self.known.clear();
        }
        if !matches!(self.method, Method::Estimate) {
            self.known.insert(key, tokens);
        }
        tokens
    }

    async fn count_anew(&mut self, text: &str, wire: &Wire) -> u32 {
        match &self.method {
            Method::Own(tokenizer) => tokenizer.count(text),
            Method::Server(shape) if text.len() >= FEWEST_BYTES_TO_ASK => {
                let answer = wire.post("tokenize", &shape.request(&self.model, text)).await;
                match answer.ok().and_then(|answer| shape.tokens(&answer)) {
                    Some(tokens) => tokens,
                    // It refuses a long text, or is busy.
                    None => self.guess_from_here_on(text),
                }
            }
            Method::Server(_) | Method::Estimate => self.estimate.count(text),
        }
    }

    /// What counted until now can't count this text: counts are estimates from here on, and called so.
    fn guess_from_here_on(&mut self, text: &str) -> u32 {
        self.method = Method::Estimate;
        self.estimate.count(text)
    }

    /// The tokens of `prompt`, which has `messages` messages.
    pub(super) async fn count_prompt(&mut self, prompt: &Prompt, messages: usize, wire: &Wire) -> PromptTokens {
        let mut tokens = PromptTokens::default();
        for part in prompt.parts.iter().filter(|part| part.origin == Origin::Text) {
            let count = self.count(&part.text, wire).await;
            tokens.all += count;
            if part.segment == Segment::Document {
                tokens.document += count;
            }
        }
        tokens.all += PER_MESSAGE * messages as u32;
        tokens
    }

    /// The server counted `tokens` for a prompt that was counted as `ours`. Estimates are scaled by it.
    pub(super) fn learn(&mut self, ours: u32, tokens: u32) {
        if self.counting() == Counting::Estimated {
            self.estimate.learn(ours, tokens);
        }
    }
}

fn key_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Tries the server's `/tokenize` with one word.
async fn shape_of(offer: &Offer, wire: &Wire) -> Option<Shape> {
    let shapes: &[Shape] = match offer.kind {
        Kind::Vllm => &[Shape::Vllm],
        Kind::LlamaServer | Kind::Lunette => &[Shape::LlamaServer],
        Kind::Other => &[Shape::LlamaServer, Shape::Vllm],
        Kind::Ollama | Kind::LmStudio | Kind::OpenRouter => &[],
    };
    for shape in shapes {
        let answer = wire.post("tokenize", &shape.request(&offer.id, "Hello")).await;
        if answer.ok().and_then(|answer| shape.tokens(&answer)).is_some_and(|tokens| tokens > 0) {
            return Some(*shape);
        }
    }
    None
}
