//! Prefills the document: start, resume, end.

use super::prompts::document_prompt;
use super::{choosing, returning};
use crate::chat::exchange::ExchangeState;
use crate::chat::input::Effect;
use crate::chat::measurements::Comparison;
use crate::chat::notice::Notice;
use crate::chat::state::{CacheState, Change, Chat, Pause, Phase, Run};
use crate::chat::transcript::Entry;
use crate::engine::message::{Command, Figures};
use crate::swaa::selection::ResolvedPreset;
use crate::units::count;

pub(super) fn start_reading(chat: &mut Chat, from: Option<ResolvedPreset>) -> Vec<Effect> {
    let Some(resolved_preset) = chat.resolved_preset.clone() else { return Vec::new() };
    let Some(prompt) = document_prompt(chat, &resolved_preset) else { return Vec::new() };
    chat.too_long = false;
    let run = Run::new(chat.new_job());
    let recipe = chat.recipe_asked_with(&resolved_preset);
    let command = Command::Prefill { job: run.job, prompt, recipe, cancel: run.cancel.clone() };
    chat.work = Phase::Prefilling { run, from };
    vec![Effect::Send(command)]
}

pub(super) fn resume(chat: &mut Chat) {
    if chat.work == Phase::Idle && chat.paused.is_some() {
        chat.paused = None;
        chat.notice = None;
    }
}

pub(super) fn read(chat: &mut Chat, figures: &Figures) {
    let (Phase::Prefilling { from, .. }, Some(resolved_preset)) = (&chat.work, chat.resolved_preset.clone()) else {
        return;
    };
    let from = from.clone();
    chat.work = Phase::Idle;
    if chat.until.is_none() && !chat.sends_document() {
        chat.measurements.read(&resolved_preset.name, figures);
    }
    if choosing::take_probe(chat, &resolved_preset, figures) {
        return;
    }
    hold(chat, figures);
    if chat.is_read() && !returning::is_home(chat) {
        compare(chat, from.as_ref(), &resolved_preset, figures);
    } else if !chat.is_read() && !is_followed(chat) {
        pause(chat, figures);
    }
}

/// Whether the prefill was stopped because another one comes next.
fn is_followed(chat: &Chat) -> bool {
    chat.next_switch.is_some()
        || chat.next_choice.is_some()
        || chat.next_document.is_some()
        || matches!(chat.changed_at, Some(Change::System(_)))
}

/// Shows how much is kept, and withdraws the questions that waited for the rest.
fn pause(chat: &mut Chat, figures: &Figures) {
    chat.paused = Some(Pause::Stopped);
    let done = figures.tokens.cached + figures.tokens.prefilled;
    let text = format!("stopped after {} of {} tokens, which are kept", count(done), count(figures.tokens.document));
    chat.tell(Notice::info(text).with_hint("Enter or a question continues"));
    for exchange in chat.exchanges_mut().filter(|exchange| exchange.is_waiting()) {
        exchange.state = ExchangeState::Withdrawn;
    }
}

/// Adds an entry that compares both measurements, except for the switches of an A/B comparison.
fn compare(chat: &mut Chat, from: Option<&ResolvedPreset>, to: &ResolvedPreset, figures: &Figures) {
    if chat.exchanges().any(|exchange| exchange.variant.is_some() && exchange.is_waited_for()) {
        return;
    }
    let (Some(from), Some(new)) = (from, chat.measurements.of(&to.name)) else { return };
    if let Some(old) = chat.measurements.of(&from.name).filter(|old| old.preset != new.preset) {
        let comparison = Comparison {
            old: old.clone(),
            new: new.clone(),
            reread_tokens: figures.tokens.prefilled,
            took: figures.timings.prefill,
        };
        chat.notice = None;
        chat.transcript.push(Entry::Switch(comparison));
    }
}

pub(super) fn hold(chat: &mut Chat, figures: &Figures) {
    let Some(resolved_preset) = chat.resolved_preset.clone() else { return };
    let tokens = figures.tokens;
    chat.survey.clear();
    chat.next_survey = None;
    chat.cache_state = Some(CacheState {
        resolved_preset,
        tokens: (tokens.cached + tokens.prefilled).min(tokens.document),
        document_tokens: tokens.document,
        // In bounded memory more was read than is held.
        context_used: (tokens.cached + tokens.prefilled + tokens.generated + tokens.asking).min(figures.context_tokens),
        context_tokens: figures.context_tokens,
    });
}
