//! What the process lends every front end: its standard streams, a runtime, and signals.

use std::io;
use std::path::Path;

use tokio::runtime;
use tokio::time::Instant;

use lunette::headless::Voice;
use lunette::session::{EngineClient, Signal, Stops, signals};
use lunette::settings::{Output, Settings, Terminal};

/// Runs `speak` with a reporter on standard output and standard error.
pub fn with_voice<T>(output: Output, terminal: Terminal, speak: impl FnOnce(&mut Voice<'_>) -> T) -> T {
    let (mut out, mut err) = (io::stdout(), io::stderr());
    speak(&mut Voice::new(&mut out, &mut err, output, terminal))
}

/// Runs `work` to its end.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system has timers and signals")
        .block_on(work)
}

/// The client of an engine that has begun to load `model`. Signals are heard from now on, and the end of `deadline`. Needs a runtime around it.
pub fn engine(settings: &Settings, model: &Path, deadline: Option<Instant>) -> EngineClient {
    let stops = Stops { signals: signals::listen(&[Signal::Interrupt, Signal::Terminate]), deadline };
    EngineClient::starting(settings.engine.with_model(model.to_owned()), stops)
}
