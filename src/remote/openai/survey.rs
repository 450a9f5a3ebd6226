//! A server's model, asked beside the engine: what is known about it, and how many tokens texts have.
//!
//! Lists of parts and plans ([`crate::fit`]) are made on threads of their own and wait for their counts. So this waits: it has a
//! connection of its own, and the engine isn't interrupted.
//!
//! Example: a book of 61 chapters takes 61 requests to `/tokenize`, some 100 ms on the same machine, or none where tokens are
//! estimated. A part that lies within another is counted once.
//!
//! The methods of [`Estimator`] can't fail. If the server stops counting, counts are 0 from then on, and [`Estimator::failure`] says why.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::counting::Counter;
use super::facts;
use super::messages::Conversation;
use super::offer::{self, Found};
use super::tokenizer::Tokenizer;
use super::wire::Wire;
use crate::document::ByteSpan;
use crate::engine::Measured;
use crate::engine::message::{Counting as Counted, ModelInfo, Prompt};
use crate::failure::Failure;
use crate::fit::{Estimator, PromptTokens};
use crate::remote::http::Client;
use crate::remote::peer::Stranger;
use crate::remote::runtime::aside;
use crate::settings::UsedServer;
use crate::units::count;

/// What a server is, for people: `gpu-box:8000 has Qwen/Qwen3-8B on vLLM, with a context of 32,768 tokens; it counts tokens`.
pub(in crate::remote) async fn described(
    client: &Client,
    server: &UsedServer,
    stranger: Stranger,
) -> Result<String, Failure> {
    let Survey { info, .. } = Survey::of(client, server, stranger).await?;
    let kind = info.devices.first().map_or_else(|| "an OpenAI-compatible server".to_owned(), Clone::clone);
    let Some(known) = info.server else { return Ok(kind) };
    let context = if known.is_context_known {
        format!("a context of {} tokens", count(info.train_context_tokens))
    } else {
        "a context of unknown length (-c TOKENS says it)".to_owned()
    };
    let counts = match known.counting {
        Counted::Exact => "tokens can be counted",
        Counted::Estimated => "tokens are estimated (--tokenizer FILE counts them)",
    };
    Ok(format!("{} is {kind} with {} and {context}; {counts}", client.name(), info.name))
}

/// A server's model, and what counts its tokens.
#[derive(Debug)]
pub(in crate::remote) struct Survey {
    info: ModelInfo,
    wire: Wire,
    counting: Mutex<Counting>,
}

#[derive(Debug)]
struct Counting {
    counter: Counter,
    failed: Option<Failure>,
}

impl Survey {
    /// Asks the server. Errors: as for connecting the engine.
    pub(in crate::remote) async fn of(
        client: &Client,
        server: &UsedServer,
        stranger: Stranger,
    ) -> Result<Self, Failure> {
        let tokenizer = server.tokenizer.as_deref().map(Tokenizer::open).transpose()?;
        let Found { wire, offer } = offer::found(client, server, stranger, None).await?;
        let counter = Counter::choose(tokenizer, &offer, &wire).await;
        let info = facts::info(&wire.name(), &offer, counter.counting(), Duration::ZERO);
        Ok(Self { info, wire, counting: Mutex::new(Counting { counter, failed: None }) })
    }

    fn counting(&self) -> MutexGuard<'_, Counting> {
        self.counting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tokens of each text; zeros once something has failed.
    fn counted(&self, texts: &[&str]) -> Vec<u32> {
        let mut counting = self.counting();
        let Counting { counter, failed } = &mut *counting;
        if failed.is_some() {
            return vec![0; texts.len()];
        }
        let counted = aside(async {
            let tokens = counter.count_each(texts, &self.wire).await?;
            counter.why_it_guesses().map_or(Ok(tokens), Err)
        });
        counted.unwrap_or_else(|failure| {
            *failed = Some(failure);
            vec![0; texts.len()]
        })
    }
}

impl Estimator for Survey {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn count(&self, text: &str) -> u32 {
        self.counted(&[text])[0]
    }

    fn count_each(&self, texts: &[&str]) -> Vec<u32> {
        self.counted(texts)
    }

    fn count_prompt(&self, prompt: &Prompt) -> PromptTokens {
        let messages = Conversation::of(prompt).messages.len();
        let mut counting = self.counting();
        let Counting { counter, failed } = &mut *counting;
        if failed.is_some() {
            return PromptTokens { document: 0, front: 0, prompt: 0 };
        }
        let counted = aside(async {
            let tokens = counter.count_prompt(prompt, messages, &self.wire).await?;
            counter.why_it_guesses().map_or(Ok(tokens), Err)
        });
        counted.unwrap_or_else(|failure| {
            *failed = Some(failure);
            PromptTokens { document: 0, front: 0, prompt: 0 }
        })
    }

    /// Counts what lies between two ends of spans, and adds up: a span is what its pieces are.
    fn count_spans(&self, text: &str, spans: &[ByteSpan]) -> Vec<u32> {
        let mut ends: Vec<usize> = spans.iter().flat_map(|span| [span.start, span.end]).collect();
        ends.sort_unstable();
        ends.dedup();
        let pieces: Vec<&str> = ends.windows(2).map(|ends| &text[ends[0]..ends[1]]).collect();
        let tokens = self.counted(&pieces);
        let at = |end: usize| ends.binary_search(&end).expect("every end is among them");
        spans.iter().map(|span| tokens[at(span.start)..at(span.end)].iter().sum()).collect()
    }

    fn measured(&self) -> Option<Measured> {
        None
    }

    fn free_bytes(&self) -> Option<u64> {
        None
    }

    fn failure(&self) -> Option<Failure> {
        self.counting().failed.clone()
    }
}
