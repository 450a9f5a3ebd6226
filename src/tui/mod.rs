//! The screen; owns the terminal.
//!
//! The picture: four layers, each ignorant of the one above.
//!
//! | file | does |
//! |---|---|
//! | [`keymap`] | a key, and where the focus is → an [`keymap::Intent`]: one table, from which the help is drawn too |
//! | [`screen`] | what is the screen's own: focus, the input box, scrolling, what lies open; an intent → the chat's actions |
//! | [`reader`] | the document as it is read: wrapped by the page, searched, marked |
//! | [`layout`] | lays a frame out: where everything goes, which lines there are, what is found in them, how far it is scrolled |
//! | [`view`] | draws a chat and a screen; pure: `&Chat` and `&Screen` in, cells out |
//! | [`stage`] | the same without a terminal, for benchmarks |
//! | [`event_loop`] | keys, results, signals and time → `chat::update` → effects → at most one frame every 16 ms |
//! | [`runner`], [`terminal_runner`] | the one way out of the loop: effects, reloading, the clipboard, exports, the editor, Ctrl-Z |
//! | [`driver`] | opens the terminal, and runs the loop in it |
//! | [`rendered_entries`], [`transcript_search`] | the transcript's lines, and where something is said in them |
//!
//! One key: `5` with the focus on the transcript → `Intent::Preset('5')` → `Action::Switch(5)` → `update` → `Command::Forecast` to the
//! engine → its answer → one frame that says "fastest reads 160,900 tokens again: about 48 s".
//!
//! The terminal is put back on every way out: return, error, panic, SIGTERM, SIGHUP ([`guard`]). What it does not do: know
//! tokens, hold the conversation, or print anything outside a frame.

mod clipboard;
mod crash;
mod display;
mod driver;
mod event_loop;
mod guard;
mod keymap;
mod layout;
mod markdown;
mod options;
mod panes;
mod reader;
mod rendered_entries;
mod runner;
mod screen;
mod stage;
mod terminal_runner;
mod theme;
mod transcript_search;
mod ui_command;
mod view;
mod wrap;

#[cfg(test)]
mod tests;

pub use driver::run;
pub use keymap::{KeyError, Keymap};
pub use options::{Error, Options, ScreenExit};
pub use stage::Stage;
