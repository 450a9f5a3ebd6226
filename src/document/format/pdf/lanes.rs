//! Reads a long PDF by several processes at once.
//!
//! The picture: a book is unbound, so that two people can copy it. The sheets are dealt out one by one, not in halves, because those that take long lie
//! together: a table of contents, an index.
//!
//! Example: 352 pages on two cores. A first process says how many there are (some 10 ms), one reads the pages 1, 3, 5 …, one the pages 2, 4, 6 …; what
//! took 3 s of one core takes 1.5 s of two.
//!
//! What it does not do: help with short files, which are read before another process has begun. Each process holds the file and its fonts, so that
//! there are never more than [`MOST_LANES`].

use std::num::NonZeroUsize;
use std::thread;

use super::reader::{Findings, Interview};
use super::wire::{Engine, MOST_PAGES};

/// Processes at once.
const MOST_LANES: usize = 4;
/// Of a file; about 30 pages of compressed text.
const SHORT_BYTES: usize = 128 << 10;
const FEW_PAGES: u32 = 32;

/// All that `engine` finds, with the text of all pages.
pub(super) fn ask(interview: &Interview<'_>, engine: Engine) -> Findings {
    let lanes = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MOST_LANES);
    if lanes == 1 || !interview.is_elsewhere() || interview.file_bytes() < SHORT_BYTES {
        return interview.ask(engine, None);
    }
    let opened = interview.ask(engine, Some(Vec::new()));
    match opened.count {
        Some(count) if count < FEW_PAGES => interview.ask(engine, None),
        Some(count) if count <= MOST_PAGES => ask_lanes(interview, engine, opened, dealt(count, lanes)),
        _ => opened,
    }
}

fn ask_lanes(interview: &Interview<'_>, engine: Engine, opened: Findings, lanes: Vec<Vec<u32>>) -> Findings {
    thread::scope(|scope| {
        let ask = |pages| scope.spawn(move || interview.ask(engine, Some(pages)));
        let asked: Vec<_> = lanes.into_iter().map(ask).collect();
        let found = |lane: thread::ScopedJoinHandle<'_, Findings>| {
            lane.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        asked.into_iter().map(found).fold(opened, Findings::with_pages_of)
    })
}

/// `count` pages for so many lanes.
fn dealt(count: u32, lanes: usize) -> Vec<Vec<u32>> {
    (0..lanes).map(|lane| (1..=count).skip(lane).step_by(lanes).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_is_dealt_once() {
        assert_eq!(dealt(7, 3), [vec![1, 4, 7], vec![2, 5], vec![3, 6]]);
    }
}
