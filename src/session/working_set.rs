//! Which parts of the documents are in use, and whether their files are still what they were.
//!
//! First what the flags say (`--parts`, then `--pick`), later what was chosen by hand. A document that changes on disk keeps the parts that
//! it has, by number: 3 and 4 of 61 chapters are 3 and 4 of 62. What can't be read any more, or has no such parts, stays in use as it was.
//!
//! ```text
//! documents::open ──> whole ── --parts ──> document ── --pick ──> document ── ReloadRequest ──> document, told as chat::News
//! ```
//!
//! What it does not do: choose by time (`--within`), which takes the engine ([`crate::chat::within`] does).

use std::path::Path;
use std::sync::Arc;

use super::documents::{Opened, chosen_pages, first_change};
use super::error::Error;
use super::retriever::Retriever;
use crate::chat::{Choice, Chosen, NewText, News};
use crate::document::{Document, Watched};
use crate::fit::part_in_words;
use crate::fit::pick::Picked;
use crate::settings::Settings;

/// What is wanted of the documents.
#[derive(Debug, Clone, Copy)]
pub enum ReloadRequest<'a> {
    /// Before each question: is the document still what it was? `None`: it is.
    Again,
    /// These parts of it from now on.
    Choose(&'a Choice),
}

/// The documents, when they are no longer what they were.
pub struct Reloaded {
    pub news: News,
    /// The document as it is now, when it could be read.
    pub document: Option<Arc<Document>>,
    /// Everything that can be chosen from now, when that is another.
    pub whole: Option<Arc<Document>>,
}

/// The parts in use, and everything that they are chosen from.
pub struct WorkingSet<'settings> {
    settings: &'settings Settings,
    watched: Watched,
    whole: Arc<Document>,
    retriever: Option<Retriever>,
    /// What was chosen by hand; until then the flags count.
    choice: Option<Choice>,
    in_use: InUse,
    /// The text in use.
    text: Arc<str>,
}

/// What is taken of the whole.
#[derive(Clone)]
struct InUse {
    document: Arc<Document>,
    /// The numbers of its parts in the whole.
    parts: Vec<usize>,
    /// What `--pick` took.
    retrieved: Option<Picked>,
}

impl<'settings> WorkingSet<'settings> {
    /// The parts of `opened` that `--parts` names.
    pub fn new(settings: &'settings Settings, opened: Opened) -> Result<Self, Error> {
        let whole = Arc::new(opened.whole);
        let in_use = by_flags(settings, &whole, None)?;
        let text = Arc::from(in_use.document.text.as_str());
        Ok(Self { settings, watched: opened.watched, whole, retriever: None, choice: None, in_use, text })
    }

    /// Takes of them what `--pick` asks for, with tokens counted by the vocabulary of the model of this file.
    pub fn retrieve(&mut self, model: &Path) -> Result<(), Error> {
        self.retrieve_with(Retriever::for_model(self.settings, model)?)
    }

    /// As [`Self::retrieve`], by a retriever of one's own.
    pub fn retrieve_with(&mut self, retriever: Option<Retriever>) -> Result<(), Error> {
        self.retriever = retriever;
        if self.retriever.is_some() {
            let in_use = by_flags(self.settings, &self.whole, self.retriever.as_ref())?;
            self.put_in_use(in_use);
        }
        Ok(())
    }

    /// Everything that can be chosen from.
    #[must_use]
    pub fn whole(&self) -> Arc<Document> {
        self.whole.clone()
    }

    /// What is in use of it.
    #[must_use]
    pub fn document(&self) -> Arc<Document> {
        self.in_use.document.clone()
    }

    #[must_use]
    pub fn text(&self) -> Arc<str> {
        self.text.clone()
    }

    /// The numbers of the parts in use.
    #[must_use]
    pub fn parts(&self) -> &[usize] {
        &self.in_use.parts
    }

    /// What `--pick` took.
    #[must_use]
    pub fn retrieved(&self) -> Option<&Picked> {
        self.in_use.retrieved.as_ref()
    }

