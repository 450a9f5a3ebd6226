//! What a conversation was about: which files, which parts of them, and what their texts were, so that a change is noticed when it goes on.
//!
//! Example: `lunette --parts 3-7 book.txt` notes the path from the root, parts 3 to 7 of 61, and a fingerprint (SHA-256) of the text of
//! each file. Text itself is not kept.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::paths::absolute;
use super::working_set::WorkingSet;
use crate::chat::Source;
use crate::document::{Document, without_password};
use crate::store::sessions::Documents;

/// Changed files that are named.
const MOST_NAMED: usize = 3;

/// The documents of a conversation. New fields get defaults: it is read again by later versions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DocumentsNote {
    /// The bundled book.
    pub is_demo: bool,
    /// As named on the command line, relative to `folder` of the conversation; addresses without their passwords.
    pub names: Vec<String>,
    /// `--pages`, as written.
    pub pages: Option<String>,
    /// The numbers of the parts in use, if not all.
    pub parts: Option<Vec<usize>>,
    /// The parts were chosen for their questions (`--pick`), and only passages of them were in use.
    pub is_picked: bool,
    /// Of each file, its name and its fingerprint.
    pub files: Vec<(String, String)>,
}

impl DocumentsNote {
    /// What is noted of the documents in use; of their parts, the first `parts_taken` if time limited them.
    #[must_use]
    pub fn of(files: &WorkingSet<'_>, parts_taken: Option<usize>) -> Self {
        let mut parts = files.parts().to_vec();
        parts.truncate(parts_taken.unwrap_or(usize::MAX));
        let is_all = parts.len() == files.whole().parts().len();
        Self {
            is_demo: *files.source() == Source::Demo,
            names: names(files.source()),
            pages: files.pages().map(str::to_owned),
            parts: (!is_all).then_some(parts),
            is_picked: files.retrieved().is_some(),
            files: fingerprints(&files.document()),
        }
    }

    /// What the store gets.
    #[must_use]
    pub fn stored(&self, files: &WorkingSet<'_>) -> Documents {
        let detail = serde_json::to_string(self).expect("plain data can be written");
        Documents { names: stored_names(files.source(), files.home()), detail }
    }

    /// The note of a saved conversation. What can't be read is as if there had been no document. In the folder that it was begun in, the
    /// documents have the names that were typed there, elsewhere those from the root on.
    #[must_use]
    pub fn read(stored: &Documents, is_same_folder: bool) -> Self {
        let mut note: Self = serde_json::from_str(&stored.detail).unwrap_or_default();
        if !note.is_demo && !is_same_folder {
            note.names.clone_from(&stored.names);
        }
        note
    }

    /// Where the documents can be opened again; `None` if there were none, or they came from standard input.
    #[must_use]
    pub fn source(&self) -> Option<Source> {
        if self.is_demo {
            return Some(Source::Demo);
        }
        let is_open = !self.names.is_empty() && self.names.iter().all(|name| name != "-");
        is_open.then(|| Source::Named(self.names.clone()))
    }

    /// `2 files have changed (a.rs, b.rs), c.rs is gone`; `None` if the texts are the same.
    #[must_use]
    pub fn changes(&self, now: &Document) -> Option<String> {
        let now = fingerprints(now);
        let of = |name: &String| now.iter().find(|(other, _)| is_same_name(name, other)).map(|(_, text)| text);
        let gone = self.files.iter().filter(|(name, _)| of(name).is_none());
        let changed = self.files.iter().filter(|(name, text)| of(name).is_some_and(|now| now != text));
        let is_known = |name: &String| self.files.iter().any(|(known, _)| is_same_name(known, name));
        let added = now.iter().filter(|(name, _)| !is_known(name));
        let told: Vec<String> = [(changed.collect(), "changed"), (gone.collect(), "gone"), (added.collect(), "new")]
            .into_iter()
            .filter_map(|(files, word): (Vec<&(String, String)>, &str)| in_words(&files, word))
            .collect();
        let texts = |files: &[(String, String)]| files.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>();
        match told.is_empty() {
            true if texts(&self.files) == texts(&now) => None,
            true => Some("the files come in another order".to_owned()),
            false => Some(told.join(", ")),
        }
    }
}

