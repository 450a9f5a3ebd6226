//! Answers one request: waits for its turn, collects what the model writes, and sends it whole or as it comes.
//!
//! ```text
//! Request ──> Answering (a place in the queue) ── whole ──> one object
//!                                              └─ stream ─> data: {…} data: {…} … data: [DONE]
//! ```
//!
//! A request that is refused before it begins has its status, also where it is to be streamed: the stream is opened with the first
//! thing that the desk tells. While the document is read, a comment each few seconds shows that the server is alive.
//!
//! Whoever drops an [`Answering`] stops the answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::MissedTickBehavior;

use super::account::Account;
use super::answer::{Ending, Heading, Written};
use super::document_set::DocumentSet;
use super::error::ApiError;
use super::queue::{Place, Refusal};
use super::request::Streaming;
use super::shared::Server;
use super::work::{Ended, Turn, Update, Work};
use crate::chat::record::{finish_name, rounded};
use crate::chat::{ReadyQuestion, Texts};
use crate::citations::Citation;
use crate::document::ByteSpan;
use crate::engine::message::{CancelToken, Plan, Progress};
use crate::failure::Failure;
use crate::harmless;
use crate::swaa::selection::PresetSelection;

/// How often a client hears of a server that has nothing to send. Proxies give up after a minute.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
/// When to come back if no answer has been timed yet.
const USUAL_ANSWER: Duration = Duration::from_secs(10);
const LONGEST_RETRY_S: u64 = 600;

/// A request that is waiting for its turn, or being answered.
pub(super) struct Answering {
    server: Arc<Server>,
    heading: Heading,
    documents: Arc<DocumentSet>,
    updates: UnboundedReceiver<Update>,
    written: Written,
    /// Those that were read again for the answer.
    passages: Vec<ByteSpan>,
    entered: Instant,
    /// When its turn came.
    planned: Option<Instant>,
    /// Given up with the answering.
    _place: Place<Turn>,
}

/// A whole answer, and what is told of it.
struct Done {
    ended: Box<Ended>,
    citations: Vec<Citation>,
}

impl Answering {
    /// Has `asked` wait for its turn.
    pub(super) fn begin(
        server: Arc<Server>,
        peer: std::net::IpAddr,
        heading: Heading,
        documents: Arc<DocumentSet>,
        asked: ReadyQuestion,
        reading: PresetSelection,
    ) -> Result<Self, ApiError> {
        let written = Written::new(Texts::may_turn(&asked.markup), asked.sampling.n_probs.is_some());
        let (updates, told) = unbounded_channel();
        let cancel = CancelToken::default();
        let work = Work { asked, reading, updates, cancel: cancel.clone() };
        let place = server
            .queue
            .enter(peer, Turn::Question(Box::new(work)), cancel)
            .map_err(|refusal| refused(&server, refusal))?;
        let entered = Instant::now();
        let (passages, planned) = (Vec::new(), None);
        Ok(Self { server, heading, documents, updates: told, written, passages, entered, planned, _place: place })
    }

    /// The whole answer.
    pub(super) async fn whole(mut self, account: &mut Account) -> Result<Value, ApiError> {
        loop {
            match self.next().await? {
                Update::Failed(failure) => return Err(failure.into()),
                Update::Ended(ended) => {
                    let done = self.done(ended, account).await;
                    return Ok(self.heading.whole(&self.written, &self.ending(&done)));
                }
                _ => {}
            }
        }
    }

    /// The answer as it comes. Waits until it begins.
    pub(super) async fn stream(
        mut self,
        streaming: Streaming,
        account: Account,
    ) -> Result<UnboundedReceiver<Bytes>, (ApiError, Account)> {
        match self.next().await {
            Err(error) => Err((error, account)),
            Ok(Update::Failed(failure)) => Err((failure.into(), account)),
            Ok(first) => {
                let (sender, events) = unbounded_channel();
                tokio::spawn(self.send_all(first, streaming, Events(sender), account));
                Ok(events)
            }
        }
    }

    /// The next thing that the desk tells.
    ///
    /// Errors: the server is being stopped.
    async fn next(&mut self) -> Result<Update, ApiError> {
        let update = self.updates.recv().await.ok_or_else(ApiError::closing)?;
        match &update {
            Update::Planned(_) => {
                self.planned.get_or_insert_with(Instant::now);
            }
            Update::ReadAgain(passages) => self.passages.clone_from(passages),
            _ => {}
        }
        self.written.take(&update);
        Ok(update)
    }

