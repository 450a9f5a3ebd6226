//! The only code that changes a [`Chat`]: one input in, effects out.
//!
//! [`update`] handles an input. Then, if nothing runs, [`next`] starts what waits. Only [`next`] does that, so each
//! step can be read on its own.
//!
//! | file | steps of |
//! |---|---|
//! | [`next`] | starting what waits |
//! | [`switching`] | a switch of presets |
//! | [`choosing`] | choosing how much to read |
//! | [`prefilling`] | prefilling the document |
//! | [`mod@answering`] | a question |
//! | [`again`] | repeating a question: changed, for another answer, or to continue |
//! | [`filling`], [`making_room`] | a conversation that fills its context, and the ways out |
//! | [`forking`] | branches of the conversation |
//! | [`attaching`] | what a question refers to |
//! | [`changing`] | a document that changes on disk |
//! | [`drafting`] | forecasting a selection of parts |
//! | [`taking`] | using other parts of the document |
//! | [`citing`] | looking up the citations of an answer |
//! | [`survey`] | forecasting the cost of each preset |
//! | [`ahead`] | reading other presets while nothing else is to be done |
//! | [`idle_search`] | looking for the heads that point at passages while nothing else is to be done |
//! | [`until`] | asking up to a place in the document |
//! | [`thinking`] | whether the model reasons, and for how long |
//! | [`versus`], [`returning`] | one question under several presets, and the way back |
//! | [`opening`] | opening other documents |
//! | [`adjusting`] | system prompt, sampling, name |
//! | [`remodelling`] | loading another model |
//! | [`fetching`] | fetching a missing model |
//! | [`stopping`] | stops and failures |
//! | [`prompts`] | the prompts for the engine |
//! | [`mod@recording`] | saving the conversation |
//! | [`restoring`] | going on with a saved one |

mod adjusting;
mod again;
mod ahead;
mod answering;
mod attaching;
mod changing;
mod choosing;
mod citing;
mod drafting;
mod fetching;
mod filling;
mod forking;
mod idle_search;
mod making_room;
mod next;
mod opening;
mod prefilling;
mod prompts;
mod recording;
mod remodelling;
mod restoring;
mod returning;
mod stopping;
mod survey;
mod switching;
mod taking;
mod thinking;
mod until;
mod versus;

use std::time::Duration;

pub use self::switching::{INSTANT_TOKENS, SHORT};
use super::input::{Action, Effect, Input};
use super::notice::Notice;
use super::state::{Chat, Model, Phase, Sizing};
use super::template::ChatTemplate;
use crate::engine::message::{Event, Figures, ModelInfo, Plan};
use crate::failure::Failure;

/// Handles `input`, which came at `now` (time since the start, never decreasing). Returns what to do about it.
pub fn update(chat: &mut Chat, now: Duration, input: Input) -> Vec<Effect> {
    chat.now = now;
    let reach = recording::Reach::of(&input);
    let was_busy = chat.work != Phase::Idle;
    let mut effects = idle_search::stir(chat, &input);
    effects.extend(take(chat, input));
    idle_search::wait_after_work(chat, was_busy);
    effects.extend(next::start_what_waits(chat));
    ahead::yield_to(chat, &mut effects);
    idle_search::yield_to(chat, &mut effects);
    if let Some(save) = recording::save(chat, reach) {
        // Before the program ends.
        let end = effects.iter().position(|effect| *effect == Effect::Quit).unwrap_or(effects.len());
        effects.insert(end, save);
    }
    effects
}

