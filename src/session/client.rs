//! The engine's only client: sends commands, receives events, and handles signals and `--timeout`.
//!
//! It is used in three ways. [`EngineClient::run`] sends one command and waits for its job to end; evaluations and
//! measurements use it. [`EngineClient::begin`] starts one job beside others, whose events come out of [`EngineClient::event`]; the server does
//! so. [`EngineClient::next`] passes events to a chat, which has its own jobs; the terminal interface,
//! plain lines and headless runs use it.
//!
//! ```text
//! chat::update ── Effect::Send ──> send ──> engine ──> next ──> chat::update
//! run(|job, cancel| Command::Prefill { .. }) ──> engine ──> Event::Planned, Event::Prefilling, … ──> Event::Prefilled
//! ```
//!
//! The first stop (a signal or `--timeout`) cancels the running job, which then ends with a partial result. A second
//! stop ends the run at once. One that comes within [`ECHO`] of the first is ignored as a duplicate: `timeout 60
//! lunette ...` signals its child, and then the child's process group.
//!
//! Dropping a client cancels the running job and waits until the engine's thread has freed the GPU.
//!
//! It does not know documents, make prompts or print.

use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;

use super::observer::{Activity, Observer};
use super::signals::Signal;
use crate::chat::{Effect, Input};
use crate::engine::config::EngineConfig;
use crate::engine::message::{CancelToken, Command, Event, JobId, ModelInfo, Plan, Prompt};
use crate::engine::{self, EngineHandle};
use crate::failure::Failure;
use crate::remote;
use crate::settings::Settings;
use crate::swaa::RecipeSpec;

/// Shorter than the time between two key presses, longer than the delay between a signal to a process and the same
/// signal to its group.
pub const ECHO: Duration = Duration::from_millis(100);
/// How long the program waits for the engine's thread before it exits.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How often to check whether the thread has ended.
const LOOK: Duration = Duration::from_millis(10);

/// The channels to and from the engine.
#[derive(Debug)]
pub struct EngineChannels {
    pub commands: Sender<Command>,
    pub events: UnboundedReceiver<Event>,
    /// Joined at the end; `None` if there is no thread to wait for.
    pub thread: Option<JoinHandle<()>>,
}

impl From<EngineHandle> for EngineChannels {
    fn from(engine: EngineHandle) -> Self {
        Self { commands: engine.commands, events: engine.events, thread: Some(engine.thread) }
    }
}

/// Why a run was stopped from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    Signal(Signal),
    /// `--timeout` was reached.
    Timeout,
}

/// What may stop a run from outside.
#[derive(Debug)]
pub struct Stops {
    pub signals: UnboundedReceiver<Signal>,
    /// When `--timeout` is reached.
    pub deadline: Option<Instant>,
}

impl Stops {
    /// No stops: the front end handles signals itself, or leaves them to the system.
    #[must_use]
    pub fn never() -> Self {
        Self { signals: unbounded_channel().1, deadline: None }
    }
}

/// Why a job has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientError {
    Failed(Failure),
    Stopped(Stop),
}

impl From<Failure> for ClientError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What a chat's loop waits for.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// For [`crate::chat::update`].
    Input(Input),
    /// The first stop: the running job should end with a partial result.
    Stop(Stop),
}

/// Sends commands to an engine and receives its events.
pub struct EngineClient {
    commands: Option<Sender<Command>>,
    /// `None` while there is no engine, and after its end has been reported.
    events: Option<UnboundedReceiver<Event>>,
    thread: Option<JoinHandle<()>>,
    stops: Stops,
    /// What stopped the run, and when, if something has.
    stopped: Option<(Stop, Instant)>,
    /// Cancels the last job sent.
    cancel: Option<CancelToken>,
    /// How many jobs [`EngineClient::run`] has started.
    jobs: u64,
}

impl EngineClient {
    #[must_use]
    pub fn new(engine: EngineChannels, stops: Stops) -> Self {
        let mut client = Self::without_engine(stops);
        client.start(engine);
        client
    }

