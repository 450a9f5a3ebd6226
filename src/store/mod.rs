//! What is remembered between two runs, in files of the user's state directory. Nothing of it is needed: what is lost or unreadable is
//! as if it had never been.
//!
//! How files are written, here and wherever else the program keeps something: [`mod@file`].

pub(crate) mod file;
mod history;
mod positions;
mod recent;

pub use history::History;
pub use positions::{Place, Positions, Remembered};
pub use recent::{Recent, RecentDocument};
