//! Errors as OpenAI's clients read them: an HTTP status and an object.
//!
//! Example: 400 and `{"error": {"message": "a number from 0 to 1", "type": "invalid_request_error", "param": "top_p", "code": null,
//! "hint": null}}`. `hint` is ours: what to do about it.

use std::ops::Deref;

use serde_json::{Value, json};

use crate::failure::{Failure, FailureKind};
use crate::remote::wire::{CODE_LOADING, CODE_MISSING_TEXTS, CODE_OTHER_MODEL};
use crate::units::{bytes, counted};

/// A message repeats what the request has, which may be long.
const LONGEST: usize = 500;

const GONE_FILE: &str = "files are gone when they are deleted, expire, or the server ends: upload it again";

/// Why a request is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError(Box<Details>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) status: u16,
    kind: &'static str,
    code: Option<&'static str>,
    /// The field that is wrong: `messages[2].content`.
    param: Option<String>,
    pub(super) message: String,
    hint: Option<String>,
    /// When to try again.
    pub(super) retry_after_s: Option<u64>,
    /// What another Lunette needs to know.
    lunette: Option<Value>,
}

impl Deref for ApiError {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl ApiError {
    fn new(status: u16, code: Option<&'static str>, message: impl Into<String>) -> Self {
        let kind = match status {
            400..429 => "invalid_request_error",
            429 => "rate_limit_error",
            _ => "server_error",
        };
        let mut message = message.into();
        if message.len() > LONGEST {
            message.truncate(message.floor_char_boundary(LONGEST));
            message.push('…');
        }
        Self(Box::new(Details {
            status,
            kind,
            code,
            param: None,
            message,
            hint: None,
            retry_after_s: None,
            lunette: None,
        }))
    }

    fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    fn about(mut self, param: impl Into<String>) -> Self {
        self.0.param = Some(param.into());
        self
    }

    fn until(mut self, retry_after_s: u64) -> Self {
        self.0.retry_after_s = Some(retry_after_s);
        self
    }

    /// The field `param` is missing, or is not what it can be.
    pub(super) fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(400, None, message).about(param)
    }

    /// The field `param` asks for something that this server does not have. Dropping it would answer another request.
    pub(super) fn not_offered(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(400, Some("not_offered"), message).about(param)
    }

    /// The whole body is wrong.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new(400, None, message)
    }

    pub(super) fn wrong_key() -> Self {
        Self::new(401, Some("invalid_api_key"), "the API key is missing or wrong")
            .with_hint("send it as `Authorization: Bearer KEY`")
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, None, message)
    }

    pub(super) fn no_such_path(path: &str) -> Self {
        Self::new(404, Some("unknown_url"), format!("there is no {path} here"))
    }

    pub(super) fn wrong_method(method: &str, path: &str) -> Self {
        Self::new(405, Some("method_not_allowed"), format!("{path} does not take {method}"))
    }

    pub(super) fn too_slow(seconds: u64) -> Self {
        Self::new(408, None, format!("the request was not there within {}", counted(seconds as usize, "second")))
    }

    pub(super) fn too_large(most_bytes: u64) -> Self {
        let message = format!("a request has {} at most", bytes(most_bytes));
        Self::new(413, Some("request_too_large"), message).with_hint("lunette serve --max-body takes larger ones")
    }

    /// A file came in another form than files do.
    pub(super) fn no_form(kind: &str) -> Self {
        let message = format!("a file is sent as multipart/form-data, not as {kind:?}");
        Self::malformed(message).with_hint("curl: -F purpose=user_data -F file=@book.txt")
    }

    /// No file of a client is called so.
    pub(super) fn no_such_file(id: &str) -> Self {
        Self::new(404, None, format!("there is no file {id:?} here")).about("id").with_hint(GONE_FILE)
    }

    /// A question is about a file that is not here.
    pub(super) fn gone_file(id: &str) -> Self {
        Self::invalid("documents", format!("there is no file {id:?} here")).with_hint(GONE_FILE)
    }

    /// There is no room for another file.
    pub(super) fn files_full(message: impl Into<String>) -> Self {
        Self::new(413, Some("files_full"), message)
            .with_hint("delete those that are no longer needed: DELETE /v1/files/ID")
    }

    /// A Lunette of another time.
    pub(super) fn other_protocol(message: impl Into<String>) -> Self {
        Self::new(400, Some("other_protocol"), message).with_hint("use the same version on both machines")
    }

    /// The prompt was laid out for another model than `title`.
    pub(super) fn other_model(title: &str) -> Self {
        Self::new(409, Some(CODE_OTHER_MODEL), format!("{title} is loaded, and the request is for another model"))
    }

    /// A job names texts that are not here.
    pub(super) fn missing_texts(missing: Value) -> Self {
        let mut error = Self::new(409, Some(CODE_MISSING_TEXTS), "texts of the request are not here; send them first");
        error.0.lunette = Some(missing);
        error
    }

    /// Every place in the queue is taken.
    pub(super) fn queue_is_full(waiting: usize, retry_after_s: u64) -> Self {
        let message = format!("{} already, and no more may", waits(waiting));
        Self::new(429, Some("queue_full"), message).until(retry_after_s)
    }

    pub(super) fn loading() -> Self {
        Self::new(503, Some(CODE_LOADING), "the model is being loaded").until(1)
    }

    pub(super) fn closing() -> Self {
        Self::new(503, Some("closing"), "the server is being stopped").until(5)
    }

    /// The object.
    pub(super) fn to_json(&self) -> Value {
        let Details { kind, code, param, message, hint, lunette, .. } = &**self;
        let mut object =
            json!({ "error": { "message": message, "type": kind, "param": param, "code": code, "hint": hint } });
        if let Some(lunette) = lunette {
            object["lunette"] = lunette.clone();
        }
        object
    }
}

fn waits(waiting: usize) -> String {
    if waiting == 1 { "1 request waits".to_owned() } else { format!("{waiting} requests wait") }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let (status, code) = match failure.kind {
            FailureKind::Usage | FailureKind::Input | FailureKind::Unsupported => (400, None),
            FailureKind::DoesNotFit => (400, Some("context_length_exceeded")),
            FailureKind::Model | FailureKind::Runtime => (500, None),
        };
        let error = Self::new(status, code, failure.message);
        match failure.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_openai_s_fields_and_its_hint() {
        let error = ApiError::wrong_key();
        let expected = json!({ "error": {
            "message": "the API key is missing or wrong", "type": "invalid_request_error", "param": null,
            "code": "invalid_api_key", "hint": "send it as `Authorization: Bearer KEY`"
        } });
        assert_eq!((error.status, error.to_json()), (401, expected));
    }

    #[test]
    fn what_a_request_has_is_repeated_up_to_a_limit() {
        let message = ApiError::malformed("é".repeat(LONGEST)).message.clone();
        assert!(message.len() <= LONGEST + '…'.len_utf8() && message.ends_with("é…"), "{message}");
    }

    #[test]
    fn what_fails_in_the_engine_is_the_request_s_fault_or_the_server_s() {
        let status = |kind| ApiError::from(Failure::new(kind, "why", None)).status;
        let by_request = [FailureKind::Usage, FailureKind::Input, FailureKind::Unsupported, FailureKind::DoesNotFit];
        assert_eq!(by_request.map(status), [400; 4]);
        assert_eq!([FailureKind::Model, FailureKind::Runtime].map(status), [500; 2]);
        assert_eq!(ApiError::queue_is_full(1, 9).to_json()["error"]["type"], "rate_limit_error");
    }
}
