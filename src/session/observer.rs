//! What a front end implements to show progress while a session opens: a progress bar, lines, server events.
//!
//! Only [`Observer::note`] has to be implemented; by default progress is dropped and downloads are refused.
//! [`Unobserved`] drops notes, too.

use crate::document::{LoadProgress, WebProgress};
use crate::engine::message::Progress;
use crate::models::{Entry, PullProgress};

/// What a session is doing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activity<'a> {
    /// A document is being fetched from the web.
    FetchingDocument(WebProgress),
    /// No more documents are fetched, whether they arrived or not.
    DocumentsFetched,
    /// Documents are being read: a network may be slow, a PDF long, and a pipe waits for who writes to it.
    ReadingDocuments {
        /// What is read first, unless somebody may be typing it.
        first: Option<&'a str>,
        /// Where reading is, whenever it is asked.
        progress: &'a LoadProgress,
    },
    /// No more documents are read, whether they could be or not.
    DocumentsRead,
    /// This model is about to be fetched.
    ModelFetchBegins(&'a Entry),
    FetchingModel(&'a PullProgress),
    /// This share of the model is in memory, from 0 to 1.
    LoadingModel(f32),
    Prefilling(&'a Progress),
    /// So many of so many trials are done.
    FindingHeads {
        done: u32,
        total: u32,
    },
}

/// Receives notes and progress, and decides about downloads.
pub trait Observer {
    /// One line about what was opened: "a.txt: 3 control characters replaced by visible signs".
    fn note(&mut self, text: &str);

    /// Called whenever there is progress, many times a second.
    fn progress(&mut self, activity: Activity<'_>) {
        let _ = activity;
    }

    /// Whether a missing model may be fetched. Called only when the settings neither demand nor forbid it.
    fn agrees_to_fetch(&mut self, model: &Entry) -> bool {
        let _ = model;
        false
    }
}

/// For a caller that shows nothing.
#[derive(Debug, Clone, Copy)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn note(&mut self, _: &str) {}
}
