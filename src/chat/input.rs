//! What comes into a chat, and what it asks to be done: plain data.
//!
//! Front ends make [`Input`]s of keys, lines, the engine's events and changed files; [`super::update()`] takes one at a time and returns
//! [`Effect`]s. Several effects are answered by an input later: [`Effect::ReadFile`] by [`Input::FileRead`].

use std::path::PathBuf;
use std::sync::Arc;

use super::attached::Attached;
use crate::citations::Citation;
use crate::engine::message::{CancelToken, Command, Event};
use crate::failure::Failure;
use crate::swaa::Preset;

/// Whatever may happen to a chat.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    Engine(Event),
    User(Action),
    /// The files were looked at, and are not what they were.
    News(News),
    /// Only time has passed.
    Tick,
    /// The engine's thread is gone, and it was not told to go.
    EngineGone,
    /// How far [`Effect::Fetch`] is, and what came of it.
    Fetching(Fetched),
    Fetched(Result<PathBuf, Failure>),
    /// What [`Effect::ReadFile`] asked for, or why it can't be had.
    FileRead {
        name: Arc<str>,
        came: Result<Arc<str>, String>,
    },
    /// What [`Effect::CheckCitations`] asked for.
    Checked {
        entry: usize,
        answer: Arc<str>,
        citations: Vec<Citation>,
    },
}

/// What a person can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Ask(String),
    /// The question that is being written refers to this.
    Attach(Attached),
    /// Asks this instead of the question of an entry, which is dropped with all that follows it.
    Replace {
        entry: usize,
        question: String,
    },
    /// Another answer to the last question.
    Regenerate,
    /// The last answer goes on where it was cut off.
    Continue,
    /// Goes on after an entry, or from the beginning, on a branch of its own.
    Fork {
        after: Option<usize>,
    },
    /// Shows another branch, from 0.
    ShowBranch(usize),
    /// Reads by another preset: an index into [`super::Chat::preset_entries`]. A second time: yes, go.
    Switch(usize),
    /// Reads by a preset of one's own, which becomes an offer.
    Try(Box<Preset>),
    /// What would each offer cost?
    Survey,
    /// Asks one question under each of several offers, two at least.
    Versus {
        question: String,
        preset_entries: Vec<usize>,
    },
    /// Yes to what is asked.
    Confirm,
    /// No to what is asked; else stop what runs. What was read and answered is kept.
    Cancel,
    /// Go on with a reading that was stopped; fetch the model that is offered.
    Resume,
    /// Take the model of this file, when there is none.
    TakeModel(PathBuf),
    /// Somebody thinks of reading this instead: what would it take? `None`: nobody does any more.
    Draft(Option<Draft>),
    /// Leave the reasoning and answer.
    AnswerNow,
    Quit,
}

/// What is to be done outside.
#[allow(clippy::large_enum_variant)] // there is one at a time, and it is handed on at once
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Send(Command),
    Cancel(CancelToken),
    /// Fetch the model that is offered; told by [`Input::Fetching`] and [`Input::Fetched`].
    Fetch(CancelToken),
    /// Load the model of this file.
    Start(PathBuf),
    /// Read the file of this name; answered by [`Input::FileRead`].
    ReadFile(Arc<str>),
    /// Look up what the answer of an entry quotes; answered by [`Input::Checked`].
    CheckCitations {
        entry: usize,
        answer: Arc<str>,
    },
    Quit,
}

/// What a look at the files brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    Changed(NewText),
    /// Other parts of it were chosen.
    Chosen(Chosen),
    /// They can't be read any more: why, in a sentence.
    Unreadable(String),
}

/// The document as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewText {
    pub text: Arc<str>,
    /// Where its parts end, in bytes; one at least.
    pub ends: Vec<usize>,
    /// Where the first change is: `from line 812 of book.txt on`.
    pub place: String,
    /// What `--pick` took of it, when it did.
    pub retrieved: Option<Retrieved>,
}

/// What `--pick` took of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retrieved {
    /// `8 of 61 parts`
    pub part: String,
    /// The same with the parts' names, for [`super::DocumentFacts::choice`].
    pub choice: String,
}

/// Parts that were chosen, by number, and perhaps a preset with them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// Ascending, from 1.
    pub parts: Vec<usize>,
    /// An index into [`super::Chat::preset_entries`]; `None` stays with the present one.
    pub preset_entry: Option<usize>,
}

/// The document that has the chosen parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    pub text: Arc<str>,
    /// What was chosen: `12 of 61 parts`.
    pub words: String,
    /// What of the document they are, when not all: `parts 1-12 of 61`.
    pub part: Option<String>,
    pub preset_entry: Option<usize>,
}

/// A document that somebody thinks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub text: Arc<str>,
    /// Of its parts; `auto` chooses by them.
    pub tokens: u32,
    /// The preset to read it by, when it is not the present one.
    pub preset_entry: Option<usize>,
}

/// A model that can be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// `Qwen2.5-Coder 0.5B Instruct, 4 bits`
    pub title: String,
    pub bytes: u64,
    pub license: Option<String>,
}

/// How far the fetching of a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fetched {
    pub done: u64,
    pub total: u64,
    /// All bytes are there, and are compared with what they should be.
    pub checking: bool,
}
