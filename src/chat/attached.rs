//! What a question refers to with `@`: parts of the document, and files.
//!
//! If a referenced part is already in the prompt, the question names it and quotes its first words, so that the model
//! can find it. Anything else is attached in full: a part that `--within`, `--parts` or `--pick` left out, or a file on
//! disk. The question itself is kept as it was typed.
//!
//! Example: `Does @"Chapter 40" agree with @notes.txt?` is sent as `Does "Chapter 40" agree with "notes.txt"?`,
//! followed by the first words of chapter 40 and all of `notes.txt` in a fence.
//!
//! A name ends at white space and does not include trailing punctuation. A quoted name may contain anything: `@"Chapter
//! 12"`. An `@` inside a word (`a@b.c`) is not a reference. This module does not look names up or read files.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// How many words of a part are quoted so that the model can find it.
const FIRST_WORDS: usize = 24;
/// Characters that end a sentence and are not part of a name.
const PUNCTUATION: [char; 12] = ['.', ',', ';', ':', '!', '?', ')', ']', '}', '\'', '"', '…'];

/// A name after an `@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Includes the `@` and the quotes.
    pub span: Range<usize>,
    pub name: String,
    /// Whether something follows the name, so that it is complete.
    pub is_closed: bool,
}

/// All references of `text`, in order.
#[must_use]
pub fn references(text: &str) -> Vec<Reference> {
    let mut found: Vec<Reference> = Vec::new();
    for (at, _) in text.match_indices('@') {
        let is_inside = found.last().is_some_and(|last| at < last.span.end);
        if !is_inside && begins_a_word(&text[..at]) {
            found.extend(reference(text, at));
        }
    }
    found
}

/// Whether a word can begin right after `before`.
#[must_use]
pub fn begins_a_word(before: &str) -> bool {
    before.chars().next_back().is_none_or(|c| c.is_whitespace() || "([{\"'“‘".contains(c))
}

fn reference(text: &str, at: usize) -> Option<Reference> {
    let rest = &text[at + 1..];
    if let Some(quoted) = rest.strip_prefix('"') {
        let end = quoted.find(['"', '\n']).filter(|&end| end > 0 && quoted[end..].starts_with('"'))?;
        return Some(Reference { span: at..at + end + 3, name: quoted[..end].to_owned(), is_closed: true });
    }
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let name = rest[..end].trim_end_matches(PUNCTUATION);
    let span = at..at + 1 + name.len();
    (!name.is_empty()).then(|| Reference { span, name: name.to_owned(), is_closed: end < rest.len() })
}

/// `name` as a reference: quoted if it needs quotes. Quotes inside the name are left out.
#[must_use]
pub fn written(name: &str) -> String {
    let name = name.replace('"', "");
    if name.contains(char::is_whitespace) || name.ends_with(PUNCTUATION) {
        format!("@\"{name}\"")
    } else {
        format!("@{name}")
    }
}

/// Whether the reference `written` means the part or file called `name`. Files of the folder `.` are called `./notes.txt`.
#[must_use]
pub fn is_meant(written: &str, name: &str) -> bool {
    let bare = |name: &str| name.strip_prefix("./").unwrap_or(name).replace('"', "").to_lowercase();
    bare(written) == bare(name)
}

/// The name, if `question` is nothing but one reference.
#[must_use]
pub fn only_reference(question: &str) -> Option<String> {
    let question = question.trim();
    let mut all = references(question).into_iter().filter(|reference| reference.span == (0..question.len()));
    all.next().map(|reference| reference.name)
}

/// A part or file that a question refers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// As written after the `@`.
    pub name: Arc<str>,
    pub text: AttachedText,
    /// The tokens of the attached text, once the engine has counted them.
    pub tokens: Option<u32>,
}

/// The text behind a reference, and whether it is attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachedText {
    /// A part that is in the prompt: its first words are quoted.
    Read(Arc<str>),
    /// A part that is not in the prompt: attached in full.
    Unread(Arc<str>),
    /// A file: attached in full.
    File(Arc<str>),
    /// A file that is still being read.
    Coming,
}

impl Attached {
    /// A part of the document with this text.
    #[must_use]
    pub fn part(name: &str, text: &str) -> Self {
        Self { name: name.into(), text: AttachedText::Unread(text.trim().into()), tokens: None }
    }

    /// A file that has not been read yet.
    #[must_use]
    pub fn file(name: &str) -> Self {
        Self { name: name.into(), text: AttachedText::Coming, tokens: None }
    }

