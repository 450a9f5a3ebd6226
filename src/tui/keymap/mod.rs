//! Key bindings: one table defines them, and the help and the command palette are generated from it.
//!
//! Each row is a command: name, where it works, keys, description. For example, `contents` works in the document and
//! has the key `t`. A plain character is a key only where no text is typed: `1` selects a preset in the document but is
//! a digit in the input box, where `f1` and `alt-1` select the preset.
//!
//! No key is bound that terminals cannot tell from another (Ctrl-M is Enter, Ctrl-[ is Esc). Ctrl-I is Tab on most
//! terminals; one that tells them apart sends it separately, and then it means what it means in vi. Alt-[ and Alt-]
//! begin escape sequences, so they are left alone.

mod bindings;
mod chord;
mod intent;
mod table;

pub use bindings::{KeyError, Keymap};
pub(super) use intent::{Field, Focus, Intent, Scroll};
pub(super) use table::COMMANDS;
