//! The steps of a preset switch: resolve the preset, forecast its cost, get the user's consent.

use std::sync::Arc;
use std::time::Duration;

use super::prefilling::start_reading;
use super::prompts::{document_prompt, sizing_of};
use crate::chat::input::Effect;
use crate::chat::notice::Notice;
use crate::chat::state::{Chat, Model, Pause, Phase, Questions, Sizing};
use crate::engine::message::{Command, Plan};
use crate::failure::Failure;
use crate::swaa::Preset;
use crate::swaa::selection::ResolvedPreset;

/// A switch that prefills no more than this is instant: less than one decode call.
pub const INSTANT_TOKENS: u32 = 64;
/// A switch predicted to take less starts without asking: the user would need longer to read the question.
pub const SHORT: Duration = Duration::from_secs(3);

pub(super) fn switch(chat: &mut Chat, preset_entry: usize) -> Vec<Effect> {
    let Some(name) =
        chat.preset_entries.get(preset_entry).map(|preset_entry| Arc::<str>::from(preset_entry.name.as_str()))
    else {
        return Vec::new();
    };
    // Who switches during a comparison doesn't want to go back.
    chat.home = None;
    if !matches!(chat.model, Model::Ready { .. }) {
        chat.next_switch = Some(preset_entry);
        chat.tell(Notice::info(format!("will use {name} once the model is loaded")));
        return Vec::new();
    }
    match &mut chat.work {
        Phase::Deciding { to, .. } if to.name == name => confirm(chat),
        Phase::Idle
        | Phase::Sizing { .. }
        | Phase::Forecasting { .. }
        | Phase::Choosing { .. }
        | Phase::Drafting { .. }
        | Phase::CountingAttachments { .. }
        | Phase::Surveying { .. }
        | Phase::Deciding { .. } => go_to_preset_entry(chat, preset_entry),
        Phase::Prefilling { .. }
            if chat.resolved_preset.as_ref().is_some_and(|resolved_preset| resolved_preset.name == name) =>
        {
            chat.next_switch = None;
            Vec::new()
        }
        Phase::Prefilling { run, .. } => {
            let effects = run.stop();
            chat.next_switch = Some(preset_entry);
            chat.tell(Notice::info(format!("stopping this prefill (progress is kept); switching to {name} next")));
            effects
        }
        Phase::Answering { .. } => {
            chat.next_switch = Some(preset_entry);
            chat.tell(Notice::info(format!("switching to {name} after this answer; Esc stops it now")));
            Vec::new()
        }
    }
}

/// Adds the user's own preset to the preset entries, and switches to it.
pub(super) fn try_out(chat: &mut Chat, preset: Preset) -> Vec<Effect> {
    let known = chat.preset_entries.iter().position(|preset_entry| preset_entry.name == preset.name);
    let preset_entry = known.unwrap_or(chat.preset_entries.len());
    if known.is_some() {
        chat.preset_entries[preset_entry] = preset;
    } else {
        chat.preset_entries.push(preset);
    }
    chat.survey.clear();
    chat.next_survey = None;
    switch(chat, preset_entry)
}

/// The first step of a switch: resolves the preset entry. `auto` needs the length of the document first, if there is one.
pub(super) fn go_to_preset_entry(chat: &mut Chat, preset_entry: usize) -> Vec<Effect> {
    match chat.preset_entries.get(preset_entry) {
        Some(_) if chat.is_automatic(preset_entry) && chat.has_document() => {
            count_document(chat, Sizing::Read { preset_entry })
        }
        Some(_) => go_to_chosen(chat, preset_entry, 0),
        None => Vec::new(),
    }
}

