//! `--pick 20k`: selects the parts that match the questions best, up to 20,000 tokens. [`crate::fit::retrieval`] ranks
//! them.
//!
//! The questions of a run share one document, so the parts are selected for all of them together.

use std::path::Path;
use std::rc::Rc;

use super::error::Error;
use super::text_counter::TextCounter;
use crate::document::Document;
use crate::fit;
use crate::fit::retrieval::{RetrievedParts, retrieve};
use crate::settings::Settings;

/// Counts the tokens of each text.
pub type CountEach = Box<dyn Fn(&[&str]) -> Vec<u32>>;

/// Selects parts for the questions of a run.
pub struct Retriever {
    questions: String,
    /// Most tokens that the selected parts may have together.
    budget: u32,
    count_each: CountEach,
    /// What counts, where that may fail.
    counter: Option<Rc<TextCounter>>,
}

impl Retriever {
    /// Counts tokens with the vocabulary of the model file `model`, or of the server in use. `None` without `--pick`.
    pub fn for_model(settings: &Settings, model: &Path) -> Result<Option<Self>, Error> {
        if settings.pick.is_none() {
            return Ok(None);
        }
        let counter = Rc::new(TextCounter::open(settings.server.as_ref(), model)?);
        let counts = counter.clone();
        let retriever = Self::counting_by(settings, Box::new(move |texts| counts.count_each(texts)));
        Ok(retriever.map(|retriever| Self { counter: Some(counter), ..retriever }))
    }

    /// Counts tokens with `count_each`. `None` without `--pick`.
    #[must_use]
    pub fn counting_by(settings: &Settings, count_each: CountEach) -> Option<Self> {
        settings.pick.map(|budget| Self { questions: settings.questions.join("\n"), budget, count_each, counter: None })
    }

    /// The parts of `document` that match the questions best.
    ///
    /// Errors: [`fit::Error::NothingPicked`] if no part has a word of the questions, or every such part is too long.
    pub fn retrieve(&self, document: &Document) -> Result<RetrievedParts, Error> {
        let picked = retrieve(document, &self.questions, self.budget, &self.count_each);
        if let Some(failure) = self.counter.as_ref().and_then(|counter| counter.failure()) {
            return Err(failure.into());
        }
        Ok(picked.ok_or(fit::Error::NothingPicked { room: self.budget })?)
    }
}
