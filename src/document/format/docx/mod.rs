//! DOCX: the paragraphs of a Word document. Its headings become the outline.
//!
//! The text is that of the document with all tracked changes accepted. Headings are recognised by their outline level,
//! or by the name of their style, which is English in every language. Lists are numbered as Word numbers them (`2.1`,
//! `b)`). A table row is a line with ` | ` between cells. Notes and comments are in brackets at their references.
//! Page headers and footers, and images, are skipped, and reported.
//!
//! Example: a paragraph with the style `berschrift1`, whose name is `heading 1`, and a bulleted one give
//! `# Title\n\n- item\n`. [`mod@relations`] finds the parts of the file. [`styles`], [`numbering`] and [`notes`] read
//! what the text refers to, [`body`] reads the text.

mod body;
mod formula;
mod notes;
mod numbering;
mod relations;
mod styles;

use self::body::{BodyReader, TrackedChanges};
use self::notes::Notes;
use self::numbering::Numbering;
use self::relations::relations;
use self::styles::Styles;
use super::archive::Archive;
use super::flow::Flow;
use super::interface::{FileText, Format};
use super::xml::XmlHandler;
use crate::error::Error;
use crate::options::ReadOptions;
use crate::raw_file::RawFile;
use crate::report::{FileReport, counted};
use crate::sniff;

const WHAT: &str = "a Word document (DOCX)";

/// Path of the text, unless the file says otherwise.
const USUAL_PART: &str = "word/document.xml";

pub(super) struct Docx;

impl Format for Docx {
    fn name(&self) -> &'static str {
        "docx"
    }

    fn recognises(&self, file: &RawFile) -> bool {
        sniff::is_zip_with(&file.bytes, sniff::DOCX_MEMBER)
    }

    fn read(&self, file: RawFile, _options: &ReadOptions) -> Result<FileText, Error> {
        let RawFile { name, bytes, .. } = file;
        let mut archive = Archive::open(&name, WHAT, &bytes)?;
        let mut report = FileReport { name: name.clone(), bytes: bytes.len() as u64, ..FileReport::default() };
        let main = relations(&mut archive, "")?.remove("officeDocument").unwrap_or_else(|| USUAL_PART.into());
        let flowed = text(&mut archive, &main, &mut report)?.finish();
        archive.refuse_damaged(&flowed.text)?;
        report.remarks.extend(archive.remarks());
        let outline = flowed.outline();
        FileText::of_flow(flowed, outline, report, WHAT)
    }
}

/// The text of the part `main`, with the notes that it refers to.
fn text(archive: &mut Archive<'_>, main: &str, report: &mut FileReport) -> Result<Flow, Error> {
    let related = relations(archive, main)?;
    let mut part = |kind: &str, handler: &mut dyn XmlHandler| match related.get(kind) {
        Some(path) => archive.read_xml(path, handler),
        None => Ok(()),
    };
    let (mut styles, mut numbering) = (Styles::default(), Numbering::default());
    let (mut footnotes, mut endnotes, mut comments) = (Notes::default(), Notes::default(), Notes::default());
    part("styles", &mut styles)?;
    part("numbering", &mut numbering)?;
    part("footnotes", &mut footnotes)?;
    part("endnotes", &mut endnotes)?;
    part("comments", &mut comments)?;
    let mut flow = Flow::default();
    let mut body = BodyReader::new(&mut flow, &styles, &mut numbering);
    (body.footnotes, body.endnotes, body.comments) = (footnotes.by_id, endnotes.by_id, comments.by_id);
    archive.read_xml(main, &mut body)?;
    body.end();
    let (changes, hidden_runs, comments_left) = (body.changes, body.hidden_runs, body.comments.len() as u64);
    if hidden_runs > 0 {
        report.remarks.push(format!("{} of hidden text left out", counted(hidden_runs, "run")));
    }
    remark(changes, comments_left, related.contains_key("header") || related.contains_key("footer"), report);
    Ok(flow)
}

/// Adds remarks on what is in the file but not in the text.
fn remark(changes: TrackedChanges, comments: u64, has_page_heads: bool, report: &mut FileReport) {
    let TrackedChanges { deletions, insertions } = changes;
    if deletions + insertions > 0 {
        let (deleted, inserted) = (counted(deletions, "deletion"), counted(insertions, "insertion"));
        report.remarks.push(format!("tracked changes read as accepted: {deleted}, {inserted}"));
    }
    if comments > 0 {
        report.remarks.push(format!("{} without a place in the text left out", counted(comments, "comment")));
    }
    if has_page_heads {
        report.remarks.push("page headers and footers left out".into());
    }
}

#[cfg(test)]
mod tests;
