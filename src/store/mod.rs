//! What is kept between two runs: conversations, places in documents, what was asked and opened. One SQLite file, for its owner alone; and blocks
//! of the KV cache.
//!
//! | file | answers |
//! |---|---|
//! | [`database`] | is the file there, whole, and of a version that we know? |
//! | [`schema`] | which tables are there, and how did they come about? |
//! | [`sessions`] | how is a conversation saved, listed, copied, removed? |
//! | [`search`] | where was something said? |
//! | [`history`], [`positions`], [`recent`] | what was asked, where was a document left, what was opened? |
//! | [`moved_in`] | what did earlier versions keep, in files of their own? |
//! | [`blocks`] | the KV cache on disk: a store of its own |
//! | [`mod@file`] | how is a file written that other processes of ours may write, too? |
//!
//! Example: an answer of 400 tokens is one row that is written at its begin and its end, and 400 small ones in between; a program that is
//! killed at the 200th loses nothing of the 200. Nothing waits for the disk: 11,500 took less than 4 s, unoptimised and on a busy machine.
//!
//! It holds text, numbers and JSON. What a turn or a document is, others know.

pub mod blocks;
pub mod database;
pub(crate) mod file;
mod history;
mod moved_in;
mod positions;
mod recent;
mod schema;
pub mod search;
pub mod sessions;

pub use database::{Database, Error};
pub use positions::Remembered;
pub use recent::RecentDocument;
