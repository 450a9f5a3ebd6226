//! A server's model, asked beside the engine: what is known about it, and how many tokens texts have.
//!
//! Lists of parts and plans ([`crate::fit`]) are made on threads of their own and wait for their counts. So this is the one place
//! here that waits: it has a connection and a runtime of its own, and the engine isn't interrupted.
//!
//! Example: a book of 61 chapters takes 61 requests to `/tokenize`, some 100 ms on the same machine, or none where tokens are
//! estimated.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Runtime;

use super::connection::Connection;
use super::counting::{Counter, PromptTokens};
use super::engine::offer;
use super::facts;
use super::messages::Conversation;
use super::tokenizer::Tokenizer;
use super::wire::Wire;
use crate::engine::message::{ModelInfo, Prompt};
use crate::failure::{Failure, FailureKind};

/// A server's model, and what counts its tokens.
pub struct Survey {
    info: ModelInfo,
    counting: Mutex<Counting>,
}

struct Counting {
    runtime: Runtime,
    wire: Wire,
    counter: Counter,
}

impl Survey {
    /// Asks the server. Errors: as for connecting the engine.
    pub fn of(connection: &Connection) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(FailureKind::Runtime, format!("cannot ask the server: {error}"), None))?;
        let wire = connection.wire();
        let offer = runtime.block_on(offer(&wire, connection.model.as_deref()))?;
        let own = connection.tokenizer.as_deref().map(Tokenizer::open).transpose()?;
        let counter = runtime.block_on(Counter::choose(own, &offer, &wire));
        let context_tokens = connection.context_tokens.or(offer.context_tokens);
        let info = facts::info(wire.host(), &offer, counter.counting(), context_tokens, Duration::ZERO);
        Ok(Self { info, counting: Mutex::new(Counting { runtime, wire, counter }) })
    }

    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Tokens of `text`, or about so many.
    #[must_use]
    pub fn count(&self, text: &str) -> u32 {
        let mut counting = self.counting();
        let Counting { runtime, wire, counter } = &mut *counting;
        runtime.block_on(counter.count(text, wire))
    }

    /// Tokens of the document's part of a prompt, and of the whole.
    #[must_use]
    pub fn count_prompt(&self, prompt: &Prompt) -> [u32; 2] {
        let mut counting = self.counting();
        let Counting { runtime, wire, counter } = &mut *counting;
        let messages = Conversation::of(prompt).messages.len();
        let PromptTokens { document, all } = runtime.block_on(counter.count_prompt(prompt, messages, wire));
        [document, all]
    }

    fn counting(&self) -> MutexGuard<'_, Counting> {
        self.counting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
