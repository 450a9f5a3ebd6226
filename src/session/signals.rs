//! The signals that end a program, heard in place of the system's own way of ending it.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A signal that ends a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Its terminal is gone.
    HangUp,
    /// Ctrl-C.
    Interrupt,
    Terminate,
}

impl Signal {
    const fn kind(self) -> SignalKind {
        match self {
            Self::HangUp => SignalKind::hangup(),
            Self::Interrupt => SignalKind::interrupt(),
            Self::Terminate => SignalKind::terminate(),
        }
    }
}

/// Hears `signals` from now on. Needs a runtime around it. A signal that can't be listened for keeps ending the process.
#[must_use]
pub fn listen(signals: &[Signal]) -> UnboundedReceiver<Signal> {
    let (sender, receiver) = unbounded_channel();
    for &which in signals {
        let Ok(mut arrivals) = signal(which.kind()) else { continue };
        let sender = sender.clone();
        tokio::spawn(async move { while arrivals.recv().await.is_some() && sender.send(which).is_ok() {} });
    }
    receiver
}
