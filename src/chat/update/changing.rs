//! Handles a document that changes on disk: its new text is used as soon as no job runs, and prefilled from the first
//! change on.
//!
//! The engine keeps the tokens that both texts begin with. A notice says how many, once the engine has planned the
//! prefill.

use std::sync::Arc;

use super::{citing, opening, taking, until};
use crate::chat::input::{Effect, NewText, News};
use crate::chat::notice::{Notice, Tone};
use crate::chat::state::{Change, Chat};
use crate::engine::message::Plan;
use crate::units::count;

pub(super) fn news(chat: &mut Chat, news: News) -> Vec<Effect> {
    // The document's pane shows the new text at once, even before it is prefilled, so citations are looked up there
    // now.
    match news {
        News::Changed(new) => {
            chat.next_text = Some(new);
            citing::check_again(chat)
        }
        News::Chosen(chosen) => [citing::check_again(chat), taking::chosen(chat, chosen)].concat(),
        News::Unreadable(why) => {
            let text = format!("{why}; answers still use the earlier text");
            chat.tell_news(Notice { tone: Tone::Error, ..Notice::info(text) });
            Vec::new()
        }
        News::OpeningAt(at) => {
            opening::is_at(chat, at);
            Vec::new()
        }
        News::Opened(document) => opening::opened(chat, document),
        News::NotOpened(failure) => {
            opening::not_opened(chat, &failure);
            Vec::new()
        }
    }
}

/// Makes the new text the document, with as many parts as the old one had.
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
    until::forget(chat);
    chat.take_text(taken);
    if let Some(retrieved) = retrieved {
        chat.document.part = Some(retrieved.part);
        chat.document.choice = Some(retrieved.choice);
    }
    chat.cache_state = None;
    chat.changed_at = Some(Change::OnDisk(place));
}

/// Shows how many tokens are still cached, once the engine has planned the prefill.
pub(super) fn tell(chat: &mut Chat, plan: &Plan) {
    let Some(change) = chat.changed_at.take() else { return };
    let kept = plan.cached_tokens.min(plan.document_tokens);
    let (kept, tokens) = (count(kept), count(plan.document_tokens));
    let told = match change {
        Change::OnDisk(place) => format!("the document changed on disk, {place}: {kept} of {tokens} tokens are kept"),
        Change::System(words) => format!("{words}: {kept} of {tokens} tokens are already cached"),
        Change::Chosen(words) => format!("the document is now {words}: {kept} of {tokens} tokens are already cached"),
    };
    chat.tell(Notice::info(told));
}
