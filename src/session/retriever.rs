//! `--pick 20k`: takes the parts nearest to the questions. [`crate::fit::pick`] finds them.
//!
//! All questions of a run are taken together: they share one document.

use std::path::Path;

use super::error::Error;
use crate::document::Document;
use crate::engine::Vocabulary;
use crate::fit;
use crate::fit::pick::{Picked, pick_now};
use crate::settings::Settings;

/// Counts the tokens of each of some texts.
pub type CountEach = Box<dyn Fn(&[&str]) -> Vec<u32>>;

/// What is looked for, and how much of it may be taken.
pub struct Retriever {
    questions: String,
    /// Most tokens of what is taken.
    budget: u32,
    count_each: CountEach,
}

impl Retriever {
    /// With tokens counted by the vocabulary of the model of this file; `None` without `--pick`.
    pub fn for_model(settings: &Settings, model: &Path) -> Result<Option<Self>, Error> {
        if settings.pick.is_none() {
            return Ok(None);
        }
        let vocabulary = Vocabulary::open(model)?;
        let count_each =
            move |texts: &[&str]| vocabulary.count_each(texts).into_iter().map(|tokens| tokens as u32).collect();
        Ok(Self::counting_by(settings, Box::new(count_each)))
    }

    /// With tokens counted by `count_each`; `None` without `--pick`.
    #[must_use]
    pub fn counting_by(settings: &Settings, count_each: CountEach) -> Option<Self> {
        settings.pick.map(|budget| Self { questions: settings.questions.join("\n"), budget, count_each })
    }

    /// The parts of `document` nearest to the questions.
    ///
    /// Errors: [`fit::Error::NothingPicked`] when no word of them is in it, or no part is short enough.
    pub fn retrieve(&self, document: &Document) -> Result<Picked, Error> {
        let picked = pick_now(document, &self.questions, self.budget, &self.count_each);
        Ok(picked.ok_or(fit::Error::NothingPicked { room: self.budget })?)
    }
}
