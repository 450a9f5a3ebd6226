//! What is counted and tried on the side, while the screen goes on: the tokens of every part, and what would fit.
//!
//! One errand, one thread; what comes of it is told as it is known. Nobody waits for it, and what comes too late is recognised by its document.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use tokio::sync::mpsc::UnboundedSender;

use crate::document::Document;
use crate::engine::message::Failure;
use crate::fit::Proposal;

/// What was asked about a document of which everything can be chosen.
#[derive(Debug, Clone)]
pub struct Question {
    /// The file of the model that counts.
    pub model: PathBuf,
    pub whole: Arc<Document>,
}

/// Two are the same when they are about the same document in memory: a book is not compared byte for byte.
impl PartialEq for Question {
    fn eq(&self, other: &Self) -> bool {
        self.model == other.model && Arc::ptr_eq(&self.whole, &other.whole)
    }
}

impl Eq for Question {}

/// Takes the index of the first part of a batch, and the tokens of the batch's parts; false ends it.
pub type Told<'a> = &'a mut dyn FnMut(usize, Vec<u32>) -> bool;

/// Counts the tokens of all parts.
pub type Weigh = Arc<dyn Fn(&Question, Told<'_>) -> Result<(), Failure> + Send + Sync>;

/// What would fit in the place of these parts, by number.
pub type Propose = Arc<dyn Fn(&Question, &[usize]) -> Result<Vec<Proposal>, Failure> + Send + Sync>;

/// Who counts and tries.
#[derive(Clone)]
pub struct Scales {
    pub weigh: Weigh,
    pub propose: Propose,
}

/// What has come of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Aside {
    /// The tokens of some parts, the first of them by its index.
    Weighed {
        of: Question,
        first: usize,
        tokens: Vec<u32>,
    },
    Proposed {
        of: Question,
        parts: Vec<usize>,
        proposals: Vec<Proposal>,
    },
    /// It can't be told: why, in a sentence.
    Failed(String),
}

impl Scales {
    pub(super) fn weigh_aside(&self, of: Question, told: UnboundedSender<Aside>) {
        let weigh = self.weigh.clone();
        thread::spawn(move || {
            let mut hand_on = |first, tokens| told.send(Aside::Weighed { of: of.clone(), first, tokens }).is_ok();
            if let Err(failure) = weigh(&of, &mut hand_on) {
                let _ = told.send(Aside::Failed(failure.message));
            }
        });
    }

    pub(super) fn propose_aside(&self, of: Question, parts: Vec<usize>, told: UnboundedSender<Aside>) {
        let propose = self.propose.clone();
        thread::spawn(move || {
            let _ = told.send(match propose(&of, &parts) {
                Ok(proposals) => Aside::Proposed { of, parts, proposals },
                Err(failure) => Aside::Failed(failure.message),
            });
        });
    }
}
