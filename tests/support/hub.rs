//! A stand-in for the Hugging Face hub, on the loopback address: what it answers when a model is listed and fetched, and what goes wrong there.
//!
//! Two servers, as in the world: the hub knows repositories and tokens, and leads with a redirect to the files, which are on another host
//! (`localhost` here, where the hub is `127.0.0.1`) and need no token.
//!
//! | request | answer |
//! |---|---|
//! | `GET /api/models/REPO/tree/main` | the files as JSON, with size and sha256 |
//! | `GET`, `HEAD /REPO/resolve/main/FILE` | 302 to the file, with `X-Linked-Size` and `X-Linked-ETag` |
//! | the same of a repository that was renamed | 307 to its new name |
//! | the same without the token where one is asked for | 401 and `X-Error-Code: GatedRepo` |
//! | `GET`, `HEAD` of the file | 200, or 206 and 416 with `Range`; `ETag` |
#![allow(dead_code, reason = "each test file takes what it needs")]

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use sha2::{Digest, Sha256};

/// What happens to one request for the file. Each is used once; after all of them the file is sent as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// The connection is closed after so many bytes.
    CutAfter(usize),
    /// After so many bytes nothing comes until [`Hub::release`].
    HoldAfter(usize),
    /// Refused, with these headers.
    Status(u16, &'static str),
    /// A length that is not the file's.
    OtherLength(usize),
    /// As many bytes, but others.
    OtherBytes,
    /// All of the file, whatever was asked for.
    NoRanges,
    /// Another range than was asked for.
    OtherRange,
}

/// The repository that the hub has, with one file in it.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    pub(crate) name: &'static str,
    /// What it was called once.
    pub(crate) old_name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) file: Arc<[u8]>,
    /// Asked for, if there is one.
    pub(crate) token: Option<&'static str>,
    /// What is sent in place of the list of files.
    pub(crate) listing: Option<&'static str>,
}

/// A request as it came. Header names are in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    fn wants_body(&self) -> bool {
        !self.line.starts_with("HEAD ")
    }

    /// `1000` of `Range: bytes=1000-`.
    fn start(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

pub(crate) struct Hub {
    pub(crate) endpoint: String,
    shared: Arc<Shared>,
}

struct Shared {
    repository: Repository,
    /// Where the files are.
    files: String,
    faults: Mutex<VecDeque<Fault>>,
    to_hub: Mutex<Vec<Request>>,
    to_files: Mutex<Vec<Request>>,
    is_released: Mutex<bool>,
    released: Condvar,
}

impl Hub {
    pub(crate) fn start(repository: Repository, faults: &[Fault]) -> Self {
        let (hub, files) = (
            TcpListener::bind("127.0.0.1:0").expect("the loopback works"),
            TcpListener::bind("127.0.0.1:0").expect("the loopback works"),
        );
        let endpoint = format!("http://{}", hub.local_addr().expect("the loopback works"));
        let shared = Arc::new(Shared {
            repository,
            files: format!("http://localhost:{}", files.local_addr().expect("the loopback works").port()),
            faults: Mutex::new(faults.iter().copied().collect()),
            to_hub: Mutex::default(),
            to_files: Mutex::default(),
            is_released: Mutex::new(false),
            released: Condvar::new(),
        });
        serve(hub, &shared, Shared::answer_as_hub);
        serve(files, &shared, Shared::answer_with_file);
        Self { endpoint, shared }
    }

    /// What the hub was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.to_hub.lock().expect("no holder panics").clone()
    }

    /// What the files' host was asked so far.
    pub(crate) fn file_requests(&self) -> Vec<Request> {
        self.shared.to_files.lock().expect("no holder panics").clone()
    }

    /// Lets what is held go on.
    pub(crate) fn release(&self) {
        *self.shared.is_released.lock().expect("no holder panics") = true;
        self.shared.released.notify_all();
    }
}

fn serve(listener: TcpListener, shared: &Arc<Shared>, answer: fn(&Shared, &Request, &mut TcpStream)) {
    let shared = shared.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let shared = shared.clone();
            thread::spawn(move || {
                let request = read(&stream);
                answer(&shared, &request, &mut stream);
            });
        }
    });
}

fn read(stream: &TcpStream) -> Request {
    let mut lines = BufReader::new(stream.try_clone().expect("the loopback works")).lines().map_while(Result::ok);
    let line = lines.next().unwrap_or_default();
    let header = |line: String| {
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        (name.to_lowercase(), value.trim().to_owned())
    };
    Request { line, headers: lines.take_while(|line| !line.is_empty()).map(header).collect() }
}

/// The client may be gone: it was killed, or had enough.
fn head(stream: &mut TcpStream, status: &str, headers: &[(&str, &str)]) {
    let headers = headers.iter().fold(String::new(), |mut text, (name, value)| {
        write!(text, "{name}: {value}\r\n").expect("the loopback works");
        text
    });
    let _ = write!(stream, "HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n");
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").expect("the loopback works");
        digits
    })
}

