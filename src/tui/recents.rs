//! What the start lists of earlier sessions, and what this session adds: recent documents, and positions in them.

use std::path::Path;
use std::sync::Arc;

use super::screen::{RecentRow, Screen};
use crate::chat::{Chat, Source};
use crate::document::Document;
use crate::session::Recorder;
use crate::session::earlier::{ago, now_s};
use crate::session::paths::absolute;
use crate::store::{RecentDocument, Remembered};

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
pub(super) fn remember(recorder: &mut Recorder, left: &Left) {
    let Some(database) = recorder.database() else { return };
    if let Err(error) = database.put_place(&left.text, &left.remembered) {
        tracing::warn!(%error, "the place in the document is not remembered");
    }
}

/// Where `document` was left.
pub(super) fn place(recorder: &mut Recorder, document: &Document) -> Option<Remembered> {
    recorder.database()?.place(&document.text).unwrap_or_default()
}

/// Notes that `source` was opened under `title`. Standard input and the demo can't be opened again by name.
pub(super) fn note(recorder: &mut Recorder, source: &Source, home: Option<&Path>, title: &str, tokens: Option<u32>) {
    let (Source::Named(names), Some(database)) = (source, recorder.database()) else { return };
    if names.is_empty() || names.iter().any(|name| name == "-") {
        return;
    }
    let names = names.iter().map(|name| absolute(name, home)).collect();
    let document = RecentDocument { names, title: title.to_owned(), opened_s: now_s(), tokens };
    if let Err(error) = database.add_recent(&document) {
        tracing::warn!(%error, "the document is not among the recent ones");
    }
}

/// The recent documents that can still be opened.
pub(super) fn rows(recorder: &mut Recorder) -> Vec<RecentRow> {
    let is_there = |name: &String| name.contains("://") || Path::new(name).exists();
    let all = recorder.database().and_then(|database| database.recent().ok()).unwrap_or_default();
    let there = all.into_iter().filter(|document| document.names.iter().all(is_there));
    let row = |document: RecentDocument| RecentRow {
        when: ago(document.opened_s, now_s()),
        names: document.names,
        title: document.title,
        tokens: document.tokens,
    };
    there.map(row).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::Database;

    #[test]
    fn what_is_gone_and_what_has_no_name_is_not_listed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        fs::write(path("book.txt"), "A book.").expect("written");
        let database = Database::open(&folder.path().join("sessions")).expect("opened");
        let mut recorder = Recorder::on(database);
        let mut opened = |names: &[&str]| {
            let source = Source::Named(names.iter().map(|name| (*name).to_owned()).collect());
            note(&mut recorder, &source, Some(folder.path()), "a title", Some(12));
        };
        opened(&["~/book.txt"]);
        opened(&[&path("gone.txt")]);
        opened(&["-"]);
        opened(&["https://ada:secret@example.org/a.txt"]);
        opened(&[]);
        note(&mut recorder, &Source::Demo, None, "Pride and Prejudice", None);
        let names: Vec<_> = rows(&mut recorder).into_iter().map(|row| (row.names, row.tokens)).collect();
        let listed = [vec!["https://example.org/a.txt".to_owned()], vec![path("book.txt")]];
        assert_eq!(names, listed.map(|names| (names, Some(12))));
    }
}
