//! Receives the signals that would otherwise end the process at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A signal that ends a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The terminal was closed.
    HangUp,
    /// Ctrl-C.
    Interrupt,
    Terminate,
    /// Ctrl-\, where the terminal sends it.
    Quit,
}

impl Signal {
    const fn kind(self) -> SignalKind {
        match self {
            Self::HangUp => SignalKind::hangup(),
            Self::Interrupt => SignalKind::interrupt(),
            Self::Terminate => SignalKind::terminate(),
            Self::Quit => SignalKind::quit(),
        }
    }
}

/// Receives `signals` from now on. Must be called in a runtime. A signal that can't be received ends the process as
/// before.
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

#[cfg(test)]
mod tests {
    use nix::sys::signal::{Signal as System, raise};

    use super::*;

    #[tokio::test]
    async fn a_received_signal_does_not_end_the_process() {
        let mut heard = listen(&[Signal::HangUp, Signal::Terminate]);
        for (raised, expected) in [(System::SIGTERM, Signal::Terminate), (System::SIGHUP, Signal::HangUp)] {
            raise(raised).expect("a signal to this process");
            assert_eq!(heard.recv().await, Some(expected));
        }
    }
}
