//! Runs the reader of a PDF in a child process, and survives whatever happens to the process.
//!
//! If the process dies, or sends nothing for [`SILENCE`], the page that it was working on is given up, and a new
//! process goes on with the next page. After [`MOST_CRASHES`] the rest is given up. A file may take [`MOST_TIME`] in
//! all.
//!
//! Example: page 41 of 352 makes the library overflow its stack. The first process sends 40 pages and dies, page 41 is
//! `failed: its objects are nested too deeply`, and a second process sends pages 42 to 352.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::current_page::CurrentPage;
use super::protocol::{Bookmark, PageContent, ReaderMessage, Refusal, Request};
use super::{answer, worker};
use crate::controls::printable;
use crate::options::{PdfReader, ReadOptions};
use crate::progress::LoadProgress;

/// The argument that makes `lunette` a process that reads a PDF.
pub const READ_PDF: &str = "read-pdf";

/// Maximum time between two messages. The slowest page of the test documents takes half a second on a busy machine.
const SILENCE: Duration = Duration::from_secs(20);
/// Maximum time for a file.
const MOST_TIME: Duration = Duration::from_mins(2);
/// Maximum number of processes that may die over a file. More bad pages are not worth the time.
const MOST_CRASHES: usize = 5;
/// Address space besides what the file needs. The binary takes 200 MB of it.
const BASE_BYTES: u64 = 1 << 30;
/// Address space per byte of the file, which is held several times, and unpacked.
const BYTES_PER_FILE_BYTE: u64 = 24;
/// Maximum size of a message: the text of a page as JSON, with escapes.
const MOST_LINE_BYTES: u64 = 8 * answer::MOST_PAGE_BYTES as u64;
/// Maximum text of all pages together; the same as the maximum size of a plain file.
const MOST_TEXT_BYTES: usize = 256 << 20;
/// Maximum number of characters of a reason.
const LONGEST_REASON: usize = 120;
/// Maximum that is read of a process's standard error.
const MOST_STDERR_BYTES: u64 = 64 << 10;

/// What the reader found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Number of pages; `None` if the document was not opened.
    pub count: Option<u32>,
    pub pages: BTreeMap<u32, Result<PageContent, String>>,
    pub bookmarks: Vec<Bookmark>,
    pub has_cut_outline: bool,
    pub labels: Vec<String>,
    /// Why the document was not opened.
    pub refusal: Option<Refusal>,
}

/// Runs readers on a file.
pub(super) struct ReaderRunner<'a> {
    reader: &'a PdfReader,
    progress: &'a LoadProgress,
    bytes: Arc<Vec<u8>>,
    password: String,
    deadline: Instant,
    /// Size of the text of all pages so far.
    text_bytes: AtomicUsize,
}

/// How a reading process ended.
enum ProcessEnd {
    Done,
    /// Without `Done`, for this reason.
    Crashed(String),
    /// It was stopped for this reason, and there shall be no other.
    Stopped(&'static str),
}

impl<'a> ReaderRunner<'a> {
    pub(super) fn new(options: &'a ReadOptions, bytes: Arc<Vec<u8>>, password: String) -> Self {
        let ReadOptions { pdf_reader: reader, progress, .. } = options;
        let deadline = Instant::now() + MOST_TIME;
        Self { reader, progress, bytes, password, deadline, text_bytes: AtomicUsize::new(0) }
    }

    /// Whether readers run in other processes.
    pub(super) fn uses_children(&self) -> bool {
        *self.reader != PdfReader::Here
    }

    /// Size of the file.
    pub(super) fn file_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Asks for everything, with the text of `pages`, or of all pages. A page that kills its process is a
    /// failed page.
    pub(super) fn ask(&self, pages: Option<Vec<u32>>) -> Findings {
        let mut findings = Findings::default();
        let mut request = self.request(pages);
        for _ in 0..MOST_CRASHES {
            match self.send(&request, &mut findings) {
                ProcessEnd::Done => return findings,
                ProcessEnd::Stopped(reason) => {
                    findings.give_up(&request, reason);
                    return findings;
                }
                ProcessEnd::Crashed(reason) => {
                    let Some(page) = findings.first_missing_page(&request) else {
                        let lost = || Refusal::Broken(reason);
                        findings.refusal = findings.refusal.take().or_else(|| findings.count.is_none().then(lost));
                        return findings;
                    };
                    tracing::info!(page, reason, "a PDF reader crashed");
                    findings.pages.insert(page, Err(reason));
                    request.from_page = page + 1;
                }
            }
        }
        findings.give_up(&request, "the PDF reader failed on too many earlier pages");
        findings
    }

