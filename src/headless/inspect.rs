//! `lunette inspect`: which files and parts were read or skipped, with token counts.
//!
//! ```text
//! notes/a.md        markdown   UTF-8        4,120 bytes      98 lines
//! notes/b.txt       text       Shift_JIS    9,300 bytes     210 lines
//!
//!  part   tokens   title
//!     1      987   notes/a.md
//!     2    4,410   notes/b.txt
//!            5,397   in 2 parts, counted with the vocabulary of Qwen2.5-Coder 0.5B · Q4_K_M
//!
//! skipped (1)
//!   notes/Cargo.lock: a lock file
//! ```
//!
//! `--text` prints only the text that the model would see; `--json` prints all of the above as one object.

use std::io;

use serde::Serialize;

use super::Reporter;
use super::rows::{Listed, put, table};
use crate::document::{
    ByteSpan, Document, DroppedLine, FileReport, PageFound, PageReport, Part, PartNode, Skipped, SourceSpan, Sureness,
};
use crate::engine::message::Failure;
use crate::fit::written;
use crate::harmless;
use crate::session::text_counter::TextCounter;
use crate::settings::Shown;
use crate::units::{count, counted};

/// Tokens of each part, counted with a model's own vocabulary.
#[derive(Debug, Clone)]
pub struct Counted {
    /// What people call the model.
    pub model: String,
    /// One count per part.
    pub tokens: Vec<usize>,
    /// Nothing was there to count with.
    pub are_estimates: bool,
}

impl Counted {
    /// Has the parts of `document` counted.
    pub fn by(counter: &TextCounter, document: &Document) -> Result<Self, Failure> {
        let spans: Vec<ByteSpan> = document.parts().iter().map(|part| part.span).collect();
        let counts = counter.count_spans(&document.text, &spans);
        counter.failure().map_or(Ok(()), Err)?;
        Ok(Self {
            model: harmless::line(&counter.title()).into_owned(),
            tokens: counts.into_iter().map(|tokens| tokens as usize).collect(),
            are_estimates: counter.is_estimating(),
        })
    }
}

#[derive(Serialize)]
struct Inspected<'a> {
    files: Vec<FileLine<'a>>,
    parts: Vec<PartLine>,
    /// Where each span of the text comes from.
    sources: Vec<SourceLine<'a>>,
    skipped: Vec<SkippedLine<'a>>,
    /// Lines of pages that are not in the text: running heads and page numbers.
    dropped: Vec<DroppedEntry<'a>>,
    text_bytes: usize,
    /// Null without a model.
    tokens: Option<usize>,
    model: Option<&'a str>,
    /// Whether the tokens are estimates, because the model's server counts none.
    estimated: bool,
    notes: Vec<String>,
    #[serde(skip)]
    reports: &'a [FileReport],
    /// The parts that are numbered.
    #[serde(skip)]
    numbered: Vec<NumberedPart>,
}

/// A part with its tokens, if they were counted.
struct NumberedPart {
    part: Part,
    tokens: Option<usize>,
}

#[derive(Serialize)]
struct FileLine<'a> {
    name: &'a str,
    format: &'static str,
    encoding: &'static str,
    /// `certain`, `likely` or `guessed`.
    encoding_is: &'static str,
    bytes: u64,
    lines: u32,
    control_characters: u64,
    invalid_sequences: u64,
    /// What was found on each page of a PDF.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pages: Vec<PageLine<'a>>,
}

#[derive(Serialize)]
struct PageLine<'a> {
    number: u32,
    /// `text`, `blank`, `picture`, `garbled` or `failed`.
    found: &'static str,
    /// Why it failed.
    reason: Option<&'a str>,
    /// How much the page's text looks like real text, 0 to 100.
    quality: u8,
    characters: usize,
    /// The PDF engine that extracted the text. There was a second one; now it is always 1.
    engine: u8,
}

impl<'a> From<&'a PageReport> for PageLine<'a> {
    fn from(page: &'a PageReport) -> Self {
        Self {
            number: page.number,
            found: page.found.name(),
            reason: if let PageFound::Failed(reason) = &page.found { Some(reason) } else { None },
            quality: page.quality,
            characters: page.characters,
            engine: 1,
        }
    }
}

