//! A question with its answer, figures and citations as one JSON object: what `--json` prints, the last event of
//! `--jsonl`, and a turn of an export.
//!
//! `assets/answer.schema.json` describes it, and tests hold all three to that. Every figure was measured; what was not
//! measured, or is not there, is null. [`SCHEMA`] grows by one when a field changes its meaning or goes; new fields may
//! come at any time.
//!
//! Example: `{"schema": 1, "question": "Who is Mr. Collins?", "answer": "A clergyman.", "finish": "end", …}`.
//!
//! It does not decide how the object is printed, nor what an answer looks like: a script gets it without white space
//! around it, an export as it was generated.

use std::time::Duration;

use serde::Serialize;

use super::attached::Attached;
use super::ending;
use super::exchange::{AnsweringModel, Exchange, ExchangeState};
use super::state::Chat;
use super::until::Until;
use crate::citations::{Citation, Source};
use crate::engine::message::{
    Figures, Finish, FoundBy, Memory, NoPassages, Passage, ReadAgain, ReasoningEnd, Threads, TokenCounts, ToldCounts,
};
use crate::swaa::{Adapter, Attention, Recipe};

/// The version of the objects.
pub const SCHEMA: u32 = 1;

/// A question and what became of it.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    schema: u32,
    /// As it was typed.
    pub question: &'a str,
    pub answer: String,
    /// Null if the model did not reason, or with `--hide-reasoning`.
    pub reasoning: Option<String>,
    pub preset: Option<&'a str>,
    recipe: Option<RecipeRecord>,
    tokens: Option<Tokens>,
    timings: Option<Times>,
    memory: Option<Bytes>,
    threads: Option<ThreadRecord>,
    /// Null if there is no answer.
    finish: Option<&'static str>,
    /// How the reasoning ended; null if there was none.
    reasoning_end: Option<&'static str>,
    /// Why the answer is not whole, or why there is none.
    note: Option<String>,
    /// The model that answered; of a question without an answer, the one in use.
    model: Option<String>,
    /// The devices that computed.
    devices: Vec<String>,
    offloaded_layers: u32,
    /// The files that were opened.
    pub documents: Vec<String>,
    /// Which parts of them are in the prompt, in words: `parts 1-4 of 61`; null if all are.
    part: Option<&'a str>,
    /// The place that the question was asked up to; null if it was about all of the document.
    until: Option<UntilRecord<'a>>,
    attached: Vec<AttachedRecord<'a>>,
    /// The passages that were read again before the question; null if there was no search for any.
    reread: Option<RereadRecord<'a>>,
    /// The quotes in the answer, looked up in the document.
    citations: Vec<CitationRecord<'a>>,
}

impl<'a> Record<'a> {
    /// The record of `exchange` with its answer as it was generated.
    #[must_use]
    pub fn of(chat: &'a Chat, exchange: &'a Exchange) -> Self {
        let model = exchange.model.clone().or_else(|| chat.answering_model());
        let figures = exchange.figures.as_deref();
        let (finish, note) = outcome(exchange);
        Self {
            schema: SCHEMA,
            question: &exchange.question,
            answer: exchange.answer.clone(),
            reasoning: Some(exchange.reasoning.text.clone()).filter(|text| !text.is_empty()),
            preset: exchange.preset.as_deref(),
            recipe: figures.map(|figures| (&figures.recipe).into()),
            tokens: figures.map(|figures| figures.tokens.into()),
            timings: figures.zip(model.as_deref()).map(|(figures, model)| Times::of(figures, model)),
            memory: figures.filter(|figures| figures.memory.is_known()).map(|figures| (&figures.memory).into()),
            threads: figures.filter(|figures| figures.threads.are_known()).map(|figures| figures.threads.into()),
            finish: finish.map(finish_name),
            reasoning_end: exchange.reasoning.end.map(reasoning_end_name),
            note,
            model: model.as_ref().map(|model| model.name.clone()),
            devices: model.as_ref().map_or_else(Vec::new, |model| model.devices.clone()),
            offloaded_layers: model.as_ref().map_or(0, |model| model.offloaded_layers),
            documents: Vec::new(),
            part: chat.document.part.as_deref(),
            until: exchange.until.as_ref().map(UntilRecord::from),
            attached: exchange.attached.iter().map(AttachedRecord::from).collect(),
            reread: exchange.read_again.as_deref().map(|read_again| RereadRecord::of(exchange, read_again)),
            citations: exchange
                .citations
                .iter()
                .map(|citation| CitationRecord::of(&exchange.answer, citation))
                .collect(),
        }
    }

    /// The same for an answer that ended by `finish`, whatever the engine says of it.
    #[must_use]
    pub fn ended_by(mut self, exchange: &Exchange, finish: Finish) -> Self {
        self.finish = Some(finish_name(finish));
        self.note = note(finish, exchange);
        self
    }
}

