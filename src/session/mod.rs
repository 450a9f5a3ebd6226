//! What every front end opens, drives and listens to, below all of them.
//!
//! | file | answers |
//! |---|---|
//! | [`client`] | how does a front end talk with the engine, and what may stop it? |
//! | [`observer`] | who hears how far it is, and who may agree to fetch a model? |
//! | [`documents`] | what is in the documents that were named? |
//! | [`model`] | where is the file of the model, and is it fetched when it is missing? |
//! | [`working_set`] | which parts of the documents are in use, and have their files changed? |
//! | [`retriever`] | which parts are nearest to the questions (`--pick`)? |
//! | [`references`] | which part or file does `@name` in a question mean? |
//! | [`opening`] | what does a chat start from? |
//! | [`effects`] | who does what a chat asks to be done outside of it? |
//! | [`counting`] | how many tokens does each part have, and what would fit, without the engine? |
//! | [`signals`] | which signals end the program? |
//! | [`error`] | why can't it be opened? |
//!
//! Example: `lunette --parts 1-3 book.txt` reads the book ([`documents::open`]), finds the model ([`model::find`]), takes three of its 61 parts
//! ([`opening::working_set`]) and makes the chat's beginning of them ([`opening::setup`]). The terminal interface, plain lines and headless runs
//! do the same up to here, and differ in what they do with the chat.
//!
//! What it does not do: print, draw, read the terminal, or choose exit codes. It imports no front end.

pub mod client;
pub mod counting;
pub mod documents;
pub mod effects;
pub mod error;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod model;
pub mod observer;
pub mod opening;
pub mod references;
pub mod retriever;
pub mod signals;
pub mod working_set;

pub use client::{ClientError, EngineChannels, EngineClient, Happening, Stop, Stops};
pub use counting::{CountRequest, TokenCounter};
pub use effects::{EffectResult, EffectRunner, PartsResult};
pub use error::Error;
pub use observer::{Activity, Observer};
pub use signals::Signal;
pub use working_set::{ReloadRequest, Reloaded, WorkingSet};
