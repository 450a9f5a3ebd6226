//! Which saved conversation goes on, and in what state: found by its name or its documents, with what has become of them since.
//!
//! Example: `lunette --continue` in a folder takes the conversation that was used last there. Its documents are opened as it had named them,
//! with its parts; a file that changed is named, and one that is gone is left out: the conversation is always kept.
//!
//! It opens no documents; [`super::documents`] does.

use std::sync::Arc;
use std::time::Duration;

use super::fingerprints::{DocumentsNote, stored_names};
use super::recorder::Recorder;
pub use super::recorder::now_s;
use super::setup::setup_about;
use crate::chat::recording::{Earlier, Restored, SavedEntry, SessionId};
use crate::chat::{Chat, DocumentFacts, Entry, Input, Moment, Source, update};
use crate::document::Document;
use crate::failure::{Failure, Hint};
use crate::fit::written;
use crate::settings::{Documents, SessionChoice, Settings};
pub use crate::store::search::Hit as Found;
pub use crate::store::sessions::Session;
use crate::store::sessions::Turn;
use crate::store::{self, Database};

const DAY_S: i64 = 86_400;

/// Why the conversation that was asked for doesn't go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no conversation is saved about this")]
    NoneAbout,
    #[error("no conversation is called {0}")]
    NoneCalled(String),
    #[error("{count} conversations are called {called}")]
    SeveralCalled { called: String, count: usize, numbers: String },
    #[error("{}", .0.message)]
    NothingKept(Failure),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoneAbout | Self::NoneCalled(_) => Some("`lunette sessions ls` lists them".to_owned()),
            Self::SeveralCalled { numbers, .. } => Some(format!("their numbers are {numbers}")),
            Self::NothingKept(failure) => failure.hint.clone(),
            Self::Store(error) => error.hint(),
        }
    }
}

/// A saved conversation that is being taken up.
#[derive(Debug, Clone)]
pub struct TakenUp {
    pub session: Session,
    pub documents: DocumentsNote,
    turns: Vec<Turn>,
    /// Why its documents can't be opened.
    pub gone: Option<String>,
}

impl TakenUp {
    /// The conversation of this number, for a program that runs in `folder`.
    pub fn of(database: &mut Database, id: i64, folder: &str) -> Result<Self, Error> {
        let session = one_called(database, &id.to_string())?;
        let documents = DocumentsNote::read(&session.documents, session.folder == folder);
        Ok(Self { turns: database.turns(id)?, session, documents, gone: None })
    }

    /// The conversation of this number or name.
    pub fn called(recorder: &mut Recorder, name: &str) -> Result<Self, Error> {
        let (id, folder) = (called(recorder, name)?.id, recorder.folder().to_owned());
        let none = || Error::NoneCalled(name.to_owned());
        Self::of(recorder.database().ok_or_else(none)?, id, &folder)
    }

    /// When it began.
    #[must_use]
    pub fn began(&self) -> Moment {
        Moment(self.session.began_s)
    }

    /// The state of a chat about `document`, which is what its documents are now.
    #[must_use]
    pub fn restored(&self, document: &Document) -> Restored {
        let changes = self.documents.changes(document).filter(|_| self.gone.is_none());
        let is_about_another_text = changes.is_some();
        Restored { is_about_another_text, note: self.note(changes.as_deref()), ..self.as_it_was() }
    }

    /// The state that it was left in, whatever has become of its documents.
    #[must_use]
    pub fn as_it_was(&self) -> Restored {
        Restored {
            session: SessionId(self.session.id),
            revision: self.session.used,
            began: self.began(),
            name: self.session.head.name.as_deref().map(Arc::from),
            shown: self.session.head.shown,
            branches: branches(&self.turns),
            is_about_another_text: false,
            note: String::new(),
        }
    }

