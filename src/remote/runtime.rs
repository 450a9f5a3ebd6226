//! What drives a connection on a thread of its own.

use tokio::runtime::{Builder, Runtime};

/// A runtime for one thread.
pub(super) fn small() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("the system has sockets and timers")
}
