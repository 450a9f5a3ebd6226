//! Makes other parts the document. The engine keeps the tokens that both texts begin with.
//!
//! Example: chapters 1 to 12 are prefilled and the user adds 13: one chapter is prefilled. A running prefill is
//! stopped; a running answer is completed first.

use super::until;
use crate::chat::exchange::{Exchange, ExchangeState};
use crate::chat::input::{Chosen, Effect};
use crate::chat::notice::Notice;
use crate::chat::state::{Change, Chat, Phase};
use crate::chat::transcript::Entry;
use crate::failure::FailureKind;

/// Uses the selection now, or as soon as the running job has ended.
pub(super) fn chosen(chat: &mut Chat, chosen: Chosen) -> Vec<Effect> {
    // The selection was made from the newest text, so an older change is obsolete.
    chat.next_text = None;
    match &mut chat.work {
        Phase::Prefilling { run, .. } => {
            let effects = run.stop();
            chat.next_choice = Some(chosen);
            effects
        }
        Phase::Answering { .. } => {
            let text = format!("{} will be read after this answer; Esc stops it now", chosen.words);
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

/// Makes the selected parts the document.
pub(super) fn take(chat: &mut Chat, chosen: Chosen) {
    let Chosen { title, text, words, part, preset_entry } = chosen;
    chat.beginning = None;
    chat.parts_taken = None;
    until::forget(chat);
    chat.take_text(text);
    chat.document.title = title;
    chat.document.part = part;
    chat.document.choice = None;
    chat.cache_state = None;
    chat.drafted = None;
    chat.survey.clear();
    chat.next_survey = None;
    chat.paused = None;
    if std::mem::take(&mut chat.too_long) {
        ask_again_what_did_not_fit(chat);
    }
    chat.notice = None;
    chat.changed_at = Some(Change::Chosen(words));
    // `auto` chooses by the length, which has changed.
    chat.next_switch = preset_entry.or(chat.next_switch).or(chat.automatic());
}

/// The last questions that failed because the document before did not fit are asked again, about this one.
fn ask_again_what_did_not_fit(chat: &mut Chat) {
    let from_last = chat.transcript.iter_mut().rev().filter_map(Entry::exchange_mut);
    let did_not_fit = |exchange: &&mut Exchange| matches!(&exchange.state, ExchangeState::Failed(why) if why.kind == FailureKind::DoesNotFit);
    from_last.take_while(did_not_fit).for_each(Exchange::wait_again);
}
