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
    /// `Chapter 1, line 28`, `page 3`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let position = match (self.page, self.line) {
            (Some(page), _) => format!("page {page}"),
            (None, Some(line)) => format!("line {line}"),
            (None, None) => self.file.clone(),
        };
        self.title.as_ref().map_or(position.clone(), |title| format!("{title}, {position}"))
    }
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
    fn a_title_that_several_parts_have_gives_no_number() {
        let whole = document("# One\n\nIt is red.\n\n# One\n\nIt is blue.\n");
        let chosen = Arc::new(whole.with_parts(&[2]));
        assert_eq!(source_of("blue", &Places::new(chosen, whole)).part, None);
    }
}
