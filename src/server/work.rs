//! What the desk gets, and what it tells while it works.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::UnboundedSender;

use crate::chat::ReadyQuestion;
use crate::document::ByteSpan;
use crate::engine::message::{CancelToken, Channel, Command, Event, Figures, Finish, Plan, Progress, ScoredToken};
use crate::failure::Failure;
use crate::swaa::selection::{PresetSelection, ResolvedPreset};

/// A question for the engine.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) asked: ReadyQuestion,
    /// The preset to ask under.
    pub(super) reading: PresetSelection,
    pub(super) updates: UnboundedSender<Update>,
    pub(super) cancel: CancelToken,
}

/// What has become of a question. [`Update::Ended`] and [`Update::Failed`] are the last.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Update {
    /// It will be answered.
    Planned(Plan),
    Prefilling(Progress),
    /// These passages of the documents are read again before the question.
    ReadAgain(Vec<ByteSpan>),
    /// The tokens of the piece of the answer that follows, if they were asked for.
    Scored(Vec<ScoredToken>),
    Piece(Channel, String),
    /// The answer was asked for; what follows may still be reasoning.
    AskedForAnswer,
    /// The answer so far was reasoning.
    WasReasoning,
    Ended(Box<Ended>),
    Failed(Failure),
}

/// How a question was answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ended {
    pub(super) finish: Finish,
    pub(super) figures: Figures,
    pub(super) preset: ResolvedPreset,
    /// Why `auto` chose it.
    pub(super) reason: Option<String>,
}

/// What has its turn at the engine.
#[derive(Debug)]
pub(super) enum Turn {
    /// Of an OpenAI client.
    Question(Box<Work>),
    /// Of another Lunette.
    Command(Box<SentCommand>),
}

/// A command that another Lunette sent.
#[derive(Debug)]
pub(super) struct SentCommand {
    pub(super) command: Command,
    pub(super) events: UnboundedSender<Event>,
    pub(super) control: Arc<Control>,
}

/// What clients may tell a job that waits or runs.
#[derive(Debug, Default)]
pub(super) struct Control {
    pub(super) cancel: CancelToken,
    pub(super) answer_now: AtomicBool,
}

impl Control {
    /// Whether the reasoning is to be ended. Once.
    pub(super) fn takes_answer_now(&self) -> bool {
        self.answer_now.swap(false, Ordering::Relaxed)
    }
}
