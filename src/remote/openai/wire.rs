//! Sends requests to a server: HTTP/1.1 over TCP, one connection for each request.
//!
//! Reading blocks, so a thread reads each answer and hands its lines over. Dropping [`Lines`] closes the connection, at any moment: a
//! server that waits for its first token notices it as well as one in the middle of an answer.
//!
//! ```text
//! http://gpu-box:8000       GET /v1/models, POST /v1/chat/completions, POST /tokenize
//! http://gpu-box:8000/v1    the same
//! http://gpu-box/api/v1     GET /api/v1/models, …
//! ```
//!
//! It doesn't encrypt: `https` is refused with a sentence. Addresses with a name or password in them are refused, too: they would end up in
//! logs.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::patience::{self, NoAnswer};
use super::refusal::Refusal;
use crate::failure::{Failure, FailureKind};

/// How long a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a server may take to list its models or to count tokens. An answer may take longer: its reader decides.
const SHORT_ANSWER: Duration = Duration::from_mins(1);
/// The most that is read of an answer that is no stream: token ids of a document of 16 MB.
const MOST_BYTES: usize = 256 << 20;
/// The longest line of a stream, or of a head.
const LONGEST_LINE: u64 = 64 << 20;

/// A server's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// `gpu-box:8000`
    host: String,
    /// What comes before `/v1`: empty, or `/api`.
    base: String,
}

impl Address {
    /// Errors: it is not one that can be connected to.
    pub(super) fn parse(url: &str) -> Result<Self, Failure> {
        let usage = |message: String, hint: &str| Failure::new(FailureKind::Usage, message, Some(hint.to_owned()));
        let Some((scheme, rest)) = url.trim().split_once("://") else {
            return Err(usage(format!("{url:?} is no server's address"), "write it as http://HOST:PORT"));
        };
        if !scheme.eq_ignore_ascii_case("http") {
            let hint = "put a proxy before it that speaks http, or use `ssh -L`";
            return Err(usage(format!("servers over {scheme} can't be connected to"), hint));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') || authority.is_empty() {
            return Err(usage(
                "a server's address is HOST:PORT, without a name or password".to_owned(),
                "give the key apart",
            ));
        }
        let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let base = path.strip_suffix("v1").unwrap_or(path).trim_end_matches('/');
        let has_port = authority.rsplit(']').next().is_some_and(|behind| behind.contains(':'));
        let host = if has_port { authority.to_owned() } else { format!("{authority}:80") };
        Ok(Self { host, base: if base.is_empty() { String::new() } else { format!("/{base}") } })
    }
}

/// A server that requests are sent to.
pub(super) struct Wire {
    address: Address,
    /// A line of every head, or nothing. Secret.
    authorisation: String,
}

impl Wire {
    pub(super) fn to(address: Address, authorisation: String) -> Self {
        Self { address, authorisation }
    }

    /// For people: `gpu-box:8000`.
    pub(super) fn host(&self) -> &str {
        &self.address.host
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, NoAnswer> {
        self.soon(async { self.send("GET", path, String::new()).await?.json().await }).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, NoAnswer> {
        self.soon(async { self.send("POST", path, body.to_string()).await?.json().await }).await
    }

    async fn soon<T>(&self, answer: impl Future<Output = Result<T, NoAnswer>>) -> Result<T, NoAnswer> {
        let silent = |_| NoAnswer::NotReached(format!("{} does not answer within a minute", self.address.host));
        tokio::time::timeout(SHORT_ANSWER, answer).await.map_err(silent)?
    }

    /// Asks for an answer. Returns once its head is there.
    pub(super) async fn open(&self, body: &Value) -> Result<Lines, NoAnswer> {
        self.send("POST", "v1/chat/completions", body.to_string()).await
    }

    async fn send(&self, method: &str, path: &str, body: String) -> Result<Lines, NoAnswer> {
        let Address { host, base } = &self.address;
        let head = format!(
            "{method} {base}/{path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json, text/event-stream\r\n\
             {}Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.authorisation,
            body.len()
        );
        let (sender, received) = unbounded_channel();
        let mut lines = Lines { received, connection: Arc::default() };
        let (host, connection) = (host.clone(), lines.connection.clone());
        thread::spawn(move || exchange(&host, &(head + &body), &connection, &sender));
        let head = lines.head(&self.address.host).await?;
        if (200..300).contains(&head.status) {
            return Ok(lines);
        }
        let body = lines.rest().await.unwrap_or_default();
        Err(NoAnswer::Refused(Refusal::of(head.status, &body, head.retry_after)))
    }
}

/// The beginning of an answer.
#[derive(Debug, Default)]
struct Head {
    status: u16,
    retry_after: Option<Duration>,
    framing: Framing,
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, Default)]
enum Framing {
    Chunked,
    Length(usize),
    #[default]
    UntilClosed,
}

/// What the reading thread hands over.
enum Heard {
    Head(Head),
    Line(String),
    Broken(io::Error),
}

/// The lines of an answer.
#[derive(Debug)]
pub(super) struct Lines {
    received: UnboundedReceiver<Heard>,
    /// Kept to be closed.
    connection: Arc<Mutex<Option<TcpStream>>>,
}

impl Lines {
    async fn head(&mut self, host: &str) -> Result<Head, NoAnswer> {
        match self.received.recv().await {
            Some(Heard::Head(head)) => Ok(head),
            Some(Heard::Broken(error)) => {
                Err(NoAnswer::NotReached(format!("cannot reach {host}: {}", in_words(&error))))
            }
            Some(Heard::Line(_)) | None => Err(NoAnswer::NotReached(format!("{host} closed the connection"))),
        }
    }

