//! The report about an answer: the JSON object, and the figures on standard error. Every figure was measured; others
//! are null.

use std::time::Duration;

use serde::Serialize;

use crate::chat::Exchange;
use crate::chat::record::{Record, finish_name, rounded};
use crate::engine::message::{Figures, Finish, ModelInfo, Progress, TokenCounts, ToldCounts};
use crate::fit::retrieval::Piece;
use crate::harmless;
use crate::units::{bytes, rate, time};

/// One answer as `--json` prints it. Scripts rely on the fields.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    #[serde(flatten)]
    pub record: Record<'a>,
    /// The parts in the prompt, if they are not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<&'a [PartLine]>,
    /// What `--pick` selected, in the order of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picked: Option<Vec<PickedLine<'a>>>,
}

/// A part, as `--parts` counts.
#[derive(Debug, Clone, Serialize)]
pub(super) struct PartLine {
    pub part: usize,
    pub title: String,
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

/// An event of `--jsonl`.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Line<'a> {
    Loaded {
        model: &'a str,
        load_s: f64,
    },
    Planned {
        preset: &'a str,
        /// Null if the tokens are estimated.
        document: Option<u32>,
        prompt: Option<u32>,
        /// Null if somebody else's server reads.
        cached: Option<u32>,
        to_prefill: Option<u32>,
        predicted_s: Option<f64>,
    },
    Progress {
        done: u32,
        total: u32,
        cached: u32,
        tok_s: f64,
        remaining_s: Option<f64>,
    },
    Reasoning {
        text: &'a str,
    },
    Answer {
        text: &'a str,
    },
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
pub(super) fn stats(preset: &str, finish: Finish, exchange: &Exchange, figures: &Figures, model: &ModelInfo) -> String {
    let (counts, times, memory) = (figures.tokens, figures.timings, figures.memory);
    let none = if model.server.is_some() { "the server does not say" } else { "no tokens" };
    let speed = |per_s: f64| if per_s > 0.0 { rate(per_s) } else { none.to_owned() };
    let device =
        if memory.device_bytes > 0 { format!(" · on devices {}", bytes(memory.device_bytes)) } else { String::new() };
    let shape = format!(
        "memory   model {} · KV cache {} ({} used) · process {}{device}",
        bytes(memory.model_bytes),
        bytes(memory.kv_bytes),
        bytes(memory.kv_used_bytes),
        bytes(memory.rss_bytes)
    );
    // Somebody else's server tells neither.
    let memory = memory.is_known().then_some(shape);
    let threads = figures.threads.are_known().then(|| format!("threads  {}", figures.threads));
    let is_told = model.server.is_none() || times.prefill > Duration::ZERO;
    let prefill = if is_told {
        format!("prefill  {} ({})", time(times.prefill), speed(times.prefill_tokens_per_s))
    } else {
        format!("prefill  {none}")
    };
    [
        format!("preset   {preset}: {}", figures.recipe),
        format!(
            "model    {} on {}, {} in {}",
            harmless::line(&model.title()),
            harmless::line(&model.place()),
            if model.server.is_some() { "connected" } else { "loaded" },
            time(model.load_time)
        ),
        format!(
            "tokens   {} · {}",
            counts.told.map_or_else(|| counted_here(&counts), |told| told_by_server(&counts, told)),
            finish_name(finish)
        ),
        prefill,
        format!(
            "decode   {}{}; first token: {}",
            speed(times.decode_tokens_per_s),
            drafted(&counts),
            first_token(times.first_token)
        ),
    ]
    .into_iter()
    .chain(memory)
    .chain(threads)
    .chain(exchange.read_again.as_deref().map(|read_again| format!("reread   {}", read_again.in_words())))
    .collect::<Vec<_>>()
    .join("\n")
}

/// `document 161,059 · prompt …`
fn counted_here(counts: &TokenCounts) -> String {
    format!(
        "document {}{} · prompt {} ({} cached{}, {} prefilled) · generated {} ({} reasoning)",
        counts.document,
        if counts.front > 0 { format!(" ({} before it)", counts.front) } else { String::new() },
        counts.prompt,
        counts.cached,
        if counts.from_disk > 0 { format!(", {} of them from disk", counts.from_disk) } else { String::new() },
        counts.prefilled,
        counts.generated,
        counts.reasoning,
    )
}

/// The same of a server that tells what it wants to.
fn told_by_server(counts: &TokenCounts, told: ToldCounts) -> String {
    let about = if told.document.is_none() { "about " } else { "" };
    let prompt = match (told.prompt, told.cached) {
        (Some(prompt), Some(cached)) => {
            format!("prompt {prompt} ({cached} cached, {} prefilled)", prompt.saturating_sub(cached))
        }
        (Some(prompt), None) => format!("prompt {prompt}"),
        (None, _) => format!("prompt {about}{}, counted here", counts.prompt),
    };
    let reasoning = told.reasoning.map_or_else(String::new, |reasoning| format!(" ({reasoning} reasoning)"));
    let generated = told.generated.map_or_else(
        || "generated: the server does not say".to_owned(),
        |generated| format!("generated {generated}{reasoning}"),
    );
    format!("document {about}{} · {prompt} · {generated}", counts.document)
}

fn drafted(counts: &TokenCounts) -> String {
    if counts.drafted == 0 {
        String::new()
    } else {
        format!(" ({} of {} drafted tokens accepted)", counts.accepted, counts.drafted)
    }
}

fn first_token(after: Duration) -> String {
    if after.is_zero() { "none".to_owned() } else { time(after) }
}
