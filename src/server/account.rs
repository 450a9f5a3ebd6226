//! Keeps account of one request: how long it took and how it ended, for the log and the counts.
//!
//! A request that nobody closes was given up by its client; it is told with status 499, as web servers do.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value};

use super::log::Told;
use super::shared::Server;
use crate::chat::record::rounded;
use crate::engine::message::TokenCounts;

/// The status in the log of a request whose client went away.
const GONE: u16 = 499;

/// An open account.
pub(super) struct Account {
    server: Arc<Server>,
    told: Option<Told>,
    begun: Instant,
    /// What is told beside the status.
    more: Map<String, Value>,
}

impl Account {
    pub(super) fn open(server: Arc<Server>, told: Told) -> Self {
        Self { server, told: Some(told), begun: Instant::now(), more: Map::new() }
    }

    /// Adds something to tell.
    pub(super) fn tell(&mut self, name: &str, value: impl Into<Value>) {
        self.more.insert(name.to_owned(), value.into());
    }

    /// Adds the counts of a job.
    pub(super) fn tell_tokens(&mut self, counts: TokenCounts) {
        for (name, tokens) in [
            ("document", counts.document),
            ("prompt", counts.prompt),
            ("cached", counts.cached),
            ("prefilled", counts.prefilled),
            ("generated", counts.generated),
        ] {
            self.tell(name, tokens);
        }
    }

    pub(super) fn close(mut self, status: u16) {
        self.end(status);
    }

    fn end(&mut self, status: u16) {
        let Some(told) = self.told.take() else { return };
        self.server.metrics.request(status);
        let seconds = rounded(self.begun.elapsed().as_secs_f64());
        self.server.log.request(Told { status, seconds, more: std::mem::take(&mut self.more), ..told });
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.end(GONE);
    }
}
