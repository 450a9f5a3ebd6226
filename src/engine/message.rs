//! The engine's commands and events, and the data in them. Imports only plain data from the engine, so that any module
//! can import it.
//!
//! Every job has an id, and every event about a job carries it. A job ends with exactly one of [`Event::Prefilled`],
//! [`Event::Answered`], [`Event::Weighed`], [`Event::Failed`]; before that come one [`Event::Planned`], progress, and pieces. One that is stopped before
//! anything is done for it has only its last event.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

pub use super::cache_shape::{CacheShape, MemoryClass};
use super::config::ContextSize;
pub use crate::failure::{Failure, FailureKind};
pub use crate::passages::Passage;
use crate::swaa::cost::PrefillCost;
use crate::swaa::model::ModelFacts;
use crate::swaa::{ModelLayers, Recipe, RecipeSpec};
use crate::units::count;

/// Identifies a job; chosen by the sender of the command, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub u64);

/// Stops a job from outside. Clones share one flag. The engine checks it between chunks and between tokens.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl PartialEq for CancelToken {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Who wrote a part of the prompt. This decides how it is tokenised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The chat template: special tokens are recognised.
    Template,
    /// The user, a document or an earlier answer: all of it is plain text.
    Text,
}

/// The attention of a part of the prompt, in the order of a prompt's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// The question before the document, with what stands before it. Its tokens are sinks, beside those of the recipe.
    Front,
    /// Prefilled through the window: the document and what comes before it.
    Document,
    /// Prefilled with full attention if the recipe has a dense tail: the question, later turns, the template's end.
    Tail,
}

/// A part of a prompt. Parts are tokenised one by one, so that a document's tokens do not depend on the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub text: Arc<str>,
    pub origin: Origin,
    pub segment: Segment,
}

/// The whole prompt, from position 0. `Front` parts come before `Document` parts, and these before `Tail` parts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Prompt {
    pub parts: Vec<Part>,
    /// What the document is called, for people; may be empty.
    pub title: Arc<str>,
}

/// Sampling, with llama.cpp's names and meanings. `temperature` 0 is greedy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    pub temperature: f32,
    pub top_k: i32,
    pub top_p: f32,
    pub min_p: f32,
    pub repeat_penalty: f32,
    pub repeat_last_n: i32,
    pub seed: u32,
    /// How many of the likeliest tokens are told beside each token of the answer, with their probabilities, at most [`MOST_PROBS`]. `None`:
    /// nothing is told. It changes nothing about the answer.
    #[serde(default)]
    pub n_probs: Option<u32>,
}

/// As many as OpenAI's clients may ask for.
pub const MOST_PROBS: u32 = 20;

impl Sampling {
    /// Always the most likely token.
    pub const GREEDY: Self = Self {
        temperature: 0.0,
        top_k: 40,
        top_p: 0.95,
        min_p: 0.05,
        repeat_penalty: 1.0,
        repeat_last_n: 64,
        seed: u32::MAX,
        n_probs: None,
    };
}

/// Some values of a sampling: those that the user gives, or those that a model's file recommends.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SamplingPatch {
    pub temperature: Option<f32>,
    pub top_k: Option<i32>,
    pub top_p: Option<f32>,
    pub min_p: Option<f32>,
    pub repeat_penalty: Option<f32>,
    pub repeat_last_n: Option<i32>,
    pub seed: Option<u32>,
}

impl SamplingPatch {
    /// These values, and those in which `after` differs from `before`.
    #[must_use]
    pub fn with_changes(self, before: Sampling, after: Sampling) -> Self {
        fn changed<T: PartialEq + Copy>(before: T, after: T, value: Option<T>) -> Option<T> {
            if before == after { value } else { Some(after) }
        }
        Self {
            temperature: changed(before.temperature, after.temperature, self.temperature),
            top_k: changed(before.top_k, after.top_k, self.top_k),
            top_p: changed(before.top_p, after.top_p, self.top_p),
            min_p: changed(before.min_p, after.min_p, self.min_p),
            repeat_penalty: changed(before.repeat_penalty, after.repeat_penalty, self.repeat_penalty),
            repeat_last_n: changed(before.repeat_last_n, after.repeat_last_n, self.repeat_last_n),
            seed: changed(before.seed, after.seed, self.seed),
        }
    }

