//! Signals as exit codes: 130 for Ctrl-C, 143 for a request to terminate.

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use lunette::exit::Exit;

/// Hears signals from now on, in place of the system's own way of ending the process. Needs a runtime around it.
#[cfg(unix)]
pub fn signals() -> UnboundedReceiver<Exit> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = unbounded_channel();
    for (kind, exit) in [(SignalKind::interrupt(), Exit::Interrupted), (SignalKind::terminate(), Exit::Terminated)] {
        let Ok(mut signal) = signal(kind) else { continue };
        let sender = sender.clone();
        tokio::spawn(async move { while signal.recv().await.is_some() && sender.send(exit).is_ok() {} });
    }
    receiver
}

#[cfg(not(unix))]
pub fn signals() -> UnboundedReceiver<Exit> {
    let (sender, receiver) = unbounded_channel();
    tokio::spawn(
        async move { while tokio::signal::ctrl_c().await.is_ok() && sender.send(Exit::Interrupted).is_ok() {} },
    );
    receiver
}
