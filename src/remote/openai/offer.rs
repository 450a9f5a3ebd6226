//! Asks a server which models it has, and chooses one; tells a server that has none from one that is no server of models at all.
//!
//! Example: a web server answers `GET /lunette` with 404 and `GET /v1/models` with a page. The sentence names both questions and both
//! answers, because the address may be right and a part of it missing.
//!
//! A server that is loading its model is waited for; one that is busy is asked three times.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::models::{self, Kind, Offer};
use super::patience::{self, NoAnswer};
use super::refusal::Refusal;
use super::wire::Wire;
use crate::engine::message::Event;
use crate::failure::{Failure, FailureKind};
use crate::remote::http::Client;
use crate::remote::peer::Stranger;
use crate::settings::UsedServer;

const MODELS: &str = "/v1/models";
/// How often a server that is loading its model is asked.
const LOOK: Duration = Duration::from_secs(1);

/// A server's model, and the way to it.
pub(super) struct Found {
    pub(super) wire: Wire,
    pub(super) offer: Offer,
}

/// The model that `server` names, or the only one. `events`: who is told that it is being loaded.
///
/// Errors: the server can't be asked, is none, or has not that model.
pub(super) async fn found(
    client: &Client,
    server: &UsedServer,
    stranger: Stranger,
    events: Option<&UnboundedSender<Event>>,
) -> Result<Found, Failure> {
    let wire = Wire::to(client);
    let listing = match listing(&wire, events).await {
        Ok(listing) => listing,
        Err(why) => return Err(failure(client, stranger, &why)),
    };
    let mut offer = models::choose(models::offers(&listing), server.model.as_deref())?;
    if offer.kind == Kind::LlamaServer {
        let props = wire.get("/props").await.ok();
        offer.context_tokens = props.as_ref().and_then(models::context_in_props).or(offer.context_tokens);
    }
    offer.context_tokens = server.context_tokens.or(offer.context_tokens);
    Ok(Found { wire, offer })
}

async fn listing(wire: &Wire, events: Option<&UnboundedSender<Event>>) -> Result<serde_json::Value, NoAnswer> {
    let mut times = 0;
    loop {
        let why = match wire.get(MODELS).await {
            Ok(listing) => return Ok(listing),
            Err(why) => why,
        };
        if is_loading(&why) {
            if let Some(events) = events {
                let _ = events.send(Event::Loading { fraction: 0.0 });
            }
            tokio::time::sleep(LOOK).await;
            continue;
        }
        times += 1;
        match patience::wait(&why, times) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(why),
        }
    }
}

/// llama-server answers everything with `503 Loading model` until it is there.
fn is_loading(why: &NoAnswer) -> bool {
    matches!(why, NoAnswer::Refused(Refusal { status: Some(503), message, .. }) if message.to_lowercase().contains("loading model"))
}

/// Why there are no models to choose from.
fn failure(client: &Client, stranger: Stranger, why: &NoAnswer) -> Failure {
    match (why, stranger) {
        (NoAnswer::Refused(Refusal { status: Some(401 | 403), .. }), Stranger::WantsKey(refusal)) => {
            refusal.failure(client)
        }
        (NoAnswer::Refused(refusal), stranger) if says_no_such_path(refusal) => {
            let said = if refusal.message.is_empty() { String::new() } else { format!(" ({})", refusal.message) };
            no_server(client, &stranger, &format!("{}{said}", refusal.status.unwrap_or_default()))
        }
        (NoAnswer::NotJson(text), stranger) => {
            no_server(client, &stranger, &format!("something that is not JSON: {text:?}"))
        }
        _ => why.failure(),
    }
}

/// Whether a refusal may mean that there are no models: not that the key is wrong, or the server busy.
fn says_no_such_path(refusal: &Refusal) -> bool {
    !matches!(refusal.status, Some(401 | 403 | 408 | 429 | 500..))
}

/// It speaks neither Lunette's protocol nor OpenAI's.
fn no_server(client: &Client, stranger: &Stranger, models: &str) -> Failure {
    let greeting = match stranger {
        Stranger::Said(200) => "something else than a greeting".to_owned(),
        Stranger::Said(status) => status.to_string(),
        Stranger::WantsKey(refusal) => refusal.status.to_string(),
    };
    let message = format!(
        "{} is neither Lunette's server nor an OpenAI-compatible one: it answers GET /lunette with {greeting}, and GET {MODELS} with {models}",
        client.name()
    );
    let hint = "check the address, with what stands before /v1 in its paths; or start `lunette serve` there";
    Failure::new(FailureKind::Usage, message, Some(hint.to_owned()))
}