    /// `base` with these values in place of its own.
    #[must_use]
    pub fn over(&self, base: Sampling) -> Sampling {
        Sampling {
            temperature: self.temperature.unwrap_or(base.temperature),
            top_k: self.top_k.unwrap_or(base.top_k),
            top_p: self.top_p.unwrap_or(base.top_p),
            min_p: self.min_p.unwrap_or(base.min_p),
            repeat_penalty: self.repeat_penalty.unwrap_or(base.repeat_penalty),
            repeat_last_n: self.repeat_last_n.unwrap_or(base.repeat_last_n),
            seed: self.seed.unwrap_or(base.seed),
            n_probs: base.n_probs,
        }
    }
}

/// A text that opens something in the model's output, and the one that closes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagPair {
    /// May be empty: then only the prompt opens it, or the model leaves the opening out.
    pub open: String,
    pub close: String,
}

impl TagPair {
    #[must_use]
    pub fn new(open: impl Into<String>, close: impl Into<String>) -> Self {
        Self { open: open.into(), close: close.into() }
    }
}

/// Where the model's output begins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Begins {
    /// The model decides: it opens its reasoning, or answers.
    #[default]
    Undecided,
    /// In the reasoning: the prompt has opened it. With the text that closes it; `None`: the end of the turn does.
    InReasoning(Option<String>),
    /// Behind the reasoning: the prompt has closed it.
    BehindReasoning,
}

/// How the model marks up its output: what is reasoning, what is answer, and what is neither and never shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OutputMarkup {
    pub begins: Begins,
    /// Tags around reasoning. An opening one counts only before the answer.
    pub reasoning: Vec<TagPair>,
    /// A closing tag that the template names: if no reasoning was opened, everything before it was reasoning.
    pub lone_close: Option<String>,
    /// Wrappers around the answer.
    pub answer: Vec<TagPair>,
    /// Texts that end the turn, like an end-of-generation token.
    pub ends: Vec<String>,
    /// Closes the reasoning in place of the model, and asks for the answer. If empty, the closing tag is used.
    pub answer_cue: Vec<Part>,
    /// The answer comes only when it is asked for with `answer_cue`: reasoning was prompted.
    pub answer_is_asked_for: bool,
}

/// How the reasoning ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningEnd {
    /// The model closed it.
    Closed,
    /// The model ended its turn in it. The answer was then asked for.
    EndOfTurn,
    /// Its budget was used up, or the room for it. The answer was then asked for.
    Budget,
    /// The user asked for the answer.
    Asked,
    /// It never ended: the answer is missing.
    Never,
}

/// What an answer that repeats itself leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repetition {
    /// Its end, with [`Finish::Repetition`].
    #[default]
    Ends,
    Allowed,
}

/// When an answer ends, other than by the model's own end-of-generation token.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Max tokens, including reasoning (`-n`); `None`: until the context is full.
    pub max_tokens: Option<u32>,
    /// Max reasoning tokens: after these the model is made to answer. 0 means no reasoning.
    pub reasoning_tokens: Option<u32>,
    pub time: Option<Duration>,
    /// Stop strings: the answer ends before the first of these.
    pub stop: Vec<String>,
    pub repetition: Repetition,
}

/// Whether passages of the document are read again before a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reread {
    /// If the question points at some: as many as cost a tenth of reading the document, at most four.
    Auto,
    /// Four, whatever they cost.
    On,
    /// The default, until it is measured what `auto` does to questions that it was not made for.
    #[default]
    Off,
    /// So many, whatever they cost.
    Passages(u32),
}

impl fmt::Display for Reread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::On => f.write_str("on"),
            Self::Off => f.write_str("off"),
            Self::Passages(count) => write!(f, "{count}"),
        }
    }
}

impl FromStr for Reread {
    /// What is allowed.
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "on" => Ok(Self::On),
            "off" | "0" => Ok(Self::Off),
            _ => match text.parse() {
                Ok(count @ 1..=MOST_PASSAGES) => Ok(Self::Passages(count)),
                _ => Err("auto, on, off or a number of passages up to 32"),
            },
        }
    }
}

/// How many tokens are drafted: guessed from the document and the chat, and verified in one decode call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drafting {
    /// As many as make the answer faster; mostly none where it doesn't quote.
    Auto,
    /// The default, until it is measured what `auto` does to answers of all kinds.
    #[default]
    Off,
    /// So many wherever the last tokens stood before, whatever that costs.
    Tokens(u32),
}

/// The longest draft: room for the logits of these tokens and the one before them is always kept.
pub const LONGEST_DRAFT: u32 = 15;

impl fmt::Display for Drafting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Off => f.write_str("off"),
            Self::Tokens(count) => write!(f, "{count}"),
        }
    }
}

