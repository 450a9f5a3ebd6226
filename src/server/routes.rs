//! Which path is answered how.
//!
//! | path | who may | answer |
//! |---|---|---|
//! | `GET /health` | everybody who reaches the server | 200 once the model is loaded |
//! | `GET /metrics` | with the key | counts for Prometheus |
//! | `GET /v1/models` | with the key | the model, the presets, the documents |
//! | `POST /v1/chat/completions`, `/v1/completions` | with the key | an answer |
//! | `POST /completion` | with the key | an answer in llama-server's own form |
//! | `POST /apply-template`, `/chat/completions/input_tokens` | with the key | the prompt that messages become, the number of its tokens |
//! | `GET /props`, `/slots` | with the key | what the server runs with, what it answers at the moment |
//! | `POST /v1/files`, `GET /v1/files`, `GET /v1/files/ID`, `GET /v1/files/ID/content`, `DELETE /v1/files/ID` | with the key | files of clients |
//! | `POST /tokenize`, `/detokenize` | with the key | tokens of a text, text of tokens |
//! | `GET /lunette` | with the key | what another Lunette has to know: versions, the model |
//! | `POST /lunette/texts`, `/lunette/jobs`, `/lunette/counts` | with the key | texts to keep, a command to carry out, tokens to count |
//! | `POST /lunette/jobs/ID/stop`, `/lunette/jobs/ID/answer-now` | with the key and the id | |
//!
//! `/models` to `/detokenize` are also there without `/v1`, or with it. `/completions` is OpenAI's, with or without it.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::RETRY_AFTER;
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::account::Account;
use super::answer::Form;
use super::answering::Answering;
use super::aside::aside;
use super::asked::Loaded;
use super::body::{Reply, collected};
use super::document_set::DocumentSet;
use super::error::ApiError;
use super::file_requests::{self, FileRequest};
use super::jobs;
use super::log::Told;
use super::native::Native;
use super::props;
use super::replies::{object_reply, reply};
use super::request::{self, Streaming, Way};
use super::shared::Server;
use super::tokens::{count_tokens, detokenize, keep_texts, tokenize};
use crate::chat::ReadyQuestion;
use crate::engine::message::Prompt;
use crate::remote::wire;
use crate::swaa::selection::PresetSelection;

const EVENTS: &str = "text/event-stream";
const LINES: &str = "application/x-ndjson";
const PROMETHEUS: &str = "text/plain; version=0.0.4";

/// What a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Health,
    Metrics,
    Models,
    Answer(Way),
    File(FileRequest),
    ApplyTemplate,
    InputTokens,
    Props,
    Slots,
    Tokenize,
    Detokenize,
    Hello,
    Texts,
    Job,
    Counts,
    Stop,
    AnswerNow,
}

impl Route {
    fn of(method: &Method, path: &str) -> Result<Self, ApiError> {
        let bare = path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path);
        let wrong_method = || ApiError::wrong_method(method.as_str(), path);
        if let Some(request) = FileRequest::of(method, bare) {
            return request.map(Self::File).map_err(|()| wrong_method());
        }
        let (route, takes) = match bare {
            "/health" => (Self::Health, Method::GET),
            "/metrics" => (Self::Metrics, Method::GET),
            "/models" => (Self::Models, Method::GET),
            "/chat/completions" => (Self::Answer(Way::Chat), Method::POST),
            "/completions" => (Self::Answer(Way::Text), Method::POST),
            "/completion" => (Self::Answer(Way::Native), Method::POST),
            "/apply-template" => (Self::ApplyTemplate, Method::POST),
            "/chat/completions/input_tokens" => (Self::InputTokens, Method::POST),
            "/props" => (Self::Props, Method::GET),
            "/slots" => (Self::Slots, Method::GET),
            "/tokenize" => (Self::Tokenize, Method::POST),
            "/detokenize" => (Self::Detokenize, Method::POST),
            wire::HELLO => (Self::Hello, Method::GET),
            wire::TEXTS => (Self::Texts, Method::POST),
            wire::JOBS => (Self::Job, Method::POST),
            wire::COUNTS => (Self::Counts, Method::POST),
            _ if job_in(bare, wire::STOP).is_some() => (Self::Stop, Method::POST),
            _ if job_in(bare, wire::ANSWER_NOW).is_some() => (Self::AnswerNow, Method::POST),
            _ => return Err(ApiError::no_such_path(path)),
        };
        if *method == takes { Ok(route) } else { Err(wrong_method()) }
    }
}

/// The job's id in `/lunette/jobs/ID/stop`.
fn job_in<'a>(path: &'a str, end: &str) -> Option<&'a str> {
    let id = path.strip_prefix(wire::JOBS)?.strip_prefix('/')?.strip_suffix(end)?;
    (!id.contains('/')).then_some(id)
}

