//! Why a server does not do what it is asked, as a person reads it.

use std::time::Duration;

use serde::Deserialize;

use super::http::{Client, HttpError, Response};
use super::wire::{CODE_OTHER_MODEL, Greeting, Missing, PROTOCOL};
use crate::failure::{Failure, FailureKind};

/// An error object, and the hashes of texts in it.
const MOST_BYTES: usize = 16 << 20;

/// A status other than 200, and what was said with it.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: Option<String>,
    message: Option<String>,
    hint: Option<String>,
    pub(super) missing: Option<Missing>,
    retry_after: Option<Duration>,
}

/// As OpenAI has it, with our `hint` and `lunette`.
#[derive(Deserialize)]
struct Written {
    error: Object,
    lunette: Option<Missing>,
}

#[derive(Deserialize)]
struct Object {
    message: Option<String>,
    code: Option<String>,
    hint: Option<String>,
}

impl Refusal {
    pub(super) async fn of(response: Response) -> Result<Self, HttpError> {
        let (status, retry_after) = (response.status, response.retry_after);
        let body = response.whole(MOST_BYTES).await?;
        let written = serde_json::from_slice::<Written>(&body).ok();
        let (object, missing) = written.map_or((None, None), |written| (Some(written.error), written.lunette));
        let (message, code, hint) =
            object.map_or((None, None, None), |object| (object.message, object.code, object.hint));
        Ok(Self { status, code, message, hint, missing, retry_after })
    }

    pub(super) fn has_code(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    pub(super) fn failure(self, client: &Client) -> Failure {
        let server = client.name();
        // The server's words are shown.
        let harmless = |text: String| crate::harmless::line(&client.without_key(text)).into_owned();
        let said = self.message.map_or_else(|| format!("status {}", self.status), harmless);
        let hint = self.hint.map(harmless);
        let retry = self.retry_after.map(|time| format!("ask again in {} s", time.as_secs().max(1)));
        let (kind, message, hint) = match self.status {
            401 => (
                FailureKind::Usage,
                format!("{server} wants a key, and the one that it got is missing or wrong"),
                Some("set LUNETTE_SERVER_KEY, or give --server-key-file FILE".to_owned()),
            ),
            413 => (FailureKind::DoesNotFit, format!("{server} takes no text as long as this one: {said}"), hint),
            429 | 503 => (FailureKind::Runtime, format!("{server} is busy: {said}"), retry.or(hint)),
            409 if self.code.as_deref() == Some(CODE_OTHER_MODEL) => (
                FailureKind::Model,
                format!("{server} has another model now: {said}"),
                Some("start Lunette again to use that one".to_owned()),
            ),
            400..500 => (FailureKind::Usage, format!("{server} refuses: {said}"), hint),
            _ => (FailureKind::Runtime, format!("{server} failed: {said}"), hint),
        };
        Failure::new(kind, message, hint)
    }
}

/// It was a Lunette, and now another program answers there.
pub(super) fn no_lunette(client: &Client) -> Failure {
    let message = format!("the server at {} is not Lunette's any more", client.name());
    Failure::new(FailureKind::Usage, message, Some("start Lunette again to use what is there now".to_owned()))
}

/// A Lunette that this one doesn't understand.
pub(super) fn other_protocol(client: &Client, greeting: &Greeting) -> Failure {
    let message = format!(
        "{} runs Lunette {}, which speaks version {} of the protocol; this is Lunette {}, which speaks version {PROTOCOL}",
        client.name(),
        crate::harmless::line(&greeting.lunette),
        greeting.protocol,
        env!("CARGO_PKG_VERSION"),
    );
    Failure::new(FailureKind::Unsupported, message, Some("use the same version on both machines".to_owned()))
}

pub(super) fn not_understood(client: &Client, error: &serde_json::Error) -> Failure {
    let message = format!("{} sent what this version does not understand: {error}", client.name());
    Failure::new(FailureKind::Runtime, message, Some("use the same version on both machines".to_owned()))
}
