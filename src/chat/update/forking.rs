//! A branch is begun, and another one is shown: see [`crate::chat::branches`].

use super::again::refuse;
use super::{Effect, citing};
use crate::chat::branches::kept;
use crate::chat::state::{Chat, Notice};

/// Goes on after entry `after` on a branch of its own; without one, from the beginning. What followed is kept.
pub(super) fn fork(chat: &mut Chat, after: Option<usize>) -> Vec<Effect> {
    if chat.is_waited_for() {
        return refuse(chat, "an answer is on its way");
    }
    if chat.transcript.is_empty() {
        return refuse(chat, "nothing was asked yet");
    }
    let old = chat.branches.shown() + 1;
    let kept = kept(&chat.transcript, after);
    chat.branches.fork(&mut chat.transcript, kept);
    let all = chat.branches.count();
    let place = if kept == 0 { "begins anew" } else { "goes on from here" };
    chat.notice = Some(Notice::info(format!("branch {all} of {all} {place}; branch {old} is kept as it was")));
    Vec::new()
}

/// Shows another branch, by its number from 0.
pub(super) fn show(chat: &mut Chat, number: usize) -> Vec<Effect> {
    if chat.is_waited_for() {
        return refuse(chat, "an answer is on its way");
    }
    if chat.branches.show(&mut chat.transcript, number) {
        chat.notice = None;
    }
    // The document may have changed since it was last shown.
    citing::check_unknown(chat)
}