/// `a.rs and b.rs have changed`, `a.rs, b.rs, c.rs and 4 more are gone`.
fn in_words(files: &[&(String, String)], word: &str) -> Option<String> {
    let names: Vec<&str> = files.iter().take(MOST_NAMED).map(|(name, _)| name.as_str()).collect();
    let (last, first) = names.split_last()?;
    let more = files.len() - names.len();
    let listed = match (first, more) {
        ([], 0) => (*last).to_owned(),
        (first, 0) => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {more} more", names.join(", ")),
    };
    let verb = match (word, files.len()) {
        ("changed", 1) => "has changed",
        ("changed", _) => "have changed",
        ("gone", 1) => "is gone",
        ("gone", _) => "are gone",
        (_, 1) => "is new",
        _ => "are new",
    };
    Some(format!("{listed} {verb}"))
}

/// Whether two names are of one file: one may be from the root on, the other from a folder.
fn is_same_name(one: &str, other: &str) -> bool {
    let is_end_of = |short: &str, long: &str| {
        long.strip_suffix(short.trim_start_matches("./"))
            .is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    one == other || is_end_of(one, other) || is_end_of(other, one)
}

/// As the user named them, without passwords.
fn names(source: &Source) -> Vec<String> {
    match source {
        Source::Named(names) => names.iter().map(|name| without_password(name).into_owned()).collect(),
        Source::Demo => Vec::new(),
    }
}

/// From the root on, so that they are found from any folder.
pub(super) fn stored_names(source: &Source, home: Option<&std::path::Path>) -> Vec<String> {
    match source {
        Source::Demo => vec!["demo:".to_owned()],
        Source::Named(names) => {
            names.iter().map(|name| if name == "-" { name.clone() } else { absolute(name, home) }).collect()
        }
    }
}

/// The files, each with the fingerprint of its text in use.
fn fingerprints(document: &Document) -> Vec<(String, String)> {
    let mut files: Vec<(String, Sha256)> = Vec::new();
    for source in document.sources.iter().filter(|source| !source.span.is_empty()) {
        let text = &document.text[source.span.start..source.span.end];
        match files.last_mut().filter(|(name, _)| *name == source.name) {
            Some((_, hasher)) => hasher.update(text),
            None => files.push((source.name.clone(), Sha256::new_with_prefix(text))),
        }
    }
    files.into_iter().map(|(name, hasher)| (name, hexadecimal(&hasher.finalize()))).collect()
}

fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Input, ReadOptions, load};

    fn note(files: &[(&str, &str)]) -> DocumentsNote {
        DocumentsNote { files: fingerprints(&document(files)), ..DocumentsNote::default() }
    }

    fn document(files: &[(&str, &str)]) -> Document {
        let input = |(name, text): &(&str, &str)| Input::Memory {
            name: (*name).into(),
            bytes: text.as_bytes().to_vec().into(),
        };
        let inputs: Vec<Input> = files.iter().map(input).collect();
        load(&inputs, &ReadOptions::default(), &mut std::io::empty()).expect("texts")
    }

    #[test]
    fn no_password_is_kept() {
        let source = Source::Named(vec!["https://ada:secret@example.org/a".into(), "book.txt".into()]);
        assert_eq!(names(&source), ["https://example.org/a", "book.txt"]);
        assert_eq!(stored_names(&source, None)[0], "https://example.org/a");
    }

    #[test]
    fn what_has_become_of_each_file_is_told() {
        let before = note(&[("src/a.txt", "A.\n"), ("src/b.txt", "B.\n"), ("src/c.txt", "C.\n")]);
        let now = |files: &[(&str, &str)]| before.changes(&document(files));
        let from_the_root = [("/x/src/a.txt", "A.\n"), ("/x/src/b.txt", "B.\n"), ("/x/src/c.txt", "C.\n")];
        assert_eq!(now(&from_the_root), None);
        let [a, b, c] = from_the_root;
        assert_eq!(now(&[c, b, a]).as_deref(), Some("the files come in another order"));
        assert_eq!(now(&[("src/a.txt", "A.\n"), ("src/b.txt", "B.\n"), ("src/c.txt", "C.\n")]), None);
        let told = now(&[("src/a.txt", "AA.\n"), ("src/c.txt", "CC.\n"), ("src/d.txt", "D.\n")]);
        let expected = "src/a.txt and src/c.txt have changed, src/b.txt is gone, src/d.txt is new";
        assert_eq!(told.as_deref(), Some(expected));
    }
}