/// How it ended, and why it is not whole.
fn outcome(exchange: &Exchange) -> (Option<Finish>, Option<String>) {
    match &exchange.state {
        ExchangeState::Answered(finish) => (Some(*finish), note(*finish, exchange)),
        ExchangeState::Failed(failure) => (None, Some(failure.message.clone())),
        ExchangeState::Waiting | ExchangeState::Running | ExchangeState::Withdrawn => {
            (None, Some("not answered".to_owned()))
        }
    }
}

fn note(finish: Finish, exchange: &Exchange) -> Option<String> {
    ending::note(finish, &exchange.answer, exchange.reasoning.end)
}

/// A recipe as it was resolved.
#[derive(Debug, Serialize)]
pub struct RecipeRecord {
    /// Null means full attention.
    window: Option<u32>,
    sinks: u32,
    /// 0: no far keys.
    far: u32,
    full_layers: Vec<u32>,
    fa_decode: bool,
    dense_tail: bool,
    adapters: Vec<AdapterRecord>,
}

/// An adapter on the model, and how much of it.
#[derive(Debug, Serialize)]
pub struct AdapterRecord {
    file: String,
    scale: f64,
}

impl From<&Adapter> for AdapterRecord {
    fn from(adapter: &Adapter) -> Self {
        Self { file: adapter.file.display().to_string(), scale: rounded(f64::from(adapter.scale.as_f32())) }
    }
}

impl From<&Recipe> for RecipeRecord {
    fn from(recipe: &Recipe) -> Self {
        let (window, sinks, far, full_layers) = match &recipe.reading {
            Attention::Full => (None, 0, 0, Vec::new()),
            Attention::Sliding { window, sinks, far, full_layers } => {
                (Some(*window), *sinks, *far, full_layers.as_slice().to_vec())
            }
        };
        let adapters = recipe.adapters.iter().map(AdapterRecord::from).collect();
        Self { window, sinks, far, full_layers, fa_decode: recipe.fa_decode, dense_tail: recipe.dense_tail, adapters }
    }
}

/// The counts of an answer. Null: somebody else's server did not tell.
#[derive(Debug, Serialize)]
pub struct Tokens {
    document: Option<u32>,
    /// Of the document's, those before it that are sinks beside the preset's: the question, if it is asked first, and the system prompt.
    front: u32,
    prompt: Option<u32>,
    cached: Option<u32>,
    /// Of the cached ones, those that were read from disk for this answer.
    from_disk: u32,
    prefilled: Option<u32>,
    /// Including reasoning.
    generated: Option<u32>,
    reasoning: Option<u32>,
    /// Prefilled behind the reasoning to ask for the answer.
    asking: u32,
    /// Of the passages that were read again, included in `prompt`.
    reread: u32,
    /// Guessed and verified together with the token before them.
    drafted: u32,
    /// Of the drafted ones, those that were written.
    accepted: u32,
}

impl From<TokenCounts> for Tokens {
    fn from(counts: TokenCounts) -> Self {
        let TokenCounts { front, from_disk, asking, reread, drafted, accepted, .. } = counts;
        let prefilled = counts.known_prefilled();
        let ToldCounts { document, prompt, cached, generated, reasoning } = counts.known();
        Self {
            document,
            front,
            prompt,
            cached,
            from_disk,
            prefilled,
            generated,
            reasoning,
            asking,
            reread,
            drafted,
            accepted,
        }
    }
}

#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "scripts rely on these names, and units belong in names")]
struct Times {
    load_s: f64,
    /// Null if a server prefilled and did not say how long it took.
    prefill_s: Option<f64>,
    /// Null if nothing was prefilled.
    prefill_tok_s: Option<f64>,
    /// Null if no token was generated.
    ttft_s: Option<f64>,
    decode_tok_s: Option<f64>,
    reasoning_s: Option<f64>,
}

impl Times {
    fn of(figures: &Figures, model: &AnsweringModel) -> Self {
        let times = figures.timings;
        Self {
            load_s: seconds(model.load_time),
            prefill_s: (times.prefill > Duration::ZERO || figures.tokens.prefilled == 0)
                .then(|| seconds(times.prefill)),
            prefill_tok_s: measured(times.prefill_tokens_per_s),
            ttft_s: measured(times.first_token.as_secs_f64()),
            decode_tok_s: measured(times.decode_tokens_per_s),
            reasoning_s: measured(times.reasoning.as_secs_f64()),
        }
    }
}

#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "scripts rely on these names, and units belong in names")]
struct Bytes {
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
struct ThreadRecord {
    count: u32,
    cores: u32,
    /// What other programs kept busy; null if unknown.
    busy_cores: Option<f64>,
}

impl From<Threads> for ThreadRecord {
    fn from(threads: Threads) -> Self {
        let busy = threads.busy_cores.map(|busy| (f64::from(busy) * 10.0).round() / 10.0);
        Self { count: threads.count, cores: threads.cores, busy_cores: busy }
    }
}

/// A place in the document, of which what is before it was asked about.
#[derive(Debug, Serialize)]
struct UntilRecord<'a> {
    /// Of the text that `lunette inspect --text` prints.
    byte: usize,
    /// `Chapter 12, line 1,204`
    place: &'a str,
}

