//! Plain text and source files: the text stays as it is, and the headings of a book become the outline.

use super::interface::{FileText, Format};
use crate::decode::decode;
use crate::error::Error;
use crate::headings::{Likeness, headings};
use crate::options::ReadOptions;
use crate::raw_file::RawFile;

pub(super) struct Text;

impl Format for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    /// Everything that no other format recognises. [`decode`] fails if it is not text.
    fn recognises(&self, _file: &RawFile) -> bool {
        true
    }

    fn read(&self, file: RawFile, _options: &ReadOptions) -> Result<FileText, Error> {
        let likeness = likeness(&file);
        let decoded = decode(file)?;
        let outline = headings(&decoded.text, likeness);
        Ok(FileText::of_lines(decoded, outline))
    }
}

/// Source code and data have names that end in something else.
fn likeness(file: &RawFile) -> Likeness {
    match file.extension().as_deref() {
        None | Some("txt" | "text" | "utf8" | "utf-8" | "asc" | "me" | "1st" | "ans" | "nfo" | "doc" | "diary") => {
            Likeness::Prose
        }
        Some(_) => Likeness::Other,
    }
}
