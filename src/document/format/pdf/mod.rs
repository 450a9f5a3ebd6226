//! PDF: the text of each page in reading order. Pages are positions, and the document's own outline is the outline.
//!
//! [`glyphs`] finds the glyphs of every page, and [`layout`] puts them in order. Both run in child processes
//! ([`runner`], [`worker`]), because no PDF library survives every file: a page that kills its process is reported. A
//! long file is divided among several processes ([`parallel`]). [`classify`] finds pages whose text is no text
//! ([`quality`]). Then [`running_heads`] drops headers and footers, [`lines`] joins hyphenated words, and [`assemble`]
//! joins the pages.
//!
//! Without an outline, the pages are the outline, by the labels that the document gives them (`page iv`).
//!
//! Example: a scanned report of 12 pages with a typed cover gives one page of text, eleven lines such as
//! `[page 2: an image without text]`, and a remark that lists those pages. Without the cover it is an error.
//!
//! Scanned pages are read by [`ocr`] if the user asks for it.

mod answer;
mod arabic;
mod assemble;
mod classify;
mod cross_check;
mod current_page;
mod glyphs;
mod layout;
mod lines;
mod ocr;
mod parallel;
mod protocol;
mod quality;
mod runner;
mod running_heads;
mod worker;

use std::sync::Arc;

pub use self::runner::READ_PDF;
pub use self::worker::serve;

use self::classify::ReadPage;
use self::lines::PageLines;
use self::protocol::{MOST_PAGES, Refusal, UnseenLines};
use self::runner::{Findings, ReaderRunner};
use super::interface::{FileText, Format};
use crate::controls::printable;
use crate::error::Error;
use crate::options::ReadOptions;
use crate::raw_file::RawFile;
use crate::report::{DroppedLine, FileReport, PageFound, counted, ranges};

const WHAT: &str = "a PDF";
const MARK: &[u8] = b"%PDF-";
/// How far the mark may be from the start; the same as in Acrobat. Mail programs and web servers put lines before it.
const HEAD_BYTES: usize = 1024;

pub(super) struct Pdf;

impl Format for Pdf {
    fn name(&self) -> &'static str {
        "pdf"
    }

    /// A file that begins with the mark, or one with the extension that has the mark near its start. Text may contain
    /// the mark, too.
    fn recognises(&self, file: &RawFile) -> bool {
        let head = &file.bytes[..file.bytes.len().min(HEAD_BYTES)];
        let is_named = file.extension().as_deref() == Some("pdf");
        head.trim_ascii_start().starts_with(MARK) || is_named && head.windows(MARK.len()).any(|five| five == MARK)
    }

    fn read(&self, file: RawFile, options: &ReadOptions) -> Result<FileText, Error> {
        let RawFile { name, bytes, .. } = file;
        let mut report = FileReport { name, bytes: bytes.len() as u64, ..FileReport::default() };
        let bytes = Arc::new(bytes);
        let password = options.pdf_password.clone().unwrap_or_default();
        let runner = ReaderRunner::new(options, Arc::clone(&bytes), password);
        let mut findings = parallel::ask(&runner);
        let count = page_count(&findings, &report.name, options)?;
        let bookmarks = std::mem::take(&mut findings.bookmarks);
        let labels = std::mem::take(&mut findings.labels);
        if findings.has_cut_outline {
            report.remarks.push(format!("its outline has more than {} entries; the rest is skipped", bookmarks.len()));
        }
        let mut pages = classify::pages(findings, count);
        drop(runner);
        let complaint = options.ocr.as_ref().and_then(|ocr| {
            let password = options.pdf_password.as_deref().unwrap_or_default();
            ocr::recognise(ocr, &bytes, password, &mut pages, &options.progress)
        });
        report.remarks.extend(complaint.iter().map(|why| format!("no OCR: {why}")));
        let texts = readable(&mut pages, &mut report);
        report_unseen(&mut pages, &mut report);
        let is_checked = options.cross_check && options.pdf_password.is_none();
        // The text that the model gets is checked, without what was dropped.
        let checked = is_checked.then(|| cross_check::remark(&bytes, &texts)).flatten();
        // Only the text is needed from here on. Each step replaces the previous one, so that a book is in memory only
        // once.
        drop(bytes);
        refuse_without_text(&pages, &report).map_err(|error| match complaint {
            Some(why) => Error::Unrecognised { name: report.name.clone(), why },
            None => error,
        })?;
        remark_pages(&pages, &mut report);
        report.remarks.extend(checked);
        let laid_out = assemble::lay_out(texts, &pages);
        let outline = assemble::outline(&laid_out, &bookmarks, &labels);
        report.pages = pages.into_iter().map(|page| page.report).collect();
        Ok(FileText::of_pages(laid_out.text, laid_out.pages, outline, report))
    }
}

/// The number of pages. Fails if the file was not opened, or has more than a document can have.
fn page_count(findings: &Findings, name: &str, options: &ReadOptions) -> Result<u32, Error> {
    match findings.count {
        Some(pages) if pages > MOST_PAGES => {
            Err(Error::Bomb { name: name.into(), what: WHAT, evidence: format!("{pages} pages") })
        }
        Some(pages) if pages > 0 => Ok(pages),
        _ => Err(refused(name, findings.refusal.as_ref(), options)),
    }
}

