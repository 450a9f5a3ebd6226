//! Carries out what other Lunettes send: the engine's own commands, through the same queue as every request.
//!
//! ```text
//! POST /lunette/jobs ──> checked, with its texts ──> a place in the queue ──> the desk ──> an event per line
//! ```
//!
//! The answer is opened at once. An empty line every few seconds shows that the server is alive, so a client that waits for its turn knows
//! that it does. Whoever goes away stops the job.
//!
//! Example: a question about a book that was sent before: a request of 1 kB, `{"planned": …}`, a `{"piece": …}` per token, `{"answered": …}`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::MissedTickBehavior;

use super::account::Account;
use super::answering::refused;
use super::error::ApiError;
use super::fields::typed;
use super::job_list::Listed;
use super::queue::Place;
use super::sent;
use super::shared::Server;
use super::work::{SentCommand, Turn};
use crate::chat::record::{finish_name, rounded};
use crate::engine::message::{Event, JobId};
use crate::failure::{Failure, FailureKind};
use crate::remote::wire::{Incomplete, Job, PROTOCOL};

/// How often a client hears of a server that has nothing to send.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
/// The engine ends an answer at its time by itself.
const GRACE: Duration = Duration::from_secs(5);

/// Checks the protocol of a request.
pub(super) fn check_protocol(protocol: u32) -> Result<(), ApiError> {
    if protocol == PROTOCOL {
        return Ok(());
    }
    let ours = env!("CARGO_PKG_VERSION");
    let message =
        format!("the request is in version {protocol} of the protocol, and Lunette {ours} speaks version {PROTOCOL}");
    Err(ApiError::other_protocol(message))
}

/// A job that waits for its turn, or runs.
pub(super) struct Running {
    server: Arc<Server>,
    listed: Listed,
    events: UnboundedReceiver<Event>,
    entered: Instant,
    /// When its turn came.
    begun: Option<Instant>,
    /// Given up with the job.
    _place: Place<Turn>,
}

/// Has the job in `body` wait for its turn.
pub(super) fn begin(server: &Arc<Server>, peer: IpAddr, body: &[u8]) -> Result<Running, ApiError> {
    let model = server.model()?;
    let job: Job = typed(body)?;
    check_protocol(job.protocol)?;
    if job.model != server.stamp(&model.info) {
        return Err(ApiError::other_model(&model.info.title()));
    }
    let id = job.id.clone();
    let mut command = job.command(|hash| server.texts.find(hash)).map_err(incomplete)?;
    sent::check(&mut command, &server.defaults.limits)?;
    let listed = Listed::new(&server.jobs, id)?;
    let (events, told) = unbounded_channel();
    let sent = SentCommand { command, events, control: listed.control.clone() };
    let cancel = listed.control.cancel.clone();
    let place = server.queue.enter(peer, Turn::Command(Box::new(sent)), cancel);
    let place = place.map_err(|refusal| refused(server, refusal))?;
    Ok(Running { server: server.clone(), listed, events: told, entered: Instant::now(), begun: None, _place: place })
}

/// Why the texts of a job are not all here.
pub(super) fn incomplete(why: Incomplete) -> ApiError {
    match why {
        Incomplete::Missing(missing) => ApiError::missing_texts(json!(missing)),
        Incomplete::Uneven => ApiError::invalid("texts", "there are more or fewer texts than places for them"),
    }
}

impl Running {
    /// An event per line, until the last one.
    pub(super) fn stream(self, account: Account) -> UnboundedReceiver<Bytes> {
        let (lines, sent) = unbounded_channel();
        tokio::spawn(self.send_all(lines, account));
        sent
    }

    async fn send_all(mut self, lines: UnboundedSender<Bytes>, mut account: Account) {
        let mut alive = tokio::time::interval(SIGN_OF_LIFE);
        alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let deadline = self.deadline();
            let event = tokio::select! {
                event = self.events.recv() => event.unwrap_or_else(closing),
                () = lines.closed() => return,
                () = passed(deadline) => {
                    self.listed.control.cancel.cancel();
                    self.begun = None;
                    continue;
                }
                _ = alive.tick() => {
                    let _ = lines.send(Bytes::from_static(b"\n"));
                    continue;
                }
            };
            if self.begun.is_none() && !self.listed.control.cancel.is_cancelled() {
                self.begun = Some(Instant::now());
            }
            let line = serde_json::to_string(&event).expect("every event can be written");
            let _ = lines.send(Bytes::from(line + "\n"));
            if event.ends_job() {
                self.settle(&event, &mut account);
                return account.close(200);
            }
        }
    }

    /// When it has run as long as the server gives a request.
    fn deadline(&self) -> Option<Instant> {
        Some(self.begun? + self.server.defaults.limits.time? + GRACE)
    }

    /// Tells the log and the counts how it ended.
    fn settle(&self, event: &Event, account: &mut Account) {
        let now = Instant::now();
        let begun = self.begun.unwrap_or(now);
        let waited = begun - self.entered;
        account.tell("waited_s", rounded(waited.as_secs_f64()));
        match event {
            Event::Answered { finish, figures, .. } => {
                self.server.metrics.answer(waited, now - begun, figures);
                account.tell("finish", finish_name(*finish));
                account.tell_tokens(figures.tokens);
            }
            Event::Prefilled { figures, .. } | Event::Weighed { figures, .. } => account.tell_tokens(figures.tokens),
            Event::Failed { failure, .. } => account.tell("error", &*failure.message),
            _ => {}
        }
    }
}

/// What becomes of jobs that a server does not get to any more.
fn closing() -> Event {
    let hint = Some("ask again once it runs again".to_owned());
    Event::Failed { job: JobId(0), failure: Failure::new(FailureKind::Runtime, "the server is being stopped", hint) }
}

async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
