//! The only place where a [`Chat`] changes: one input in, effects out.
//!
//! Read [`update`], then [`engine_event`] and [`act`], then [`next`], which decides what happens whenever nothing does.

mod changing;
mod choosing;

use std::sync::Arc;
use std::time::Duration;

pub use changing::{NewText, News};

use super::exchange::{Exchange, ExchangeState};
use super::prompt::{PromptRequest, Turn, build_prompt};
use super::readings::Comparison;
use super::state::{Chat, Entry, Held, Model, Notice, Run, Way, Work};
use super::template::ChatTemplate;
use super::words::count;
use crate::engine::message::{
    CancelToken, Command, Event, Failure, FailureKind, Figures, Finish, JobId, ModelInfo, Plan, Prompt, Question,
    ReasoningTags,
};
use crate::settings::Chosen;
use crate::swaa::{ChainOfThought, RecipeSpec, WindowSpec};

/// A switch that reads no more than this is called instant: less than one decode call.
pub const INSTANT_TOKENS: u32 = 64;
/// A switch that is predicted to take less starts without asking: shorter than reading the question would be.
pub const SHORT: Duration = Duration::from_secs(3);

/// Whatever may happen to a chat.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    Engine(Event),
    User(Action),
    /// The files were looked at, and are not what they were.
    News(News),
    /// Only time has passed.
    Tick,
    /// The engine's thread is gone, and it was not told to go.
    EngineGone,
}

/// What a person can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Ask(String),
    /// Reads by another preset: an index into [`Chat::offers`]. A second time: yes, go.
    Switch(usize),
    /// Yes to what is asked.
    Confirm,
    /// No to what is asked; else stop what runs. What was read and answered is kept.
    Cancel,
    /// Go on with a reading that was stopped.
    Resume,
    /// Leave the reasoning and answer.
    AnswerNow,
    Quit,
}

/// What is to be done outside.
#[allow(clippy::large_enum_variant)] // there is one at a time, and it is handed on at once
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Send(Command),
    Cancel(CancelToken),
    Quit,
}

/// Takes `input`, which came at `now` (since the start, never running backwards), and tells what to do about it.
pub fn update(chat: &mut Chat, now: Duration, input: Input) -> Vec<Effect> {
    chat.now = now;
    match input {
        Input::Engine(event) if !is_stale(chat, &event) => engine_event(chat, event),
        Input::User(action) => act(chat, action),
        Input::News(news) => changing::news(chat, news),
        Input::EngineGone => {
            engine_gone(chat, failure(FailureKind::Runtime, "the engine stopped working", "the log says why"));
            Vec::new()
        }
        Input::Engine(_) | Input::Tick => Vec::new(),
    }
}

/// Whether an event is about a job that nobody waits for any more, or about the loading of a model that is there.
fn is_stale(chat: &Chat, event: &Event) -> bool {
    let current = match &chat.work {
        Work::Sizing { job, .. } | Work::Forecasting { job, .. } | Work::Choosing { job, .. } => Some(*job),
        Work::Reading { run, .. } | Work::Answering { run, .. } => Some(run.job),
        Work::Idle | Work::Deciding { .. } => None,
    };
    match event.job() {
        Some(job) => Some(job) != current,
        None if matches!(event, Event::LoadFailed(_)) => false,
        None => !matches!(chat.model, Model::Loading { .. }),
    }
}

fn engine_event(chat: &mut Chat, event: Event) -> Vec<Effect> {
    match event {
        Event::Loading { fraction } => chat.model = Model::Loading { fraction },
        Event::Loaded(info) => return loaded(chat, info),
        Event::LoadFailed(failure) => engine_gone(chat, failure),
        Event::Counted { tokens, .. } => return counted(chat, tokens.iter().sum()),
        Event::Forecast { plan, .. } => return forecasted(chat, plan),
        Event::Planned { plan, .. } => planned(chat, plan),
        Event::Prefilling { progress, .. } => {
            if let Some(run) = run_mut(chat) {
                run.progress = Some(progress);
            }
        }
        Event::Piece { channel, text, .. } => {
            let now = chat.now;
            if let Some(exchange) = answering(chat) {
                exchange.take_piece(channel, &text, now);
            }
        }
        Event::Read { figures, .. } => return read(chat, &figures),
        Event::Answered { finish, figures, .. } => return answered(chat, finish, figures),
        Event::Failed { failure, .. } => return failed(chat, failure),
    }
    Vec::new()
}