fn take(chat: &mut Chat, input: Input) -> Vec<Effect> {
    match input {
        Input::Engine(event) if ahead::is_its(chat, &event) => ahead::heard(chat, event),
        Input::Engine(event) if idle_search::is_its(chat, &event) => idle_search::heard(chat, event),
        Input::Engine(event) if !is_stale(chat, &event) => return engine_event(chat, event),
        Input::User(action) => return act(chat, action),
        Input::News(news) => return changing::news(chat, news),
        Input::Fetched(came) => return fetching::ended(chat, came),
        Input::Fetching(fetched) => fetching::progress(chat, fetched),
        Input::FileRead { name, came } => attaching::came(chat, &name, &came),
        Input::SourcesFound { entry, passages, sources } => citing::sources_found(chat, entry, &passages, sources),
        Input::Checked { entry, answer, citations } => citing::checked(chat, entry, &answer, citations),
        Input::Restored(restored) => return restoring::restore(chat, *restored),
        Input::Noticed(failure) => chat.tell_news(Notice::from(&failure)),
        Input::NotSaved(why) => recording::not_saved(chat, why),
        Input::SavedAgain => recording::saved_again(chat),
        Input::EngineGone => stopping::engine_gone(chat, Failure::engine_gone()),
        Input::Engine(_) | Input::Tick | Input::Stirred => {}
    }
    Vec::new()
}

/// Whether an event belongs to a job that is no longer wanted, or reports the loading of a model that is already
/// loaded.
fn is_stale(chat: &Chat, event: &Event) -> bool {
    let current = match &chat.work {
        Phase::Sizing { job, .. }
        | Phase::Forecasting { job, .. }
        | Phase::Choosing { job, .. }
        | Phase::Drafting { job, .. }
        | Phase::CountingAttachments { job, .. }
        | Phase::Surveying { job, .. } => Some(*job),
        Phase::Prefilling { run, .. } | Phase::Answering { run, .. } => Some(run.job),
        Phase::Idle | Phase::Deciding { .. } => None,
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
        Event::Loaded(info) => loaded(chat, info),
        Event::LoadFailed(failure) => stopping::engine_gone(chat, failure),
        Event::Counted { tokens, .. } => attaching::attachments_counted(chat, tokens.iter().sum()),
        Event::Forecast { plan, .. } => return forecasted(chat, plan),
        Event::Planned { plan, .. } => {
            changing::tell(chat, &plan);
            if let Some(run) = chat.run_mut() {
                run.plan = Some(plan);
            }
        }
        Event::Prefilling { progress, .. } => {
            if let Some(run) = chat.run_mut() {
                run.progress = Some(progress);
            }
            if let (Phase::Prefilling { .. }, Some(resolved_preset)) = (&chat.work, &chat.resolved_preset) {
                chat.measurements.chunk(&resolved_preset.name, &progress);
            }
        }
        Event::ReadAgain { read_again, .. } => return citing::read_again(chat, read_again),
        Event::Piece { channel, text, .. } => {
            let now = chat.now;
            if let Some(exchange) = chat.answering() {
                exchange.take_piece(channel, &text, now);
            }
        }
        Event::AskedForAnswer { .. } => {
            if let Some(exchange) = chat.answering() {
                exchange.texts().ask_for_answer();
            }
        }
        Event::WasReasoning { .. } => {
            let now = chat.now;
            if let Some(exchange) = chat.answering() {
                exchange.turn_into_reasoning(now);
            }
        }
        Event::Prefilled { figures, .. } => {
            learn_cost(chat, &figures);
            prefilling::read(chat, &figures);
        }
        Event::Answered { finish, figures, .. } => {
            learn_cost(chat, &figures);
            return answering::answered(chat, finish, figures);
        }
        Event::Noted { text, .. } => chat.tell_beside(text),
        // Those of a search have been heard, and nobody waits for the others in a chat.
        Event::FindingHeads { .. } | Event::HeadsFound { .. } | Event::Weighed { .. } | Event::Scored { .. } => {}
        Event::Failed { failure, .. } => stopping::failed(chat, failure),
    }
    Vec::new()
}

fn loaded(chat: &mut Chat, info: Box<ModelInfo>) {
    if info.runs_on.is_some() {
        chat.has_context(info.context);
    }
    let template = ChatTemplate::of(&info, chat.started);
    let notes = chat.notes_about(&info, &template);
    chat.notices.extend(notes.iter().map(Notice::info));
    if !notes.is_empty() {
        chat.notice = Some(Notice::info(notes.join("; ")));
    }
    chat.asking.sampling = info.sampling_with(&chat.asking.given);
    chat.model = Model::Ready { info, template };
}

