//! Drives a chat from question to question.
//!
//! It waits until the model is loaded and the parts and preset are decided. Then it asks one question after the other,
//! each about the document as it is at that time. All inputs go through [`chat::update`], and [`Printer`] prints what
//! has changed. What a question names with `@` is attached as in a conversation. Files that it names, and the quotes of
//! an answer, are looked up at once: nothing else goes on meanwhile. So it has no [`crate::session::EffectRunner`], whose results come later and in no
//! order; both look up by [`looking_up`], and send by [`EngineClient::carry_out`].
//!
//! The first stop ends the current answer, which is printed as far as it got. If there is none, it ends the run.

use std::collections::VecDeque;
use std::time::Instant;

use super::printer::Printer;
use super::reporter::Reporter;
use crate::chat::attached::{Attached, only_reference};
use crate::chat::{self, Action, AttachedText, Chat, Effect, Input, Model, Phase};
use crate::exit::{Exit, ExitError};
use crate::failure::{Failure, FailureKind};
use crate::session::looking_up::{self, LookingUp, text_of};
use crate::session::{EngineClient, Happening, Recorder, ReloadRequest, WorkingSet, references};
use crate::settings::{Headless, Settings};

/// A run without a screen.
pub(super) struct Script<'settings> {
    settings: &'settings Settings,
    files: WorkingSet<'settings>,
    chat: Chat,
    client: EngineClient,
    printer: Printer,
    recorder: Recorder,
    looking_up: LookingUp,
    begun: Instant,
}

impl<'settings> Script<'settings> {
    pub(super) fn new(
        settings: &'settings Settings,
        headless: Headless,
        files: WorkingSet<'settings>,
        chat: Chat,
        client: EngineClient,
        recorder: Recorder,
    ) -> Self {
        // The turns of a conversation that goes on were printed by an earlier run.
        let printer = Printer::new(headless, &files, chat.transcript.len());
        Self {
            settings,
            printer,
            files,
            chat,
            client,
            recorder,
            looking_up: LookingUp::default(),
            begun: Instant::now(),
        }
    }

    /// Answers one question after another. The first answer that did not end normally gives the exit code.
    ///
    /// Errors: the first failure, or a stop while no answer is running.
    pub(super) async fn answer_all(&mut self, reporter: &mut Reporter<'_>) -> Result<Exit, ExitError> {
        while !self.is_settled() {
            self.step(reporter).await?;
        }
        for question in &self.settings.questions {
            let action = self.action(question);
            if action.looks_at_files() {
                self.reload(reporter)?;
            }
            self.answer(question, action, reporter).await?;
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
        self.looking_up.forget();
        self.update(Input::News(reloaded.news), reporter)
    }

    /// Asks a question by `action` with what it names, under each preset of `--ab` if given, and waits for the answers.
    async fn answer(&mut self, question: &str, action: Action, reporter: &mut Reporter<'_>) -> Result<(), ExitError> {
        for action in references::attach_all(&self.chat, &self.files.whole(), question) {
            self.check_only_reference(question, &action)?;
            self.update(Input::User(action), reporter)?;
        }
        while !self.is_settled() {
            self.step(reporter).await?;
        }
        let before = self.printer.printed();
        let answers = self.settings.ab.len().max(1);
        self.update(Input::User(action), reporter)?;
        while self.printer.printed() < before + answers {
            self.step(reporter).await?;
            if self.client.stopped().is_some() && self.printer.printed() > before {
                break;
            }
        }
        Ok(())
    }

    /// A question that is nothing but the name of a file is about that file.
    ///
    /// Errors: it can't be read. Beside other words, a name that is nowhere stays as typed.
    fn check_only_reference(&self, question: &str, action: &Action) -> Result<(), Failure> {
        match action {
            Action::Attach(Attached { name, text: AttachedText::Coming, .. }) if only_reference(question).is_some() => {
                let hint =
                    "name a file, or a part as `lunette inspect` lists it; -f FILE asks what is written in a file";
                let unread = |why| Failure::new(FailureKind::Input, why, Some(hint.to_owned()));
                text_of(name, &self.settings.read).map(|_| ()).map_err(unread)
            }
            _ => Ok(()),
        }
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
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for effect in chat::update(&mut self.chat, self.begun.elapsed(), input) {
                inputs.extend(self.run(effect));
            }
        }
        self.printer.print(&self.chat, self.client.stopped(), reporter)?;
        self.chat.failure().map_or(Ok(()), |failure| Err(failure.clone().into()))
    }

    /// Carries out effects from before the first input.
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.run(effect);
        }
    }

    /// Carries out an effect. Returns its result if that is known at once.
    fn run(&mut self, effect: Effect) -> Option<Input> {
        match self.client.carry_out(effect)? {
            Effect::ReadFile(name) => Some(looking_up::file(name, &self.settings.read)),
            Effect::FindSources { entry, passages } => Some(looking_up::sources(&self.files, entry, passages)),
            Effect::CheckCitations { entry, answer, passages } => {
                Some(self.looking_up.quotes(&self.files, entry, answer, passages)())
            }
            Effect::Save(saving) => self.recorder.save(&saving, &self.files),
            // The rest is for interactive front ends.
            Effect::Send(_)
            | Effect::Cancel(_)
            | Effect::FindHeads { .. }
            | Effect::Fetch { .. }
            | Effect::Open(_)
            | Effect::OpenSession(_)
            | Effect::Start(_)
            | Effect::Quit => None,
        }
    }
}
