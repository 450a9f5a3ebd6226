//! Looks up what a chat wants to know of its documents: the text of a file, the places of passages, and whether quotes are there.
//!
//! ```text
//! Effect::ReadFile        ──> file ─────┐
//! Effect::FindSources     ──> sources ──┼──> Input ──> chat::update
//! Effect::CheckCitations  ──> quotes ───┘
//! ```
//!
//! A front end with a screen does the slow ones on a thread of their own ([`super::effects`]); a script does all at once, as nothing else goes on
//! meanwhile.
//!
//! Example: the first answer with a quote has a book of 700 kB indexed; later ones, and later checks of the same document, use that index.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::documents;
use super::working_set::WorkingSet;
use crate::chat::Input;
use crate::citations::{self, Index};
use crate::document::{ByteSpan, ReadOptions};

/// What is kept between two questions about the same documents.
#[derive(Default)]
pub struct LookingUp {
    /// The index of the document in use, built when an answer first has a quote.
    index: Arc<OnceLock<Index>>,
}

impl LookingUp {
    /// Other parts or documents are in use.
    pub fn forget(&mut self) {
        self.index = Arc::default();
    }

    /// Checks the quotes in `answer`, once the result is called. That takes as long as to index the document, the first time.
    pub fn quotes(
        &self,
        files: &WorkingSet<'_>,
        entry: usize,
        answer: Arc<str>,
        passages: Vec<ByteSpan>,
    ) -> impl FnOnce() -> Input + Send + use<> {
        let (document, whole, index) = (files.document(), files.whole(), self.index.clone());
        move || {
            let index = index.get_or_init(|| Index::of(document, whole));
            let citations = citations::check(&answer, index, &passages);
            Input::Checked { entry, answer, citations }
        }
    }
}

/// The text of a file that a question names.
#[must_use]
pub fn file(name: Arc<str>, read: &ReadOptions) -> Input {
    let came = text_of(&name, read);
    Input::FileRead { name, came }
}

/// Where `passages` of the document in use are.
#[must_use]
pub fn sources(files: &WorkingSet<'_>, entry: usize, passages: Vec<ByteSpan>) -> Input {
    let sources = citations::sources(&files.document(), &files.whole(), &passages);
    Input::SourcesFound { entry, passages, sources }
}

/// The text of a file that a question names, or why there is none.
pub(crate) fn text_of(name: &str, read: &ReadOptions) -> Result<Arc<str>, String> {
    let path = Path::new(name);
    // Anything else, such as a pipe, could block forever.
    if !path.is_file() {
        return Err(format!("no document part or file is named {name}"));
    }
    documents::text_of(path, None, read).map(Arc::from).map_err(|error| error.to_string())
}
