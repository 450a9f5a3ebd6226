//! One question with its answer, citations and figures.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::attached::{Attached, AttachedText, told};
use super::texts::Texts;
use super::turn::Turn;
use super::until::Until;
use crate::citations::{Citation, SourceRange};
use crate::document::ByteSpan;
use crate::engine::message::{Channel, Figures, Finish, Passage, ReadAgain, ReasoningEnd, Timings, TokenCounts};
use crate::failure::Failure;
use crate::swaa::selection::ResolvedPreset;

/// A question, its answer so far, and what both cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// As it was typed.
    #[serde(skip, default = "no_text")]
    pub question: Arc<str>,
    /// The parts and files that it refers to with `@`.
    #[serde(default, deserialize_with = "or_default")]
    pub attached: Vec<Attached>,
    /// The visible answer, exactly as it was generated.
    #[serde(skip)]
    pub answer: String,
    #[serde(default)]
    pub reasoning: Reasoning,
    /// The answer so far may turn out to be reasoning: the model may have left out the tag that opens it.
    #[serde(default)]
    pub may_be_reasoning: bool,
    /// When its first character came.
    #[serde(skip)]
    pub(super) answer_began: Option<Duration>,
    pub state: ExchangeState,
    /// The preset in force when it was sent; `None` before.
    #[serde(default)]
    pub preset: Option<Arc<str>>,
    /// The place in the document that it was asked up to; `None`: about all of it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "or_default")]
    pub until: Option<Until>,
    /// The model that answered; `None` before.
    #[serde(default, deserialize_with = "or_default")]
    pub model: Option<Arc<AnsweringModel>>,
    #[serde(default, deserialize_with = "or_default")]
    pub figures: Option<Box<Figures>>,
    /// Set if the same question is asked under several presets.
    #[serde(default, deserialize_with = "or_default")]
    pub variant: Option<Variant>,
    /// How often the user asked for another answer.
    #[serde(default)]
    pub variation: u32,
    /// The user had it left out of later prompts, because the context is full.
    #[serde(default)]
    pub is_left_out: bool,
    /// The passages that were read again before the question; `None` if there was no search for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_again: Option<Box<ReadAgain>>,
    /// Where those passages are, one for each; empty until they have been looked up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Option<SourceRange>>,
    /// The passages that the user wants read again, instead of those that are found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) chosen: Option<Vec<ByteSpan>>,
    /// The citations in the answer; empty until they have been looked up in the document.
    #[serde(default, deserialize_with = "or_default")]
    pub citations: Vec<Citation>,
}

fn no_text() -> Arc<str> {
    "".into()
}

/// A part that another version wrote in another form is left out, and the rest is kept.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + serde::de::DeserializeOwned,
{
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// What is noted of the model with its answer: another one may be loaded later.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AnsweringModel {
    /// What people call it.
    pub name: String,
    pub file: PathBuf,
    /// The devices that computed.
    pub devices: Vec<String>,
    pub offloaded_layers: u32,
    pub load_time: Duration,
}

/// One answer of an A/B comparison: its place in the group, and its preset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// The same for all answers to one question.
    pub group: u32,
    /// From 0, in the order of asking.
    pub index: usize,
    pub resolved_preset: ResolvedPreset,
}

/// The state of a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeState {
    /// Waits until the engine is free.
    Waiting,
    Running,
    Answered(Finish),
    Failed(Failure),
    /// Stopped before the engine got to it.
    Withdrawn,
}

/// The model's reasoning before its answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Reasoning {
    #[serde(skip)]
    pub text: String,
    pub began: Option<Duration>,
    pub ended: Option<Duration>,
    /// Measured by the engine; `None` until the answer is over.
    pub tokens: Option<u32>,
    /// How it ended; `None` until the answer is over.
    pub end: Option<ReasoningEnd>,
}

impl Reasoning {
    /// How long the reasoning took, or has taken so far at `now`.
    #[must_use]
    pub fn time(&self, now: Duration) -> Option<Duration> {
        self.began.map(|began| self.ended.unwrap_or(now).saturating_sub(began))
    }

    #[must_use]
    pub fn is_open(&self) -> bool {
        self.began.is_some() && self.ended.is_none()
    }
}

/// Where `passages` are, in bytes of the document.
#[must_use]
pub fn spans(passages: &[Passage]) -> Vec<ByteSpan> {
    passages.iter().map(|passage| ByteSpan { start: passage.span.start, end: passage.span.end }).collect()
}

impl Exchange {
    pub(super) fn waiting(question: Arc<str>) -> Self {
        Self {
            question,
            attached: Vec::new(),
            answer: String::new(),
            reasoning: Reasoning::default(),
            may_be_reasoning: false,
            answer_began: None,
            state: ExchangeState::Waiting,
            preset: None,
            until: None,
            model: None,
            figures: None,
            variant: None,
            variation: 0,
            is_left_out: false,
            read_again: None,
            sources: Vec::new(),
            chosen: None,
            citations: Vec::new(),
        }
    }

    /// The answer as far as it is certain to be one. What prints an answer once and for all prints this.
    #[must_use]
    pub fn settled_answer(&self) -> &str {
        if self.may_be_reasoning { "" } else { &self.answer }
    }

    /// The passages that were read again, in bytes of the document.
    #[must_use]
    pub fn passages(&self) -> Vec<ByteSpan> {
        self.read_again.as_ref().map_or_else(Vec::new, |read_again| spans(&read_again.passages))
    }

    /// Forgets what refers to places of the document.
    pub(super) fn forget_places(&mut self) {
        self.citations.clear();
        self.read_again = None;
        self.sources.clear();
    }