#[derive(Serialize)]
struct SourceLine<'a> {
    file: &'a str,
    /// `line 1`, `page 12`: where `start` was found. Lines count on from there; a page covers the whole span.
    position: String,
    /// Byte offsets in the text.
    start: usize,
    end: usize,
}

#[derive(Serialize)]
struct PartLine {
    /// The first of `numbers`.
    number: usize,
    /// What `--parts` takes: `3`, or `4-18` for a long part that was opened.
    numbers: String,
    title: String,
    /// Byte offsets in the text.
    start: usize,
    end: usize,
    tokens: Option<usize>,
    /// The parts in it, if it was opened.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<PartLine>,
}

impl PartLine {
    fn new(node: PartNode, counted: Option<&Counted>) -> Self {
        let PartNode { title, span, first, last, inside } = node;
        let tokens = counted.and_then(|counted| Some(counted.tokens.get(first - 1..last)?.iter().sum()));
        Self {
            number: first,
            numbers: written(&(first..=last).collect::<Vec<_>>()),
            title,
            start: span.start,
            end: span.end,
            tokens,
            parts: inside.into_iter().map(|node| Self::new(node, counted)).collect(),
        }
    }
}

#[derive(Serialize)]
struct SkippedLine<'a> {
    name: &'a str,
    reason: String,
}

#[derive(Serialize)]
struct DroppedEntry<'a> {
    file: &'a str,
    page: u32,
    text: &'a str,
    why: &'static str,
}

fn dropped_of<'a>(file: &'a FileReport) -> impl Iterator<Item = DroppedEntry<'a>> {
    let entry = move |line: &'a DroppedLine| DroppedEntry {
        file: &file.name,
        page: line.page,
        text: &line.text,
        why: line.why,
    };
    file.dropped.iter().map(entry)
}

impl<'a> From<&'a FileReport> for FileLine<'a> {
    fn from(file: &'a FileReport) -> Self {
        Self {
            name: &file.name,
            format: file.format,
            encoding: file.encoding.name,
            encoding_is: match file.encoding.sureness {
                Sureness::Certain => "certain",
                Sureness::Likely => "likely",
                Sureness::Guessed => "guessed",
            },
            bytes: file.bytes,
            lines: file.lines,
            control_characters: file.control_characters,
            invalid_sequences: file.invalid_sequences,
            pages: file.pages.iter().map(PageLine::from).collect(),
        }
    }
}

