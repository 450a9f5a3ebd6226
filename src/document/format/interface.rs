//! What a format implements ([`Format`]) and returns ([`FileText`]).

use super::flow::{Flowed, MOST_TEXT_BYTES};
use crate::decode::DecodedFile;
use crate::error::Error;
use crate::options::ReadOptions;
use crate::outline::OutlineEntry;
use crate::position::{Position, count_lines};
use crate::raw_file::RawFile;
use crate::report::FileReport;
use crate::span::ByteSpan;

/// A format of files.
pub(super) trait Format: Sync {
    /// The name for the report.
    fn name(&self) -> &'static str;

    /// Whether `file` is in this format.
    fn recognises(&self, file: &RawFile) -> bool;

    /// Reads the text and its outline. The caller sets `report.format`.
    fn read(&self, file: RawFile, options: &ReadOptions) -> Result<FileText, Error>;
}

/// The text of a file. Spans count from the start of the text.
#[derive(Debug)]
pub(crate) struct FileText {
    pub text: String,
    /// Where the stretches of the text came from. Ordered; together the whole text except for what was put between
    /// them.
    pub positions: Vec<(ByteSpan, Position)>,
    pub outline: Vec<OutlineEntry>,
    pub report: FileReport,
}

impl FileText {
    /// Text whose lines are the lines of the file.
    pub(crate) fn of_lines(decoded: DecodedFile, outline: Vec<OutlineEntry>) -> Self {
        let whole = ByteSpan { start: 0, end: decoded.text.len() };
        Self { positions: vec![(whole, Position::Line(1))], text: decoded.text, outline, report: decoded.report }
    }

    /// Text of pages. It must end with a line end. Sets `report.lines`.
    pub(crate) fn of_pages(
        text: String,
        positions: Vec<(ByteSpan, Position)>,
        outline: Vec<OutlineEntry>,
        report: FileReport,
    ) -> Self {
        let report = FileReport { lines: count_lines(text.as_bytes()), ..report };
        Self { text, positions, outline, report }
    }

    /// Text of a file without lines of its own. Fails if it is empty; `what` names the kind for the error:
    /// `an EPUB book`.
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
        if text.len() > MOST_TEXT_BYTES {
            let evidence = format!("more than {} MiB of text", MOST_TEXT_BYTES >> 20);
            return Err(Error::Bomb { name: report.name, what, evidence });
        }
        report.control_characters = flowed.control_characters;
        report.lines = count_lines(text.as_bytes());
        let whole = ByteSpan { start: 0, end: text.len() };
        Ok(Self { positions: vec![(whole, Position::TextLine(1))], text, outline, report })
    }
}
