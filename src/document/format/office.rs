//! `OpenDocument` (texts, slides, sheets), `PowerPoint` and Excel.
//!
//! All are zip archives of XML. A text becomes paragraphs, headings, lists and tables; a slide or a sheet begins with a
//! heading, `# Slide 3` or `# Sheet: Prices`. A row of a sheet is a line with ` | ` between cells. Speaker notes follow
//! their slide. Notes and comments of `OpenDocument` are in brackets at their places. Pictures, charts and other comments are
//! skipped.
//!
//! A sheet is read up to [`sheets::MOST_ROWS`] rows; a remark says how many are left out.

mod excel;
mod open_document;
mod power_point;
mod sheets;
mod styles;

use super::archive::Archive;
use super::flow::Flow;
use super::interface::{FileText, Format};
use crate::error::Error;
use crate::options::ReadOptions;
use crate::raw_file::RawFile;
use crate::report::FileReport;
use crate::sniff;

/// A kind of office file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    OpenDocument,
    /// One XML file instead of an archive.
    FlatOpenDocument,
    PowerPoint,
    Excel,
}

impl Kind {
    fn of(bytes: &[u8]) -> Option<Self> {
        let is = |member: &[u8]| sniff::is_zip_with(bytes, member);
        if is(b"ppt/presentation.xml") {
            Some(Self::PowerPoint)
        } else if is(b"xl/workbook.xml") {
            Some(Self::Excel)
        } else if open_document::is_flat(bytes) {
            Some(Self::FlatOpenDocument)
        } else {
            let is_named = is(b"application/vnd.oasis.opendocument");
            (is_named || is(b"META-INF/manifest.xml") && is(b"content.xml")).then_some(Self::OpenDocument)
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::OpenDocument | Self::FlatOpenDocument => "an OpenDocument file",
            Self::PowerPoint => "a PowerPoint presentation",
            Self::Excel => "an Excel workbook",
        }
    }
}

pub(super) struct Office;

impl Format for Office {
    fn name(&self) -> &'static str {
        "office"
    }

    fn recognises(&self, file: &RawFile) -> bool {
        Kind::of(&file.bytes).is_some()
    }

    fn read(&self, file: RawFile, _options: &ReadOptions) -> Result<FileText, Error> {
        let RawFile { name, bytes, .. } = file;
        let kind = Kind::of(&bytes).expect("it was recognised");
        let mut report = FileReport { name: name.clone(), bytes: bytes.len() as u64, ..FileReport::default() };
        let mut flow = Flow::default();
        if kind == Kind::FlatOpenDocument {
            open_document::read_flat(&bytes, &mut flow, &mut report);
            let flowed = flow.finish();
            let outline = flowed.outline();
            return FileText::of_flow(flowed, outline, report, kind.what());
        }
        let mut archive = Archive::open(&name, kind.what(), &bytes)?;
        match kind {
            Kind::FlatOpenDocument => {}
            Kind::OpenDocument => open_document::read(&mut archive, &mut flow, &mut report)?,
            Kind::PowerPoint => power_point::read(&mut archive, &mut flow)?,
            Kind::Excel => excel::read(&mut archive, &mut flow, &mut report)?,
        }
        let flowed = flow.finish();
        archive.refuse_damaged(&flowed.text)?;
        report.remarks.extend(archive.remarks());
        let outline = flowed.outline();
        FileText::of_flow(flowed, outline, report, kind.what())
    }
}

#[cfg(test)]
mod tests;
