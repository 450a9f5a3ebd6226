//! The report about an answer: the JSON object, and the figures on standard error. Every figure was measured; others
//! are null.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::engine::message::{Figures, Finish, Memory, ModelInfo, Progress, ReasoningEnd, Threads};
use crate::fit::retrieval::Piece;
use crate::swaa::{Attention, Recipe};
use crate::units::{bytes, rate, time};

/// One answer as `--json` prints it. Scripts rely on the fields.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    pub answer: &'a str,
    /// Null if the model did not reason, or with `--hide-reasoning`.
    pub reasoning: Option<&'a str>,
    pub preset: &'a str,
    pub recipe: RecipeReport,
    pub tokens: Tokens,
    pub timings: Times,
    pub memory: Bytes,
    pub threads: ThreadReport,
    pub finish: &'static str,
    /// How the reasoning ended; null if there was none.
    pub reasoning_end: Option<&'static str>,
    pub model: &'a str,
    /// The devices that compute.
    pub devices: &'a [String],
    pub offloaded_layers: u32,
    pub documents: &'a [String],
    /// What `--pick` selected, in the order of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picked: Option<Vec<PickedLine<'a>>>,
}

#[derive(Debug, Serialize)]
pub(super) struct RecipeReport {
    /// Null means full attention.
    window: Option<u32>,
    sinks: u32,
    /// 0: no far keys.
    far: u32,
    full_layers: Vec<u32>,
    fa_decode: bool,
    dense_tail: bool,
}

impl From<&Recipe> for RecipeReport {
    fn from(recipe: &Recipe) -> Self {
        let (window, sinks, far, full_layers) = match &recipe.reading {
            Attention::Full => (None, 0, 0, Vec::new()),
            Attention::Sliding { window, sinks, far, full_layers } => {
                (Some(*window), *sinks, *far, full_layers.as_slice().to_vec())
            }
        };
        Self { window, sinks, far, full_layers, fa_decode: recipe.fa_decode, dense_tail: recipe.dense_tail }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Tokens {
    document: u32,
    prompt: u32,
    cached: u32,
    prefilled: u32,
    generated: u32,
    /// Of those generated.
    reasoning: u32,
    /// Prefilled behind the reasoning to ask for the answer.
    asking: u32,
}

#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "scripts rely on these names, and units belong in names")]
pub(super) struct Times {
    load_s: f64,
    prefill_s: f64,
    /// Null if nothing was prefilled.
    prefill_tok_s: Option<f64>,
    /// Null if no token was generated.
    ttft_s: Option<f64>,
    decode_tok_s: Option<f64>,
}

#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "scripts rely on these names, and units belong in names")]
pub(super) struct Bytes {
    model_bytes: u64,
    kv_bytes: u64,
    kv_used_bytes: u64,
    rss_bytes: u64,
    device_bytes: u64,
}

impl From<&Memory> for Bytes {
    fn from(memory: &Memory) -> Self {
        Self {
            model_bytes: memory.model_bytes,
            kv_bytes: memory.kv_bytes,
            kv_used_bytes: memory.kv_used_bytes,
            rss_bytes: memory.rss_bytes,
            device_bytes: memory.device_bytes,
        }
    }
}

/// How many threads computed, and why so many.
#[derive(Debug, Serialize)]
pub(super) struct ThreadReport {
    count: u32,
    cores: u32,
    /// What other programs kept busy; null if unknown.
    busy_cores: Option<f64>,
}

impl From<Threads> for ThreadReport {
    fn from(threads: Threads) -> Self {
        Self {
            count: threads.count,
            cores: threads.cores,
            busy_cores: threads.busy_cores.map(|busy| (f64::from(busy) * 10.0).round() / 10.0),
        }
    }
}

impl<'a> Report<'a> {
    pub(super) fn new(said: &'a Said, figures: &Figures, model: &'a ModelInfo, documents: &'a [String]) -> Self {
        let (counts, times) = (figures.tokens, figures.timings);
        Self {
            answer: &said.answer,
            reasoning: said.reasoning.as_deref(),
            preset: &said.preset,
            recipe: (&figures.recipe).into(),
            tokens: Tokens {
                document: counts.document,
                prompt: counts.prompt,
                cached: counts.cached,
                prefilled: counts.prefilled,
                generated: counts.generated,
                reasoning: counts.reasoning,
                asking: counts.asking,
            },
            timings: Times {
                load_s: rounded(model.load_time.as_secs_f64()),
                prefill_s: rounded(times.prefill.as_secs_f64()),
                prefill_tok_s: measured(times.prefill_tokens_per_s),
                ttft_s: measured(times.first_token.as_secs_f64()),
                decode_tok_s: measured(times.decode_tokens_per_s),
            },
            memory: (&figures.memory).into(),
            threads: figures.threads.into(),
            finish: finish_name(said.finish),
            reasoning_end: figures.reasoning_end.map(reasoning_end_name),
            model: &model.name,
            devices: &model.devices,
            offloaded_layers: model.offloaded_layers,
            documents,
            picked: None,
        }
    }
}

/// A part, or some lines of one.
#[derive(Debug, Serialize)]
pub(super) struct PickedLine<'a> {
    pub part: usize,
    pub title: &'a str,
    /// Null if it is the whole part.
    pub lines: Option<&'a str>,
    pub tokens: u32,
}

impl<'a> From<&'a Piece> for PickedLine<'a> {
    fn from(piece: &'a Piece) -> Self {
        Self { part: piece.part, title: &piece.title, lines: piece.lines.as_deref(), tokens: piece.tokens }
    }
}

