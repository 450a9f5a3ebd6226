//! Carries out [`crate::chat::Effect::Save`]: puts what has changed about a conversation into the store, with its documents.
//!
//! ```text
//! chat::update ── Save(Saving) ──> Recorder ──> store::Database
//!                                     └── Input::NotSaved, if it failed ──> chat::update
//! ```
//!
//! A save is carried out at once, before the screen is drawn: nothing waits for the disk ([`crate::store`]). When it fails, nothing of
//! it is stored, and the chat gives all of it again later. A conversation that another window has taken over goes on as a new one.
//!
//! It also keeps the question history, places and recent documents, which lie in the same database. Where nothing is to be saved
//! (`--no-session`) or the database can't be opened, there is no database and all of this does nothing.

use std::sync::Arc;
use std::time::SystemTime;

use super::fingerprints::DocumentsNote;
use super::paths::absolute;
use super::working_set::WorkingSet;
use crate::chat::recording::{Begins, EntryChange, Head, NotSaved, SavedEntry, Saving};
use crate::chat::{Input, Moment};
use crate::document::{Document, without_password};
use crate::failure::{Failure, FailureKind};
use crate::settings::{SessionChoice, Settings};
use crate::store::blocks::Store;
use crate::store::sessions::{self, SaveError, Target, Turn, TurnChange, Writer};
use crate::store::{self, Database};

/// Saves a conversation.
#[derive(Debug)]
pub struct Recorder {
    database: Option<Database>,
    /// Where the conversation goes.
    target: Target,
    /// What is kept of readings, and of what was asked about them.
    blocks: Option<Store>,
    /// Tells this window from all others.
    token: String,
    /// The folder that the program runs in.
    folder: String,
    /// The documents that are stored with the conversation.
    noted: Option<Arc<Document>>,
    is_failing: bool,
}

impl Recorder {
    /// Opens the store that `settings` name, and moves in what earlier versions kept elsewhere. With what has to be told: why there is no
    /// store, or that a damaged one was set aside.
    #[must_use]
    pub fn open(settings: &Settings) -> (Self, Option<Failure>) {
        if settings.session == SessionChoice::Nothing {
            return (Self::nothing(), None);
        }
        match Database::open(&settings.directories.sessions()) {
            Ok(database) => {
                if let Err(error) = database.move_in(&settings.directories.state) {
                    tracing::warn!(%error, "what earlier versions kept stays where it is");
                }
                if let Err(error) = database.rename_addresses(|name| without_password(name).into_owned()) {
                    tracing::warn!(%error, "passwords in addresses that earlier versions kept stay there");
                }
                let note = database.note().map(|note| Failure::new(FailureKind::Runtime, note, None));
                let blocks = settings.engine.disk_cache.as_ref().map(|disk| Store::at(disk.folder.clone()));
                (Self { blocks, ..Self::on(database) }, note)
            }
            Err(error) => (Self::nothing(), Some(Failure::of(FailureKind::Runtime, &error))),
        }
    }

    /// Saves nothing.
    #[must_use]
    pub fn nothing() -> Self {
        let token = format!("{}-{:?}", std::process::id(), SystemTime::now());
        let folder = absolute(".", None);
        Self { database: None, target: Target::New, blocks: None, token, folder, noted: None, is_failing: false }
    }

    /// Saves to `database`.
    #[must_use]
    pub fn on(database: Database) -> Self {
        Self { database: Some(database), ..Self::nothing() }
    }

