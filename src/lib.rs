//! Lunette: chat with documents that are too long to read.
//!
//! It loads a book, a codebase or a PDF into the context of a local GGUF model. It prefills the document through a sliding window with sink
//! tokens (SWAA, arXiv 2512.10411), so that prefill time is linear in document length, and reads the question and writes the answer with full
//! attention.
//!
//! # The map
//!
//! `tests/structure.rs` holds the sources to this table: a module uses those in its last column and no others, there is no circle between
//! modules, and none between files except inside the folder of one document format. The binary (`main.rs`, `launch.rs`, `commands.rs`,
//! `process.rs`, `logging.rs`) is wiring and may use everything.
//!
//! | module | answers | may use |
//! |---|---|---|
//! | [`document`] | what is in these files? text, spans that lead back to the file, outline, report | |
//! | [`toml_fields`] | which fields does a TOML file have, and on which line? | |
//! | [`failure`] | what does an error say, and what can be done about it? | |
//! | [`units`] | how are counts, bytes, times and rates written? | |
//! | [`harmless`] | what may a terminal be given? | |
//! | [`swaa`] | what may each token see? presets, recipes, attention: plain data | |
//! | [`store`] | what is remembered between two runs? | |
//! | [`engine`] | everything that knows llama.cpp, on a thread of its own: commands in, events out | |
//! | [`citations`] | is a quote of an answer really in the document? | |
//! | [`chat`] | what does the conversation do next? a pure state machine, and the layout of prompts | |
//! | [`models`] | which models are known, where do they come from, are they whole? | |
//! | [`fit`] | does it fit, what would it take, and which parts are nearest to a question? plain data | |
//! | [`settings`] | what did the user ask for? flags, config and environment become one validated value | |
//! | [`session`] | what does every front end open, drive and listen to? | |
//! | [`exit`] | how did it end, as scripts see it? | |
//! | [`headless`] | a chat without a screen, for scripts | |
//! | [`plain`] | a chat in plain lines, for screen readers | |
//! | [`tui`] | a chat on a screen; owns the terminal | |
//! | [`eval`] | what is a preset worth? recall on records, against full attention | |
//!
//! # Three flows
//!
//! * **A key**: crossterm event → keymap → [`chat::Input`] → [`chat::update()`] → [`chat::Effect`]s → [`session::EffectRunner`] → one draw. Plain lines
//!   and headless runs do the same with lines and flags in place of keys.
//! * **A document**: path or address → text and spans → parts of the chat template → tokens → longest prefix in the KV cache → prefill in chunks →
//!   sampled pieces → front end.
//! * **A preset switch**: the engine predicts its cost → the user agrees, or it takes less than [`chat::SHORT`] → the engine prefills from the first
//!   position whose attention differs → both measurements side by side.
//!
//! # Rules
//!
//! 1. Only `engine/llama.rs` and the files below it import the binding and use `unsafe`.
//! 2. Only `chat::update` changes a `Chat`. Views take `&Chat`. Time comes in as an input.
//! 3. Only `tui` writes to the terminal while it runs. Logs go to a file.
//! 4. Only `engine` knows tokens and decides what the KV cache holds.
//! 5. Each job has an id, and each event carries it. A stale event is dropped in one place per consumer: `chat::update`, or `session::EngineClient` where
//!    there is no chat.
//! 6. The screen shows what the engine has, not what was asked for.
//! 7. Model and context are locals of the engine's thread.
//! 8. Nothing is truncated silently, and no figure is shown that was not measured.

pub mod chat;
pub mod citations;
pub mod document;
pub mod engine;
pub mod eval;
pub mod exit;
pub mod failure;
pub mod fit;
pub mod harmless;
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
pub mod units;
