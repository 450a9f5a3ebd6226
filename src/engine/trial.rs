//! Tries a model in a process of its own, before this one loads it.
//!
//! A header can be sound and the model still end the process: assertions sit in llama.cpp's contexts and samplers, too. So
//! a file that was never loaded before is loaded in a child ([`crate::engine::try_model`]): mapped, without a GPU, with a context of
//! [`TRIAL_CONTEXT_TOKENS`] and one token computed. The child also renders the model's chat template, under limits. If the child dies,
//! this process says why, and goes on without the model.
//!
//! ```text
//! engine ── {"model":"…"} ──> lunette try-model
//!        <── {"Begins":"Template"} {"Begins":"Model"} {"Refused":"…"} "Done" ──
//! ```
//!
//! Example: SmolLM2-135M takes 0.3 s once. A file whose attention heads don't fit each other takes as long, and is `cannot load
//! m.gguf: llama.cpp gives up on it: GGML_ASSERT(…) failed`.
//!
//! What was tried is remembered ([`super::tried`]), and catalogue files with the right sha256 are not tried.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// The argument that makes `lunette` a process that tries a model.
pub const TRY_MODEL: &str = "try-model";

/// How the last words of a process begin that llama.cpp ends.
pub(super) const GAVE_UP: &str = "error: llama.cpp gave up: ";

/// Enough for one token; every buffer of a context is allocated all the same.
pub(super) const TRIAL_CONTEXT_TOKENS: u32 = 64;

/// How long the template may take. Real ones take milliseconds.
const LONGEST_TEMPLATE: Duration = Duration::from_secs(30);
/// How long loading may take, besides reading the file once from a slow disk.
const LONGEST_LOADING: Duration = Duration::from_mins(2);
/// A slow disk.
const SLOW_BYTES_PER_S: u64 = 20 << 20;
/// How often to look whether the trial is still wanted.
const LOOK: Duration = Duration::from_millis(50);
/// Maximum that is read of the child's standard error.
const MOST_STDERR_BYTES: u64 = 64 << 10;
/// A refusal is a sentence.
const MOST_LINE_BYTES: u64 = 64 << 10;

/// What the child shall do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialRequest {
    pub model: PathBuf,
}

/// What the child is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Renders the chat template.
    Template,
    /// Loads the model and computes a token.
    Model,
}

/// A line of the child's standard output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrialMessage {
    Begins(Stage),
    /// The model is not to be used, for this reason.
    Refused(String),
    Done,
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Sound,
    /// It is not to be loaded, for this reason.
    Refused(String),
    /// It could not be tried, for this reason.
    Untried(String),
    /// Nobody wants the model any more.
    Cancelled,
}

/// Tries `model` with `program`. Asks `is_wanted` now and then, and gives up if it isn't.
pub(super) fn run(program: &Path, model: &Path, is_wanted: &mut dyn FnMut() -> bool) -> Verdict {
    let mut child = match Running::start(program, model) {
        Ok(child) => child,
        Err(error) => return Verdict::Untried(error.to_string()),
    };
    let mut stage = Stage::Template;
    let mut deadline = Instant::now() + LONGEST_TEMPLATE;
    loop {
        match child.messages.recv_timeout(LOOK) {
            Ok(TrialMessage::Done) => return Verdict::Sound,
            Ok(TrialMessage::Refused(reason)) => return Verdict::Refused(reason),
            Ok(TrialMessage::Begins(next)) => {
                stage = next;
                deadline = Instant::now() + longest(stage, model);
            }
            Err(RecvTimeoutError::Disconnected) => return Verdict::Refused(child.why_it_died(stage)),
            Err(RecvTimeoutError::Timeout) if !is_wanted() => return Verdict::Cancelled,
            Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {}
            Err(RecvTimeoutError::Timeout) => return Verdict::Refused(too_long(stage)),
        }
    }
}

fn longest(stage: Stage, model: &Path) -> Duration {
    let bytes = model.metadata().map_or(0, |file| file.len());
    match stage {
        Stage::Template => LONGEST_TEMPLATE,
        Stage::Model => LONGEST_LOADING + Duration::from_secs(bytes / SLOW_BYTES_PER_S),
    }
}

fn too_long(stage: Stage) -> String {
    match stage {
        Stage::Template => "its chat template does not end".to_owned(),
        Stage::Model => "llama.cpp does not get done with it".to_owned(),
    }
}

/// A child process. It is killed when this value is dropped.
struct Running {
    child: Child,
    messages: Receiver<TrialMessage>,
    stderr: Option<JoinHandle<String>>,
}

impl Running {
    fn start(program: &Path, model: &Path) -> std::io::Result<Self> {
        let request = serde_json::to_string(&TrialRequest { model: std::path::absolute(model)? })?;
        let mut command = Command::new(program);
        // llama.cpp would start a debugger where one is installed.
        command.arg(TRY_MODEL).env_clear().env("GGML_NO_BACKTRACE", "1");
        // Without these, shared libraries beside the program or of a GPU's driver are not found.
        for name in ["LD_LIBRARY_PATH", "PATH", "SystemRoot"] {
            std::env::var_os(name).map(|value| command.env(name, value));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        // A child that dies early closes its end.
        let _ = writeln!(child.stdin.take().expect("it is piped"), "{request}");
        let messages = receive(child.stdout.take().expect("it is piped"));
        let errors = child.stderr.take().expect("it is piped");
        let stderr = thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = errors.take(MOST_STDERR_BYTES).read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Ok(Self { child, messages, stderr: Some(stderr) })
    }

    fn why_it_died(&mut self, stage: Stage) -> String {
        let status = self.end();
        let said = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        why_it_died(stage, status, &said)
    }

    fn end(&mut self) -> Option<ExitStatus> {
        // A process that has ended by itself keeps its own status.
        let _ = self.child.kill();
        self.child.wait().ok()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

fn receive(output: ChildStdout) -> Receiver<TrialMessage> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut output).take(MOST_LINE_BYTES).read_until(b'\n', &mut line);
            if !matches!(read, Ok(count) if count > 0) {
                return;
            }
            // Other lines are a library's.
            let Ok(message) = serde_json::from_slice(&line) else { continue };
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Why a child died with this status, and with this text on standard error.
fn why_it_died(stage: Stage, status: Option<ExitStatus>, said: &str) -> String {
    let whose = match stage {
        Stage::Template => "its chat template",
        Stage::Model => "llama.cpp",
    };
    if said.contains("overflowed its stack") {
        return format!("{whose} is nested too deeply");
    }
    if said.contains("memory allocation of") || said.contains("bad_alloc") {
        return format!("{whose} needs more memory than it may have");
    }
    // What `aborts` wrote.
    if let Some(line) = said.lines().find_map(|line| line.strip_prefix(GAVE_UP)) {
        return format!("llama.cpp gives up on it: {line}");
    }
    let how = status.map_or("it ended early".to_owned(), |status| status.to_string());
    match stage {
        Stage::Template => format!("{whose} takes too long or too much ({how})"),
        Stage::Model => match said.lines().map(str::trim).find(|line| line.starts_with("what():")) {
            Some(line) => format!("llama.cpp gives up on it: {}", line.trim_start_matches("what():").trim()),
            None => format!("llama.cpp dies of it ({how})"),
        },
    }
}
