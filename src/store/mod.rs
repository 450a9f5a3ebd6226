//! What is remembered between two runs, in files of the user's state directory. Nothing of it is needed: what is lost or unreadable is
//! as if it had never been.
//!
//! How files are written, here and wherever else the program keeps something: [`mod@file`]. The KV cache on disk is a store of its own:
//! [`blocks`].

pub mod blocks;
pub(crate) mod file;
mod history;
mod positions;
mod recent;

pub use history::History;
pub use positions::{Place, Positions, Remembered};
pub use recent::{Recent, RecentDocument};