    /// What has become of the documents, and what is kept.
    fn note(&self, changes: Option<&str>) -> String {
        let kept = in_words(self.session.questions);
        if let Some(gone) = &self.gone {
            return format!("{gone}; its conversation is kept ({kept}), and goes on without the document");
        }
        if self.documents.names.iter().any(|name| name == "-") {
            return format!("the document came from standard input and is not kept; its conversation is ({kept})");
        }
        let picked = if self.documents.is_picked { "; the parts that --pick chose from are read whole" } else { "" };
        match changes {
            Some(_) if self.documents.is_picked => format!("the conversation goes on ({kept}){picked}"),
            Some(changes) => {
                format!("{changes} since; the conversation is kept ({kept}), and goes on about the text as it is now")
            }
            None => format!("the conversation {} goes on ({kept})", when(self.session.used_s)),
        }
    }

    /// Lets `settings` name its documents and parts, unless the user named some. Returns whether they do.
    pub fn name_documents(&self, settings: &mut Settings) -> bool {
        if !matches!(&settings.documents, Documents::Named(names) if names.is_empty()) {
            return false;
        }
        match self.documents.source() {
            Some(Source::Demo) => settings.documents = Documents::BundledBook,
            Some(Source::Named(names)) => {
                settings.documents = Documents::Named(names.into_iter().map(Into::into).collect());
            }
            None => return false,
        }
        if settings.parts.is_none() && settings.within.is_none() && settings.pick.is_none() {
            settings.pages = settings.pages.take().or_else(|| self.documents.pages.clone());
            settings.parts = self.documents.parts.as_ref().map(|parts| written(parts));
        }
        true
    }
}

/// A chat that holds the saved conversation of this number or name, as exports show it. No model answers in it.
pub fn saved_chat(settings: &Settings, recorder: &mut Recorder, called: &str) -> Result<Chat, Error> {
    let taken_up = TakenUp::called(recorder, called)?;
    let head = &taken_up.session.head;
    let facts = DocumentFacts { title: head.title.clone(), part: head.part.clone(), text: "".into(), choice: None };
    let mut chat = Chat::new(setup_about(settings, facts, taken_up.began()));
    update(&mut chat, Duration::ZERO, Input::Restored(Box::new(taken_up.as_it_was())));
    Ok(chat)
}

/// The conversation that `settings` ask for; `None` for a new one.
pub fn asked_for(settings: &Settings, recorder: &mut Recorder) -> Result<Option<TakenUp>, Error> {
    let folder = recorder.folder().to_owned();
    let names = named(settings);
    let Some(database) = recorder.database() else { return Ok(None) };
    let id = match &settings.session {
        SessionChoice::Last => {
            let all = database.sessions_about(&names, &folder)?;
            all.first().ok_or(Error::NoneAbout)?.id
        }
        SessionChoice::Named(name) => match one_called(database, name) {
            Ok(session) => session.id,
            // A new conversation gets the name, unless it is a number.
            Err(Error::NoneCalled(name)) if name.trim_start_matches('#').parse::<i64>().is_err() => return Ok(None),
            Err(error) => return Err(error),
        },
        SessionChoice::Offer | SessionChoice::New | SessionChoice::Nothing => return Ok(None),
    };
    TakenUp::of(database, id, &folder).map(Some)
}

/// The conversation to offer at the start: the last one about the same documents, or begun in this folder.
#[must_use]
pub fn offered(settings: &Settings, recorder: &mut Recorder) -> Option<Earlier> {
    if settings.session != SessionChoice::Offer || !settings.questions.is_empty() {
        return None;
    }
    let (folder, names) = (recorder.folder().to_owned(), named(settings));
    let database = recorder.database()?;
    let sessions =
        database.sessions_about(&names, &folder).map_err(|error| tracing::warn!(%error, "nothing is offered")).ok()?;
    let last = sessions.into_iter().find(|session| session.questions > 0)?;
    Some(Earlier { session: SessionId(last.id), words: described(&last) })
}

/// `of yesterday about book.txt: 3 questions, the last “Who is Mr. Collins?”`
#[must_use]
pub fn described(session: &Session) -> String {
    let about = session.head.name.as_ref().unwrap_or(&session.head.title);
    let about = if about.is_empty() { String::new() } else { format!(" about {about}") };
    let last: String = session.last_question.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = last.chars().take(60).collect();
    let more = if shown.len() < last.len() { "…" } else { "" };
    format!("{}{about}: {}, the last “{shown}{more}”", when(session.used_s), in_words(session.questions))
}

