//! Asks a question, and takes the end of its answer.

use super::prefilling::hold;
use super::prompts::{Asked, prompt};
use super::stopping::{decline, fail_entry};
use super::{attaching, citing, filling, returning};
use crate::chat::exchange::{Exchange, ExchangeState};
use crate::chat::input::Effect;
use crate::chat::question::{Begun, ReadyQuestion};
use crate::chat::state::{Chat, Pause, Phase, Run};
use crate::chat::texts::Texts;
use crate::chat::transcript::Entry;
use crate::engine::message::{Command, Figures, Finish, FoundBy, GivenPassages, OutputMarkup, Prompt, Sampling};
use crate::swaa::ChainOfThought;
use crate::swaa::selection::ResolvedPreset;

/// Lowest temperature for another answer to the same question: what model makers recommend for chat.
pub(super) const WARM: f32 = 0.7;

pub(super) fn ask(chat: &mut Chat, question: &str) {
    let question = question.trim();
    if question.is_empty() {
        return;
    }
    chat.clear_notice();
    chat.earlier = None;
    chat.full = None;
    // The way back from a comparison goes on, unless it takes so long that the user is asked about it.
    if !returning::is_going_home(chat) {
        decline(chat);
    }
    chat.paused = None;
    let attached = attaching::take(chat, question);
    chat.transcript.push(Entry::Exchange(Exchange { attached, ..Exchange::waiting(question.into()) }));
}

pub(super) fn start_answering(chat: &mut Chat, entry: usize) -> Vec<Effect> {
    start(chat, entry, Start::Anew)
}

/// Continues the answer of `entry` after the text that it has.
pub(super) fn start_going_on(chat: &mut Chat, entry: usize) -> Vec<Effect> {
    start(chat, entry, Start::BehindWhatThereIs)
}

/// Where an answer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Anew,
    BehindWhatThereIs,
}

fn start(chat: &mut Chat, entry: usize, start: Start) -> Vec<Effect> {
    let Some(resolved_preset) = chat.resolved_preset.clone() else { return Vec::new() };
    let document = chat.text_asked_about();
    let (model, until) = (chat.answering_model(), chat.until.clone());
    let recipe = chat.recipe_asked_with(&resolved_preset);
    let Some(exchange) = chat.exchange_mut(entry) else { return Vec::new() };
    (exchange.model, exchange.until) = (model, until);
    exchange.attached.iter_mut().for_each(|attached| attached.settle(&document));
    exchange.state = ExchangeState::Running;
    exchange.preset = Some(resolved_preset.name.clone());
    exchange.citations.clear();
    let exchange = exchange.clone();
    let whole = exchange.asked();
    let asked = Asked::Question { typed: &exchange.question, whole: &whole };
    let built = match prompt(chat, &resolved_preset, asked) {
        Ok(both) => both,
        Err(failure) => {
            fail_entry(chat, entry, failure);
            return Vec::new();
        }
    };
    let ready = ready(chat, &exchange, start, resolved_preset.cot, built);
    if start == Start::Anew
        && let Some(exchange) = chat.exchange_mut(entry)
    {
        exchange.read_again = None;
        exchange.sources.clear();
    }
    let run = Run::new(chat.new_job());
    let question = ready.under(recipe, run.job, run.cancel.clone());
    if let Some(exchange) = chat.exchange_mut(entry) {
        exchange.may_be_reasoning = Texts::may_turn(&question.markup);
    }
    chat.work = Phase::Answering { run, entry };
    vec![Effect::Send(Command::Ask(question))]
}