    /// Starts an engine, which begins to load `model`, or connects to the server that `settings` name.
    #[must_use]
    pub fn starting(settings: &Settings, model: PathBuf, stops: Stops) -> Self {
        let engine = match &settings.server {
            Some(server) => remote::connect(server),
            None => engine::spawn(settings.engine.with_model(model)),
        };
        Self::new(engine.into(), stops)
    }

    /// A client without an engine, because the model is not on this machine yet.
    #[must_use]
    pub fn without_engine(stops: Stops) -> Self {
        Self { commands: None, events: None, thread: None, stops, stopped: None, cancel: None, jobs: 0 }
    }

    /// Connects the client to `engine`.
    pub fn start(&mut self, engine: EngineChannels) {
        let EngineChannels { commands, events, thread } = engine;
        (self.commands, self.events, self.thread) = (Some(commands), Some(events), thread);
    }

    /// Starts an engine that loads the model of `config`, instead of the one that runs. The running job is cancelled, and
    /// the old model is freed before the new one is loaded: memory may not hold both.
    pub fn restart(&mut self, config: EngineConfig) {
        if let Some(cancel) = self.cancel.take() {
            cancel.cancel();
        }
        (self.commands, self.events) = (None, None);
        let former = self.thread.take();
        self.start(engine::spawn_after(former, config).into());
    }

    /// Sends a command. It is dropped if there is no engine; [`EngineClient::next`] reports that the engine is gone.
    pub fn send(&mut self, command: Command) {
        if let (Some(cancel), false) = (command.cancel(), matches!(command, Command::ReadAhead(_))) {
            self.cancel = Some(cancel.clone());
        }
        if let Some(commands) = &self.commands {
            let _ = commands.send(command);
        }
    }

    /// A way to the engine for what is said while a job runs.
    #[must_use]
    pub fn commands(&self) -> Option<Sender<Command>> {
        self.commands.clone()
    }

    /// What stopped the run, if something has. No new job should start then.
    #[must_use]
    pub fn stopped(&self) -> Option<Stop> {
        self.stopped.map(|(stop, _)| stop)
    }

    // For a chat.

