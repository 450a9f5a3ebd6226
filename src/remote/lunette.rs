//! Has a Lunette server carry out commands, one after the other, as an engine's thread does.
//!
//! ```text
//! loading: GET /lunette, until the model is there ──> Loaded
//! each command: POST /lunette/jobs ──> a line per event ──> the last one
//!                └─ texts are missing ─> POST /lunette/texts, and again
//! ```
//!
//! A stop is sent to the server, which ends the job as the engine does, with figures. A job that still waits for its turn is given up at once.
//! What comes while a job runs waits, except [`Command::AnswerNow`].
//!
//! A server that goes away fails the job; what was written stays with the front end. The next command connects again.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use hyper::body::Bytes;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::UnboundedSender;

use super::http::{Client, Request, Response};
use super::peer::{self, Peer};
use super::refusal::{Refusal, no_lunette, not_understood};
use super::wire::{ANSWER_NOW, CODE_LOADING, CODE_MISSING_TEXTS, JOBS, Job, Model, STOP, TEXTS, TextHash, bundle};
use crate::engine::message::{Command, Event, Figures, Finish, JobId, ModelInfo};
use crate::failure::{Failure, FailureKind};
use crate::settings::UsedServer;
use crate::swaa::RecipeSpec;
use watching::{Inbox, Watch, Wish};

mod watching;

/// How often to ask a server that is loading its model.
const LOOK: Duration = Duration::from_millis(250);
/// Texts are sent in pieces of about this size.
const BUNDLE_BYTES: usize = 4 << 20;
/// A server may drop texts again while others are sent. More often than this is no chance.
const MOST_SENDINGS: usize = 3;

/// Carries out `commands` until they end.
pub(super) fn run(
    runtime: &Runtime,
    client: &Client,
    server: &UsedServer,
    commands: Receiver<Command>,
    events: &UnboundedSender<Event>,
) {
    let load = async {
        tokio::select! {
            loaded = loaded(client, events) => Some(loaded),
            () = events.closed() => None,
        }
    };
    let model = match runtime.block_on(load) {
        Some(loaded) => loaded.and_then(|model| is_wanted(server, client, model)),
        None => return,
    };
    let model = match model {
        Ok(model) => model,
        Err(failure) => return drop(events.send(Event::LoadFailed(failure))),
    };
    let info = ModelInfo { runs_on: Some(client.name()), ..(*model.info).clone() };
    let _ = events.send(Event::Loaded(Box::new(info.clone())));
    let worker = Worker { client, stamp: model.stamp, info, events };
    let mut inbox = Inbox::new(commands);
    while let Some(command) = inbox.next() {
        if command == Command::Shutdown {
            break;
        }
        runtime.block_on(worker.carry_out(command, &mut inbox));
    }
}

