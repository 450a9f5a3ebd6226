//! For tests of sessions: settings from a command line, an observer that records, a server on the loopback address.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use clap::Parser;

use super::observer::{Activity, Observer};
use crate::models::{Entry, HubVariables, Places, PullProgress};
use crate::settings::{
    Directories, LowArgs, ScreenVariables, ServerVariables, Settings, StandardInput, Surroundings, Terminal, argv,
};

/// The settings of `line` in an empty home. The real hub can't be reached from it.
pub(crate) fn settings(home: &Path, line: &[&str]) -> Settings {
    let words = ["lunette"].into_iter().chain(line.iter().copied()).map(OsString::from);
    let low = LowArgs::try_parse_from(argv::rewrite(words)).expect("a command line");
    let folder = home.to_owned();
    let mut places = Places::new(home, Some(home), HubVariables::default());
    places.hub.endpoint = "http://127.0.0.1:1".to_owned();
    let surroundings = Surroundings {
        stdin: StandardInput::Nothing,
        terminal: Terminal { stdin: true, stdout: true, stderr: true, color: false },
        directories: Directories { config: folder.clone(), cache: folder.clone(), data: folder.clone(), state: folder },
        home: Some(home.to_owned()),
        config: None,
        log_filter: String::new(),
        places,
        program: None,
        pdf_password: None,
        api_key: None,
        server: ServerVariables::default(),
        screen: ScreenVariables::default(),
    };
    Settings::resolve(low, surroundings).expect("settings")
}

/// Records notes and progress.
#[derive(Default)]
pub(crate) struct Recorder {
    pub heard: Vec<String>,
    /// Whether it allows downloads.
    pub agrees: bool,
}

impl Recorder {
    pub(crate) fn agreeing() -> Self {
        Self { agrees: true, ..Self::default() }
    }
}

impl Observer for Recorder {
    fn note(&mut self, text: &str) {
        self.heard.push(text.to_owned());
    }

    fn progress(&mut self, activity: Activity<'_>) {
        let heard = match activity {
            Activity::FetchingDocument(progress) => format!("document: {} bytes", progress.done),
            Activity::DocumentsFetched => "documents are here".to_owned(),
            Activity::ModelFetchBegins(entry) => format!("fetch {}", entry.name),
            Activity::FetchingModel(PullProgress::Fetching { done, total }) => format!("model: {done} of {total}"),
            Activity::LoadingModel(fraction) => format!("loaded {fraction}"),
            Activity::Prefilling(progress) => format!("prefilled {}", progress.done_tokens),
            Activity::FindingHeads { done, total } => format!("heads: {done} of {total}"),
            Activity::FetchingModel(_) | Activity::ReadingDocuments { .. } | Activity::DocumentsRead => return,
        };
        if self.heard.last() != Some(&heard) {
            self.heard.push(heard);
        }
    }

    fn agrees_to_fetch(&mut self, model: &Entry) -> bool {
        self.heard.push(format!("fetch {}?", model.name));
        self.agrees
    }
}

/// Starts a server that serves only `pages` (path and body). Returns its address.
pub(crate) fn serve(pages: Vec<(String, Vec<u8>)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            let mut request = String::new();
            let mut reader = BufReader::new(connection.try_clone().expect("a socket"));
            while !request.ends_with("\r\n\r\n") && reader.read_line(&mut request).is_ok_and(|count| count > 0) {}
            let asked = request.split_whitespace().nth(1).unwrap_or_default();
            let page = pages.iter().find(|(path, _)| path == asked);
            let (status, body) = page.map_or(("404 Not Found", &[][..]), |(_, body)| ("200 OK", body));
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            // The client may have closed the connection.
            let _ = connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(body));
        }
    });
    address
}

/// Writes `text` to `name` in `folder` and dates it `seconds` after 1970: a file that old doesn't count as still being
/// written.
pub(crate) fn write(folder: &Path, name: &str, text: &str, seconds: u64) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("written");
    let file = fs::File::options().append(true).open(&path).expect("a file");
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).expect("dated");
    path
}

/// A text of `count` chapters, each of them a part. The third contains `Text 3.`.
pub(crate) fn chapters(count: usize) -> String {
    let chapter = |number: usize| format!("# Chapter {number}\n\nText {number}.\n\n");
    (1..=count).map(chapter).collect()
}
