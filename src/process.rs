//! What front ends need from the process: standard streams, a runtime, signals.

use std::io::{self, Read};
use std::path::Path;

use tokio::runtime;
use tokio::time::Instant;

use lunette::failure::{Failure, FailureKind};
use lunette::headless::Reporter;
use lunette::session::piped::Patient;
use lunette::session::{EngineClient, Signal, Stops, signals};
use lunette::settings::{Documents, Output, Settings, Terminal};

/// Files that are open at once at the least: standard streams, log, model, documents, signals, and pipes to children.
const LEAST_FILES: u64 = 32;
/// Asked for where the limit is lower and may be raised.
const ENOUGH_FILES: u64 = 256;

/// Checks what every command needs from the system, so that its lack is told in a sentence.
pub(crate) fn check_room() -> Result<(), Failure> {
    let files = open_files();
    if files < LEAST_FILES {
        let message = format!("only {files} files may be open at once, and {LEAST_FILES} are needed");
        return Err(Failure::new(
            FailureKind::Runtime,
            message,
            Some(format!("raise the limit: ulimit -n {ENOUGH_FILES}")),
        ));
    }
    match std::thread::Builder::new().spawn(|| {}) {
        Ok(thread) => {
            let _ = thread.join();
            Ok(())
        }
        Err(error) => {
            let hint = "this user may run no more processes: ulimit -u shows how many".to_owned();
            Err(Failure::new(FailureKind::Runtime, format!("no thread can be started: {error}"), Some(hint)))
        }
    }
}

/// How many files may be open, after asking for enough.
#[cfg(unix)]
fn open_files() -> u64 {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let limit = || getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((u64::MAX, u64::MAX));
    let (now, most) = limit();
    if now < ENOUGH_FILES {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, ENOUGH_FILES.min(most), most);
    }
    limit().0
}

#[cfg(not(unix))]
fn open_files() -> u64 {
    u64::MAX
}

/// Calls `speak` with a reporter on standard output and standard error.
pub(crate) fn with_reporter<T>(output: Output, terminal: Terminal, speak: impl FnOnce(&mut Reporter<'_>) -> T) -> T {
    let (mut out, mut err) = (io::stdout(), io::stderr());
    speak(&mut Reporter::new(&mut out, &mut err, output, terminal))
}

/// Standard input, for reading documents from it. If nobody named it, it is not waited for without an end.
pub(crate) fn stdin(settings: &Settings) -> Box<dyn Read> {
    match settings.documents {
        Documents::Piped => Box::new(Patient::stdin()),
        Documents::Named(_) | Documents::BundledBook => Box::new(io::stdin().lock()),
    }
}

/// Runs `work` to completion.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system has timers and signals")
        .block_on(work)
}

/// Starts an engine that loads `model`. From now on signals and the deadline stop its jobs instead of the process. Must
/// be called in a runtime.
pub(crate) fn engine(settings: &Settings, model: &Path, deadline: Option<Instant>) -> EngineClient {
    let stops = Stops { signals: signals::listen(&[Signal::Interrupt, Signal::Terminate]), deadline };
    EngineClient::starting(settings, model.to_owned(), stops)
}
