//! Hears how far the opening of a session is.
//!
//! A front end implements it over whatever it shows progress with: a progress bar, lines, server events. One that shows nothing needs
//! [`Observer::note`] alone.

use crate::document::WebProgress;
use crate::engine::message::Progress;
use crate::models::{Entry, PullProgress};

/// What a session is busy with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activity<'a> {
    /// A document is being fetched from the web.
    FetchingDocument(WebProgress),
    /// Every document that had to be fetched is here.
    DocumentsFetched,
    /// This model is about to be fetched.
    ModelFetchBegins(&'a Entry),
    FetchingModel(&'a PullProgress),
    /// This share of the model is in memory, from 0 to 1.
    LoadingModel(f32),
    Prefilling(&'a Progress),
}

/// Hears of it.
pub trait Observer {
    /// Something to know about what was opened, in one line.
    fn note(&mut self, text: &str);

    /// How far it is.
    fn progress(&mut self, activity: Activity<'_>) {
        let _ = activity;
    }

    /// Whether a model that is missing may be fetched. Only asked when the settings leave it open; one that can't ask anybody says no.
    fn agrees_to_fetch(&mut self, model: &Entry) -> bool {
        let _ = model;
        false
    }
}
