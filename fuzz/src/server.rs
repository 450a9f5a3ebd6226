//! What a server makes of a request, without the server.

#[path = "../../src/server/conversation.rs"]
mod conversation;
#[path = "../../src/server/error.rs"]
mod error;
#[path = "../../src/server/fields.rs"]
mod fields;
#[path = "../../src/server/multipart.rs"]
mod multipart;
#[path = "../../src/server/request.rs"]
mod request;
#[path = "../../src/server/sent.rs"]
mod sent;

use std::sync::Arc;

use request::{Request, Said, Way};

use crate::engine::message::Limits;
use crate::remote::wire::{CountJob, Counted, Job, unbundled};

/// Reads `body` as everything that another Lunette may send. What is refused is the request's fault, told in a short sentence.
pub fn read_sent(body: &[u8]) {
    let _ = unbundled(body);
    let known = |_: &_| Some(Arc::from("é text that was sent before"));
    let told = |error: error::ApiError| {
        let told = error.to_json()["error"]["message"].as_str().map_or(0, str::len);
        assert!(error.status == 400 && (1..600).contains(&told), "{error:?}");
    };
    match fields::typed::<Job>(body) {
        Err(error) => told(error),
        Ok(job) => {
            if let Ok(mut command) = job.command(known) {
                match sent::check(&mut command, &Limits::default()) {
                    Err(error) => told(error),
                    Ok(()) => assert!(command.job().is_some()),
                }
            }
        }
    }
    if let Ok(job) = fields::typed::<CountJob>(body)
        && let Ok((what, texts)) = job.whole(known)
    {
        match what {
            Counted::Spans(spans) if !texts.is_empty() && sent::check_spans(&texts[0], &spans).is_ok() => {
                spans.into_iter().for_each(|span| assert!(texts[0].get(span).is_some()));
            }
            Counted::Prompt(prompt) => drop(sent::check_prompt(&prompt)),
            _ => {}
        }
    }
}

/// Reads `body` as a form, with a header that it begins with, or with a usual one. Fields lie in the body, one behind the other.
fn read_form(body: &[u8]) {
    let line = body.iter().position(|&byte| byte == b'\n').unwrap_or(0);
    let header = std::str::from_utf8(&body[..line]).unwrap_or_default();
    for (header, form) in [(header, &body[line..]), ("multipart/form-data; boundary=X", body)] {
        match multipart::fields(header, form) {
            Err(error) => assert_eq!(error.status, 400),
            Ok(fields) => {
                let lengths: usize = fields.iter().map(|field| field.content.len() + field.name.len()).sum();
                assert!(lengths <= form.len() && fields.len() <= 32);
            }
        }
    }
}

/// Reads `body` as a request of each kind. What is refused is the request's fault, told in a short sentence.
pub fn read(body: &[u8]) {
    read_form(body);
    for way in [Way::Chat, Way::Text, Way::Native] {
        match Request::read(way, body) {
            Err(error) => {
                let told = error.to_json()["error"]["message"].as_str().map_or(0, str::len);
                assert!(error.status == 400 && (1..600).contains(&told), "{error:?}");
            }
            Ok(request) => {
                assert!(request.response_fields.is_empty() || way == Way::Native);
                assert!(request.stop.len() <= 16 && request.stop.iter().all(|stop| !stop.is_empty()));
                match request.said {
                    Said::Conversation(said) => {
                        assert!(!said.question.trim().is_empty());
                        let turns = said.turns.len();
                        assert_eq!(said.behind_document().turns.len(), turns);
                    }
                    Said::Text(text) => assert!(!text.is_empty()),
                }
            }
        }
    }
}