    /// Whether anything is saved.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.database.is_some()
    }

    /// The store; `None` if nothing is saved.
    pub fn database(&mut self) -> Option<&mut Database> {
        self.database.as_mut()
    }

    /// The folder that the program runs in.
    #[must_use]
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// Copies a saved conversation. Returns the number of the copy; 0 where nothing is saved.
    pub fn fork(&mut self, id: i64, name: Option<&str>) -> Result<i64, store::Error> {
        // The copy is nobody's yet.
        let writer = Writer { token: "", folder: &self.folder, now_s: now_s() };
        self.database.as_mut().map_or(Ok(0), |database| database.fork(id, name, writer))
    }

    /// Names a saved conversation, or takes its name away.
    pub fn rename(&mut self, id: i64, name: Option<&str>) -> Result<(), store::Error> {
        self.database.as_ref().map_or(Ok(()), |database| database.rename(id, name))
    }

    /// Removes a saved conversation, and what the KV cache on disk holds of any: which blocks are of which is not known, and what is missing
    /// is read again. Returns whether it was there.
    pub fn remove(&mut self, id: i64) -> Result<bool, store::Error> {
        let was_there = self.database.as_mut().map_or(Ok(false), |database| database.remove(id))?;
        if let Some(Err(error)) = self.blocks.as_ref().filter(|_| was_there).map(Store::forget_conversations) {
            tracing::warn!(%error, "the KV cache on disk still holds parts of conversations");
        }
        Ok(was_there)
    }

    /// The conversation that is saved now; `None` before its first save.
    #[must_use]
    pub fn current(&self) -> Option<i64> {
        match self.target {
            Target::Own(id) | Target::TakeOver { id, .. } => Some(id),
            Target::New => None,
        }
    }

    /// Saves what has changed of a conversation about `files`. Returns what the chat has to know.
    pub fn save(&mut self, saving: &Saving, files: &WorkingSet<'_>) -> Option<Input> {
        match saving.begins {
            Some(Begins::New) => (self.target, self.noted) = (Target::New, None),
            Some(Begins::At { session, revision }) => {
                (self.target, self.noted) = (Target::TakeOver { id: session.0, used: revision }, None);
            }
            None => {}
        }
        let database = self.database.as_mut()?;
        let now_s = now_s();
        let mut changes = changes(saving, now_s);
        let document = files.document();
        let is_noted = self.noted.as_ref().is_some_and(|noted| Arc::ptr_eq(noted, &document));
        let parts_taken = saving.head.as_ref().and_then(|head| head.parts_taken);
        if !is_noted || parts_taken.is_some() {
            changes.documents = Some(DocumentsNote::of(files, parts_taken).stored(files));
        }
        let writer = Writer { token: &self.token, folder: &self.folder, now_s };
        match database.save(self.target, writer, &changes) {
            Ok(id) => {
                (self.target, self.noted) = (Target::Own(id), Some(document));
                std::mem::take(&mut self.is_failing).then_some(Input::SavedAgain)
            }
            Err(SaveError::Elsewhere) => Some(Input::NotSaved(NotSaved::Elsewhere)),
            Err(SaveError::Failed(error)) => {
                tracing::warn!(%error, "the conversation is not saved");
                (self.is_failing, self.noted) = (true, None);
                Some(Input::NotSaved(NotSaved::Failed(Failure::of(FailureKind::Runtime, &error))))
            }
        }
    }
}

/// Seconds since 1970 (UTC).
#[must_use]
pub fn now_s() -> i64 {
    Moment::from(SystemTime::now()).0
}

fn changes(saving: &Saving, now_s: i64) -> sessions::Saving {
    sessions::Saving {
        head: saving.head.as_ref().map(head),
        documents: None,
        lengths: saving.lengths.clone(),
        turns: saving.entries.iter().map(|change| turn(change, now_s)).collect(),
    }
}

fn head(head: &Head) -> sessions::Head {
    sessions::Head {
        name: head.name.as_deref().map(str::to_owned),
        title: head.title.clone(),
        part: head.part.clone(),
        model: head.model.clone(),
        preset: head.preset.as_deref().map(str::to_owned),
        shown: head.shown,
    }
}

fn turn(change: &EntryChange, now_s: i64) -> TurnChange {
    match change.clone() {
        EntryChange::Grown { branch, position, answer, thoughts } => {
            TurnChange::Grown { branch, position, answer, thoughts }
        }
        EntryChange::Whole { branch, position, entry } => {
            let SavedEntry { kind, question, answer, thoughts, detail } = entry;
            TurnChange::Whole(Turn { branch, position, kind, question, answer, thoughts, detail, asked_s: now_s })
        }
    }
}
