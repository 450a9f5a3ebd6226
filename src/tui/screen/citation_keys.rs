//! Selects quotes in answers, and shows their passages in the document.

use super::super::keymap::Focus;
use super::state::{ChosenCitation, Screen};
use crate::chat::{Chat, Entry};
use crate::citations::Verdict;

impl Screen {
    /// In the document, `n` goes to the next quote unless a search is active.
    pub(super) fn walks_through_quotes(&self) -> bool {
        self.focus == Focus::Transcript || (self.citation.is_some() && self.reader.search.needle.is_empty())
    }

    /// Selects the next quote; at first, the first quote of the last answer that has any. In the document it is shown
    /// at once.
    pub(super) fn step_quote(&mut self, chat: &Chat, step: isize) {
        let all = all(chat);
        let Some(last) = all.last() else {
            self.message = Some("no answer quotes the document".to_owned());
            return;
        };
        let here = self.citation.and_then(|chosen| all.iter().position(|citation| *citation == chosen));
        let first_of_last = all.iter().position(|citation| citation.entry == last.entry);
        let next = here.map_or(first_of_last, |here| here.checked_add_signed(step)).unwrap_or(0).min(all.len() - 1);
        self.citation = Some(all[next]);
        self.quote_is_new = true;
        if self.focus == Focus::Reader {
            self.show_quote(chat);
        }
    }

    /// Shows the passage of the selected quote, or the first one found of the last answer. Returns false if there is
    /// none.
    pub(super) fn show_quote(&mut self, chat: &Chat) -> bool {
        if self.citation.is_none() {
            let last = all(chat).into_iter().rev().filter(|citation| verdict(chat, *citation).passage().is_some());
            let entry = last.clone().next().map(|citation| citation.entry);
            self.citation = last.take_while(|citation| Some(citation.entry) == entry).last();
            self.quote_is_new = true;
        }
        let Some(chosen) = self.citation else { return false };
        match verdict(chat, chosen).passage() {
            Some(passage) => {
                self.forget_found();
                self.show_passage(passage);
            }
            None => self.message = Some("that quote is not in the document".to_owned()),
        }
        true
    }

    /// The entry of a quote that was selected since the last frame.
    pub(in crate::tui) fn take_chosen_entry(&mut self) -> Option<usize> {
        let is_new = std::mem::take(&mut self.quote_is_new);
        self.citation.filter(|_| is_new).map(|citation| citation.entry)
    }
}

/// All quotes of all answers, in order.
fn all(chat: &Chat) -> Vec<ChosenCitation> {
    let of_entry = |(entry, what): (usize, &Entry)| match what {
        Entry::Exchange(exchange) => {
            (0..exchange.citations.len()).map(|index| ChosenCitation { entry, index }).collect()
        }
        Entry::Switch(_) => Vec::new(),
    };
    chat.transcript.iter().enumerate().flat_map(of_entry).collect()
}

fn verdict(chat: &Chat, chosen: ChosenCitation) -> Verdict {
    match chat.transcript.get(chosen.entry) {
        Some(Entry::Exchange(exchange)) => {
            exchange.citations.get(chosen.index).map_or(Verdict::NotFound, |citation| citation.verdict)
        }
        _ => Verdict::NotFound,
    }
}