/// Switches to the preset entry, resolved for a document of `document_tokens` tokens (only `auto` uses the number).
pub(super) fn go_to_chosen(chat: &mut Chat, preset_entry: usize, document_tokens: u32) -> Vec<Effect> {
    chat.work = Phase::Idle;
    let (resolved_preset, reason) = match chat.resolve(preset_entry, document_tokens) {
        Some(Ok(resolved)) => resolved,
        Some(Err(failure)) => return go_nowhere(chat, &failure),
        None => return Vec::new(),
    };
    if let Some(failure) = chat.refusal(preset_entry, &resolved_preset) {
        return go_nowhere(chat, &failure);
    }
    if let Some(beginning) = &mut chat.beginning {
        beginning.preset_entry = preset_entry;
    }
    let Some(reason) = reason else { return go_to(chat, resolved_preset) };
    let told = resolved_preset.chosen_for(&reason);
    chat.chosen_by = Some((preset_entry, resolved_preset.name.clone()));
    let effects = go_to(chat, resolved_preset);
    // For a first part the choice is not final: `auto` chooses again for the whole.
    let is_worth_telling = chat.has_document() || chat.asking.questions.is_script();
    // Of a server that decides about attention, it is said already.
    if chat.beginning.is_none() && is_worth_telling && !chat.sends_document() {
        chat.tell_choice(told);
    }
    effects
}

/// The preset entry is not available: the current preset stays. At the start the chat falls back to full attention, and
/// a script fails.
fn go_nowhere(chat: &mut Chat, failure: &Failure) -> Vec<Effect> {
    let effects = match (&chat.resolved_preset, chat.asking.questions) {
        (None, Questions::Alone | Questions::Thread) => {
            chat.paused = Some(Pause::Failed(failure.clone()));
            Vec::new()
        }
        (None, Questions::Conversation) => go_to(chat, chat.full_attention()),
        (Some(_), _) => Vec::new(),
    };
    let preset_entry = chat.current_preset_entry();
    if let Some(beginning) = &mut chat.beginning {
        beginning.preset_entry = preset_entry;
    }
    chat.tell(Notice::from(failure));
    effects
}

pub(super) fn go_to(chat: &mut Chat, resolved_preset: ResolvedPreset) -> Vec<Effect> {
    // Nothing is prefilled yet, or only a first part: no forecast is needed.
    if chat.cache_state.is_none() || chat.beginning.is_some() {
        chat.resolved_preset = Some(resolved_preset);
        chat.paused = None;
        return Vec::new();
    }
    if chat.is_read() && chat.resolved_preset.as_ref() == Some(&resolved_preset) {
        chat.tell(Notice::info(format!("already using {}", resolved_preset.name)));
        return Vec::new();
    }
    let Some(prompt) = document_prompt(chat, &resolved_preset) else { return Vec::new() };
    let job = chat.new_job();
    let recipe = resolved_preset.recipe.clone();
    chat.notice = None;
    chat.work = Phase::Forecasting { job, to: resolved_preset };
    vec![Effect::Send(Command::Forecast { job, prompt, recipe })]
}

/// Has the document's length forecast, for `auto` to choose by.
pub(super) fn count_document(chat: &mut Chat, sizing: Sizing) -> Vec<Effect> {
    let job = chat.new_job();
    match sizing_of(chat, job, &chat.document.text) {
        Ok(command) => {
            chat.work = Phase::Sizing { job, sizing };
            vec![Effect::Send(command)]
        }
        Err(failure) => {
            not_sized(chat, failure);
            Vec::new()
        }
    }
}

/// The document's length is not known: without a preset so far, it would be full attention.
pub(super) fn not_sized(chat: &mut Chat, failure: Failure) {
    chat.work = Phase::Idle;
    chat.resolved_preset = chat.resolved_preset.take().or_else(|| Some(chat.full_attention()));
    chat.pause_by(failure);
}

/// Starts a short switch; asks the user about a long one.
pub(super) fn decide(chat: &mut Chat, to: ResolvedPreset, plan: Plan) -> Vec<Effect> {
    let instant = plan.to_prefill_tokens <= INSTANT_TOKENS;
    if instant || plan.predicted.is_some_and(|time| time < SHORT) {
        return start_switch(chat, to);
    }
    chat.work = Phase::Deciding { to, plan };
    Vec::new()
}

pub(super) fn confirm(chat: &mut Chat) -> Vec<Effect> {
    match &chat.work {
        Phase::Deciding { to, .. } => {
            let to = to.clone();
            start_switch(chat, to)
        }
        _ => Vec::new(),
    }
}

pub(super) fn start_switch(chat: &mut Chat, to: ResolvedPreset) -> Vec<Effect> {
    let from = chat.resolved_preset.replace(to);
    chat.paused = None;
    chat.work = Phase::Idle;
    start_reading(chat, from)
}