    /// Whether it is another answer to the question of the exchange before it.
    #[must_use]
    pub fn is_further_variant(&self) -> bool {
        self.variant.as_ref().is_some_and(|variant| variant.index > 0)
    }

    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.state == ExchangeState::Waiting
    }

    /// Whether it is being answered or waits for its turn.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        matches!(self.state, ExchangeState::Waiting | ExchangeState::Running)
    }

    /// The turn that later prompts repeat; `None` without an answer. Of several answers to one question only the first
    /// is repeated.
    pub(super) fn turn(&self) -> Option<Turn> {
        self.is_told().then(|| Turn { question: self.asked(), answer: self.answer.as_str().into() })
    }

    /// Whether later prompts repeat it.
    pub(super) fn is_told(&self) -> bool {
        !self.is_further_variant()
            && !self.is_left_out
            && matches!(self.state, ExchangeState::Answered(_))
            && !self.answer.trim().is_empty()
    }

    /// The question as the model gets it.
    #[must_use]
    pub fn asked(&self) -> Arc<str> {
        if self.attached.is_empty() { self.question.clone() } else { told(&self.question, &self.attached).into() }
    }

    /// Whether a file that it refers to is still being read.
    #[must_use]
    pub fn waits_for_file(&self) -> bool {
        self.attached.iter().any(|attached| attached.text == AttachedText::Coming)
    }

    pub(super) fn take_piece(&mut self, channel: Channel, text: &str, now: Duration) {
        match channel {
            Channel::Reasoning => {
                self.reasoning.began.get_or_insert(now);
            }
            Channel::Answer => {
                self.end_reasoning(now);
                self.answer_began.get_or_insert(now);
            }
        }
        self.texts().take(channel, text);
    }

    /// What is collected of its answer.
    pub(super) const fn texts(&mut self) -> Texts<'_> {
        Texts {
            reasoning: &mut self.reasoning.text,
            answer: &mut self.answer,
            may_be_reasoning: &mut self.may_be_reasoning,
        }
    }

    /// The answer so far was reasoning.
    pub(super) fn turn_into_reasoning(&mut self, now: Duration) {
        self.texts().turn_into_reasoning();
        self.reasoning.began = self.reasoning.began.or(self.answer_began).or(Some(now));
        self.reasoning.ended = Some(now);
    }

    pub(super) fn finish(&mut self, finish: Finish, figures: Box<Figures>, now: Duration) {
        self.end_reasoning(now);
        self.texts().end();
        if self.reasoning.began.is_some() && self.reasoning.tokens.is_none() {
            self.reasoning.tokens = figures.tokens.known().reasoning;
            self.reasoning.end = figures.reasoning_end;
        }
        self.state = ExchangeState::Answered(finish);
        self.figures = Some(match self.figures.take() {
            Some(former) => Box::new(joined(&former, *figures)),
            None => figures,
        });
    }

    /// Ends it at `now`, without figures.
    pub(super) fn end(&mut self, now: Duration) {
        self.end_reasoning(now);
    }

    pub(super) fn fail(&mut self, failure: Failure, now: Duration) {
        self.end_reasoning(now);
        self.texts().end();
        self.state = ExchangeState::Failed(failure);
    }

    /// Forgets what came of it, so that it is asked again.
    pub(super) fn wait_again(&mut self) {
        let attached = std::mem::take(&mut self.attached);
        *self = Self { attached, variation: self.variation, ..Self::waiting(self.question.clone()) };
    }

    fn end_reasoning(&mut self, now: Duration) {
        if self.reasoning.is_open() {
            self.reasoning.ended = Some(now);
        }
    }
}

/// The figures of an answer in two parts: tokens and times of both, memory of the second. The first token was that of the
/// first part.
///
/// Example: 39 tokens in 2 s and 7 in 0.5 s are 46 tokens at 18 a second. The rate leaves out the first token of each
/// part, as the engine does: it comes from the prefill.
fn joined(first: &Figures, second: Figures) -> Figures {
    let steps = |figures: &Figures| f64::from(figures.tokens.generated.saturating_sub(1));
    let seconds = |figures: &Figures| match figures.timings.decode_tokens_per_s {
        rate if rate > 0.0 => steps(figures) / rate,
        _ => 0.0,
    };
    let (steps, seconds) = (steps(first) + steps(&second), seconds(first) + seconds(&second));
    let prefill = first.timings.prefill + second.timings.prefill;
    let prefilled = first.tokens.prefilled + second.tokens.prefilled;
    Figures {
        tokens: TokenCounts {
            cached: first.tokens.cached,
            prefilled,
            generated: first.tokens.generated + second.tokens.generated,
            reasoning: first.tokens.reasoning + second.tokens.reasoning,
            asking: first.tokens.asking + second.tokens.asking,
            reread: first.tokens.reread,
            drafted: first.tokens.drafted + second.tokens.drafted,
            accepted: first.tokens.accepted + second.tokens.accepted,
            told: first.tokens.told.zip(second.tokens.told).map(|(first, second)| first.and_then(second)),
            ..second.tokens
        },
        timings: Timings {
            prefill,
            prefill_tokens_per_s: if prefill.is_zero() { 0.0 } else { f64::from(prefilled) / prefill.as_secs_f64() },
            first_token: first.timings.first_token,
            decode: first.timings.decode + second.timings.decode,
            decode_tokens_per_s: if seconds > 0.0 { steps / seconds } else { 0.0 },
            reasoning: first.timings.reasoning + second.timings.reasoning,
        },
        reasoning_end: first.reasoning_end.or(second.reasoning_end),
        ..second
    }
}