impl Shared {
    fn answer_as_hub(&self, request: &Request, stream: &mut TcpStream) {
        self.to_hub.lock().expect("no holder panics").push(request.clone());
        let Repository { name, old_name, path, token, .. } = &self.repository;
        let bearer = token.map(|token| format!("Bearer {token}"));
        if bearer.is_some() && request.header("authorization") != bearer.as_deref() {
            return head(stream, "401 Unauthorized", &[("X-Error-Code", "GatedRepo"), ("Content-Length", "0")]);
        }
        let asked = request.path();
        if asked.starts_with(&format!("/api/models/{name}/tree/main")) {
            self.list(stream);
        } else if asked == format!("/{name}/resolve/main/{path}") {
            self.lead(stream);
        } else if asked == format!("/{old_name}/resolve/main/{path}") {
            let to = format!("/{name}/resolve/main/{path}");
            head(stream, "307 Temporary Redirect", &[("Location", &to), ("Content-Length", "0")]);
        } else {
            head(stream, "404 Not Found", &[("X-Error-Code", "EntryNotFound"), ("Content-Length", "0")]);
        }
    }

    fn list(&self, stream: &mut TcpStream) {
        let Repository { path, file, listing, .. } = &self.repository;
        let listed = format!(
            r#"[{{"type":"file","oid":"1f","size":12,"path":"README.md"}},
                {{"type":"file","oid":"2e","size":{size},"path":"{path}","lfs":{{"oid":"{}","size":{size},"pointerSize":134}}}}]"#,
            sha256(file),
            size = file.len()
        );
        let listed = listing.unwrap_or(&listed);
        head(stream, "200 OK", &[("Content-Type", "application/json"), ("Content-Length", &listed.len().to_string())]);
        let _ = stream.write_all(listed.as_bytes());
    }

    fn lead(&self, stream: &mut TcpStream) {
        let file = &self.repository.file;
        let (to, etag) = (format!("{}/xet/1f2e?X-Amz-Signature=3d", self.files), format!("\"{}\"", sha256(file)));
        let headers = [
            ("Location", to.as_str()),
            ("X-Repo-Commit", "4c5b6a"),
            ("X-Linked-Size", &file.len().to_string()),
            ("X-Linked-ETag", &etag),
            ("Accept-Ranges", "bytes"),
            ("Content-Length", "0"),
        ];
        head(stream, "302 Found", &headers);
    }

    fn answer_with_file(&self, request: &Request, stream: &mut TcpStream) {
        self.to_files.lock().expect("no holder panics").push(request.clone());
        let fault = self.faults.lock().expect("no holder panics").pop_front();
        let file = &self.repository.file;
        match fault {
            Some(Fault::Status(status, headers)) => {
                let _ =
                    write!(stream, "HTTP/1.1 {status} No\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n");
            }
            Some(Fault::OtherLength(length)) => self.send(request, None, &file[..length], length, stream),
            Some(Fault::OtherBytes) => {
                let others: Vec<u8> = file.iter().map(|byte| !byte).collect();
                self.send(request, request.start(), &others, file.len(), stream);
            }
            Some(Fault::NoRanges) => self.send(request, None, file, file.len(), stream),
            Some(Fault::OtherRange) => {
                self.send(request, request.start().map(|start| start / 2), file, file.len(), stream);
            }
            Some(Fault::CutAfter(most)) => self.send(request, request.start(), file, most, stream),
            Some(Fault::HoldAfter(most)) => {
                self.send(request, request.start(), file, most, stream);
                let is_released = self.is_released.lock().expect("no holder panics");
                drop(self.released.wait_while(is_released, |is_released| !*is_released).expect("the loopback works"));
                let _ = stream.write_all(&file[request.start().unwrap_or(0) + most..]);
            }
            None => self.send(request, request.start(), file, file.len(), stream),
        }
    }

    /// The head for `file` from `start` on, and `most` bytes of it.
    fn send(&self, request: &Request, start: Option<usize>, file: &[u8], most: usize, stream: &mut TcpStream) {
        let (total, rest) = (file.len(), file.get(start.unwrap_or(0)..).unwrap_or_default());
        let etag = format!("\"{}\"", sha256(&self.repository.file));
        let length = rest.len().to_string();
        let same = [("ETag", etag.as_str()), ("Accept-Ranges", "bytes"), ("Content-Length", &length)];
        match start {
            Some(_) if rest.is_empty() => {
                let range = format!("bytes */{total}");
                return head(
                    stream,
                    "416 Range Not Satisfiable",
                    &[("Content-Range", &range), ("Content-Length", "0")],
                );
            }
            Some(start) => {
                let range = format!("bytes {start}-{}/{total}", total - 1);
                head(stream, "206 Partial Content", &[&same[..], &[("Content-Range", &range)]].concat());
            }
            None => head(stream, "200 OK", &same),
        }
        if request.wants_body() {
            let _ = stream.write_all(&rest[..most.min(rest.len())]);
        }
    }
}