impl FromStr for Drafting {
    /// What is allowed.
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" | "0" => Ok(Self::Off),
            _ => match text.parse() {
                Ok(count @ 1..=LONGEST_DRAFT) => Ok(Self::Tokens(count)),
                _ => Err("auto, off or a number of tokens up to 15"),
            },
        }
    }
}

/// Passages are shown to a person and read with full attention: more are a document of their own.
const MOST_PASSAGES: u32 = 32;

/// How passages are read again before a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rereading {
    pub reread: Reread,
    /// The index of the question in the prompt's parts: the passages are put before it.
    pub question_part: usize,
    /// These passages instead of those that the engine finds.
    pub given: Option<GivenPassages>,
}

/// Passages that are chosen already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenPassages {
    pub found_by: FoundBy,
    /// In bytes of the document.
    pub spans: Vec<Range<usize>>,
}

/// A query head of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "(u32, u32)", into = "(u32, u32)")]
pub struct Head {
    pub layer: u32,
    pub head: u32,
}

impl From<(u32, u32)> for Head {
    fn from((layer, head): (u32, u32)) -> Self {
        Self { layer, head }
    }
}

impl From<Head> for (u32, u32) {
    fn from(head: Head) -> Self {
        (head.layer, head.head)
    }
}

/// What chose the passages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FoundBy {
    /// The model's own heads, while they read the question.
    Attention,
    /// The words of the question: it is not known (yet) which heads to ask.
    Words,
    /// The user.
    User,
}

/// Why no passage was read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoPassages {
    /// The question is about all of the document, or about nothing in it.
    NotPointed,
    /// The document is short, so a passage would cost more than a tenth of it.
    TooDear,
    /// The context has no room for one.
    NoRoom,
}

/// The passages that were read again before a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadAgain {
    pub found_by: FoundBy,
    /// In the order of the document. Empty if none was read again.
    pub passages: Vec<Passage>,
    pub why_none: Option<NoPassages>,
    /// Tokens that the passages added to the prompt.
    pub tokens: u32,
    /// How much of the heads' attention is on the best windows together, 0 to 1; `None` unless attention chose.
    pub share: Option<f32>,
    /// The document's chunks with their shares of attention; empty unless attention chose.
    pub heat: Arc<[Passage]>,
}

impl ReadAgain {
    /// `4 passages, 1,093 tokens, found by attention`; `no passage: the question points at none`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let how = match self.found_by {
            FoundBy::Attention => "found by attention",
            FoundBy::Words => "found by the words of the question",
            FoundBy::User => "chosen by you",
        };
        match (self.passages.len(), self.why_none) {
            (0, Some(NoPassages::TooDear)) => "no passage: the document is short".to_owned(),
            (0, _) if self.found_by == FoundBy::User => "no passage: you left all of them out".to_owned(),
            (0, Some(NoPassages::NoRoom)) => "no passage: the context has no room for one".to_owned(),
            (0, _) => "no passage: the question points at none".to_owned(),
            (1, _) => format!("1 passage, {} tokens, {how}", count(self.tokens)),
            (passages, _) => format!("{passages} passages, {} tokens, {how}", count(self.tokens)),
        }
    }
}

/// One question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    pub job: JobId,
    pub prompt: Prompt,
    /// `None`: nothing is read again.
    pub rereading: Option<Rereading>,
    pub recipe: RecipeSpec,
    pub sampling: Sampling,
    pub drafting: Drafting,
    pub limits: Limits,
    pub markup: Box<OutputMarkup>,
    /// The JSON schema that the answer is held to.
    pub schema: Option<Arc<str>>,
    #[serde(skip)]
    pub cancel: CancelToken,
}

/// A question about a fact that was planted in a text, to find the heads that point at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The text, and the question behind it.
    pub prompt: Prompt,
    /// The index of the question in the prompt's parts.
    pub question_part: usize,
    /// Where the fact is, in bytes of the text.
    pub fact: Range<usize>,
}

/// How well a head points at facts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pointing {
    pub head: Head,
    /// The share of the facts that it looked at more than at anything else, 0 to 1.
    pub found: f32,
    /// The share of its attention that is on the fact asked about, 0 to 1; the mean over all trials.
    pub share: f32,
}

/// How probable a model finds a token behind what comes before it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Weight {
    /// Its natural logarithm: 0 is certain.
    #[serde(deserialize_with = "or_impossible")]
    pub log_probability: f64,
    /// No other token is more probable.
    pub is_likeliest: bool,
}

/// JSON has no infinity: what is impossible is written as nothing.
fn or_impossible<'a, D: Deserializer<'a>>(written: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(written)?.unwrap_or(f64::NEG_INFINITY))
}

