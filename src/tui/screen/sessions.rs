//! The list of saved conversations: one can go on, be named, copied, exported, removed, or found by what was said in it.

use super::line_input::LineInput;

/// The open list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct SessionList {
    pub rows: Vec<SessionRow>,
    pub at: usize,
    /// Visible rows.
    pub shown: usize,
    /// What is being typed.
    pub entry: Option<SessionEntry>,
    /// The conversation that goes when the key is pressed again.
    pub to_remove: Option<i64>,
    /// What the rows were found by.
    pub found_by: Option<String>,
}

/// What is typed below the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) enum SessionEntry {
    /// A name for this conversation.
    Name(i64, LineInput),
    /// What to look for.
    Search(LineInput),
}

/// A saved conversation, or a place in one that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct SessionRow {
    pub id: i64,
    /// The user's name for it.
    pub name: Option<String>,
    /// The document's title.
    pub title: String,
    /// The last question, or what was found.
    pub words: String,
    pub questions: usize,
    /// `today`
    pub when: String,
    /// It is the one on the screen.
    pub is_open: bool,
}

impl SessionRow {
    /// Its name, or else its document's title.
    pub(in crate::tui) fn called(&self) -> &str {
        match (&self.name, self.title.as_str()) {
            (Some(name), _) => name,
            (None, "") => "no document",
            (None, title) => title,
        }
    }
}

impl SessionList {
    pub(super) fn new(rows: Vec<SessionRow>, found_by: Option<String>) -> Self {
        Self { rows, at: 0, shown: 10, entry: None, to_remove: None, found_by }
    }

    /// The selected row.
    pub(super) fn row(&self) -> Option<&SessionRow> {
        self.rows.get(self.at)
    }

    pub(in crate::tui) fn input(&self) -> Option<(&'static str, &LineInput)> {
        self.entry.as_ref().map(|entry| match entry {
            SessionEntry::Name(_, input) => ("name: ", input),
            SessionEntry::Search(input) => ("find: ", input),
        })
    }
}
