//! The screen; owns the terminal.
//!
//! The picture: four layers, each ignorant of the one above.
//!
//! | file | does |
//! |---|---|
//! | [`keymap`] | a key, and where the focus is → an [`keymap::Intent`]: one table, from which the help is drawn too |
//! | [`screen`] | what is the screen's own: focus, the input box, scrolling, what lies open; an intent → the chat's actions |
//! | [`reader`] | the document as it is read: wrapped by the page, searched, marked |
//! | [`view`] | draws a chat and a screen; pure: `&Chat` and `&Screen` in, cells out |
//! | [`stage`] | the same without a terminal, for benchmarks |
//! | [`driver`] | the loop: keys, engine events, signals and time → `chat::update` → effects → at most one frame every 16 ms |
//! | [`found`] | where something is said in the transcript, and how that is marked |
//! | [`errands`] | does what the screen asks for: the clipboard, exports, the user's editor, Ctrl-Z |
//! | [`outside`] | does what effects ask for: commands to the engine, quotes to be looked up |
//! | [`aside`] | has parts counted, and tried what would fit, while the screen goes on |
//!
//! One key: `5` with the focus on the transcript → `Intent::Preset('5')` → `Action::Switch(5)` → `update` → `Command::Forecast` to the
//! engine → its answer → one frame that says "fastest reads 160,900 tokens again: about 48 s".
//!
//! The terminal is put back on every way out: return, error, panic, SIGTERM, SIGHUP ([`guard`]). What it does not do: know
//! tokens, hold the conversation, or print anything outside a frame.

mod aside;
mod clipboard;
mod crash;
mod driver;
mod errand;
mod errands;
mod found;
mod guard;
mod keymap;
mod markdown;
mod outside;
mod panes;
mod reader;
mod screen;
mod sheets;
mod stage;
mod theme;
mod view;
mod wrap;

#[cfg(test)]
mod tests;

pub use driver::{Ended, Error, Look, Looked, Options, Shelf, Shown, run};
pub use keymap::{KeyError, Keymap};
pub use outside::{Engine, Fetch, Start, Starter};
pub use stage::Stage;