/// A token of an answer that was given.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WeighedToken {
    /// How many bytes of the answer it is.
    pub bytes: usize,
    pub weight: Weight,
}

/// How probable a token was behind what comes before it: as the model computes it, before anything that shapes the sampling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenScore {
    /// Its number in the model's vocabulary.
    #[serde(default)]
    pub id: i32,
    /// Its text, which may be a part of a character.
    pub bytes: Vec<u8>,
    /// The natural logarithm of the probability.
    #[serde(deserialize_with = "or_impossible")]
    pub log_probability: f64,
}

/// A token of an answer that was generated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoredToken {
    pub token: TokenScore,
    /// The likeliest first, as many as [`Sampling::n_probs`] says.
    pub likeliest: Vec<TokenScore>,
}

/// A command to the engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Prefill the `Document` parts of a prompt and keep them, without an answer. Later questions build on this cache
    /// state.
    Prefill {
        job: JobId,
        prompt: Prompt,
        recipe: RecipeSpec,
        #[serde(skip)]
        cancel: CancelToken,
    },
    Ask(Question),
    /// Measure how probable the model finds `answer` right behind the prompt of `question`. Nothing is generated. Answered by
    /// [`Event::Weighed`].
    Weigh {
        question: Question,
        answer: Arc<str>,
    },
    /// Prefill a document under another recipe while nothing else is to be done. Ends as a prefill does; what the cache holds now is there
    /// again afterwards, or is kept.
    ReadAhead(Box<ReadAhead>),
    /// Predict the cost of prefilling `prompt` under `recipe` now. Answered by [`Event::Forecast`]; changes nothing.
    Forecast {
        job: JobId,
        prompt: Prompt,
        recipe: RecipeSpec,
    },
    /// Count the tokens of each text. Answered by [`Event::Counted`].
    Count {
        job: JobId,
        texts: Vec<Arc<str>>,
    },
    /// Find the heads that point at facts, and use them from now on. The trials are about one text. Those that were done
    /// before a stop are not done again.
    FindHeads {
        job: JobId,
        trials: Arc<[Trial]>,
        urgency: Urgency,
        #[serde(skip)]
        cancel: CancelToken,
    },
    /// Make a running question end its reasoning and answer.
    AnswerNow {
        job: JobId,
    },
    /// From now on the context may have this many tokens, whatever `-c` was.
    AllowContext {
        tokens: u32,
    },
    /// End the thread.
    Shutdown,
}

impl Command {
    /// The same command as the job `number`, stopped by `token`.
    #[must_use]
    pub fn as_job(mut self, number: JobId, token: &CancelToken) -> Self {
        match &mut self {
            Self::Forecast { job, .. } | Self::Count { job, .. } | Self::AnswerNow { job } => *job = number,
            Self::Prefill { job, cancel, .. } | Self::FindHeads { job, cancel, .. } => {
                (*job, *cancel) = (number, token.clone());
            }
            Self::Ask(question) | Self::Weigh { question, .. } => {
                (question.job, question.cancel) = (number, token.clone());
            }
            Self::ReadAhead(ahead) => (ahead.job, ahead.cancel) = (number, token.clone()),
            Self::AllowContext { .. } | Self::Shutdown => {}
        }
        self
    }

    /// The job that it begins; `None` if it begins none.
    #[must_use]
    pub const fn job(&self) -> Option<JobId> {
        match self {
            Self::Prefill { job, .. }
            | Self::Forecast { job, .. }
            | Self::Count { job, .. }
            | Self::FindHeads { job, .. } => Some(*job),
            Self::Ask(question) | Self::Weigh { question, .. } => Some(question.job),
            Self::ReadAhead(ahead) => Some(ahead.job),
            Self::AnswerNow { .. } | Self::AllowContext { .. } | Self::Shutdown => None,
        }
    }

    /// What stops the job, if anything does.
    #[must_use]
    pub const fn cancel(&self) -> Option<&CancelToken> {
        match self {
            Self::Prefill { cancel, .. } | Self::FindHeads { cancel, .. } => Some(cancel),
            Self::Ask(question) | Self::Weigh { question, .. } => Some(&question.cancel),
            Self::ReadAhead(ahead) => Some(&ahead.cancel),
            _ => None,
        }
    }
}

/// Whether somebody waits for a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    Now,
    /// Nobody does: it stops where other programs keep the machine busy, keeps nothing on disk, and the cache holds afterwards what it held before.
    Idle,
}

/// What is read while nothing else is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadAhead {
    pub job: JobId,
    pub prompt: Prompt,
    pub recipe: RecipeSpec,
    /// What is in use now.
    pub home: (Prompt, RecipeSpec),
    #[serde(skip)]
    pub cancel: CancelToken,
}

