//! Drives a chat from question to question.
//!
//! It waits until the model is loaded and the parts and preset are decided. Then it asks one question after the other,
//! each about the document as it is at that time. All inputs go through [`chat::update`], and [`Printer`] prints what
//! has changed.
//!
//! The first stop ends the current answer, which is printed as far as it got. If there is none, it ends the run.

use std::time::Instant;

use super::printer::Printer;
use super::reporter::Reporter;
use crate::chat::{self, Action, Chat, Effect, Input, Model, Phase};
use crate::exit::{Exit, ExitError};
use crate::session::{EngineClient, Happening, ReloadRequest, WorkingSet};
use crate::settings::{Headless, Settings};

/// A run without a screen.
pub(super) struct Script<'settings> {
    settings: &'settings Settings,
    files: WorkingSet<'settings>,
    chat: Chat,
    client: EngineClient,
    printer: Printer,
    begun: Instant,
}

impl<'settings> Script<'settings> {
    pub(super) fn new(
        settings: &'settings Settings,
        headless: Headless,
        files: WorkingSet<'settings>,
        chat: Chat,
        client: EngineClient,
    ) -> Self {
        Self { settings, printer: Printer::new(headless, &files), files, chat, client, begun: Instant::now() }
    }

    /// Answers one question after another. The first answer that did not end normally gives the exit code.
    ///
    /// Errors: the first failure, or a stop while no answer is running.
    pub(super) async fn answer_all(&mut self, reporter: &mut Reporter<'_>) -> Result<Exit, ExitError> {
        while !self.is_settled() {
            self.step(reporter).await?;
        }
        for question in &self.settings.questions {
            self.reload(reporter)?;
            self.answer(question, reporter).await?;
            if self.client.stopped().is_some() {
                break;
            }
        }
        Ok(self.printer.exit())
    }

    /// Whether the model is loaded and the parts and preset are decided.
    fn is_settled(&self) -> bool {
        let Chat { model, work, resolved_preset, beginning, .. } = &self.chat;
        matches!(model, Model::Ready { .. }) && *work == Phase::Idle && resolved_preset.is_some() && beginning.is_none()
    }

    /// Reloads the document if it has changed.
    fn reload(&mut self, reporter: &mut Reporter<'_>) -> Result<(), ExitError> {
        let Some(reloaded) = self.files.reload(ReloadRequest::Again) else { return Ok(()) };
        self.printer.take(&self.files);
        self.update(Input::News(reloaded.news), reporter)
    }

    /// Asks a question, under each preset of `--ab` if given, and waits for the answers.
    async fn answer(&mut self, question: &str, reporter: &mut Reporter<'_>) -> Result<(), ExitError> {
        let before = self.printer.printed();
        let answers = self.settings.ab.len().max(1);
        self.update(Input::User(self.action(question)), reporter)?;
        while self.printer.printed() < before + answers {
            self.step(reporter).await?;
            if self.client.stopped().is_some() && self.printer.printed() > before {
                break;
            }
        }
        Ok(())
    }

    fn action(&self, question: &str) -> Action {
        let question = question.to_owned();
        if self.settings.ab.is_empty() {
            return Action::Ask(question);
        }
        let preset_entry =
            |name: &String| self.chat.preset_entries.iter().position(|preset_entry| preset_entry.name == *name);
        let preset_entries =
            self.settings.ab.iter().map(|name| preset_entry(name).expect("the settings have checked the names"));
        Action::Versus { question, preset_entries: preset_entries.collect() }
    }

    /// Waits for one event or stop, and handles it.
    async fn step(&mut self, reporter: &mut Reporter<'_>) -> Result<(), ExitError> {
        match self.client.next().await {
            Ok(Happening::Input(input)) => self.update(input, reporter),
            Ok(Happening::Stop(_)) if matches!(self.chat.work, Phase::Answering { .. }) => {
                self.update(Input::User(Action::Cancel), reporter)
            }
            Ok(Happening::Stop(stop)) | Err(stop) => Err(ExitError::Stopped(stop)),
        }
    }

    fn update(&mut self, input: Input, reporter: &mut Reporter<'_>) -> Result<(), ExitError> {
        for effect in chat::update(&mut self.chat, self.begun.elapsed(), input) {
            match effect {
                // After a stop no new job begins.
                Effect::Send(command) if self.client.stopped().is_none() => self.client.send(command),
                Effect::Cancel(token) => token.cancel(),
                // Citations link to a document that is not shown here; the rest is for interactive front ends.
                Effect::Send(_)
                | Effect::CheckCitations { .. }
                | Effect::ReadFile(_)
                | Effect::Fetch { .. }
                | Effect::Open(_)
                | Effect::Start(_)
                | Effect::Quit => {}
            }
        }
        self.printer.print(&self.chat, self.client.stopped(), reporter)?;
        self.chat.failure().map_or(Ok(()), |failure| Err(failure.clone().into()))
    }
}
