//! What a format has to say: whether a file is of its kind, and the text of such a file.

use super::flow::Flowed;
use crate::document::decode::DecodedFile;
use crate::document::error::Error;
use crate::document::options::ReadOptions;
use crate::document::outline::OutlineEntry;
use crate::document::position::{Position, count_lines};
use crate::document::raw_file::RawFile;
use crate::document::report::FileReport;
use crate::document::span::ByteSpan;

/// One kind of file.
pub(super) trait Format: Sync {
    /// As the report names it.
    fn name(&self) -> &'static str;

    /// Whether `file` is of this kind.
    fn recognises(&self, file: &RawFile) -> bool;

    /// The text and its outline. `report.format` is filled in by the caller.
    fn read(&self, file: RawFile, options: &ReadOptions) -> Result<FileText, Error>;
}

/// What one file gives. Spans count from the text's start.
#[derive(Debug)]
pub(in crate::document) struct FileText {
    pub text: String,
    /// Where the stretches of the text were found; ordered, together the whole text but for what was put between them.
    pub positions: Vec<(ByteSpan, Position)>,
    pub outline: Vec<OutlineEntry>,
    pub report: FileReport,
}

impl FileText {
    /// A text whose lines are those of the file.
    pub fn of_lines(decoded: DecodedFile, outline: Vec<OutlineEntry>) -> Self {
        let whole = ByteSpan { start: 0, end: decoded.text.len() };
        Self { positions: vec![(whole, Position::Line(1))], text: decoded.text, outline, report: decoded.report }
    }

    /// A text that was made from pages. It ends with a line end; `report.lines` is filled in here.
    pub fn of_pages(
        text: String,
        positions: Vec<(ByteSpan, Position)>,
        outline: Vec<OutlineEntry>,
        report: FileReport,
    ) -> Self {
        let report = FileReport { lines: count_lines(text.as_bytes()), ..report };
        Self { text, positions, outline, report }
    }

    /// Running text that was made from a file without lines of its own. `what`, for the error if there is none, has its article.
    pub(super) fn of_flow(
        flowed: Flowed,
        outline: Vec<OutlineEntry>,
        mut report: FileReport,
        what: &'static str,
    ) -> Result<Self, Error> {
        let text = flowed.text;
        if text.is_empty() {
            return Err(Error::NoText { name: report.name, what, bytes: report.bytes });
        }
        report.control_characters = flowed.control_characters;
        report.lines = count_lines(text.as_bytes());
        let whole = ByteSpan { start: 0, end: text.len() };
        Ok(Self { positions: vec![(whole, Position::TextLine(1))], text, outline, report })
    }
}