fn act(chat: &mut Chat, action: Action) -> Vec<Effect> {
    match action {
        Action::Ask(question) => ask(chat, &question),
        Action::Switch(offer) => switch(chat, offer),
        Action::Confirm => confirm(chat),
        Action::Cancel => cancel(chat),
        Action::Resume => resume(chat),
        Action::AnswerNow => answer_now(chat),
        Action::Quit => quit(chat),
    }
}

// What happens when nothing does.

/// Starts what waits, when nothing runs: a switch, then the reading, then the oldest question.
fn next(chat: &mut Chat) -> Vec<Effect> {
    if chat.work != Work::Idle || !matches!(chat.model, Model::Ready { .. }) {
        return Vec::new();
    }
    if let Some(new) = chat.next_text.take() {
        changing::take(chat, new);
    }
    if let Some(offer) = chat.next_switch.take() {
        return go_to_offer(chat, offer);
    }
    let has_document = !chat.document.text.trim().is_empty();
    if has_document && chat.way.is_some() && !chat.paused && !chat.is_read() {
        return if choosing::is_due(chat) { choosing::start(chat) } else { start_reading(chat, None) };
    }
    match waiting_entry(chat) {
        Some(entry) => start_answering(chat, entry),
        None => Vec::new(),
    }
}

fn waiting_entry(chat: &Chat) -> Option<usize> {
    chat.transcript
        .iter()
        .position(|entry| matches!(entry, Entry::Exchange(exchange) if exchange.state == ExchangeState::Waiting))
}

// The model.

fn loaded(chat: &mut Chat, info: Box<ModelInfo>) -> Vec<Effect> {
    let template = ChatTemplate::of(&info, chat.started);
    if template.is_fallback() {
        chat.notice = Some(Notice::info(format!("{} brings no chat template: ChatML is used", info.name)));
    }
    chat.model = Model::Ready { info, template };
    let offer = chat.next_switch.take().unwrap_or(chat.first_offer);
    go_to_offer(chat, offer)
}

/// The end of the engine, at its start or later: every question that waits for it ends, too. The first reason counts.
fn engine_gone(chat: &mut Chat, failure: Failure) {
    if matches!(chat.model, Model::Failed(_)) {
        return;
    }
    let now = chat.now;
    for exchange in exchanges_mut(chat) {
        if matches!(exchange.state, ExchangeState::Waiting | ExchangeState::Running) {
            exchange.fail(failure.clone(), now);
        }
    }
    chat.notice = Some(Notice::from(&failure));
    chat.work = Work::Idle;
    chat.model = Model::Failed(failure);
}

// Presets.

fn switch(chat: &mut Chat, offer: usize) -> Vec<Effect> {
    let Some(name) = chat.offers.get(offer).map(|offer| Arc::<str>::from(offer.name.as_str())) else {
        return Vec::new();
    };
    if !matches!(chat.model, Model::Ready { .. }) {
        chat.next_switch = Some(offer);
        chat.notice = Some(Notice::info(format!("reads with {name} once the model is there")));
        return Vec::new();
    }
    match &mut chat.work {
        Work::Deciding { to, .. } if to.name == name => confirm(chat),
        Work::Idle | Work::Sizing { .. } | Work::Forecasting { .. } | Work::Choosing { .. } | Work::Deciding { .. } => {
            go_to_offer(chat, offer)
        }
        Work::Reading { .. } if chat.way.as_ref().is_some_and(|way| way.name == name) => {
            chat.next_switch = None;
            Vec::new()
        }
        Work::Reading { run, .. } => {
            chat.next_switch = Some(offer);
            chat.notice = Some(Notice::info(format!("this reading stops and is kept; {name} is next")));
            stop(run)
        }
        Work::Answering { .. } => {
            chat.next_switch = Some(offer);
            chat.notice = Some(Notice::info(format!("{name} is next, after this answer; Esc ends it now")));
            Vec::new()
        }
    }
}

