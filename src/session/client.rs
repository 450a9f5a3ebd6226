//! The one client of the engine: commands out, events in, and what may stop the program in between.
//!
//! It is used in two ways. [`EngineClient::run`] sends one command and waits for the end of its job: an evaluation, a measurement.
//! [`EngineClient::next`] hands what comes to a chat, which has jobs of its own: the terminal interface, plain lines, headless runs.
//!
//! ```text
//! chat::update ── Effect::Send ──> send ──> engine ──> next ──> chat::update
//! run(|job, cancel| Command::Read { .. }) ──> engine ──> Event::Planned, Event::Prefilling, … ──> Event::Read
//! ```
//!
//! The first stop (a signal, the end of `--timeout`) cancels the running job, which then ends as it does with what it has. A second one
//! doesn't wait. One that comes within [`ECHO`] of the first is the first one heard twice: `timeout 60 lunette ...` signals its child, and then
//! the group that the child is in.
//!
//! A client that is dropped cancels what runs and waits until the engine's thread has freed the GPU.
//!
//! What it does not do: know documents, make prompts, print.

use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;

use super::observer::{Activity, Observer};
use super::signals::Signal;
use crate::chat::Input;
use crate::engine::config::EngineConfig;
use crate::engine::message::{CancelToken, Command, Event, JobId, ModelInfo, Plan, Prompt};
use crate::engine::{self, EngineHandle};
use crate::failure::Failure;
use crate::swaa::RecipeSpec;

/// Sooner than a person presses a key twice, later than a process that was signalled by itself and with its group hears of it.
pub const ECHO: Duration = Duration::from_millis(100);
/// How long the end of the program may wait for the engine's thread.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How often it is looked whether the thread has ended.
const LOOK: Duration = Duration::from_millis(10);

/// What leads to the engine and back.
#[derive(Debug)]
pub struct EngineChannels {
    pub commands: Sender<Command>,
    pub events: UnboundedReceiver<Event>,
    /// Waited for at the end; `None` when somebody else does.
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
    /// `--timeout` is over.
    Timeout,
}

/// What may stop a run from outside.
#[derive(Debug)]
pub struct Stops {
    pub signals: UnboundedReceiver<Signal>,
    /// When `--timeout` is over.
    pub deadline: Option<Instant>,
}

impl Stops {
    /// Nothing does: the front end hears signals itself, or leaves them to the system.
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
    /// The first stop: what runs is to end with what it has.
    Stop(Stop),
}

/// See the module's page.
pub struct EngineClient {
    commands: Option<Sender<Command>>,
    /// `None` while there is no engine, and once it was told that there is none any more.
    events: Option<UnboundedReceiver<Event>>,
    thread: Option<JoinHandle<()>>,
    stops: Stops,
    /// What stopped the run, once something has, and when.
    stopped: Option<(Stop, Instant)>,
    /// Stops the job that was sent last.
    cancel: Option<CancelToken>,
    /// How many jobs [`EngineClient::run`] has begun.
    jobs: u64,
}

impl EngineClient {
    #[must_use]
    pub fn new(engine: EngineChannels, stops: Stops) -> Self {
        let mut client = Self::without_engine(stops);
        client.start(engine);
        client
    }

    /// With an engine of its own, which begins to load the model of `config`.
    #[must_use]
    pub fn starting(config: EngineConfig, stops: Stops) -> Self {
        Self::new(engine::spawn(config).into(), stops)
    }

    /// A client whose engine is still to come: the model is not on this machine yet.
    #[must_use]
    pub fn without_engine(stops: Stops) -> Self {
        Self { commands: None, events: None, thread: None, stops, stopped: None, cancel: None, jobs: 0 }
    }

    /// From now on this is the engine.
    pub fn start(&mut self, engine: EngineChannels) {
        let EngineChannels { commands, events, thread } = engine;
        (self.commands, self.events, self.thread) = (Some(commands), Some(events), thread);
    }

    /// Sends a command. Without an engine it is lost: that the engine is gone is told by [`EngineClient::next`].
    pub fn send(&mut self, command: Command) {
        match &command {
            Command::Read { cancel, .. } => self.cancel = Some(cancel.clone()),
            Command::Ask(question) => self.cancel = Some(question.cancel.clone()),
            _ => {}
        }
        if let Some(commands) = &self.commands {
            let _ = commands.send(command);
        }
    }

    /// What stopped the run, if something has: no new job should begin.
    #[must_use]
    pub fn stopped(&self) -> Option<Stop> {
        self.stopped.map(|(stop, _)| stop)
    }

    // For a chat.

    /// The engine's next event, and once that it is gone. Waits without end while there is no engine, and after its end.
    ///
    /// Nothing is lost when it is dropped before it is ready. Stops are not heard.
    pub async fn input(&mut self) -> Input {
        input(&mut self.events).await
    }

    /// The next event that is there already.
    pub fn try_input(&mut self) -> Option<Input> {
        self.events.as_mut()?.try_recv().ok().map(Input::Engine)
    }

    /// What the engine tells, or the first stop, whichever comes first.
    ///
    /// Errors: the second stop, which doesn't wait.
    pub async fn next(&mut self) -> Result<Happening, Stop> {
        loop {
            match self.stop_or_input().await {
                Happening::Stop(stop) if self.is_echo(stop) => {}
                Happening::Stop(stop) => return self.stop(stop).map(Happening::Stop),
                input @ Happening::Input(_) => return Ok(input),
            }
        }
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

    /// What reading `prompt` would take now.
    pub async fn forecast(&mut self, prompt: Prompt, recipe: RecipeSpec) -> Result<Plan, ClientError> {
        let forecast = |job, _| Command::Forecast { job, prompt, recipe };
        match self.run(forecast, &mut |_: &Event| Ok::<_, ClientError>(())).await? {
            Event::Forecast { plan, .. } => Ok(plan),
            _ => Err(Failure::engine_gone().into()),
        }
    }

    /// Runs the job that `command` makes to its last event, and returns that. `listen` hears all before it.
    ///
    /// Errors: the job failed, the run was stopped before it or a second time, or `listen` had enough.
    pub async fn run<E: From<ClientError>>(
        &mut self,
        command: impl FnOnce(JobId, CancelToken) -> Command,
        listen: &mut dyn FnMut(&Event) -> Result<(), E>,
    ) -> Result<Event, E> {
        if let Some(stop) = self.stopped() {
            return Err(ClientError::Stopped(stop).into());
        }
        self.jobs += 1;
        let (job, cancel) = (JobId(self.jobs), CancelToken::default());
        self.send(command(job, cancel.clone()));
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
                Event::Read { .. } | Event::Answered { .. } | Event::Forecast { .. } | Event::Counted { .. } => {
                    return Ok(event);
                }
                _ => listen(&event)?,
            }
        }
    }

    /// The next event while no job runs: the first stop ends it.
    async fn event(&mut self) -> Result<Event, ClientError> {
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

/// The next of `events`, and once that there will be none any more; then `events` is `None`.
async fn input(events: &mut Option<UnboundedReceiver<Event>>) -> Input {
    let Some(receiver) = events else { return std::future::pending().await };
    if let Some(event) = receiver.recv().await {
        return Input::Engine(event);
    }
    *events = None;
    Input::EngineGone
}

impl Drop for EngineClient {
    /// A GPU has to be given back before the process ends: its driver is gone then, and what is still computing or freeing aborts.
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
