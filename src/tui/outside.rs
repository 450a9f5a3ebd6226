//! Does what the chat asks to be done outside of it. What takes time is done on a thread of its own, and told as an input.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::chat::{Effect, Fetched, Input};
use crate::document::{self, Document, ReadOptions};
use crate::engine::message::{CancelToken, Command, Event, Failure};
use crate::quotes::{self, Index};

/// The engine, or how one is had.
pub enum Engine {
    Running {
        commands: mpsc::Sender<Command>,
        events: UnboundedReceiver<Event>,
    },
    /// There is no model yet.
    Later(Starter),
}

/// Fetches a model, and loads one.
pub struct Starter {
    pub fetch: Fetch,
    pub start: Start,
}

/// Loads the model of a file.
pub type Start = Box<dyn FnMut(PathBuf) -> (mpsc::Sender<Command>, UnboundedReceiver<Event>)>;

/// Fetches the model that is offered, telling how far it is.
pub type Fetch = Arc<dyn Fn(&mut dyn FnMut(Fetched), &CancelToken) -> Result<PathBuf, Failure> + Send + Sync>;

/// The ways out of the loop.
pub(super) struct Outside {
    commands: Option<mpsc::Sender<Command>>,
    starter: Option<Starter>,
    document: Arc<Document>,
    /// The document's words, once something was quoted.
    index: Arc<OnceLock<Index>>,
    read: ReadOptions,
    told: UnboundedSender<Input>,
}

impl Outside {
    /// The ways out, and what the engine tells; of one that is to come nothing is told here, but as inputs by `told`.
    pub(super) fn new(
        engine: Engine,
        document: &Arc<Document>,
        read: ReadOptions,
        told: UnboundedSender<Input>,
    ) -> (Self, Option<UnboundedReceiver<Event>>) {
        let (commands, events, starter) = match engine {
            Engine::Running { commands, events } => (Some(commands), Some(events), None),
            Engine::Later(starter) => (None, None, Some(starter)),
        };
        (Self { commands, starter, document: document.clone(), index: Arc::default(), read, told }, events)
    }

    /// From now on quotes are looked up in this document.
    pub(super) fn reopen(&mut self, document: &Arc<Document>) {
        self.document = document.clone();
        self.index = Arc::default();
    }

    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            // The engine's end is told by its events; a command that nobody takes is then past caring.
            Effect::Send(command) => self.commands.iter().for_each(|commands| drop(commands.send(command.clone()))),
            Effect::Fetch(cancel) => self.fetch(cancel),
            Effect::Start(file) => self.start(file),
            Effect::Cancel(token) => token.cancel(),
            Effect::ReadFile(name) => self.read_file(name),
            Effect::CheckQuotes { entry, answer } => self.check_quotes(entry, answer),
            Effect::Quit => {}
        }
    }

    fn fetch(&self, cancel: CancelToken) {
        let Some(fetch) = self.starter.as_ref().map(|starter| starter.fetch.clone()) else { return };
        let told = self.told.clone();
        thread::spawn(move || {
            let mut last = Fetched::default();
            let mut progress = |now: Fetched| {
                // A percent at a time: a frame shows no more.
                if now.checking != last.checking || (now.done - last.done.min(now.done)) * 200 >= now.total {
                    last = now;
                    let _ = told.send(Input::Fetching(now));
                }
            };
            let came = fetch(&mut progress, &cancel);
            if !cancel.is_cancelled() {
                let _ = told.send(Input::Fetched(came));
            }
        });
    }

    /// Starts an engine, and hands on what it tells.
    fn start(&mut self, file: PathBuf) {
        let Some(starter) = &mut self.starter else { return };
        let (commands, mut events) = (starter.start)(file);
        self.commands = Some(commands);
        let told = self.told.clone();
        thread::spawn(move || {
            while let Some(event) = events.blocking_recv() {
                let _ = told.send(Input::Engine(event));
            }
            let _ = told.send(Input::EngineGone);
        });
    }

    fn read_file(&self, name: Arc<str>) {
        let (read, told) = (self.read.clone(), self.told.clone());
        thread::spawn(move || {
            let came = text_of(&name, &read);
            let _ = told.send(Input::FileRead { name, came });
        });
    }

    fn check_quotes(&self, entry: usize, answer: Arc<str>) {
        let (document, index, told) = (self.document.clone(), self.index.clone(), self.told.clone());
        thread::spawn(move || {
            let index = index.get_or_init(|| Index::new(&document.text));
            let quotes = quotes::check(&answer, index);
            // Nobody listens any more when the screen was left.
            let _ = told.send(Input::Checked { entry, answer, quotes });
        });
    }
}

/// The text of a file that a question refers to, or why there is none.
fn text_of(name: &str, read: &ReadOptions) -> Result<Arc<str>, String> {
    let path = Path::new(name);
    // A pipe, which a document may come from, would be waited for without end.
    if !path.is_file() {
        return Err(format!("no part of the document and no file is called {name}"));
    }
    let input = document::Input::Path(path.to_owned());
    match document::load(&[input], read, &mut std::io::empty()) {
        Ok(document) => Ok(document.text.into()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_documents_are_and_what_is_none_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("notes.txt");
        std::fs::write(&file, "\u{feff}One.\r\nTwo.\n").expect("written");
        let text = text_of(&file.to_string_lossy(), &ReadOptions::default());
        assert_eq!(text.as_deref(), Ok("One.\nTwo.\n"));
        let error = text_of("no/such/file", &ReadOptions::default());
        assert_eq!(error, Err("no part of the document and no file is called no/such/file".to_owned()));
    }
}