/// Answers a request of the machine `peer`.
///
/// It opens the account at once, and not when the answer is first polled: if the client closed its connection right after the request, hyper
/// drops the answer unpolled, and the log has to have this request, too.
pub(super) fn respond(
    server: Arc<Server>,
    peer: IpAddr,
    request: Request<Incoming>,
) -> impl Future<Output = Response<Reply>> {
    let (parts, body) = request.into_parts();
    let told = Told {
        peer: peer.to_string(),
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        ..Told::default()
    };
    let account = Account::open(server.clone(), told);
    async move {
        match admitted(&server, &parts) {
            Err(error) => refused(account, &error),
            Ok(Route::Answer(way)) => answer(&server, peer, way, body, account).await,
            Ok(Route::Job) => carry_out(&server, peer, body, account).await,
            Ok(route) => match look_up(server, route, &parts, body).await {
                Ok(response) => closed(account, response),
                Err(error) => refused(account, &error),
            },
        }
    }
}

/// What the request is about, if it may be answered.
fn admitted(server: &Server, parts: &Parts) -> Result<Route, ApiError> {
    server.access.check_place(&parts.uri, &parts.headers)?;
    let route = Route::of(&parts.method, parts.uri.path());
    if !matches!(route, Ok(Route::Health)) {
        server.access.check_key(&parts.headers)?;
    }
    route
}

/// Whatever takes no turn at the engine.
async fn look_up(
    server: Arc<Server>,
    route: Route,
    parts: &Parts,
    body: Incoming,
) -> Result<Response<Reply>, ApiError> {
    let path = parts.uri.path();
    match route {
        Route::File(request) => file_requests::answer(server, request, parts, body).await,
        Route::Health => server.model().map(|_| object_reply(StatusCode::OK, &json!({ "status": "ok" }))),
        Route::Metrics => {
            let text = server.metrics.text(server.now());
            Ok(reply(StatusCode::OK, PROMETHEUS, Reply::whole(text)))
        }
        Route::Models => server.models().map(|models| object_reply(StatusCode::OK, &models)),
        Route::Props => props::props(&server).map(|props| object_reply(StatusCode::OK, &props)),
        Route::Slots => props::slots(&server).map(|slots| object_reply(StatusCode::OK, &slots)),
        Route::ApplyTemplate | Route::InputTokens => {
            let model = server.model()?;
            let body = collected(body, server.serving.most_body_bytes).await?;
            let tell = move || {
                let prompt = prepare(&server, Way::Chat, &body, &model)?.asked.prompt;
                if route == Route::ApplyTemplate { Ok(prompt_text(&prompt)) } else { prompt_tokens(&server, &prompt) }
            };
            let object = aside(tell).await?;
            Ok(object_reply(StatusCode::OK, &object))
        }
        Route::Hello => Ok(object_reply(StatusCode::OK, &json!(server.hello()))),
        Route::Texts | Route::Counts => {
            let body = collected(body, server.serving.most_body_bytes).await?;
            let take = if route == Route::Texts { keep_texts } else { count_tokens };
            let object = aside(move || take(&server, &body)).await?;
            Ok(object_reply(StatusCode::OK, &object))
        }
        Route::Stop | Route::AnswerNow => {
            if let Some(id) = job_in(path, wire::STOP) {
                server.jobs.stop(id)?;
            } else if let Some(id) = job_in(path, wire::ANSWER_NOW) {
                server.jobs.answer_now(id)?;
            }
            Ok(object_reply(StatusCode::OK, &json!({})))
        }
        Route::Tokenize | Route::Detokenize | Route::Answer(_) | Route::Job => {
            let body = collected(body, server.serving.most_body_bytes).await?;
            let convert = if route == Route::Tokenize { tokenize } else { detokenize };
            let object = aside(move || convert(server.vocabulary()?, &body)).await?;
            Ok(object_reply(StatusCode::OK, &object))
        }
    }
}

/// Carries out what another Lunette sends.
async fn carry_out(server: &Arc<Server>, peer: IpAddr, body: Incoming, account: Account) -> Response<Reply> {
    let begun = async {
        let body = collected(body, server.serving.most_body_bytes).await?;
        let own = server.clone();
        aside(move || jobs::begin(&own, peer, &body)).await
    };
    match begun.await {
        Ok(running) => reply(StatusCode::OK, LINES, Reply::Events(running.stream(account))),
        Err(error) => refused(account, &error),
    }
}

