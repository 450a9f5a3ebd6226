//! What all front ends share: opening documents and models, running a chat, talking to the engine.
//!
//! | file | answers |
//! |---|---|
//! | [`client`] | how does a front end talk to the engine, and what can stop it? |
//! | [`observer`] | what receives progress, and what allows a download? |
//! | [`documents`] | what do the named documents contain? |
//! | [`paths`] | which file does a typed path mean, and how is it completed? |
//! | `place_teller` | where is the reading of documents that are being opened? |
//! | [`places`] | which place in a document does `--until` mean? |
//! | [`catalogue`] | which models are known, and do they fit? |
//! | [`piped`] | is standard input, which nobody named, a document? |
//! | [`model`] | where is the model's file, and should it be fetched? |
//! | [`working_set`] | which parts of the documents are in use, and have the files changed? |
//! | [`retriever`] | which parts match the questions best (`--pick`)? |
//! | [`references`] | which part or file does `@name` in a question mean? |
//! | [`opening`] | what does a chat start from? |
//! | [`asking`] | which preset is a question asked under that no chat asks? |
//! | [`kept`] | which conversation is saved, and which goes on? |
//! | [`earlier`] | which saved conversation is meant, and what has become of its documents? |
//! | [`fingerprints`] | what was a conversation about? |
//! | [`recorder`] | what puts a conversation into the store? |
//! | [`setup`] | what does every chat start from? |
//! | [`suggestions`] | which models of the catalogue suit this machine and this document? |
//! | [`effects`] | what carries out a chat's effects? |
//! | [`looking_up`] | what does a chat want to know of its documents? files, sources, quotes |
//! | [`counting`] | how many tokens does each part have, and what would fit? |
//! | [`text_counter`] | what counts tokens: a server, or the model's own tables? |
//! | [`measuring`] | how fast does this machine prefill? |
//! | [`trial`] | does a model survive its first token, and its template? in a process of its own |
//! | [`calibrating`] | which attention heads of a model point at passages? |
//! | [`planting`] | where do sentences stand that are planted in a text? |
//! | [`signals`] | which signals end the program? |
//! | [`error`] | why can't the documents or the model be opened? |
//!
//! Example: `lunette --parts 1-3 book.txt` opens the book ([`documents::open`]), finds the model ([`model::locate`]),
//! takes three of the book's 61 parts ([`opening::working_set`]) and makes the setup of a chat from them
//! ([`opening::setup`]). All front ends do this, and then each shows the chat in its own way.
//!
//! It does not print, draw, read from the terminal or choose exit codes, and imports no front end.

pub mod asking;
pub mod calibrating;
pub mod catalogue;
pub mod client;
pub mod counting;
pub mod documents;
pub mod earlier;
pub mod effects;
pub mod error;
pub mod fingerprints;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod kept;
pub mod looking_up;
pub mod measuring;
pub mod model;
pub mod observer;
pub mod opening;
pub mod paths;
pub mod piped;
mod place_teller;
pub mod places;
pub mod planting;
pub mod recorder;
pub mod references;
pub mod retriever;
#[cfg(test)]
pub(crate) mod scripted_engine;
mod setup;
pub mod signals;
pub mod suggestions;
pub mod text_counter;
pub mod trial;
pub mod working_set;

pub use client::{ClientError, EngineChannels, EngineClient, Happening, Stop, Stops};
pub use counting::{CountRequest, TokenCounter};
pub use effects::{EffectResult, EffectRunner, PartsResult};
pub use error::Error;
pub use kept::Kept;
pub use observer::{Activity, Observer, Unobserved};
pub use recorder::Recorder;
pub use signals::Signal;
pub use working_set::{ReloadRequest, Reloaded, Selection, WorkingSet};
