//! What would each preset cost? The engine is asked about one after the other, when there is nothing else to do.

use super::{Effect, back_to_idle, document_prompt_for, new_job, next};
use crate::chat::state::{Chat, Model, Way, Work};
use crate::engine::message::{Command, Plan};

/// Begins to ask, unless something runs, or nothing was read that it could be compared with.
pub(super) fn start(chat: &mut Chat) -> Vec<Effect> {
    if chat.work != Work::Idle || chat.held.is_none() || chat.beginning.is_some() {
        return Vec::new();
    }
    chat.survey = vec![None; chat.offers.len()];
    ask_from(chat, 0)
}

/// Asks about the next offer from `offer` on that is a recipe for this model.
fn ask_from(chat: &mut Chat, offer: usize) -> Vec<Effect> {
    for offer in offer..chat.offers.len() {
        let Some(way) = way_of(chat, offer) else { continue };
        if let Some(prompt) = document_prompt_for(chat, &way) {
            let job = new_job(chat);
            chat.work = Work::Surveying { job, offer };
            return vec![Effect::Send(Command::Forecast { job, prompt, recipe: way.recipe })];
        }
    }
    back_to_idle(chat)
}

pub(super) fn forecasted(chat: &mut Chat, plan: Plan) -> Vec<Effect> {
    let Work::Surveying { offer, .. } = chat.work else { return Vec::new() };
    if let Some(known) = chat.survey.get_mut(offer) {
        *known = Some(plan);
    }
    go_on(chat, offer)
}

/// Asks about the offers behind `offer`. What was asked meanwhile goes first; the rest is asked for again when somebody looks.
pub(super) fn go_on(chat: &mut Chat, offer: usize) -> Vec<Effect> {
    chat.work = Work::Idle;
    let effects = next(chat);
    if chat.work == Work::Idle { ask_from(chat, offer + 1) } else { effects }
}

/// What an offer is for this model and the document that was read; `None` for one that can't be had.
pub(in crate::chat) fn way_of(chat: &Chat, offer: usize) -> Option<Way> {
    let (Model::Ready { info, .. }, Some(held)) = (&chat.model, &chat.held) else { return None };
    let preset = chat.offers.get(offer)?;
    let (way, _) = chat.reading.choose(preset, &info.facts(), held.document_tokens).ok()?;
    Some(way)
}
