//! What is the server at this address?

use super::http::{Client, Request};
use super::refusal::{Refusal, other_protocol};
use super::wire::{Greeting, HELLO, Hello, PROTOCOL};
use crate::failure::Failure;

/// A model's facts, with its chat template.
const MOST_BYTES: usize = 16 << 20;

/// Whose server it is.
#[derive(Debug)]
pub(super) enum Peer {
    /// A Lunette that speaks this one's protocol.
    Lunette(Box<Hello>),
    /// Another program's.
    Other,
}

/// Asks the server what it is.
///
/// Errors: it can't be reached, the key is wrong, or it is a Lunette of another protocol.
pub(super) async fn found(client: &Client) -> Result<Peer, Failure> {
    let response = client.send(Request::get(HELLO)).await?;
    if matches!(response.status, 401 | 403 | 503) {
        return Err(Refusal::of(response).await?.failure(client));
    }
    let is_found = response.status == 200;
    let body = response.whole(MOST_BYTES).await?;
    match serde_json::from_slice::<Greeting>(&body) {
        Ok(greeting) if is_found && greeting.protocol != PROTOCOL => Err(other_protocol(client, &greeting)),
        Ok(_) if is_found => match serde_json::from_slice(&body) {
            Ok(hello) => Ok(Peer::Lunette(Box::new(hello))),
            Err(error) => Err(super::refusal::not_understood(client, &error)),
        },
        _ => Ok(Peer::Other),
    }
}
