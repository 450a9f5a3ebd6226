//! Resolves the names after `@` in a question to parts of the document or files.
//!
//! Example: `Does @"Chapter 12" agree with @notes.txt?` names a part of the opened document, in use or not, and a file
//! on disk. Parts are tried first, then the document's files, then its headings. Any other name is a file on disk, which
//! is read by [`crate::chat::Effect::ReadFile`], unless it is a file of the document under another path; if there is no
//! such file, it is the end of the path of one of the document's files: `@r02.md` is `small/r02.md` if only one is called
//! so. [`crate::chat::attached`] defines how a name is written, and
//! what the model gets.

use std::path::Path;

use crate::chat::attached::{Attached, Reference, is_meant, references};
use crate::chat::{Action, AttachedText, Chat};
use crate::document::{ByteSpan, Document};
use crate::units::{bytes, counted};

/// A part or a file of the document, with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPart {
    pub name: String,
    pub span: ByteSpan,
}

/// Everything that can be named in `document`: its parts, and the files that are not parts themselves.
#[must_use]
pub fn named_parts(document: &Document) -> Vec<NamedPart> {
    if document.text.is_empty() {
        return Vec::new();
    }
    let parts = document.parts().into_iter().map(|part| NamedPart { name: part.title, span: part.span });
    let mut all: Vec<NamedPart> = parts.filter(|part| !part.name.is_empty()).collect();
    for file in files(document) {
        if all.iter().all(|named| named.name != file.name) {
            all.push(file);
        }
    }
    all
}

/// The files, each from its first to its last byte.
fn files(document: &Document) -> Vec<NamedPart> {
    let mut files: Vec<NamedPart> = Vec::new();
    for source in &document.sources {
        match files.last_mut() {
            Some(last) if last.name == source.name => last.span.end = source.span.end,
            _ => files.push(NamedPart { name: source.name.clone(), span: source.span }),
        }
    }
    files
}

/// Resolves `name` to a part, a file or a heading of `document`, or else to a file on disk.
#[must_use]
pub fn resolve(document: &Document, name: &str) -> Attached {
    let headings = document.outline.iter().map(|entry| NamedPart { name: entry.title.clone(), span: entry.span });
    let known = named_parts(document).into_iter().chain(headings).find(|known| is_meant(name, &known.name));
    let text = |part: &NamedPart| &document.text[part.span.start..part.span.end];
    match (known, by_path(document, name)) {
        (Some(known), _) => Attached::part(&known.name, text(&known)),
        (None, Some(file)) => Attached::part(name, text(&file)),
        (None, None) => Attached::file(name),
    }
}

/// The document's file that `name` is another path of, or else, if there is no file of that name on disk, the only one
/// whose path ends so.
fn by_path(document: &Document, name: &str) -> Option<NamedPart> {
    let mut files = files(document).into_iter();
    if let Some(written) = Path::new(name).is_file().then(|| Path::new(name).canonicalize().ok()).flatten() {
        return files.find(|file| Path::new(&file.name).canonicalize().is_ok_and(|path| path == written));
    }
    let end = format!("/{}", name.strip_prefix("./").unwrap_or(name).to_lowercase());
    let mut meant = files.filter(|file| file.name.to_lowercase().ends_with(&end));
    meant.next().filter(|_| meant.next().is_none())
}

/// The actions to take before asking `question`: one for each name in it that the chat does not know yet.
#[must_use]
pub fn attach_all(chat: &Chat, document: &Document, question: &str) -> Vec<Action> {
    let names = unattached(chat, question).into_iter().map(|reference| reference.name);
    names.map(|name| Action::Attach(resolve(document, &name))).collect()
}

/// The names in `question` that the chat does not know yet.
#[must_use]
pub fn unattached(chat: &Chat, question: &str) -> Vec<Reference> {
    let is_known = |name: &str| chat.attached.iter().any(|attached| is_meant(name, &attached.name));
    references(question).into_iter().filter(|reference| !is_known(&reference.name)).collect()
}

