//! Asks the engine one question after the other, in the order of the queue.
//!
//! There is one engine with one KV cache. What a question shares with the one before, with a snapshot or with what is on disk is not read
//! again, exactly as in a chat: ten clients that ask about one book of 160,000 tokens have it read once.
//!
//! It does not know HTTP: questions come ready ([`Work`]), and what becomes of them is told by [`Update`]s. What other Lunettes send
//! ([`SentCommand`]) is a command already, and its events are passed on as they are.

use super::log::Log;
use super::queue::Queue;
use super::work::{Ended, SentCommand, Turn, Update, Work};
use crate::engine::message::{Channel, Command, Event, Figures, JobId, ModelInfo, Prompt};
use crate::failure::{Failure, FailureKind};
use crate::session::asking;
use crate::session::{ClientError, EngineClient};
use crate::swaa::selection::{self, PresetSelection, ResolvedPreset, refusal};

/// Why a question has no answer.
enum Unanswered {
    /// Not the server's fault, or not all of it: the next one may be answered.
    Failed(Failure),
    /// There is no engine any more.
    EngineGone,
}

impl From<ClientError> for Unanswered {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Failed(failure) if failure != Failure::engine_gone() => Self::Failed(failure),
            // The server handles signals itself.
            ClientError::Failed(_) | ClientError::Stopped(_) => Self::EngineGone,
        }
    }
}

impl From<selection::Error> for Unanswered {
    fn from(error: selection::Error) -> Self {
        Self::Failed(Failure::of(FailureKind::Usage, &error))
    }
}

/// The engine and its model.
pub(super) struct Desk<'a> {
    pub(super) client: &'a mut EngineClient,
    pub(super) model: &'a ModelInfo,
}

impl Desk<'_> {
    /// Answers what comes out of `queue` until that is closed.
    ///
    /// Errors: the engine is gone.
    pub(super) async fn answer_all(&mut self, queue: &Queue<Turn>) -> Result<(), Failure> {
        while let Some(turn) = queue.next().await {
            match turn {
                Turn::Question(work) if work.cancel.is_cancelled() => {}
                Turn::Question(work) => self.answer_one(*work).await?,
                Turn::Command(sent) => self.carry_out(*sent, queue).await?,
            }
        }
        Ok(())
    }

    async fn answer_one(&mut self, work: Work) -> Result<(), Failure> {
        let updates = work.updates.clone();
        match self.answer(work).await {
            Ok(ended) => drop(updates.send(Update::Ended(Box::new(ended)))),
            Err(Unanswered::Failed(failure)) => drop(updates.send(Update::Failed(failure))),
            Err(Unanswered::EngineGone) => {
                let _ = updates.send(Update::Failed(Failure::engine_gone()));
                return Err(Failure::engine_gone());
            }
        }
        Ok(())
    }

    /// Has the engine carry out what another Lunette sent. What is read ahead gives way to whoever waits.
    async fn carry_out(&mut self, sent: SentCommand, queue: &Queue<Turn>) -> Result<(), Failure> {
        let SentCommand { command, events, control } = sent;
        let gives_way = matches!(command, Command::ReadAhead(_));
        let commands = self.client.commands();
        let mut tell = |event: &Event| {
            let _ = events.send(event.clone());
            if let (true, Some(job), Some(commands)) = (control.takes_answer_now(), event.job(), &commands) {
                let _ = commands.send(Command::AnswerNow { job });
            }
            if gives_way && queue.waiting() > 0 {
                control.cancel.cancel();
            }
            Ok::<_, Unanswered>(())
        };
        let carried = self.client.run(|job, _| command.as_job(job, &control.cancel), &mut tell).await;
        let (event, result) = match carried {
            Ok(event) => (event, Ok(())),
            Err(Unanswered::Failed(failure)) => (Event::Failed { job: JobId(0), failure }, Ok(())),
            Err(Unanswered::EngineGone) => {
                let failure = Failure::engine_gone();
                (Event::Failed { job: JobId(0), failure: failure.clone() }, Err(failure))
            }
        };
        let _ = events.send(event);
        result
    }

    async fn answer(&mut self, work: Work) -> Result<Ended, Unanswered> {
        let Work { asked, reading, updates, cancel } = work;
        let (preset, reason) = self.resolve(&reading, &asked.prompt).await?;
        let recipe = preset.recipe.clone();
        let mut tell = |event: &Event| {
            // Nobody listens if the client has gone away; the question is then cancelled.
            if let Some(update) = update(event) {
                let _ = updates.send(update);
            }
            Ok::<_, Unanswered>(())
        };
        let ended = self.client.run(|job, _| asked.command(recipe, job, cancel), &mut tell).await?;
        match ended {
            Event::Answered { finish, figures, .. } => Ok(Ended { finish, figures: *figures, preset, reason }),
            _ => Err(Unanswered::EngineGone),
        }
    }

    async fn resolve(
        &mut self,
        reading: &PresetSelection,
        prompt: &Prompt,
    ) -> Result<(ResolvedPreset, Option<String>), Unanswered> {
        let preset = reading.asked();
        let resolved = asking::resolve::<Unanswered>(self.client, reading, preset, self.model, prompt).await?;
        match refusal(&preset.name, &resolved.0.recipe, &self.model.facts()) {
            Some(failure) => Err(Unanswered::Failed(failure)),
            None => Ok(resolved),
        }
    }

    /// Reads the document of `prompt`, so that the first question does not wait for it. What goes wrong is told with the first question, too.
    ///
    /// Errors: the engine is gone.
    pub(super) async fn read_ahead(
        &mut self,
        reading: &PresetSelection,
        prompt: Prompt,
        log: &Log,
    ) -> Result<(), Failure> {
        match self.try_to_read(reading, prompt).await {
            Ok((preset, figures)) => {
                log.read(&preset.name, &figures);
                Ok(())
            }
            Err(Unanswered::Failed(failure)) => {
                log.failed(&failure);
                Ok(())
            }
            Err(Unanswered::EngineGone) => Err(Failure::engine_gone()),
        }
    }

    async fn try_to_read(
        &mut self,
        reading: &PresetSelection,
        prompt: Prompt,
    ) -> Result<(ResolvedPreset, Figures), Unanswered> {
        let (preset, _) = self.resolve(reading, &prompt).await?;
        let recipe = preset.recipe.clone();
        let read = |job, cancel| Command::Prefill { job, prompt, recipe, cancel };
        match self.client.run(read, &mut |_| Ok::<_, Unanswered>(())).await? {
            Event::Prefilled { figures, .. } => Ok((preset, *figures)),
            _ => Err(Unanswered::EngineGone),
        }
    }
}

/// What a client may want to know of an event.
fn update(event: &Event) -> Option<Update> {
    Some(match event {
        Event::Planned { plan, .. } => Update::Planned(plan.clone()),
        Event::Prefilling { progress, .. } => Update::Prefilling(*progress),
        Event::Scored { channel: Channel::Answer, tokens, .. } => Update::Scored(tokens.clone()),
        Event::Piece { channel, text, .. } => Update::Piece(*channel, text.clone()),
        Event::AskedForAnswer { .. } => Update::AskedForAnswer,
        Event::WasReasoning { .. } => Update::WasReasoning,
        _ => return None,
    })
}
