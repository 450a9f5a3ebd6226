//! Other parts of the document are taken: they become the document, and the engine keeps what both texts begin with.
//!
//! Example: chapters 1 to 12 are read and 13 is ticked, too: one chapter is read. A reading that runs is stopped, an answer ends first.

use std::sync::Arc;

use super::changing::Change;
use super::stopping::stop;
use super::{Effect, go_to_offer, next};
use crate::chat::state::{Chat, Model, Notice, Work};

/// Parts that were chosen, by number, and perhaps a preset with them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// Ascending, from 1.
    pub parts: Vec<usize>,
    /// An index into [`Chat::offers`]; `None` stays with the present one.
    pub offer: Option<usize>,
}

/// The document that has the chosen parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    pub text: Arc<str>,
    /// What was chosen: `12 of 61 parts`.
    pub words: String,
    /// What of the document they are, when not all: `parts 1-12 of 61`.
    pub part: Option<String>,
    pub offer: Option<usize>,
}

/// Takes the choice now, or as soon as what runs has ended.
pub(super) fn chosen(chat: &mut Chat, chosen: Chosen) -> Vec<Effect> {
    // It was made from the text as it is now.
    chat.next_text = None;
    match &mut chat.work {
        Work::Reading { run, .. } => {
            let effects = stop(run);
            chat.next_choice = Some(chosen);
            effects
        }
        Work::Answering { .. } => {
            let text = format!("{} are read after this answer; Esc ends it now", chosen.words);
            chat.notice = Some(Notice::info(text));
            chat.next_choice = Some(chosen);
            Vec::new()
        }
        _ => {
            chat.work = Work::Idle;
            take(chat, chosen)
        }
    }
}

/// Makes the choice the document, and goes on.
pub(super) fn take(chat: &mut Chat, chosen: Chosen) -> Vec<Effect> {
    let Chosen { text, words, part, offer } = chosen;
    let unsettled = chat.way.is_none().then_some(chat.first_offer);
    chat.beginning = None;
    chat.parts_taken = None;
    chat.document.text = text;
    chat.document.part = part;
    chat.document.choice = None;
    chat.held = None;
    chat.drafted = None;
    chat.survey.clear();
    chat.paused = false;
    chat.too_long = false;
    chat.notice = None;
    chat.changed_at = Some(Change::Chosen(words));
    let is_ready = matches!(chat.model, Model::Ready { .. });
    // `auto` chooses by the length, which is another now.
    if let Some(offer) = offer.or(chat.automatic()).or(unsettled).filter(|_| is_ready) {
        return go_to_offer(chat, offer);
    }
    chat.next_switch = offer.or(chat.next_switch);
    next(chat)
}
