//! Questions with known answers: JSON lines, one object per line, optionally gzipped.
//!
//! `{"id": "kv-75-29", "task": "kv", "context": "JSON data: …", "question": "Extract …", "answers": ["1fc1…"],
//! "metric": "contains_all"}`

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use serde::Deserialize;

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
}

/// One question.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Record {
    pub id: String,
    pub task: String,
    /// The document; records with equal contexts share one prefill.
    pub context: Arc<str>,
    pub question: String,
    pub answers: Vec<String>,
    pub metric: Metric,
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
}

/// Reads all records of `path`. Gzip is recognised by its first bytes.
pub fn read(path: &Path) -> Result<Vec<Record>, RecordsError> {
    let failed = |source| RecordsError::Read { path: path.to_owned(), source };
    let lines = BufReader::new(open(path).map_err(failed)?).lines();
    let mut records = Vec::new();
    for (line, text) in (1..).zip(lines) {
        let text = text.map_err(failed)?;
        if text.trim().is_empty() {
            continue;
        }
        let record: Record =
            serde_json::from_str(&text).map_err(|source| RecordsError::Line { path: path.to_owned(), line, source })?;
        if record.answers.is_empty() {
            return Err(RecordsError::NoAnswers { path: path.to_owned(), line, id: record.id });
        }
        records.push(record);
    }
    Ok(records)
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
mod tests {
    use std::io::Write;

    use super::*;

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
    fn a_bad_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.jsonl");
        std::fs::write(&path, format!("{LINE}\n{{\"id\": 3}}\n")).unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("bad.jsonl, line 2: invalid type: integer `3`"), "got {message}");
    }
}