    /// The next line, without its end; `None` behind the last. Errors: the connection broke, in words.
    pub(super) async fn next(&mut self) -> Result<Option<String>, String> {
        match self.received.recv().await {
            Some(Heard::Line(line)) => Ok(Some(line)),
            Some(Heard::Broken(error)) => Err(in_words(&error)),
            Some(Heard::Head(_)) | None => Ok(None),
        }
    }

    async fn rest(&mut self) -> Result<String, String> {
        let mut text = String::new();
        while let Some(line) = self.next().await? {
            if text.len() + line.len() > MOST_BYTES {
                return Err("its answer is too long".to_owned());
            }
            text.push_str(&line);
            text.push('\n');
        }
        Ok(text)
    }

    async fn json(mut self) -> Result<Value, NoAnswer> {
        let text = self.rest().await.map_err(NoAnswer::NotReached)?;
        serde_json::from_str(&text).map_err(|_| NoAnswer::not_json(&text))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let connection = self.connection.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        connection.as_ref().map(|stream| stream.shutdown(Shutdown::Both));
    }
}

/// Sends `request`, and hands over what comes back. The thread's whole work.
fn exchange(host: &str, request: &str, kept: &Mutex<Option<TcpStream>>, heard: &UnboundedSender<Heard>) {
    let sent = connect(host).and_then(|mut stream| {
        *kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(stream.try_clone()?);
        if heard.is_closed() {
            // It was dropped before there was anything to close.
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        stream.write_all(request.as_bytes())?;
        let mut reader = BufReader::new(stream);
        let beginning = read_head(&mut reader)?;
        let framing = beginning.framing;
        let _ = heard.send(Heard::Head(beginning));
        read_body(&mut reader, framing, heard)
    });
    if let Err(error) = sent {
        let _ = heard.send(Heard::Broken(error));
    }
}

fn connect(host: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in host.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => return stream.set_nodelay(true).map(|()| stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn read_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    reader.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()))
}

fn read_head(reader: &mut impl BufRead) -> io::Result<Head> {
    let ended = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let first = read_line(reader)?.ok_or_else(ended)?;
    let no_http = || io::Error::new(io::ErrorKind::InvalidData, "it does not speak HTTP");
    let status =
        first.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)?.parse().ok()).ok_or_else(no_http)?;
    let mut head = Head { status, ..Head::default() };
    loop {
        let line = read_line(reader)?.ok_or_else(ended)?;
        let Some((name, value)) = line.split_once(':') else { break };
        match (name.to_ascii_lowercase().as_str(), value.trim()) {
            ("transfer-encoding", value) if value.to_ascii_lowercase().contains("chunked") => {
                head.framing = Framing::Chunked;
            }
            ("content-length", value) if !matches!(head.framing, Framing::Chunked) => {
                head.framing = value.parse().map_or(Framing::UntilClosed, Framing::Length);
            }
            ("retry-after", value) => head.retry_after = patience::retry_after(value),
            _ => {}
        }
    }
    Ok(head)
}

fn read_body(reader: &mut impl BufRead, framing: Framing, heard: &UnboundedSender<Heard>) -> io::Result<()> {
    match framing {
        Framing::Chunked => {
            hand_over(&mut BufReader::new(Chunks { reader, left: 0, is_first: true, is_over: false }), heard)
        }
        Framing::Length(length) => {
            let mut body = reader.take(length as u64);
            hand_over(&mut body, heard)?;
            if body.limit() > 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
        }
        Framing::UntilClosed => hand_over(reader, heard),
    }
}

/// Hands over each line, until the end or until nobody listens.
fn hand_over(body: &mut impl BufRead, heard: &UnboundedSender<Heard>) -> io::Result<()> {
    while let Some(line) = read_line(body)? {
        if heard.send(Heard::Line(line)).is_err() {
            break;
        }
    }
    Ok(())
}

