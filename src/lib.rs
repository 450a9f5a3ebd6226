//! Lunette: chat with documents that are too long to read.
//!
//! It loads a book, a codebase or a PDF into the context of a local GGUF model. It prefills the document through a sliding window with sink
//! tokens (SWAA, arXiv 2512.10411), which takes time linear in document length when the window is fixed, and reads the question and writes the
//! answer with full attention.
//!
//! # The map
//!
//! Each folder's `mod.rs` says what its files answer. `tests/structure.rs` holds the sources to this table: outside of tests, a module uses exactly
//! what its last column lists. There are no circles between modules, nor between files, except within the folder of one document format.
//! The binary (`main.rs`, `launch.rs`, `commands.rs`, `process.rs`, `logging.rs`) is wiring and may use everything. `engine::message` in the
//! last column means that part of the module only.
//!
//! | module | what it is, or answers | may use |
//! |---|---|---|
//! | [`document`] | what is in these files? text, spans that lead back to the file, outline, report. A crate of its own, `src/document` | |
//! | [`toml_fields`] | which fields does a TOML file have, and on which line? | |
//! | [`failure`] | what does an error say, and what can be done about it? | `document` |
//! | [`units`] | how are counts, bytes, times and rates written? | |
//! | [`aborts`] | what is left to do and say when the process dies? | |
//! | [`gguf`] | is a model's file sound? its header, read before llama.cpp sees it | |
//! | [`sandbox`] | what may a child process do that reads a stranger's file? | |
//! | [`harmless`] | makes text safe for a terminal: control characters become visible | |
//! | [`swaa`] | what may each token see? presets, recipes, attention: plain data | `failure`, `units` |
//! | [`store`] | what is kept between two runs: conversations, places, questions, blocks of the KV cache; whole and synced writes under a lock | `failure` |
//! | [`engine`] | runs the model on a thread of its own: commands in, events out (`message`); prefill and reuse (`worker`), KV caches in memory and on disk, answers (`generate`), llama.cpp (`llama`) | `aborts`, `failure`, `gguf`, `harmless`, `passages`, `store`, `swaa`, `units` |
//! | [`passages`] | which passages of a text does a question point at? plain data | |
//! | [`citations`] | is a quote of an answer really in the document? | `document` |
//! | [`chat`] | what does the conversation do next? a pure state machine, and the layout of prompts | `citations`, `document`, `engine::config`, `engine::message`, `failure`, `harmless`, `passages`, `swaa`, `units` |
//! | [`models`] | which models are known, where do they come from, are they whole? | `engine::message`, `failure` |
//! | [`fit`] | does it fit, what would it take, and which parts are nearest to a question? plain data | `chat`, `document`, `engine`, `failure`, `passages`, `swaa`, `units` |
//! | [`settings`] | what did the user ask for? flags, config and environment become one validated value | `document`, `engine`, `failure`, `models`, `store`, `swaa`, `toml_fields` |
//! | [`remote`] | how is a server's engine, ours or somebody else's, used in place of one on this machine? | `document`, `engine`, `failure`, `fit`, `harmless`, `settings`, `swaa`, `units` |
//! | [`session`] | what all front ends share: opens documents and the model, runs a chat's effects, talks to the engine, here or on a server | `chat`, `citations`, `document`, `engine`, `failure`, `fit`, `gguf`, `models`, `remote`, `sandbox`, `settings`, `store`, `swaa`, `units` |
//! | [`exit`] | how did it end, as scripts see it? | `chat`, `document`, `engine::message`, `failure`, `fit`, `models`, `session`, `settings`, `swaa` |
//! | [`headless`] | a chat without a screen, for scripts, and the commands that print and end | `chat`, `citations`, `document`, `engine`, `eval`, `exit`, `failure`, `fit`, `harmless`, `models`, `remote`, `sandbox`, `session`, `settings`, `store`, `swaa`, `units` |
//! | [`plain`] | a chat in plain lines, for screen readers | `chat`, `citations`, `exit`, `harmless`, `models`, `session`, `store`, `swaa`, `units` |
//! | [`tui`] | a chat on a screen; owns the terminal | `aborts`, `chat`, `citations`, `document`, `engine::message`, `failure`, `fit`, `harmless`, `passages`, `session`, `settings`, `store`, `swaa`, `toml_fields`, `units` |
//! | [`server`] | answers for OpenAI's clients and other Lunettes, over HTTP | `chat`, `citations`, `document`, `engine`, `exit`, `failure`, `harmless`, `remote::wire`, `session`, `settings`, `swaa`, `units` |
//! | [`eval`] | what is a preset worth? recall on records, against full attention | `chat`, `document`, `engine::message`, `exit`, `failure`, `harmless`, `session`, `settings`, `swaa`, `units` |
//!
//! # Three flows
//!
//! * **A key**: terminal event → keymap → [`chat::Input`] → [`chat::update()`] → [`chat::Effect`]s → [`session::EffectRunner`] → one draw. Plain lines
//!   and headless runs do the same with lines and flags in place of keys.
//! * **A document**: path or URL → text and spans → prompt, laid out by the chat template → tokens → longest prefix in a KV cache, in memory or on disk → prefill in chunks →
//!   sampled pieces → front end.
//! * **A preset switch**: the engine predicts its cost → the user agrees, or it takes less than 3 s ([`chat::SHORT`]) → the engine prefills from the first
//!   position whose attention differs → both measurements side by side.
//!
//! # Rules
//!
//! 1. Only `engine/llama.rs` and the files below it import the binding. `unsafe` is there, and in `aborts` and `sandbox`, which call the system.
//! 2. Only `chat::update` changes a `Chat`. Views take `&Chat`. Time comes in as an input.
//! 3. While the screen runs, only `tui` writes to the terminal. Logs go to a file.
//! 4. Only `engine` turns text into token ids and decides what the KV cache holds. Others see counts; `server` also hands ids on to clients that ask.
//! 5. Each job has an id, and each event carries it. `chat::update` drops stale events, or `session::EngineClient` where no chat runs.
//! 6. The screen shows what the engine has, not what was asked for.
//! 7. Model and context are locals of the engine's thread.
//! 8. Nothing is truncated silently. A figure is measured, or is called a prediction and rests on measurements.

pub mod aborts;
pub mod chat;
pub mod citations;
pub use lunette_document as document;
pub mod engine;
pub mod eval;
pub mod exit;
pub mod failure;
pub mod fit;
pub mod gguf;
pub mod harmless;
pub mod headless;
pub mod models;
#[cfg(test)]
mod parity;
pub mod passages;
pub mod plain;
pub mod remote;
pub mod sandbox;
pub mod server;
pub mod session;
pub mod settings;
pub mod store;
pub mod swaa;
pub mod toml_fields;
pub mod tui;
pub mod units;
