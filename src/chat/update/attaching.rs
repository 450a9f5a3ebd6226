//! Notes what a question refers to, has files read, and counts the attachments before they are sent: see
//! [`crate::chat::attached`].

use std::sync::Arc;

use crate::chat::attached::{Attached, AttachedText, is_meant, references};
use crate::chat::exchange::ExchangeState;
use crate::chat::input::Effect;
use crate::chat::notice::{Notice, Tone};
use crate::chat::state::{Chat, Phase};
use crate::chat::transcript::Entry;
use crate::engine::message::Command;

/// Notes a reference of the question being written, once per name.
pub(super) fn attach(chat: &mut Chat, mut attached: Attached) -> Vec<Effect> {
    if chat.attached.iter().any(|known| known.name == attached.name) {
        return Vec::new();
    }
    attached.settle(&chat.document.text);
    let read = (attached.text == AttachedText::Coming).then(|| Effect::ReadFile(attached.name.clone()));
    chat.attached.push(attached);
    read.into_iter().collect()
}

/// Those of the noted references that `question` still has. The rest is dropped.
pub(super) fn take(chat: &mut Chat, question: &str) -> Vec<Attached> {
    let names = references(question);
    let is_wanted = |attached: &Attached| names.iter().any(|reference| is_meant(&reference.name, &attached.name));
    std::mem::take(&mut chat.attached).into_iter().filter(is_wanted).collect()
}

/// Takes the text of a file. If the file could not be read, the reference stays as typed.
pub(super) fn came(chat: &mut Chat, name: &str, came: &Result<Arc<str>, String>) {
    let is_meant = |attached: &Attached| *attached.name == *name && attached.text == AttachedText::Coming;
    if let Err(why) = came
        && lists(chat).any(|list| list.iter().any(is_meant))
    {
        chat.tell(Notice { tone: Tone::Error, ..Notice::info(format!("{why}; the reference is left as typed")) });
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

/// The attachments of the question being written, and of all questions asked.
fn lists(chat: &mut Chat) -> impl Iterator<Item = &mut Vec<Attached>> {
    let asked = chat.transcript.iter_mut().filter_map(Entry::exchange_mut).map(|exchange| &mut exchange.attached);
    std::iter::once(&mut chat.attached).chain(asked)
}

/// Withdraws the questions that wait for a file.
pub(super) fn withdraw(chat: &mut Chat) {
    for exchange in chat.exchanges_mut().filter(|exchange| exchange.is_waiting()) {
        if exchange.waits_for_file() {
            exchange.state = ExchangeState::Withdrawn;
        }
    }
}

/// Counts the next attachment: of the question being written, then of those already asked. `None` if all are counted.
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
    let Phase::CountingAttachments { text, .. } = &chat.work else { return };
    let text = text.clone();
    chat.work = Phase::Idle;
    for attached in lists(chat).flatten().filter(|attached| attached.enclosed() == Some(&text)) {
        attached.tokens = Some(tokens);
    }
}