/// Keeps the newest measured cost of prefill, for `auto` to choose by.
fn learn_cost(chat: &mut Chat, figures: &Figures) {
    if let Model::Ready { info, .. } = &mut chat.model {
        info.prefill_cost = figures.prefill_cost;
    }
}

/// Takes the document's length, and continues with what it was needed for.
fn sized(chat: &mut Chat, sizing: Sizing, document_tokens: u32) -> Vec<Effect> {
    chat.work = Phase::Idle;
    chat.document_tokens = Some(document_tokens);
    match sizing {
        Sizing::Read { preset_entry } => switching::go_to_chosen(chat, preset_entry, document_tokens),
        Sizing::Compare { question, preset_entries } => versus::ask(chat, question, preset_entries),
    }
}

fn forecasted(chat: &mut Chat, plan: Plan) -> Vec<Effect> {
    match &chat.work {
        Phase::Sizing { sizing, .. } => {
            let sizing = sizing.clone();
            return sized(chat, sizing, plan.document_tokens);
        }
        Phase::Forecasting { to, .. } => {
            let to = to.clone();
            return switching::decide(chat, to, plan);
        }
        Phase::Choosing { .. } => return choosing::forecasted(chat, &plan),
        Phase::Drafting { .. } => drafting::forecasted(chat, plan),
        Phase::Surveying { .. } => survey::forecasted(chat, plan),
        _ => {}
    }
    Vec::new()
}

/// Whether Esc stops a download: beside a model that works, only while that is idle.
fn is_fetching(chat: &Chat) -> bool {
    matches!(chat.model, Model::Fetching { .. }) || (chat.download.is_some() && chat.work == Phase::Idle)
}

fn act(chat: &mut Chat, action: Action) -> Vec<Effect> {
    match action {
        Action::Ask(question) => answering::ask(chat, &question),
        Action::Attach(attached) => return attaching::attach(chat, attached),
        Action::Replace { entry, question } => again::replace(chat, entry, &question),
        Action::Regenerate => again::regenerate(chat),
        Action::ReadAgain(passages) => again::with_passages(chat, passages),
        Action::Continue => return again::go_on(chat),
        Action::Fork { after } => forking::fork(chat, after),
        Action::NewConversation => making_room::new_conversation(chat),
        Action::MakeRoom(way) => return making_room::make_room(chat, way),
        Action::Rename(name) => adjusting::rename(chat, &name),
        Action::ShowBranch(number) => return forking::show(chat, number),
        Action::Switch(preset_entry) => return switching::switch(chat, preset_entry),
        Action::Try(preset) => return switching::try_out(chat, *preset),
        Action::Think(cot) => return thinking::think(chat, cot),
        Action::SetReasoningBudget(tokens) => return thinking::set_budget(chat, tokens),
        Action::Survey => survey::start(chat),
        Action::ReadAhead => return ahead::toggle(chat),
        Action::Versus { question, preset_entries } => return versus::ask(chat, question, preset_entries),
        Action::Confirm => return switching::confirm(chat),
        Action::Cancel if is_fetching(chat) => return fetching::stop(chat),
        Action::Cancel => return stopping::cancel(chat),
        Action::Resume if matches!(chat.model, Model::Absent(_)) => return fetching::start(chat),
        Action::Resume => match restoring::take_offer(chat) {
            Some(effects) => return effects,
            None => prefilling::resume(chat),
        },
        Action::TakeModel(file) => return remodelling::load(chat, file),
        Action::UseModel(model) => return fetching::use_model(chat, *model),
        Action::Open(source) => return opening::open(chat, source),
        Action::GoOnWith { session, called } => return restoring::go_on_with(chat, session, &called),
        Action::AskUntil(place) => return until::ask_until(chat, place),
        Action::SetSystem(system) => return adjusting::set_system(chat, system.as_deref()),
        Action::SetSampling(sampling) => adjusting::set_sampling(chat, sampling),
        Action::SetMaxTokens(most) => chat.asking.limits.max_tokens = most,
        Action::Draft(draft) => drafting::draft(chat, draft),
        Action::AnswerNow => return answering::answer_now(chat),
        Action::Quit => {
            recording::at_last(chat);
            return stopping::quit(chat);
        }
    }
    Vec::new()
}
