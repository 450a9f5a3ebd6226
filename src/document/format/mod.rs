//! The formats that can be read, one file each, and the registry that picks one by what is in the file.
//!
//! A new format is a file here that implements [`Format`], a line in [`FORMATS`], and a line less in [`super::sniff`].

mod archive;
mod docx;
mod epub;
mod flow;
mod html;
mod markdown;
pub(super) mod pdf;
mod text;

use super::decode::Decoded;
use super::error::Error;
use super::input::RawFile;
use super::report::FileReport;
use super::{ByteSpan, OutlineEntry, Position, ReadOptions, count_lines, sniff};

/// One kind of file.
trait Format: Sync {
    /// As the report names it.
    fn name(&self) -> &'static str;

    /// Whether `file` is of this kind.
    fn recognises(&self, file: &RawFile) -> bool;

    /// The text and its outline. `report.format` is filled in by the caller.
    fn read(&self, file: RawFile, options: &ReadOptions) -> Result<Piece, Error>;
}

/// Asked in this order; the last recognises everything.
const FORMATS: &[&dyn Format] = &[&pdf::Pdf, &docx::Docx, &epub::Epub, &html::Html, &markdown::Markdown, &text::Text];

/// What one file gives. Spans count from the text's start.
#[derive(Debug)]
pub(super) struct Piece {
    pub text: String,
    /// Where the stretches of the text were found; ordered, together the whole text but for what was put between them.
    pub positions: Vec<(ByteSpan, Position)>,
    pub outline: Vec<OutlineEntry>,
    pub report: FileReport,
}

impl Piece {
    /// A text whose lines are those of the file.
    fn of_lines(decoded: Decoded, outline: Vec<OutlineEntry>) -> Self {
        let whole = ByteSpan { start: 0, end: decoded.text.len() };
        Self { positions: vec![(whole, Position::Line(1))], text: decoded.text, outline, report: decoded.report }
    }

    /// A text that was made from pages. It ends with a line end; `report.lines` is filled in here.
    fn of_pages(
        text: String,
        positions: Vec<(ByteSpan, Position)>,
        outline: Vec<OutlineEntry>,
        report: FileReport,
    ) -> Self {
        let report = FileReport { lines: count_lines(text.as_bytes()), ..report };
        Self { text, positions, outline, report }
    }

    /// A text that was made from a file without lines of its own. It ends with a line end; `report.lines` is filled in here.
    fn of_text(text: String, outline: Vec<OutlineEntry>, report: FileReport) -> Self {
        let whole = ByteSpan { start: 0, end: text.len() };
        let report = FileReport { lines: count_lines(text.as_bytes()), ..report };
        Self { positions: vec![(whole, Position::TextLine(1))], text, outline, report }
    }
}

/// Reads `file` as what it is.
pub(super) fn read(file: RawFile, options: &ReadOptions) -> Result<Piece, Error> {
    if let Some(foreign) = sniff::foreign(&file.bytes) {
        return Err(Error::from_foreign(file.name, foreign));
    }
    let format = FORMATS.iter().find(|format| format.recognises(&file)).expect("plain text recognises everything");
    let mut piece = format.read(file, options)?;
    piece.report.format = format.name();
    Ok(piece)
}
