//! Does it fit, and what would it take? A plan of a reading as plain data, before anything is loaded or read.
//!
//! The picture: a removal firm's estimate. Every part of the document is weighed (tokens, and the bytes that its keys and values will
//! take), the van is measured (context, memory), each route has its time (the presets, by what was measured on this machine), and where not
//! all goes in, the firm says what would: which parts to leave, a smaller number type for the cache, another context size.
//!
//! Example: *Pride and Prejudice* is 162,000 tokens for a 0.5B that holds 32,768. It does not fit; parts 1 to 12 do, and so do the 30,000
//! tokens that BM25 finds nearest to the question ([`pick`]).
//!
//! Every proposal was tried before it is made: the parts were put together, counted and held against context and memory.
//!
//! On the screen the parts are ticked in a tree ([`ticks`]), weighed batch by batch ([`weigh()`]).
//!
//! What it does not do: print (`headless` does), draw, or look at a clock. The KV cache is the same under every preset, since all
//! of it is kept; no preset is ever proposed for its memory.

pub mod pick;
mod proposals;
#[cfg(test)]
mod tests;
pub mod ticks;
pub mod tree;
mod weigh;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::chat::{ChatTemplate, Moment, PromptRequest, build_prompt};
use crate::document::{ByteSpan, Document, Part, SelectError};
use crate::engine::config::EngineSettings;
use crate::engine::message::{ModelInfo, Origin, Prompt, Stretch};
use crate::engine::{Measured, Survey};
use crate::failure::Hint;
use crate::swaa::selection::{self, PresetSelection, ResolvedPreset};
use crate::swaa::{Preset, Recipe, WindowSpec};

use proposals::TooLarge;
pub use proposals::{Proposal, part_in_words, written};
pub use weigh::weigh;

/// What is known of a model without its weights.
pub trait Known {
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

impl Known for Survey {
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

/// What is to be read, and how.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// All of the document that `--pages` left, before parts are chosen.
    pub whole: &'a Document,
    /// `--parts`, as written.
    pub parts: Option<&'a str>,
    /// `--pick`: of those parts, the nearest to the question with at most so many tokens.
    pub pick: Option<u32>,
    /// The folder that was named, when it is one: only its files can be left out by `--exclude`.
    pub folder: Option<&'a str>,
    pub question: Option<&'a str>,
    pub system: Option<&'a Arc<str>>,
    pub reading: &'a PresetSelection,
    pub engine: &'a EngineSettings,
    /// Most tokens of an answer (`-n`).
    pub answer_tokens: Option<u32>,
    /// What templates may print as the date.
    pub now: Moment,
}

/// A part and what it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartCost {
    pub part: Part,
    pub tokens: u32,
    pub kv_bytes: u64,
}

/// What a preset would take.
#[derive(Debug, Clone, PartialEq)]
pub struct PresetCost {
    pub name: String,
    pub recipe: Recipe,
    pub kv_bytes: u64,
    /// `None` when nothing was measured yet.
    pub predicted: Option<Duration>,
    /// Why this model can't be read with it.
    pub refused: Option<String>,
}

/// What stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The prompt and one token of answer are so many tokens more than the context holds.
    Context { too_many: u32 },
    /// Weights and cache take more than there is.
    Memory { need_bytes: u64, free_bytes: u64 },
}

/// Tokens of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromptTokens {
    /// Everything before the question.
    pub document: u32,
    pub prompt: u32,
}

/// The plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// The chosen parts.
    pub parts: Vec<PartCost>,
    /// How many the document has in all.
    pub parts_in_all: usize,
    /// What `--pick` took of them.
    pub picked: Option<pick::Picked>,
    pub tokens: PromptTokens,
    /// Prompt and answer.
    pub needed_tokens: u32,
    /// What the context may hold at most: `-c`, or what the model was trained for.
    pub limit_tokens: u32,
    pub kv_bytes: u64,
    pub kv_bytes_per_token: u64,
    pub model_bytes: u64,
    pub free_bytes: Option<u64>,
    pub presets: Vec<PresetCost>,
    pub chosen: ResolvedPreset,
    pub recipe: Recipe,
    pub predicted: Option<Duration>,
    pub measured: Option<Measured>,
    /// None: it fits.
    pub obstacles: Vec<Obstacle>,
    /// What would fit, the best first; only where this does not.
    pub proposals: Vec<Proposal>,
}

