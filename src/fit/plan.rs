//! A plan as plain data: what is asked for, what it takes, what prevents it, what would fit.

use std::sync::Arc;
use std::time::Duration;

use super::retrieval::RetrievedParts;
use crate::chat::{Moment, template};
use crate::document::{Document, Part, SelectError};
use crate::engine::Measured;
use crate::engine::config::EngineSettings;
use crate::failure::Hint;
use crate::swaa::Recipe;
use crate::swaa::selection::{self, PresetSelection, ResolvedPreset};

/// What is to be read, and how.
#[derive(Debug, Clone, Copy)]
pub struct PlanRequest<'a> {
    /// All of the document that `--pages` left, before parts are chosen.
    pub whole: &'a Document,
    /// `--parts`, as written.
    pub parts: Option<&'a str>,
    /// `--pick`: of those parts, the nearest to the question with at most this many tokens.
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
    /// Why this model can't use it.
    pub refused: Option<String>,
}

/// What prevents it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The prompt and one token of answer have this many tokens more than the context holds.
    Context { too_many: u32 },
    /// Weights and cache take more than there is.
    Memory { need_bytes: u64, free_bytes: u64 },
}

/// Flags that make it fit, and what they come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// To be added to the command line, or to take the place of the same flags on it; a path takes the place of the
    /// folder.
    pub flags: String,
    /// What that means, in words.
    pub what: String,
    /// Of the prompt.
    pub tokens: u32,
    pub kv_bytes: u64,
    /// The numbers of the parts that stay, where it is only that others are left out.
    pub parts: Option<Vec<usize>>,
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
    pub picked: Option<RetrievedParts>,
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
    Template(#[from] template::Error),
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
