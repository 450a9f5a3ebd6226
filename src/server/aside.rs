//! Work that takes long, beside the requests that wait for nothing.

use tokio::task::spawn_blocking;

use super::error::ApiError;
use crate::failure::{Failure, FailureKind};

/// Runs `work` on a thread of its own.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    // It panicked, which is in the log.
    let panicked = |_| ApiError::from(Failure::new(FailureKind::Runtime, "the request could not be read", None));
    spawn_blocking(work).await.unwrap_or_else(|error| Err(panicked(error)))
}
