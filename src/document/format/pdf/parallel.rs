//! Reads a long PDF with several processes at once.
//!
//! Pages are dealt out one by one, because slow pages are often next to each other: a table of contents, an index.
//!
//! Example: 352 pages on two cores. One process counts the pages (10 ms), then one reads pages 1, 3, 5 …, and one reads
//! pages 2, 4, 6 …. Instead of 3 s, this takes 1.5 s.
//!
//! Short files are read by one process before a second one would have started. Each process holds the file and its
//! fonts, so there are at most [`MOST_PROCESSES`].

use std::num::NonZeroUsize;
use std::thread;

use super::protocol::MOST_PAGES;
use super::runner::{Findings, ReaderRunner};

/// Maximum number of processes at once.
const MOST_PROCESSES: usize = 4;
/// Files below this size are short; about 30 pages of compressed text.
const SHORT_BYTES: usize = 128 << 10;
const FEW_PAGES: u32 = 32;

/// Asks for everything, with the text of all pages.
pub(super) fn ask(runner: &ReaderRunner<'_>) -> Findings {
    let processes = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MOST_PROCESSES);
    if processes == 1 || !runner.uses_children() || runner.file_bytes() < SHORT_BYTES {
        return runner.ask(None);
    }
    let opened = runner.ask(Some(Vec::new()));
    match opened.count {
        Some(count) if count < FEW_PAGES => runner.ask(None),
        Some(count) if count <= MOST_PAGES => ask_several(runner, opened, dealt(count, processes)),
        _ => opened,
    }
}

fn ask_several(runner: &ReaderRunner<'_>, opened: Findings, shares: Vec<Vec<u32>>) -> Findings {
    thread::scope(|scope| {
        let ask = |pages| scope.spawn(move || runner.ask(Some(pages)));
        let asked: Vec<_> = shares.into_iter().map(ask).collect();
        let found = |process: thread::ScopedJoinHandle<'_, Findings>| {
            process.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        asked.into_iter().map(found).fold(opened, Findings::with_pages_of)
    })
}

/// Deals `count` pages out to `processes`.
fn dealt(count: u32, processes: usize) -> Vec<Vec<u32>> {
    (0..processes).map(|first| (1..=count).skip(first).step_by(processes).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_is_dealt_once() {
        assert_eq!(dealt(7, 3), [vec![1, 4, 7], vec![2, 5], vec![3, 6]]);
    }
}
