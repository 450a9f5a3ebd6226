//! What a server says when it doesn't answer, and what a person can do about it.
//!
//! Servers say it as OpenAI does (`{"error": {"message", "code", "param"}}`), as a bare text (`{"error": "…"}`, Ollama),
//! as `FastAPI` does (`{"detail": …}`), as a page of HTML (a proxy in between), or not at all. The message is theirs, with
//! the status; the hint is ours.
//!
//! Example: 404 with `model "qwen3" not found` becomes `the server refuses: model "qwen3" not found (404)`, with the
//! hint `-m NAME names one of the server's models`.
//!
//! It decides nothing about trying again: [`super::patience`] does.

use std::time::Duration;

use serde_json::Value;

use crate::failure::{Failure, FailureKind};
use crate::harmless;

/// The most of a server's own words that is shown.
const LONGEST: usize = 400;

/// A server's refusal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Refusal {
    /// `None` in the middle of a stream, which has begun with 200.
    pub(super) status: Option<u16>,
    /// What the server says, on one line; may be empty.
    pub(super) message: String,
    /// OpenAI's word for it: `context_length_exceeded`.
    pub(super) code: Option<String>,
    /// The field that is wrong.
    pub(super) param: Option<String>,
    pub(super) retry_after: Option<Duration>,
}

impl Refusal {
    /// What an answer with a status other than 200 says.
    pub(super) fn of(status: u16, body: &str, retry_after: Option<Duration>) -> Self {
        let value: Option<Value> = serde_json::from_str(body.trim()).ok();
        // Gemini's and some proxies' errors are lists of one.
        let value = value.map(|value| value.get(0).cloned().unwrap_or(value));
        let said = value.as_ref().and_then(Self::in_object).unwrap_or_else(|| Self::saying(&text_of(body)));
        Self { status: Some(status), retry_after, ..said }
    }

    /// The error in a JSON object, if it is one or has one.
    pub(super) fn in_object(object: &Value) -> Option<Self> {
        match &object["error"] {
            Value::Object(error) => return Some(Self::of_fields(&Value::Object(error.clone()))),
            Value::String(message) => return Some(Self::saying(message)),
            _ => {}
        }
        if object["object"] == "error" {
            return Some(Self::of_fields(object));
        }
        match &object["detail"] {
            Value::String(message) => Some(Self::saying(message)),
            Value::Null => None,
            detail => Some(Self::saying(&detail.to_string())),
        }
    }

    fn of_fields(error: &Value) -> Self {
        // OpenRouter puts what its provider said into the metadata, and "Provider returned error" into the message.
        let raw = error["metadata"]["raw"].as_str().map(|raw| format!(": {raw}")).unwrap_or_default();
        let message = error["message"].as_str().map_or_else(|| error.to_string(), |message| format!("{message}{raw}"));
        let code = error["code"].as_str().or_else(|| error["type"].as_str());
        Self {
            code: code.map(str::to_owned),
            param: error["param"].as_str().map(str::to_owned),
            ..Self::saying(&message)
        }
    }

    fn saying(message: &str) -> Self {
        let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut message = harmless::text(&line).into_owned();
        if message.len() > LONGEST {
            message.truncate(message.floor_char_boundary(LONGEST));
            message.push('…');
        }
        Self { message, ..Self::default() }
    }

    /// Whether the prompt was too long for the server's context.
    pub(super) fn is_about_length(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        let said = self.message.to_lowercase();
        let names_context = said.contains("context") || said.contains("prompt");
        let is_too_long =
            ["exceed", "maximum", "too long", "too large", "longer than"].iter().any(|word| said.contains(word));
        matches!(code, "context_length_exceeded" | "exceed_context_size_error")
            || (matches!(self.status, Some(400 | 413 | 422)) && names_context && is_too_long && said.contains("token"))
    }

    /// As a person reads it.
    pub(super) fn failure(&self) -> Failure {
        let kind = if self.is_about_length() { FailureKind::DoesNotFit } else { FailureKind::Runtime };
        let status = self.status.map(|status| format!(" ({status})")).unwrap_or_default();
        let verb = match self.status {
            None => "the server failed while it answered",
            Some(500..) => "the server failed",
            Some(_) => "the server refuses",
        };
        let said = if self.message.is_empty() { String::new() } else { format!(": {}", self.message) };
        Failure::new(kind, format!("{verb}{said}{status}"), self.hint())
    }

