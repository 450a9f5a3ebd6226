//! Other parts of the document are taken: they become the document, and the engine keeps what both texts begin with.
//!
//! Example: chapters 1 to 12 are read and 13 is ticked, too: one chapter is read. A reading that runs is stopped, an answer ends first.

use crate::chat::input::{Chosen, Effect};
use crate::chat::notice::Notice;
use crate::chat::state::{Change, Chat, Phase};

/// Takes the choice now, or as soon as what runs has ended.
pub(super) fn chosen(chat: &mut Chat, chosen: Chosen) -> Vec<Effect> {
    // It was made from the text as it is now.
    chat.next_text = None;
    match &mut chat.work {
        Phase::Prefilling { run, .. } => {
            let effects = run.stop();
            chat.next_choice = Some(chosen);
            effects
        }
        Phase::Answering { .. } => {
            let text = format!("{} are read after this answer; Esc ends it now", chosen.words);
            chat.tell(Notice::info(text));
            chat.next_choice = Some(chosen);
            Vec::new()
        }
        _ => {
            chat.work = Phase::Idle;
            take(chat, chosen);
            Vec::new()
        }
    }
}

/// Makes the choice the document.
pub(super) fn take(chat: &mut Chat, chosen: Chosen) {
    let Chosen { text, words, part, preset_entry } = chosen;
    chat.beginning = None;
    chat.parts_taken = None;
    chat.take_text(text);
    chat.document.part = part;
    chat.document.choice = None;
    chat.cache_state = None;
    chat.drafted = None;
    chat.survey.clear();
    chat.next_survey = None;
    chat.paused = None;
    chat.too_long = false;
    chat.notice = None;
    chat.changed_at = Some(Change::Chosen(words));
    // `auto` chooses by the length, which is another now.
    chat.next_switch = preset_entry.or(chat.next_switch).or(chat.automatic());
}
