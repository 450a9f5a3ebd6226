//! The start: what can be opened, when nothing is. Recent documents, a path, the demo, the models.

use crate::chat::{Chat, Earlier, Source};

/// Most recent documents that are listed.
pub(in crate::tui) const MOST_RECENT: usize = 9;

/// A document that was opened before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct RecentRow {
    pub names: Vec<String>,
    pub title: String,
    /// `today`, `5 days ago`
    pub when: String,
    pub tokens: Option<u32>,
}

/// A row of the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum StartRow<'a> {
    Earlier(&'a Earlier),
    Recent(&'a RecentRow),
    Sessions,
    Open,
    Demo,
    Models,
}

/// The rows: the conversation that can go on, then recent documents.
pub(in crate::tui) fn start_rows<'a>(chat: &'a Chat, recent: &'a [RecentRow]) -> Vec<StartRow<'a>> {
    let recent = recent.iter().take(MOST_RECENT).map(StartRow::Recent);
    let earlier = chat.earlier.iter().map(StartRow::Earlier);
    earlier.chain(recent).chain([StartRow::Open, StartRow::Sessions, StartRow::Demo, StartRow::Models]).collect()
}

impl RecentRow {
    pub(super) fn source(&self) -> Source {
        Source::Named(self.names.clone())
    }
}
