//! The screen; owns the terminal.
