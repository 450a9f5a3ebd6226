//! Starts a branch, and shows another one: see [`crate::chat::branches`].

use super::citing;
use crate::chat::branches::kept;
use crate::chat::input::Effect;
use crate::chat::notice::Notice;
use crate::chat::state::Chat;

/// Starts a new branch after entry `after`, or from the beginning. The old branch is kept.
pub(super) fn fork(chat: &mut Chat, after: Option<usize>) {
    if chat.is_waited_for() {
        return chat.tell(Notice::info("an answer is in progress"));
    }
    if chat.transcript.is_empty() {
        return chat.tell(Notice::info("nothing was asked yet"));
    }
    chat.full = None;
    let old = chat.branches.shown() + 1;
    let kept = kept(&chat.transcript, after);
    chat.branches.fork(&mut chat.transcript, kept);
    let all = chat.branches.count();
    let place = if kept == 0 { "starts over" } else { "continues from here" };
    chat.tell(Notice::info(format!("branch {all} of {all} {place}; branch {old} is unchanged")));
}

/// Shows another branch, by its number from 0.
pub(super) fn show(chat: &mut Chat, number: usize) -> Vec<Effect> {
    if chat.is_waited_for() {
        chat.tell(Notice::info("an answer is in progress"));
        return Vec::new();
    }
    if chat.branches.show(&mut chat.transcript, number) {
        chat.notice = None;
        chat.full = None;
    }
    // The document may have changed since it was last shown.
    citing::check_unknown(chat)
}
