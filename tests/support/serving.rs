//! The real binary as a server, with a model that says a script.
#![allow(dead_code, reason = "each test file takes what it needs")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout};
use std::time::Duration;

use serde_json::Value;

use super::binary::{Home, Ran, finished, signal};
use super::scripted_model;

/// Longer than any of these takes on busy cores.
const PATIENCE: Duration = Duration::from_mins(2);
pub(crate) const BOOK: &str = "It is a truth universally acknowledged, that a single man must be in want of a wife.\n";

/// A server that runs.
pub(crate) struct Serving {
    child: Option<Child>,
    log: BufReader<ChildStdout>,
    pub(crate) address: String,
}

impl Serving {
    /// Serves a text of 100 lines, in a `home` that keeps what it reads.
    pub(crate) fn start(home: &Home, arguments: &[&str]) -> Self {
        scripted_model::write(&home.path("scripted.gguf"), "Yes, it.", scripted_model::CHATML);
        Self::start_with_model(home, arguments)
    }

    /// The same with a model that goes on until it is stopped, if it is sampled.
    pub(crate) fn start_wandering(home: &Home, arguments: &[&str]) -> Self {
        scripted_model::write_wandering(&home.path("scripted.gguf"), "abcdefghijklmnopqrstuvwxyz ");
        Self::start_with_model(home, arguments)
    }

    fn start_with_model(home: &Home, arguments: &[&str]) -> Self {
        home.file("book.txt", &BOOK.repeat(100));
        let line = [&["serve", "book.txt", "--port", "0", "-m", "scripted.gguf", "-t", "1"], arguments].concat();
        let mut child = home.start(&line, &[]);
        let log = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut serving = Self { child: Some(child), log, address: String::new() };
        let listening = serving.event("listening");
        listening["address"].as_str().expect("an address").clone_into(&mut serving.address);
        serving.event("loaded");
        serving
    }

    /// The next line of the log about `name`.
    pub(crate) fn event(&mut self, name: &str) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).expect("UTF-8") > 0, "it ended: {:?}", self.end());
            let object: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            if object["event"] == name {
                return object;
            }
        }
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        post(&self.address, path, body)
    }

    fn end(&mut self) -> Ran {
        finished(self.child.take().expect("it ends once"), PATIENCE)
    }

    /// Stops it gracefully.
    pub(crate) fn stop(mut self) {
        signal("-TERM", self.child.as_ref().expect("it runs").id());
        let ran = self.end();
        assert!(ran.code == 0 && !ran.err.contains("error"), "{ran:?}");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
        }
    }
}

pub(crate) fn post(address: &str, path: &str, body: &Value) -> Value {
    send(address, "POST", path, "", body.to_string().as_bytes())
}

/// Sends a file as a form.
pub(crate) fn upload(address: &str, filename: &str, content: &[u8]) -> Value {
    let head = format!(
        "--edge\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nuser_data\r\n\
         --edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{filename}\"\r\n\r\n"
    );
    let body = [head.as_bytes(), content, b"\r\n--edge--\r\n"].concat();
    send(address, "POST", "/v1/files", "Content-Type: multipart/form-data; boundary=edge\r\n", &body)
}

pub(crate) fn send(address: &str, method: &str, path: &str, headers: &str, body: &[u8]) -> Value {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("UTF-8");
    let body = answer.split_once("\r\n\r\n").expect("an answer").1;
    serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
}
