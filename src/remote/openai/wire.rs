//! Sends requests to a server, and tells answers from refusals.
//!
//! Example: `POST /v1/chat/completions` with a book of 700 kB. The server may take minutes before its status comes, and has
//! [`LONGEST_PREFILL`] for it; the models and a count have a minute. Whoever drops the answer closes the connection, at any moment: a
//! server that waits for its first token notices it as well as one in the middle of an answer.
//!
//! It doesn't ask again; [`super::patience`] decides that.

use std::time::Duration;

use serde_json::Value;

use super::patience::NoAnswer;
use super::refusal::Refusal;
use crate::remote::http::{Client, Request, Response};

/// The longest silence before an answer begins: a long document takes minutes to prefill.
pub(super) const LONGEST_PREFILL: Duration = Duration::from_mins(30);
/// The most that is read of an answer that is no stream: token ids of a document of 16 MB.
const MOST_BYTES: usize = 256 << 20;
/// The most that is read of a refusal.
const MOST_REFUSAL_BYTES: usize = 1 << 20;

/// A server that requests are sent to.
#[derive(Debug, Clone)]
pub(super) struct Wire(Client);

impl Wire {
    pub(super) fn to(client: &Client) -> Self {
        Self(client.clone())
    }

    /// For people: `gpu-box:8000`.
    pub(super) fn name(&self) -> String {
        self.0.name()
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, NoAnswer> {
        self.json(Request::get(path)).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, NoAnswer> {
        self.json(Request::post(path, body.to_string())).await
    }

    /// Asks for an answer. Returns once its status is there.
    pub(super) async fn open(&self, body: &Value) -> Result<Response, NoAnswer> {
        let request = Request::post("/v1/chat/completions", body.to_string());
        // Some servers stream only to those who name it.
        self.send(Request { accept: "text/event-stream, application/json", patience: LONGEST_PREFILL, ..request }).await
    }

    /// A line of an answer. A server that repeats the key is not quoted with it.
    pub(super) fn without_key(&self, line: String) -> String {
        self.0.without_key(line)
    }

    async fn json(&self, request: Request) -> Result<Value, NoAnswer> {
        let body = self.send(request).await?.whole(MOST_BYTES).await?;
        let not_json = |_| NoAnswer::not_json(&self.without_key(String::from_utf8_lossy(&body).into_owned()));
        serde_json::from_slice(&body).map_err(not_json)
    }

    async fn send(&self, request: Request) -> Result<Response, NoAnswer> {
        let response = self.0.send(request).await?;
        if (200..300).contains(&response.status) {
            return Ok(response);
        }
        let (status, retry_after) = (response.status, response.retry_after);
        // Its status counts, whatever becomes of the rest.
        let body = response.whole(MOST_REFUSAL_BYTES).await.unwrap_or_default();
        let body = self.without_key(String::from_utf8_lossy(&body).into_owned());
        Err(NoAnswer::Refused(Refusal::of(status, &body, retry_after)))
    }
}
