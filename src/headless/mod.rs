//! The chat without a screen, for scripts: questions in, answers out.
//!
//! ```text
//! documents ─> model ─> parts and preset chosen ─> each question: chat ─> engine ─> chat ─> printed
//! ```
//!
//! The contract, which tests check: standard output is the answer and exactly one newline; everything else goes to
//! standard error. With `--json` each question gives one object on one line, in order, and an error is the last object;
//! with `--jsonl` each event gives one. Text answers are separated by an empty line. Several questions share one
//! prefill of the documents: 30,000 tokens of document and a second question give `cached: 30012, prefilled: 21`. The
//! first signal stops the answer and prints what there is of it; a second one ends the run at once.
//! [`crate::exit::Exit`] has the exit codes.
//!
//! The conversation is a [`crate::chat`] with independent questions; [`script`] drives it and [`printer`] prints what
//! changes.
//!
//! The documents come before the model here, as a misspelt path is told at once, and parts are chosen while the model loads. So it opens them in another
//! order than a conversation on a screen (`launch.rs`); from there on, [`Kept::chat`] makes the chat for both.
//!
//! It does not locate models (the caller of [`run`] starts the engine), and never asks the user anything.

mod cache;
mod calibrate;
mod doctor;
mod fit;
mod inspect;
mod listing;
mod models;
mod printer;
mod probe;
mod pull;
mod read;
mod report;
mod reporter;
mod rows;
mod rpc_server;
mod script;
mod sessions;

use std::io::Read;
use std::path::PathBuf;

pub use cache::cache;
pub use calibrate::calibrate;
pub use doctor::doctor;
pub use fit::fit;
pub use inspect::{Counted, inspect};
pub use listing::{list_presets, paths};
pub use models::{list_models, model_info, remove_model, suggest_models, verify_model};
pub use probe::probe;
pub use pull::pull;
pub use read::read_ahead;
pub use reporter::Reporter;
pub use rpc_server::rpc_server;
use script::Script;
pub use sessions::sessions;

use crate::chat::{Asking, Questions, Setup};
use crate::exit::{Exit, ExitError};
use crate::models::Resolved;
use crate::session::retriever::Retriever;
use crate::session::{EngineClient, Kept, WorkingSet, opening};
use crate::settings::{Headless, Settings};

/// What a run needs besides its documents.
pub struct Started {
    /// Its engine is already loading the model.
    pub client: EngineClient,
    /// The model's file.
    pub model: PathBuf,
    /// Selects the parts nearest to the questions, with `--pick`.
    pub retriever: Option<Retriever>,
}

/// Answers the questions of `settings`, and reports an error if it can't. `start` finds the model and starts an engine
/// with it; it is called after the documents are read, so that a misspelt path is reported at once.
///
/// With a conversation that goes on, `kept` has it, and the questions follow its turns.
pub async fn run(
    settings: &Settings,
    headless: Headless,
    kept: Kept,
    stdin: &mut dyn Read,
    start: impl FnOnce(&mut Reporter<'_>) -> Result<Started, ExitError>,
    reporter: &mut Reporter<'_>,
) -> Exit {
    let (ended, script) = match open(settings, headless, kept, stdin, start, reporter) {
        Ok(mut script) => (script.answer_all(reporter).await, Some(script)),
        Err(error) => (Err(error), None),
    };
    let exit = ended.unwrap_or_else(|error| {
        reporter.error(&error);
        error.exit()
    });
    // Dropped last, because that waits for the engine and the error should be printed before.
    drop(script);
    exit
}

fn open<'settings>(
    settings: &'settings Settings,
    headless: Headless,
    mut kept: Kept,
    stdin: &mut dyn Read,
    start: impl FnOnce(&mut Reporter<'_>) -> Result<Started, ExitError>,
    reporter: &mut Reporter<'_>,
) -> Result<Script<'settings>, ExitError> {
    let opened = kept.documents(settings, stdin, reporter)?;
    let mut files = kept.working_set(settings, opened)?;
    let Started { client, model, retriever } = start(reporter)?;
    files.retrieve_with(retriever)?;
    let (chat, effects) = kept.chat(settings, &files, setup(settings, &files, model))?;
    let mut script = Script::new(settings, headless, files, chat, client, kept.recorder);
    script.carry_out(effects);
    Ok(script)
}

/// The setup of a chat with independent questions, or of a conversation that is saved. With `--ab` the chat begins with the first preset named there.
fn setup(settings: &Settings, files: &WorkingSet<'_>, model: PathBuf) -> Setup {
    let setup = opening::setup(settings, files, &Resolved::Found(model));
    let mut reading = setup.reading;
    if let Some(first) = settings.ab.first() {
        reading.preset.clone_from(first);
    }
    let questions = if settings.saves_conversation() { Questions::Thread } else { Questions::Alone };
    Setup { reading, asking: Asking { questions, ..setup.asking }, ..setup }
}

#[cfg(test)]
mod tests;
