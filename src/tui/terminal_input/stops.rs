//! SIGTSTP from outside: the terminal is given back before the process stops.
//!
//! A handler would replace the default action, which has to stop the process in the end. So the signal is held back in
//! all threads while the screen has the terminal, and one thread waits for it. To stop, the signal is let through and
//! raised again. The shell sees a process that was stopped by SIGTSTP, as it does with any other program.
//!
//! Threads inherit what is held from the thread that starts them: [`with_stops_held`] goes around everything that starts
//! threads. Where it is missing, a SIGTSTP stops the process at once and the terminal stays as it is.

use std::io;
use std::sync::{Mutex, Once};
use std::thread;

use nix::sys::signal::{SigSet, Signal, raise};
use tokio::sync::mpsc::UnboundedSender;

use super::event::TerminalEvent;

type Events = UnboundedSender<io::Result<TerminalEvent>>;

/// Who is told of a stop.
static TOLD: Mutex<Option<Events>> = Mutex::new(None);
static WAITING: Once = Once::new();

fn stops() -> SigSet {
    SigSet::from_iter([Signal::SIGTSTP])
}

/// Calls `work` with SIGTSTP held back, in this thread and in those that it starts.
pub fn with_stops_held<T>(work: impl FnOnce() -> T) -> T {
    // Neither fails: the arguments are right.
    let _ = stops().thread_block();
    let result = work();
    let _ = stops().thread_unblock();
    result
}

/// Calls `work` with SIGTSTP as it was: programs that it starts inherit what is held.
pub(in crate::tui) fn with_stops_released<T>(work: impl FnOnce() -> T) -> T {
    let were_held = SigSet::thread_get_mask().is_ok_and(|mask| mask.contains(Signal::SIGTSTP));
    let _ = stops().thread_unblock();
    let result = work();
    if were_held {
        let _ = stops().thread_block();
    }
    result
}

/// Stops the process until the shell resumes it.
pub(in crate::tui) fn stop() -> io::Result<()> {
    Ok(with_stops_released(|| raise(Signal::SIGTSTP))?)
}

/// Tells `events` of each SIGTSTP from now on, instead of whom was told before.
pub(super) fn tell(events: &Events) {
    *TOLD.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(events.clone());
    WAITING.call_once(|| {
        // Without the thread, a SIGTSTP waits until the screen is left.
        let _ = thread::Builder::new().name("stops".to_owned()).spawn(wait);
    });
}

fn wait() {
    // The thread may have been started where nothing is held.
    let _ = stops().thread_block();
    while stops().wait().is_ok() {
        if let Some(events) = &*TOLD.lock().unwrap_or_else(std::sync::PoisonError::into_inner) {
            let _ = events.send(Ok(TerminalEvent::Suspended));
        }
    }
}
