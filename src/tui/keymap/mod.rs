//! Which key means what: one table, from which keys are understood, and the help and the palette are drawn.
//!
//! The picture: a row is a command: its name, where it holds, its keys, what it does. `reader.contents` holds in the reader and has
//! `t`. A bare character is a key only where no text is typed: `1` is a preset in the reader, and a digit in the input box,
//! where `f1` and `alt-1` are the preset.
//!
//! Nothing is bound that a terminal can't tell apart from another key (Ctrl-M is Enter, Ctrl-[ Esc). Ctrl-I is Tab for most; only a
//! terminal that tells them apart sends it as a key of its own, and there it means what it means in vi. Alt-[ and Alt-] begin
//! what a terminal sends for other keys, and are left to it.

mod bindings;
mod chord;
mod intent;
mod table;

pub use bindings::{KeyError, Keymap};
pub(super) use intent::{Focus, Intent, Scroll};
pub(super) use table::COMMANDS;
