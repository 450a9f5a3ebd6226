//! What a running job is watched by: the clock, the user's Esc, and what it has measured so far.

use std::time::{Duration, Instant};

use super::message::{CancelToken, Finish, JobId, Timings, TokenCounts};

/// Tells a job when to stop.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    cancel: CancelToken,
    deadline: Option<Instant>,
}

impl Watch {
    pub(super) fn new(cancel: CancelToken, deadline: Option<Instant>) -> Self {
        Self { cancel, deadline }
    }

    /// Why to stop, if at all.
    pub(super) fn stop(&self) -> Option<Finish> {
        if self.cancel.is_cancelled() {
            return Some(Finish::Cancelled);
        }
        self.deadline.filter(|&deadline| Instant::now() >= deadline).map(|_| Finish::TimeLimit)
    }
}

/// A job's id, watch and measurements.
#[derive(Debug)]
pub(super) struct Job {
    pub id: JobId,
    pub watch: Watch,
    pub started: Instant,
    pub tokens: TokenCounts,
    pub timings: Timings,
}

impl Job {
    pub(super) fn new(id: JobId, cancel: CancelToken, time_limit: Option<Duration>) -> Self {
        let started = Instant::now();
        let deadline = time_limit.map(|limit| started + limit);
        Self {
            id,
            watch: Watch::new(cancel, deadline),
            started,
            tokens: TokenCounts::default(),
            timings: Timings::default(),
        }
    }
}

/// Tokens per second, 0 when nothing took no time.
pub(super) fn rate(tokens: u32, elapsed: Duration) -> f64 {
    if tokens == 0 || elapsed.is_zero() { 0.0 } else { f64::from(tokens) / elapsed.as_secs_f64() }
}
