//! The only place where a [`Chat`] changes: one input in, effects out.
//!
//! Read [`update`], then [`engine_event`] and [`act`], then [`next`], which decides what happens whenever nothing does.
//!
//! | file | steps of |
//! |---|---|
//! | [`switching`] | a switch of presets |
//! | [`choosing`] | choosing how much is read |
//! | [`reading`] | reading the document |
//! | [`mod@answering`] | a question |
//! | [`again`] | asking again: changed, anew, or on |
//! | [`forking`] | branches of the conversation |
//! | [`attaching`] | what a question refers to |
//! | [`changing`] | a document that changes on disk |
//! | [`drafting`] | asking what other parts of it would take |
//! | [`taking`] | taking other parts of it |
//! | [`citing`] | looking up what an answer quotes |
//! | [`survey`] | asking what each preset would cost |
//! | [`versus`] | one question under two presets |
//! | [`fetching`] | fetching a model that is not there yet |
//! | [`stopping`] | stopping and failing |

mod again;
mod answering;
mod attaching;
mod changing;
mod choosing;
mod citing;
mod drafting;
mod fetching;
mod forking;
mod reading;
mod stopping;
mod survey;
mod switching;
mod taking;
mod versus;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(super) use self::changing::Change;
pub use self::changing::{NewText, News};
pub use self::drafting::{Draft, Drafted, Forecast};
pub(super) use self::survey::way_of;
use self::switching::go_to_offer;
pub use self::taking::{Choice, Chosen};
pub(super) use self::versus::compared;
use super::attached::Attached;
use super::exchange::{Exchange, ExchangeState};
use super::prompt::{PromptRequest, Turn, build_prompt};
use super::state::{Chat, Entry, Fetched, Model, Notice, Run, Way, Work};
use super::template::ChatTemplate;
use crate::engine::message::{
    CancelToken, Command, Event, Failure, FailureKind, Figures, JobId, ModelInfo, Plan, Prompt, ReasoningTags,
};
use crate::quotes::Quote;
use crate::swaa::{ChainOfThought, Preset};

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
    /// How far [`Effect::Fetch`] is, and what came of it.
    Fetching(Fetched),
    Fetched(Result<PathBuf, Failure>),
    /// What [`Effect::ReadFile`] asked for, or why it can't be had.
    FileRead {
        name: Arc<str>,
        came: Result<Arc<str>, String>,
    },
    /// What [`Effect::CheckQuotes`] asked for.
    Checked {
        entry: usize,
        answer: Arc<str>,
        quotes: Vec<Quote>,
    },
}

/// What a person can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Ask(String),
    /// The question that is being written refers to this.
    Attach(Attached),
    /// Asks this instead of the question of an entry, which is dropped with all that follows it.
    Replace {
        entry: usize,
        question: String,
    },
    /// Another answer to the last question.
    Regenerate,
    /// The last answer goes on where it was cut off.
    Continue,
    /// Goes on after an entry, or from the beginning, on a branch of its own.
    Fork {
        after: Option<usize>,
    },
    /// Shows another branch, from 0.
    ShowBranch(usize),
    /// Reads by another preset: an index into [`Chat::offers`]. A second time: yes, go.
    Switch(usize),
    /// Reads by a preset of one's own, which becomes an offer.
    Try(Box<Preset>),
    /// What would each offer cost?
    Survey,
    /// Asks one question under two offers.
    Versus {
        question: String,
        offers: [usize; 2],
    },
    /// Yes to what is asked.
    Confirm,
    /// No to what is asked; else stop what runs. What was read and answered is kept.
    Cancel,
    /// Go on with a reading that was stopped; fetch the model that is offered.
    Resume,
    /// Take the model of this file, when there is none.
    TakeModel(PathBuf),
    /// Somebody thinks of reading this instead: what would it take? `None`: nobody does any more.
    Draft(Option<Draft>),
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
    /// Fetch the model that is offered; told by [`Input::Fetching`] and [`Input::Fetched`].
    Fetch(CancelToken),
    /// Load the model of this file.
    Start(PathBuf),
    /// Read the file of this name; answered by [`Input::FileRead`].
    ReadFile(Arc<str>),
    /// Look up what the answer of an entry quotes; answered by [`Input::Checked`].
    CheckQuotes {
        entry: usize,
        answer: Arc<str>,
    },
    Quit,
}

/// Takes `input`, which came at `now` (since the start, never running backwards), and tells what to do about it.
pub fn update(chat: &mut Chat, now: Duration, input: Input) -> Vec<Effect> {
    chat.now = now;
    match input {
        Input::Engine(event) if !is_stale(chat, &event) => engine_event(chat, event),
        Input::User(action) => act(chat, action),
        Input::News(news) => changing::news(chat, news),
        Input::Fetching(fetched) => {
            fetching::progress(chat, fetched);
            Vec::new()
        }
        Input::Fetched(came) => fetching::ended(chat, came),
        Input::FileRead { name, came } => attaching::came(chat, &name, &came),
        Input::Checked { entry, answer, quotes } => {
            citing::checked(chat, entry, &answer, quotes);
            Vec::new()
        }
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
        Work::Sizing { job, .. }
        | Work::Forecasting { job, .. }
        | Work::Choosing { job, .. }
        | Work::Drafting { job, .. }
        | Work::Weighing { job, .. }
        | Work::Surveying { job, .. } => Some(*job),
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
        Event::Counted { tokens, .. } => return switching::counted(chat, tokens.iter().sum()),
        Event::Forecast { plan, .. } => return switching::forecasted(chat, plan),
        Event::Planned { plan, .. } => planned(chat, plan),
        Event::Prefilling { progress, .. } => {
            if let Some(run) = run_mut(chat) {
                run.progress = Some(progress);
            }
            if let (Work::Reading { .. }, Some(way)) = (&chat.work, &chat.way) {
                chat.readings.chunk(&way.name, &progress);
            }
        }
        Event::Piece { channel, text, .. } => {
            let now = chat.now;
            if let Some(exchange) = answering(chat) {
                exchange.take_piece(channel, &text, now);
            }
        }
        Event::Read { figures, .. } => {
            learn_cost(chat, &figures);
            return reading::read(chat, &figures);
        }
        Event::Answered { finish, figures, .. } => {
            learn_cost(chat, &figures);
            return answering::answered(chat, finish, figures);
        }
        Event::Failed { failure, .. } => return stopping::failed(chat, failure),
    }
    Vec::new()
}

