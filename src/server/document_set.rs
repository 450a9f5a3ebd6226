//! Some documents as one text, which a conversation is about.

use std::sync::{Arc, OnceLock};

use crate::chat::titles::title;
use crate::citations::{self, Citation, Index};
use crate::document::{ByteSpan, Document};
use crate::session::documents::Opened;

/// Some documents as one text.
#[derive(Debug)]
pub(super) struct DocumentSet {
    /// What requests call them.
    pub(super) names: Vec<String>,
    pub(super) title: String,
    pub(super) text: Arc<str>,
    pub(super) document: Arc<Document>,
    index: OnceLock<Index>,
}

impl DocumentSet {
    pub(super) fn of(names: Vec<String>, opened: Opened) -> Self {
        let Opened { source, whole, .. } = opened;
        Self {
            names,
            title: title(&source, &whole, &whole),
            text: whole.text.as_str().into(),
            document: Arc::new(whole),
            index: OnceLock::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The quotes in `answer`, looked up, first in the `passages` that were read again for it. The first time takes as long as to index the text.
    pub(super) fn citations(&self, answer: &str, passages: &[ByteSpan]) -> Vec<Citation> {
        if !citations::can_look_up(answer, &self.text) {
            return Vec::new();
        }
        let index = self.index.get_or_init(|| Index::of(self.document.clone(), self.document.clone()));
        citations::check(answer, index, passages)
    }
}