    fn hint(&self) -> Option<String> {
        if let Some(time) = self.retry_after.filter(|_| !self.is_about_length()) {
            return Some(format!("ask again in {} s: the server says so", time.as_secs().max(1)));
        }
        let hint = match self.status {
            _ if self.is_about_length() => "use fewer parts (--parts, --pick), or a model with a larger context",
            Some(401 | 403) => "check the key: LUNETTE_SERVER_KEY, or --server-key-file FILE",
            Some(402) => "the account has no credit left",
            Some(404) => "check the address, and the model's name (-m NAME)",
            Some(413) => "the server takes no request of this size; its own limit decides",
            Some(429) => "the server is asked too often; wait, or use another model",
            Some(502..=504) => "the server, or the proxy before it, is starting or overloaded; try again",
            Some(500..) => "the server's own log says why",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// The text of a page of HTML, or of any other body: its title, or its first line.
fn text_of(body: &str) -> String {
    let body = body.trim();
    if !body.starts_with('<') {
        return body.lines().next().unwrap_or_default().to_owned();
    }
    let lower = body.to_ascii_lowercase();
    let title = lower.find("<title>").map(|at| at + "<title>".len());
    let title = title.and_then(|from| Some(&body[from..from + lower[from..].find("</title>")?]));
    title.map_or_else(|| "it sent a page of HTML".to_owned(), |title| title.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &str) -> String {
        Refusal::of(status, body, None).failure().message
    }

    #[test]
    fn what_servers_say_is_one_sentence_whatever_its_form() {
        let bodies = [
            r#"{"error":{"message":"no such model","type":"NotFoundError","param":null,"code":404}}"#,
            r#"{"error":"no such model"}"#,
            r#"{"object":"error","message":"no such model","type":"NotFoundError","param":null,"code":404}"#,
            r#"{"detail":"no such model"}"#,
            r#"[{"error":{"code":404,"message":"no such model","status":"NOT_FOUND"}}]"#,
            "no such model\nand more",
            "<html>\n<head><TITLE>no such model</TITLE></head><body>…</body></html>",
        ];
        for body in bodies {
            assert_eq!(told(404, body), "the server refuses: no such model (404)", "{body}");
        }
        assert_eq!(told(404, ""), "the server refuses (404)");
        assert_eq!(told(502, "<html><body>oops"), "the server failed: it sent a page of HTML (502)");
        assert_eq!(
            told(422, r#"{"detail":[{"loc":["body","messages"],"msg":"Field required"}]}"#),
            r#"the server refuses: [{"loc":["body","messages"],"msg":"Field required"}] (422)"#
        );
    }

    #[test]
    fn a_provider_s_own_words_are_shown() {
        let body = r#"{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"temperature is too high"}}}"#;
        assert_eq!(told(400, body), "the server refuses: Provider returned error: temperature is too high (400)");
    }

    #[test]
    fn a_prompt_that_is_too_long_is_a_failure_of_its_kind() {
        let long = [
            (400, r#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#),
            (
                400,
                r#"{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens","code":400}"#,
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"the request exceeds the available context size (4096 tokens)","type":"exceed_context_size_error"}}"#,
            ),
        ];
        for (status, body) in long {
            let failure = Refusal::of(status, body, None).failure();
            assert_eq!(failure.kind, FailureKind::DoesNotFit, "{body}");
        }
        let other = Refusal::of(400, r#"{"error":{"message":"temperature must be at most 2"}}"#, None).failure();
        assert_eq!((other.kind, other.hint), (FailureKind::Runtime, None));
    }

    #[test]
    fn what_a_server_says_cannot_reach_the_terminal_s_controls_and_is_bounded() {
        let message = told(400, &format!(r#"{{"error":"\u001b[2J{}"}}"#, "é".repeat(1000)));
        assert!(!message.contains('\u{1b}') && message.len() < 2 * LONGEST && message.contains('…'), "{message}");
    }
}
