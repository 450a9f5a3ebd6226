//! Questions with known answers: JSON lines, one object per line, optionally gzipped.
//!
//! `{"id": "kv-75-29", "task": "kv", "context": "JSON data: …", "question": "Extract …", "answers": ["1fc1…"],
//! "metric": "contains_all"}`
//!
//! In place of its text a document can be named, by a path from the file of the records on, and parts of it:
//!
//! `{"id": "coat", "task": "judge", "document": "book.txt", "parts": "1-5", "title": "A Book", "question": "What colour …?",
//! "answers": ["\\bblue\\b"], "not": ["\\bred\\b"], "metric": "pattern"}`
//!
//! Such records are asked as a chat asks: with the system prompt for reading, unless another is given.
//!
//! Three fields more are for measuring how probable the right answer is, and how that depends on the length:
//!
//! `{… "lead": "The special magic number for ash-bell is", "gold": " 4821397.", "answers": ["4821397"], "length": "32k"}`
//!
//! The model's answer begins with `lead`, which is given to it; `gold` is what is weighed right behind it; records of one `length`
//! have rows of their own in the table.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::document::ReadOptions;
use crate::session::{self, documents};

/// How an answer is scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The share of the gold strings that the answer contains.
    ContainsAll,
    /// Whether the answer contains any of the gold strings.
    ContainsAny,
    /// Whether the answer names the right letter, as in "The correct answer is (B)".
    Choice,
    /// Overlap of words with the best gold string: harmonic mean of precision and recall.
    F1,
    /// Whether any of the gold patterns (regular expressions, whatever the case) is found, and none of `not`.
    Pattern,
}

/// One question.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub id: String,
    pub task: String,
    /// The document; records with equal contexts share one prefill.
    pub context: Arc<str>,
    /// What the document is called; empty if its text is in the record.
    pub title: String,
    pub question: String,
    pub answers: Vec<String>,
    /// What no right answer contains: patterns, for [`Metric::Pattern`].
    pub not: Vec<String>,
    pub metric: Metric,
    /// What the answer begins with: it is given to the model.
    pub lead: String,
    /// The right answer as the model might go on behind the lead, word by word.
    pub gold: Option<Arc<str>>,
    /// How long the document is, in the words of who made the record; empty if not said.
    pub length: String,
}

/// A record as it is written.
#[derive(Debug, Deserialize)]
struct Written {
    id: String,
    task: String,
    context: Option<Arc<str>>,
    document: Option<PathBuf>,
    parts: Option<String>,
    title: Option<String>,
    question: String,
    answers: Vec<String>,
    #[serde(default)]
    not: Vec<String>,
    metric: Metric,
    #[serde(default)]
    lead: String,
    gold: Option<Arc<str>>,
    #[serde(default)]
    length: String,
}

/// Why records could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}, line {line}: {source}", path.display())]
    Line { path: PathBuf, line: usize, source: serde_json::Error },
    #[error("{}, line {line}: record {id} has no answers", path.display())]
    NoAnswers { path: PathBuf, line: usize, id: String },
    #[error("{}, line {line}: record {id} has neither a context nor a document", path.display())]
    NoDocument { path: PathBuf, line: usize, id: String },
    #[error("{}, line {line}: {source}", path.display())]
    Document { path: PathBuf, line: usize, source: session::Error },
    #[error("{}, line {line}: record {id}: {source}", path.display())]
    Pattern { path: PathBuf, line: usize, id: String, source: regex::Error },
}

/// Reads all records of `path`, and the documents that they name, by `options`. Gzip is recognised by its first bytes.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Vec<Record>, RecordsError> {
    let failed = |source| RecordsError::Read { path: path.to_owned(), source };
    let lines = BufReader::new(open(path).map_err(failed)?).lines();
    let mut records = Vec::new();
    let mut documents = NamedDocuments { beside: path, options, read: BTreeMap::new() };
    for (line, text) in (1..).zip(lines) {
        let text = text.map_err(failed)?;
        if text.trim().is_empty() {
            continue;
        }
        let written: Written =
            serde_json::from_str(&text).map_err(|source| RecordsError::Line { path: path.to_owned(), line, source })?;
        check(&written, path, line)?;
        records.push(documents.record(written, line)?);
    }
    Ok(records)
}

