//! Tells where reading is while documents are opened, once a second, until they are.
//!
//! Example: `/open manual.pdf` on a manual of 2,415 pages tells `manual.pdf, page 211 of 2415` after a second, and page 430 after two.
//! What is opened within a second tells nothing.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::chat::OpeningAt;
use crate::document::LoadProgress;

const EVERY: Duration = Duration::from_secs(1);

/// Ends the telling when it is dropped.
pub(super) struct PlaceTeller {
    _dropped_at_the_end: Sender<()>,
}

impl PlaceTeller {
    pub(super) fn start(progress: LoadProgress, tell: impl Fn(OpeningAt) + Send + 'static) -> Self {
        let (sender, ended) = channel::<()>();
        let began = Instant::now();
        thread::spawn(move || {
            while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                if let Some(place) = progress.now() {
                    tell(OpeningAt { place: place.to_string(), after: began.elapsed() });
                }
            }
        });
        Self { _dropped_at_the_end: sender }
    }
}
