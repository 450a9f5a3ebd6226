//! What front ends need from the process: standard streams, a runtime, signals.

use std::io::{self, Read};
use std::path::Path;

use tokio::runtime;
use tokio::time::Instant;

use lunette::headless::Reporter;
use lunette::session::piped::Patient;
use lunette::session::{EngineClient, Signal, Stops, signals};
use lunette::settings::{Documents, Output, Settings, Terminal};

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
    EngineClient::starting(settings.engine.with_model(model.to_owned()), stops)
}
