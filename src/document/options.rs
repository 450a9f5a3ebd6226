//! How documents are read: what a user can say about it.

use std::path::PathBuf;

use super::folder::Wanted;

/// What the reader of a document may have to know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Opens PDFs that ask for one.
    pub pdf_password: Option<String>,
    /// Who takes PDFs apart.
    pub pdf_reader: PdfReader,
    /// Compare with what other programs on this machine read, where there are any; takes as long again.
    pub cross_check: bool,
    /// Which files of folders.
    pub wanted: Wanted,
}

/// Who takes PDFs apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PdfReader {
    /// This process. A panic is survived; a hang, an overflow of the stack and a full memory are not: for tests.
    #[default]
    Here,
    /// This program, called as `PROGRAM read-pdf`: a process of its own with limits of time and memory.
    Program(PathBuf),
}
