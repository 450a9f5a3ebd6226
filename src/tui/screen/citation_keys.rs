//! Selects quotes in answers and the passages that were read again for them, and shows both in the document.
//!
//! Behind the quotes of an answer come its sources: an answer with two quotes and four sources has six of them.

use super::super::keymap::Focus;
use super::state::{ChosenCitation, Screen};
use crate::chat::{Action, Chat, Entry, Exchange};
use crate::document::ByteSpan;

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
            self.message = Some("no answer quotes the document or read a passage again".to_owned());
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
            let last = all(chat).into_iter().rev().filter(|citation| passage(chat, *citation).is_some());
            let entry = last.clone().next().map(|citation| citation.entry);
            self.citation = last.take_while(|citation| Some(citation.entry) == entry).last();
            self.quote_is_new = true;
        }
        let Some(chosen) = self.citation else { return false };
        match passage(chat, chosen) {
            Some(passage) => {
                self.forget_found();
                self.show_passage(passage);
            }
            None => self.message = Some("that quote is not in the document".to_owned()),
        }
        true
    }

    /// Asks the last question again without the selected source.
    pub(super) fn drop_source(&mut self, chat: &Chat) -> Vec<Action> {
        let chosen = self.citation.zip(last(chat)).filter(|(chosen, (entry, _))| chosen.entry == *entry);
        let source = chosen.and_then(|(chosen, (_, exchange))| {
            let mut passages = exchange.passages();
            let index = chosen.index.checked_sub(exchange.citations.len())?;
            (index < passages.len()).then(|| passages.remove(index))?;
            Some(passages)
        });
        let Some(passages) = source else {
            self.message = Some("select a source of the last answer first: n".to_owned());
            return Vec::new();
        };
        self.follow();
        vec![Action::ReadAgain(passages)]
    }

    /// Asks the last question again with one more source: the passage that is marked in the document, or the page.
    pub(super) fn add_source(&mut self, chat: &Chat) -> Vec<Action> {
        let page = self.reader.page.first().zip(self.reader.page.last());
        let page = page.map(|(first, last)| ByteSpan { start: first.span.start, end: last.span.end });
        let shown = self.reader.found.or(self.reader.search.selected()).or(page);
        let (Some(shown), Some((_, exchange))) = (shown, last(chat)) else {
            self.message = Some("no question was asked yet".to_owned());
            return Vec::new();
        };
        let mut passages = exchange.passages();
        passages.push(shown);
        passages.sort_by_key(|passage| passage.start);
        self.follow();
        vec![Action::ReadAgain(passages)]
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
            let count = exchange.citations.len() + exchange.passages().len();
            (0..count).map(|index| ChosenCitation { entry, index }).collect()
        }
        Entry::Switch(_) => Vec::new(),
    };
    chat.transcript.iter().enumerate().flat_map(of_entry).collect()
}

/// Where a quote was found, or a source is.
fn passage(chat: &Chat, chosen: ChosenCitation) -> Option<ByteSpan> {
    let exchange = chat.transcript.get(chosen.entry)?.exchange()?;
    match exchange.citations.get(chosen.index) {
        Some(citation) => citation.verdict.passage(),
        None => exchange.passages().get(chosen.index - exchange.citations.len()).copied(),
    }
}

/// The last question's exchange.
fn last(chat: &Chat) -> Option<(usize, &Exchange)> {
    let mut exchanges = chat.transcript.iter().enumerate().rev();
    exchanges.find_map(|(index, entry)| entry.exchange().map(|exchange| (index, exchange)))
}