    fn request(&self, pages: Option<Vec<u32>>) -> Request {
        Request {
            password: self.password.clone(),
            from_page: 1,
            pages,
            memory_bytes: BASE_BYTES + BYTES_PER_FILE_BYTE * self.bytes.len() as u64,
            cpu_s: MOST_TIME.as_secs(),
        }
    }

    fn send(&self, request: &Request, findings: &mut Findings) -> ProcessEnd {
        match self.reader {
            PdfReader::Here => self.run_here(request, findings),
            PdfReader::Program(program) => self.run_child(program, request, findings),
        }
    }

    fn run_here(&self, request: &Request, findings: &mut Findings) -> ProcessEnd {
        let mut current = CurrentPage::new(self.progress, request);
        let mut send = |message| {
            current.hear(&message);
            findings.record(message);
            Ok(())
        };
        let bytes = Vec::clone(&self.bytes);
        worker::on_a_large_stack(|| worker::work(request, bytes, &mut send))
            .expect("recording a message does not fail");
        ProcessEnd::Done
    }

    fn run_child(&self, program: &Path, request: &Request, findings: &mut Findings) -> ProcessEnd {
        let mut process = match Process::start(program, request, &self.bytes) {
            Ok(process) => process,
            Err(error) => return ProcessEnd::Crashed(format!("the PDF reader could not be started: {error}")),
        };
        let mut current = CurrentPage::new(self.progress, request);
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            match process.messages.recv_timeout(left.min(SILENCE)) {
                Ok(ReaderMessage::Done) => return ProcessEnd::Done,
                Ok(message) => {
                    let bytes = if let ReaderMessage::Page { content, .. } = &message { content.text.len() } else { 0 };
                    self.text_bytes.fetch_add(bytes, Ordering::Relaxed);
                    current.hear(&message);
                    findings.record(message);
                }
                Err(RecvTimeoutError::Disconnected) => return ProcessEnd::Crashed(process.end_reason()),
                Err(RecvTimeoutError::Timeout) if left > SILENCE => {
                    return ProcessEnd::Crashed(format!("the PDF reader was stuck on it for {} s", SILENCE.as_secs()));
                }
                Err(RecvTimeoutError::Timeout) => return ProcessEnd::Stopped("no time was left for it"),
            }
            if self.text_bytes.load(Ordering::Relaxed) > MOST_TEXT_BYTES {
                return ProcessEnd::Stopped("the earlier pages have more text than any context holds");
            }
        }
    }
}

impl Findings {
    fn record(&mut self, message: ReaderMessage) {
        match message {
            ReaderMessage::Refused(Refusal::Broken(reason)) => self.refusal = Some(Refusal::Broken(sentence(&reason))),
            ReaderMessage::Refused(Refusal::Locked) => self.refusal = Some(Refusal::Locked),
            ReaderMessage::Opened { pages } => self.count = Some(pages),
            ReaderMessage::Outline { bookmarks, is_cut, labels } => {
                (self.bookmarks, self.has_cut_outline, self.labels) = (bookmarks, is_cut, labels);
            }
            ReaderMessage::Page { number, content } => _ = self.pages.insert(number, Ok(content)),
            ReaderMessage::Failed { number, reason } => _ = self.pages.insert(number, Err(sentence(&reason))),
            ReaderMessage::Done => {}
        }
    }

    /// The first requested page without a result.
    fn first_missing_page(&self, request: &Request) -> Option<u32> {
        request.wanted(self.count?).into_iter().find(|page| !self.pages.contains_key(page))
    }

    /// Adds the pages of `other`.
    #[must_use]
    pub(super) fn with_pages_of(mut self, mut other: Self) -> Self {
        self.pages.append(&mut other.pages);
        self
    }

    /// Marks the remaining pages as failed.
    fn give_up(&mut self, request: &Request, reason: &str) {
        let Some(count) = self.count else {
            self.refusal.get_or_insert(Refusal::Broken(reason.into()));
            return;
        };
        for page in request.wanted(count) {
            self.pages.entry(page).or_insert_with(|| Err(reason.into()));
        }
    }
}