    /// Does what is wanted of the documents. `None`: nothing is another than it was.
    pub fn reload(&mut self, request: ReloadRequest<'_>) -> Option<Reloaded> {
        match request {
            ReloadRequest::Choose(choice) => Some(self.choose(choice)),
            ReloadRequest::Again => match self.changed() {
                Ok(reloaded) => reloaded,
                Err(error) => Some(Reloaded { news: News::Unreadable(error.to_string()), document: None, whole: None }),
            },
        }
    }

    fn choose(&mut self, choice: &Choice) -> Reloaded {
        let document = Arc::new(self.whole.with_parts(&choice.parts));
        self.choice = Some(choice.clone());
        self.put_in_use(InUse { document: document.clone(), parts: choice.parts.clone(), retrieved: None });
        let (count, all) = (choice.parts.len(), self.whole.parts().len());
        let words = if count == all { format!("all {all} parts") } else { format!("{count} of {all} parts") };
        let pages = self.settings.pages.as_ref().map(|pages| format!("pages {pages}"));
        let part = part_in_words(&choice.parts, all).or(pages);
        let chosen = Chosen { text: self.text(), words, part, offer: choice.offer };
        Reloaded { news: News::Chosen(chosen), document: Some(document), whole: None }
    }

    fn changed(&mut self) -> Result<Option<Reloaded>, Error> {
        let Some(whole) = self.watched.changed()? else { return Ok(None) };
        let whole = Arc::new(chosen_pages(self.settings, whole)?);
        let in_use = match &self.choice {
            Some(choice) => still_there(&whole, choice)?,
            None => by_flags(self.settings, &whole, self.retriever.as_ref())?,
        };
        self.whole = whole;
        let place = first_change(&in_use.document, &self.text);
        self.put_in_use(in_use);
        let document = self.document();
        let ends = document.parts().iter().map(|part| part.span.end).collect();
        let news = News::Changed(NewText { text: self.text(), ends, place });
        Ok(Some(Reloaded { news, document: Some(document), whole: Some(self.whole()) }))
    }

    fn put_in_use(&mut self, in_use: InUse) {
        self.text = Arc::from(in_use.document.text.as_str());
        self.in_use = in_use;
    }
}

/// What `--parts` and then `--pick` take of the whole.
fn by_flags(settings: &Settings, whole: &Arc<Document>, retriever: Option<&Retriever>) -> Result<InUse, Error> {
    let (parts, document) = match &settings.parts {
        Some(written) => {
            let parts = whole.part_numbers(written)?;
            let document = Arc::new(whole.with_parts(&parts));
            (parts, document)
        }
        None => ((1..=whole.parts().len()).collect(), whole.clone()),
    };
    let Some(retriever) = retriever else { return Ok(InUse { document, parts, retrieved: None }) };
    let retrieved = retriever.retrieve(&document)?;
    let document = Arc::new(retrieved.document.clone());
    Ok(InUse { document, parts: of_pieces(&retrieved, &parts), retrieved: Some(retrieved) })
}

/// The numbers of the parts that something was retrieved of, in the whole document, of which `parts` were there to choose from.
fn of_pieces(retrieved: &Picked, parts: &[usize]) -> Vec<usize> {
    let numbers = retrieved.pieces.iter().filter_map(|piece| parts.get(piece.part - 1).copied());
    let mut numbers: Vec<usize> = numbers.collect();
    numbers.dedup();
    numbers
}

/// The parts chosen by hand that the document still has.
fn still_there(whole: &Document, choice: &Choice) -> Result<InUse, Error> {
    let all = whole.parts().len();
    let parts: Vec<usize> = choice.parts.iter().copied().filter(|&number| number <= all).collect();
    if parts.is_empty() {
        return Err(Error::PartsGone { parts: all });
    }
    Ok(InUse { document: Arc::new(whole.with_parts(&parts)), parts, retrieved: None })
}