/// The body in a chunked transfer.
struct Chunks<'a, R> {
    reader: &'a mut R,
    /// Bytes of this chunk that were not read.
    left: usize,
    is_first: bool,
    is_over: bool,
}

impl<R: BufRead> Read for Chunks<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.is_over {
            self.next_chunk()?;
        }
        if self.is_over {
            return Ok(0);
        }
        let most = self.left.min(buffer.len());
        let read = self.reader.read(&mut buffer[..most])?;
        if read == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read;
        Ok(read)
    }
}

impl<R: BufRead> Chunks<'_, R> {
    fn next_chunk(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.is_first) {
            // The end of the line behind the last chunk.
            read_line(self.reader)?;
        }
        let size = read_line(self.reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let digits = size.split(';').next().unwrap_or_default().trim();
        self.left = usize::from_str_radix(digits, 16).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        self.is_over = self.left == 0;
        Ok(())
    }
}

/// Why a connection failed, without the system's number for it.
fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "it does not answer".to_owned(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "the server closed the connection".to_owned()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Result<(String, String), String> {
        Address::parse(url).map(|address| (address.host, address.base)).map_err(|failure| failure.message)
    }

    #[test]
    fn an_address_may_end_in_v1_and_have_a_base() {
        let parsed = |host: &str, base: &str| Ok((host.to_owned(), base.to_owned()));
        for url in ["http://gpu-box:8000", "http://gpu-box:8000/", "http://gpu-box:8000/v1", "HTTP://gpu-box:8000/v1/"]
        {
            assert_eq!(address(url), parsed("gpu-box:8000", ""), "{url}");
        }
        assert_eq!(address("http://gpu-box/api/v1"), parsed("gpu-box:80", "/api"));
        assert_eq!(address("http://[::1]:8000"), parsed("[::1]:8000", ""));
        assert_eq!(address("http://[::1]"), parsed("[::1]:80", ""));
    }

    #[test]
    fn what_can_t_be_connected_to_is_refused() {
        assert_eq!(address("https://a"), Err("servers over https can't be connected to".to_owned()));
        assert!(address("gpu-box").is_err_and(|told| told.contains("no server's address")));
        let secret = address("http://ada:secret@gpu-box").expect_err("it has a password");
        assert!(!secret.contains("secret"), "{secret}");
    }

    /// The lines of a body, or the kind of its error.
    fn body(framing: Framing, bytes: &str) -> Result<Vec<String>, io::ErrorKind> {
        let (sender, mut received) = unbounded_channel();
        read_body(&mut bytes.as_bytes(), framing, &sender).map_err(|error| error.kind())?;
        drop(sender);
        let mut lines = Vec::new();
        while let Some(Heard::Line(line)) = received.blocking_recv() {
            lines.push(line);
        }
        Ok(lines)
    }

    #[test]
    fn bodies_end_in_three_ways_and_lines_go_on_over_chunks() {
        let lines = Ok(vec!["one".to_owned(), "two".to_owned()]);
        assert_eq!(body(Framing::Chunked, "5;x=1\r\none\nt\r\n2\r\nwo\r\n0\r\n\r\n"), lines);
        assert_eq!(body(Framing::Length(7), "one\ntwo and more"), lines);
        assert_eq!(body(Framing::UntilClosed, "one\r\ntwo"), lines);
    }

    #[test]
    fn a_body_that_ends_too_early_is_broken() {
        for (framing, bytes) in
            [(Framing::Chunked, "5\r\none"), (Framing::Chunked, "3\r\none\r\n"), (Framing::Length(9), "one")]
        {
            assert_eq!(body(framing, bytes), Err(io::ErrorKind::UnexpectedEof), "{bytes:?}");
        }
        assert_eq!(body(Framing::Chunked, "zz\r\none"), Err(io::ErrorKind::InvalidData));
    }

    #[test]
    fn a_head_is_read_in_any_case() {
        let head =
            read_head(&mut "HTTP/1.1 429 Too Many\r\nRETRY-AFTER: 3\r\ncontent-length: 4\r\n\r\nbody".as_bytes())
                .expect("HTTP");
        assert_eq!((head.status, head.retry_after), (429, Some(Duration::from_secs(3))));
        assert!(matches!(head.framing, Framing::Length(4)));
        assert!(read_head(&mut "SSH-2.0-OpenSSH\r\n".as_bytes()).is_err());
    }
    #[tokio::test(start_paused = true)]
    async fn a_server_that_accepts_and_says_nothing_is_not_waited_for_forever() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let host = listener.local_addr().expect("an address").to_string();
        let wire = Wire::to(Address { host: host.clone(), base: String::new() }, String::new());
        let silent = NoAnswer::NotReached(format!("{host} does not answer within a minute"));
        assert_eq!(wire.get("v1/models").await, Err(silent));
    }
}