/// A library's error message on one short line, safe to print. Libraries quote bytes of the file.
fn sentence(reason: &str) -> String {
    let line = printable(reason.lines().next().unwrap_or_default());
    match line.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

/// A running process. It is killed when this value is dropped.
struct Process {
    child: Child,
    messages: Receiver<ReaderMessage>,
    stderr: thread::JoinHandle<String>,
}

impl Process {
    fn start(program: &Path, request: &Request, bytes: &Arc<Vec<u8>>) -> std::io::Result<Self> {
        let mut command = Command::new(program);
        // It needs nothing of the environment, which may hold tokens and passwords, but what it takes to start.
        command.arg(READ_PDF).env_clear();
        for name in ["LD_LIBRARY_PATH", "SystemRoot"] {
            std::env::var_os(name).map(|value| command.env(name, value));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let (mut input, bytes) = (child.stdin.take().expect("it is piped"), Arc::clone(bytes));
        let request = serde_json::to_string(request).expect("plain data");
        // A process that ends early closes its end of the pipe, which is fine. The threads end with the process, which
        // closes the pipes.
        thread::spawn(move || {
            let _ = input.write_all(format!("{request}\n").as_bytes()).and_then(|()| input.write_all(&bytes));
        });
        let messages = receive(child.stdout.take().expect("it is piped"));
        let errors = child.stderr.take().expect("it is piped");
        let stderr = thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = errors.take(MOST_STDERR_BYTES).read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Ok(Self { child, messages, stderr })
    }

    /// Ends the process, and returns why it ended before it was done.
    fn end_reason(&mut self) -> String {
        let status = self.end();
        let stderr = std::mem::replace(&mut self.stderr, thread::spawn(String::new));
        end_reason(status, &stderr.join().unwrap_or_default())
    }

    fn end(&mut self) -> Option<ExitStatus> {
        // A process that has ended by itself keeps its own status.
        let _ = self.child.kill();
        self.child.wait().ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Receives the messages of a process, until it closes its output.
fn receive(output: ChildStdout) -> Receiver<ReaderMessage> {
    // Bounded, so that the process waits until its messages are processed.
    let (sender, receiver) = mpsc::sync_channel(64);
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut output).take(MOST_LINE_BYTES).read_until(b'\n', &mut line);
            if !matches!(read, Ok(count) if count > 0) {
                return;
            }
            let Ok(message) = serde_json::from_slice(&line) else { continue };
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Why a process ended with this `status` and this text on standard error.
fn end_reason(status: Option<ExitStatus>, stderr: &str) -> String {
    if stderr.contains("memory allocation of") || stderr.contains("capacity overflow") {
        return "the PDF reader ran out of memory".into();
    }
    if stderr.contains("overflowed its stack") {
        return "its objects are nested too deeply".into();
    }
    match status {
        Some(status) => format!("the PDF reader ended early ({status})"),
        None => "the PDF reader ended early".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stderr_of_a_crash_becomes_a_reason() {
        let cause = |words: &str| end_reason(None, words);
        assert_eq!(cause("memory allocation of 8589934592 bytes failed\n"), "the PDF reader ran out of memory");
        assert_eq!(
            cause("\nthread 'x' has overflowed its stack\nfatal runtime error\n"),
            "its objects are nested too deeply"
        );
        assert_eq!(cause(""), "the PDF reader ended early");
    }

    /// Found by fuzzing: a library quotes what it found instead of an object.
    #[test]
    fn a_reason_that_quotes_the_file_has_no_escapes() {
        let mut findings = Findings::default();
        let reason = format!("expected object header, found: \u{1b}[31m\u{0}{}\nmore", "x".repeat(500));
        findings.record(ReaderMessage::Refused(Refusal::Broken(reason)));
        let told = format!("expected object header, found: ␛[31m␀{} …", "x".repeat(LONGEST_REASON - 37));
        assert_eq!(findings.refusal, Some(Refusal::Broken(told)));
    }

    #[test]
    fn missing_pages_are_given_up() {
        let request = Request { password: String::new(), from_page: 2, pages: None, memory_bytes: 0, cpu_s: 0 };
        let mut findings = Findings { count: Some(3), ..Findings::default() };
        let content = PageContent { text: "two".into(), ..PageContent::default() };
        findings.record(ReaderMessage::Page { number: 2, content: content.clone() });
        assert_eq!(findings.first_missing_page(&request), Some(3));
        findings.give_up(&request, "late");
        assert_eq!(findings.pages, BTreeMap::from([(2, Ok(content)), (3, Err("late".into()))]));
    }

    #[test]
    fn a_program_that_does_not_exist_is_a_reason_and_no_panic() {
        let pdf_reader = PdfReader::Program("/no/such/program".into());
        let options = ReadOptions { pdf_reader, ..ReadOptions::default() };
        let findings = ReaderRunner::new(&options, Arc::new(b"%PDF-1.7".to_vec()), String::new()).ask(None);
        assert!(
            matches!(&findings.refusal, Some(Refusal::Broken(reason)) if reason.contains("the PDF reader could not be started"))
        );
    }
}
