//! What is saved of a conversation, as data: entries as text and JSON, and what has changed since the last save.
//!
//! ```text
//! update ── Effect::Save(Saving) ──> session::Recorder ──> store        each time something changed
//! store ──> session ── Restored ──> Input::Restored, News::Opened       when a conversation goes on
//! ```
//!
//! Example: an answer of three pieces makes five savings: the question when it was asked, the entry when it runs with the first piece, two
//! that only grow, and the whole entry with its figures at the end. They are carried out before the screen is drawn, so what stands on it is
//! saved.
//!
//! The JSON of an entry is that of [`Exchange`] and [`Comparison`], without the texts, which have columns of their own and are searched. A
//! field that is added gets a default; a golden test holds the form, because files of earlier versions have it.
//!
//! It does not know files or SQL.

use std::sync::Arc;
use std::time::Duration;

use super::exchange::{Exchange, ExchangeState};
use super::measurements::Comparison;
use super::moment::Moment;
use super::transcript::Entry;
use crate::document::ByteSpan;
use crate::engine::message::{Finish, Passage};
use crate::failure::Failure;

/// The number of a saved conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionId(pub i64);

/// Whether a chat is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keeping {
    #[default]
    Nothing,
    /// From its first question on.
    Saved,
}

/// A saved conversation that goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Restored {
    pub session: SessionId,
    /// Of the conversation, when it was loaded: another window may write to it meanwhile.
    pub revision: i64,
    pub began: Moment,
    pub name: Option<Arc<str>>,
    /// The branch that is shown, from 0.
    pub shown: usize,
    pub branches: Vec<Vec<Entry>>,
    /// The document's text is not the one that the answers are about.
    pub is_about_another_text: bool,
    /// What has become of the documents since, and what is kept of the conversation.
    pub note: String,
}

/// An earlier conversation about the same documents, which can go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    pub session: SessionId,
    /// `of yesterday, 3 questions: "Who is Mr. Collins?"`
    pub words: String,
}

/// What is to be saved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Saving {
    /// Where the conversation lies from now on.
    pub begins: Option<Begins>,
    pub head: Option<Head>,
    /// How many entries each branch has, if that changed.
    pub lengths: Option<Vec<usize>>,
    pub entries: Vec<EntryChange>,
}

/// Where a conversation is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    New,
    /// There, if it still has this revision.
    At {
        session: SessionId,
        revision: i64,
    },
}

/// What a list of conversations shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub name: Option<Arc<str>>,
    /// The document's.
    pub title: String,
    pub part: Option<String>,
    /// The model's name.
    pub model: Option<String>,
    pub preset: Option<Arc<str>>,
    /// The branch that is shown, from 0.
    pub shown: usize,
    /// How many parts were taken, if time limited them.
    pub parts_taken: Option<usize>,
}

/// What has changed about an entry; branches and entries are counted from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryChange {
    Whole {
        branch: usize,
        position: usize,
        entry: SavedEntry,
    },
    /// Its answer and its thoughts end with these now.
    Grown {
        branch: usize,
        position: usize,
        answer: String,
        thoughts: String,
    },
}

/// An entry as it is saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedEntry {
    /// `question` or `switch`.
    pub kind: String,
    pub question: String,
    pub answer: String,
    pub thoughts: String,
    /// JSON.
    pub detail: String,
}

/// Why nothing was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotSaved {
    /// Another window goes on with the conversation, or it was removed.
    Elsewhere,
    Failed(Failure),
}

const QUESTION: &str = "question";
const SWITCH: &str = "switch";

impl From<&Entry> for SavedEntry {
    fn from(entry: &Entry) -> Self {
        match entry {
            Entry::Exchange(exchange) => Self {
                kind: QUESTION.to_owned(),
                question: exchange.question.to_string(),
                answer: exchange.answer.clone(),
                thoughts: exchange.reasoning.text.clone(),
                detail: serde_json::to_string(exchange).expect("plain data can be written"),
            },
            Entry::Switch(comparison) => Self {
                kind: SWITCH.to_owned(),
                question: String::new(),
                answer: String::new(),
                thoughts: String::new(),
                detail: serde_json::to_string(comparison).expect("plain data can be written"),
            },
        }
    }
}

impl SavedEntry {
    /// The entry. `None` for one of a kind that this version doesn't know.
    ///
    /// Details that can't be read are left out; the texts are always kept. What was still running was broken off.
    #[must_use]
    pub fn entry(self) -> Option<Entry> {
        match self.kind.as_str() {
            QUESTION => {
                let read: Option<Exchange> = serde_json::from_str(&self.detail).ok();
                let mut exchange = read.unwrap_or_else(|| Exchange {
                    state: ExchangeState::Answered(Finish::EndOfGeneration),
                    ..Exchange::waiting("".into())
                });
                exchange.question = self.question.into();
                exchange.answer = self.answer;
                exchange.reasoning.text = self.thoughts;
                leave_out_unsound(&mut exchange);
                broken_off(&mut exchange);
                Some(Entry::Exchange(exchange))
            }
            SWITCH => serde_json::from_str::<Comparison>(&self.detail).ok().map(Entry::Switch),
            _ => None,
        }
    }
}

/// A damaged file may hold places that are not in the texts. They are left out, before anything is cut there.
fn leave_out_unsound(exchange: &mut Exchange) {
    let Exchange { answer, citations, read_again, chosen, .. } = exchange;
    let is_sound = |span: &ByteSpan| span.start <= span.end;
    citations.retain(|citation| {
        let quote = answer.get(citation.span.start..citation.span.end);
        quote.is_some() && citation.verdict.passage().as_ref().is_none_or(is_sound)
    });
    if let Some(chosen) = chosen {
        chosen.retain(is_sound);
    }
    let are_sound = |passages: &[Passage]| passages.iter().all(|passage| passage.span.start <= passage.span.end);
    read_again.take_if(|read_again| !are_sound(&read_again.passages) || !are_sound(&read_again.heat));
}

/// An answer that was still running has ended; times count from the start of this run.
fn broken_off(exchange: &mut Exchange) {
    if exchange.is_waited_for() {
        let is_empty = exchange.answer.is_empty() && exchange.reasoning.text.is_empty();
        exchange.state = if is_empty { ExchangeState::Withdrawn } else { ExchangeState::Answered(Finish::Cancelled) };
        exchange.may_be_reasoning = false;
    }
    if let Some(began) = exchange.reasoning.began.take() {
        let took = exchange.reasoning.ended.map_or(Duration::ZERO, |ended| ended.saturating_sub(began));
        (exchange.reasoning.began, exchange.reasoning.ended) = (Some(Duration::ZERO), Some(took));
    }
    exchange.answer_began = None;
}

/// What was saved last, to find what has changed.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Recording {
    /// Comes with the next saving.
    pub begins: Option<Begins>,
    pub head: Option<Head>,
    pub branches: Vec<Vec<Entry>>,
    /// Whether the stored branches have the lengths of `branches`.
    pub has_lengths: bool,
    /// The last save failed at this time, and the user knows.
    pub failed_at: Option<Duration>,
}

impl Recording {
    /// A conversation of which nothing is saved yet.
    pub(super) fn new() -> Self {
        Self { begins: Some(Begins::New), ..Self::default() }
    }

    /// One that is saved already.
    pub(super) fn of(restored: &Restored) -> Self {
        Self {
            begins: Some(Begins::At { session: restored.session, revision: restored.revision }),
            branches: restored.branches.clone(),
            has_lengths: true,
            ..Self::default()
        }
    }
}
