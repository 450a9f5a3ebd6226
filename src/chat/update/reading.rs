//! The document is read: begun, gone on with, ended.

use super::{Effect, choosing, document_prompt, exchanges_mut, new_job, next, versus};
use crate::chat::exchange::ExchangeState;
use crate::chat::readings::Comparison;
use crate::chat::state::{Chat, Entry, Held, Notice, Run, Way, Work};
use crate::chat::words::count;
use crate::engine::message::{Command, Figures};

pub(super) fn start_reading(chat: &mut Chat, from: Option<Way>) -> Vec<Effect> {
    let Some(way) = chat.way.clone() else { return Vec::new() };
    let Some(prompt) = document_prompt(chat, &way) else { return Vec::new() };
    chat.too_long = false;
    let run = Run::new(new_job(chat));
    let command = Command::Read { job: run.job, prompt, recipe: way.recipe, cancel: run.cancel.clone() };
    chat.work = Work::Reading { run, from };
    vec![Effect::Send(command)]
}

pub(super) fn resume(chat: &mut Chat) -> Vec<Effect> {
    if chat.work == Work::Idle && chat.paused {
        chat.paused = false;
        chat.notice = None;
    }
    next(chat)
}

pub(super) fn read(chat: &mut Chat, figures: &Figures) -> Vec<Effect> {
    let (Work::Reading { from, .. }, Some(way)) = (&chat.work, chat.way.clone()) else { return Vec::new() };
    let from = from.clone();
    chat.work = Work::Idle;
    chat.readings.read(&way.name, figures);
    if choosing::take_taste(chat, &way, figures) {
        return next(chat);
    }
    hold(chat, figures);
    if chat.is_read() {
        compare(chat, from.as_ref(), &way, figures);
    } else if chat.next_switch.is_none() && chat.next_choice.is_none() {
        pause(chat, figures);
    }
    next(chat)
}

/// Says what is kept, and lays aside the questions that waited for the rest.
fn pause(chat: &mut Chat, figures: &Figures) {
    chat.paused = true;
    let done = figures.tokens.cached + figures.tokens.prefilled;
    let text = format!("stopped after {} of {} tokens, which are kept", count(done), count(figures.tokens.document));
    chat.notice = Some(Notice { hint: Some("Enter or a question reads on".to_owned()), ..Notice::info(text) });
    for exchange in exchanges_mut(chat).filter(|exchange| exchange.state == ExchangeState::Waiting) {
        exchange.state = ExchangeState::Withdrawn;
    }
}

fn compare(chat: &mut Chat, from: Option<&Way>, to: &Way, figures: &Figures) {
    if versus::is_under_way(chat) {
        return;
    }
    let (Some(from), Some(new)) = (from, chat.readings.of(&to.name)) else { return };
    if let Some(old) = chat.readings.of(&from.name).filter(|old| old.preset != new.preset) {
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
    let Some(way) = chat.way.clone() else { return };
    let tokens = figures.tokens;
    chat.survey.clear();
    chat.held = Some(Held {
        way,
        tokens: (tokens.cached + tokens.prefilled).min(tokens.document),
        document_tokens: tokens.document,
        context_used: tokens.cached + tokens.prefilled + tokens.generated,
        context_tokens: figures.context_tokens,
    });
}
