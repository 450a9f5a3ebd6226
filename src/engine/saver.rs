//! Writes blocks of the KV cache to disk beside the reading, on a thread of its own.
//!
//! The worker copies a block out of the cache, which takes milliseconds, and goes on reading. This thread makes room, computes the checksum,
//! writes and syncs. What waits here is limited, so that a slow disk costs neither memory nor reading time.
//!
//! Example: 512 tokens of a 0.5B are 6.3 MB. A CPU reads them in a second or more, a disk takes them in 10 ms.
//!
//! Doesn't decide what is kept (`disk_cache` does).

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use crate::store::blocks::{About, BlockGroup, BlockKey, BlockName, Limits, PartOf, Store, free_bytes};
use crate::units::bytes;

/// More than this does not wait to be written.
const MOST_WAITING_BYTES: u64 = 256 << 20;
/// When room is made, so much more of the limit is freed, so that it is not made anew for each block.
const SLACK: u64 = 20;

/// Between two looks whether everything is written.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// More than a file has around head and payload.
const AROUND_BYTES: u64 = 256;

/// A block to be written.
pub(super) struct Saving {
    pub name: BlockName,
    pub head: Vec<u8>,
    pub payload: Vec<u8>,
}

/// What became of a block.
#[derive(Debug)]
pub(super) enum Saved {
    Written {
        bytes: u64,
        took: Duration,
    },
    /// Why it was not, in words.
    Not(String),
}

enum Work {
    Save(Box<Saving>),
    /// These were used.
    Used(Vec<BlockName>),
    /// What the document that ends with a block is called.
    Call(BlockKey, String),
}