/// Errors: no answers, or a pattern that is none.
fn check(written: &Written, path: &Path, line: usize) -> Result<(), RecordsError> {
    let (path, id) = (path.to_owned(), written.id.clone());
    if written.answers.is_empty() {
        return Err(RecordsError::NoAnswers { path, line, id });
    }
    let wrong = |pattern: &String| pattern_of(pattern).err();
    match written.answers.iter().chain(&written.not).find_map(wrong).filter(|_| written.metric == Metric::Pattern) {
        Some(source) => Err(RecordsError::Pattern { path, line, id, source }),
        None => Ok(()),
    }
}

/// A gold pattern: the case doesn't matter, and an answer's line breaks are like any character.
pub(super) fn pattern_of(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).case_insensitive(true).dot_matches_new_line(true).build()
}

/// The documents that the records of one file name, each read once.
struct NamedDocuments<'a> {
    beside: &'a Path,
    options: &'a ReadOptions,
    read: BTreeMap<(PathBuf, Option<String>), Arc<str>>,
}

impl NamedDocuments<'_> {
    fn record(&mut self, written: Written, line: usize) -> Result<Record, RecordsError> {
        let Written { id, task, context, document, parts, title, question, .. } = written;
        let Written { answers, not, metric, lead, gold, length, .. } = written;
        let name = document.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
        let context = match (context, document) {
            (Some(context), _) => context,
            (None, Some(document)) => self.text(document, parts, line)?,
            (None, None) => return Err(RecordsError::NoDocument { path: self.beside.to_owned(), line, id }),
        };
        let title = title.or(name).unwrap_or_default();
        Ok(Record { id, task, context, title, question, answers, not, metric, lead, gold, length })
    }

    fn text(&mut self, document: PathBuf, parts: Option<String>, line: usize) -> Result<Arc<str>, RecordsError> {
        let named = (self.beside.parent().unwrap_or(Path::new("")).join(document), parts);
        if let Some(text) = self.read.get(&named) {
            return Ok(text.clone());
        }
        let text: Arc<str> = match documents::text_of(&named.0, named.1.as_deref(), self.options) {
            Ok(text) => text.into(),
            Err(source) => return Err(RecordsError::Document { path: self.beside.to_owned(), line, source }),
        };
        self.read.insert(named, text.clone());
        Ok(text)
    }
}

fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    let mut file = File::open(path)?;
    let mut magic = [0; 2];
    let is_gzip = file.read_exact(&mut magic).is_ok() && magic == [0x1f, 0x8b];
    file.seek(SeekFrom::Start(0))?;
    Ok(if is_gzip { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

/// Groups records by document, in order of first appearance.
#[must_use]
pub fn by_document(records: Vec<Record>) -> Vec<Vec<Record>> {
    let mut documents: Vec<Vec<Record>> = Vec::new();
    for record in records {
        match documents.iter_mut().find(|document| document[0].context == record.context) {
            Some(document) => document.push(record),
            None => documents.push(vec![record]),
        }
    }
    documents
}

#[cfg(test)]
pub(super) mod fixtures {
    use super::*;

    /// A record with these answers, about the document `c`.
    pub(in crate::eval) fn record(metric: Metric, answers: &[&str]) -> Record {
        Record {
            id: "r".into(),
            task: "t".into(),
            context: "c".into(),
            title: String::new(),
            question: "q".into(),
            answers: answers.iter().map(|&answer| answer.to_owned()).collect(),
            not: Vec::new(),
            metric,
            lead: String::new(),
            gold: None,
            length: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::document::Wanted;

    fn read(path: &Path) -> Result<Vec<Record>, RecordsError> {
        super::read(path, &ReadOptions::default())
    }

    const LINE: &str = r#"{"id":"a","lang":"en","task":"kv","context":"c","question":"q","answers":["x"],"metric":"contains_all","n_tokens":3}"#;

    #[test]
    fn plain_and_gzipped_files_read_alike() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, zipped) = (folder.path().join("a.jsonl"), folder.path().join("a.jsonl.gz"));
        std::fs::write(&plain, format!("{LINE}\n\n{LINE}\n")).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(File::create(&zipped).unwrap(), flate2::Compression::fast());
        encoder.write_all(format!("{LINE}\n{LINE}\n").as_bytes()).unwrap();
        encoder.finish().unwrap();
        assert_eq!(read(&plain).unwrap(), read(&zipped).unwrap());
        assert_eq!(by_document(read(&plain).unwrap()).iter().map(Vec::len).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_document_can_be_named_in_place_of_its_text() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("book.md"), "# One\n\nIt was blue.\n\n# Two\n\nIt was red.\n").unwrap();
        let path = folder.path().join("records.jsonl");
        let line = r#"{"id":"a","task":"t","document":"book.md","parts":"2","question":"q","answers":["red"],"metric":"pattern"}"#;
        std::fs::write(&path, format!("{line}\n{line}\n")).unwrap();
        let records = read(&path).unwrap();
        assert!(records[0].context.contains("It was red.") && !records[0].context.contains("blue"));
        assert_eq!((records[0].title.as_str(), by_document(records.clone()).len()), ("book.md", 1));
    }

    /// A password for PDFs did not reach them, and each was parsed in this process.
    #[test]
    fn named_documents_are_read_as_the_user_wants_documents_to_be_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("notes")).unwrap();
        for (name, text) in [("a.md", "It was red.\n"), ("b.md", "It was blue.\n")] {
            std::fs::write(folder.path().join("notes").join(name), text).unwrap();
        }
        let path = folder.path().join("records.jsonl");
        let line = r#"{"id":"a","task":"t","document":"notes","question":"q","answers":["red"],"metric":"pattern"}"#;
        std::fs::write(&path, line).unwrap();
        let wanted = Wanted { exclude: vec!["b.md".to_owned()], ..Wanted::default() };
        let records = super::read(&path, &ReadOptions { wanted, ..ReadOptions::default() }).unwrap();
        assert!(records[0].context.contains("red") && !records[0].context.contains("blue"), "{}", records[0].context);
    }

    #[test]
    fn the_questions_that_come_with_the_program_can_be_asked() {
        let read = |name: &str| read(&Path::new("benches/answers").join(name)).unwrap();
        let book = read("pride-and-prejudice.jsonl");
        let of_task = |task: &str| book.iter().filter(|record| record.task == task).count();
        assert_eq!((of_task("choose"), of_task("judge"), read("the-ferry-at-sallow-point.jsonl").len()), (10, 10, 10));
        assert!(book[0].context.contains("Lucas Lodge") && !book[0].context.contains("Chapter 6"));
    }

    #[test]
    fn what_is_missing_or_no_pattern_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.jsonl");
        for (fields, expected) in [
            (r#""answers":["x"]"#, "line 1: record a has neither a context nor a document"),
            (r#""context":"c","answers":[]"#, "line 1: record a has no answers"),
            (r#""context":"c","answers":["("]"#, "line 1: record a: regex parse error"),
            (r#""document":"gone.txt","answers":["x"]"#, "gone.txt"),
        ] {
            std::fs::write(&path, format!(r#"{{"id":"a","task":"t","question":"q","metric":"pattern",{fields}}}"#))
                .unwrap();
            let message = read(&path).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn a_bad_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.jsonl");
        std::fs::write(&path, format!("{LINE}\n{{\"id\": 3}}\n")).unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("bad.jsonl, line 2: invalid type: integer `3`"), "got {message}");
    }
}
