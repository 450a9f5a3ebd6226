//! What would each preset cost? The engine is asked about one after the other, when there is nothing else to do.

use super::prompts::document_prompt_for;
use crate::chat::input::Effect;
use crate::chat::state::{Chat, Work};
use crate::engine::message::{Command, Plan};

/// Begins to ask, unless something runs, or nothing was read that it could be compared with.
pub(super) fn start(chat: &mut Chat) {
    if chat.work == Work::Idle && chat.held.is_some() && chat.beginning.is_none() {
        chat.survey = vec![None; chat.offers.len()];
        chat.next_survey = Some(0);
    }
}

/// Asks about the next offer that is a recipe for this model; `None` when nobody wants to know, or all are told of.
pub(super) fn go_on(chat: &mut Chat) -> Option<Vec<Effect>> {
    for offer in chat.next_survey.take()?..chat.offers.len() {
        let Some(way) = chat.way_of(offer) else { continue };
        if let Some(prompt) = document_prompt_for(chat, &way) {
            let job = chat.new_job();
            chat.work = Work::Surveying { job, offer };
            chat.next_survey = Some(offer + 1);
            return Some(vec![Effect::Send(Command::Forecast { job, prompt, recipe: way.recipe })]);
        }
    }
    None
}

pub(super) fn forecasted(chat: &mut Chat, plan: Plan) {
    let Work::Surveying { offer, .. } = chat.work else { return };
    if let Some(known) = chat.survey.get_mut(offer) {
        *known = Some(plan);
    }
    chat.work = Work::Idle;
}
