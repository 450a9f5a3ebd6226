//! The steps of a switch of presets: what is it for this model, what does it cost, is that agreed to?

use std::sync::Arc;
use std::time::Duration;

use super::prompts::document_prompt;
use super::reading::start_reading;
use crate::chat::input::Effect;
use crate::chat::notice::Notice;
use crate::chat::state::{Chat, Model, Pause, Questions, Sizing, Work};
use crate::engine::message::{Command, Plan};
use crate::failure::Failure;
use crate::swaa::Preset;
use crate::swaa::selection::ResolvedPreset;

/// A switch that reads no more than this is called instant: less than one decode call.
pub const INSTANT_TOKENS: u32 = 64;
/// A switch that is predicted to take less starts without asking: shorter than reading the question would be.
pub const SHORT: Duration = Duration::from_secs(3);

pub(super) fn switch(chat: &mut Chat, offer: usize) -> Vec<Effect> {
    let Some(name) = chat.offers.get(offer).map(|offer| Arc::<str>::from(offer.name.as_str())) else {
        return Vec::new();
    };
    if !matches!(chat.model, Model::Ready { .. }) {
        chat.next_switch = Some(offer);
        chat.tell(Notice::info(format!("reads with {name} once the model is there")));
        return Vec::new();
    }
    match &mut chat.work {
        Work::Deciding { to, .. } if to.name == name => confirm(chat),
        Work::Idle
        | Work::Sizing { .. }
        | Work::Forecasting { .. }
        | Work::Choosing { .. }
        | Work::Drafting { .. }
        | Work::Weighing { .. }
        | Work::Surveying { .. }
        | Work::Deciding { .. } => go_to_offer(chat, offer),
        Work::Reading { .. } if chat.way.as_ref().is_some_and(|way| way.name == name) => {
            chat.next_switch = None;
            Vec::new()
        }
        Work::Reading { run, .. } => {
            let effects = run.stop();
            chat.next_switch = Some(offer);
            chat.tell(Notice::info(format!("this reading stops and is kept; {name} is next")));
            effects
        }
        Work::Answering { .. } => {
            chat.next_switch = Some(offer);
            chat.tell(Notice::info(format!("{name} is next, after this answer; Esc ends it now")));
            Vec::new()
        }
    }
}

/// Takes a preset of the person's own among the offers, and goes there.
pub(super) fn try_out(chat: &mut Chat, preset: Preset) -> Vec<Effect> {
    let known = chat.offers.iter().position(|offer| offer.name == preset.name);
    let offer = known.unwrap_or(chat.offers.len());
    if known.is_some() {
        chat.offers[offer] = preset;
    } else {
        chat.offers.push(preset);
    }
    chat.survey.clear();
    chat.next_survey = None;
    switch(chat, offer)
}

/// The first step of a switch: what is it, and what would it cost?
pub(super) fn go_to_offer(chat: &mut Chat, offer: usize) -> Vec<Effect> {
    match chat.offers.get(offer) {
        Some(_) if chat.is_automatic(offer) => count_document(chat, Sizing::Read { offer }),
        Some(_) => go_to_chosen(chat, offer, 0),
        None => Vec::new(),
    }
}

/// Goes by what the offer is for this model, and a document of so many tokens (only `auto` looks at them).
pub(super) fn go_to_chosen(chat: &mut Chat, offer: usize, document_tokens: u32) -> Vec<Effect> {
    chat.work = Work::Idle;
    let (way, reason) = match chat.resolve(offer, document_tokens) {
        Some(Ok(resolved)) => resolved,
        Some(Err(failure)) => return go_nowhere(chat, failure),
        None => return Vec::new(),
    };
    if let Some(failure) = chat.refusal(offer, &way) {
        return go_nowhere(chat, failure);
    }
    if let Some(beginning) = &mut chat.beginning {
        beginning.offer = offer;
    }
    let Some(reason) = reason else { return go_to(chat, way) };
    let name = way.name.clone();
    chat.chosen_by = Some((offer, name.clone()));
    let effects = go_to(chat, way);
    // What the first part is read by is soon chosen anew, for what is read then.
    if chat.beginning.is_none() {
        chat.tell_choice(format!("auto chose {name}: {reason}"));
    }
    effects
}

/// An offer that can't be had: what there is stays. At the start that is full attention, and for a script it is a failure.
fn go_nowhere(chat: &mut Chat, failure: Failure) -> Vec<Effect> {
    let effects = match (&chat.way, chat.asking.questions) {
        (None, Questions::Alone) => {
            chat.paused = Some(Pause::Failed(failure.clone()));
            Vec::new()
        }
        (None, Questions::Conversation) => go_to(chat, chat.full_attention()),
        (Some(_), _) => Vec::new(),
    };
    let offer = chat.current_offer();
    if let Some(beginning) = &mut chat.beginning {
        beginning.offer = offer;
    }
    chat.tell(Notice::from(&failure));
    effects
}

fn go_to(chat: &mut Chat, way: ResolvedPreset) -> Vec<Effect> {
    // A first part is soon read anew.
    if chat.held.is_none() || chat.beginning.is_some() {
        chat.way = Some(way);
        chat.paused = None;
        return Vec::new();
    }
    if chat.is_read() && chat.way.as_ref() == Some(&way) {
        chat.tell(Notice::info(format!("{} it is already", way.name)));
        return Vec::new();
    }
    let Some(prompt) = document_prompt(chat, &way) else { return Vec::new() };
    let job = chat.new_job();
    let recipe = way.recipe.clone();
    chat.notice = None;
    chat.work = Work::Forecasting { job, to: way };
    vec![Effect::Send(Command::Forecast { job, prompt, recipe })]
}

/// Asks how long the document is, for `auto` to choose.
pub(super) fn count_document(chat: &mut Chat, sizing: Sizing) -> Vec<Effect> {
    let job = chat.new_job();
    chat.work = Work::Sizing { job, sizing };
    vec![Effect::Send(Command::Count { job, texts: vec![chat.document.text.clone()] })]
}

/// A short switch starts, a long one is asked about.
pub(super) fn decide(chat: &mut Chat, to: ResolvedPreset, plan: Plan) -> Vec<Effect> {
    let instant = plan.to_prefill_tokens <= INSTANT_TOKENS;
    if instant || plan.predicted.is_some_and(|time| time < SHORT) {
        return start_switch(chat, to);
    }
    chat.work = Work::Deciding { to, plan };
    Vec::new()
}

pub(super) fn confirm(chat: &mut Chat) -> Vec<Effect> {
    match &chat.work {
        Work::Deciding { to, .. } => {
            let to = to.clone();
            start_switch(chat, to)
        }
        _ => Vec::new(),
    }
}

pub(super) fn start_switch(chat: &mut Chat, to: ResolvedPreset) -> Vec<Effect> {
    let from = chat.way.replace(to);
    chat.paused = None;
    chat.work = Work::Idle;
    start_reading(chat, from)
}
