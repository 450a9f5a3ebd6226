//! Handles stops and failures.

use super::{attaching, choosing, filling, returning, switching, versus};
use crate::chat::input::Effect;
use crate::chat::notice::Notice;
use crate::chat::state::{Chat, Model, Pause, Phase, Run};
use crate::engine::message::Command;
use crate::failure::{Failure, FailureKind};
use crate::swaa::selection::ResolvedPreset;

pub(super) fn cancel(chat: &mut Chat) -> Vec<Effect> {
    versus::stop(chat);
    match &mut chat.work {
        Phase::Prefilling { run, .. } | Phase::Answering { run, .. } => return run.stop(),
        Phase::Forecasting { .. } | Phase::Deciding { .. } => decline(chat),
        Phase::Choosing { .. } => choosing::stop(chat),
        Phase::Drafting { .. } => {
            chat.drafted = None;
            chat.work = Phase::Idle;
        }
        Phase::Surveying { .. } => {
            chat.next_survey = None;
            chat.work = Phase::Idle;
        }
        Phase::Sizing { .. } => {
            // Without a resolved preset it would only be counted again.
            chat.paused = chat.resolved_preset.is_none().then_some(Pause::Stopped);
            chat.work = Phase::Idle;
        }
        Phase::CountingAttachments { .. } => chat.work = Phase::Idle,
        Phase::Idle => {
            attaching::withdraw(chat);
            chat.notice = None;
        }
    }
    Vec::new()
}

/// Stops the running job first, or the engine would finish it before it gets to the shutdown.
pub(super) fn quit(chat: &mut Chat) -> Vec<Effect> {
    let mut effects = chat.run_mut().map(Run::stop).unwrap_or_default();
    effects.extend([Effect::Send(Command::Shutdown), Effect::Quit]);
    effects
}

/// Drops a switch that has not started.
pub(super) fn decline(chat: &mut Chat) {
    returning::give_up(chat);
    if let Phase::Forecasting { .. } | Phase::Deciding { .. } = chat.work {
        chat.work = Phase::Idle;
        if let Some(resolved_preset) = &chat.resolved_preset {
            chat.tell(Notice::info(format!("kept {}", resolved_preset.name)));
        }
    }
}

pub(super) fn failed(chat: &mut Chat, failure: Failure) {
    match std::mem::replace(&mut chat.work, Phase::Idle) {
        Phase::Answering { entry, run } => {
            let failure = filling::reworded(chat, entry, run.plan.as_ref(), failure);
            fail_entry(chat, entry, failure);
        }
        Phase::Prefilling { from, .. } => {
            chat.too_long = failure.kind == FailureKind::DoesNotFit;
            // The engine still holds what it had before, so questions go back to the preset before the switch.
            let failed = std::mem::take(&mut chat.resolved_preset);
            fail_variants(chat, failed.as_ref(), &failure);
            returning::give_up(chat);
            chat.resolved_preset = from.or(failed);
            chat.pause_by(failure);
        }
        Phase::Choosing { .. } => chat.pause_by(failure),
        Phase::Sizing { .. } => switching::not_sized(chat, failure),
        // It would fail again.
        Phase::CountingAttachments { text, .. } => chat.uncountable.push(text),
        // A failed forecast of a preset or a draft is no failure of the chat.
        Phase::Surveying { .. } => {}
        Phase::Drafting { .. } => chat.drafted = None,
        Phase::Idle | Phase::Forecasting { .. } | Phase::Deciding { .. } => chat.tell(Notice::from(&failure)),
    }
}

/// Fails the answers that waited for a failed prefill.
fn fail_variants(chat: &mut Chat, resolved_preset: Option<&ResolvedPreset>, failure: &Failure) {
    let now = chat.now;
    for exchange in chat.exchanges_mut().filter(|exchange| exchange.is_waiting()) {
        if exchange.variant.as_ref().is_some_and(|variant| Some(&variant.resolved_preset) == resolved_preset) {
            exchange.fail(failure.clone(), now);
        }
    }
}

pub(super) fn fail_entry(chat: &mut Chat, entry: usize, failure: Failure) {
    let now = chat.now;
    // The next question tries again; nothing else does.
    chat.paused = Some(Pause::Stopped);
    if let Some(exchange) = chat.exchange_mut(entry) {
        exchange.fail(failure, now);
    }
}

/// The engine has ended, at its start or later. All questions that wait for it fail. Only the first reason is kept.
pub(super) fn engine_gone(chat: &mut Chat, failure: Failure) {
    if matches!(chat.model, Model::Failed(_)) {
        return;
    }
    fail_what_waits(chat, &failure);
    chat.tell(Notice::from(&failure));
    chat.work = Phase::Idle;
    chat.model = Model::Failed(failure);
}

/// Fails every question that waits or is being answered.
pub(super) fn fail_what_waits(chat: &mut Chat, failure: &Failure) {
    let now = chat.now;
    for exchange in chat.exchanges_mut().filter(|exchange| exchange.is_waited_for()) {
        exchange.fail(failure.clone(), now);
    }
}
