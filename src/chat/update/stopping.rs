//! What stops, and what fails.

use super::switching::full_attention;
use super::{Effect, attaching, back_to_idle, choosing, exchange_at, exchanges_mut, next, run_mut, survey};
use crate::chat::exchange::ExchangeState;
use crate::chat::state::{Chat, Notice, Run, Way, Work};
use crate::engine::message::{Command, Failure, FailureKind};

pub(super) fn cancel(chat: &mut Chat) -> Vec<Effect> {
    match &mut chat.work {
        Work::Reading { run, .. } | Work::Answering { run, .. } => stop(run),
        Work::Sizing { .. } | Work::Forecasting { .. } | Work::Deciding { .. } => {
            decline(chat);
            back_to_idle(chat)
        }
        Work::Choosing { .. } => choosing::stop(chat),
        Work::Drafting { .. } => {
            chat.drafted = None;
            back_to_idle(chat)
        }
        Work::Surveying { .. } | Work::Weighing { .. } => back_to_idle(chat),
        Work::Idle => {
            attaching::withdraw(chat);
            chat.notice = None;
            Vec::new()
        }
    }
}

/// The running job is stopped first, or the engine would finish it before it heard of the end.
pub(super) fn quit(chat: &mut Chat) -> Vec<Effect> {
    let mut effects = run_mut(chat).map(stop).unwrap_or_default();
    effects.extend([Effect::Send(Command::Shutdown), Effect::Quit]);
    effects
}

/// Drops a switch that has not begun.
pub(super) fn decline(chat: &mut Chat) {
    if let Work::Forecasting { .. } | Work::Deciding { .. } = chat.work {
        chat.work = Work::Idle;
        if let Some(way) = &chat.way {
            chat.notice = Some(Notice::info(format!("kept {}", way.name)));
        }
    }
}

pub(super) fn stop(run: &mut Run) -> Vec<Effect> {
    if std::mem::replace(&mut run.stopping, true) {
        return Vec::new();
    }
    vec![Effect::Cancel(run.cancel.clone())]
}

pub(super) fn failed(chat: &mut Chat, failure: Failure) -> Vec<Effect> {
    match std::mem::replace(&mut chat.work, Work::Idle) {
        Work::Answering { entry, .. } => fail_entry(chat, entry, failure),
        Work::Reading { from, .. } => {
            chat.notice = Some(Notice::from(&failure));
            chat.paused = true;
            chat.too_long = failure.kind == FailureKind::DoesNotFit;
            // What the engine held before it still does; a preset that can't be had is not the one to ask with.
            let failed = std::mem::take(&mut chat.way);
            fail_pairs(chat, failed.as_ref(), &failure);
            chat.way = from.or(failed);
        }
        Work::Choosing { .. } => {
            chat.notice = Some(Notice::from(&failure));
            chat.paused = true;
        }
        // It would fail again: nothing is counted until something else has happened.
        Work::Weighing { .. } if chat.waiting() == 0 => return Vec::new(),
        // One preset that can't be told of is none that is asked for.
        Work::Surveying { offer, .. } => return survey::go_on(chat, offer),
        // Neither is a document that somebody only thinks of.
        Work::Drafting { .. } => chat.drafted = None,
        Work::Weighing { .. } => {}
        Work::Sizing { .. } => {
            chat.notice = Some(Notice::from(&failure));
            chat.way = chat.way.take().or_else(|| Some(full_attention(chat)));
            chat.paused = true;
        }
        Work::Idle | Work::Forecasting { .. } | Work::Deciding { .. } => chat.notice = Some(Notice::from(&failure)),
    }
    next(chat)
}

/// Questions that waited for a reading that failed.
fn fail_pairs(chat: &mut Chat, way: Option<&Way>, failure: &Failure) {
    let now = chat.now;
    for exchange in exchanges_mut(chat).filter(|exchange| exchange.state == ExchangeState::Waiting) {
        if exchange.pair.as_ref().is_some_and(|pair| Some(&pair.way) == way) {
            exchange.fail(failure.clone(), now);
        }
    }
}

pub(super) fn fail_entry(chat: &mut Chat, entry: usize, failure: Failure) {
    let now = chat.now;
    // The next question tries again; nothing does so by itself.
    chat.paused = true;
    if let Some(exchange) = exchange_at(chat, entry) {
        exchange.fail(failure, now);
    }
}
