//! An HTTP client for the servers whose engines are used: one request, one connection, an answer whole or line by line.
//!
//! Example: `POST /v1/jobs` with a body of 400 bytes; the status comes at once, and lines come for the minutes that an answer takes.
//! Whoever drops the [`Response`] closes the connection, which stops the answer.
//!
//! Three times are limited: [`CONNECT`] to be connected, and [`Request::patience`] for the status and between two pieces of the answer. A line
//! has at most [`LONGEST_LINE`] bytes. The key is in the header `Authorization` and nowhere else: no error, log or debug output repeats it.
//!
//! Redirects are not followed, because they would carry the key to another server. No proxies, no compression, no cookies.

mod io;
mod lines;
mod tls;

use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Method;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, USER_AGENT};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::failure::{Failure, FailureKind};
use crate::settings::{ApiKey, Authorities, Scheme, ServerUrl, UsedServer};
use crate::units::bytes;
use io::Tokio;
use lines::Lines;
use tls::Untrusted;

/// How long a connection may take, encryption included.
pub const CONNECT: Duration = Duration::from_secs(10);
/// How long a server may be silent, unless a request says otherwise.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// The longest line of an answer. A model's facts with its chat template have some 100 kB.
pub const LONGEST_LINE: usize = 16 << 20;

/// Sends requests to one server.
#[derive(Debug, Clone)]
pub struct Client {
    url: ServerUrl,
    key: Option<ApiKey>,
    authorities: Option<Authorities>,
}

/// What is asked of a server.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    /// Behind the server's base: `/v1/models`.
    pub path: String,
    /// With its type.
    pub body: Option<(&'static str, Bytes)>,
    pub accept: &'static str,
    /// How long the server may be silent.
    pub patience: Duration,
}

/// Why there is no answer, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    #[error("cannot reach {server}: {why}")]
    Unreachable { server: String, why: String },
    #[error("cannot reach {server}: no connection within {} s", after.as_secs())]
    NoConnection { server: String, after: Duration },
    #[error("no encrypted connection to {server}: {why}")]
    NotTrusted { server: String, why: String, hint: &'static str },
    #[error("{server} said nothing for {} s", after.as_secs())]
    Silent { server: String, after: Duration },
    #[error("{server} ended the connection: {why}")]
    Broken { server: String, why: String },
    #[error("{server} sent more than {} at once", bytes(*most as u64))]
    TooLong { server: String, most: usize },
    /// The key has a line break in it, or the like.
    #[error("the key for {server} has characters that no key can have")]
    OddKey { server: String },
}

impl HttpError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { .. } | Self::NoConnection { .. } => {
                Some("check the address and that the server runs; --server none uses this machine")
            }
            Self::NotTrusted { hint, .. } => Some(hint),
            Self::Silent { .. } | Self::Broken { .. } => Some("ask again once the server can be reached"),
            Self::OddKey { .. } => Some("check the file or variable that it is read from"),
            Self::TooLong { .. } => None,
        }
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        Self::new(FailureKind::Runtime, error.to_string(), error.hint().map(str::to_owned))
    }
}

impl Request {
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None, accept: "application/json", patience: PATIENCE }
    }

    /// `POST`s a JSON object.
    #[must_use]
    pub fn post(path: impl Into<String>, json: impl Into<Bytes>) -> Self {
        Self { method: Method::POST, body: Some(("application/json", json.into())), ..Self::get(path) }
    }

    /// `POST`s something else.
    #[must_use]
    pub fn post_bytes(path: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self { method: Method::POST, body: Some(("application/octet-stream", bytes.into())), ..Self::get(path) }
    }
}

impl Client {
    #[must_use]
    pub fn new(server: &UsedServer) -> Self {
        Self { url: server.url.clone(), key: server.key.clone(), authorities: server.authorities.clone() }
    }

    /// What errors and figures call the server: `gpu-box:8080`.
    #[must_use]
    pub fn name(&self) -> String {
        self.url.authority()
    }

    /// `text` of the server without the key, should the server repeat it.
    #[must_use]
    pub fn without_key(&self, text: String) -> String {
        match &self.key {
            Some(ApiKey(key)) if !key.is_empty() && text.contains(key.as_str()) => text.replace(key.as_str(), "…"),
            _ => text,
        }
    }

