//! Forecasts a selection of parts while the user is still ticking them. The engine is asked when it is idle.
//!
//! Token counts are exact: the prompt's tokens, and how many of them are cached. The time is predicted from
//! measurements. Only the latest draft is forecast; earlier ones are dropped.

use std::sync::Arc;

use super::prompts::{Asked, prompt_about, sizing_of};
use crate::chat::input::{Draft, Effect};
use crate::chat::state::{Chat, DraftStep, Drafted, Forecast, Phase};
use crate::engine::message::{Command, Plan, Prompt};
use crate::swaa::selection::ResolvedPreset;

/// Notes the draft, or drops it.
pub(super) fn draft(chat: &mut Chat, draft: Option<Draft>) {
    if chat.drafted.as_ref().map(|drafted| &drafted.draft) != draft.as_ref() {
        chat.drafted = draft.map(|draft| Drafted { draft, document_tokens: None, forecast: None });
    }
}

/// Has the draft forecast; `None` if there is no draft without a forecast. `auto` needs its length first.
pub(super) fn start(chat: &mut Chat) -> Option<Vec<Effect>> {
    let Some(Drafted { draft, document_tokens, forecast: None }) = chat.drafted.clone() else { return None };
    let preset_entry = draft.preset_entry.or(chat.automatic()).unwrap_or_else(|| chat.current_preset_entry());
    let job = chat.new_job();
    let (step, command) = if chat.is_automatic(preset_entry) && document_tokens.is_none() {
        (DraftStep::Length, sizing_of(chat, job, &draft.text).ok()?)
    } else {
        let (preset, prompt) = prompt_of(chat, &draft, preset_entry, document_tokens.unwrap_or(0))?;
        (DraftStep::Cost { preset: preset.name }, Command::Forecast { job, prompt, recipe: preset.recipe })
    };
    chat.work = Phase::Drafting { job, text: draft.text, step };
    Some(vec![Effect::Send(command)])
}

fn prompt_of(
    chat: &Chat,
    draft: &Draft,
    preset_entry: usize,
    document_tokens: u32,
) -> Option<(ResolvedPreset, Prompt)> {
    let (resolved_preset, _) = chat.resolve(preset_entry, document_tokens)?.ok()?;
    let (prompt, _) = prompt_about(chat, &draft.text, resolved_preset.cot, Asked::Nothing).ok()?;
    Some((resolved_preset, prompt))
}

/// Takes a forecast: the draft's length, or what it costs. One of an earlier draft is dropped.
pub(super) fn forecasted(chat: &mut Chat, plan: Plan) {
    let Phase::Drafting { text, step, .. } = std::mem::replace(&mut chat.work, Phase::Idle) else { return };
    let Some(drafted) = chat.drafted.as_mut().filter(|drafted| Arc::ptr_eq(&drafted.draft.text, &text)) else { return };
    match step {
        DraftStep::Length => drafted.document_tokens = Some(plan.document_tokens),
        DraftStep::Cost { preset } => drafted.forecast = Some(Forecast { preset, plan }),
    }
}
