//! The terminal interface. It owns the terminal while it runs.
//!
//! | file | does |
//! |---|---|
//! | [`keymap`] | turns a key into an [`keymap::Intent`], depending on the focus; the help is generated from it |
//! | [`screen`] | holds the interface's own state (focus, input, scrolling, popups); turns intents into chat actions |
//! | [`reader`] | shows the document: wraps the visible page, searches, keeps marks |
//! | [`layout`] | lays a frame out: positions, transcript lines, search hits, scrolling |
//! | [`view`] | draws `&Chat` and `&Screen`; changes nothing |
//! | [`display`], [`whole_rows`] | show frames in the terminal, without left-overs where terminals disagree about widths |
//! | [`stage`] | draws into memory, for benchmarks |
//! | [`event_loop`] | feeds keys, results, signals and ticks to `chat::update`; draws at most every 16 ms |
//! | [`terminal_input`] | turns the terminal's bytes into keys, pastes, mouse events and replies |
//! | [`runner`], [`terminal_runner`] | carry out commands: effects, reloading, clipboard, export, editor, Ctrl-Z |
//! | [`editor`] | lets the user edit the question in their own editor |
//! | [`recents`] | remembers which documents were opened, and where they were left |
//! | [`saved`] | lists and changes saved conversations |
//! | [`driver`] | opens the terminal and runs the loop |
//! | [`rendered_entries`], [`transcript_search`] | keep the transcript's lines, and find and mark text in them |
//!
//! One key: `5` in the transcript becomes `Intent::Preset('5')`, then `Action::Switch(5)`. `update` returns
//! `Command::Forecast`, the engine answers, and the next frame shows "fastest re-reads 160,900 tokens: about 48 s".
//!
//! The terminal is restored on every way out: return, error, panic, SIGTERM, SIGHUP, SIGQUIT ([`guard`]), and while the
//! program is stopped by Ctrl-Z or SIGTSTP ([`terminal_input`]). The module does not
//! know tokens, does not hold the conversation, and prints nothing outside a frame.

mod clipboard;
mod crash;
mod display;
mod driver;
mod editor;
mod event_loop;
mod guard;
mod keymap;
mod layout;
mod markdown;
mod options;
mod panes;
mod reader;
mod recents;
mod rendered_entries;
mod runner;
mod saved;
mod screen;
mod stage;
mod terminal_input;
mod terminal_runner;
mod theme;
mod transcript_search;
mod ui_command;
mod view;
mod whole_rows;
mod wrap;

#[cfg(test)]
mod tests;

pub use driver::run;
pub use keymap::{KeyError, Keymap};
pub use options::{Ended, Error, Options, ScreenExit};
pub use stage::Stage;
pub use terminal_input::with_stops_held;