/// The first step of a switch: what is it, and what would it cost?
fn go_to_offer(chat: &mut Chat, offer: usize) -> Vec<Effect> {
    match chat.offers.get(offer) {
        Some(preset) if preset.recipe.is_none() => count_for_auto(chat, offer),
        Some(_) => go_to_chosen(chat, offer, 0),
        None => Vec::new(),
    }
}

/// Goes by what the offer is for this model, and a document of so many tokens (only `auto` looks at them).
fn go_to_chosen(chat: &mut Chat, offer: usize, document_tokens: u32) -> Vec<Effect> {
    let (Model::Ready { info, .. }, Some(preset)) = (&chat.model, chat.offers.get(offer)) else { return Vec::new() };
    let name = preset.name.clone();
    let chosen = match chat.reading.choose(preset, info, document_tokens, chat.tokens_per_s) {
        Ok(chosen) => chosen,
        Err(error) => return go_nowhere(chat, Notice::error(error.to_string(), error.hint())),
    };
    if let Some(why) = info.sliding_refused.as_ref().filter(|_| chosen.recipe.window != WindowSpec::Full) {
        let refused = Notice::error(format!("{name} can't be had: {why}"), Some("full attention can".to_owned()));
        return go_nowhere(chat, refused);
    }
    if let Some(beginning) = &mut chat.beginning {
        beginning.offer = offer;
    }
    let Chosen { name: chosen_name, recipe, cot, reason } = chosen;
    let effects = go_to(chat, Way { name: chosen_name.as_str().into(), recipe, cot });
    if let Some(reason) = reason {
        chat.notice = Some(Notice::info(format!("auto chose {chosen_name}: {reason}")));
    }
    effects
}

/// An offer that can't be had: what there is stays; at the start that is full attention.
fn go_nowhere(chat: &mut Chat, notice: Notice) -> Vec<Effect> {
    let effects = if chat.way.is_none() { go_to(chat, full_attention(chat)) } else { back_to_idle(chat) };
    let offer = chat.current_offer();
    if let Some(beginning) = &mut chat.beginning {
        beginning.offer = offer;
    }
    chat.notice = Some(notice);
    effects
}

/// The offer that is full attention, for the model that can do nothing else.
fn full_attention(chat: &Chat) -> Way {
    let full = chat.offers.iter().filter_map(|offer| Some((offer, offer.recipe.clone()?)));
    full.filter(|(_, recipe)| recipe.window == WindowSpec::Full)
        .map(|(offer, recipe)| Way { name: offer.name.as_str().into(), recipe, cot: chat.reading.cot_of(offer) })
        .next()
        .unwrap_or_else(|| Way { name: "full".into(), recipe: RecipeSpec::FULL, cot: ChainOfThought::default() })
}

fn go_to(chat: &mut Chat, way: Way) -> Vec<Effect> {
    // A first part is soon read anew.
    if chat.held.is_none() || chat.beginning.is_some() {
        chat.way = Some(way);
        chat.paused = false;
        return back_to_idle(chat);
    }
    if chat.is_read() && chat.way.as_ref() == Some(&way) {
        chat.notice = Some(Notice::info(format!("{} it is already", way.name)));
        return back_to_idle(chat);
    }
    let Some(prompt) = document_prompt(chat, &way) else { return back_to_idle(chat) };
    let job = new_job(chat);
    let recipe = way.recipe.clone();
    chat.notice = None;
    chat.work = Work::Forecasting { job, to: way };
    vec![Effect::Send(Command::Forecast { job, prompt, recipe })]
}

fn count_for_auto(chat: &mut Chat, offer: usize) -> Vec<Effect> {
    let job = new_job(chat);
    chat.work = Work::Sizing { job, offer };
    vec![Effect::Send(Command::Count { job, texts: vec![chat.document.text.clone()] })]
}

fn counted(chat: &mut Chat, document_tokens: u32) -> Vec<Effect> {
    match chat.work {
        Work::Sizing { offer, .. } => go_to_chosen(chat, offer, document_tokens),
        Work::Choosing { .. } => choosing::counted(chat, document_tokens),
        _ => Vec::new(),
    }
}