impl Fit {
    #[must_use]
    pub fn fits(&self) -> bool {
        self.obstacles.is_empty()
    }
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Parts(#[from] SelectError),
    #[error(transparent)]
    Preset(#[from] selection::Error),
    #[error(transparent)]
    Template(#[from] crate::chat::template::Error),
    #[error("nothing to pick: no part with a word of the question has at most {room} tokens")]
    NothingPicked { room: u32 },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Parts(error) => error.hint(),
            Self::Preset(error) => error.hint(),
            Self::Template(error) => error.hint(),
            Self::NothingPicked { .. } => {
                Some("ask in the document's own words, give more room, or leave --pick out".to_owned())
            }
        }
    }
}

/// Makes the plan.
pub fn plan(wish: &Wish, known: &dyn Known) -> Result<Fit, Error> {
    Planner::new(wish, known).plan()
}

/// A wish held against what is known.
struct Planner<'a> {
    wish: &'a Wish<'a>,
    known: &'a dyn Known,
    template: ChatTemplate,
}

impl<'a> Planner<'a> {
    fn new(wish: &'a Wish<'a>, known: &'a dyn Known) -> Self {
        Self { wish, known, template: ChatTemplate::of(known.info(), wish.now) }
    }

    fn plan(&self) -> Result<Fit, Error> {
        let (wish, info) = (self.wish, self.known.info());
        let all = wish.whole.parts();
        let numbers = match wish.parts {
            Some(written) => wish.whole.part_numbers(written)?,
            None => (1..=all.len()).collect(),
        };
        let (parts, whole_tokens) = self.weigh(&all, &numbers);
        let chosen_parts = self.taking(&numbers);
        let picked = match wish.pick.zip(wish.question) {
            None => None,
            Some((room, question)) => {
                let picked = pick::pick_now(&chosen_parts, question, room, |texts| self.known.count_each(texts));
                Some(picked.ok_or(Error::NothingPicked { room })?)
            }
        };
        let (document, document_tokens) = match &picked {
            Some(picked) => (&picked.document, picked.tokens),
            None if matches!(chosen_parts, Cow::Borrowed(_)) => (wish.whole, whole_tokens),
            None => (&*chosen_parts, self.known.count(&chosen_parts.text)),
        };
        let (chosen, _) = wish.reading.choose(wish.reading.asked(), &info.facts(), document_tokens)?;
        let tokens = self.prompt_tokens(document, document_tokens, &chosen)?;
        let obstacles = self.obstacles(tokens.prompt);
        let recipe = chosen.recipe.resolve(tokens.document, info.layers);
        let too_large =
            TooLarge { document: &chosen_parts, parts: &parts, tokens, frame: tokens.prompt - document_tokens };
        let proposals = if obstacles.is_empty() { Vec::new() } else { self.proposals(&too_large, &chosen)? };
        Ok(Fit {
            parts_in_all: all.len(),
            picked,
            needed_tokens: tokens.prompt.saturating_add(self.answer_tokens()),
            limit_tokens: self.limit(),
            kv_bytes: self.kv_bytes(tokens.prompt),
            kv_bytes_per_token: info.kv_bytes_per_token,
            model_bytes: info.model_bytes,
            free_bytes: self.known.free_bytes(),
            presets: self.presets(tokens),
            predicted: self.predict(&recipe, tokens),
            measured: self.known.measured(),
            parts,
            tokens,
            chosen,
            recipe,
            obstacles,
            proposals,
        })
    }