    /// Carries out what is for the engine, and gives back any other effect. After a stop no new job begins.
    pub fn carry_out(&mut self, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::Send(command) if self.stopped().is_none() => self.send(command),
            Effect::Send(_) => {}
            Effect::Cancel(token) => token.cancel(),
            other => return Some(other),
        }
        None
    }

    /// The engine's next event, or (once) that the engine is gone. Waits forever while there is no engine, and after
    /// that report.
    ///
    /// Cancel-safe. Does not listen for stops.
    pub async fn input(&mut self) -> Input {
        input(&mut self.events).await
    }

    /// The next event that has already arrived.
    pub fn try_input(&mut self) -> Option<Input> {
        self.events.as_mut()?.try_recv().ok().map(Input::Engine)
    }

    /// The engine's next event or the first stop, whichever comes first.
    ///
    /// Errors: the second stop, which should end the run at once.
    pub async fn next(&mut self) -> Result<Happening, Stop> {
        loop {
            match self.stop_or_input().await {
                Happening::Stop(stop) if self.is_echo(stop) => {}
                Happening::Stop(stop) => return self.stop(stop).map(Happening::Stop),
                input @ Happening::Input(_) => return Ok(input),
            }
        }
    }

    // Several jobs at a time.

    /// Starts the job that `command` makes. Whoever starts it stops it: a client that is dropped stops the last one only.
    pub fn begin(&mut self, command: impl FnOnce(JobId) -> Command) -> JobId {
        self.jobs += 1;
        let job = JobId(self.jobs);
        self.send(command(job));
        job
    }

    // One job at a time.

    /// Waits until the model is loaded.
    pub async fn loaded(&mut self, observer: &mut dyn Observer) -> Result<ModelInfo, ClientError> {
        loop {
            match self.event().await? {
                Event::Loading { fraction } => observer.progress(Activity::LoadingModel(fraction)),
                Event::Loaded(info) => return Ok(*info),
                Event::LoadFailed(failure) => return Err(failure.into()),
                _ => {}
            }
        }
    }

    /// Forecasts the prefill of `prompt`.
    pub async fn forecast(&mut self, prompt: Prompt, recipe: RecipeSpec) -> Result<Plan, ClientError> {
        let forecast = |job, _| Command::Forecast { job, prompt, recipe };
        match self.run(forecast, &mut |_: &Event| Ok::<_, ClientError>(())).await? {
            Event::Forecast { plan, .. } => Ok(plan),
            _ => Err(Failure::engine_gone().into()),
        }
    }

    /// Runs the job that `command` makes, and returns its last event. `listen` gets the events before it.
    ///
    /// Errors: the job failed, the run was stopped before it or for the second time, or `listen` returned an error.
    pub async fn run<E: From<ClientError>>(
        &mut self,
        command: impl FnOnce(JobId, CancelToken) -> Command,
        listen: &mut dyn FnMut(&Event) -> Result<(), E>,
    ) -> Result<Event, E> {
        if let Some(stop) = self.stopped() {
            return Err(ClientError::Stopped(stop).into());
        }
        let cancel = CancelToken::default();
        let job = self.begin(|job| command(job, cancel.clone()));
        let ended = self.end_of(job, &cancel, listen).await;
        if ended.is_err() {
            cancel.cancel();
        }
        ended
    }

    async fn end_of<E: From<ClientError>>(
        &mut self,
        wanted: JobId,
        cancel: &CancelToken,
        listen: &mut dyn FnMut(&Event) -> Result<(), E>,
    ) -> Result<Event, E> {
        loop {
            let event = match self.next().await {
                Ok(Happening::Input(Input::Engine(event))) => event,
                Ok(Happening::Input(_)) => return Err(ClientError::from(Failure::engine_gone()).into()),
                Ok(Happening::Stop(_)) => {
                    cancel.cancel();
                    continue;
                }
                Err(stop) => return Err(ClientError::Stopped(stop).into()),
            };
            match event {
                Event::LoadFailed(failure) => return Err(ClientError::from(failure).into()),
                _ if event.job() != Some(wanted) => {}
                Event::Failed { failure, .. } => return Err(ClientError::from(failure).into()),
                _ if event.ends_job() => return Ok(event),
                _ => listen(&event)?,
            }
        }
    }

    /// The next event, of whatever job. The first stop is an error here.
    ///
    /// Cancel-safe.
    pub async fn event(&mut self) -> Result<Event, ClientError> {
        match self.next().await {
            Ok(Happening::Input(Input::Engine(event))) => Ok(event),
            Ok(Happening::Input(_)) => Err(Failure::engine_gone().into()),
            Ok(Happening::Stop(stop)) | Err(stop) => Err(ClientError::Stopped(stop)),
        }
    }

    // Stops.

    async fn stop_or_input(&mut self) -> Happening {
        let deadline = self.stops.deadline.filter(|_| self.stopped.is_none());
        let timeout = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(signal) = self.stops.signals.recv() => Happening::Stop(Stop::Signal(signal)),
            () = timeout => Happening::Stop(Stop::Timeout),
            input = input(&mut self.events) => Happening::Input(input),
        }
    }

    fn is_echo(&self, stop: Stop) -> bool {
        self.stopped.is_some_and(|(first, at)| first == stop && at.elapsed() < ECHO)
    }

    /// Notes a stop. Errors: it is not the first.
    fn stop(&mut self, stop: Stop) -> Result<Stop, Stop> {
        let is_first = self.stopped.is_none();
        self.stopped = Some((stop, Instant::now()));
        if is_first { Ok(stop) } else { Err(stop) }
    }
}

/// The next of `events`, or (once) that the engine is gone, which sets `events` to `None`.
async fn input(events: &mut Option<UnboundedReceiver<Event>>) -> Input {
    let Some(receiver) = events else { return std::future::pending().await };
    if let Some(event) = receiver.recv().await {
        return Input::Engine(event);
    }
    *events = None;
    Input::EngineGone
}