    /// The text that is attached to the question in full.
    #[must_use]
    pub fn enclosed(&self) -> Option<&Arc<str>> {
        match &self.text {
            AttachedText::Unread(text) | AttachedText::File(text) => Some(text),
            AttachedText::Read(_) | AttachedText::Coming => None,
        }
    }

    /// Checks whether a part is in the document that is prefilled.
    pub(super) fn settle(&mut self, document: &str) {
        if let AttachedText::Read(text) | AttachedText::Unread(text) = &self.text {
            let text = text.clone();
            self.text = if document.contains(&*text) { AttachedText::Read(text) } else { AttachedText::Unread(text) };
        }
    }

    /// What the prompt says about it after the question.
    fn note(&self) -> Option<String> {
        let name = &self.name;
        match &self.text {
            AttachedText::Read(text) => {
                let words: Vec<&str> = text.split_whitespace().take(FIRST_WORDS).collect();
                Some(format!("\"{name}\" is the part of the document that begins: {} …", words.join(" ")))
            }
            AttachedText::Unread(text) | AttachedText::File(text) => {
                Some(format!("This is \"{name}\":\n```\n{}\n```", text.trim_end_matches('\n')))
            }
            AttachedText::Coming => None,
        }
    }
}

/// `question` as the model gets it: references replaced by names, followed by a note for each of them.
pub(super) fn told(question: &str, attached: &[Attached]) -> String {
    let mut told = String::new();
    let mut end = 0;
    for Reference { span, name, .. } in references(question) {
        if let Some(attached) = attached.iter().find(|attached| is_meant(&name, &attached.name)) {
            told.extend([&question[end..span.start], "\"", &attached.name, "\""]);
            end = span.end;
        }
    }
    told += &question[end..];
    attached.iter().filter_map(Attached::note).fold(told, |told, note| told + "\n\n" + &note)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(String, bool)> {
        references(text).into_iter().map(|reference| (reference.name, reference.is_closed)).collect()
    }

    #[test]
    fn names_end_at_spaces_and_quotes_and_without_punctuation() {
        let text = "Does @\"Chapter 12\" agree (@src/lib.rs)? See @notes.txt, a@b.c, @ and @\"open";
        let expected = [("Chapter 12", true), ("src/lib.rs", true), ("notes.txt", true)];
        assert_eq!(names(text), expected.map(|(name, closed)| (name.to_owned(), closed)));
        assert_eq!(names("What is in @src/lib."), [("src/lib".to_owned(), false)]);
    }

    #[test]
    fn a_file_of_this_folder_is_meant_with_and_without_the_dot() {
        for (written, name) in [("r02.md", "./r02.md"), ("./r02.md", "r02.md"), ("./R02.md", "./r02.md")] {
            assert!(is_meant(written, name), "{written} {name}");
        }
        assert!(!is_meant("r02.md", "small/r02.md") && !is_meant("r02.md", "../r02.md"));
    }

    #[test]
    fn a_question_may_be_nothing_but_a_reference() {
        assert_eq!(only_reference(" @notes.txt\n").as_deref(), Some("notes.txt"));
        assert_eq!(only_reference("@\"Chapter 2\"").as_deref(), Some("Chapter 2"));
        assert_eq!(
            [only_reference("@notes.txt?"), only_reference("see @notes.txt"), only_reference("@a @b")],
            [None, None, None]
        );
    }

    #[test]
    fn what_is_written_is_understood() {
        for name in ["Chapter 12", "src/lib.rs", "What now?", "真理", "The \"Rose\" Inn"] {
            let text = format!("In {} there", written(name));
            let found = references(&text);
            assert!(matches!(&found[..], [one] if is_meant(&one.name, name) && one.is_closed), "{name}: {found:?}");
        }
    }

    #[test]
    fn parts_are_told_by_their_first_words_and_the_rest_goes_along() {
        let document = "Chapter 1\n\nTom is a cat.\n\nChapter 2\n\nAnna is a dog.\n";
        let mut attached = [
            Attached::part("Chapter 2", "Chapter 2\n\nAnna is a dog.\n"),
            Attached::part("Chapter 3", "Chapter 3\n\nFish.\n"),
        ];
        for attached in &mut attached {
            attached.settle(document);
        }
        let expected = "Is \"Chapter 2\" like \"Chapter 3\", @nobody?\n\n\
            \"Chapter 2\" is the part of the document that begins: Chapter 2 Anna is a dog. …\n\n\
            This is \"Chapter 3\":\n```\nChapter 3\n\nFish.\n```";
        assert_eq!(told("Is @\"chapter 2\" like @\"Chapter 3\", @nobody?", &attached), expected);
    }
}
