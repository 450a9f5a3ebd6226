//! One side of the conversation with the engine's thread: a command in, its events out, and a way to be stopped in between.
//!
//! The picture: a person at the engine's counter with an ear to the door. While a job runs, whoever comes in first is heard:
//! an event, a signal, the end of `--timeout`. The first stop cancels the job, which then ends as it does with what it has;
//! a second one doesn't wait. One that comes within [`ECHO`] of the first is the first one heard twice: `timeout 60 lunette ...` signals
//! its child, and then the group that the child is in.
//!
//! Knows no documents and prints nothing.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use crate::engine::message::{CancelToken, Command, Event, JobId, ModelInfo, Plan, Prompt};
use crate::exit::{Exit, Trouble};
use crate::session::Signal;
use crate::swaa::RecipeSpec;

/// Sooner than a person presses a key twice, later than a process that was signalled by itself and with its group hears of it.
pub(super) const ECHO: Duration = Duration::from_millis(100);

/// The engine's counter, as the front end sees it.
#[derive(Debug)]
pub struct Counter {
    pub commands: Sender<Command>,
    pub events: UnboundedReceiver<Event>,
}

/// What may end the run from outside.
#[derive(Debug)]
pub struct Stops {
    pub signals: UnboundedReceiver<Signal>,
    /// When `--timeout` is over.
    pub deadline: Option<Instant>,
}

pub(super) struct Talk {
    counter: Counter,
    stops: Stops,
    /// What stopped the run, once something has, and when.
    stopped: Option<(Exit, Instant)>,
    /// The running job's.
    cancel: Option<CancelToken>,
    jobs: u64,
}

/// Hears what a job tells before it ends. An error ends the run.
pub(super) type Listener<'a> = &'a mut dyn FnMut(&Event) -> io::Result<()>;

impl Talk {
    pub(super) fn new(counter: Counter, stops: Stops) -> Self {
        Self { counter, stops, stopped: None, cancel: None, jobs: 0 }
    }

    /// What stopped the run, if something has: no new job should begin.
    pub(super) fn stopped(&self) -> Option<Exit> {
        self.stopped.map(|(exit, _)| exit)
    }

    /// Waits for the model. `progress` hears which share of it is there.
    pub(super) async fn loaded(&mut self, progress: &mut dyn FnMut(f32)) -> Result<ModelInfo, Trouble> {
        loop {
            match self.next().await? {
                Event::Loading { fraction } => progress(fraction),
                Event::Loaded(info) => return Ok(*info),
                Event::LoadFailed(failure) => return Err(failure.into()),
                _ => {}
            }
        }
    }

    /// How many tokens `text` has.
    pub(super) async fn count(&mut self, text: &Arc<str>) -> Result<u32, Trouble> {
        Ok(self.count_each(vec![text.clone()]).await?.into_iter().sum())
    }

    /// How many tokens each of `texts` has.
    pub(super) async fn count_each(&mut self, texts: Vec<Arc<str>>) -> Result<Vec<u32>, Trouble> {
        match self.job(|job, _| Command::Count { job, texts }, &mut |_| Ok(())).await? {
            Event::Counted { tokens, .. } => Ok(tokens),
            _ => Err(Trouble::engine_gone()),
        }
    }

    /// What reading `prompt` would take now.
    pub(super) async fn forecast(&mut self, prompt: Prompt, recipe: RecipeSpec) -> Result<Plan, Trouble> {
        match self.job(|job, _| Command::Forecast { job, prompt, recipe }, &mut |_| Ok(())).await? {
            Event::Forecast { plan, .. } => Ok(plan),
            _ => Err(Trouble::engine_gone()),
        }
    }

    /// Runs the job that `command` makes to its last event, and returns that. `listen` hears all before it.
    ///
    /// Errors: the job failed, the run was stopped a second time, or `listen` had enough.
    pub(super) async fn job(
        &mut self,
        command: impl FnOnce(JobId, CancelToken) -> Command,
        listen: Listener<'_>,
    ) -> Result<Event, Trouble> {
        if let Some(exit) = self.stopped() {
            return Err(Trouble::stopped(exit));
        }
        self.jobs += 1;
        let (job, cancel) = (JobId(self.jobs), CancelToken::default());
        self.cancel = Some(cancel.clone());
        self.counter.commands.send(command(job, cancel)).map_err(|_| Trouble::engine_gone())?;
        let ended = self.end_of(job, listen).await;
        if let (Err(_), Some(cancel)) = (&ended, self.cancel.take()) {
            cancel.cancel();
        }
        ended
    }

    async fn end_of(&mut self, wanted: JobId, listen: Listener<'_>) -> Result<Event, Trouble> {
        loop {
            let event = self.next().await?;
            match event {
                Event::Failed { job, failure } if job == wanted => return Err(failure.into()),
                Event::LoadFailed(failure) => return Err(failure.into()),
                _ if job_of(&event) != Some(wanted) => {}
                Event::Read { .. } | Event::Answered { .. } | Event::Forecast { .. } | Event::Counted { .. } => {
                    return Ok(event);
                }
                _ => listen(&event)?,
            }
        }
    }

    /// The next event. A stop is acted upon on the way.
    async fn next(&mut self) -> Result<Event, Trouble> {
        loop {
            let deadline = self.stops.deadline.filter(|_| self.stopped.is_none());
            let timeout = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some(signal) = self.stops.signals.recv() => self.stop(signal.into())?,
                () = timeout => self.stop(Exit::Timeout)?,
                event = self.counter.events.recv() => return event.ok_or_else(Trouble::engine_gone),
            }
        }
    }

    /// Cancels the running job. Without one, or the second time, nothing is waited for.
    fn stop(&mut self, exit: Exit) -> Result<(), Trouble> {
        if self.stopped.is_some_and(|(first, at)| first == exit && at.elapsed() < ECHO) {
            return Ok(());
        }
        let is_first = self.stopped.is_none();
        self.stopped = Some((exit, Instant::now()));
        match &self.cancel {
            Some(cancel) if is_first => cancel.cancel(),
            _ => return Err(Trouble::stopped(exit)),
        }
        Ok(())
    }
}

fn job_of(event: &Event) -> Option<JobId> {
    match event {
        Event::Planned { job, .. }
        | Event::Prefilling { job, .. }
        | Event::Piece { job, .. }
        | Event::Read { job, .. }
        | Event::Answered { job, .. }
        | Event::Forecast { job, .. }
        | Event::Counted { job, .. }
        | Event::Failed { job, .. } => Some(*job),
        Event::Loading { .. } | Event::Loaded(_) | Event::LoadFailed(_) => None,
    }
}
