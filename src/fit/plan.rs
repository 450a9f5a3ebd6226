//! A plan as plain data: the request, its cost, the obstacles, and proposals that fit.

use std::time::Duration;

use super::retrieval::RetrievedParts;
use crate::chat::{Moment, Source, SystemPrompt, template};
use crate::document::{Document, Part, SelectError};
use crate::engine::Measured;
use crate::engine::config::EngineSettings;
use crate::engine::message::CacheShape;
use crate::failure::Hint;
use crate::swaa::Recipe;
use crate::swaa::selection::{self, PresetSelection, ResolvedPreset};
use crate::units::count;

/// What to plan: documents, question, preset and engine settings.
#[derive(Debug, Clone)]
pub struct PlanRequest<'a> {
    /// The document after `--pages`, before parts are selected.
    pub whole: &'a Document,
    /// `--parts`, as written.
    pub parts: Option<&'a str>,
    /// `--within`: take as many of those parts, from the first on, as can be prefilled in this time.
    pub within: Option<Duration>,
    /// `--pick`: take the nearest of those parts to the question, up to this many tokens.
    pub pick: Option<u32>,
    /// The folder, if the user gave one: only its files can be left out by `--exclude`.
    pub folder: Option<&'a str>,
    pub question: Option<&'a str>,
    /// Whether the question stands before the document, too.
    pub question_first: bool,
    pub system: &'a SystemPrompt,
    /// What was named: the title in the prompt says it, or which files of it are read.
    pub source: &'a Source,
    pub reading: &'a PresetSelection,
    pub engine: &'a EngineSettings,
    /// Max tokens of an answer (`-n`).
    pub answer_tokens: Option<u32>,
    /// The date that templates may print.
    pub now: Moment,
}

/// A part and its cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartCost {
    pub part: Part,
    pub tokens: u32,
    pub kv_bytes: u64,
}

/// The cost under one preset.
#[derive(Debug, Clone, PartialEq)]
pub struct PresetCost {
    pub name: String,
    pub recipe: Recipe,
    pub kv_bytes: u64,
    /// The cells that memory is bounded to, whatever the length; `None`: every token is kept.
    pub bounded_tokens: Option<u32>,
    /// `None` before anything has been measured.
    pub predicted: Option<Duration>,
    /// Why this model can't use the preset, if so.
    pub refused: Option<String>,
}

/// Why it does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The prompt plus one token of answer exceeds the context by this many tokens.
    Context { too_many: u32 },
    /// Weights and KV cache need more memory than is free.
    Memory { need_bytes: u64, free_bytes: u64 },
}

/// Flags that make it fit, with the resulting tokens and bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// To be added to the command line, replacing the same flags if present; a path replaces the folder.
    pub flags: String,
    /// A description of the proposal.
    pub what: String,
    /// Tokens of the prompt.
    pub tokens: u32,
    pub kv_bytes: u64,
    /// If the proposal only leaves out parts: the numbers of those that stay.
    pub parts: Option<Vec<usize>>,
}

/// How much `--within` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WithinTime {
    pub time: Duration,
    /// From the first on.
    pub parts: usize,
    /// Those that `--parts` selects.
    pub of: usize,
    /// Whether a time could be predicted. If not, these are the parts that there is room for: a run times the first one.
    pub is_predicted: bool,
}

/// Tokens of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromptTokens {
    /// Everything before the question.
    pub document: u32,
    /// Of these, the question before the document and what stands before that. 0 without one.
    pub front: u32,
    pub prompt: u32,
}

impl PromptTokens {
    /// With this many more tokens in the document.
    pub(super) const fn with(self, document_tokens: u32) -> Self {
        Self { document: self.document + document_tokens, prompt: self.prompt + document_tokens, ..self }
    }
}

/// The plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// The selected parts.
    pub parts: Vec<PartCost>,
    /// Number of parts in the whole document.
    pub parts_in_all: usize,
    /// What `--within` took.
    pub within: Option<WithinTime>,
    /// The parts that `--pick` took.
    pub picked: Option<RetrievedParts>,
    pub tokens: PromptTokens,
    /// The document is many times too long, and its tokens are an estimate from samples of it.
    pub is_estimate: bool,
    /// Tokens of prompt and answer.
    pub needed_tokens: u32,
    /// Max context: `-c`, but no more than the model was trained for.
    pub limit_tokens: u32,
    /// The cells that memory is bounded to under the chosen preset; then there is no limit. `None`: every token is kept.
    pub bounded_tokens: Option<u32>,
    pub kv_bytes: u64,
    /// What a cache of any length takes.
    pub cache: CacheShape,
    /// All weights, once they are loaded.
    pub model_bytes: u64,
    /// The part of `model_bytes` that is a copy, rearranged for this CPU.
    pub repacked_bytes: u64,
    /// `-c`, if the model was trained for less.
    pub beyond_training: Option<u32>,
    pub free_bytes: Option<u64>,
    pub presets: Vec<PresetCost>,
    pub chosen: ResolvedPreset,
    pub recipe: Recipe,
    pub predicted: Option<Duration>,
    pub measured: Option<Measured>,
    /// Empty if it fits.
    pub obstacles: Vec<Obstacle>,
    /// What would fit, best first; empty if this fits.
    pub proposals: Vec<Proposal>,
}

impl Fit {
    #[must_use]
    pub fn fits(&self) -> bool {
        self.obstacles.is_empty()
    }

    /// Whether there is room for the prompt and an answer of full length.
    #[must_use]
    pub fn has_room_for_answer(&self) -> bool {
        self.bounded_tokens.is_some() || self.needed_tokens <= self.limit_tokens
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
    Template(#[from] template::Error),
    #[error("nothing to pick: no part with a word of the question fits in {} tokens", count(*room))]
    NothingPicked { room: u32 },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Parts(error) => error.hint(),
            Self::Preset(error) => error.hint(),
            Self::Template(error) => error.hint(),
            Self::NothingPicked { .. } => {
                Some("use the document's own words, allow more tokens, or drop --pick".to_owned())
            }
        }
    }
}