/// Waits until the server has loaded its model.
pub(super) async fn loaded(client: &Client, events: &UnboundedSender<Event>) -> Result<Model, Failure> {
    loop {
        let Peer::Lunette(hello) = peer::found(client).await? else { return Err(no_lunette(client)) };
        match hello.model {
            Some(model) => return Ok(model),
            None => {
                let _ = events.send(Event::Loading { fraction: hello.loading.clamp(0.0, 1.0) });
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Refuses flags that the server does not follow.
pub(super) fn is_wanted(server: &UsedServer, client: &Client, model: Model) -> Result<Model, Failure> {
    let refused = |message: String, hint: &str| Err(Failure::new(FailureKind::Usage, message, Some(hint.to_owned())));
    let info = &model.info;
    let file = info.path.file_stem().unwrap_or_default().to_string_lossy();
    let names = [Some(&*file), info.path.to_str(), Some(&*info.name), info.called.as_deref()];
    if let Some(wanted) = &server.model
        && !names.into_iter().flatten().any(|name| name.eq_ignore_ascii_case(wanted))
    {
        let has = crate::harmless::line(&file).into_owned();
        return refused(format!("{} has the model {has}, not {wanted}", client.name()), "leave -m out");
    }
    let of_others = [("--tokenizer", server.tokenizer.is_some()), ("--server-body", !server.body.is_empty())];
    if let Some((flag, _)) = of_others.into_iter().find(|(_, given)| *given) {
        let message = format!("{flag} is for servers that are not Lunette's, and {} is one", client.name());
        return refused(message, "leave it out");
    }
    if server.context_tokens.is_some() {
        return refused(
            format!("{} has its own context size", client.name()),
            "leave -c out, or give it to `lunette serve`",
        );
    }
    Ok(model)
}

/// What every job needs.
struct Worker<'a> {
    client: &'a Client,
    stamp: String,
    info: ModelInfo,
    events: &'a UnboundedSender<Event>,
}

impl Worker<'_> {
    /// Sends every event of `command`, the last one included.
    async fn carry_out(&self, command: Command, inbox: &mut Inbox) {
        let Some(job) = command.job() else { return };
        let mut watch = Watch::of(&command, job, inbox);
        let id = new_id();
        let (wire, long) = Job::of(&command, id.clone(), self.stamp.clone());
        let begun = tokio::select! {
            biased;
            () = watch.is_over() => Ok(None),
            begun = self.begun(&wire, &long, job) => begun.map(Some),
        };
        let last = match begun {
            Ok(Some(response)) => self.listen(response, &command, &id, &mut watch).await,
            Ok(None) => Ok(self.not_begun(&command, job)),
            Err(failure) => Err(failure),
        };
        match last {
            Ok(Some(event)) => self.tell(event),
            // Nobody wants to know any more.
            Ok(None) => {}
            Err(failure) => self.tell(Event::Failed { job, failure }),
        }
    }

    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// Has the server begin a job, with all texts that it needs.
    async fn begun(&self, job: &Job, long: &HashMap<TextHash, Arc<str>>, number: JobId) -> Result<Response, Failure> {
        let body = Bytes::from(written(job));
        let (mut sendings, mut is_told) = (0, false);
        loop {
            let response = self.client.send(Request::post(JOBS, body.clone())).await?;
            if response.status == 200 {
                return Ok(response);
            }
            let refusal = Refusal::of(response).await?;
            if refusal.has_code(CODE_MISSING_TEXTS) && sendings < MOST_SENDINGS {
                sendings += 1;
                send_texts(self.client, &refusal, long).await?;
            } else if refusal.has_code(CODE_LOADING) {
                if !std::mem::replace(&mut is_told, true) {
                    let text = format!("{} loads its model", self.client.name());
                    self.tell(Event::Noted { job: number, text });
                }
                tokio::time::sleep(LOOK).await;
            } else {
                return Err(refusal.failure(self.client));
            }
        }
    }

    /// Passes the events on, and returns the last one; nothing, if the program ends.
    async fn listen(
        &self,
        mut response: Response,
        command: &Command,
        id: &str,
        watch: &mut Watch<'_>,
    ) -> Result<Option<Event>, Failure> {
        let job = watch.job;
        let mut has_begun = false;
        loop {
            let wish = tokio::select! {
                line = response.line() => {
                    let line = line?.ok_or_else(|| self.broken_off())?;
                    if line.is_empty() {
                        continue;
                    }
                    let event = serde_json::from_str::<Event>(&line).map_err(|error| not_understood(self.client, &error))?;
                    let event = event.renumbered(job);
                    if event.ends_job() {
                        return Ok(Some(event));
                    }
                    has_begun = true;
                    self.tell(event);
                    continue;
                }
                wish = watch.next() => wish,
            };
            match wish {
                Wish::Stop if !has_begun => return Ok(self.not_begun(command, job)),
                Wish::Stop => self.control(id, STOP),
                Wish::AnswerNow => self.control(id, ANSWER_NOW),
                Wish::GiveUp => return Err(self.broken_off()),
                Wish::Leave => return Ok(None),
            }
        }
    }

    /// Tells the server something about a job that runs. If that fails, so does the job.
    fn control(&self, id: &str, what: &str) {
        let (client, path) = (self.client.clone(), format!("{JOBS}/{id}{what}"));
        drop(tokio::spawn(async move {
            if let Err(error) = client.send(Request::post(path, "{}")).await {
                tracing::warn!(%error, "the server was not told");
            }
        }));
    }

    fn broken_off(&self) -> Failure {
        let message = format!("{} ended the connection in the middle", self.client.name());
        Failure::new(FailureKind::Runtime, message, Some("ask again once the server can be reached".to_owned()))
    }

    /// The end of a job that was stopped before the server began it; `None` if nobody waits for one.
    fn not_begun(&self, command: &Command, job: JobId) -> Option<Event> {
        let figures = |recipe: &RecipeSpec| Box::new(self.no_figures(recipe));
        Some(match command {
            Command::Prefill { recipe, .. } => Event::Prefilled { job, stopped: true, figures: figures(recipe) },
            Command::ReadAhead(ahead) => Event::Prefilled { job, stopped: true, figures: figures(&ahead.recipe) },
            Command::Ask(question) => {
                Event::Answered { job, finish: Finish::Cancelled, figures: figures(&question.recipe) }
            }
            Command::Weigh { question, .. } => {
                Event::Weighed { job, stopped: true, tokens: Vec::new(), figures: figures(&question.recipe) }
            }
            Command::FindHeads { .. } => Event::HeadsFound { job, stopped: true, heads: Vec::new() },
            _ => return None,
        })
    }

    fn no_figures(&self, recipe: &RecipeSpec) -> Figures {
        Figures {
            recipe: recipe.resolve(0, &self.info.layers),
            tokens: crate::engine::message::TokenCounts::default(),
            timings: crate::engine::message::Timings::default(),
            memory: crate::engine::message::Memory::default(),
            threads: crate::engine::message::Threads::default(),
            reasoning_end: None,
            prefill_cost: self.info.prefill_cost,
            context_tokens: 0,
        }
    }
}

/// Sends the texts that `refusal` names.
pub(super) async fn send_texts(
    client: &Client,
    refusal: &Refusal,
    long: &HashMap<TextHash, Arc<str>>,
) -> Result<(), Failure> {
    let named = refusal.missing.iter().flat_map(|missing| &missing.texts);
    let texts: Vec<Arc<str>> = named.filter_map(|hash| long.get(hash)).cloned().collect();
    for texts in bundles(&texts) {
        let response = client.send(Request::post_bytes(TEXTS, bundle(texts))).await?;
        if response.status != 200 {
            return Err(Refusal::of(response).await?.failure(client));
        }
    }
    Ok(())
}

/// `texts` in groups of about [`BUNDLE_BYTES`], at least one text in each.
fn bundles(texts: &[Arc<str>]) -> Vec<&[Arc<str>]> {
    let mut bytes = 0;
    let is_full = |text: &Arc<str>, bytes: &mut usize| {
        *bytes += text.len();
        let is_full = *bytes > BUNDLE_BYTES;
        if is_full {
            *bytes = text.len();
        }
        is_full
    };
    texts.chunk_by(|_, next| !is_full(next, &mut bytes)).collect()
}

/// JSON of what is sent.
pub(super) fn written(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("every value can be written")
}

/// Hard to guess: hashes under keys from the system's random numbers.
fn new_id() -> String {
    let number = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", number(), number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_sent_in_pieces_of_a_few_megabytes() {
        let texts: Vec<Arc<str>> = [3, 1, 1, 6, 2].map(|mb: usize| Arc::from("x".repeat(mb << 20))).to_vec();
        let sizes: Vec<usize> = bundles(&texts).iter().map(|texts| texts.len()).collect();
        assert_eq!(sizes.iter().sum::<usize>(), texts.len());
        assert!(
            bundles(&texts)
                .iter()
                .all(|texts| texts.len() == 1 || texts.iter().map(|text| text.len()).sum::<usize>() <= 5 << 20)
        );
        assert!(bundles(&[]).is_empty());
    }

    #[test]
    fn ids_are_of_128_bits_and_never_the_same() {
        let (one, other) = (new_id(), new_id());
        assert_eq!((one.len(), one == other), (32, false));
    }
}