/// All saved conversations, the one that was used last first.
pub fn listed(recorder: &mut Recorder) -> Result<Vec<Session>, Error> {
    Ok(recorder.database().map_or_else(|| Ok(Vec::new()), |database| database.sessions())?)
}

/// Where `query` is found, the newest conversations first.
pub fn found(recorder: &mut Recorder, query: &str) -> Result<Vec<Found>, Error> {
    Ok(recorder.database().map_or_else(|| Ok(Vec::new()), |database| database.search(query))?)
}

/// The one conversation of this number or name.
pub fn called(recorder: &mut Recorder, called: &str) -> Result<Session, Error> {
    let none = || Error::NoneCalled(called.to_owned());
    one_called(recorder.database().ok_or_else(none)?, called)
}

fn one_called(database: &Database, called: &str) -> Result<Session, Error> {
    let mut all = database.sessions_called(called)?;
    match all.len() {
        0 => Err(Error::NoneCalled(called.to_owned())),
        1 => Ok(all.remove(0)),
        count => {
            let numbers = all.iter().map(|session| session.id.to_string()).collect::<Vec<_>>().join(", ");
            Err(Error::SeveralCalled { called: called.to_owned(), count, numbers })
        }
    }
}

/// Branches without a turn between two that have some. More come from a damaged file.
const MOST_EMPTY: usize = 1_000;

/// The branches that turns make up.
#[must_use]
pub fn branches(turns: &[Turn]) -> Vec<Vec<Entry>> {
    let mut branches: Vec<Vec<Entry>> = Vec::new();
    for turn in turns {
        let branch = turn.branch.min(branches.len() + MOST_EMPTY);
        if branches.len() <= branch {
            branches.resize_with(branch + 1, Vec::new);
        }
        let Turn { kind, question, answer, thoughts, detail, .. } = turn.clone();
        branches[branch].extend(SavedEntry { kind, question, answer, thoughts, detail }.entry());
    }
    branches
}

/// The names of the documents, as conversations are found by them.
fn named(settings: &Settings) -> Vec<String> {
    let source = match &settings.documents {
        Documents::Named(names) => {
            Source::Named(names.iter().map(|name| name.to_string_lossy().into_owned()).collect())
        }
        Documents::BundledBook => Source::Demo,
        Documents::Piped => Source::Named(vec!["-".to_owned()]),
    };
    stored_names(&source, settings.home.as_deref())
}

/// `of today`, `of yesterday`, `of 5 days ago`, by days of 24 hours.
fn when(then_s: i64) -> String {
    format!("of {}", ago(then_s, now_s()))
}

/// `today`, `yesterday`, `5 days ago`, by days of 24 hours.
#[must_use]
pub fn ago(then_s: i64, now_s: i64) -> String {
    match (now_s - then_s).max(0) / DAY_S {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        days => format!("{days} days ago"),
    }
}

/// `3 questions`
fn in_words(questions: usize) -> String {
    format!("{questions} {}", if questions == 1 { "question" } else { "questions" })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It asked for more memory than there is.
    #[test]
    fn a_branch_with_a_number_that_no_program_gave_is_another_branch() {
        let turn = |branch| Turn { branch, kind: "question".into(), question: "Who?".into(), ..Turn::default() };
        let lengths = |turns: &[Turn]| branches(turns).iter().map(Vec::len).filter(|&len| len > 0).collect::<Vec<_>>();
        assert_eq!(lengths(&[turn(0), turn(0), turn(2)]), [2, 1]);
        assert_eq!(lengths(&[turn(0), turn(usize::MAX)]), [1, 1]);
    }

    #[test]
    fn days_are_counted() {
        let said = [0, DAY_S - 1, DAY_S, 3 * DAY_S, -5].map(|past| ago(1_000_000_000 - past, 1_000_000_000));
        assert_eq!(said, ["today", "today", "yesterday", "3 days ago", "today"]);
    }
}
