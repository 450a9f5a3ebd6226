//! Starts the engine, and waits for its thread before the process ends.
//!
//! Without the wait, `main` could return while the engine still computes or frees GPU memory. By then the GPU driver
//! has shut down, and the process aborts.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;

use crate::engine::config::EngineConfig;
use crate::engine::message::{Command, Event};
use crate::engine::{self, EngineHandle};

/// Freeing a model takes less than this, and a user who quits doesn't wait longer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Pause between two checks.
const PAUSE: Duration = Duration::from_millis(10);

/// The thread of an engine, which may start later. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct EngineThread(Arc<Mutex<Option<JoinHandle<()>>>>);

impl EngineThread {
    /// Starts an engine, which loads the model of `config`.
    #[must_use]
    pub fn start(&self, config: EngineConfig) -> (Sender<Command>, UnboundedReceiver<Event>) {
        let EngineHandle { commands, events, thread } = engine::spawn(config);
        *self.kept() = Some(thread);
        (commands, events)
    }

    /// Waits until the engine has freed its memory, but no longer than two seconds. Drop its commands first: that ends
    /// it.
    pub fn wait(&self) {
        let thread = self.kept().take();
        if let Some(thread) = thread {
            wait_for(&thread, PATIENCE);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.0.lock().expect("nothing panics while it holds the lock")
    }
}

fn wait_for(thread: &JoinHandle<()>, patience: Duration) {
    let until = Instant::now() + patience;
    while !thread.is_finished() && Instant::now() < until {
        sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn waiting_ends_with_the_thread_or_with_patience() {
        let (let_go, held) = channel::<()>();
        let thread = std::thread::spawn(move || {
            let _ = held.recv();
        });
        let begun = Instant::now();
        wait_for(&thread, Duration::from_millis(30));
        assert!(!thread.is_finished() && begun.elapsed() >= Duration::from_millis(30));
        drop(let_go);
        wait_for(&thread, Duration::from_secs(60));
        assert!(thread.is_finished() && begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn without_an_engine_there_is_no_wait() {
        EngineThread::default().wait();
    }
}
