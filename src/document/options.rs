//! What a user can set about reading documents.

use std::path::PathBuf;

use super::folder::Wanted;
use super::progress::LoadProgress;

/// How documents are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// For encrypted PDFs.
    pub pdf_password: Option<String>,
    /// Which process parses PDFs.
    pub pdf_reader: PdfReader,
    /// Read scanned pages by OCR.
    pub ocr: Option<Ocr>,
    /// Compare the text of PDFs with what other installed programs extract. Doubles the time.
    pub cross_check: bool,
    /// Which files of folders are read.
    pub wanted: Wanted,
    /// Told where loading is.
    pub progress: LoadProgress,
}

/// How scanned pages are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ocr {
    /// As tesseract takes them: `eng`, `deu+fra`.
    pub languages: String,
}

/// Which process parses PDFs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PdfReader {
    /// This process. It survives a panic, but not a hang, a stack overflow or running out of memory: for tests.
    #[default]
    Here,
    /// A child process, started as `PROGRAM read-pdf`, with limits on time and memory.
    Program(PathBuf),
}
