//! Opens other documents during a session. They are read outside of the chat; then a new conversation about them starts,
//! or a saved one goes on. The old one is saved; where nothing is saved, it stays as a branch.

use super::recording::{self, Reach};
use super::restoring;
use crate::chat::input::{Effect, OpenedDocument, OpeningAt, Source};
use crate::chat::measurements::Measurements;
use crate::chat::notice::Notice;
use crate::chat::state::{Chat, Opening, Phase};
use crate::chat::within::Beginning;
use crate::failure::Failure;

pub(super) fn open(chat: &mut Chat, source: Source) -> Vec<Effect> {
    if chat.opening.is_some() {
        chat.tell(Notice::info("another document is being opened"));
        return Vec::new();
    }
    chat.clear_notice();
    chat.opening = Some(Opening::of(source.in_words()));
    vec![Effect::Open(source)]
}

/// Reading is at this place.
pub(super) fn is_at(chat: &mut Chat, at: OpeningAt) {
    if let Some(opening) = &mut chat.opening {
        opening.at = Some(at);
    }
}

/// Uses the document now, or as soon as the running job has ended; a running prefill is stopped.
pub(super) fn opened(chat: &mut Chat, document: Box<OpenedDocument>) -> Vec<Effect> {
    chat.opening = None;
    // Both are about the old document.
    (chat.next_text, chat.next_choice) = (None, None);
    match &mut chat.work {
        Phase::Prefilling { run, .. } => {
            let effects = run.stop();
            chat.next_document = Some(document);
            effects
        }
        Phase::Answering { .. } => {
            let text = format!("{} is next, after this answer; Esc stops it now", document.facts.title);
            chat.tell(Notice::info(text));
            chat.next_document = Some(document);
            Vec::new()
        }
        _ => {
            chat.work = Phase::Idle;
            take(chat, *document)
        }
    }
}

pub(super) fn not_opened(chat: &mut Chat, failure: &Failure) {
    chat.opening = None;
    chat.tell(Notice::from(failure));
}

/// Makes it the document, and goes on with the conversation about it, if there is one.
pub(super) fn take(chat: &mut Chat, document: OpenedDocument) -> Vec<Effect> {
    let OpenedDocument { facts, within, restored } = document;
    let preset_entry = chat.automatic().unwrap_or_else(|| chat.current_preset_entry());
    // With the answer that has just ended.
    let mut effects: Vec<Effect> = recording::save(chat, Reach::All).into_iter().collect();
    let told = leave_conversation(chat, &facts.title);
    chat.until = None;
    chat.take_text(facts.text.clone());
    chat.document = facts;
    chat.beginning = within.map(|within| Beginning::of(&mut chat.document, within, preset_entry));
    (chat.cache_state, chat.drafted, chat.full, chat.paused, chat.home) = (None, None, None, None, None);
    (chat.parts_taken, chat.changed_at) = (None, None);
    chat.too_long = false;
    chat.attached.clear();
    chat.measurements = Measurements::default();
    chat.survey.clear();
    chat.next_survey = None;
    chat.next_switch = Some(preset_entry);
    match restored {
        Some(restored) => effects.extend(restoring::restore(chat, *restored)),
        None => chat.tell(Notice::info(told)),
    }
    effects
}

/// Leaves a conversation that is saved, and keeps another as a branch. Returns what to say about it.
fn leave_conversation(chat: &mut Chat, title: &str) -> String {
    let is_empty = chat.transcript.is_empty();
    let (old, former) = (chat.branches.shown() + 1, chat.document.title.clone());
    let about = if former.is_empty() { String::new() } else { format!(" about {former}") };
    if chat.is_saved() {
        restoring::leave(chat);
        let saved = if is_empty { String::new() } else { format!("; the conversation{about} is saved") };
        return format!("{title} is open{saved}");
    }
    if is_empty {
        return format!("{title} is open");
    }
    chat.branches.fork(&mut chat.transcript, 0);
    chat.name = None;
    format!("{title} is open; the conversation{about} is branch {old}")
}
