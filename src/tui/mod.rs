//! The screen; owns the terminal.
//!
//! The picture: four layers, each ignorant of the one above.
//!
//! | file | does |
//! |---|---|
//! | [`keymap`] | a key, and where the focus is → an [`keymap::Intent`]: one table, from which the help is drawn too |
//! | [`screen`] | what is the screen's own: focus, the input box, scrolling, what is folded; an intent → the chat's actions |
//! | [`view`] | draws a chat and a screen; pure: `&Chat` and `&Screen` in, cells out |
//! | [`driver`] | the loop: keys, engine events, signals and time → `chat::update` → effects → at most one frame every 16 ms |
//!
//! One key: `5` with the focus on the transcript → `Intent::Preset('5')` → `Action::Switch(5)` → `update` → `Command::Forecast` to the
//! engine → its answer → one frame that says "fastest reads 160,900 tokens again: about 48 s".
//!
//! The terminal is put back on every way out: return, error, panic, SIGTERM, SIGHUP ([`guard`]). What it does not do: know
//! tokens, hold the conversation, or print anything outside a frame.

mod driver;
mod guard;
mod keymap;
mod markdown;
mod screen;
mod theme;
mod view;
mod wrap;

#[cfg(test)]
mod tests;

pub use driver::{Ended, Error, Options, run};
