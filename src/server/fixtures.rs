//! For tests: a server over real sockets, with an engine that follows a script, and a client that knows little.

use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::ops::Deref;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::{Started, serve};
use crate::exit::{Exit, ExitError};
use crate::session::fixtures::{settings, write};
use crate::session::scripted_engine::{Script, ScriptedEngine};
use crate::session::{EngineChannels, EngineClient, Observer, Signal, Stops};
use crate::settings::FrontEnd;

/// Whoever takes longer is hung.
const HUNG: Duration = Duration::from_secs(30);
pub(crate) const BOOK: &str = "# One\n\nIt is a truth universally acknowledged.\n";

/// Whether the clock of the server waits for anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    Real,
    /// It goes on to the next time limit as soon as there is nothing else to do.
    Hurried,
}

/// A server that runs.
pub(crate) struct Running {
    client: Client,
    lines: Receiver<String>,
    /// Those among the lines that were read.
    notes: RefCell<String>,
    pub(crate) signals: UnboundedSender<Signal>,
    thread: Option<JoinHandle<Result<Exit, ExitError>>>,
}

struct Lines(Sender<String>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.send(String::from_utf8(bytes.to_vec()).expect("UTF-8"));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Puts the notes among the lines.
struct Notes(Sender<String>);

impl Observer for Notes {
    fn note(&mut self, text: &str) {
        let _ = self.0.send(json!({ "event": "note", "text": text }).to_string());
    }
}

impl Running {
    /// Serves [`BOOK`], with the flags of `line`.
    pub(crate) fn start(line: &[&str], script: Script) -> Self {
        Self::with(line, ScriptedEngine::start(script), Clock::Real)
    }

    pub(crate) fn with(line: &[&str], engine: EngineChannels, clock: Clock) -> Self {
        let line: Vec<String> = line.iter().map(|word| (*word).to_owned()).collect();
        let (log, lines) = channel();
        let (signals, heard) = unbounded_channel();
        let thread = thread::spawn(move || {
            let folder = tempfile::tempdir().expect("a folder");
            let book = write(folder.path(), "book.md", BOOK, 1_000).to_string_lossy().into_owned();
            let line: Vec<&str> = line.iter().map(String::as_str).collect();
            let settings = settings(folder.path(), &[&["serve", "--listen", "127.0.0.1:0", &book], &line[..]].concat());
            let FrontEnd::Serve(serving) = &settings.front_end else { panic!("{line:?} does not serve") };
            let start = |_: &mut dyn Observer| {
                let client = EngineClient::new(engine, Stops::never());
                Ok(Started { client, model: "toy.gguf".into() })
            };
            let (mut stdin, mut observer) = (io::empty(), Notes(log.clone()));
            let served = serve(&settings, serving, &mut stdin, start, heard, Lines(log), &mut observer);
            let mut runtime = runtime::Builder::new_current_thread();
            runtime.enable_all().start_paused(clock == Clock::Hurried);
            runtime.build().expect("a runtime").block_on(served)
        });
        let notes = RefCell::default();
        let mut running =
            Self { client: Client { address: String::new() }, lines, notes, signals, thread: Some(thread) };
        running.client.address = running.event("listening")["address"].as_str().expect("an address").to_owned();
        if clock == Clock::Real {
            running.line(|name| ["read", "failed"].contains(&name));
        }
        running
    }

    /// The next line of the log about `name`.
    #[track_caller]
    pub(crate) fn event(&self, name: &str) -> Value {
        self.line(|event| event == name)
    }

    #[track_caller]
    fn line(&self, is_wanted: impl Fn(&str) -> bool) -> Value {
        loop {
            let line = match self.lines.recv_timeout(HUNG) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => panic!("no such line"),
                Err(RecvTimeoutError::Disconnected) => panic!("the server has ended"),
            };
            let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            let event = line["event"].as_str().unwrap_or_default();
            if event == "note" {
                self.notes.borrow_mut().push_str(line["text"].as_str().unwrap_or_default());
            }
            if is_wanted(event) {
                return line;
            }
        }
    }

    /// The notes before the last line that was read.
    pub(crate) fn notes(&self) -> String {
        self.notes.borrow().clone()
    }

    /// Sends a question whose answer is streamed, and reads up to the first piece.
    pub(crate) fn streaming(&self) -> BufReader<TcpStream> {
        let mut stream = self.connect();
        let request = head("POST", "/v1/chat/completions", "", &chat(&json!({ "stream": true })).to_string());
        stream.write_all(request.as_bytes()).expect("it is sent");
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        while !line.contains("\"content\":\"It") {
            line.clear();
            assert!(lines.read_line(&mut line).expect("a line") > 0, "it ended");
        }
        lines
    }

    /// Stops it, and waits for its end.
    pub(crate) fn stop(mut self) -> Exit {
        // A server that was told before may have ended already.
        let _ = self.signals.send(Signal::Terminate);
        self.ended()
    }

    fn ended(&mut self) -> Exit {
        let thread = self.thread.take().expect("it ends once");
        thread.join().expect("it does not panic").expect("it served")
    }
}

impl Deref for Running {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// Who asks it.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) address: String,
}

impl Client {
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(HUNG)).expect("a socket");
        stream
    }

    /// Sends `request` as it is, and reads all that comes.
    pub(crate) fn raw(&self, request: &[u8]) -> Reply {
        let mut stream = self.connect();
        let _ = stream.write_all(request);
        Reply::from(&mut stream)
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        self.raw(head(method, path, headers, body).as_bytes())
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, "", "")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, "", &body.to_string())
    }

    /// Sends a file as a form.
    pub(crate) fn upload(&self, filename: &str, content: &str) -> Reply {
        let part = |head: &str, content: &str| {
            format!("--edge\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
        };
        let file = part(&format!("name=\"file\"; filename=\"{filename}\""), content);
        let body = part("name=\"purpose\"", "user_data") + &file + "--edge--\r\n";
        self.send("POST", "/v1/files", "Content-Type: multipart/form-data; boundary=edge\r\n", &body)
    }

    pub(crate) fn chat(&self, more: &Value) -> Reply {
        self.post("/v1/chat/completions", &chat(more))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for _ in 0..2 {
            let _ = self.signals.send(Signal::Terminate);
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn from(stream: &mut impl Read) -> Self {
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        let text = String::from_utf8_lossy(&all).into_owned();
        let (headers, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, headers: headers.to_lowercase(), body: body.to_owned() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// The message of an error.
    pub(crate) fn told(&self) -> (u16, String) {
        (self.status, self.json()["error"]["message"].as_str().unwrap_or_default().to_owned())
    }

    /// The objects of a stream, whose last event says that it is done.
    pub(crate) fn events(&self) -> Vec<Value> {
        let events: Vec<&str> =
            self.body.split("data: ").skip(1).map(|event| event.split("\n\n").next().expect("an event")).collect();
        let (last, events) = events.split_last().unwrap_or_else(|| panic!("{self:?}"));
        assert_eq!(*last, "[DONE]");
        events.iter().map(|event| serde_json::from_str(event).unwrap_or_else(|_| panic!("{event}"))).collect()
    }
}

pub(crate) fn head(method: &str, path: &str, headers: &str, body: &str) -> String {
    let host = if headers.to_lowercase().contains("host:") { "" } else { "Host: localhost\r\n" };
    format!(
        "{method} {path} HTTP/1.1\r\n{host}Connection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

pub(crate) fn chat(more: &Value) -> Value {
    let mut body = json!({ "model": "any", "messages": [{ "role": "user", "content": "Who is it?" }] });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}
