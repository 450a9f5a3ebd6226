//! The KV cache on disk, as files: blocks of bytes, each found by what comes before it and what is in it.
//!
//! A *block* is the KV cache of one prefill chunk, or of an answer. Its name holds where it starts, how many tokens it has, the key of the block before it
//! and its own key. So the names in a folder are the index of all chains: nothing else has to be kept, and nothing can be out of step.
//!
//! ```text
//! ~/.cache/lunette/kv/            0700
//!   models.json                   the fingerprints of models (kept by the engine)
//!   5f0c…/                        a group: what one model computed under one cache type, with one library
//!     about.json                  what the group is, for people
//!     titles.json                 what the documents are called, for people
//!     000000000-512-512-0000…-8a41….kv
//!     000000512-512-512-8a41…-1f3c….kv
//!     000001024-77-77-1f3c…-90be….kv      a document of 1,101 tokens
//!     000001101-0-0-90be…-c2d8….kv        the state of a model that needs one to go on there
//!     000001101-40-40-90be…-7a31….turn    a question about it
//! ```
//!
//! | file | answers |
//! |---|---|
//! | [`name`] | which block is this? |
//! | [`block_file`] | what do the bytes of a file hold, and are they whole? |
//! | [`group`] | which blocks are there, and how are they read, written and dropped? |
//! | [`room`] | which blocks go when there is no room? |
//! | [`shelves`] | what does the whole store hold? |
//! | [`titles`] | what are the readings called? |
//!
//! A file is written beside its place, synced and renamed, so that it is whole or not there, whatever stops the program or the machine. Two
//! programs may write the same block: it has the same bytes. Blocks that were not used for longest go first, and none before those that
//! build on it. The time of a file is when it was last used.
//!
//! Example: a document of 16,384 tokens read by a 0.5B model is 32 files of 6.3 MB each.
//!
//! Does not know tokens, attention or models: keys and contents come from the engine.

mod block_file;
mod group;
mod name;
mod room;
mod shelves;
mod titles;

pub use block_file::BlockError;
pub use group::{About, BlockGroup, KeptBlock};
pub use name::{BlockKey, BlockName, PartOf};
pub use room::{Limits, free_bytes};
pub use shelves::{GroupSummary, Reading, Store, Verified};
