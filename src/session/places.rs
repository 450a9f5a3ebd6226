//! Finds the place that `--until` or a reader means: as a byte of the document, where a line ends.
//!
//! | written | questions are about |
//! |---|---|
//! | `7` | parts 1 to 7 |
//! | `40%` | the first 40% of the text |
//! | `line 812`, `page 30` | everything up to the end of that line or page of the first file |
//! | `Chapter 12` | everything before that heading |
//! | `here` | everything up to the place where the document was left |

use crate::chat::Until;
use crate::document::{Document, Position};
use crate::units::count;

/// Why there is no such place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{written:?} is no place in the document")]
pub struct NoPlace {
    pub written: String,
}

/// The place at `byte`, moved to the end of its line; `None` at the end of the document.
#[must_use]
pub fn until(document: &Document, byte: usize) -> Option<Until> {
    let text = &document.text;
    let from = (byte.saturating_sub(1)..=byte.min(text.len())).find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let end = text[from..].find('\n').map_or(text.len(), |line| from + line + 1);
    (end < text.len()).then(|| Until { byte: end, words: words(document, end).into() })
}

/// The place that is written; `left` is where the document was left. `None` if it is the end.
pub fn place(document: &Document, written: &str, left: Option<usize>) -> Result<Option<Until>, NoPlace> {
    let no_place = || NoPlace { written: written.to_owned() };
    let lower = written.trim().to_lowercase();
    if lower == "here" {
        return Ok(until(document, left.ok_or_else(no_place)?));
    }
    if let Some(share) = lower.strip_suffix('%').and_then(|share| share.trim().parse::<f64>().ok()) {
        let byte = document.text.len() as f64 * share.clamp(0.0, 100.0) / 100.0;
        return Ok(until(document, byte as usize));
    }
    if let Ok(number) = lower.parse::<usize>() {
        let parts = document.parts();
        let part = number.checked_sub(1).and_then(|index| parts.get(index)).ok_or_else(no_place)?;
        return Ok(at(document, part.span.end));
    }
    for (name, is_page) in [("line ", false), ("page ", true)] {
        if let Some(number) = lower.strip_prefix(name).and_then(|number| number.trim().parse::<u32>().ok()) {
            return end_of(document, number, is_page).map(Some).ok_or_else(no_place);
        }
    }
    let heading = document.outline.iter().find(|entry| entry.title.trim().to_lowercase() == lower);
    Ok(at(document, heading.ok_or_else(no_place)?.span.start))
}

/// The place at `byte` itself; `None` at the end of the document.
fn at(document: &Document, byte: usize) -> Option<Until> {
    (byte < document.text.len()).then(|| Until { byte, words: words(document, byte).into() })
}

/// The end of a line or a page.
fn end_of(document: &Document, number: u32, is_page: bool) -> Option<Until> {
    let mut byte = 0;
    for line in document.text.split_inclusive('\n') {
        let here = document.locate(byte)?.position;
        byte += line.len();
        let (now, wanted) = match here {
            Position::Page(page) => (page, is_page),
            Position::Line(line) | Position::TextLine(line) => (line, !is_page),
        };
        let next = document.locate(byte).map(|place| place.position);
        if wanted && now == number && next != Some(here) {
            return at(document, byte);
        }
    }
    None
}

/// `Chapter 12, line 1,204`
fn words(document: &Document, byte: usize) -> String {
    let Some(place) = document.locate(byte.saturating_sub(1)) else { return "its end".to_owned() };
    let position = match place.position {
        Position::Page(page) => format!("page {}", count(page)),
        Position::Line(line) | Position::TextLine(line) => format!("line {}", count(line)),
    };
    place.title.map_or(position.clone(), |title| format!("{title}, {position}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Input, ReadOptions, load};

    fn book() -> Document {
        let text = "# One\n\nIt is red.\n\n# Two\n\nIt is blue.\nVery.\n\n# Three\n\nIt is green.\n";
        let input = Input::Memory { name: "book.md".into(), bytes: text.as_bytes().to_vec().into() };
        load(&[input], &ReadOptions::default(), &mut std::io::empty()).expect("text")
    }

    #[test]
    fn places_are_found_as_they_are_written() {
        let book = book();
        let read = |written: &str| {
            let until = place(&book, written, Some(30)).unwrap_or_else(|error| panic!("{error}"));
            until.map(|until| {
                (book.text[..until.byte].lines().last().unwrap_or_default().to_owned(), until.words.to_string())
            })
        };
        let at = |line: &str, words: &str| Some((line.to_owned(), words.to_owned()));
        assert_eq!(read("1"), at("", "One, line 4"));
        assert_eq!(read("two"), read("1"));
        assert_eq!(read("line 7"), at("It is blue.", "Two, line 7"));
        assert_eq!(read("3"), None, "all of it");
        assert_eq!(read("100%"), None);
        assert_eq!(read("here"), at("It is blue.", "Two, line 7"));
        assert!(book.text[..place(&book, "50%", None).expect("a place").expect("before the end").byte].ends_with('\n'));
        for nowhere in ["9", "0", "Four", "page 1", "line 99", ""] {
            assert_eq!(place(&book, nowhere, None), Err(NoPlace { written: nowhere.to_owned() }));
        }
        assert_eq!(place(&book, "here", None), Err(NoPlace { written: "here".to_owned() }));
    }

    #[test]
    fn any_byte_leads_to_the_end_of_its_line() {
        let book = book();
        for byte in 0..=book.text.len() {
            if let Some(until) = until(&book, byte) {
                assert!(book.text[..until.byte].ends_with('\n') && until.byte + 1 >= byte, "{byte}: {until:?}");
            }
        }
    }
}