impl Drop for EngineClient {
    /// The GPU must be freed before the process exits: the driver unloads then, and a thread still computing or freeing
    /// would abort.
    fn drop(&mut self) {
        if let Some(cancel) = &self.cancel {
            cancel.cancel();
        }
        self.commands = None;
        self.events = None;
        let Some(thread) = &self.thread else { return };
        let deadline = std::time::Instant::now() + LONGEST_WAIT;
        while !thread.is_finished() && std::time::Instant::now() < deadline {
            thread::sleep(LOOK);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use futures_util::FutureExt;
    use tokio::sync::mpsc::UnboundedSender;

    use super::*;
    use crate::failure::FailureKind;

    /// The other end of a client: its commands, and the events and signals to send it.
    struct Engine {
        commands: Receiver<Command>,
        events: UnboundedSender<Event>,
        signals: UnboundedSender<Signal>,
    }

    fn connected() -> (EngineClient, Engine) {
        let (commands, received) = channel();
        let (events, heard) = unbounded_channel();
        let (signals, signalled) = unbounded_channel();
        let channels = EngineChannels { commands, events: heard, thread: None };
        let client = EngineClient::new(channels, Stops { signals: signalled, deadline: None });
        (client, Engine { commands: received, events, signals })
    }

    impl Engine {
        fn tell(&self, event: Event) {
            self.events.send(event).expect("the client listens");
        }

        fn signal(&self, signal: Signal) {
            self.signals.send(signal).expect("the client listens");
        }

        /// Whether the last prefill sent is cancelled.
        fn is_cancelled(&self) -> bool {
            let sent = self.commands.try_iter().last();
            matches!(sent, Some(Command::Prefill { cancel, .. }) if cancel.is_cancelled())
        }
    }

    fn reading(job: JobId, cancel: CancelToken) -> Command {
        Command::Prefill { job, prompt: Prompt::default(), recipe: RecipeSpec::FULL, cancel }
    }

    fn counted(job: u64, tokens: u32) -> Event {
        Event::Counted { job: JobId(job), tokens: vec![tokens] }
    }

    fn piece(job: u64, text: &str) -> Event {
        Event::Piece { job: JobId(job), channel: crate::engine::message::Channel::Answer, text: text.to_owned() }
    }

    fn failure(message: &str) -> Failure {
        Failure::new(FailureKind::DoesNotFit, message, None)
    }

    /// Runs a prefill; returns how it ended, and the events before that.
    async fn run(client: &mut EngineClient) -> (Result<Event, ClientError>, Vec<Event>) {
        let mut heard = Vec::new();
        let mut listen = |event: &Event| {
            heard.push(event.clone());
            Ok(())
        };
        let ended = client.run(reading, &mut listen).await;
        (ended, heard)
    }

    #[tokio::test]
    async fn a_job_ends_with_its_last_event_and_events_of_others_are_dropped() {
        let (mut client, engine) = connected();
        for event in [counted(7, 1), piece(1, "a"), piece(7, "b"), counted(1, 2)] {
            engine.tell(event);
        }
        assert_eq!(run(&mut client).await, (Ok(counted(1, 2)), vec![piece(1, "a")]));
        engine.tell(counted(1, 3));
        engine.tell(counted(2, 4));
        assert_eq!(run(&mut client).await, (Ok(counted(2, 4)), vec![]), "the second job has another id");
    }

    #[tokio::test]
    async fn a_job_that_fails_a_model_that_fails_and_an_engine_that_is_gone_are_failures() {
        let (mut client, engine) = connected();
        engine.tell(Event::Failed { job: JobId(1), failure: failure("too long") });
        assert_eq!(run(&mut client).await.0, Err(ClientError::Failed(failure("too long"))));
        engine.tell(Event::LoadFailed(failure("no GGUF")));
        assert_eq!(run(&mut client).await.0, Err(ClientError::Failed(failure("no GGUF"))));
        drop(engine);
        assert_eq!(run(&mut client).await.0, Err(ClientError::Failed(Failure::engine_gone())));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_stop_ends_the_job_with_what_it_has_and_no_other_begins() {
        let (mut client, engine) = connected();
        engine.signal(Signal::Interrupt);
        let ending = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert!(engine.is_cancelled());
            engine.tell(counted(1, 2));
        };
        let ((ended, _), ()) = tokio::join!(run(&mut client), ending);
        assert_eq!(ended, Ok(counted(1, 2)));
        let stop = Stop::Signal(Signal::Interrupt);
        assert_eq!((run(&mut client).await.0, client.stopped()), (Err(ClientError::Stopped(stop)), Some(stop)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_stop_does_not_wait_but_an_echo_of_the_first_does() {
        let (mut client, engine) = connected();
        let signals = async {
            engine.signal(Signal::Terminate);
            engine.signal(Signal::Terminate);
            tokio::time::sleep(ECHO * 2).await;
            engine.signal(Signal::Terminate);
        };
        let begun = Instant::now();
        let ((ended, _), ()) = tokio::join!(run(&mut client), signals);
        assert_eq!((ended, begun.elapsed()), (Err(ClientError::Stopped(Stop::Signal(Signal::Terminate))), ECHO * 2));
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_is_a_stop() {
        let (mut client, _engine) = connected();
        client.stops.deadline = Some(Instant::now() + Duration::from_mins(1));
        assert_eq!(client.next().await, Ok(Happening::Stop(Stop::Timeout)));
        let waits = tokio::time::timeout(Duration::from_mins(1), client.next()).await;
        assert!(waits.is_err(), "it comes once");
    }

    #[tokio::test]
    async fn jobs_that_run_side_by_side_have_ids_of_their_own_and_all_their_events_come_out() {
        let (mut client, engine) = connected();
        let jobs = [(); 2].map(|()| client.begin(|job| reading(job, CancelToken::default())));
        let sent = engine.commands.try_iter().map(|command| match command {
            Command::Prefill { job, .. } => job,
            other => panic!("{other:?}"),
        });
        assert_eq!(sent.collect::<Vec<_>>(), jobs);
        assert_ne!(jobs[0], jobs[1]);
        let ended = Event::Failed { job: jobs[0], failure: failure("too long") };
        let told = [piece(jobs[1].0, "b"), piece(jobs[0].0, "a"), ended, piece(jobs[1].0, "c")];
        for event in told.clone() {
            engine.tell(event);
        }
        for event in told {
            assert_eq!(client.event().await, Ok(event));
        }
    }

    #[tokio::test]
    async fn an_event_is_waited_for_until_the_first_stop_or_the_engine_s_end() {
        let (mut client, engine) = connected();
        engine.signal(Signal::Terminate);
        assert_eq!(client.event().await, Err(ClientError::Stopped(Stop::Signal(Signal::Terminate))));
        engine.tell(counted(1, 2));
        assert_eq!(client.event().await, Ok(counted(1, 2)), "what still comes is told");
        drop(engine);
        assert_eq!(client.event().await, Err(ClientError::Failed(Failure::engine_gone())));
    }

    #[tokio::test]
    async fn a_chat_is_told_every_event_and_once_that_the_engine_is_gone() {
        let (mut client, engine) = connected();
        engine.tell(counted(7, 1));
        assert_eq!(client.next().await, Ok(Happening::Input(Input::Engine(counted(7, 1)))));
        drop(engine);
        assert_eq!(client.next().await, Ok(Happening::Input(Input::EngineGone)));
        assert_eq!(client.next().now_or_never(), None);
    }

    #[test]
    fn a_client_that_is_dropped_stops_what_runs_and_waits_for_the_engine() {
        let (commands, received) = channel();
        let (events, heard) = unbounded_channel::<Event>();
        let (told, ended) = channel();
        let thread = thread::spawn(move || {
            let Ok(Command::Prefill { cancel, .. }) = received.recv() else { panic!("a reading was sent") };
            while !cancel.is_cancelled() {
                thread::sleep(Duration::from_millis(1));
            }
            let is_gone = received.recv().is_err() && events.is_closed();
            thread::sleep(Duration::from_millis(50));
            told.send(is_gone).expect("the test waits");
        });
        let channels = EngineChannels { commands, events: heard, thread: Some(thread) };
        let mut client = EngineClient::new(channels, Stops::never());
        client.send(reading(JobId(1), CancelToken::default()));
        drop(client);
        assert_eq!(ended.try_recv(), Ok(true));
    }
}
