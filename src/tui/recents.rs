//! What the start lists of earlier sessions, and what this session adds: recent documents, and positions in them.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::screen::{RecentRow, Screen};
use crate::chat::{Chat, Moment, Source};
use crate::document::Document;
use crate::session::paths::absolute;
use crate::store::{Positions, Recent, RecentDocument, Remembered};

const DAY_S: i64 = 86_400;

/// A document that is left, and where.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Left {
    pub text: Arc<str>,
    pub remembered: Remembered,
}

/// Where the shown document is left; `None` without one.
pub(super) fn left(screen: &Screen, chat: &Chat) -> Option<Left> {
    if screen.reader.is_empty() {
        return None;
    }
    let marks = screen.reader.bookmarks.marks.clone();
    let remembered = Remembered { title: chat.document.title.clone(), byte: screen.reader.top(), marks };
    Some(Left { text: screen.reader.book.text().into(), remembered })
}

/// Saves where a document was left. Failing to save it must not stop anything.
pub(super) fn remember(state: &Path, left: &Left) {
    if let Err(error) = Positions::in_directory(state).of(&left.text).save(&left.remembered) {
        tracing::warn!(%error, "the place in the document is not remembered");
    }
}

/// Where `document` was left.
pub(super) fn place(state: &Path, document: &Document) -> Option<Remembered> {
    Positions::in_directory(state).of(&document.text).load()
}

/// Notes that `source` was opened under `title`. Standard input and the demo can't be opened again by name.
pub(super) fn note(state: &Path, source: &Source, home: Option<&Path>, title: &str, tokens: Option<u32>) {
    let Source::Named(names) = source else { return };
    if names.is_empty() || names.iter().any(|name| name == "-") {
        return;
    }
    let names = names.iter().map(|name| absolute(name, home)).collect();
    let document = RecentDocument { names, title: title.to_owned(), opened_s: now().0, tokens };
    if let Err(error) = Recent::in_directory(state).add(&document) {
        tracing::warn!(%error, "the document is not among the recent ones");
    }
}

/// The recent documents that can still be opened.
pub(super) fn rows(state: &Path) -> Vec<RecentRow> {
    let is_there = |name: &String| name.contains("://") || Path::new(name).exists();
    let all = Recent::in_directory(state).load();
    let there = all.into_iter().filter(|document| document.names.iter().all(is_there));
    let now = now();
    let row = |document: RecentDocument| RecentRow {
        when: ago(document.opened_s, now.0),
        names: document.names,
        title: document.title,
        tokens: document.tokens,
    };
    there.map(row).collect()
}

fn now() -> Moment {
    Moment::from(SystemTime::now())
}

/// `today`, `yesterday`, `5 days ago`, by days of 24 hours.
fn ago(then_s: i64, now_s: i64) -> String {
    match (now_s - then_s).max(0) / DAY_S {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        days => format!("{days} days ago"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn days_are_counted() {
        let said = [0, DAY_S - 1, DAY_S, 3 * DAY_S, -5].map(|past| ago(1_000_000_000 - past, 1_000_000_000));
        assert_eq!(said, ["today", "today", "yesterday", "3 days ago", "today"]);
    }

    #[test]
    fn what_is_gone_and_what_has_no_name_is_not_listed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        fs::write(path("book.txt"), "A book.").expect("written");
        let opened = |names: &[&str]| {
            let source = Source::Named(names.iter().map(|name| (*name).to_owned()).collect());
            note(folder.path(), &source, Some(folder.path()), "a title", Some(12));
        };
        opened(&["~/book.txt"]);
        opened(&[&path("gone.txt")]);
        opened(&["-"]);
        opened(&["https://example.org/a.txt"]);
        opened(&[]);
        note(folder.path(), &Source::Demo, None, "Pride and Prejudice", None);
        let names: Vec<_> = rows(folder.path()).into_iter().map(|row| (row.names, row.tokens)).collect();
        let listed = [vec!["https://example.org/a.txt".to_owned()], vec![path("book.txt")]];
        assert_eq!(names, listed.map(|names| (names, Some(12))));
    }
}
