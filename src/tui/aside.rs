//! What is counted and tried on the side, while the screen goes on: the tokens of every part, and what would fit.
//!
//! One errand, one thread; what comes of it is told as it is known. Nobody waits for it, and what comes too late is recognised by its document.

use std::thread;

use tokio::sync::mpsc::UnboundedSender;

use crate::fit::Proposal;
pub(super) use crate::session::CountRequest as Question;
use crate::session::TokenCounter;

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

pub(super) fn weigh_aside(counter: &TokenCounter, of: Question, told: UnboundedSender<Aside>) {
    let counter = counter.clone();
    thread::spawn(move || {
        let mut hand_on = |first, tokens| told.send(Aside::Weighed { of: of.clone(), first, tokens }).is_ok();
        if let Err(failure) = counter.count_parts(&of, &mut hand_on) {
            let _ = told.send(Aside::Failed(failure.message));
        }
    });
}

pub(super) fn propose_aside(counter: &TokenCounter, of: Question, parts: Vec<usize>, told: UnboundedSender<Aside>) {
    let counter = counter.clone();
    thread::spawn(move || {
        let _ = told.send(match counter.propose(&of, &parts) {
            Ok(proposals) => Aside::Proposed { of, parts, proposals },
            Err(failure) => Aside::Failed(failure.message),
        });
    });
}
