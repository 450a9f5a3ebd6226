//! What the process lends every front end: its standard streams, a runtime, and signals.

use std::io;

use tokio::runtime;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use lunette::exit::Trouble;
use lunette::headless::{Counter, Stops, Voice};
use lunette::session::{EngineThread, Observer, Signal, model, signals};
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

/// Ctrl-C and a request to terminate, heard from now on: until here they end the process as usual. Needs a runtime around it.
pub fn stop_signals() -> UnboundedReceiver<Signal> {
    signals::listen(&[Signal::Interrupt, Signal::Terminate])
}

/// An engine that has begun to load the model that was asked for, and what may stop its jobs. Needs a runtime around it.
pub fn started(
    settings: &Settings,
    deadline: Option<Instant>,
    thread: &EngineThread,
    observer: &mut dyn Observer,
) -> Result<(Counter, Stops), Trouble> {
    let file = model::find(settings, observer)?;
    let (commands, events) = thread.start(settings.engine.with_model(file));
    Ok((Counter { commands, events }, Stops { signals: stop_signals(), deadline }))
}