async fn answer(server: &Arc<Server>, peer: IpAddr, way: Way, body: Incoming, mut account: Account) -> Response<Reply> {
    let (answering, streaming) = match ask(server, peer, way, body).await {
        Ok(begun) => begun,
        Err(error) => return refused(account, &error),
    };
    let Some(streaming) = streaming else {
        return match answering.whole(&mut account).await {
            Ok(object) => closed(account, object_reply(StatusCode::OK, &object)),
            Err(error) => refused(account, &error),
        };
    };
    match answering.stream(streaming, account).await {
        Ok(events) => reply(StatusCode::OK, EVENTS, Reply::Events(events)),
        Err((error, account)) => refused(account, &error),
    }
}

/// Has the question in `body` wait for its turn.
async fn ask(
    server: &Arc<Server>,
    peer: IpAddr,
    way: Way,
    body: Incoming,
) -> Result<(Answering, Option<Streaming>), ApiError> {
    let model = server.model()?;
    let body = collected(body, server.serving.most_body_bytes).await?;
    let own = server.clone();
    let ready = aside(move || prepare(&own, way, &body, &model)).await?;
    let Ready { asked, reading, documents, streaming, form } = ready;
    let heading = server.heading(form);
    let answering = Answering::begin(server.clone(), peer, heading, documents, asked, reading)?;
    Ok((answering, streaming))
}

/// A question that is ready for the engine.
struct Ready {
    asked: ReadyQuestion,
    reading: PresetSelection,
    documents: Arc<DocumentSet>,
    streaming: Option<Streaming>,
    form: Form,
}

fn prepare(server: &Server, way: Way, body: &[u8], model: &Loaded) -> Result<Ready, ApiError> {
    let mut request = request::Request::read(way, body)?;
    let streaming = request.streaming;
    let fields = std::mem::take(&mut request.response_fields);
    let returns_tokens = request.returns_tokens;
    let documents = server.documents.choose(request.documents.as_deref(), &server.files)?;
    let reading = server.defaults.reading(&request)?;
    let asked = server.defaults.lay_out(request, &reading, &documents, model)?;
    let form = match way {
        Way::Chat => Form::Chat,
        Way::Text => Form::Text,
        Way::Native => Form::Native(Box::new(Native::of(&asked, fields, streaming.is_some(), returns_tokens))),
    };
    Ok(Ready { asked, reading, documents, streaming, form })
}

/// What the model gets of a conversation, with the marks of its template.
fn prompt_text(prompt: &Prompt) -> Value {
    let text: String = prompt.parts.iter().map(|part| &*part.text).collect();
    json!({ "prompt": text })
}

/// How many tokens that is.
fn prompt_tokens(server: &Server, prompt: &Prompt) -> Result<Value, ApiError> {
    let tokens: usize = server.vocabulary()?.count_prompt(prompt).iter().sum();
    Ok(json!({ "object": "response.input_tokens", "input_tokens": tokens }))
}

fn refused(mut account: Account, error: &ApiError) -> Response<Reply> {
    account.tell("error", &*error.message);
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = object_reply(status, &error.to_json());
    if let Some(seconds) = error.retry_after_s {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    closed(account, response)
}

fn closed(account: Account, response: Response<Reply>) -> Response<Reply> {
    account.close(response.status().as_u16());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_there_with_and_without_v1() {
        let route = |method: Method, path: &str| Route::of(&method, path).map_err(|error| error.status);
        assert_eq!(route(Method::POST, "/v1/chat/completions"), Ok(Route::Answer(Way::Chat)));
        assert_eq!(route(Method::POST, "/completions"), Ok(Route::Answer(Way::Text)));
        assert_eq!(route(Method::POST, "/completion"), Ok(Route::Answer(Way::Native)));
        assert_eq!(route(Method::POST, "/v1/chat/completions/input_tokens"), Ok(Route::InputTokens));
        assert_eq!((route(Method::GET, "/props"), route(Method::POST, "/props")), (Ok(Route::Props), Err(405)));
        assert_eq!(route(Method::GET, "/v1/models"), Ok(Route::Models));
        assert_eq!(route(Method::POST, "/v1/tokenize"), Ok(Route::Tokenize));
        assert_eq!(route(Method::DELETE, "/v1/files/file-1"), Ok(Route::File(FileRequest::Delete)));
        assert_eq!(route(Method::PUT, "/v1/files"), Err(405));
        assert_eq!(route(Method::GET, "/v1/chat/completions"), Err(405));
        assert_eq!(route(Method::OPTIONS, "/v1/chat/completions"), Err(405));
        for path in ["/", "", "/v1", "/v1health", "/v1/v1/health", "/health/"] {
            assert_eq!(route(Method::GET, path), Err(404), "{path}");
        }
    }
}