impl<'a> Inspected<'a> {
    fn new(document: &'a Document, counted: Option<&'a Counted>) -> Self {
        let tokens_of = |index: usize| counted.and_then(|counted| counted.tokens.get(index).copied());
        let numbered = |(index, part): (usize, Part)| NumberedPart { part, tokens: tokens_of(index) };
        let source = |source: &'a SourceSpan| SourceLine {
            file: &source.name,
            position: source.position.to_string(),
            start: source.span.start,
            end: source.span.end,
        };
        let skipped = |file: &'a Skipped| SkippedLine { name: &file.name, reason: file.reason.to_string() };
        Self {
            files: document.report.files.iter().map(FileLine::from).collect(),
            parts: document.part_tree().into_iter().map(|node| PartLine::new(node, counted)).collect(),
            numbered: document.parts().into_iter().enumerate().map(numbered).collect(),
            sources: document.sources.iter().map(source).collect(),
            skipped: document.report.skipped.iter().map(skipped).collect(),
            dropped: document.report.files.iter().flat_map(dropped_of).collect(),
            text_bytes: document.text.len(),
            tokens: counted.map(|counted| counted.tokens.iter().sum()),
            model: counted.map(|counted| counted.model.as_str()),
            estimated: counted.is_some_and(|counted| counted.are_estimates),
            notes: document.report.files.iter().flat_map(FileReport::notes).collect(),
            reports: &document.report.files,
        }
    }

    fn listed(&self) -> Vec<Listed<'_>> {
        let numbered = self.numbered.iter();
        numbered
            .map(|NumberedPart { part, tokens }| Listed { number: part.number, title: &part.title, tokens: *tokens })
            .collect()
    }

    fn in_words(&self) -> String {
        let mut words = String::new();
        let width = self.files.iter().map(|file| file.name.chars().count()).max().unwrap_or(0).min(60);
        for file in &self.files {
            let [bytes, lines, pages] =
                [(file.bytes, "byte"), (file.lines.into(), "line"), (file.pages.len() as u64, "page")]
                    .map(|(number, what)| column(number, what));
            let pages = if file.pages.is_empty() { "" } else { &pages };
            put(
                &mut words,
                format_args!(
                    "{:width$}  {:9} {:12} {bytes:>18} {lines:>15}{pages:>13}",
                    file.name, file.format, file.encoding
                ),
            );
            words.truncate(words.trim_end().len());
            words.push('\n');
        }
        words.push('\n');
        words += &table(&self.listed(), self.reports, None);
        let parts = counted(self.numbered.len(), "part");
        let total = match (self.tokens, self.model) {
            (Some(tokens), Some(model)) if self.estimated => {
                format!("{:>16}  in {parts}, estimated, because the server of {model} counts none\n", count(tokens))
            }
            (Some(tokens), Some(model)) => {
                format!("{:>16}  in {parts}, counted with the vocabulary of {model}\n", count(tokens))
            }
            _ => format!("{:16}  {parts}; name a model with -m to count tokens\n", ""),
        };
        words.push_str(&total);
        words + &self.exceptions_in_words()
    }

    fn exceptions_in_words(&self) -> String {
        let mut words = String::new();
        if !self.notes.is_empty() {
            put(&mut words, format_args!("\nnotes\n"));
            self.notes.iter().for_each(|note| put(&mut words, format_args!("  {note}\n")));
        }
        if !self.skipped.is_empty() {
            put(&mut words, format_args!("\nskipped ({})\n", count(self.skipped.len())));
            self.skipped.iter().for_each(|file| put(&mut words, format_args!("  {}: {}\n", file.name, file.reason)));
        }
        words
    }
}

/// `12 lines`, and `1 line ` as wide as if there were more, so that numbers stand below each other.
fn column(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what} ") } else { counted(number, what) }
}

/// Prints what is in `document`; `counted` has the tokens of its parts if there is a model.
pub fn inspect(
    document: &Document,
    counted: Option<&Counted>,
    shown: Shown,
    reporter: &mut Reporter,
) -> io::Result<()> {
    let inspected = Inspected::new(document, counted);
    match shown {
        Shown::Summary => reporter.data(&inspected.in_words()),
        Shown::Json => reporter.object(&inspected),
        Shown::Text => reporter.source(&document.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Input, ReadOptions, load};

    fn memory(name: &str, text: &'static str) -> Input {
        Input::Memory { name: name.into(), bytes: text.as_bytes().into() }
    }

    fn words(inputs: &[Input], counted: Option<&Counted>) -> String {
        let document = load(inputs, &ReadOptions::default(), &mut io::empty()).expect("text");
        Inspected::new(&document, counted).in_words()
    }

    #[test]
    fn every_file_part_and_omission_has_its_line() {
        let counted = Counted { model: "small".into(), tokens: vec![1234, 5], are_estimates: false };
        let files = [memory("a.txt", "one\ntwo\n"), memory("b.txt", "three\n"), memory("c.txt", "")];
        insta::assert_snapshot!(words(&files, Some(&counted)));
    }

    #[test]
    fn one_part_of_one_line_is_not_written_as_many() {
        let words = words(&[memory("a.txt", "one\n")], None);
        assert!(words.starts_with("a.txt  text      UTF-8                   4 bytes         1 line\n"), "{words}");
        assert!(words.contains("  1 part; name a model"), "{words}");
    }

    #[test]
    fn without_a_model_it_says_how_tokens_are_counted() {
        assert!(words(&[memory("a.txt", "one\n")], None).contains("name a model with -m to count tokens"));
    }
}