impl<'a> From<&'a Until> for UntilRecord<'a> {
    fn from(until: &'a Until) -> Self {
        Self { byte: until.byte, place: &until.words }
    }
}

/// A part or file that the question refers to with `@`.
#[derive(Debug, Serialize)]
struct AttachedRecord<'a> {
    name: &'a str,
    /// Whether its text was added to the question; a part that is in the prompt anyway is only named.
    goes_along: bool,
    /// Null if it was not counted.
    tokens: Option<u32>,
}

impl<'a> From<&'a Attached> for AttachedRecord<'a> {
    fn from(attached: &'a Attached) -> Self {
        Self { name: &attached.name, goes_along: attached.enclosed().is_some(), tokens: attached.tokens }
    }
}

/// What was read again.
#[derive(Debug, Serialize)]
struct RereadRecord<'a> {
    found_by: &'static str,
    /// The share of the heads' attention on the best windows; null unless attention chose.
    share: Option<f64>,
    /// Why nothing was read again; null if something was.
    why_none: Option<&'static str>,
    passages: Vec<PassageRecord<'a>>,
}

#[derive(Debug, Serialize)]
struct PassageRecord<'a> {
    /// In bytes of the text that `lunette inspect --text` prints.
    start: usize,
    end: usize,
    /// A share of attention, or BM25.
    score: f64,
    #[serde(flatten)]
    source: SourceRecord<'a>,
    /// The last page or line; null if it is in another file.
    last: Option<u32>,
}

impl<'a> RereadRecord<'a> {
    fn of(exchange: &'a Exchange, read_again: &ReadAgain) -> Self {
        let passage = |(index, passage): (usize, &Passage)| {
            let range = exchange.sources.get(index).and_then(Option::as_ref);
            PassageRecord {
                start: passage.span.start,
                end: passage.span.end,
                score: rounded(passage.score.into()),
                source: range.map_or_else(SourceRecord::default, |range| SourceRecord::from(&range.source)),
                last: range.and_then(|range| range.last),
            }
        };
        Self {
            found_by: found_by_name(read_again.found_by),
            share: read_again.share.map(|share| rounded(share.into())),
            why_none: read_again.why_none.filter(|_| read_again.passages.is_empty()).map(no_passages_name),
            passages: read_again.passages.iter().enumerate().map(passage).collect(),
        }
    }
}

fn found_by_name(found_by: FoundBy) -> &'static str {
    match found_by {
        FoundBy::Attention => "attention",
        FoundBy::Words => "words",
        FoundBy::User => "user",
    }
}

fn no_passages_name(why: NoPassages) -> &'static str {
    match why {
        NoPassages::NotPointed => "not_pointed",
        NoPassages::TooDear => "too_dear",
        NoPassages::NoRoom => "no_room",
    }
}

/// A quote in an answer, and where it is in the document.
#[derive(Debug, Serialize)]
pub struct CitationRecord<'a> {
    /// Without its quotation marks.
    quote: &'a str,
    verdict: &'static str,
    /// The share of words that agree, 0 to 1.
    agreement: f64,
    #[serde(flatten)]
    source: SourceRecord<'a>,
}

/// All null if the quote is not in the document.
#[derive(Debug, Default, Serialize)]
struct SourceRecord<'a> {
    file: Option<&'a str>,
    part: Option<usize>,
    title: Option<&'a str>,
    page: Option<u32>,
    line: Option<u32>,
}

impl<'a> CitationRecord<'a> {
    /// `citation` in `answer`.
    #[must_use]
    pub fn of(answer: &'a str, citation: &'a Citation) -> Self {
        Self {
            quote: &answer[citation.span.start..citation.span.end],
            verdict: citation.verdict.name(),
            agreement: rounded(citation.verdict.agreement().into()),
            source: citation.source.as_ref().map_or_else(SourceRecord::default, SourceRecord::from),
        }
    }
}

impl<'a> From<&'a Source> for SourceRecord<'a> {
    fn from(source: &'a Source) -> Self {
        let Source { file, part, title, page, line } = source;
        Self { file: Some(file), part: *part, title: title.as_deref(), page: *page, line: *line }
    }
}

/// The name of `finish` in JSON.
#[must_use]
pub fn finish_name(finish: Finish) -> &'static str {
    match finish {
        Finish::EndOfGeneration => "end",
        Finish::NoAnswer => "no_answer",
        Finish::StopString => "stop_string",
        Finish::TokenLimit => "token_limit",
        Finish::TimeLimit => "time_limit",
        Finish::ContextFull => "context_full",
        Finish::Repetition => "repetition",
        Finish::Cancelled => "cancelled",
    }
}

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
#[must_use]
pub fn rounded(figure: f64) -> f64 {
    (figure * 1000.0).round() / 1000.0
}

fn seconds(time: Duration) -> f64 {
    rounded(time.as_secs_f64())
}

/// The engine reports 0 for what did not happen.
fn measured(figure: f64) -> Option<f64> {
    (figure > 0.0).then(|| rounded(figure))
}
