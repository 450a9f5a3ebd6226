//! A running job: its id, its measurements so far, and what can stop it (the user's Esc, a time limit).

use std::time::{Duration, Instant};

use super::message::{CancelToken, Finish, JobId, Threads, Timings, TokenCounts};

/// Decides when a job has to stop.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    cancel: CancelToken,
    deadline: Option<Instant>,
}

impl Watch {
    pub(super) fn new(cancel: CancelToken, deadline: Option<Instant>) -> Self {
        Self { cancel, deadline }
    }

    /// The reason to stop now, if any.
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
    pub threads: Threads,
    /// Positions from here on are computed even if the cache has them.
    pub compute_from: u32,
    pub keeps_on_disk: bool,
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
            threads: Threads::default(),
            compute_from: u32::MAX,
            keeps_on_disk: true,
        }
    }
}

/// Tokens per second; 0 if there were no tokens or no time has passed.
pub(super) fn rate(tokens: u32, elapsed: Duration) -> f64 {
    if tokens == 0 || elapsed.is_zero() { 0.0 } else { f64::from(tokens) / elapsed.as_secs_f64() }
}
