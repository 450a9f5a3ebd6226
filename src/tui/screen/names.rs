//! `@` in the question: a list of what can be referred to while a name is typed, and what the names mean.
//!
//! The picture: `Does @ch` opens a list of all parts and files whose names have `ch` in them; Enter or Tab puts the chosen one there as
//! `@"Chapter 12"`, Esc leaves what is typed. A name is looked up when it is whole: among the document's parts and files, as
//! they were loaded (also those that are not read); else it is a file on disk, which is read meanwhile.

use crate::session::references::NamedPart;

/// The list while it is open; there is at least one row.
#[derive(Debug, Clone)]
pub(in crate::tui) struct NameList {
    /// All that there is.
    pub(super) all: Vec<NamedPart>,
    /// Those of `all` that are meant by what is typed.
    pub rows: Vec<NamedPart>,
    pub at: usize,
    pub shown: usize,
}
