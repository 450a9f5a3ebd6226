//! Lunette: chat with documents that are too long to read.
//!
//! It loads a book or a codebase into the context of a local GGUF model and *reads* it through a sliding window with
//! sink tokens (SWAA, arXiv 2512.10411), so that reading takes time in proportion to length, while it *thinks* with full attention.
//!
//! # The map
//!
//! | module | answers |
//! |---|---|
//! | [`settings`] | what did the user ask for? flags, config and environment become one validated value |
//! | [`fields`] | what stands where in a TOML file? |
//! | [`swaa`] | what may each token see, and what does a change of preset cost? plain data |
//! | [`document`] | what is in these files? text, spans that lead back to the file, outline, report |
//! | [`engine`] | everything that knows llama.cpp, on a thread of its own: commands in, events out |
//! | [`chat`] | what does the conversation do next? a pure state machine, and the layout of prompts |
//! | [`fit`] | does it fit, what would it take, and which parts are nearest to a question? plain data |
//! | [`citations`] | is it really in the document? |
//! | [`session`] | what does every front end open? documents, model, and what a chat starts from |
//! | [`models`] | which models are known, where do they come from, are they whole? |
//! | [`store`] | what is remembered between two runs? |
//! | [`tui`] | the screen; owns the terminal |
//! | [`plain`] | the same chat in plain lines, for screen readers |
//! | [`failure`] | what does an error say, and what can be done about it? |
//! | [`exit`] | how did it end, as scripts see it? |
//! | [`headless`] | the same chat and engine without a screen |
//! | [`eval`] | what is a preset worth? recall on records, against full attention |
//!
//! Imports point one way: front ends (`tui`, `plain`, `headless`, `eval`) → `session` → `fit` → `chat` → (`document`, `swaa`, the engine's messages);
//! `engine` → (`swaa`, `store`). Nothing imports a front end.
//!
//! # Three flows
//!
//! * **A key**: crossterm event → keymap → `chat::Input` → [`chat`]`::update` → effects → one draw.
//! * **A document**: path or address → text and spans → parts of the chat template → tokens → longest prefix that the KV cache holds
//!   → prefill in chunks → sampled pieces → screen.
//! * **A preset toggle**: the engine forecasts what it costs (`Live`, or so many tokens to read again) → the reader agrees → the engine reads → figures.
//!
//! # Rules
//!
//! 1. Only `engine/llama.rs` and what lies below it import the binding and hold `unsafe`.
//! 2. Only `chat::update` changes a `Chat`; views take `&Chat`; time comes in as an input.
//! 3. Only `tui` writes to the terminal while it runs; logs go to a file.
//! 4. Only `engine` knows tokens and decides what the KV cache holds.
//! 5. Each job has an id, each event carries it; a stale id is dropped in one place.
//! 6. The screen shows what the engine *has*, not what was asked.
//! 7. Model and context are locals of the engine's thread.
//! 8. Nothing is truncated in silence, and no figure is shown that was not measured.

pub mod chat;
pub mod citations;
pub mod document;
pub mod engine;
pub mod eval;
pub mod exit;
pub mod failure;
pub mod fit;
pub mod headless;
pub mod models;
#[cfg(test)]
mod parity;
pub mod plain;
pub mod session;
pub mod settings;
pub mod store;
pub mod swaa;
pub mod toml_fields;
pub mod tui;
