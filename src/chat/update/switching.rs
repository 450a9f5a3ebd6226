//! The steps of a switch of presets: what is it for this model, what does it cost, is that agreed to?

use std::sync::Arc;

use super::reading::start_reading;
use super::stopping::stop;
use super::{
    Effect, INSTANT_TOKENS, SHORT, attaching, back_to_idle, choosing, document_prompt, drafting, new_job, survey,
};
use crate::chat::state::{Chat, Model, Notice, Way, Work};
use crate::engine::message::{Command, Plan};
use crate::swaa::{ChainOfThought, Preset, RecipeSpec, WindowSpec};

pub(super) fn switch(chat: &mut Chat, offer: usize) -> Vec<Effect> {
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
    switch(chat, offer)
}

/// The first step of a switch: what is it, and what would it cost?
pub(super) fn go_to_offer(chat: &mut Chat, offer: usize) -> Vec<Effect> {
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
    let (way, reason) = match chat.reading.choose(preset, &info.facts(), document_tokens) {
        Ok(chosen) => chosen,
        Err(error) => return go_nowhere(chat, Notice::error(error.to_string(), Some(error.hint()))),
    };
    if let Some(why) = info.sliding_refused.as_ref().filter(|_| way.recipe.window != WindowSpec::Full) {
        let refused = Notice::error(format!("{name} can't be had: {why}"), Some("full attention can".to_owned()));
        return go_nowhere(chat, refused);
    }
    if let Some(beginning) = &mut chat.beginning {
        beginning.offer = offer;
    }
    let Some(reason) = reason else { return go_to(chat, way) };
    let chosen_name = way.name.clone();
    chat.chosen_by = Some((offer, chosen_name.clone()));
    let effects = go_to(chat, way);
    chat.notice = Some(Notice::info(format!("auto chose {chosen_name}: {reason}")));
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
pub(super) fn full_attention(chat: &Chat) -> Way {
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

pub(super) fn counted(chat: &mut Chat, document_tokens: u32) -> Vec<Effect> {
    match chat.work {
        Work::Sizing { offer, .. } => go_to_chosen(chat, offer, document_tokens),
        Work::Choosing { .. } => choosing::counted(chat, document_tokens),
        Work::Weighing { .. } => attaching::weighed(chat, document_tokens),
        _ => Vec::new(),
    }
}

pub(super) fn forecasted(chat: &mut Chat, plan: Plan) -> Vec<Effect> {
    match &chat.work {
        Work::Forecasting { to, .. } => decide(chat, to.clone(), plan),
        Work::Choosing { .. } => choosing::forecasted(chat, &plan),
        Work::Drafting { .. } => drafting::forecasted(chat, plan),
        Work::Surveying { .. } => survey::forecasted(chat, plan),
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

pub(super) fn confirm(chat: &mut Chat) -> Vec<Effect> {
    match &chat.work {
        Work::Deciding { to, .. } => {
            let to = to.clone();
            start_switch(chat, to)
        }
        _ => Vec::new(),
    }
}

pub(super) fn start_switch(chat: &mut Chat, to: Way) -> Vec<Effect> {
    let from = chat.way.replace(to);
    chat.paused = false;
    chat.work = Work::Idle;
    start_reading(chat, from)
}
