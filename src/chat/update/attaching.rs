//! What a question will refer to is noted, read where it is a file, and counted before it is sent: see [`crate::chat::attached`].

use std::sync::Arc;

use crate::chat::attached::{Attached, AttachedText, is_meant, references};
use crate::chat::exchange::ExchangeState;
use crate::chat::input::Effect;
use crate::chat::notice::{Notice, Tone};
use crate::chat::state::{Chat, Phase};
use crate::chat::transcript::Entry;
use crate::engine::message::Command;

/// Notes what the question that is being written refers to; once by each name.
pub(super) fn attach(chat: &mut Chat, mut attached: Attached) -> Vec<Effect> {
    if chat.attached.iter().any(|known| known.name == attached.name) {
        return Vec::new();
    }
    attached.settle(&chat.document.text);
    let read = (attached.text == AttachedText::Coming).then(|| Effect::ReadFile(attached.name.clone()));
    chat.attached.push(attached);
    read.into_iter().collect()
}

/// What `question` refers to, of all that was noted; the rest was given up.
pub(super) fn take(chat: &mut Chat, question: &str) -> Vec<Attached> {
    let names = references(question);
    let is_wanted = |attached: &Attached| names.iter().any(|reference| is_meant(&reference.name, &attached.name));
    std::mem::take(&mut chat.attached).into_iter().filter(is_wanted).collect()
}

/// A file is there, or can't be had: then the reference stays what was typed.
pub(super) fn came(chat: &mut Chat, name: &str, came: &Result<Arc<str>, String>) {
    let is_meant = |attached: &Attached| *attached.name == *name && attached.text == AttachedText::Coming;
    if let Err(why) = came
        && lists(chat).any(|list| list.iter().any(is_meant))
    {
        chat.tell(Notice { tone: Tone::Error, ..Notice::info(format!("{why}; it is left as typed")) });
    }
    for list in lists(chat) {
        match came {
            Ok(text) => list.iter_mut().filter(|attached| is_meant(attached)).for_each(|attached| {
                attached.text = AttachedText::File(text.clone());
            }),
            Err(_) => list.retain(|attached| !is_meant(attached)),
        }
    }
}

/// What is attached to the question that is written, and to those that were asked.
fn lists(chat: &mut Chat) -> impl Iterator<Item = &mut Vec<Attached>> {
    let asked = chat.transcript.iter_mut().filter_map(Entry::exchange_mut).map(|exchange| &mut exchange.attached);
    std::iter::once(&mut chat.attached).chain(asked)
}

/// Questions that wait for a file are not asked.
pub(super) fn withdraw(chat: &mut Chat) {
    for exchange in chat.exchanges_mut().filter(|exchange| exchange.is_waiting()) {
        if exchange.waits_for_file() {
            exchange.state = ExchangeState::Withdrawn;
        }
    }
}

/// Asks how many tokens go along: with the question that is written, then with those that were asked. `None` when all that is known.
pub(super) fn count_attachments(chat: &mut Chat) -> Option<Vec<Effect>> {
    let is_countable = |text: &&Arc<str>| !chat.uncountable.contains(text);
    let unknown =
        |attached: &Attached| attached.enclosed().filter(|_| attached.tokens.is_none()).filter(is_countable).cloned();
    let asked = chat.exchanges().flat_map(|exchange| &exchange.attached);
    let text = chat.attached.iter().chain(asked).find_map(unknown)?;
    let job = chat.new_job();
    chat.work = Phase::CountingAttachments { job, text: text.clone() };
    Some(vec![Effect::Send(Command::Count { job, texts: vec![text] })])
}

pub(super) fn attachments_counted(chat: &mut Chat, tokens: u32) {
    if let Phase::CountingAttachments { text, .. } = std::mem::replace(&mut chat.work, Phase::Idle) {
        for attached in lists(chat).flatten().filter(|attached| attached.enclosed() == Some(&text)) {
            attached.tokens = Some(tokens);
        }
    }
}