/// How something that a question refers to reaches the model: `notes.txt, 1,204 tokens`.
#[must_use]
pub fn describe(attached: &Attached) -> String {
    let name = &attached.name;
    match (&attached.text, attached.tokens) {
        (AttachedText::Read(_), _) => format!("{name}, in context"),
        (AttachedText::Coming, _) => format!("{name}, loading"),
        (AttachedText::Unread(_) | AttachedText::File(_), Some(tokens)) => {
            format!("{name}, {}", counted(tokens, "token"))
        }
        (AttachedText::Unread(text) | AttachedText::File(text), None) => {
            format!("{name}, {}", bytes(text.len() as u64))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Input, ReadOptions, load};

    fn document(files: &[(&str, &str)]) -> Document {
        let input = |(name, text): &(&str, &str)| {
            let bytes = text.as_bytes().to_vec().into();
            Input::Memory { name: (*name).into(), bytes }
        };
        let inputs: Vec<Input> = files.iter().map(input).collect();
        load(&inputs, &ReadOptions::default(), &mut std::io::empty()).expect("text")
    }

    fn names(document: &Document) -> Vec<String> {
        named_parts(document).into_iter().map(|part| part.name).collect()
    }

    #[test]
    fn chapters_are_named_and_the_file_that_has_them() {
        let book = document(&[("book.md", "# One\n\nTom.\n\n# Two\n\nAnna.\n")]);
        assert_eq!(names(&book), ["One", "Two", "book.md"]);
        assert_eq!(names(&Document::default()), [""; 0]);
    }

    #[test]
    fn a_file_that_is_a_part_is_named_once() {
        assert_eq!(names(&document(&[("a.txt", "Tom.\n"), ("b.txt", "Anna.\n")])), ["a.txt", "b.txt"]);
    }

    #[test]
    fn a_name_means_a_part_of_the_document_before_it_means_a_file_on_disk() {
        let book = document(&[("book.md", "# One\n\nTom.\n\n# Two\n\nAnna.\n")]);
        let two = resolve(&book, "two");
        assert_eq!((&*two.name, two.text), ("Two", AttachedText::Unread("# Two\n\nAnna.".into())));
        assert_eq!(resolve(&book, "notes.txt"), Attached::file("notes.txt"));
    }

    /// `inspect` lists the files of a folder without the folder, and `@r02.md` was nowhere.
    #[test]
    fn the_end_of_a_path_means_the_file_if_only_one_ends_so() {
        let folder =
            document(&[("small/r01.md", "Tom.\n"), ("small/r02.md", "Anna.\n"), ("small/more/r01.md", "Eve.\n")]);
        let text = |written: &str| match resolve(&folder, written).text {
            AttachedText::Unread(text) => text.lines().last().unwrap_or_default().to_owned(),
            other => panic!("{written}: {other:?}"),
        };
        for written in ["r02.md", "./r02.md", "R02.md", "small/r02.md"] {
            assert_eq!(text(written), "Anna.", "{written}");
        }
        assert_eq!(text("more/r01.md"), "Eve.");
        for nothing in ["r01.md", "2.md", "r03.md", "md"] {
            assert_eq!(resolve(&folder, nothing), Attached::file(nothing));
        }
    }

    #[test]
    fn a_file_of_the_document_is_not_attached_again_under_another_path() {
        let home = tempfile::tempdir().expect("a folder");
        let [mine, other] = ["mine.md", "other.md"].map(|name| home.path().join(name));
        std::fs::write(&mine, "Mine.\n").expect("written");
        std::fs::write(&other, "Other.\n").expect("written");
        let opened = home.path().join(".").join("mine.md");
        let book = document(&[(&format!("{}/./mine.md", home.path().display()), "Mine.\n")]);
        assert_eq!(opened.canonicalize().ok(), mine.canonicalize().ok());
        let written = mine.to_string_lossy();
        assert_eq!(resolve(&book, &written).text, AttachedText::Unread("Mine.".into()));
        assert_eq!(resolve(&book, &other.to_string_lossy()), Attached::file(&other.to_string_lossy()));
    }
}
