//! Forecasts a selection of parts while the user is still ticking them. The engine is asked when it is idle.
//!
//! Token counts are exact: the prompt's tokens, and how many of them are cached. The time is predicted from
//! measurements. Only the latest draft is forecast; earlier ones are dropped.

use std::sync::Arc;

use super::prompts::{Asked, prompt_about};
use crate::chat::input::{Draft, Effect};
use crate::chat::state::{Chat, Drafted, Forecast, Phase};
use crate::engine::message::{Command, Plan, Prompt};
use crate::swaa::RecipeSpec;

/// Notes the draft, or drops it.
pub(super) fn draft(chat: &mut Chat, draft: Option<Draft>) {
    if chat.drafted.as_ref().map(|drafted| &drafted.draft) != draft.as_ref() {
        chat.drafted = draft.map(|draft| Drafted { draft, forecast: None });
    }
}

/// Has the draft forecast; `None` if there is no draft without a forecast.
pub(super) fn start(chat: &mut Chat) -> Option<Vec<Effect>> {
    let Some(Drafted { draft, forecast: None }) = &chat.drafted else { return None };
    let draft = draft.clone();
    let (preset, prompt, recipe) = prompt_of(chat, &draft)?;
    let job = chat.new_job();
    chat.work = Phase::Drafting { job, text: draft.text, preset };
    Some(vec![Effect::Send(Command::Forecast { job, prompt, recipe })])
}

fn prompt_of(chat: &Chat, draft: &Draft) -> Option<(Arc<str>, Prompt, RecipeSpec)> {
    let preset_entry = draft.preset_entry.or(chat.automatic()).unwrap_or_else(|| chat.current_preset_entry());
    let (resolved_preset, _) = chat.resolve(preset_entry, draft.tokens)?.ok()?;
    let (prompt, _) = prompt_about(chat, &draft.text, resolved_preset.cot, Asked::Nothing).ok()?;
    Some((resolved_preset.name, prompt, resolved_preset.recipe))
}

pub(super) fn forecasted(chat: &mut Chat, plan: Plan) {
    if let Phase::Drafting { text, preset, .. } = &chat.work
        && let Some(drafted) = &mut chat.drafted
        && Arc::ptr_eq(&drafted.draft.text, text)
    {
        drafted.forecast = Some(Forecast { preset: preset.clone(), plan });
    }
    chat.work = Phase::Idle;
}
