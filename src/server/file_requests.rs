//! Requests about files of clients, with OpenAI's paths.
//!
//! | path | answer |
//! |---|---|
//! | `POST /v1/files` | the file, once it is read and counted |
//! | `GET /v1/files?purpose=…&limit=…&order=…&after=…` | a page of the files |
//! | `GET /v1/files/ID` | the file |
//! | `GET /v1/files/ID/content` | the bytes that were uploaded |
//! | `DELETE /v1/files/ID` | that it is deleted |

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

use super::aside::aside;
use super::body::{Reply, collected};
use super::error::ApiError;
use super::files::{KeptFile, Wanted};
use super::replies::{download, object_reply};
use super::shared::Server;
use super::upload::keep_file;

/// What is asked of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileRequest {
    Upload,
    List,
    Show,
    Content,
    Delete,
}

/// A page has as many as OpenAI's at most.
const MOST_LISTED: usize = 10_000;

impl FileRequest {
    /// What `path` stands for, without `/v1` before it, and the methods that it takes. `None` if it is not about files.
    pub(super) fn of(method: &Method, path: &str) -> Option<Result<Self, ()>> {
        let rest = path.strip_prefix("/files")?;
        let requests = match (rest, id_in(rest)) {
            ("", _) => &[(Method::POST, Self::Upload), (Method::GET, Self::List)][..],
            (_, Some((_, ""))) => &[(Method::GET, Self::Show), (Method::DELETE, Self::Delete)],
            (_, Some((_, "content"))) => &[(Method::GET, Self::Content)],
            _ => return None,
        };
        Some(requests.iter().find(|(takes, _)| takes == method).map(|(_, request)| *request).ok_or(()))
    }
}

/// The id in `/ID` or `/ID/content`, and what is behind it.
fn id_in(rest: &str) -> Option<(&str, &str)> {
    let behind = rest.strip_prefix('/')?;
    let (id, more) = behind.split_once('/').unwrap_or((behind, ""));
    (!id.is_empty() && !behind.ends_with('/')).then_some((id, more))
}

/// Answers `request`, whose head is `parts`.
pub(super) async fn answer(
    server: Arc<Server>,
    request: FileRequest,
    parts: &Parts,
    body: Incoming,
) -> Result<Response<Reply>, ApiError> {
    let path = parts.uri.path();
    let (_, rest) = path.split_once("/files").unwrap_or_default();
    let (id, _) = id_in(rest).unwrap_or_default();
    let object = match request {
        FileRequest::Upload => take_in(server, parts, body).await?,
        FileRequest::List => server.files.list(wanted(parts.uri.query().unwrap_or_default())?)?,
        FileRequest::Show => find(&server, id)?.to_json(),
        FileRequest::Content => return Ok(download(find(&server, id)?.upload.content.clone())),
        FileRequest::Delete => {
            let deleted = server.files.delete(id)?;
            server.documents.forget_gone(&server.files);
            deleted
        }
    };
    Ok(object_reply(StatusCode::OK, &object))
}

/// Only a few files are read at the same time: a compressed one takes many times its size while it is.
async fn take_in(server: Arc<Server>, parts: &Parts, body: Incoming) -> Result<serde_json::Value, ApiError> {
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    let body = collected(body, server.serving.most_body_bytes).await?;
    let turn = server.openings.clone().acquire_owned().await.map_err(|_| ApiError::closing())?;
    aside(move || {
        let _turn = turn;
        keep_file(&server, &kind, body)
    })
    .await
}

fn find(server: &Server, id: &str) -> Result<Arc<KeptFile>, ApiError> {
    server.files.find(id).ok_or_else(|| ApiError::no_such_file(id))
}

/// What `query` wants to see; other fields of it change nothing.
fn wanted(query: &str) -> Result<Wanted<'_>, ApiError> {
    let mut wanted = Wanted::default();
    for (name, value) in query.split('&').filter_map(|field| field.split_once('=')) {
        match name {
            "purpose" => wanted.purpose = Some(value),
            "after" => wanted.after = Some(value),
            "order" if ["asc", "desc"].contains(&value) => wanted.oldest_first = value == "asc",
            "order" => return Err(ApiError::invalid(name, format!("order is asc or desc, not {value:?}"))),
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MOST_LISTED).contains(limit));
                let told =
                    || ApiError::invalid(name, format!("limit is a number from 1 to {MOST_LISTED}, not {value:?}"));
                wanted.most = Some(limit.ok_or_else(told)?);
            }
            _ => {}
        }
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_files_are_told_apart() {
        let of = |method: Method, path: &str| FileRequest::of(&method, path);
        assert_eq!(of(Method::POST, "/files"), Some(Ok(FileRequest::Upload)));
        assert_eq!(of(Method::GET, "/files"), Some(Ok(FileRequest::List)));
        assert_eq!(of(Method::GET, "/files/file-1"), Some(Ok(FileRequest::Show)));
        assert_eq!(of(Method::DELETE, "/files/file-1"), Some(Ok(FileRequest::Delete)));
        assert_eq!(of(Method::GET, "/files/file-1/content"), Some(Ok(FileRequest::Content)));
        assert_eq!(of(Method::PUT, "/files"), Some(Err(())));
        assert_eq!(of(Method::DELETE, "/files/file-1/content"), Some(Err(())));
        for path in ["/filesystem", "/files/", "/files//content", "/files/a/", "/files/a/b", "/files/a/content/b"] {
            assert_eq!(of(Method::GET, path), None, "{path}");
        }
    }

    #[test]
    fn a_query_names_a_page() {
        let expected = Wanted { purpose: Some("user_data"), after: Some("file-1"), most: Some(2), oldest_first: true };
        assert_eq!(wanted("purpose=user_data&after=file-1&limit=2&order=asc&x=y"), Ok(expected));
        assert_eq!(wanted(""), Ok(Wanted::default()));
        let told = |query: &str| wanted(query).expect_err("it is refused").message.clone();
        assert_eq!(told("limit=0"), "limit is a number from 1 to 10000, not \"0\"");
        assert_eq!(told("order=up"), "order is asc or desc, not \"up\"");
    }
}