    /// Sends a request, and waits for the status. Must be called in a runtime.
    pub async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let patience = request.patience;
        let asked = self.written(request)?;
        let stream = self.connected().await?;
        let (mut sender, connection) = http1::handshake(Tokio(stream)).await.map_err(|error| self.broken(&error))?;
        let mut driver = Driver::of(connection);
        let mut answered = pin!(sender.send_request(asked));
        let answered = poll_fn(|context| {
            driver.drive(context);
            answered.as_mut().poll(context)
        });
        let answered = timeout(patience, answered).await;
        let answered = answered.map_err(|_| HttpError::Silent { server: self.name(), after: patience })?;
        let (head, body) = answered.map_err(|error| self.broken(&error))?.into_parts();
        Ok(Response {
            status: head.status.as_u16(),
            retry_after: head.headers.get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?)),
            body: Pieces { server: self.name(), body, driver, patience },
            lines: Lines::default(),
        })
    }

    fn written(&self, request: Request) -> Result<hyper::Request<Whole>, HttpError> {
        let uri = format!("{}{}", self.url.base, request.path);
        let (kind, body) = request.body.map_or((None, Whole(None)), |(kind, body)| (Some(kind), Whole(Some(body))));
        let mut written = hyper::Request::new(body);
        *written.method_mut() = request.method;
        *written.uri_mut() = uri.parse().expect("bases and paths are of plain characters");
        let headers = written.headers_mut();
        headers.insert(HOST, self.url.host_header().parse().expect("hosts are of plain characters"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("lunette/", env!("CARGO_PKG_VERSION"))));
        headers.insert(ACCEPT, HeaderValue::from_static(request.accept));
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if let Some(ApiKey(key)) = &self.key {
            let value = HeaderValue::try_from(format!("Bearer {key}"));
            let mut value = value.map_err(|_| HttpError::OddKey { server: self.name() })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(written)
    }

    async fn connected(&self) -> Result<Box<dyn io::Stream>, HttpError> {
        let connecting = timeout(CONNECT, self.connect()).await;
        connecting.unwrap_or_else(|_| Err(HttpError::NoConnection { server: self.name(), after: CONNECT }))
    }

    async fn connect(&self) -> Result<Box<dyn io::Stream>, HttpError> {
        let connected = TcpStream::connect((self.url.host.as_str(), self.url.port)).await;
        let stream = connected
            .map_err(|error| HttpError::Unreachable { server: self.name(), why: crate::failure::in_words(&error) })?;
        // Commands are small, and nobody wants to wait until they fill a packet.
        let _ = stream.set_nodelay(true);
        match self.url.scheme {
            Scheme::Http => Ok(Box::new(stream)),
            Scheme::Https => match tls::encrypted(stream, &self.url.host, self.authorities.as_ref()).await {
                Ok(stream) => Ok(Box::new(stream)),
                Err(Untrusted { why, hint }) => Err(HttpError::NotTrusted { server: self.name(), why, hint }),
            },
        }
    }

    fn broken(&self, error: &hyper::Error) -> HttpError {
        HttpError::Broken { server: self.name(), why: in_words(error) }
    }
}

/// The time in a `Retry-After` header. A date, which no such server sends, counts as none.
fn retry_after(value: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(value.trim().parse().ok()?).ok()
}

/// What hyper says, without its words for itself.
fn in_words(error: &hyper::Error) -> String {
    let source = std::error::Error::source(error);
    let kind = source.and_then(|source| source.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    let ends = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    let is_cut = error.is_incomplete_message() || error.is_closed() || error.is_canceled();
    if is_cut || kind.is_some_and(|kind| ends.contains(&kind)) {
        return "the answer breaks off".to_owned();
    }
    source.map_or_else(|| error.to_string(), ToString::to_string)
}

/// Moves the bytes of a connection whenever its answer is waited for. It is closed when this is dropped, at once: no other task has it.
struct Driver(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Driver {
    fn of(connection: impl Future<Output = hyper::Result<()>> + Send + 'static) -> Self {
        // What goes wrong is told to whoever waits for the answer.
        Self(Some(Box::pin(async {
            let _ = connection.await;
        })))
    }

    fn drive(&mut self, context: &mut Context<'_>) {
        if self.0.as_mut().is_some_and(|connection| connection.as_mut().poll(context).is_ready()) {
            self.0 = None;
        }
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Driver")
    }
}

/// A server's answer. Dropping it closes the connection.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    /// When to come back, if the server says it.
    pub retry_after: Option<Duration>,
    body: Pieces,
    lines: Lines,
}

impl Response {
    /// The next line, without its end; `None` after the last. Cancel-safe.
    pub async fn line(&mut self) -> Result<Option<String>, HttpError> {
        loop {
            if let Some(line) = self.lines.next() {
                return Ok(Some(line));
            }
            match self.body.next().await? {
                Some(piece) => self.lines.add(&piece),
                None => return Ok(self.lines.rest()),
            }
            if self.lines.waiting() > LONGEST_LINE {
                return Err(HttpError::TooLong { server: self.body.server.clone(), most: LONGEST_LINE });
            }
        }
    }

    /// The whole body, which has at most `most` bytes.
    pub async fn whole(mut self, most: usize) -> Result<Vec<u8>, HttpError> {
        let mut whole = Vec::new();
        while let Some(piece) = self.body.next().await? {
            whole.extend_from_slice(&piece);
            if whole.len() > most {
                return Err(HttpError::TooLong { server: self.body.server, most });
            }
        }
        Ok(whole)
    }
}

/// The pieces of a body, as they come.
#[derive(Debug)]
struct Pieces {
    server: String,
    body: Incoming,
    driver: Driver,
    patience: Duration,
}

impl Pieces {
    async fn next(&mut self) -> Result<Option<Bytes>, HttpError> {
        loop {
            let frame = poll_fn(|context| {
                self.driver.drive(context);
                Pin::new(&mut self.body).poll_frame(context)
            });
            let frame = timeout(self.patience, frame).await;
            let frame = frame.map_err(|_| HttpError::Silent { server: self.server.clone(), after: self.patience })?;
            let Some(frame) = frame else { return Ok(None) };
            let frame =
                frame.map_err(|error| HttpError::Broken { server: self.server.clone(), why: in_words(&error) })?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }
}

/// A body of one piece.
#[derive(Debug)]
struct Whole(Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.get_mut().0.take().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |data| data.len() as u64))
    }
}

#[cfg(test)]
mod tests;
