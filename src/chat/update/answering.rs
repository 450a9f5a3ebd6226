//! Asks a question, and takes the end of its answer.

use super::prefilling::hold;
use super::prompts::{Asked, prompt};
use super::stopping::{decline, fail_entry};
use super::{attaching, citing, filling, returning};
use crate::chat::exchange::{Exchange, ExchangeState};
use crate::chat::input::Effect;
use crate::chat::prompt::set_question_apart;
use crate::chat::state::{Chat, Pause, Phase, Run};
use crate::chat::transcript::Entry;
use crate::document::ByteSpan;
use crate::engine::message::{
    Begins, Command, Figures, Finish, FoundBy, GivenPassages, Origin, OutputMarkup, Part, Prompt, Question, Reread,
    Rereading, Sampling, Segment,
};
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
    let (mut prompt, mut markup) = match prompt(chat, &resolved_preset, asked) {
        Ok(both) => both,
        Err(failure) => {
            fail_entry(chat, entry, failure);
            return Vec::new();
        }
    };
    let rereading = rereading(chat, &exchange, start, &mut prompt);
    if start == Start::BehindWhatThereIs {
        prompt = with_beginning(prompt, &exchange, &markup);
        markup = behind_beginning(markup);
    } else if let Some(exchange) = chat.exchange_mut(entry) {
        exchange.read_again = None;
        exchange.sources.clear();
    }
    let limits = resolved_preset.cot.limits(&chat.asking.limits, markup.answer_is_asked_for);
    if let Some(exchange) = chat.exchange_mut(entry) {
        exchange.may_be_reasoning = markup.lone_close.is_some();
    }
    let run = Run::new(chat.new_job());
    let question = Question {
        job: run.job,
        prompt,
        rereading,
        recipe,
        sampling: sampling(chat, &exchange),
        drafting: chat.asking.drafting,
        limits,
        markup: Box::new(markup),
        schema: chat.asking.schema.clone(),
        cancel: run.cancel.clone(),
    };
    chat.work = Phase::Answering { run, entry };
    vec![Effect::Send(Command::Ask(question))]
}

/// How passages are read again before the question of `exchange`, which becomes a part of its own in `prompt`. An answer
/// that goes on keeps its passages.
fn rereading(chat: &Chat, exchange: &Exchange, start: Start, prompt: &mut Prompt) -> Option<Rereading> {
    let had = exchange.read_again.as_ref().filter(|read_again| !read_again.passages.is_empty());
    let given = match (start, &exchange.chosen) {
        (Start::BehindWhatThereIs, _) => Some((had?.found_by, exchange.passages())),
        (Start::Anew, Some(chosen)) => Some((FoundBy::User, chosen.clone())),
        (Start::Anew, None) => None,
    };
    if chat.document.text.is_empty() || (chat.asking.reread == Reread::Off && given.is_none()) {
        return None;
    }
    let question_part = set_question_apart(prompt, &exchange.asked())?;
    let spans = |spans: Vec<ByteSpan>| spans.into_iter().map(|span| span.start..span.end).collect();
    let given = given.map(|(found_by, passages)| GivenPassages { found_by, spans: spans(passages) });
    Some(Rereading { reread: chat.asking.reread, question_part, given })
}

/// The prompt, followed by the reasoning and the answer so far.
fn with_beginning(mut prompt: Prompt, exchange: &Exchange, markup: &OutputMarkup) -> Prompt {
    let part = |text: &str, origin| Part { text: text.into(), origin, segment: Segment::Tail };
    let is_open = matches!(markup.begins, Begins::InReasoning(_));
    if is_open || exchange.reasoning.began.is_some() {
        let own = markup.reasoning.first();
        prompt.parts.extend(own.filter(|_| !is_open).map(|tags| part(&tags.open, Origin::Template)));
        prompt.parts.push(part(&exchange.reasoning.text, Origin::Text));
        if markup.answer_cue.is_empty() {
            prompt.parts.extend(own.map(|tags| part(&tags.close, Origin::Template)));
        }
        prompt.parts.extend(markup.answer_cue.iter().cloned());
    }
    prompt.parts.push(part(&exchange.answer, Origin::Text));
    prompt
}

/// The markup of what follows an answer: its end alone. The reasoning is over.
fn behind_beginning(markup: OutputMarkup) -> OutputMarkup {
    let mut ends = markup.ends;
    ends.extend(markup.answer.into_iter().map(|wrapper| wrapper.close).filter(|close| !close.is_empty()));
    OutputMarkup { ends, ..OutputMarkup::default() }
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
