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
//!
//! A `/tokenize` that stops counting in the middle (it refuses a long text, say) is replaced by estimates from then on, and
//! [`Counter::why_it_guesses`] says why. A server that can't be reached any more is a failure.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::estimate::TokenEstimate;
use super::models::{Kind, Offer};
use super::patience::{self, NoAnswer};
use super::stream::whole;
use super::tokenizer::Tokenizer;
use super::wire::Wire;
use crate::engine::message::{Counting, Origin, Prompt, Segment};
use crate::failure::{Failure, FailureKind};
use crate::fit::PromptTokens;

const TOKENIZE: &str = "/tokenize";
/// Tokens that a chat template puts around a message. ChatML has 5, Llama 3 has 5, Gemma has 4.
const PER_MESSAGE: u32 = 5;
/// Shorter texts are estimated: asking the server takes longer than it is worth.
const FEWEST_BYTES_TO_ASK: usize = 16;
/// Texts that the server is asked for at the same time. Small servers queue five connections, and drop the sixth for a second.
const ASKED_AT_ONCE: usize = 4;
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

/// Counts texts, and keeps what it has counted.
#[derive(Debug)]
pub(super) struct Counter {
    model: String,
    method: Method,
    estimate: TokenEstimate,
    known: HashMap<u64, u32>,
    why_it_guesses: Option<String>,
}

impl Counter {
    /// The best way to count for `offer`.
    pub(super) async fn choose(own: Option<Tokenizer>, offer: &Offer, wire: &Wire) -> Self {
        let method = match own {
            Some(own) => Method::Own(Box::new(own)),
            None => shape_of(offer, wire).await.map_or(Method::Estimate, Method::Server),
        };
        Self {
            model: offer.id.clone(),
            method,
            estimate: TokenEstimate::default(),
            known: HashMap::new(),
            why_it_guesses: None,
        }
    }

    /// Whether counts are exact.
    pub(super) fn counting(&self) -> Counting {
        match self.method {
            Method::Estimate => Counting::Estimated,
            Method::Own(_) | Method::Server(_) => Counting::Exact,
        }
    }

    /// Why counts are estimates since they were asked for last, if they were exact until then.
    pub(super) fn why_it_guesses(&mut self) -> Option<Failure> {
        let why = self.why_it_guesses.take()?;
        let hint = "--tokenizer FILE counts here, whatever the server does".to_owned();
        Some(Failure::new(FailureKind::Runtime, why, Some(hint)))
    }

    /// The tokens of `text`. Errors: the server can't be reached.
    pub(super) async fn count(&mut self, text: &str, wire: &Wire) -> Result<u32, Failure> {
        if let Some(&tokens) = self.known.get(&key_of(text)) {
            return Ok(tokens);
        }
        let tokens = self.count_anew(text, wire).await?;
        if !matches!(self.method, Method::Estimate) {
            self.keep(text, tokens);
        }
        Ok(tokens)
    }

    /// The tokens of each text. Errors: the server can't be reached.
    pub(super) async fn count_each(&mut self, texts: &[&str], wire: &Wire) -> Result<Vec<u32>, Failure> {
        let mut tokens = Vec::with_capacity(texts.len());
        for some in texts.chunks(ASKED_AT_ONCE) {
            self.ask_for(some, wire).await;
            for text in some {
                tokens.push(self.count(text, wire).await?);
            }
        }
        Ok(tokens)
    }

    /// Asks for several texts at once, because each answer travels for a while. What fails is asked for again, alone.
    async fn ask_for(&mut self, texts: &[&str], wire: &Wire) {
        let Method::Server(shape) = self.method else { return };
        let is_unknown = |text: &&str| text.len() >= FEWEST_BYTES_TO_ASK && !self.known.contains_key(&key_of(text));
        let unknown: Vec<&str> = texts.iter().copied().filter(is_unknown).collect();
        let bodies: Vec<Value> = unknown.iter().map(|text| shape.request(&self.model, text)).collect();
        let answers = join_all(bodies.iter().map(|body| wire.post(TOKENIZE, body))).await;
        let counts = answers.into_iter().map(|answer| shape.tokens(&answer.ok()?));
        let counted: Vec<_> = unknown.into_iter().zip(counts).collect();
        for (text, tokens) in counted {
            if let Some(tokens) = tokens {
                self.keep(text, tokens);
            }
        }
    }

    fn keep(&mut self, text: &str, tokens: u32) {
        if self.known.len() >= MOST_KEPT {
            self.known.clear();
        }
        self.known.insert(key_of(text), tokens);
    }

    async fn count_anew(&mut self, text: &str, wire: &Wire) -> Result<u32, Failure> {
        match &self.method {
            Method::Own(tokenizer) => Ok(tokenizer.count(text)),
            Method::Server(shape) if text.len() >= FEWEST_BYTES_TO_ASK => {
                let shape = *shape;
                match asked(&shape.request(&self.model, text), wire).await {
                    Ok(answer) => match shape.tokens(&answer) {
                        Some(tokens) => Ok(tokens),
                        None => Ok(self.guess_from_here_on(text, "the server counts tokens no more")),
                    },
                    Err(why @ NoAnswer::Unheard(_)) => Err(why.failure()),
                    Err(why) => {
                        let why = format!("the server counts tokens no more: {}", why.failure().message);
                        Ok(self.guess_from_here_on(text, &why))
                    }
                }
            }
            Method::Server(_) | Method::Estimate => Ok(self.estimate.count(text)),
        }
    }

    fn guess_from_here_on(&mut self, text: &str, why: &str) -> u32 {
        self.method = Method::Estimate;
        self.known.clear();
        self.why_it_guesses = Some(why.to_owned());
        self.estimate.count(text)
    }

    /// The tokens of `prompt`, which has `messages` messages. Errors: the server can't be reached.
    pub(super) async fn count_prompt(
        &mut self,
        prompt: &Prompt,
        messages: usize,
        wire: &Wire,
    ) -> Result<PromptTokens, Failure> {
        let mut tokens = PromptTokens { document: 0, front: 0, prompt: 0 };
        for part in prompt.parts.iter().filter(|part| part.origin == Origin::Text) {
            let count = self.count(&part.text, wire).await?;
            tokens.prompt += count;
            if part.segment != Segment::Tail {
                tokens.document += count;
            }
            if part.segment == Segment::Front {
                tokens.front += count;
            }
        }
        tokens.prompt += PER_MESSAGE * messages as u32;
        Ok(tokens)
    }

    /// The server counted `tokens` for a prompt that was counted as `ours`. Estimates are scaled by it.
    pub(super) fn learn(&mut self, ours: u32, tokens: u32) {
        if self.counting() == Counting::Estimated {
            self.estimate.learn(ours, tokens);
        }
    }
}

/// The answer of `/tokenize`. A server that is busy is asked again.
async fn asked(body: &Value, wire: &Wire) -> Result<Value, NoAnswer> {
    let mut times = 0;
    loop {
        times += 1;
        match wire.post(TOKENIZE, body).await {
            Err(why) => match patience::wait(&why, times) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(why),
            },
            answer => return answer,
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
        let answer = wire.post(TOKENIZE, &shape.request(&offer.id, "Hello")).await;
        if answer.ok().and_then(|answer| shape.tokens(&answer)).is_some_and(|tokens| tokens > 0) {
            return Some(*shape);
        }
    }
    None
}