fn forecasted(chat: &mut Chat, plan: Plan) -> Vec<Effect> {
    match &chat.work {
        Work::Forecasting { to, .. } => decide(chat, to.clone(), plan),
        Work::Choosing { .. } => choosing::forecasted(chat, &plan),
        _ => Vec::new(),
    }
}

/// A short switch starts, a long one is asked about.
fn decide(chat: &mut Chat, to: Way, plan: Plan) -> Vec<Effect> {
    let instant = plan.to_prefill_tokens <= INSTANT_TOKENS;
    if instant || plan.predicted.is_some_and(|time| time < SHORT) {
        return start_switch(chat, to);
    }
    chat.work = Work::Deciding { to, plan };
    Vec::new()
}

fn confirm(chat: &mut Chat) -> Vec<Effect> {
    match &chat.work {
        Work::Deciding { to, .. } => {
            let to = to.clone();
            start_switch(chat, to)
        }
        _ => Vec::new(),
    }
}

fn start_switch(chat: &mut Chat, to: Way) -> Vec<Effect> {
    let from = chat.way.replace(to);
    chat.paused = false;
    chat.work = Work::Idle;
    start_reading(chat, from)
}

// Reading.

fn start_reading(chat: &mut Chat, from: Option<Way>) -> Vec<Effect> {
    let Some(way) = chat.way.clone() else { return Vec::new() };
    let Some(prompt) = document_prompt(chat, &way) else { return Vec::new() };
    let run = Run::new(new_job(chat));
    let command = Command::Read { job: run.job, prompt, recipe: way.recipe, cancel: run.cancel.clone() };
    chat.work = Work::Reading { run, from };
    vec![Effect::Send(command)]
}

fn resume(chat: &mut Chat) -> Vec<Effect> {
    if chat.work == Work::Idle && chat.paused {
        chat.paused = false;
        chat.notice = None;
    }
    next(chat)
}

fn read(chat: &mut Chat, figures: &Figures) -> Vec<Effect> {
    let (Work::Reading { from, .. }, Some(way)) = (&chat.work, chat.way.clone()) else { return Vec::new() };
    let from = from.clone();
    chat.work = Work::Idle;
    chat.readings.read(&way.name, figures);
    if choosing::take_taste(chat, &way, figures) {
        return next(chat);
    }
    hold(chat, figures);
    if chat.is_read() {
        compare(chat, from.as_ref(), &way, figures);
    } else if chat.next_switch.is_none() {
        pause(chat, figures);
    }
    next(chat)
}

/// Says what is kept, and lays aside the questions that waited for the rest.
fn pause(chat: &mut Chat, figures: &Figures) {
    chat.paused = true;
    let done = figures.tokens.cached + figures.tokens.prefilled;
    let text = format!("stopped after {} of {} tokens, which are kept", count(done), count(figures.tokens.document));
    chat.notice = Some(Notice { hint: Some("Enter or a question reads on".to_owned()), ..Notice::info(text) });
    for exchange in exchanges_mut(chat).filter(|exchange| exchange.state == ExchangeState::Waiting) {
        exchange.state = ExchangeState::Withdrawn;
    }
}

fn compare(chat: &mut Chat, from: Option<&Way>, to: &Way, figures: &Figures) {
    let (Some(from), Some(new)) = (from, chat.readings.of(&to.name)) else { return };
    if let Some(old) = chat.readings.of(&from.name).filter(|old| old.preset != new.preset) {
        let comparison = Comparison {
            old: old.clone(),
            new: new.clone(),
            reread_tokens: figures.tokens.prefilled,
            took: figures.timings.prefill,
        };
        chat.notice = None;
        chat.transcript.push(Entry::Switch(comparison));
    }
}

fn hold(chat: &mut Chat, figures: &Figures) {
    let Some(way) = chat.way.clone() else { return };
    let tokens = figures.tokens;
    chat.held = Some(Held {
        way,
        tokens: (tokens.cached + tokens.prefilled).min(tokens.document),
        document_tokens: tokens.document,
        context_used: tokens.cached + tokens.prefilled + tokens.generated,
        context_tokens: figures.context_tokens,
    });
}

// Questions.

fn ask(chat: &mut Chat, question: &str) -> Vec<Effect> {
    let question = question.trim();
    if question.is_empty() {
        return Vec::new();
    }
    chat.notice = None;
    decline(chat);
    chat.paused = false;
    chat.transcript.push(Entry::Exchange(Exchange::waiting(question.into())));
    next(chat)
}