/// How token counts come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// By the model's own tokeniser.
    Exact,
    /// By rules of thumb. Whoever shows one calls it an estimate.
    Estimated,
}

/// A model on somebody else's server: what can be known of it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlainServer {
    pub counting: Counting,
    /// Whether `train_context_tokens` says anything.
    pub is_context_known: bool,
}

/// The context of a server that doesn't say how long it is: nothing is refused for its length here.
pub const UNKNOWN_CONTEXT_TOKENS: u32 = u32::MAX;

/// What is known of the heads of a model that point at passages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadsKnown {
    /// Some do.
    Some,
    /// They were looked for, and none does.
    None,
    /// They were not looked for on this machine.
    #[default]
    NotYet,
}

/// Which marks between turns a model's vocabulary has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnMarks {
    /// `<|im_start|>` is a token: the model may have seen conversations so marked.
    #[default]
    ChatMl,
    /// To this model they would be letters.
    Unknown,
}

/// Facts about a loaded model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    pub path: PathBuf,
    /// `general.name`, or the file's name.
    pub name: String,
    /// `general.basename` with `general.size_label`: `Qwen2.5-Coder 0.5B`; `None` if the file has no such fields.
    pub called: Option<String>,
    /// `general.file_type` in words: `Q4_K_M`.
    pub quantisation: Option<String>,
    /// `general.architecture`: `qwen2`, `llama`, …
    pub architecture: String,
    pub layers: ModelLayers,
    /// What the model was trained for, or what `RoPE` scaling makes of it.
    pub train_context_tokens: u32,
    /// What the model was trained for, where `RoPE` scaling makes something else of it.
    pub stretched_from: Option<u32>,
    pub vocab_tokens: u32,
    /// What its cache takes, in the context's cache type.
    pub cache: CacheShape,
    /// The weights as the file has them.
    pub model_bytes: u64,
    /// Weights that llama.cpp rearranges for this CPU into a second copy, beside those of the file.
    pub repacked_bytes: u64,
    pub load_time: Duration,
    /// The model's own Jinja template, and the texts of the tokens it may name.
    pub chat_template: Option<String>,
    #[serde(default)]
    pub turn_marks: TurnMarks,
    pub bos_text: String,
    pub eos_text: String,
    /// What the model's file recommends (`general.sampling.*`); mostly nothing.
    pub sampling: SamplingPatch,
    /// Why sliding attention is not available for this model, in a sentence; `None` if it is.
    pub sliding_refused: Option<String>,
    /// Why the CPU is used instead of a GPU, in a sentence; `None` if the device is the intended one.
    pub without_gpu: Option<String>,
    /// Prefill cost on this machine, from the measurements of earlier runs.
    pub prefill_cost: PrefillCost,
    /// Stamp of the patch series in the running library.
    pub patch_stamp: String,
    /// The devices in use: `CPU`, or the names of the devices that hold layers.
    pub devices: Vec<String>,
    /// Number of layers on them; the output counts as one.
    pub offloaded_layers: u32,
    /// Set if the model is on a server that is not Lunette's. Documents then go there with each question, and what the server doesn't tell
    /// (layers, memory, threads) is 0.
    #[serde(skip)]
    pub server: Option<PlainServer>,
    /// How the context is sized.
    pub context: ContextSize,
    /// Whether heads are known that point at passages.
    #[serde(default)]
    pub heads: HeadsKnown,
    /// The server that runs the model, such as `gpu-box:8080`; `None`: this program does.
    #[serde(skip)]
    pub runs_on: Option<String>,
}

/// [`ModelInfo::title`] of a model of which no more is known.
pub(super) fn title(name: &str, called: Option<&str>, quantisation: Option<&str>) -> String {
    let called = called.unwrap_or(name);
    quantisation.map_or_else(|| called.to_owned(), |quantisation| format!("{called} · {quantisation}"))
}

impl ModelInfo {
    /// What people call it, wherever they read it: `Qwen2.5-Coder 0.5B · Q4_K_M`.
    #[must_use]
    pub fn title(&self) -> String {
        title(&self.name, self.called.as_deref(), self.quantisation.as_deref())
    }

    /// Whether tokens are counted by rules of thumb: whoever shows a count says "about".
    #[must_use]
    pub fn is_estimating(&self) -> bool {
        self.server.is_some_and(|server| server.counting == Counting::Estimated)
    }

    /// Whether `train_context_tokens` says anything.
    #[must_use]
    pub fn is_context_known(&self) -> bool {
        self.server.is_none_or(|server| server.is_context_known)
    }