fn act(chat: &mut Chat, action: Action) -> Vec<Effect> {
    match action {
        Action::Ask(question) => answering::ask(chat, &question),
        Action::Attach(attached) => attaching::attach(chat, attached),
        Action::Replace { entry, question } => again::replace(chat, entry, &question),
        Action::Regenerate => again::regenerate(chat),
        Action::Continue => again::go_on(chat),
        Action::Fork { after } => forking::fork(chat, after),
        Action::ShowBranch(number) => forking::show(chat, number),
        Action::Switch(offer) => switching::switch(chat, offer),
        Action::Try(preset) => switching::try_out(chat, *preset),
        Action::Survey => survey::start(chat),
        Action::Versus { question, offers } => versus::ask(chat, &question, offers),
        Action::Confirm => switching::confirm(chat),
        Action::Cancel if matches!(chat.model, Model::Fetching { .. }) => fetching::stop(chat),
        Action::Cancel => stopping::cancel(chat),
        Action::Resume if matches!(chat.model, Model::Absent(_)) => fetching::start(chat),
        Action::Resume => reading::resume(chat),
        Action::Draft(draft) => drafting::draft(chat, draft),
        Action::TakeModel(file) => fetching::take(chat, file),
        Action::AnswerNow => answering::answer_now(chat),
        Action::Quit => stopping::quit(chat),
    }
}

// What happens when nothing does.

/// Starts what waits, when nothing runs: other parts, a switch, then the reading, then the oldest question, then counting what is attached to
/// the next; else what somebody thinks of.
fn next(chat: &mut Chat) -> Vec<Effect> {
    if chat.work != Work::Idle || !matches!(chat.model, Model::Ready { .. }) {
        return Vec::new();
    }
    if let Some(chosen) = chat.next_choice.take() {
        return taking::take(chat, chosen);
    }
    if let Some(new) = chat.next_text.take() {
        changing::take(chat, new);
    }
    if let Some(offer) = chat.next_switch.take() {
        return go_to_offer(chat, offer);
    }
    let has_document = !chat.document.text.trim().is_empty();
    if has_document && chat.way.is_some() && !chat.paused && !chat.is_read() {
        return if choosing::is_due(chat) { choosing::start(chat) } else { reading::start_reading(chat, None) };
    }
    match waiting_entry(chat) {
        Some(entry) if waits_for_file(chat, entry) => attaching::weigh(chat),
        Some(entry) => versus::read_for(chat, entry).unwrap_or_else(|| answering::start_answering(chat, entry)),
        None => {
            let effects = attaching::weigh(chat);
            if effects.is_empty() { drafting::start(chat) } else { effects }
        }
    }
}

fn waits_for_file(chat: &Chat, entry: usize) -> bool {
    matches!(&chat.transcript[entry], Entry::Exchange(exchange) if exchange.waits_for_file())
}

fn waiting_entry(chat: &Chat) -> Option<usize> {
    chat.transcript
        .iter()
        .position(|entry| matches!(entry, Entry::Exchange(exchange) if exchange.state == ExchangeState::Waiting))
}

// The model.

fn loaded(chat: &mut Chat, info: Box<ModelInfo>) -> Vec<Effect> {
    let template = ChatTemplate::of(&info, chat.started);
    if let Some(why) = info.without_gpu {
        chat.notice = Some(Notice::info(why.to_owned()));
    }
    if template.is_fallback() {
        chat.notice = Some(Notice::info(format!("{} brings no chat template: ChatML is used", info.name)));
    }
    chat.model = Model::Ready { info, template };
    let offer = chat.next_switch.take().unwrap_or(chat.first_offer);
    go_to_offer(chat, offer)
}

/// Keeps what prefill costs by the newest measurement, for `auto` to choose by.
fn learn_cost(chat: &mut Chat, figures: &Figures) {
    if let Model::Ready { info, .. } = &mut chat.model {
        info.prefill_cost = figures.prefill_cost;
    }
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

/// As [`document_prompt`], for a way that is only asked about.
fn document_prompt_for(chat: &Chat, way: &Way) -> Option<Prompt> {
    prompt(chat, way, None).ok().map(|(prompt, _)| prompt)
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
    let running = chat.exchanges().find(|exchange| exchange.state == ExchangeState::Running);
    let pair = running.and_then(|exchange| exchange.pair.as_ref()).map(|pair| pair.id);
    let is_told = |exchange: &&Exchange| pair.is_none() || exchange.pair.as_ref().map(|pair| pair.id) != pair;
    let turns: Vec<Turn> = chat.exchanges().filter(is_told).filter_map(Exchange::turn).collect();
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