fn start_answering(chat: &mut Chat, entry: usize) -> Vec<Effect> {
    let Some(way) = chat.way.clone() else { return Vec::new() };
    let Some(exchange) = exchange_at(chat, entry) else { return Vec::new() };
    exchange.state = ExchangeState::Running;
    exchange.preset = Some(way.name.clone());
    let question = exchange.question.clone();
    match prompt(chat, &way, Some(&question)) {
        Ok((prompt, reasoning)) => {
            let run = Run::new(new_job(chat));
            let question = Question {
                job: run.job,
                prompt,
                recipe: way.recipe,
                sampling: chat.asking.sampling,
                limits: chat.asking.limits.clone(),
                reasoning,
                cancel: run.cancel.clone(),
            };
            chat.work = Work::Answering { run, entry };
            vec![Effect::Send(Command::Ask(question))]
        }
        Err(failure) => {
            fail_entry(chat, entry, failure);
            next(chat)
        }
    }
}

fn answered(chat: &mut Chat, finish: Finish, figures: Box<Figures>) -> Vec<Effect> {
    let Work::Answering { entry, .. } = chat.work else { return Vec::new() };
    chat.work = Work::Idle;
    let was_read = chat.is_read();
    hold(chat, &figures);
    // An answer that was stopped before its prompt was read leaves the document unread, too.
    chat.paused = !chat.is_read();
    if let Some(way) = chat.way.clone() {
        if !was_read {
            chat.readings.read(&way.name, &figures);
        }
        chat.readings.answered(&way.name, &figures);
        complete_comparison(chat, &way);
    }
    let now = chat.now;
    if let Some(exchange) = exchange_at(chat, entry) {
        exchange.finish(finish, figures, now);
    }
    next(chat)
}

/// The speed of the first answer after a switch belongs into its comparison.
fn complete_comparison(chat: &mut Chat, way: &Way) {
    let Some(reading) = chat.readings.of(&way.name).cloned() else { return };
    let last = chat.transcript.iter_mut().rev().find_map(|entry| match entry {
        Entry::Switch(comparison) => Some(comparison),
        Entry::Exchange(_) => None,
    });
    if let Some(comparison) = last.filter(|last| last.new.preset == way.name && last.new.decode_tokens_per_s.is_none())
    {
        comparison.new.decode_tokens_per_s = reading.decode_tokens_per_s;
    }
}

fn answer_now(chat: &mut Chat) -> Vec<Effect> {
    let Work::Answering { run, .. } = &chat.work else { return Vec::new() };
    let command = Command::AnswerNow { job: run.job };
    match answering(chat) {
        Some(exchange) if exchange.reasoning.is_open() => vec![Effect::Send(command)],
        _ => Vec::new(),
    }
}

// Stopping and failing.

fn cancel(chat: &mut Chat) -> Vec<Effect> {
    match &mut chat.work {
        Work::Reading { run, .. } | Work::Answering { run, .. } => stop(run),
        Work::Sizing { .. } | Work::Forecasting { .. } | Work::Deciding { .. } => {
            decline(chat);
            back_to_idle(chat)
        }
        Work::Choosing { .. } => choosing::stop(chat),
        Work::Idle => {
            chat.notice = None;
            Vec::new()
        }
    }
}

/// The running job is stopped first, or the engine would finish it before it heard of the end.
fn quit(chat: &mut Chat) -> Vec<Effect> {
    let mut effects = run_mut(chat).map(stop).unwrap_or_default();
    effects.extend([Effect::Send(Command::Shutdown), Effect::Quit]);
    effects
}

/// Drops a switch that has not begun.
fn decline(chat: &mut Chat) {
    if let Work::Forecasting { .. } | Work::Deciding { .. } = chat.work {
        chat.work = Work::Idle;
        if let Some(way) = &chat.way {
            chat.notice = Some(Notice::info(format!("kept {}", way.name)));
        }
    }
}

fn stop(run: &mut Run) -> Vec<Effect> {
    if std::mem::replace(&mut run.stopping, true) {
        return Vec::new();
    }
    vec![Effect::Cancel(run.cancel.clone())]
}