    async fn send_all(mut self, first: Update, streaming: Streaming, events: Events, mut account: Account) {
        events.send_some(self.heading.first_chunk().as_ref());
        let mut progress = None;
        let mut alive = tokio::time::interval(SIGN_OF_LIFE);
        alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut update = first;
        loop {
            match update {
                Update::Planned(plan) => {
                    let now = begun(&plan);
                    events.send_some(streaming.progress.then(|| self.heading.progress(&now)).as_ref());
                }
                Update::Prefilling(now) => {
                    progress = Some(now);
                    events.send_some(streaming.progress.then(|| self.heading.progress(&now)).as_ref());
                }
                Update::Failed(failure) => return fail(&failure, &events, account),
                Update::Ended(ended) => {
                    self.send_growth(&events);
                    self.send_end(ended, streaming, &events, &mut account).await;
                    return account.close(200);
                }
                _ => self.send_growth(&events),
            }
            update = loop {
                tokio::select! {
                    next = self.next() => match next {
                        Ok(update) => break update,
                        Err(error) => return events.send(&error.to_json()),
                    },
                    _ = alive.tick() => events.comment(progress.as_ref()),
                    () = events.0.closed() => return,
                }
            };
        }
    }

    fn send_growth(&mut self, events: &Events) {
        if let Some(reasoning) = self.written.new_reasoning() {
            events.send_some(self.heading.reasoning(&reasoning).as_ref());
        }
        if let Some(piece) = self.written.new_piece() {
            events.send(&self.heading.piece(&piece));
        }
    }

    async fn send_end(&mut self, ended: Box<Ended>, streaming: Streaming, events: &Events, account: &mut Account) {
        let done = self.done(ended, account).await;
        events.send(&self.heading.last_chunk(&self.ending(&done)));
        if streaming.usage {
            events.send_some(self.heading.usage_chunk(&done.ended.figures).as_ref());
        }
        events.raw(self.heading.end_of_stream());
    }

    /// Looks up the quotes, and counts the answer.
    async fn done(&self, ended: Box<Ended>, account: &mut Account) -> Done {
        let now = Instant::now();
        let planned = self.planned.unwrap_or(now);
        let waited = planned - self.entered;
        self.server.metrics.answer(waited, now - planned, &ended.figures);
        account.tell("waited_s", rounded(waited.as_secs_f64()));
        account.tell("answering", self.server.queue.answering());
        account.tell("preset", &*ended.preset.name);
        account.tell("finish", finish_name(ended.finish));
        account.tell_tokens(ended.figures.tokens);
        let (documents, answer) = (self.documents.clone(), self.written.answer.clone());
        let passages = self.passages.clone();
        let looked_up = tokio::task::spawn_blocking(move || documents.citations(&answer, &passages));
        Done { ended, citations: looked_up.await.unwrap_or_default() }
    }

    fn ending<'a>(&'a self, done: &'a Done) -> Ending<'a> {
        Ending {
            ended: &done.ended,
            written: &self.written,
            documents: &self.documents.names,
            citations: &done.citations,
        }
    }
}

/// A prefill before its first tokens: a client knows at once how long it is.
fn begun(plan: &Plan) -> Progress {
    Progress {
        done_tokens: plan.cached_tokens,
        total_tokens: plan.prompt_tokens,
        cached_tokens: plan.cached_tokens,
        elapsed: Duration::ZERO,
        tokens_per_s: 0.0,
        remaining: plan.predicted,
    }
}

/// Tells of a failure in the middle of a stream.
fn fail(failure: &Failure, events: &Events, mut account: Account) {
    let error = ApiError::from(failure.clone());
    account.tell("error", &*error.message);
    events.send(&error.to_json());
    account.close(error.status);
}

pub(super) fn refused(server: &Server, refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Closed => ApiError::closing(),
        Refusal::Full { waiting } => {
            let each = server.metrics.mean_answer().unwrap_or(USUAL_ANSWER);
            let all = each.as_secs_f64() * (waiting + 1) as f64 / server.queue.answering().max(1) as f64;
            ApiError::queue_is_full(waiting, (all.ceil() as u64).clamp(1, LONGEST_RETRY_S))
        }
    }
}

/// Server-sent events.
struct Events(UnboundedSender<Bytes>);

impl Events {
    fn send(&self, object: &Value) {
        self.raw(&format!("data: {}\n\n", harmless::json(&object.to_string())));
    }

    fn send_some(&self, object: Option<&Value>) {
        if let Some(object) = object {
            self.send(object);
        }
    }

    /// A line that clients read over.
    fn comment(&self, progress: Option<&Progress>) {
        let how_far = progress.map_or_else(String::new, |progress| {
            format!(" prefilled {} of {} tokens", progress.done_tokens, progress.total_tokens)
        });
        self.raw(&format!(":{how_far}\n\n"));
    }

    /// A client that has gone away hears nothing.
    fn raw(&self, text: &str) {
        let _ = self.0.send(Bytes::copy_from_slice(text.as_bytes()));
    }
}