/// The thread, seen from the worker.
pub(super) struct Saver {
    work: Option<Sender<Work>>,
    done: Receiver<Saved>,
    waiting_bytes: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Saver {
    /// Starts the thread for the blocks of `group`.
    pub(super) fn start(store: Store, group: BlockGroup, about: About, limits: Limits) -> Self {
        let (work, received) = channel();
        let (sender, done) = channel();
        let waiting_bytes = Arc::new(AtomicU64::new(0));
        let waiting = Arc::clone(&waiting_bytes);
        let thread = std::thread::Builder::new()
            .name("saver".into())
            .spawn(move || {
                let mut desk = Desk::new(store, group, about, limits);
                for work in received {
                    desk.execute(work, &sender, &waiting);
                }
            })
            .expect("the system can start a thread");
        Self { work: Some(work), done, waiting_bytes, thread: Some(thread) }
    }

    /// Whether another block of `bytes` may wait.
    pub(super) fn has_room_for(&self, bytes: u64) -> bool {
        let waiting = self.waiting_bytes.load(Ordering::Relaxed);
        waiting == 0 || waiting + bytes <= MOST_WAITING_BYTES
    }

    pub(super) fn save(&self, saving: Saving) {
        self.waiting_bytes.fetch_add(saving.payload.len() as u64, Ordering::Relaxed);
        self.send(Work::Save(Box::new(saving)));
    }

    /// Marks blocks as used now.
    pub(super) fn used(&self, names: Vec<BlockName>) {
        self.send(Work::Used(names));
    }

    /// Keeps what the document is called that ends with the block `key`.
    pub(super) fn call(&self, key: BlockKey, title: &str) {
        self.send(Work::Call(key, title.to_owned()));
    }

    fn send(&self, work: Work) {
        // The thread ends only after the sender.
        let _ = self.work.as_ref().map(|sender| sender.send(work));
    }

    /// What has been done since the last call.
    pub(super) fn done(&self) -> impl Iterator<Item = Saved> {
        self.done.try_iter()
    }

    /// Waits until everything is written, but no longer than `patience`.
    pub(super) fn wait(&self, patience: Duration) {
        let begun = Instant::now();
        while !self.is_idle() && begun.elapsed() < patience {
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Whether nothing waits to be written.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting_bytes.load(Ordering::Relaxed) == 0
    }
}

impl Drop for Saver {
    /// Waits until everything is written.
    fn drop(&mut self) {
        self.work = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// What the thread knows.
struct Desk {
    store: Store,
    group: BlockGroup,
    about: About,
    limits: Limits,
    /// What all blocks take, other programs' from before included.
    taken_bytes: u64,
    /// Blocks of conversations in the group.
    turns: usize,
    /// What was used since is not dropped for what comes now.
    started: SystemTime,
}

impl Desk {
    fn new(store: Store, group: BlockGroup, about: About, limits: Limits) -> Self {
        group.remove_unfinished();
        let taken_bytes = store.bytes().unwrap_or(0);
        let turns = group.names().map_or(0, |names| names.iter().filter(|name| is_turn(name)).count());
        Self { store, group, about, limits, taken_bytes, turns, started: SystemTime::now() }
    }

    fn execute(&mut self, work: Work, done: &Sender<Saved>, waiting: &AtomicU64) {
        match work {
            Work::Used(names) => {
                for name in names {
                    // One that is gone is noticed when it is read.
                    let _ = self.group.touch(&name);
                }
            }
            Work::Call(key, title) => {
                if let Err(error) = self.group.keep_title(key, &title) {
                    tracing::warn!(%error, "cannot keep what a document is called");
                }
            }
            Work::Save(saving) => {
                let bytes = saving.payload.len() as u64;
                let started = Instant::now();
                let saved = match self.save(&saving) {
                    Ok(()) => Saved::Written { bytes, took: started.elapsed() },
                    Err(why) => Saved::Not(why),
                };
                let _ = done.send(saved);
                waiting.fetch_sub(bytes, Ordering::Relaxed);
            }
        }
    }

    fn save(&mut self, saving: &Saving) -> Result<(), String> {
        let Saving { name, head, payload } = saving;
        self.make_room(head.len() as u64 + payload.len() as u64 + AROUND_BYTES)?;
        let written = self.group.write(name, head, payload, &self.about).map_err(|error| self.why(&error))?;
        self.taken_bytes += written;
        if written > 0 && is_turn(name) {
            self.turns += 1;
            self.limit_turns();
        }
        Ok(())
    }

    /// Drops old turns, this run's included, once there are too many. The bytes that they took are counted when room is made.
    fn limit_turns(&mut self) {
        let most = self.limits.most_turns;
        if self.turns <= most {
            return;
        }
        match self.store.limit_turns(&self.group, most - most / SLACK as usize) {
            // Other programs write and drop blocks, too.
            Ok(left) => self.turns = left,
            Err(error) => tracing::warn!(%error, "cannot drop old turns"),
        }
    }

    fn make_room(&mut self, more: u64) -> Result<(), String> {
        let free = || free_bytes(self.store.folder()).map_err(|error| self.why(&error));
        if self.limits.excess(self.taken_bytes, free()?, more) == 0 {
            return Ok(());
        }
        // Other programs write and drop blocks, too.
        let taken = self.store.bytes().map_err(|error| self.why(&error))?;
        let excess = self.limits.excess(taken, free()?, more);
        let slack = self.limits.most_bytes / SLACK;
        let freed = if excess == 0 { 0 } else { self.free(excess + slack)? };
        self.taken_bytes = taken.saturating_sub(freed);
        let excess = self.limits.excess(self.taken_bytes, free_bytes(self.store.folder()).unwrap_or(0), more);
        if excess == 0 { Ok(()) } else { Err(self.no_room()) }
    }

    fn free(&self, wanted: u64) -> Result<u64, String> {
        let freed = self.store.make_room(wanted, self.started).map_err(|error| self.why(&error))?;
        tracing::info!(freed, "dropped blocks of the KV cache that were not used for longest");
        Ok(freed)
    }

    fn no_room(&self) -> String {
        let free = free_bytes(self.store.folder()).unwrap_or(0);
        if free < self.limits.least_free_bytes * 2 {
            return format!("only {} are free on the disk of {}", bytes(free), self.store.folder().display());
        }
        format!("it would take more than the {} that the cache may have", bytes(self.limits.most_bytes))
    }

    fn why(&self, error: &io::Error) -> String {
        format!("cannot write to {}: {error}", self.store.folder().display())
    }
}

fn is_turn(name: &BlockName) -> bool {
    name.part == PartOf::Conversation
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn about() -> About {
        About { model: "m".into(), file: "/m.gguf".into(), cache_type: "f16".into(), library: "1".into() }
    }

    fn name(number: u8) -> BlockName {
        let key = BlockKey([number; 16]);
        BlockName { start: 0, tokens: 1, call_tokens: 1, parent: BlockKey::ROOT, key, part: PartOf::Document }
    }

    fn save(saver: &Saver, number: u8, len: usize) {
        saver.save(Saving { name: name(number), head: Vec::new(), payload: vec![number; len] });
    }

    fn start(store: &Store, most_bytes: u64) -> Saver {
        let limits = Limits { most_bytes, least_free_bytes: 0, most_turns: 20 };
        Saver::start(store.clone(), store.group(ID), about(), limits)
    }

    #[test]
    fn what_was_given_is_written_before_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::at(folder.path().join("kv"));
        let saver = start(&store, 1 << 40);
        (1..=20).for_each(|number| save(&saver, number, 1000));
        drop(saver);
        assert_eq!(store.group(ID).names().expect("readable").len(), 20);
    }

    #[test]
    fn above_the_limit_old_blocks_go_and_new_ones_are_not_dropped_for_newer() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::at(folder.path().join("kv"));
        let old = start(&store, 5000);
        (1..=3).for_each(|number| save(&old, number, 1000));
        drop(old);
        let new = start(&store, 5000);
        (4..=9).for_each(|number| save(&new, number, 1000));
        while !new.is_idle() {
            std::thread::yield_now();
        }
        let failed: Vec<String> = new
            .done()
            .filter_map(|saved| match saved {
                Saved::Not(why) => Some(why),
                Saved::Written { .. } => None,
            })
            .collect();
        assert!(!failed.is_empty() && failed.iter().all(|why| why.contains("more than the 5.00 kB")), "{failed:?}");
        let names = store.group(ID).names().expect("readable");
        assert!((1..=3).all(|number| !names.contains(&name(number))), "{names:?}");
        assert!(names.contains(&name(4)) && store.bytes().expect("readable") <= 5000);
    }

    #[test]
    fn of_too_many_turns_the_oldest_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::at(folder.path().join("kv"));
        let saver = start(&store, 1 << 40);
        save(&saver, 200, 10);
        let turn = |number: u8| BlockName { part: PartOf::Conversation, ..name(number) };
        let of = |number: u8| Saving { name: turn(number), head: Vec::new(), payload: vec![number; 10] };
        (1..=50).for_each(|number| saver.save(of(number)));
        drop(saver);
        let names = store.group(ID).names().expect("readable");
        assert!(names.contains(&name(200)) && names.contains(&turn(50)) && !names.contains(&turn(1)), "{names:?}");
        assert!((19..=20).contains(&names.iter().filter(|name| is_turn(name)).count()), "{names:?}");
    }

    #[test]
    fn why_nothing_can_be_written_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("kv"), "in the way").expect("written");
        let store = Store::at(folder.path().join("kv"));
        let saver = start(&store, 1 << 40);
        save(&saver, 1, 10);
        while !saver.is_idle() {
            std::thread::yield_now();
        }
        let done: Vec<Saved> = saver.done().collect();
        let [Saved::Not(why)] = &done[..] else { panic!("{done:?}") };
        assert!(why.starts_with("cannot write to ") && why.contains("kv"), "{why}");
    }
}