/// The error for a file that does not open.
fn refused(name: &str, refusal: Option<&Refusal>, options: &ReadOptions) -> Error {
    let name = name.to_owned();
    match refusal {
        Some(Refusal::Locked) => Error::Locked { name, was_tried: options.pdf_password.is_some() },
        Some(Refusal::Broken(reason)) => Error::Broken { name, what: WHAT, evidence: reason.clone() },
        None => Error::Broken { name, what: WHAT, evidence: "it has no pages".into() },
    }
}

/// The lines of the readable pages, without running heads. Takes the texts out of `pages`.
fn readable(pages: &mut [ReadPage], report: &mut FileReport) -> Vec<PageLines> {
    let mut texts: Vec<PageLines> = Vec::new();
    let is_readable =
        |page: &&mut ReadPage| matches!(page.report.found, PageFound::Text | PageFound::Recognised { .. });
    for page in pages.iter_mut().filter(is_readable) {
        let (mut lines, controls) = PageLines::new(page.report.number, &std::mem::take(&mut page.text));
        lines = lines.with_looks(&std::mem::take(&mut page.looks));
        lines.has_picture = page.has_picture;
        report.control_characters += controls;
        texts.push(lines);
    }
    report.dropped = running_heads::drop_running_lines(&mut texts);
    let dropped = report.dropped.len() as u64;
    if dropped > 0 {
        report.remarks.push(format!("running heads, footers and page numbers skipped ({})", counted(dropped, "line")));
    }
    lines::join_words(&mut texts);
    // Pages with an image and nothing but running heads are scans with a stamp.
    for emptied in texts.iter().filter(|text| text.is_empty()) {
        let page = &mut pages[emptied.number as usize - 1];
        page.report.found = if page.has_picture { PageFound::Picture } else { PageFound::Blank };
    }
    texts.retain(|text| !text.is_empty());
    texts
}

/// Reports what is in the file, but not to be seen on its pages: nobody wrote it for a reader.
fn report_unseen(pages: &mut [ReadPage], report: &mut FileReport) {
    let before = report.dropped.len();
    for page in pages {
        let number = page.report.number;
        for UnseenLines { why, text } in std::mem::take(&mut page.unseen) {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            report.dropped.extend(lines.map(|line| DroppedLine {
                page: number,
                text: printable(line),
                why: why.why(),
            }));
        }
    }
    let unseen = (report.dropped.len() - before) as u64;
    if unseen > 0 {
        report.dropped.sort_by_key(|line| line.page);
        report.remarks.push(format!("text that cannot be seen on its page left out ({})", counted(unseen, "line")));
    }
}

/// Fails if no page has text.
fn refuse_without_text(pages: &[ReadPage], report: &FileReport) -> Result<(), Error> {
    let count = |is_wanted: fn(&PageFound) -> bool| pages.iter().filter(|page| is_wanted(&page.report.found)).count();
    if count(|found| matches!(found, PageFound::Text | PageFound::Recognised { .. })) > 0 {
        return Ok(());
    }
    let (name, bytes) = (report.name.clone(), report.bytes);
    let pictures = count(|found| *found == PageFound::Picture);
    let garbled = count(|found| *found == PageFound::Garbled);
    let failure = pages.iter().find_map(|page| match &page.report.found {
        PageFound::Failed(reason) => Some(format!("page {}: {reason}", page.report.number)),
        _ => None,
    });
    Err(match failure {
        _ if garbled > 0 => Error::Garbled { name, pages: garbled },
        _ if pictures > 0 => Error::Scanned { name, pages: pictures },
        Some(evidence) => Error::Broken { name, what: WHAT, evidence },
        None => Error::NoText { name, what: WHAT, bytes },
    })
}

/// Adds a remark for each kind of page that is not in the text, and for comments.
fn remark_pages(pages: &[ReadPage], report: &mut FileReport) {
    let comments: usize = pages.iter().map(|page| page.comments.len()).sum();
    if comments > 0 {
        report.remarks.push(format!("{} in brackets, each below its page", counted(comments as u64, "comment")));
    }
    let of = |is_wanted: &dyn Fn(&PageFound) -> bool| -> Vec<u32> {
        let wanted = pages.iter().filter(|page| is_wanted(&page.report.found));
        wanted.map(|page| page.report.number).collect()
    };
    let mut remark = |numbers: &[u32], what: &str| {
        if !numbers.is_empty() {
            report.remarks.push(format!("{}: {what}", ranges("page", numbers)));
        }
    };
    remark(&of(&|found| *found == PageFound::Picture), "images without text (a scan?); --ocr could read them");
    let recognised = of(&|found| matches!(found, PageFound::Recognised { .. }));
    remark(&recognised, "recognised from images by tesseract, which makes mistakes");
    remark(
        &of(&|found| *found == PageFound::Garbled),
        "skipped, because their glyphs do not map to text; --ocr could read them",
    );
    for page in pages {
        if let PageFound::Failed(reason) = &page.report.found {
            remark(&[page.report.number], &format!("could not be read: {reason}"));
        }
    }
}

#[cfg(test)]
mod tests;
