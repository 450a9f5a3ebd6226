//! Has the engine answer questions: several at the same time, in the order of the queue.
//!
//! There is one engine with one KV cache. What a question shares with the one before, with a snapshot or with what is on disk is not read
//! again, exactly as in a chat: ten clients that ask about one book of 160,000 tokens have it read once.
//!
//! The engine gets the next question while others are being answered, and decides whether it can join them. Until it has begun, no other one is
//! given to it, and it counts as waiting: so the queue's order holds.
//!
//! ```text
//! queue ── next ──> Forecast, if the preset is `auto` ──> Ask ──> events ──> its own updates
//! ```
//!
//! It does not know HTTP: questions come ready ([`Work`]), and what becomes of them is told by [`Update`]s. What other Lunettes send
//! ([`SentCommand`]) is a command already, and its events are passed on as they are.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::log::Log;
use super::queue::{Number, Queue};
use super::work::{Control, Ended, SentCommand, Turn, Update, Work};
use crate::chat::{ReadyQuestion, spans};
use crate::engine::message::{CancelToken, Channel, Command, Event, Figures, JobId, ModelInfo, Prompt};
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
    /// How many jobs the engine has at the same time.
    pub(super) most: usize,
}

/// A job that the engine has.
struct Given {
    number: Number,
    kind: Kind,
    /// Whether the engine has told anything of it.
    has_begun: bool,
    _cancels: CancelsWhenDropped,
}

/// What the engine's events about a job are for.
enum Kind {
    /// The prompt's forecast, by which `auto` chooses a preset.
    Choosing(Box<Work>),
    Question {
        updates: UnboundedSender<Update>,
        preset: ResolvedPreset,
        reason: Option<String>,
    },
    Command {
        events: UnboundedSender<Event>,
        control: Arc<Control>,
        gives_way: bool,
    },
}

/// A job that nobody follows any more is stopped.
struct CancelsWhenDropped(CancelToken);

impl Drop for CancelsWhenDropped {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

type Jobs = HashMap<JobId, Given>;

impl Desk<'_> {
    /// Answers what comes out of `queue` until that is closed, and then those that have begun.
    ///
    /// Errors: the engine is gone.
    pub(super) async fn answer_all(&mut self, queue: &Queue<Turn>) -> Result<(), Failure> {
        let mut jobs = Jobs::new();
        let mut is_closed = false;
        while !is_closed || !jobs.is_empty() {
            tokio::select! {
                () = queue.closed(), if !is_closed => {
                    is_closed = true;
                    jobs.retain(|_, given| given.has_begun);
                }
                Some((number, turn)) = queue.next(), if !is_closed && jobs.len() < self.most => {
                    self.give(number, turn, &mut jobs, queue);
                }
                event = self.client.event(), if !jobs.is_empty() => match event.map_err(Unanswered::from) {
                    Ok(Event::LoadFailed(failure)) | Err(Unanswered::Failed(failure)) => fail_all(&mut jobs, &failure),
                    Ok(event) => self.pass_on(event, &mut jobs, queue),
                    Err(Unanswered::EngineGone) => {
                        fail_all(&mut jobs, &Failure::engine_gone());
                        return Err(Failure::engine_gone());
                    }
                },
            }
        }
        Ok(())
    }

    /// Gives the engine what has its turn.
    fn give(&mut self, number: Number, turn: Turn, jobs: &mut Jobs, queue: &Queue<Turn>) {
        let (cancel, (job, kind)) = match turn {
            Turn::Question(work) if work.cancel.is_cancelled() => return,
            Turn::Question(work) => {
                let updates = work.updates.clone();
                match (work.cancel.clone(), self.ask_or_forecast(*work)) {
                    (cancel, Ok(given)) => (cancel, given),
                    (_, Err(failure)) => return drop(updates.send(Update::Failed(failure))),
                }
            }
            Turn::Command(sent) => {
                let SentCommand { command, events, control } = *sent;
                let gives_way = matches!(command, Command::ReadAhead(_));
                if gives_way && !jobs.is_empty() {
                    control.cancel.cancel();
                }
                let job = self.client.begin(|job| command.as_job(job, &control.cancel));
                (control.cancel.clone(), (job, Kind::Command { events, control, gives_way }))
            }
        };
        let given = Given { number, kind, has_begun: false, _cancels: CancelsWhenDropped(cancel) };
        add(jobs, job, given, queue);
    }

