//! Asks up to a place in the document, or about all of it again; see [`crate::chat::until`].

use super::citing;
use crate::chat::input::Effect;
use crate::chat::notice::Notice;
use crate::chat::state::{Change, Chat, Phase};
use crate::chat::until::Until;

/// From now on questions are about everything before `until`; `None`: about the whole document.
pub(super) fn ask_until(chat: &mut Chat, until: Option<Until>) -> Vec<Effect> {
    if chat.is_waited_for() {
        chat.tell(Notice::info("an answer is in progress"));
        return Vec::new();
    }
    if !chat.has_document() {
        chat.tell(Notice::info("there is no document"));
        return Vec::new();
    }
    let until = until.filter(|until| until.byte < chat.document.text.len());
    if until.as_ref().is_some_and(|until| chat.document.text[..until.byte].trim().is_empty()) {
        chat.tell(Notice::info("there is no text before this place"));
        return Vec::new();
    }
    let words = match (&until, &chat.until) {
        (Some(until), _) => format!("questions are about everything up to {}", until.words),
        (None, Some(_)) => "questions are about the whole document again".to_owned(),
        (None, None) => return Vec::new(),
    };
    chat.until = until;
    let effects = if let Phase::Prefilling { run, .. } = &mut chat.work { run.stop() } else { Vec::new() };
    if effects.is_empty() {
        chat.work = Phase::Idle;
    }
    (chat.cache_state, chat.paused) = (None, None);
    chat.too_long = false;
    chat.changed_at = Some(Change::System(words));
    [effects, citing::check_again(chat)].concat()
}

/// The place is about a text that is no longer the document.
pub(super) fn forget(chat: &mut Chat) {
    if chat.until.take().is_some() {
        chat.tell(Notice::info("the document has changed: questions are about all of it"));
    }
}
