//! The same chat and engine without a screen: questions in, answers out, for scripts.
//!
//! ```text
//! documents ─> model ─> parts and preset chosen ─> each question: chat ─> engine ─> chat ─> printed
//! ```
//!
//! The contract (tests hold it): standard output is the answer and exactly one newline; everything else is on standard error. With `--json`
//! each question gives one object on one line, in the order they were asked, and an error is the last object; with `--jsonl` each event
//! does. Several answers as text are parted by an empty line. Several questions share one reading of the documents: 30,000 tokens of
//! document and a second question give `cached: 30012, prefilled: 21`. The first signal stops the answer, and what there is of it is
//! printed; a second one doesn't wait. [`crate::exit::Exit`] has the exit codes.
//!
//! The conversation is [`crate::chat`]'s, whose questions stand alone here; [`script`] drives it and [`printer`] prints what changes.
//!
//! Does not know where models are (the caller of [`run`] starts the engine), and never asks anything back.

mod fit;
mod inspect;
mod listing;
mod printer;
mod pull;
mod report;
mod reporter;
mod rows;
mod script;

use std::io::Read;
use std::path::PathBuf;

pub use fit::fit;
pub use inspect::{Counted, inspect};
pub use listing::{list_presets, paths};
pub use pull::pull;
pub use reporter::Reporter;
use script::Script;

use crate::chat::{Asking, Chat, Questions, Setup};
use crate::exit::{Exit, ExitError};
use crate::models::Resolved;
use crate::session::retriever::Retriever;
use crate::session::{EngineClient, WorkingSet, documents, opening};
use crate::settings::{Headless, Settings};

/// What a run needs once its documents are read.
pub struct Started {
    /// Its engine loads the model already.
    pub client: EngineClient,
    /// The model's file.
    pub model: PathBuf,
    /// Takes the parts nearest to the questions, with `--pick`.
    pub retriever: Option<Retriever>,
}

/// Answers the questions of `settings`, and says why when it can't. `start` finds the model and starts an engine with it; it is called once the
/// documents were read, so that a misspelt path is told at once.
pub async fn run(
    settings: &Settings,
    headless: Headless,
    stdin: &mut dyn Read,
    start: impl FnOnce(&mut Reporter<'_>) -> Result<Started, ExitError>,
    reporter: &mut Reporter<'_>,
) -> Exit {
    let (ended, script) = match open(settings, headless, stdin, start, reporter) {
        Ok(mut script) => (script.answer_all(reporter).await, Some(script)),
        Err(error) => (Err(error), None),
    };
    let exit = ended.unwrap_or_else(|error| {
        reporter.error(&error);
        error.exit()
    });
    // Waits for the engine, which is of no interest to who waits for the error.
    drop(script);
    exit
}

fn open<'settings>(
    settings: &'settings Settings,
    headless: Headless,
    stdin: &mut dyn Read,
    start: impl FnOnce(&mut Reporter<'_>) -> Result<Started, ExitError>,
    reporter: &mut Reporter<'_>,
) -> Result<Script<'settings>, ExitError> {
    let mut files = WorkingSet::new(settings, documents::open(settings, stdin, reporter)?)?;
    let Started { client, model, retriever } = start(reporter)?;
    files.retrieve_with(retriever)?;
    let chat = Chat::new(setup(settings, &files, model));
    Ok(Script::new(settings, headless, files, chat, client))
}

/// What the chat starts from: each question stands alone. Under `--ab` the presets that were named are those that count.
fn setup(settings: &Settings, files: &WorkingSet<'_>, model: PathBuf) -> Setup {
    let setup = opening::setup(settings, files, &Resolved::Found(model));
    let mut reading = setup.reading;
    if let Some(first) = settings.ab.first() {
        reading.preset.clone_from(first);
    }
    Setup { reading, asking: Asking { questions: Questions::Alone, ..setup.asking }, ..setup }
}

#[cfg(test)]
mod tests;
