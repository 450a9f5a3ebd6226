//! The list of names that `@` can refer to, while one is being typed.
//!
//! `Does @ch` lists all parts and files with `ch` in their names. Enter or Tab inserts the selected one as `@"Chapter
//! 12"`; Esc keeps the typed text. Once a name is complete, [`crate::session::references`] finds what it means.

use crate::session::references::NamedPart;

/// An open list.
#[derive(Debug, Clone)]
pub(in crate::tui) struct NameList {
    /// Every name.
    pub(super) all: Vec<NamedPart>,
    /// The names that match the typed text; at least one.
    pub rows: Vec<NamedPart>,
    pub at: usize,
    pub shown: usize,
}