/// The model's answer, how it ended, and its preset.
#[derive(Debug)]
pub(super) struct Said {
    pub answer: String,
    pub reasoning: Option<String>,
    pub finish: Finish,
    pub preset: Arc<str>,
}

/// The name of `finish` in JSON.
pub(super) fn finish_name(finish: Finish) -> &'static str {
    match finish {
        Finish::EndOfGeneration => "end",
        Finish::NoAnswer => "no_answer",
        Finish::StopString => "stop_string",
        Finish::TokenLimit => "token_limit",
        Finish::TimeLimit => "time_limit",
        Finish::ContextFull => "context_full",
        Finish::Cancelled => "cancelled",
    }
}

/// The name of `end` in JSON.
fn reasoning_end_name(end: ReasoningEnd) -> &'static str {
    match end {
        ReasoningEnd::Closed => "closed",
        ReasoningEnd::EndOfTurn => "end_of_turn",
        ReasoningEnd::Budget => "budget",
        ReasoningEnd::Asked => "asked",
        ReasoningEnd::Never => "never",
    }
}

/// Rounds to thousandths: the clock is no more exact, and the figure stays readable.
pub(super) fn rounded(figure: f64) -> f64 {
    (figure * 1000.0).round() / 1000.0
}

/// The engine reports 0 for what did not happen.
fn measured(figure: f64) -> Option<f64> {
    (figure > 0.0).then(|| rounded(figure))
}

/// An event of `--jsonl`.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Line<'a> {
    Loaded { model: &'a str, load_s: f64 },
    Planned { preset: &'a str, document: u32, prompt: u32, cached: u32, to_prefill: u32, predicted_s: Option<f64> },
    Progress { done: u32, total: u32, cached: u32, tok_s: f64, remaining_s: Option<f64> },
    Reasoning { text: &'a str },
    Answer { text: &'a str },
    Done(Box<Report<'a>>),
}

impl Line<'_> {
    pub(super) fn progress(progress: &Progress) -> Self {
        Self::Progress {
            done: progress.done_tokens,
            total: progress.total_tokens,
            cached: progress.cached_tokens,
            tok_s: rounded(progress.tokens_per_s),
            remaining_s: progress.remaining.map(|left| rounded(left.as_secs_f64())),
        }
    }
}

/// The figures as text, for `--stats`.
pub(super) fn stats(said: &Said, figures: &Figures, model: &ModelInfo) -> String {
    let (counts, times, memory) = (figures.tokens, figures.timings, figures.memory);
    let speed = |per_s: f64| if per_s > 0.0 { rate(per_s) } else { "no tokens".to_owned() };
    let device =
        if memory.device_bytes > 0 { format!(" · GPU {}", bytes(memory.device_bytes)) } else { String::new() };
    [
        format!("preset   {}: {}", said.preset, figures.recipe),
        format!("model    {} on {}, loaded in {}", model.name, model.place(), time(model.load_time)),
        format!(
            "tokens   document {} · prompt {} ({} cached, {} prefilled) · generated {} ({} reasoning) · {}",
            counts.document,
            counts.prompt,
            counts.cached,
            counts.prefilled,
            counts.generated,
            counts.reasoning,
            finish_name(said.finish)
        ),
        format!("prefill  {} ({})", time(times.prefill), speed(times.prefill_tokens_per_s)),
        format!("decode   {}; first token: {}", speed(times.decode_tokens_per_s), first_token(times.first_token)),
        format!(
            "memory   model {} · KV cache {} ({} used) · process {}{device}",
            bytes(memory.model_bytes),
            bytes(memory.kv_bytes),
            bytes(memory.kv_used_bytes),
            bytes(memory.rss_bytes)
        ),
        format!("threads  {}", figures.threads),
    ]
    .join("\n")
}

fn first_token(after: Duration) -> String {
    if after.is_zero() { "none".to_owned() } else { time(after) }
}
