//! `lunette read`: reads documents ahead, so that they are open at once later. For cron, Makefiles and commit hooks.
//!
//! ```text
//! $ lunette read book.txt --presets accurate,quick
//! accurate: 161,059 tokens, 0 of them read before, in 5 min 10 s
//! quick: 161,059 tokens, 4,196 of them read before, in 48 s
//! ```
//!
//! It is a conversation in which nobody asks anything: the chat prefills the document, switches to the next preset, and so on. What it reads is
//! kept on disk as any reading is.

use std::collections::VecDeque;
use std::io::Read;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use super::Reporter;
use super::printer::Printer;
use crate::chat::record::{Tokens, rounded};
use crate::chat::{self, Action, Chat, Input, Model, Phase};
use crate::engine::message::{Event, Figures};
use crate::exit::{Exit, ExitError};
use crate::failure::{Failure, FailureKind};
use crate::models::Resolved;
use crate::session::{EngineClient, Happening, WorkingSet, documents, opening};
use crate::settings::{Headless, ReadAhead, Settings};
use crate::units::{count, time};

/// A document that is read ahead.
struct Reading<'a> {
    chat: Chat,
    client: EngineClient,
    printer: Printer,
    begun: Instant,
    /// Of the last prefill that has ended.
    figures: Option<Box<Figures>>,
    how: &'a ReadAhead,
}

/// Somebody else's server is asked questions, and no more.
fn not_there() -> Failure {
    let message = "an OpenAI-compatible server can't be told to read ahead: documents go there with each question";
    let hint = "run the model here (-m FILE), or connect to a Lunette server".to_owned();
    Failure::new(FailureKind::Unsupported, message, Some(hint))
}

/// Reads the documents of `settings` under each preset of `how`. `start` finds the model and starts an engine with it.
pub async fn read_ahead(
    settings: &Settings,
    how: &ReadAhead,
    stdin: &mut dyn Read,
    start: impl FnOnce(&mut Reporter<'_>) -> Result<(EngineClient, PathBuf), ExitError>,
    reporter: &mut Reporter<'_>,
) -> Result<Exit, ExitError> {
    let files = WorkingSet::new(settings, documents::open(settings, stdin, reporter)?)?;
    if settings.engine.disk_cache.is_none() {
        let hint = Some("drop --no-cache, or set disk_cache_gib in the configuration file".to_owned());
        return Err(Failure::new(FailureKind::Usage, "what is read would not be kept", hint).into());
    }
    let (client, model) = start(reporter)?;
    let mut setup = opening::setup(settings, &files, &Resolved::Found(model));
    if let Some(first) = how.presets.first() {
        setup.reading.preset.clone_from(first);
    }
    let printer = Printer::new(Headless::quiet(how.output), &files, 0);
    let mut reading = Reading { chat: Chat::new(setup), client, printer, begun: Instant::now(), figures: None, how };
    reading.read_all(reporter).await
}

impl Reading<'_> {
    async fn read_all(&mut self, reporter: &mut Reporter<'_>) -> Result<Exit, ExitError> {
        self.until_read(reporter).await?;
        for name in self.how.presets.iter().skip(1) {
            let number = self.chat.preset_entries.iter().position(|preset| preset.name == *name);
            let number = number.expect("the settings have checked the names");
            self.figures = None;
            self.update(Input::User(Action::Switch(number)), reporter)?;
            self.until_read(reporter).await?;
        }
        Ok(Exit::Ok)
    }

    /// Waits until the document is read under the preset in force, and prints what that took.
    async fn until_read(&mut self, reporter: &mut Reporter<'_>) -> Result<(), ExitError> {
        while !self.is_done() {
            if matches!(self.chat.work, Phase::Deciding { .. }) {
                self.update(Input::User(Action::Confirm), reporter)?;
                continue;
            }
            match self.client.next().await {
                Ok(Happening::Input(input)) => self.update(input, reporter)?,
                Ok(Happening::Stop(stop)) | Err(stop) => return Err(ExitError::Stopped(stop)),
            }
        }
        self.print(reporter)
    }

    fn is_done(&self) -> bool {
        let is_idle = matches!(self.chat.model, Model::Ready { .. }) && self.chat.work == Phase::Idle;
        is_idle && self.chat.is_read()
    }

    fn update(&mut self, input: Input, reporter: &mut Reporter<'_>) -> Result<(), ExitError> {
        if let Input::Engine(Event::Prefilled { figures, .. }) = &input {
            self.figures = Some(figures.clone());
        }
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for effect in chat::update(&mut self.chat, self.begun.elapsed(), input) {
                // What is not for the engine is for conversations.
                let _ = self.client.carry_out(effect);
            }
        }
        self.printer.print(&self.chat, self.client.stopped(), reporter)?;
        if self.chat.sends_document() {
            return Err(not_there().into());
        }
        self.chat.failure().map_or(Ok(()), |failure| Err(failure.clone().into()))
    }

    fn print(&self, reporter: &mut Reporter<'_>) -> Result<(), ExitError> {
        let (Some(preset), Some(figures)) = (&self.chat.resolved_preset, &self.figures) else { return Ok(()) };
        let counts = figures.tokens;
        if self.how.is_json() {
            reporter.object(&json!({
                "preset": &*preset.name,
                "tokens": Tokens::from(counts),
                "prefill_s": rounded(figures.timings.prefill.as_secs_f64()),
            }))?;
            return Ok(());
        }
        let line = format!(
            "{}: {} tokens, {} of them read before, in {}\n",
            preset.name,
            count(counts.document),
            count(counts.cached),
            time(figures.timings.prefill)
        );
        Ok(reporter.data(&line)?)
    }
}