    /// Whether cells in the middle of its cache can be dropped: only a plain cache of keys and values, with attention that slides by position.
    #[must_use]
    pub fn drops_anywhere(&self) -> bool {
        self.cache.class == MemoryClass::Plain && self.sliding_refused.is_none() && self.server.is_none()
    }

    /// Memory for all weights, once the model is loaded.
    #[must_use]
    pub fn weights_bytes(&self) -> u64 {
        self.model_bytes + self.repacked_bytes
    }

    /// Where the model runs, for display: `CPU`, `NVIDIA H100 (30 of 37 layers)`, `NVIDIA H100 on gpu-box:8080`, `vLLM at gpu-box:8000`.
    #[must_use]
    pub fn place(&self) -> String {
        if self.server.is_some() {
            let known = self.devices.iter().chain(&self.runs_on).map(String::as_str);
            return known.collect::<Vec<_>>().join(" at ");
        }
        let devices = self.devices.join(", ");
        let in_part = !self.is_in_main_memory() && self.offloaded_layers <= self.layers.count();
        let part = in_part.then(|| format!(" ({} of {} layers)", self.offloaded_layers, self.layers.count() + 1));
        let server = self.runs_on.as_ref().map(|server| format!(" on {server}"));
        [Some(devices), part, server].into_iter().flatten().collect()
    }

    /// Whether a device other than the CPU is in use.
    #[must_use]
    pub fn has_gpu(&self) -> bool {
        self.devices.iter().any(|device| !device.starts_with("CPU"))
    }

    /// Whether weights and cache lie in this computer's main memory: no GPU and no peer has layers.
    #[must_use]
    pub fn is_in_main_memory(&self) -> bool {
        !self.has_gpu() && self.offloaded_layers == 0
    }

    /// How to sample if the user has asked for `given`: the user's values, then the model's own, then greedy.
    #[must_use]
    pub fn sampling_with(&self, given: &SamplingPatch) -> Sampling {
        given.over(self.sampling.over(Sampling::GREEDY))
    }

    /// How the context is sized: as the server says that runs the model, or as `own` does here.
    #[must_use]
    pub fn context_or(&self, own: ContextSize) -> ContextSize {
        if self.runs_on.is_some() { self.context } else { own }
    }

    /// The facts that the choice of a preset needs.
    #[must_use]
    pub fn facts(&self) -> ModelFacts<'_> {
        ModelFacts {
            name: &self.name,
            architecture: &self.architecture,
            layers: &self.layers,
            sliding_refused: self.sliding_refused.as_deref(),
            sliding_unproven: self.cache.class.sliding_unproven(),
            cost: self.prefill_cost,
        }
    }
}

/// How a prompt will be prefilled. Sent before the work starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub recipe: Recipe,
    pub document_tokens: u32,
    pub prompt_tokens: u32,
    /// Positions whose KV entries exist already, in the live cache or in a snapshot.
    pub cached_tokens: u32,
    /// `prompt_tokens - cached_tokens`.
    pub to_prefill_tokens: u32,
    /// From measurements in this run and, with a small weight, in earlier ones; `None` if there are none yet.
    pub predicted: Option<Duration>,
    pub context_tokens: u32,
    /// The cells that memory is bounded to, whatever the length; `None`: every token is kept.
    pub bounded_tokens: Option<u32>,
}

/// The progress of a prefill.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Tokens of the prompt, including cached ones.
    pub done_tokens: u32,
    pub total_tokens: u32,
    pub cached_tokens: u32,
    pub elapsed: Duration,
    /// Speed of the last chunk.
    pub tokens_per_s: f64,
    pub remaining: Option<Duration>,
}

/// The kind of a piece of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Reasoning,
    Answer,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model ended it.
    EndOfGeneration,
    /// The model ended its output, and there is no answer in it.
    NoAnswer,
    StopString,
    TokenLimit,
    TimeLimit,
    ContextFull,
    /// It repeated itself.
    Repetition,
    Cancelled,
}

/// Measured memory: buffers as allocated by the backends, the process as reported by the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    pub model_bytes: u64,
    /// Allocated for the KV cache.
    pub kv_bytes: u64,
    /// The part of it that holds tokens.
    pub kv_used_bytes: u64,
    pub compute_bytes: u64,
    /// Cache states of other recipes, kept in host memory.
    pub resident_bytes: u64,
    pub rss_bytes: u64,
    /// GPU memory used by this process; 0 without a GPU.
    pub device_bytes: u64,
}

