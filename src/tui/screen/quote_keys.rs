//! Selects quotes in answers, and shows their passages in the document.

use super::super::keymap::Focus;
use super::state::{ChosenQuote, Screen};
use crate::chat::{Chat, Entry};
use crate::quotes::Verdict;

impl Screen {
    /// In the document, `n` goes to the next quote unless a search is active.
    pub(super) fn walks_through_quotes(&self) -> bool {
        self.focus == Focus::Transcript || (self.quote.is_some() && self.reader.search.needle.is_empty())
    }

    /// Selects the next quote; at first, the first quote of the last answer that has any. In the document it is shown
    /// at once.
    pub(super) fn step_quote(&mut self, chat: &Chat, step: isize) {
        let all = all(chat);
        let Some(last) = all.last() else {
            self.message = Some("no answer quotes the document".to_owned());
            return;
        };
        let here = self.quote.and_then(|chosen| all.iter().position(|quote| *quote == chosen));
        let first_of_last = all.iter().position(|quote| quote.entry == last.entry);
        let next = here.map_or(first_of_last, |here| here.checked_add_signed(step)).unwrap_or(0).min(all.len() - 1);
        self.quote = Some(all[next]);
        self.quote_is_new = true;
        if self.focus == Focus::Reader {
            self.show_quote(chat);
        }
    }

    /// Shows the passage of the selected quote, or the first one found of the last answer. Returns false if there is
    /// none.
    pub(super) fn show_quote(&mut self, chat: &Chat) -> bool {
        if self.quote.is_none() {
            let last = all(chat).into_iter().rev().filter(|quote| verdict(chat, *quote).passage().is_some());
            let entry = last.clone().next().map(|quote| quote.entry);
            self.quote = last.take_while(|quote| Some(quote.entry) == entry).last();
            self.quote_is_new = true;
        }
        let Some(chosen) = self.quote else { return false };
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
        self.quote.filter(|_| is_new).map(|quote| quote.entry)
    }
}

/// All quotes of all answers, in order.
fn all(chat: &Chat) -> Vec<ChosenQuote> {
    let of_entry = |(entry, what): (usize, &Entry)| match what {
        Entry::Exchange(exchange) => (0..exchange.quotes.len()).map(|index| ChosenQuote { entry, index }).collect(),
        Entry::Switch(_) => Vec::new(),
    };
    chat.transcript.iter().enumerate().flat_map(of_entry).collect()
}

fn verdict(chat: &Chat, chosen: ChosenQuote) -> Verdict {
    match chat.transcript.get(chosen.entry) {
        Some(Entry::Exchange(exchange)) => {
            exchange.quotes.get(chosen.index).map_or(Verdict::NotFound, |quote| quote.verdict)
        }
        _ => Verdict::NotFound,
    }
}
