//! A chat's inputs and effects: plain data.
//!
//! Front ends turn keys, lines, engine events and changed files into [`Input`]s; [`super::update()`] takes one at a
//! time and returns [`Effect`]s. The result of some effects comes back later as an input: that of [`Effect::ReadFile`]
//! as [`Input::FileRead`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::attached::Attached;
use super::document::DocumentFacts;
use super::recording::{NotSaved, Restored, Saving, SessionId};
use super::room::WayOut;
use super::template::ChatTemplate;
use super::until::Until;
use super::within::Within;
use crate::citations::{Citation, SourceRange};
use crate::document::ByteSpan;
use crate::engine::message::{CancelToken, Command, Event, JobId, Sampling};
use crate::failure::Failure;
use crate::swaa::{ChainOfThought, Preset};

/// Something that happened to a chat.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    Engine(Event),
    User(Action),
    /// The files have changed, or other parts were selected.
    News(News),
    /// Only time has passed.
    Tick,
    /// The user has done something that is no action yet, such as typing.
    Stirred,
    /// The engine's thread ended without being asked to.
    EngineGone,
    /// Progress of [`Effect::Fetch`].
    Fetching(Fetched),
    Fetched(Result<PathBuf, Failure>),
    /// The text that [`Effect::ReadFile`] asked for, or why it could not be read.
    FileRead {
        name: Arc<str>,
        came: Result<Arc<str>, String>,
    },
    /// The result of [`Effect::FindSources`]: a place for each passage.
    SourcesFound {
        entry: usize,
        passages: Vec<ByteSpan>,
        sources: Vec<Option<SourceRange>>,
    },
    /// The result of [`Effect::CheckCitations`].
    Checked {
        entry: usize,
        answer: Arc<str>,
        citations: Vec<Citation>,
    },
    /// A saved conversation goes on from the start.
    Restored(Box<Restored>),
    /// Something that has to be told at the start.
    Noticed(Failure),
    /// [`Effect::Save`] saved nothing.
    NotSaved(NotSaved),
    /// It saved, after it could not.
    SavedAgain,
}

/// What the user can do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Ask(String),
    /// Attaches this to the question being written.
    Attach(Attached),
    /// Replaces the question of an entry by this one. The old question and everything after it are dropped.
    Replace {
        entry: usize,
        question: String,
    },
    /// Asks for another answer to the last question.
    Regenerate,
    /// Asks the last question again with these passages read again before it, in bytes of the document, on a new branch.
    ReadAgain(Vec<ByteSpan>),
    /// Continues the last answer where it was cut off.
    Continue,
    /// Starts a new branch after an entry, or from the beginning.
    Fork {
        after: Option<usize>,
    },
    /// Starts a new conversation about the same document; the old one stays as a branch.
    NewConversation,
    /// Takes a way out of a full context; see [`super::room`].
    MakeRoom(WayOut),
    /// Names the conversation; a blank name takes the name away.
    Rename(String),
    /// Shows another branch, from 0.
    ShowBranch(usize),
    /// Switches to another preset: an index into [`super::Chat::preset_entries`]. Repeating it confirms the switch.
    Switch(usize),
    /// Switches to the user's own preset, which becomes a preset entry.
    Try(Box<Preset>),
    /// Reasons like this before the next answers.
    Think(ChainOfThought),
    /// Ends reasoning after so many tokens; `None`: never.
    SetReasoningBudget(Option<u32>),
    /// Asks what each preset entry would cost.
    Survey,
    /// Reads the other presets while nothing else is to be done, or no more.
    ReadAhead,
    /// Asks one question under each of two or more preset entries.
    Versus {
        question: String,
        preset_entries: Vec<usize>,
    },
    /// Confirms what the chat asks.
    Confirm,
    /// Declines what the chat asks, or else stops the running job. Progress is kept.
    Cancel,
    /// Continues a stopped prefill, or fetches the offered model.
    Resume,
    /// Loads the model from this file instead of the current one, if any. The conversation is kept.
    TakeModel(PathBuf),
    /// Uses a model of the catalogue from now on. If it is not on this machine, it is fetched first.
    UseModel(Box<KnownModel>),
    /// Opens another document, about which a new conversation starts.
    Open(Source),
    /// Goes on with a saved conversation, about its own documents; `called` says which, in words.
    GoOnWith {
        session: SessionId,
        called: String,
    },
    /// Asks about what is before this place in the document alone; `None`: about all of it again.
    AskUntil(Option<Until>),
    /// Replaces the system prompt; `None` for none. The document is prefilled again behind it.
    SetSystem(Option<Arc<str>>),
    /// Samples later answers like this.
    SetSampling(Sampling),
    /// Limits later answers to so many tokens; `None` for no limit.
    SetMaxTokens(Option<u32>),
    /// Asks what it would take to use this draft instead. `None` drops the draft.
    Draft(Option<Draft>),
    /// Ends the reasoning and starts the answer.
    AnswerNow,
    Quit,
}

impl Action {
    /// Whether it asks about the documents as they are now, so that their files are looked at first. The rest of an answer, and passages that are read
    /// again, belong to the text that the answer is about: in another one, its bytes would be other passages.
    #[must_use]
    pub const fn looks_at_files(&self) -> bool {
        matches!(self, Self::Ask(_) | Self::Replace { .. } | Self::Regenerate | Self::Versus { .. })
    }

