//! What drives a connection on a thread of its own.

use std::thread;

use tokio::runtime::{Builder, Runtime};

/// A runtime for one thread.
pub(super) fn small() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("the system has sockets and timers")
}

/// Runs `work` on a thread of its own, because the caller may be inside a runtime.
pub(super) fn aside<T: Send>(work: impl Future<Output = T> + Send) -> T {
    thread::scope(|scope| {
        let working = scope.spawn(|| small().block_on(work));
        working.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