impl Memory {
    /// Whether anything was measured: a model on somebody else's server tells nothing.
    #[must_use]
    pub fn is_known(&self) -> bool {
        *self != Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Counts of one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenCounts {
    pub document: u32,
    /// Of the document's, those of the question before it and of what stands before that: sinks beside those of the recipe.
    #[serde(skip_serializing_if = "is_zero")]
    pub front: u32,
    pub prompt: u32,
    pub cached: u32,
    /// Of the cached ones, those that were read from disk for this job.
    pub from_disk: u32,
    pub prefilled: u32,
    /// Including reasoning.
    pub generated: u32,
    pub reasoning: u32,
    /// Prefilled behind the reasoning to ask for the answer.
    pub asking: u32,
    /// Of the passages that were read again, included in `prompt`.
    #[serde(skip_serializing_if = "is_zero")]
    pub reread: u32,
    /// Guessed and verified together with the token before them.
    #[serde(skip_serializing_if = "is_zero")]
    pub drafted: u32,
    /// Of the drafted ones, those that were written.
    #[serde(skip_serializing_if = "is_zero")]
    pub accepted: u32,
    /// What is known of these counts where somebody else's server answered; `None`: our engine did, and all of them are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told: Option<ToldCounts>,
}

impl TokenCounts {
    /// What is known of them: all, unless somebody else's server answered.
    #[must_use]
    pub fn known(&self) -> ToldCounts {
        self.told.unwrap_or(ToldCounts {
            document: Some(self.document),
            prompt: Some(self.prompt),
            cached: Some(self.cached),
            generated: Some(self.generated),
            reasoning: Some(self.reasoning),
        })
    }

    /// The tokens that were prefilled, if that is known.
    #[must_use]
    pub fn known_prefilled(&self) -> Option<u32> {
        self.told.map_or(Some(self.prefilled), |told| Some(told.prompt?.saturating_sub(told.cached?)))
    }
}

/// Counts of an answer of somebody else's server; what it didn't tell is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ToldCounts {
    /// Counted by a tokeniser, and not estimated.
    pub document: Option<u32>,
    pub prompt: Option<u32>,
    pub cached: Option<u32>,
    /// Including reasoning.
    pub generated: Option<u32>,
    pub reasoning: Option<u32>,
}

impl ToldCounts {
    /// Of an answer that went on, `self` before and `second` behind.
    #[must_use]
    pub fn and_then(self, second: Self) -> Self {
        let sum = |one: Option<u32>, other: Option<u32>| Some(one? + other?);
        Self {
            cached: self.cached,
            generated: sum(self.generated, second.generated),
            reasoning: sum(self.reasoning, second.reasoning),
            ..second
        }
    }
}

/// Times of one job.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Timings {
    pub prefill: Duration,
    /// 0 if nothing was prefilled.
    pub prefill_tokens_per_s: f64,
    /// From the command to the first sampled token; zero if there was none.
    pub first_token: Duration,
    pub decode: Duration,
    pub decode_tokens_per_s: f64,
    pub reasoning: Duration,
}

/// How many threads computed, and what they left to other programs.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Threads {
    pub count: u32,
    /// Physical cores that this process may use.
    pub cores: u32,
    /// Cores of the machine that other programs kept busy; `None`: unknown.
    pub busy_cores: Option<f32>,
}

impl Threads {
    /// Whether they are known: a model on somebody else's server tells nothing.
    #[must_use]
    pub fn are_known(&self) -> bool {
        self.count > 0
    }
}

/// `2 on 2 cores`; `1 on 2 cores; other programs keep 1.8 busy`.
impl fmt::Display for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, cores, busy_cores } = self;
        write!(f, "{count} on {cores} {}", if *cores == 1 { "core" } else { "cores" })?;
        match busy_cores {
            Some(busy) if *busy >= 0.05 => write!(f, "; other programs keep {busy:.1} busy"),
            _ => Ok(()),
        }
    }
}

/// Everything measured about one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    pub recipe: Recipe,
    pub tokens: TokenCounts,
    pub timings: Timings,
    pub memory: Memory,
    /// Those of the last decode call: the number follows the load.
    pub threads: Threads,
    /// `None` if the model did not reason.
    pub reasoning_end: Option<ReasoningEnd>,
    /// From all measurements until the end of the job.
    pub prefill_cost: PrefillCost,
    pub context_tokens: u32,
}

