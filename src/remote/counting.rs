//! Counts tokens with the vocabulary of a server's model, for plans and selections.
//!
//! Example: `lunette fit --server gpu-box:8080 book.txt` sends the book once, in three pieces, and gets the tokens of its 61 parts.
//!
//! Somebody else's server counts as far as it can ([`openai::Survey`]).
//!
//! The methods of [`Estimator`] can't fail. If the server does, they return 0 from then on, and [`Estimator::failure`] says why: whoever
//! counts asks for it before showing anything.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use hyper::body::Bytes;
use tokio::sync::mpsc::unbounded_channel;

use super::http::{Client, Request};
use super::lunette::{is_wanted, loaded, send_texts, written};
use super::openai;
use super::peer::{self, Peer};
use super::refusal::{Refusal, not_understood};
use super::runtime::aside;
use super::wire::{CODE_MISSING_TEXTS, COUNTS, CountJob, Counted, Counts, Model, TextHash};
use crate::document::ByteSpan;
use crate::engine::Measured;
use crate::engine::message::{ModelInfo, Prompt};
use crate::failure::Failure;
use crate::fit::{Estimator, PromptTokens};
use crate::settings::UsedServer;

/// Four bytes per token at the least.
const MOST_BYTES: usize = 64 << 20;

/// Counts by asking a server.
#[derive(Debug)]
pub struct Counter(Of);

/// Whose server it is.
#[derive(Debug)]
enum Of {
    Lunette(Box<LunetteCounter>),
    Other(Box<openai::Survey>),
}

/// Has a Lunette count.
#[derive(Debug)]
struct LunetteCounter {
    client: Client,
    info: ModelInfo,
    failed: Mutex<Option<Failure>>,
}

impl Counter {
    /// Waits until the server has loaded its model.
    pub fn connect(server: &UsedServer) -> Result<Self, Failure> {
        let client = Client::new(server);
        aside(async {
            match peer::found(&client).await? {
                Peer::Lunette(_) => {
                    let model = is_wanted(server, &client, loaded(&client, &unbounded_channel().0).await?)?;
                    Ok(Self(Of::Lunette(Box::new(LunetteCounter::of(client, model)))))
                }
                Peer::Other(stranger) => {
                    let survey = openai::Survey::of(&client, server, stranger).await?;
                    Ok(Self(Of::Other(Box::new(survey))))
                }
            }
        })
    }

    fn of(&self) -> &dyn Estimator {
        match &self.0 {
            Of::Lunette(counter) => &**counter,
            Of::Other(survey) => &**survey,
        }
    }
}

impl LunetteCounter {
    fn of(client: Client, model: Model) -> Self {
        let info = ModelInfo { runs_on: Some(client.name()), ..*model.info };
        Self { client, info, failed: Mutex::default() }
    }

    /// As many counts as `expected`, or zeros once something has failed.
    fn counted(&self, what: Counted, texts: &[Arc<str>], expected: usize) -> Vec<u32> {
        let mut failed = self.failed.lock().expect("nothing panics while it holds the lock");
        if failed.is_some() || expected == 0 {
            return vec![0; expected];
        }
        let (job, long) = CountJob::of(what, texts);
        match aside(counts(&self.client, &job, &long)) {
            Ok(Counts { tokens }) if tokens.len() == expected => tokens,
            Ok(_) => {
                *failed = Some(uneven(&self.client));
                vec![0; expected]
            }
            Err(failure) => {
                *failed = Some(failure);
                vec![0; expected]
            }
        }
    }
}

async fn counts(client: &Client, job: &CountJob, long: &HashMap<TextHash, Arc<str>>) -> Result<Counts, Failure> {
    let body = Bytes::from(written(job));
    let mut is_sent = false;
    loop {
        let response = client.send(Request::post(COUNTS, body.clone())).await?;
        if response.status == 200 {
            let whole = response.whole(MOST_BYTES).await?;
            return serde_json::from_slice(&whole).map_err(|error| not_understood(client, &error));
        }
        let refusal = Refusal::of(response).await?;
        if !refusal.has_code(CODE_MISSING_TEXTS) || std::mem::replace(&mut is_sent, true) {
            return Err(refusal.failure(client));
        }
        send_texts(client, &refusal, long).await?;
    }
}

fn uneven(client: &Client) -> Failure {
    let message = format!("{} counted something else than it was asked to", client.name());
    Failure::new(
        crate::failure::FailureKind::Runtime,
        message,
        Some("use the same version on both machines".to_owned()),
    )
}

fn shared(texts: &[&str]) -> Vec<Arc<str>> {
    texts.iter().map(|text| Arc::from(*text)).collect()
}

impl Estimator for Counter {
    fn info(&self) -> &ModelInfo {
        self.of().info()
    }

    fn count(&self, text: &str) -> u32 {
        self.of().count(text)
    }

    fn count_each(&self, texts: &[&str]) -> Vec<u32> {
        self.of().count_each(texts)
    }

    fn count_prompt(&self, prompt: &Prompt) -> PromptTokens {
        self.of().count_prompt(prompt)
    }

    fn count_spans(&self, text: &str, spans: &[ByteSpan]) -> Vec<u32> {
        self.of().count_spans(text, spans)
    }

    fn measured(&self) -> Option<Measured> {
        self.of().measured()
    }

    fn free_bytes(&self) -> Option<u64> {
        self.of().free_bytes()
    }

    fn failure(&self) -> Option<Failure> {
        self.of().failure()
    }
}

impl Estimator for LunetteCounter {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn count(&self, text: &str) -> u32 {
        self.counted(Counted::Each, &shared(&[text]), 1)[0]
    }

    fn count_each(&self, texts: &[&str]) -> Vec<u32> {
        self.counted(Counted::Each, &shared(texts), texts.len())
    }

    fn count_prompt(&self, prompt: &Prompt) -> PromptTokens {
        let counts = self.counted(Counted::Prompt(prompt.clone()), &[], 3);
        PromptTokens { front: counts[0], document: counts[1], prompt: counts[2] }
    }

    fn count_spans(&self, text: &str, spans: &[ByteSpan]) -> Vec<u32> {
        let ranges: Vec<Range<usize>> = spans.iter().map(|span| span.start..span.end).collect();
        self.counted(Counted::Spans(ranges), &shared(&[text]), spans.len())
    }

    fn measured(&self) -> Option<Measured> {
        None
    }

    fn free_bytes(&self) -> Option<u64> {
        None
    }

    fn failure(&self) -> Option<Failure> {
        self.failed.lock().expect("nothing panics while it holds the lock").clone()
    }
}
