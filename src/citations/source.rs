//! Where the passage of a quote is, as a person would look it up: file, part, and page or line.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::document::{ByteSpan, Document, Position};

/// The place of a passage. All numbers count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// As the user named it; `-` is standard input.
    pub file: String,
    /// The number of its part, as `--parts` counts; `None` if several parts have that title.
    pub part: Option<usize>,
    /// The innermost heading above the passage.
    pub title: Option<String>,
    /// Of a PDF.
    pub page: Option<u32>,
    /// Of the file, or of the extracted text if the file has no lines of its own; `None` for a PDF.
    pub line: Option<u32>,
}

impl Source {
    /// `line 28`, `page 3`; the file, if it has neither.
    #[must_use]
    pub fn position(&self) -> String {
        match (self.page, self.line) {
            (Some(page), _) => format!("page {page}"),
            (None, Some(line)) => format!("line {line}"),
            (None, None) => self.file.clone(),
        }
    }

    /// `Chapter 1, line 28`, `page 3`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let position = self.position();
        self.title.as_ref().map_or(position.clone(), |title| format!("{title}, {position}"))
    }
}

/// The place of a passage, and where it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRange {
    /// Where it begins.
    pub source: Source,
    /// Its last page or line, in the same file; `None` if it ends in another.
    pub last: Option<u32>,
}

impl SourceRange {
    /// `Chapter 1, lines 28–40`, `pages 3–4`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let (kind, first) = match (self.source.page, self.source.line) {
            (Some(page), _) => ("pages", page),
            (None, Some(line)) => ("lines", line),
            (None, None) => return self.source.in_words(),
        };
        match self.last.filter(|last| *last > first) {
            Some(last) => {
                let title = self.source.title.as_ref().map_or(String::new(), |title| format!("{title}, "));
                format!("{title}{kind} {first}–{last}")
            }
            None => self.source.in_words(),
        }
    }
}

/// Where passages of `document`, the parts in use, are; `whole` is what `--parts` counts in. `None` for what is in no file.
#[must_use]
pub fn sources(document: &Arc<Document>, whole: &Arc<Document>, passages: &[ByteSpan]) -> Vec<Option<SourceRange>> {
    let places = Places::new(document.clone(), whole.clone());
    let range = |passage: &ByteSpan| {
        let source = places.source(*passage)?;
        let end = ByteSpan { start: passage.end.max(passage.start + 1) - 1, end: passage.end };
        let last = places.source(end).filter(|last| last.file == source.file);
        Some(SourceRange { last: last.and_then(|last| last.page.or(last.line)), source })
    };
    passages.iter().map(range).collect()
}

/// The documents that places are looked up in.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// The parts in use: passages are spans of its text.
    document: Arc<Document>,
    /// What `--parts` counts in.
    whole: Arc<Document>,
}

impl Places {
    pub(super) fn new(document: Arc<Document>, whole: Arc<Document>) -> Self {
        Self { document, whole }
    }

    pub(super) fn source(&self, passage: ByteSpan) -> Option<Source> {
        let place = self.document.locate(passage.start)?;
        let (page, line) = match place.position {
            Position::Page(page) => (Some(page), None),
            Position::Line(line) | Position::TextLine(line) => (None, Some(line)),
        };
        Some(Source {
            file: place.file.to_owned(),
            part: self.part(passage),
            title: place.title.map(str::to_owned),
            page,
            line,
        })
    }

    /// The number, in the whole, of the part that the passage is in: by its title, because parts in use are counted
    /// anew.
    fn part(&self, passage: ByteSpan) -> Option<usize> {
        let parts = self.document.parts();
        let here = parts.iter().find(|part| part.span.contains(passage.start))?;
        if Arc::ptr_eq(&self.document, &self.whole) {
            return Some(here.number);
        }
        let whole = self.whole.parts();
        let mut same = whole.iter().filter(|part| part.title == here.title);
        same.next().filter(|_| same.next().is_none()).map(|part| part.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Input, ReadOptions, load};

    fn document(text: &str) -> Arc<Document> {
        let input = Input::Memory { name: "book.md".into(), bytes: text.as_bytes().to_vec().into() };
        Arc::new(load(&[input], &ReadOptions::default(), &mut std::io::empty()).expect("text"))
    }

    fn source_of(words: &str, places: &Places) -> Source {
        let start = places.document.text.find(words).expect("it is there");
        places.source(ByteSpan { start, end: start + words.len() }).expect("a place")
    }

    #[test]
    fn parts_keep_their_numbers_in_the_whole_and_their_lines_in_the_file() {
        let whole = document("# One\n\nIt is red.\n\n# Two\n\nIt is blue.\n\n# Three\n\nIt is green.\n");
        let chosen = Arc::new(whole.with_parts(&[2, 3]));
        let source = source_of("green", &Places::new(chosen, whole.clone()));
        let expected =
            Source { file: "book.md".into(), part: Some(3), title: Some("Three".into()), page: None, line: Some(11) };
        assert_eq!((source.in_words().as_str(), &source), ("Three, line 11", &expected));
        assert_eq!(source_of("red", &Places::new(whole.clone(), whole)).part, Some(1));
    }

    #[test]
    fn a_passage_has_its_first_and_last_line() {
        let whole = document("# One\n\nIt is red.\n\n# Two\n\nIt is blue.\nAnd green.\n");
        let range = |first: &str, last: &str| {
            let start = whole.text.find(first).expect("it is there");
            let end = whole.text.find(last).expect("it is there") + last.len();
            let sources = sources(&whole, &whole, &[ByteSpan { start, end }]);
            sources[0].as_ref().expect("a place").in_words()
        };
        assert_eq!(range("It is blue.", "And green."), "Two, lines 7–8");
        assert_eq!(range("red", "red"), "One, line 3");
    }

    #[test]
    fn a_title_that_several_parts_have_gives_no_number() {
        let whole = document("# One\n\nIt is red.\n\n# One\n\nIt is blue.\n");
        let chosen = Arc::new(whole.with_parts(&[2]));
        assert_eq!(source_of("blue", &Places::new(chosen, whole)).part, None);
    }
}