/// The question of `exchange`, whose prompt is `built`.
fn ready(
    chat: &Chat,
    exchange: &Exchange,
    start: Start,
    cot: ChainOfThought,
    built: (Prompt, OutputMarkup),
) -> ReadyQuestion {
    let (prompt, markup) = built;
    ReadyQuestion {
        prompt,
        markup,
        question: exchange.asked(),
        document: chat.text_asked_about(),
        cot,
        reread: chat.asking.reread,
        given: given(exchange, start),
        begun: (start == Start::BehindWhatThereIs).then(|| begun(exchange)),
        sampling: sampling(chat, exchange),
        drafting: chat.asking.drafting,
        limits: chat.asking.limits.clone(),
        schema: chat.asking.schema.clone(),
    }
}

/// The passages that are chosen already: by the user, or with the part of the answer that there is.
fn given(exchange: &Exchange, start: Start) -> Option<GivenPassages> {
    let had = exchange.read_again.as_ref().filter(|read_again| !read_again.passages.is_empty());
    let (found_by, passages) = match start {
        Start::BehindWhatThereIs => (had?.found_by, exchange.passages()),
        Start::Anew => (FoundBy::User, exchange.chosen.clone()?),
    };
    Some(GivenPassages { found_by, spans: passages.iter().map(|span| span.start..span.end).collect() })
}

fn begun(exchange: &Exchange) -> Begun {
    let Exchange { reasoning, answer, .. } = exchange;
    Begun { reasoning: reasoning.began.map(|_| reasoning.text.as_str().into()), answer: answer.as_str().into() }
}

/// The first answer is sampled as the settings say. Another one is never greedy, or it would be the same.
fn sampling(chat: &Chat, exchange: &Exchange) -> Sampling {
    let asked = chat.asking.sampling;
    match exchange.variation {
        0 => asked,
        variation => {
            Sampling { temperature: asked.temperature.max(WARM), seed: asked.seed.wrapping_add(variation), ..asked }
        }
    }
}

pub(super) fn answered(chat: &mut Chat, finish: Finish, figures: Box<Figures>) -> Vec<Effect> {
    let Phase::Answering { entry, .. } = chat.work else { return Vec::new() };
    chat.work = Phase::Idle;
    let was_read = chat.is_read();
    hold(chat, &figures);
    // If the answer was stopped during prefill, the document is not complete either.
    chat.paused = if chat.is_read() { None } else { Some(Pause::Stopped) };
    if let Some(resolved_preset) = chat.resolved_preset.clone() {
        if !was_read && chat.until.is_none() {
            chat.measurements.read(&resolved_preset.name, &figures);
        }
        chat.measurements.answered(&resolved_preset.name, &figures);
        complete_comparison(chat, &resolved_preset);
    }
    let now = chat.now;
    let Some(exchange) = chat.exchange_mut(entry) else { return Vec::new() };
    let (context_tokens, tokens) = (figures.context_tokens, figures.tokens);
    exchange.finish(finish, figures, now);
    let answer = exchange.answer.clone();
    if finish == Finish::ContextFull {
        filling::cut_off(chat, entry, context_tokens, tokens);
    }
    citing::check(chat, entry, &answer)
}

/// Adds the speed of the first answer after a switch to the switch's comparison.
fn complete_comparison(chat: &mut Chat, resolved_preset: &ResolvedPreset) {
    let Some(reading) = chat.measurements.of(&resolved_preset.name).cloned() else { return };
    let last = chat.transcript.iter_mut().rev().find_map(|entry| match entry {
        Entry::Switch(comparison) => Some(comparison),
        Entry::Exchange(_) => None,
    });
    if let Some(comparison) =
        last.filter(|last| last.new.preset == resolved_preset.name && last.new.decode_tokens_per_s.is_none())
    {
        comparison.new.decode_tokens_per_s = reading.decode_tokens_per_s;
    }
}

pub(super) fn answer_now(chat: &mut Chat) -> Vec<Effect> {
    let Phase::Answering { run, .. } = &chat.work else { return Vec::new() };
    let command = Command::AnswerNow { job: run.job };
    match chat.answering() {
        Some(exchange) if exchange.reasoning.is_open() => vec![Effect::Send(command)],
        _ => Vec::new(),
    }
}