fn failed(chat: &mut Chat, failure: Failure) -> Vec<Effect> {
    match std::mem::replace(&mut chat.work, Work::Idle) {
        Work::Answering { entry, .. } => fail_entry(chat, entry, failure),
        Work::Reading { from, .. } => {
            chat.notice = Some(Notice::from(&failure));
            chat.paused = true;
            // What the engine held before it still does; a preset that can't be had is not the one to ask with.
            chat.way = from.or(chat.way.take());
        }
        Work::Choosing { .. } => {
            chat.notice = Some(Notice::from(&failure));
            chat.paused = true;
        }
        Work::Sizing { .. } => {
            chat.notice = Some(Notice::from(&failure));
            chat.way = chat.way.take().or_else(|| Some(full_attention(chat)));
            chat.paused = true;
        }
        Work::Idle | Work::Forecasting { .. } | Work::Deciding { .. } => chat.notice = Some(Notice::from(&failure)),
    }
    next(chat)
}

fn fail_entry(chat: &mut Chat, entry: usize, failure: Failure) {
    let now = chat.now;
    // The next question tries again; nothing does so by itself.
    chat.paused = true;
    if let Some(exchange) = exchange_at(chat, entry) {
        exchange.fail(failure, now);
    }
}

// Helpers.

fn back_to_idle(chat: &mut Chat) -> Vec<Effect> {
    chat.work = Work::Idle;
    next(chat)
}

fn new_job(chat: &mut Chat) -> JobId {
    chat.last_job += 1;
    JobId(chat.last_job)
}

fn planned(chat: &mut Chat, plan: Plan) {
    changing::tell(chat, &plan);
    if let Some(run) = run_mut(chat) {
        run.plan = Some(plan);
    }
}

fn run_mut(chat: &mut Chat) -> Option<&mut Run> {
    match &mut chat.work {
        Work::Reading { run, .. } | Work::Answering { run, .. } => Some(run),
        _ => None,
    }
}

fn answering(chat: &mut Chat) -> Option<&mut Exchange> {
    match chat.work {
        Work::Answering { entry, .. } => exchange_at(chat, entry),
        _ => None,
    }
}

fn exchange_at(chat: &mut Chat, entry: usize) -> Option<&mut Exchange> {
    match chat.transcript.get_mut(entry) {
        Some(Entry::Exchange(exchange)) => Some(exchange),
        _ => None,
    }
}

fn exchanges_mut(chat: &mut Chat) -> impl Iterator<Item = &mut Exchange> {
    chat.transcript.iter_mut().filter_map(|entry| match entry {
        Entry::Exchange(exchange) => Some(exchange),
        Entry::Switch(_) => None,
    })
}

/// What is read ahead of any question; a template that fails becomes a notice.
fn document_prompt(chat: &mut Chat, way: &Way) -> Option<Prompt> {
    match prompt(chat, way, None) {
        Ok((prompt, _)) => Some(prompt),
        Err(failure) => {
            chat.notice = Some(Notice::from(&failure));
            chat.paused = true;
            None
        }
    }
}

fn prompt(chat: &Chat, way: &Way, question: Option<&Arc<str>>) -> Result<(Prompt, Option<ReasoningTags>), Failure> {
    prompt_about(chat, &chat.document.text, way.cot, question)
}

fn prompt_about(
    chat: &Chat,
    document: &Arc<str>,
    cot: ChainOfThought,
    question: Option<&Arc<str>>,
) -> Result<(Prompt, Option<ReasoningTags>), Failure> {
    let Model::Ready { template, .. } = &chat.model else {
        return Err(failure(FailureKind::Model, "the model is not there yet", "wait until it is loaded"));
    };
    let turns: Vec<Turn> = chat.exchanges().filter_map(Exchange::turn).collect();
    build_prompt(&PromptRequest {
        template,
        system: chat.asking.system.as_ref(),
        document,
        turns: &turns,
        question,
        cot,
    })
    .map_err(|error| failure(FailureKind::Model, &error.to_string(), error.hint()))
}

fn failure(kind: FailureKind, message: &str, hint: &str) -> Failure {
    Failure { kind, message: message.to_owned(), hint: Some(hint.to_owned()) }
}