    fn ask_or_forecast(&mut self, work: Work) -> Result<(JobId, Kind), Failure> {
        if work.reading.recipe_of(work.reading.asked()).is_some() {
            return self.ask(work, 0);
        }
        let (prompt, recipe) = (work.asked.prompt.clone(), work.reading.sizing());
        let forecast = |job| Command::Forecast { job, prompt, recipe };
        Ok((self.client.begin(forecast), Kind::Choosing(Box::new(work))))
    }

    /// Asks under the preset that is right for a document of so many tokens.
    fn ask(&mut self, work: Work, document_tokens: u32) -> Result<(JobId, Kind), Failure> {
        let Work { asked, reading, updates, cancel } = work;
        let facts = self.model.facts();
        let chosen = reading.choose(reading.asked(), &facts, document_tokens);
        let (preset, reason) = chosen.map_err(|error| Failure::of(FailureKind::Usage, &error))?;
        refusal(&reading.asked().name, &preset.recipe, &facts).map_or(Ok(()), Err)?;
        let recipe = preset.recipe.clone();
        let job = self.client.begin(|job| ReadyQuestion::command(asked, recipe, job, cancel));
        Ok((job, Kind::Question { updates, preset, reason }))
    }

    /// Tells whoever waits for it what the engine tells.
    fn pass_on(&mut self, event: Event, jobs: &mut Jobs, queue: &Queue<Turn>) {
        let has_company = jobs.len() > 1;
        let Some(job) = event.job() else { return };
        let Some(given) = jobs.get_mut(&job) else { return };
        if matches!(given.kind, Kind::Choosing(_)) {
            return self.choose(job, event, jobs, queue);
        }
        given.begin(queue);
        let others = has_company || queue.waiting() > 0;
        if let Kind::Command { control, gives_way, .. } = &given.kind {
            if control.takes_answer_now() {
                self.client.send(Command::AnswerNow { job });
            }
            if *gives_way && others {
                control.cancel.cancel();
            }
        }
        if event.ends_job() {
            jobs.remove(&job).expect("it was found above").kind.end(event);
        } else {
            given.kind.go_on(event);
        }
    }

    /// The document is counted: now the question can be asked.
    fn choose(&mut self, job: JobId, event: Event, jobs: &mut Jobs, queue: &Queue<Turn>) {
        let Some(given) = jobs.remove(&job) else { return };
        let Kind::Choosing(work) = given.kind else { return };
        let updates = work.updates.clone();
        let asked = match event {
            Event::Forecast { plan, .. } => self.ask(*work, plan.document_tokens),
            Event::Failed { failure, .. } => Err(failure),
            _ => Err(Failure::engine_gone()),
        };
        match asked {
            Ok((job, kind)) => add(jobs, job, Given { kind, ..given }, queue),
            Err(failure) => drop(updates.send(Update::Failed(failure))),
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
        let asked = reading.asked();
        let (preset, _) = asking::resolve::<Unanswered>(self.client, reading, asked, self.model, &prompt).await?;
        if let Some(failure) = refusal(&asked.name, &preset.recipe, &self.model.facts()) {
            return Err(Unanswered::Failed(failure));
        }
        let recipe = preset.recipe.clone();
        let read = |job, cancel| Command::Prefill { job, prompt, recipe, cancel };
        match self.client.run(read, &mut |_| Ok::<_, Unanswered>(())).await? {
            Event::Prefilled { figures, .. } => Ok((preset, *figures)),
            _ => Err(Unanswered::EngineGone),
        }
    }
}

/// `job` is one more that the engine has. If it is the only one, nothing keeps it from beginning; the forecast of a question begins nothing.
fn add(jobs: &mut Jobs, job: JobId, mut given: Given, queue: &Queue<Turn>) {
    if jobs.is_empty() && !matches!(given.kind, Kind::Choosing(_)) {
        given.begin(queue);
    }
    jobs.insert(job, given);
}

impl Given {
    fn begin(&mut self, queue: &Queue<Turn>) {
        if !std::mem::replace(&mut self.has_begun, true) {
            queue.has_begun(self.number);
        }
    }
}

impl Kind {
    /// Passes an event on. Nobody listens if the client has gone away; the job is then cancelled.
    fn go_on(&self, event: Event) {
        match self {
            Self::Choosing(_) => {}
            Self::Question { updates, .. } => {
                if let Some(update) = update(&event) {
                    let _ = updates.send(update);
                }
            }
            Self::Command { events, .. } => drop(events.send(event)),
        }
    }

