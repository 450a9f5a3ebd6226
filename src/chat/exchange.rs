//! One question with everything that came of it.

use std::sync::Arc;
use std::time::Duration;

use super::attached::{Attached, AttachedText, told};
use super::prompt::Turn;
use crate::citations::Citation;
use crate::engine::message::{Channel, Figures, Finish};
use crate::failure::Failure;
use crate::swaa::selection::ResolvedPreset;

/// A question, its answer as far as it has come, and what both cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// As it was typed.
    pub question: Arc<str>,
    /// What it refers to with `@`.
    pub attached: Vec<Attached>,
    /// What the model said to the person, character by character as it was generated.
    pub answer: String,
    pub reasoning: Reasoning,
    pub state: ExchangeState,
    /// The preset that was in force, once it was asked.
    pub preset: Option<Arc<str>>,
    pub figures: Option<Box<Figures>>,
    /// One of several that are asked the same, each under a preset of its own.
    pub variant: Option<Variant>,
    /// How often another answer was asked for.
    pub variation: u32,
    /// What the answer quotes, looked up in the document; empty until that is done.
    pub citations: Vec<Citation>,
}

/// One answer of an A/B comparison: which of a group of exchanges it is, and how it is to be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// The same for all answers to one question.
    pub group: u32,
    /// From 0, in the order in which they are asked.
    pub index: usize,
    pub resolved_preset: ResolvedPreset,
}

/// How far a question is.
#[derive(Debug, Clone, PartialEq)]
pub enum ExchangeState {
    /// Until the engine is free.
    Waiting,
    Running,
    Answered(Finish),
    Failed(Failure),
    /// Stopped before the engine got to it.
    Withdrawn,
}

/// What the model thought before it answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reasoning {
    pub text: String,
    pub began: Option<Duration>,
    pub ended: Option<Duration>,
    /// Measured by the engine; `None` until the answer is over.
    pub tokens: Option<u32>,
}

impl Reasoning {
    /// How long it took, or has taken by `now`.
    #[must_use]
    pub fn time(&self, now: Duration) -> Option<Duration> {
        self.began.map(|began| self.ended.unwrap_or(now).saturating_sub(began))
    }

    #[must_use]
    pub fn is_open(&self) -> bool {
        self.began.is_some() && self.ended.is_none()
    }
}

impl Exchange {
    pub(super) fn waiting(question: Arc<str>) -> Self {
        Self {
            question,
            attached: Vec::new(),
            answer: String::new(),
            reasoning: Reasoning::default(),
            state: ExchangeState::Waiting,
            preset: None,
            figures: None,
            variant: None,
            variation: 0,
            citations: Vec::new(),
        }
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

    /// Whether its answer is on its way, or waits for its turn.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        matches!(self.state, ExchangeState::Waiting | ExchangeState::Running)
    }

    /// What later prompts repeat of it: nothing unless something was answered, and of several answers to one question the first.
    pub(super) fn turn(&self) -> Option<Turn> {
        let said = !self.is_further_variant()
            && matches!(self.state, ExchangeState::Answered(_))
            && !self.answer.trim().is_empty();
        said.then(|| Turn { question: self.asked(), answer: self.answer.as_str().into() })
    }

    /// The question as the model gets it.
    #[must_use]
    pub fn asked(&self) -> Arc<str> {
        if self.attached.is_empty() { self.question.clone() } else { told(&self.question, &self.attached).into() }
    }

    /// Whether something that it refers to is still being read.
    #[must_use]
    pub fn waits_for_file(&self) -> bool {
        self.attached.iter().any(|attached| attached.text == AttachedText::Coming)
    }

    pub(super) fn take_piece(&mut self, channel: Channel, text: &str, now: Duration) {
        match channel {
            Channel::Reasoning => {
                self.reasoning.began.get_or_insert(now);
                self.reasoning.text.push_str(text);
            }
            Channel::Answer => {
                self.end_reasoning(now);
                self.answer.push_str(text);
            }
        }
    }

    pub(super) fn finish(&mut self, finish: Finish, figures: Box<Figures>, now: Duration) {
        self.end_reasoning(now);
        if self.reasoning.began.is_some() && self.reasoning.tokens.is_none() {
            self.reasoning.tokens = Some(figures.tokens.reasoning);
        }
        self.state = ExchangeState::Answered(finish);
        self.figures = Some(figures);
    }

    pub(super) fn fail(&mut self, failure: Failure, now: Duration) {
        self.end_reasoning(now);
        self.state = ExchangeState::Failed(failure);
    }

    fn end_reasoning(&mut self, now: Duration) {
        if self.reasoning.is_open() {
            self.reasoning.ended = Some(now);
        }
    }
}
