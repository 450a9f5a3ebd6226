//! What a question will refer to is noted, read where it is a file, and counted before it is sent: see [`crate::chat::attached`].

use std::sync::Arc;

use super::{Effect, new_job, next};
use crate::chat::attached::{Attached, AttachedText, is_meant, references};
use crate::chat::exchange::ExchangeState;
use crate::chat::state::{Chat, Entry, Notice, Work};
use crate::engine::message::Command;

/// Notes what the question that is being written refers to; once by each name.
pub(super) fn attach(chat: &mut Chat, mut attached: Attached) -> Vec<Effect> {
    if chat.attached.iter().any(|known| known.name == attached.name) {
        return Vec::new();
    }
    attached.settle(&chat.document.text);
    let read = (attached.text == AttachedText::Coming).then(|| Effect::ReadFile(attached.name.clone()));
    chat.attached.push(attached);
    let mut effects: Vec<Effect> = read.into_iter().collect();
    effects.extend(next(chat));
    effects
}

/// What `question` refers to, of all that was noted; the rest was given up.
pub(super) fn take(chat: &mut Chat, question: &str) -> Vec<Attached> {
    let names = references(question);
    let is_wanted = |attached: &Attached| names.iter().any(|reference| is_meant(&reference.name, &attached.name));
    std::mem::take(&mut chat.attached).into_iter().filter(is_wanted).collect()
}

/// A file is there, or can't be had: then the reference stays what was typed.
pub(super) fn came(chat: &mut Chat, name: &str, came: &Result<Arc<str>, String>) -> Vec<Effect> {
    let is_meant = |attached: &Attached| *attached.name == *name && attached.text == AttachedText::Coming;
    if let Err(why) = came
        && lists(chat).any(|list| list.iter().any(is_meant))
    {
        chat.notice = Some(Notice::error(format!("{why}; it is left as typed"), None));
    }
    for list in lists(chat) {
        match came {
            Ok(text) => list.iter_mut().filter(|attached| is_meant(attached)).for_each(|attached| {
                attached.text = AttachedText::File(text.clone());
            }),
            Err(_) => list.retain(|attached| !is_meant(attached)),
        }
    }
    next(chat)
}

/// What is attached to the question that is written, and to those that were asked.
fn lists(chat: &mut Chat) -> impl Iterator<Item = &mut Vec<Attached>> {
    let asked = chat.transcript.iter_mut().filter_map(|entry| match entry {
        Entry::Exchange(exchange) => Some(&mut exchange.attached),
        Entry::Switch(_) => None,
    });
    std::iter::once(&mut chat.attached).chain(asked)
}

/// Questions that wait for a file are not asked.
pub(super) fn withdraw(chat: &mut Chat) {
    for exchange in super::exchanges_mut(chat).filter(|exchange| exchange.state == ExchangeState::Waiting) {
        if exchange.waits_for_file() {
            exchange.state = ExchangeState::Withdrawn;
        }
    }
}

/// Asks how many tokens go along, when there is nothing else to do: with the question that is written, then with those that were asked.
pub(super) fn weigh(chat: &mut Chat) -> Vec<Effect> {
    let unknown = |attached: &Attached| attached.enclosed().filter(|_| attached.tokens.is_none()).cloned();
    let asked = chat.exchanges().flat_map(|exchange| &exchange.attached);
    let Some(text) = chat.attached.iter().chain(asked).find_map(unknown) else { return Vec::new() };
    let job = new_job(chat);
    chat.work = Work::Weighing { job, text: text.clone() };
    vec![Effect::Send(Command::Count { job, texts: vec![text] })]
}

pub(super) fn weighed(chat: &mut Chat, tokens: u32) -> Vec<Effect> {
    if let Work::Weighing { text, .. } = std::mem::replace(&mut chat.work, Work::Idle) {
        for attached in lists(chat).flatten().filter(|attached| attached.enclosed() == Some(&text)) {
            attached.tokens = Some(tokens);
        }
    }
    next(chat)
}
