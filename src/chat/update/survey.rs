//! Forecasts the cost of each preset, one after the other, when the engine is idle.

use super::prompts::document_prompt_for;
use crate::chat::input::Effect;
use crate::chat::state::{Chat, Phase};
use crate::engine::message::{Command, Plan};

/// Begins the survey, unless something runs or nothing has been prefilled to compare with.
pub(super) fn start(chat: &mut Chat) {
    if chat.work == Phase::Idle && chat.cache_state.is_some() && chat.beginning.is_none() {
        chat.survey = vec![None; chat.preset_entries.len()];
        chat.next_survey = Some(0);
    }
}

/// Has the next preset entry that resolves for this model forecast; `None` if there is no survey or it is complete.
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
