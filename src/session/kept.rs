//! What a run keeps of its conversation, and which saved one goes on: the beginning that all front ends share.
//!
//! ```text
//! Kept::open ──> documents ──> working_set ──> chat ──> the front end, with the recorder
//! ```
//!
//! The screen and plain lines save every conversation. A headless run is saved where it names a session (`--continue`, `--session`): then its
//! questions follow the earlier turns, and another run goes on with them. A script that names none leaves nothing.

use std::io::Read;
use std::time::Duration;

use super::documents::{self, Opened};
use super::earlier::{self, TakenUp, asked_for, offered};
use super::error::Error;
use super::observer::Observer;
use super::places::place;
use super::recorder::Recorder;
use super::working_set::WorkingSet;
use crate::chat::{Action, Chat, Effect, Input, Keeping, Setup, update};
use crate::document::Document;
use crate::failure::Failure;
use crate::settings::{FrontEnd, SessionChoice, Settings};

/// What a run keeps.
#[derive(Debug)]
pub struct Kept {
    pub recorder: Recorder,
    taken_up: Option<TakenUp>,
    /// The documents are those of the conversation that goes on; the user named none.
    names_documents: bool,
    /// What has to be told about the store.
    told: Option<Failure>,
}

impl Kept {
    /// Opens the store if this run is saved, and finds the conversation that goes on; `settings` then name its documents.
    ///
    /// Errors: the conversation that was asked for is not there.
    pub fn open(settings: &mut Settings) -> Result<Self, earlier::Error> {
        let is_chat = matches!(settings.front_end, FrontEnd::Screen | FrontEnd::Plain);
        let is_named = matches!(settings.session, SessionChoice::Last | SessionChoice::Named(_));
        let is_script = matches!(settings.front_end, FrontEnd::Headless(_));
        if !(is_chat || is_script && is_named) {
            return Ok(Self::nothing());
        }
        let (mut recorder, told) = Recorder::open(settings);
        let told = if recorder.is_on() { told } else { told.map(not_saved) };
        if let (Some(failure), true, false) = (&told, is_named, recorder.is_on()) {
            return Err(earlier::Error::NothingKept(failure.clone()));
        }
        let taken_up = asked_for(settings, &mut recorder)?;
        let names_documents = taken_up.as_ref().is_some_and(|taken_up| taken_up.name_documents(settings));
        Ok(Self { recorder, taken_up, names_documents, told })
    }

    /// Keeps nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self { recorder: Recorder::nothing(), taken_up: None, names_documents: false, told: None }
    }

    /// Opens the documents. Those of the conversation that goes on may be gone; it goes on without them.
    pub fn documents(
        &mut self,
        settings: &Settings,
        stdin: &mut dyn Read,
        observer: &mut dyn Observer,
    ) -> Result<Opened, Error> {
        match (documents::open(settings, stdin, observer), &mut self.taken_up) {
            (Err(error), Some(taken_up)) if self.names_documents => {
                taken_up.gone = Some(error.to_string());
                Ok(Opened::nothing())
            }
            (opened, _) => opened,
        }
    }

    /// The parts of `documents` in use. If those of the conversation that goes on are no longer there, all are.
    pub fn working_set<'settings>(
        &self,
        settings: &'settings Settings,
        documents: Opened,
    ) -> Result<WorkingSet<'settings>, Error> {
        let are_gone = |parts: &String| documents.whole.part_numbers(parts).is_err();
        if self.names_documents && settings.parts.as_ref().is_some_and(are_gone) {
            return WorkingSet::of_all(settings, documents);
        }
        WorkingSet::new(settings, documents)
    }

    /// A chat about `files` that starts from `setup` and what is kept, and what is to be done outside of it then.
    ///
    /// Errors: the document has no such place as `--until` names.
    pub fn chat(
        &mut self,
        settings: &Settings,
        files: &WorkingSet<'_>,
        setup: Setup,
    ) -> Result<(Chat, Vec<Effect>), Error> {
        let mut chat = Chat::new(self.setup(settings, setup));
        let mut effects = self.begin(settings, &mut chat, &files.document());
        effects.extend(self.until(settings, &mut chat, &files.document())?);
        Ok((chat, effects))
    }

    /// `setup` with what is kept. A conversation that goes on has the date that it began with, so that its prompt is the same.
    fn setup(&mut self, settings: &Settings, setup: Setup) -> Setup {
        let keeping = if self.recorder.is_on() { Keeping::Saved } else { Keeping::Nothing };
        let earlier = offered(settings, &mut self.recorder);
        let now = self.taken_up.as_ref().map_or(setup.now, TakenUp::began);
        Setup { now, keeping, earlier, ..setup }
    }

    /// Lets the conversation go on in `chat`, which is about `document`, or names a new one. Returns what is to be done outside.
    fn begin(&mut self, settings: &Settings, chat: &mut Chat, document: &Document) -> Vec<Effect> {
        let mut inputs: Vec<Input> = self.told.take().map(Input::Noticed).into_iter().collect();
        match (&self.taken_up, &settings.session) {
            (Some(taken_up), _) => inputs.push(Input::Restored(Box::new(taken_up.restored(document)))),
            (None, SessionChoice::Named(name)) => inputs.push(Input::User(Action::Rename(name.clone()))),
            _ => {}
        }
        inputs.into_iter().flat_map(|input| update(chat, Duration::ZERO, input)).collect()
    }

    /// Lets questions be about what is before the place of `--until`, if there is one.
    ///
    /// Errors: `document` has no such place.
    fn until(&mut self, settings: &Settings, chat: &mut Chat, document: &Document) -> Result<Vec<Effect>, Error> {
        let Some(written) = &settings.until else { return Ok(Vec::new()) };
        let left = self.recorder.database().and_then(|database| database.place(&document.text).ok().flatten());
        let place = place(document, written, left.map(|left| left.byte))?;
        Ok(update(chat, Duration::ZERO, Input::User(Action::AskUntil(place))))
    }
}

/// Why this conversation is not saved.
fn not_saved(failure: Failure) -> Failure {
    let hint = failure.hint.or_else(|| Some("--no-session talks without saving".to_owned()));
    Failure { message: format!("{}; this conversation is not saved", failure.message), hint, ..failure }
}