/// An event from the engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// `fraction` of the model's file that is loaded, 0.0 to 1.0.
    Loading {
        fraction: f32,
    },
    Loaded(Box<ModelInfo>),
    /// The thread has ended; no more events will come.
    LoadFailed(Failure),
    Planned {
        job: JobId,
        plan: Plan,
    },
    Prefilling {
        job: JobId,
        progress: Progress,
    },
    /// The passages that were chosen for a question, before they are read again; or that none was.
    ReadAgain {
        job: JobId,
        read_again: Box<ReadAgain>,
    },
    /// The tokens of the piece that follows, where [`Sampling::n_probs`] asks for them.
    Scored {
        job: JobId,
        channel: Channel,
        tokens: Vec<ScoredToken>,
    },
    /// Whole UTF-8, at least one character.
    Piece {
        job: JobId,
        channel: Channel,
        text: String,
    },
    /// The reasoning was closed in place of the model and the answer asked for. What follows may still be reasoning.
    AskedForAnswer {
        job: JobId,
    },
    /// All pieces of the answer so far were reasoning: the model left the opening tag out, or went on.
    WasReasoning {
        job: JobId,
    },
    /// A [`Command::Prefill`] ended. `stopped`: it was cancelled, and what was prefilled is kept.
    Prefilled {
        job: JobId,
        stopped: bool,
        figures: Box<Figures>,
    },
    Answered {
        job: JobId,
        finish: Finish,
        figures: Box<Figures>,
    },
    /// Progress of [`Command::FindHeads`].
    FindingHeads {
        job: JobId,
        done: u32,
        total: u32,
    },
    /// [`Command::FindHeads`] ended. The best heads first; empty if it was stopped, or if none points at facts. It stops by itself if it is not
    /// urgent and the machine is busy.
    HeadsFound {
        job: JobId,
        stopped: bool,
        heads: Vec<Pointing>,
    },
    /// [`Command::Weigh`] ended, with the answer's tokens. `stopped`: it was cancelled, and there are none.
    Weighed {
        job: JobId,
        stopped: bool,
        tokens: Vec<WeighedToken>,
        figures: Box<Figures>,
    },
    Forecast {
        job: JobId,
        plan: Plan,
    },
    Counted {
        job: JobId,
        tokens: Vec<u32>,
    },
    /// Something that the user has to know, in a sentence: what is not kept on disk, or could not be used from there.
    Noted {
        job: JobId,
        text: String,
    },
    Failed {
        job: JobId,
        failure: Failure,
    },
}

impl Event {
    /// Whether it is the last event about its job.
    #[must_use]
    pub const fn ends_job(&self) -> bool {
        matches!(
            self,
            Self::Prefilled { .. }
                | Self::Answered { .. }
                | Self::HeadsFound { .. }
                | Self::Weighed { .. }
                | Self::Forecast { .. }
                | Self::Counted { .. }
                | Self::Failed { .. }
        )
    }

    /// The same event about another job: two programs number their jobs differently.
    #[must_use]
    pub fn renumbered(mut self, number: JobId) -> Self {
        if let Some(job) = self.job_mut() {
            *job = number;
        }
        self
    }

    const fn job_mut(&mut self) -> Option<&mut JobId> {
        match self {
            Self::Loading { .. } | Self::Loaded(_) | Self::LoadFailed(_) => None,
            Self::Planned { job, .. }
            | Self::Prefilling { job, .. }
            | Self::ReadAgain { job, .. }
            | Self::Scored { job, .. }
            | Self::Piece { job, .. }
            | Self::AskedForAnswer { job }
            | Self::WasReasoning { job }
            | Self::Prefilled { job, .. }
            | Self::Answered { job, .. }
            | Self::FindingHeads { job, .. }
            | Self::HeadsFound { job, .. }
            | Self::Weighed { job, .. }
            | Self::Forecast { job, .. }
            | Self::Counted { job, .. }
            | Self::Noted { job, .. }
            | Self::Failed { job, .. } => Some(job),
        }
    }

    /// The job that the event is about; `None` for events about the model.
    #[must_use]
    pub const fn job(&self) -> Option<JobId> {
        match self {
            Self::Loading { .. } | Self::Loaded(_) | Self::LoadFailed(_) => None,
            Self::Planned { job, .. }
            | Self::Prefilling { job, .. }
            | Self::ReadAgain { job, .. }
            | Self::Scored { job, .. }
            | Self::Piece { job, .. }
            | Self::AskedForAnswer { job }
            | Self::WasReasoning { job }
            | Self::Prefilled { job, .. }
            | Self::Answered { job, .. }
            | Self::FindingHeads { job, .. }
            | Self::HeadsFound { job, .. }
            | Self::Weighed { job, .. }
            | Self::Forecast { job, .. }
            | Self::Counted { job, .. }
            | Self::Noted { job, .. }
            | Self::Failed { job, .. } => Some(*job),
        }
    }
}
