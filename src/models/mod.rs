//! Which models are known, where do they come from, are they whole?
//!
//! The picture: a catalogue of books ([`Catalogue`]), a few shelves where a copy may stand already ([`Places`]), and a messenger
//! who fetches one that does not ([`pull()`]).
//!
//! Example: nothing is asked for, so it is the best of the catalogue that the machine holds, 1,117,320,768 bytes. [`Catalogue::resolve`] looks into our own
//! cache, the Hugging Face cache and llama.cpp's; no file of that size there: [`Resolved::Missing`]. [`pull()`] takes the lock,
//! fetches from the hub (or goes on where it was broken off), checks the sha256 and moves the file to its name in one step. A
//! file under its own name is whole, always.
//!
//! What LM Studio and Ollama have fetched is found too ([`Places::models_on_disk`]), and never written.
//!
//! We read the Hugging Face cache and write our own: its layout needs the commit that a file belongs to, which only the hub
//! knows, and the same bytes come from elsewhere too.
//!
//! What it does not do: look into GGUF files, draw progress, or read the environment (front ends and `settings` do).

mod catalogue;
mod error;
mod found;
mod lookup;
mod machine;
mod names;
mod places;
mod pull;
mod reference;
mod shards;

pub use catalogue::{Card, Catalogue, Entry, ListedClass, Shape, Shard, Thinking};
pub use error::Error;
pub use found::{FoundModel, Shelf};
pub use machine::Machine;
pub use names::{HubName, ModelRef};
pub use places::{Hub, HubVariables, Patience, Places};
pub use pull::{PullProgress, check, check_sha256, pull};
pub use reference::Resolved;
