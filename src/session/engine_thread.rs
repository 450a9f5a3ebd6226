//! Starts the engine, and waits for its thread before the process ends.
//!
//! A GPU has to be given back before that: its driver is gone then, and what is still computing or freeing aborts.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;

use crate::engine::config::EngineConfig;
use crate::engine::message::{Command, Event};
use crate::engine::{self, EngineHandle};

/// Longer than freeing a model takes, and short enough for a user who wants to leave at once.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks at whether the thread has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// The thread of an engine that may be started later. Clones keep the same one.
#[derive(Debug, Clone, Default)]
pub struct EngineThread(Arc<Mutex<Option<JoinHandle<()>>>>);

impl EngineThread {
    /// Of an engine that was started elsewhere.
    #[must_use]
    pub fn of(thread: JoinHandle<()>) -> Self {
        Self(Arc::new(Mutex::new(Some(thread))))
    }

    /// Starts an engine, which begins to load the model of `config`.
    #[must_use]
    pub fn start(&self, config: EngineConfig) -> (Sender<Command>, UnboundedReceiver<Event>) {
        let EngineHandle { commands, events, thread } = engine::spawn(config);
        self.keep(thread);
        (commands, events)
    }

    /// Lets the engine give back what it holds, for two seconds at most. It ends by itself once its commands are dropped.
    pub fn wait(&self) {
        let thread = self.0.lock().expect("nothing panics while it holds the lock").take();
        if let Some(thread) = thread {
            wait_for(&thread, PATIENCE);
        }
    }

    fn keep(&self, thread: JoinHandle<()>) {
        *self.0.lock().expect("nothing panics while it holds the lock") = Some(thread);
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
    fn the_thread_is_waited_for_until_it_ends_and_no_longer_than_that() {
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
    fn nothing_is_waited_for_when_no_engine_was_started() {
        EngineThread::default().wait();
    }
}
