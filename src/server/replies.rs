//! Answers as HTTP has them: a status, headers, and a body.

use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};
use serde_json::Value;

use super::body::Reply;
use crate::harmless;

const JSON: &str = "application/json";

/// An object on a line.
pub(super) fn object_reply(status: StatusCode, object: &Value) -> Response<Reply> {
    let text = object.to_string();
    reply(status, JSON, Reply::whole(harmless::json(&text).into_owned() + "\n"))
}

pub(super) fn reply(status: StatusCode, kind: &'static str, body: Reply) -> Response<Reply> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Bytes that a client has sent. A browser saves them and shows them as nothing: they may be a page with a script in it.
pub(super) fn download(content: hyper::body::Bytes) -> Response<Reply> {
    let mut response = reply(StatusCode::OK, "application/octet-stream", Reply::whole(content));
    response.headers_mut().insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