    /// Passes the last event on.
    fn end(self, event: Event) {
        match (self, event) {
            (Self::Question { updates, preset, reason }, Event::Answered { finish, figures, .. }) => {
                let ended = Ended { finish, figures: *figures, preset, reason };
                let _ = updates.send(Update::Ended(Box::new(ended)));
            }
            (kind, Event::Failed { failure, .. }) => kind.fail(failure),
            (Self::Command { events, .. }, event) => drop(events.send(event)),
            (kind, _) => kind.fail(Failure::engine_gone()),
        }
    }

    fn fail(self, failure: Failure) {
        match self {
            Self::Choosing(work) => drop(work.updates.send(Update::Failed(failure))),
            Self::Question { updates, .. } => drop(updates.send(Update::Failed(failure))),
            Self::Command { events, .. } => drop(events.send(Event::Failed { job: JobId(0), failure })),
        }
    }
}

fn fail_all(jobs: &mut Jobs, failure: &Failure) {
    for (_, given) in jobs.drain() {
        given.kind.fail(failure.clone());
    }
}

/// What a client may want to know of an event.
fn update(event: &Event) -> Option<Update> {
    Some(match event {
        Event::Planned { plan, .. } => Update::Planned(plan.clone()),
        Event::Prefilling { progress, .. } => Update::Prefilling(*progress),
        Event::ReadAgain { read_again, .. } => Update::ReadAgain(spans(&read_again.passages)),
        Event::Scored { channel: Channel::Answer, tokens, .. } => Update::Scored(tokens.clone()),
        Event::Piece { channel, text, .. } => Update::Piece(*channel, text.clone()),
        Event::AskedForAnswer { .. } => Update::AskedForAnswer,
        Event::WasReasoning { .. } => Update::WasReasoning,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::super::queue::Place;
    use super::*;
    use crate::chat::fixtures::plan;
    use crate::document::ByteSpan;
    use crate::engine::message::{
        Drafting, FoundBy, Limits, OutputMarkup, Passage, ReadAgain, ReadAhead, Reread, Sampling,
    };
    use crate::session::client::{EngineChannels, Stops};
    use crate::session::scripted_engine::model;
    use crate::swaa::preset::RecipePatch;
    use crate::swaa::{ChainOfThought, Presets, RecipeSpec};

    /// The engine's side of a desk, and the queue before it.
    struct Engine {
        commands: Receiver<Command>,
        events: UnboundedSender<Event>,
        queue: Arc<Queue<Turn>>,
        places: Vec<Place<Turn>>,
        updates: Vec<UnboundedReceiver<Update>>,
    }

    impl Engine {
        fn enter(&mut self, turn: Turn, cancel: CancelToken) {
            let place = self.queue.enter(IpAddr::V4(Ipv4Addr::LOCALHOST), turn, cancel);
            self.places.push(place.expect("there is room"));
        }

        fn ask(&mut self, preset: &str) {
            let (updates, told) = unbounded_channel();
            let cancel = CancelToken::default();
            let work = Work { asked: asked(), reading: reading(preset), updates, cancel: cancel.clone() };
            self.updates.push(told);
            self.enter(Turn::Question(Box::new(work)), cancel);
        }

        /// Returns the token that stops it.
        fn read_ahead(&mut self) -> CancelToken {
            let control = Arc::new(Control::default());
            let ahead = ReadAhead {
                job: JobId(0),
                prompt: Prompt::default(),
                recipe: RecipeSpec::FULL,
                home: (Prompt::default(), RecipeSpec::FULL),
                cancel: control.cancel.clone(),
            };
            let command = Command::ReadAhead(Box::new(ahead));
            let sent = SentCommand { command, events: unbounded_channel().0, control: control.clone() };
            self.enter(Turn::Command(Box::new(sent)), control.cancel.clone());
            control.cancel.clone()
        }

        /// The commands that the desk has given since.
        async fn given(&self) -> Vec<(&'static str, JobId)> {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let named = |command: Command| match command {
                Command::Forecast { job, .. } => ("forecast", job),
                Command::Ask(question) => ("ask", question.job),
                Command::ReadAhead(ahead) => ("read ahead", ahead.job),
                other => panic!("{other:?}"),
            };
            self.commands.try_iter().map(named).collect()
        }

        fn tell(&self, event: Event) {
            self.events.send(event).expect("the desk listens");
        }
    }

    fn asked() -> ReadyQuestion {
        ReadyQuestion {
            prompt: Prompt::default(),
            markup: OutputMarkup::default(),
            question: "Who?".into(),
            document: "".into(),
            cot: ChainOfThought::Off,
            reread: Reread::Off,
            given: None,
            begun: None,
            sampling: Sampling::GREEDY,
            drafting: Drafting::Off,
            limits: Limits::default(),
            schema: None,
        }
    }

    fn reading(preset: &str) -> PresetSelection {
        let (presets, changes) = (Presets::built_in(), RecipePatch::default());
        PresetSelection { presets, preset: preset.to_owned(), changes, cot: None }
    }

    /// Runs `test` beside a desk.
    async fn beside_a_desk(test: impl AsyncFnOnce(&mut Engine)) {
        let (commands, given) = channel();
        let (events, heard) = unbounded_channel();
        let channels = EngineChannels { commands, events: heard, thread: None };
        let mut client = EngineClient::new(channels, Stops::never());
        let queue = Arc::new(Queue::new(10));
        let (places, updates) = (Vec::new(), Vec::new());
        let mut engine = Engine { commands: given, events, queue: queue.clone(), places, updates };
        let model = model();
        let mut desk = Desk { client: &mut client, model: &model, most: 4 };
        tokio::select! {
            ended = desk.answer_all(&queue) => panic!("{ended:?}"),
            () = test(&mut engine) => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_question_that_auto_decides_comes_before_one_behind_it_that_needs_no_forecast() {
        beside_a_desk(async |engine| {
            engine.ask("auto");
            engine.ask("full");
            let forecast = JobId(1);
            assert_eq!(engine.given().await, [("forecast", forecast)]);
            engine.tell(Event::Forecast { job: forecast, plan: plan(8, None) });
            assert_eq!(engine.given().await, [("ask", JobId(2)), ("ask", JobId(3))]);
        })
        .await;
    }

    #[test]
    fn passages_that_are_read_again_are_told_as_places_of_the_document() {
        let passage = |span| Passage { span, score: 0.5 };
        let read_again = Box::new(ReadAgain {
            found_by: FoundBy::Words,
            passages: vec![passage(0..5), passage(8..13)],
            why_none: None,
            tokens: 9,
            share: None,
            heat: Arc::default(),
        });
        let spans = vec![ByteSpan { start: 0, end: 5 }, ByteSpan { start: 8, end: 13 }];
        assert_eq!(update(&Event::ReadAgain { job: JobId(1), read_again }), Some(Update::ReadAgain(spans)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_read_ahead_goes_on_alone_and_gives_way_to_everything_else() {
        beside_a_desk(async |engine| {
            let ahead = engine.read_ahead();
            assert_eq!(engine.given().await, [("read ahead", JobId(1))]);
            engine.tell(Event::Planned { job: JobId(1), plan: plan(8, None) });
            assert_eq!((engine.given().await, ahead.is_cancelled()), (vec![], false));
            engine.ask("full");
            assert_eq!(engine.given().await, [("ask", JobId(2))]);
            engine.tell(Event::Planned { job: JobId(1), plan: plan(8, None) });
            assert_eq!((engine.given().await, ahead.is_cancelled()), (vec![], true));
            let late = engine.read_ahead();
            engine.tell(Event::Planned { job: JobId(2), plan: plan(8, None) });
            assert_eq!((engine.given().await, late.is_cancelled()), (vec![("read ahead", JobId(3))], true));
        })
        .await;
    }
}