    /// The document that has these parts: the whole itself when that has no others.
    fn taking(&self, numbers: &[usize]) -> Cow<'a, Document> {
        if numbers.len() == self.wish.whole.parts().len() {
            return Cow::Borrowed(self.wish.whole);
        }
        Cow::Owned(self.wish.whole.with_parts(numbers))
    }

    /// What the parts of these `numbers` take, and the tokens of the whole, which is tokenised once for both.
    fn weigh(&self, all: &[Part], numbers: &[usize]) -> (Vec<PartCost>, u32) {
        let text = &self.wish.whole.text;
        let whole = ByteSpan { start: 0, end: text.len() };
        let spans: Vec<ByteSpan> = all.iter().map(|part| part.span).chain([whole]).collect();
        let counts = self.known.count_spans(text, &spans);
        let kv = self.known.info().kv_bytes_per_token;
        let cost = |&number: &usize| {
            let tokens = counts[number - 1];
            PartCost { part: all[number - 1].clone(), tokens, kv_bytes: u64::from(tokens) * kv }
        };
        (numbers.iter().map(cost).collect(), counts[all.len()])
    }

    /// Tokens of the first question's prompt about `document`, whose own tokens are known.
    fn prompt_tokens(
        &self,
        document: &Document,
        document_tokens: u32,
        chosen: &ResolvedPreset,
    ) -> Result<PromptTokens, Error> {
        let text: Arc<str> = Arc::from(document.text.as_str());
        let question: Option<Arc<str>> = self.wish.question.map(Arc::from);
        let mut tokens = PromptTokens { document: 0, prompt: 0 };
        for part in self.prompt(&text, question.as_ref(), chosen)?.parts {
            // A template that trims gives another text than the document's own.
            let is_document = Arc::ptr_eq(&part.text, &text);
            let count = if is_document { document_tokens } else { self.part_tokens(&part.text, part.origin) };
            tokens.prompt += count;
            tokens.document += if part.stretch == Stretch::Document { count } else { 0 };
        }
        Ok(tokens)
    }

    fn part_tokens(&self, text: &str, origin: Origin) -> u32 {
        match origin {
            Origin::Template => self.known.count_markup(text),
            Origin::Text => self.known.count(text),
        }
    }

    fn prompt(
        &self,
        document: &Arc<str>,
        question: Option<&Arc<str>>,
        chosen: &ResolvedPreset,
    ) -> Result<Prompt, Error> {
        let request = PromptRequest {
            template: &self.template,
            system: self.wish.system,
            document,
            turns: &[],
            question,
            cot: chosen.cot,
        };
        Ok(build_prompt(&request)?.0)
    }

    fn presets(&self, tokens: PromptTokens) -> Vec<PresetCost> {
        let (offers, _) = self.wish.reading.offers();
        offers.iter().filter(|offer| offer.recipe.is_some()).map(|offer| self.preset(offer, tokens)).collect()
    }

    fn preset(&self, preset: &Preset, tokens: PromptTokens) -> PresetCost {
        let info = self.known.info();
        // The fields that flags change are an offer of their own.
        let plain =
            PresetSelection { changes: crate::swaa::preset::RecipePatch::default(), ..self.wish.reading.clone() };
        let (spec, refused) = match plain.choose(preset, &info.facts(), tokens.document) {
            Ok((chosen, _)) => (chosen.recipe, None),
            Err(error) => {
                (preset.recipe.clone().expect("only presets with a recipe are asked"), Some(error.to_string()))
            }
        };
        let is_sliding = spec.window != WindowSpec::Full;
        let refused = refused.or_else(|| info.sliding_refused.clone().filter(|_| is_sliding));
        let recipe = spec.resolve(tokens.document, info.layers);
        let predicted = self.predict(&recipe, tokens).filter(|_| refused.is_none());
        PresetCost { name: preset.name.clone(), kv_bytes: self.kv_bytes(tokens.prompt), predicted, recipe, refused }
    }

    fn predict(&self, recipe: &Recipe, tokens: PromptTokens) -> Option<Duration> {
        let tail = tokens.prompt - tokens.document;
        let segments = [(tokens.document, &recipe.reading), (tail, recipe.tail())];
        let info = self.known.info();
        info.prefill_cost.time(0, &segments, info.layers)
    }

    /// Most tokens that a prompt and its answer may have.
    fn limit(&self) -> u32 {
        self.wish.engine.context.limit(self.known.info().train_context_tokens)
    }

    fn answer_tokens(&self) -> u32 {
        self.wish.answer_tokens.unwrap_or(self.wish.engine.reserve_tokens)
    }

    fn kv_bytes(&self, prompt_tokens: u32) -> u64 {
        let engine = self.wish.engine;
        let context = engine.context.made_for(prompt_tokens, engine.reserve_tokens, self.limit());
        u64::from(context) * self.known.info().kv_bytes_per_token
    }

    fn obstacles(&self, prompt_tokens: u32) -> Vec<Obstacle> {
        let limit = self.limit();
        // A token of answer at least; the whole reserve is a wish.
        let context = (prompt_tokens >= limit).then(|| Obstacle::Context { too_many: prompt_tokens + 1 - limit });
        let memory = self.memory_missing(self.kv_bytes(prompt_tokens));
        context.into_iter().chain(memory).collect()
    }

    fn memory_missing(&self, kv_bytes: u64) -> Option<Obstacle> {
        let free_bytes = self.known.free_bytes()?;
        let need_bytes = kv_bytes + self.known.info().model_bytes;
        (need_bytes > free_bytes).then_some(Obstacle::Memory { need_bytes, free_bytes })
    }
}