    /// The question that it asks anew, with what it may refer to.
    #[must_use]
    pub fn question(&self) -> Option<&str> {
        match self {
            Self::Ask(question) | Self::Replace { question, .. } | Self::Versus { question, .. } => Some(question),
            _ => None,
        }
    }
}

/// What the chat wants done outside of it.
#[allow(clippy::large_enum_variant)] // there is one at a time, and it is passed on at once
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Send(Command),
    Cancel(CancelToken),
    /// Have the heads looked for that point at passages, by [`Command::FindHeads`] with facts that are planted in a text.
    FindHeads {
        job: JobId,
        template: Box<ChatTemplate>,
        cancel: CancelToken,
    },
    /// Fetch the model of this name; reported by [`Input::Fetching`] and [`Input::Fetched`].
    Fetch {
        name: String,
        cancel: CancelToken,
    },
    /// Load the model from this file, instead of the one that is loaded.
    Start(PathBuf),
    /// Open other documents; reported by [`News::Opened`] or [`News::NotOpened`].
    Open(Source),
    /// Open a saved conversation with its documents; reported in the same way.
    OpenSession(SessionId),
    /// Save what has changed about the conversation, before it is shown; a failure is reported by [`Input::NotSaved`].
    Save(Box<Saving>),
    /// Read the file of this name; answered by [`Input::FileRead`].
    ReadFile(Arc<str>),
    /// Look up where the passages that were read again for an entry are; answered by [`Input::SourcesFound`].
    FindSources {
        entry: usize,
        passages: Vec<ByteSpan>,
    },
    /// Look up the citations in the answer of an entry, first in these passages; answered by [`Input::Checked`].
    CheckCitations {
        entry: usize,
        answer: Arc<str>,
        passages: Vec<ByteSpan>,
    },
    Quit,
}

/// What has changed about the documents.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    Changed(NewText),
    /// The user selected other parts.
    Chosen(Chosen),
    /// The files can't be read any more; the sentence says why.
    Unreadable(String),
    /// Documents that the user opened are still being read.
    OpeningAt(OpeningAt),
    /// The user opened other documents.
    Opened(Box<OpenedDocument>),
    /// They can't be opened.
    NotOpened(Failure),
}

/// Where the reading of documents is that are being opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningAt {
    /// `manual.pdf, page 211 of 2415`.
    pub place: String,
    /// Since it began.
    pub after: Duration,
}

/// Where documents come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Paths and addresses, as the user named them.
    Named(Vec<String>),
    /// The bundled book, as much of it as can be prefilled in a minute.
    Demo,
}

impl Source {
    /// For a progress line: `book.txt`, `src/ and 2 more`.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Demo => "Pride and Prejudice".to_owned(),
            Self::Named(names) => match &names[..] {
                [] => String::new(),
                [name] => name.clone(),
                [name, others @ ..] => format!("{name} and {} more", others.len()),
            },
        }
    }
}

/// A document that was opened during a session.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenedDocument {
    pub facts: DocumentFacts,
    /// How much of it to read, if time is limited.
    pub within: Option<Within>,
    /// The saved conversation about it that goes on.
    pub restored: Option<Box<Restored>>,
}

/// The document as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewText {
    pub text: Arc<str>,
    /// Where its parts end, in bytes; at least one.
    pub ends: Vec<usize>,
    /// Where the first change is: `from line 812 of book.txt on`.
    pub place: String,
    /// What `--pick` selected, if it was given.
    pub retrieved: Option<Retrieved>,
}

/// What `--pick` selected from a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retrieved {
    /// `8 of 61 parts`
    pub part: String,
    /// The same with the parts' names, for [`super::DocumentFacts::choice`].
    pub choice: String,
}

/// The numbers of the selected parts, and optionally a preset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// Ascending, from 1.
    pub parts: Vec<usize>,
    /// An index into [`super::Chat::preset_entries`]; `None` keeps the current preset.
    pub preset_entry: Option<usize>,
}

/// The document made of the selected parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// What they are called.
    pub title: String,
    pub text: Arc<str>,
    /// How many parts: `12 of 61 parts`.
    pub words: String,
    /// Which parts, if not all: `parts 1-12 of 61`.
    pub part: Option<String>,
    pub preset_entry: Option<usize>,
}

/// A selection of parts that the user is considering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub text: Arc<str>,
    /// Its preset, if not the current one.
    pub preset_entry: Option<usize>,
}

/// A model that can be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// What `-m` or `-hf` takes: `qwen2.5-coder-0.5b`.
    pub name: String,
    /// `Qwen2.5-Coder 0.5B Instruct, 4 bits`
    pub title: String,
    pub bytes: u64,
    pub license: Option<String>,
    /// How fast it will read here, predicted, in words; `None` where nothing was measured.
    pub speed: Option<String>,
}

/// A model of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownModel {
    pub offered: Offered,
    /// Where it is on this machine; `None` if it has to be fetched.
    pub file: Option<PathBuf>,
    /// Whether this machine's memory holds it now.
    pub fits: Fits,
}

/// Whether memory holds a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fits {
    Yes,
    /// Its file fits, but a second copy of the weights, rearranged for the CPU, may not.
    Perhaps,
    No,
}

/// Progress of a model download.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fetched {
    pub done: u64,
    pub total: u64,
    /// The download is complete and its checksum is being verified.
    pub checking: bool,
}
