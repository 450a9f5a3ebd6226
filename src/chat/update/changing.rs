//! A document that changes on disk: its new text is taken as soon as nothing runs, and read from the first change on.
//!
//! The engine keeps what both texts begin with, by its own count of tokens; how much that is, is told when it has planned the reading.

use std::sync::Arc;

use super::{citing, taking};
use crate::chat::input::{Effect, NewText, News};
use crate::chat::notice::{Notice, Tone};
use crate::chat::state::{Change, Chat};
use crate::chat::words::count;
use crate::engine::message::Plan;

pub(super) fn news(chat: &mut Chat, news: News) -> Vec<Effect> {
    // Whoever shows the document shows the new one from now on, whenever it is read: quotes are looked up there at once.
    match news {
        News::Changed(new) => {
            chat.next_text = Some(new);
            citing::check_again(chat)
        }
        News::Chosen(chosen) => [citing::check_again(chat), taking::chosen(chat, chosen)].concat(),
        News::Unreadable(why) => {
            let text = format!("{why}; answers are from what was read before");
            chat.tell(Notice { tone: Tone::Error, ..Notice::info(text) });
            Vec::new()
        }
    }
}

/// Makes the new text the document: as many of its parts as were read of the old one.
pub(super) fn take(chat: &mut Chat, new: NewText) {
    let NewText { text, ends, place, retrieved } = new;
    let taken = if let Some(beginning) = &mut chat.beginning {
        beginning.replace(text, ends);
        beginning.text(1)
    } else {
        let end = chat.parts_taken.and_then(|parts| ends.get(parts - 1)).copied();
        let taken = end.map_or_else(|| text.clone(), |end| Arc::from(&text[..end]));
        if taken == chat.document.text {
            return;
        }
        taken
    };
    chat.take_text(taken);
    if let Some(retrieved) = retrieved {
        chat.document.part = Some(retrieved.part);
        chat.document.choice = Some(retrieved.choice);
    }
    chat.cache_state = None;
    chat.changed_at = Some(Change::OnDisk(place));
}

/// Says how much of the old reading is kept, once the engine has counted.
pub(super) fn tell(chat: &mut Chat, plan: &Plan) {
    let Some(change) = chat.changed_at.take() else { return };
    let kept = plan.cached_tokens.min(plan.document_tokens);
    let (kept, tokens) = (count(kept), count(plan.document_tokens));
    let told = match change {
        Change::OnDisk(place) => format!("the document changed on disk, {place}: {kept} of {tokens} tokens are kept"),
        Change::Chosen(words) => format!("the document is {words} now: {kept} of {tokens} tokens were read already"),
    };
    chat.tell(Notice::info(told));
}
