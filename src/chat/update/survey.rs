//! What would each preset cost? The engine is asked about one after the other, when there is nothing else to do.

use super::prompts::document_prompt_for;
use crate::chat::input::Effect;
use crate::chat::state::{Chat, Phase};
use crate::engine::message::{Command, Plan};

/// Begins to ask, unless something runs, or nothing was read that it could be compared with.
pub(super) fn start(chat: &mut Chat) {
    if chat.work == Phase::Idle && chat.cache_state.is_some() && chat.beginning.is_none() {
        chat.survey = vec![None; chat.preset_entries.len()];
        chat.next_survey = Some(0);
    }
}

/// Asks about the next offer that is a recipe for this model; `None` when nobody wants to know, or all are told of.
pub(super) fn go_on(chat: &mut Chat) -> Option<Vec<Effect>> {
    for preset_entry in chat.next_survey.take()?..chat.preset_entries.len() {
        let Some(resolved_preset) = chat.resolve_entry(preset_entry) else { continue };
        if let Some(prompt) = document_prompt_for(chat, &resolved_preset) {
            let job = chat.new_job();
            chat.work = Phase::Surveying { job, preset_entry };
            chat.next_survey = Some(preset_entry + 1);
            return Some(vec![Effect::Send(Command::Forecast { job, prompt, recipe: resolved_preset.recipe })]);
        }
    }
    None
}

pub(super) fn forecasted(chat: &mut Chat, plan: Plan) {
    let Phase::Surveying { preset_entry, .. } = chat.work else { return };
    if let Some(known) = chat.survey.get_mut(preset_entry) {
        *known = Some(plan);
    }
    chat.work = Phase::Idle;
}
