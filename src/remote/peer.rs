//! What is the server at this address?
//!
//! `GET /lunette` tells. A server that answers it otherwise is another program's, and [`super::openai`] asks it for its models. That may
//! be a server which wants a key even for paths that it doesn't have: the key may be right for those that it has.

use super::http::{Client, Request};
use super::refusal::{Refusal, other_protocol};
use super::wire::{Greeting, HELLO, Hello, PROTOCOL};
use crate::failure::Failure;

/// A model's facts, with its chat template.
const MOST_BYTES: usize = 16 << 20;

/// By these codes a Lunette is known that takes no requests now.
const LUNETTE_IS_BUSY: [&str; 2] = ["connections_full", "closing"];

/// Whose server it is.
#[derive(Debug)]
pub(super) enum Peer {
    /// A Lunette that speaks this one's protocol.
    Lunette(Box<Hello>),
    /// Another program's, as far as can be told.
    Other(Stranger),
}

/// How a server that does not greet as Lunette does has answered instead.
#[derive(Debug)]
pub(super) enum Stranger {
    /// With this status, and something else than a greeting.
    Said(u16),
    /// It wants a key, or another one, for this path.
    WantsKey(Box<Refusal>),
}

/// Asks the server what it is.
///
/// Errors: it can't be reached, or it is a Lunette that is busy or of another protocol.
pub(super) async fn found(client: &Client) -> Result<Peer, Failure> {
    let response = client.send(Request::get(HELLO)).await?;
    let status = response.status;
    if status != 200 {
        let refusal = Refusal::of(response).await?;
        return match status {
            401 | 403 => Ok(Peer::Other(Stranger::WantsKey(Box::new(refusal)))),
            503 if LUNETTE_IS_BUSY.iter().any(|code| refusal.has_code(code)) => Err(refusal.failure(client)),
            _ => Ok(Peer::Other(Stranger::Said(status))),
        };
    }
    let body = response.whole(MOST_BYTES).await?;
    match serde_json::from_slice::<Greeting>(&body) {
        Ok(greeting) if greeting.protocol != PROTOCOL => Err(other_protocol(client, &greeting)),
        Ok(_) => match serde_json::from_slice(&body) {
            Ok(hello) => Ok(Peer::Lunette(Box::new(hello))),
            Err(error) => Err(super::refusal::not_understood(client, &error)),
        },
        Err(_) => Ok(Peer::Other(Stranger::Said(status))),
    }
}
