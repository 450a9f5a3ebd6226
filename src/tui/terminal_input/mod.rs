//! Reads the terminal: keys, pastes, the mouse, and replies to what it was asked.
//!
//! crossterm's own reader takes an Esc and what follows it in the same read for one broken sequence, and types the rest
//! (`[<65;10;10M`, `[D`, the colour of the background). It has no place for a filter, so the bytes are read here; its
//! types for keys and mouse events stay.
//!
//! ```text
//! bytes ─> sequences ─> bursts ─> events
//! ```
//!
//! | file | answers |
//! |---|---|
//! | [`sequence`] | where does one sequence end and the next begin? |
//! | [`burst`] | is text that comes at once typed, or pasted without brackets? |
//! | [`decoder`] | which key, paste, mouse event or reply is a sequence? |
//! | [`stops`] | how does the screen learn of a SIGTSTP, and stop? |
//! | [`tty`] | when does something come, and how long is the rest waited for? |
//!
//! Example: `ESC ESC [ < 65;10;10 M` in one read is the Esc key, then the wheel. It doesn't know what keys mean; the
//! keymap does.

mod burst;
mod decoder;
mod event;
mod sequence;
mod stops;
mod tty;

pub(super) use event::{Background, TerminalEvent};
pub(super) use sequence::DoubledEsc;
pub use stops::with_stops_held;
pub(super) use stops::{stop, with_stops_released};
pub(super) use tty::{Expecting, TerminalInput};
