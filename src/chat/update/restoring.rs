//! Goes on with a saved conversation: its branches, its name and its citations are those that it had.

use super::{citing, recording};
use crate::chat::branches::Branches;
use crate::chat::input::Effect;
use crate::chat::notice::Notice;
use crate::chat::recording::{Earlier, Recording, Restored, SessionId};
use crate::chat::state::{Chat, Opening};

/// Asks for a saved conversation. It is read outside of the chat, with its documents.
pub(super) fn go_on_with(chat: &mut Chat, session: SessionId, called: &str) -> Vec<Effect> {
    if chat.opening.is_some() {
        chat.tell(Notice::info("another document is being opened"));
        return Vec::new();
    }
    chat.clear_notice();
    chat.earlier = None;
    chat.opening = Some(Opening::of(called));
    vec![Effect::OpenSession(session)]
}

/// Goes on with the conversation that is offered, if nothing was asked yet.
pub(super) fn take_offer(chat: &mut Chat) -> Option<Vec<Effect>> {
    if !chat.transcript.is_empty() || chat.paused.is_some() {
        return None;
    }
    let Earlier { session, words } = chat.earlier.take()?;
    Some(go_on_with(chat, session, &format!("the conversation {words}")))
}

/// Makes it the conversation. Citations are looked up again if they may be about another text.
pub(super) fn restore(chat: &mut Chat, restored: Restored) -> Vec<Effect> {
    let recording = Recording::of(&restored);
    let Restored { name, shown, branches, is_about_another_text, note, .. } = restored;
    (chat.branches, chat.transcript) = Branches::restored(branches, shown);
    chat.name = name;
    chat.earlier = None;
    chat.conversation += 1;
    chat.earlier_entries = chat.transcript.len();
    if chat.recording.is_some() {
        let head = Some(recording::head(chat));
        chat.recording = Some(Recording { head, ..recording });
    }
    if !note.is_empty() {
        chat.tell_news(Notice::info(note));
    }
    if is_about_another_text && chat.has_document() { citing::check_again(chat) } else { Vec::new() }
}

/// Leaves a conversation that is saved for a new one.
pub(super) fn leave(chat: &mut Chat) {
    (chat.branches, chat.transcript) = Branches::restored(Vec::new(), 0);
    chat.name = None;
    chat.conversation += 1;
    chat.earlier_entries = 0;
    chat.recording = Some(Recording::new());
}
