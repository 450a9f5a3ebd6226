//! Plain text and source files: the text stays as it is, and the chapters of a book become the outline.

use super::interface::{FileText, Format};
use crate::document::chapters::chapters;
use crate::document::decode::decode;
use crate::document::error::Error;
use crate::document::options::ReadOptions;
use crate::document::raw_file::RawFile;

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
        let decoded = decode(file)?;
        let outline = chapters(&decoded.text);
        Ok(FileText::of_lines(decoded, outline))
    }
}
