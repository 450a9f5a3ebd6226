//! PDF: the text of each page in reading order. Pages are positions, and the document's own outline is the outline.
//!
//! Two engines read a PDF. The first ([`oxide`]) reads every page. The second ([`extract`]) reads the outline, finds
//! pages with images, and reads the pages again whose text from the first looks wrong ([`quality`]). The better text of
//! each page is used ([`choice`]). Both run in child processes ([`runner`], [`worker`]), because no PDF library
//! survives every file: a page that kills its process is reported. A long file is divided among several processes
//! ([`parallel`]). Then [`running_heads`] drops headers and footers, [`lines`] joins hyphenated words, and [`layout`]
//! joins the pages.
//!
//! Example: a scanned report of 12 pages with a typed cover gives one page of text, eleven lines such as
//! `[page 2: an image without text]`, and a remark that lists those pages. Without the cover it is an error.
//!
//! There is no OCR.

mod answer;
mod choice;
mod cross_check;
mod extract;
mod layout;
mod lines;
mod oxide;
mod parallel;
mod protocol;
mod quality;
mod runner;
mod running_heads;
mod worker;

use std::sync::Arc;

pub use self::runner::READ_PDF;
pub use self::worker::serve;

use self::choice::ChosenPage;
use self::lines::PageLines;
use self::protocol::{MOST_PAGES, PdfEngine, Refusal};
use self::runner::{EngineRunner, Findings};
use super::interface::{FileText, Format};
use crate::document::error::Error;
use crate::document::options::ReadOptions;
use crate::document::raw_file::RawFile;
use crate::document::report::{FileReport, PageFound, counted, ranges};

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
        let runner = EngineRunner::new(&options.pdf_reader, Arc::clone(&bytes), password);
        let EngineFindings { first, mut second, count } = EngineFindings::new(&runner, &report.name, options)?;
        let bookmarks = std::mem::take(&mut second.bookmarks);
        if second.has_cut_outline {
            report.remarks.push(format!("its outline has more than {} entries; the rest is skipped", bookmarks.len()));
        }
        let mut pages = choice::pages(first, second, count);
        let is_checked = options.cross_check && options.pdf_password.is_none();
        let checked = is_checked.then(|| cross_check::remark(&bytes, &pages)).flatten();
        // Only the text is needed from here on. Each step replaces the previous one, so that a book is in memory only
        // once.
        drop((bytes, runner));
        let texts = readable(&mut pages, &mut report);
        refuse_without_text(&pages, &report)?;
        remark_pages(&pages, &mut report);
        report.remarks.extend(checked);
        let laid_out = layout::lay_out(texts, &pages);
        let outline = layout::outline(&laid_out, &bookmarks);
        report.pages = pages.into_iter().map(|page| page.report).collect();
        Ok(FileText::of_pages(laid_out.text, laid_out.pages, outline, report))
    }
}

/// The findings of both engines.
struct EngineFindings {
    first: Findings,
    second: Findings,
    count: u32,
}

impl EngineFindings {
    /// Asks the first engine for all pages, and the second for those whose text looks wrong.
    fn new(runner: &EngineRunner<'_>, name: &str, options: &ReadOptions) -> Result<Self, Error> {
        let first = parallel::ask(runner, PdfEngine::Oxide);
        refuse_too_many(first.count, name)?;
        let doubtful = first.count.filter(|&count| count > 0).map(|count| choice::doubtful(&first, count));
        let second = runner.ask(PdfEngine::Extract, doubtful);
        refuse_too_many(second.count, name)?;
        match first.count.filter(|&count| count > 0).or(second.count).filter(|&count| count > 0) {
            Some(count) => Ok(Self { first, second, count }),
            None => Err(refused(name, &first, &second, options)),
        }
    }
}

fn refuse_too_many(pages: Option<u32>, name: &str) -> Result<(), Error> {
    match pages.filter(|&pages| pages > MOST_PAGES) {
        Some(pages) => Err(Error::Bomb { name: name.into(), what: WHAT, evidence: format!("{pages} pages") }),
        None => Ok(()),
    }
}

/// The error if neither engine opens the file.
fn refused(name: &str, first: &Findings, second: &Findings, options: &ReadOptions) -> Error {
    let name = name.to_owned();
    let refusals = [&first.refusal, &second.refusal];
    if refusals.iter().any(|refusal| **refusal == Some(Refusal::Locked)) {
        return Error::Locked { name, was_tried: options.pdf_password.is_some() };
    }
    let reason = refusals.into_iter().flatten().find_map(|refusal| match refusal {
        Refusal::Broken(reason) => Some(reason.clone()),
        Refusal::Locked => None,
    });
    Error::Broken { name, what: WHAT, evidence: reason.unwrap_or_else(|| "it has no pages".into()) }
}

/// The lines of the readable pages, without running heads. Takes the texts out of `pages`.
fn readable(pages: &mut [ChosenPage], report: &mut FileReport) -> Vec<PageLines> {
    let mut texts: Vec<PageLines> = Vec::new();
    for page in pages.iter_mut().filter(|page| page.report.found == PageFound::Text) {
        let (mut lines, controls) = PageLines::new(page.report.number, &std::mem::take(&mut page.text));
        lines.has_picture = page.has_picture;
        report.control_characters += controls;
        texts.push(lines);
    }
    let dropped = running_heads::drop_running_lines(&mut texts);
    if dropped > 0 {
        report
            .remarks
            .push(format!("running heads, footers and page numbers skipped ({})", counted(dropped as u64, "line")));
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

/// Fails if no page has text.
fn refuse_without_text(pages: &[ChosenPage], report: &FileReport) -> Result<(), Error> {
    let count = |is_wanted: fn(&PageFound) -> bool| pages.iter().filter(|page| is_wanted(&page.report.found)).count();
    if count(|found| *found == PageFound::Text) > 0 {
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

/// Adds a remark for each kind of page that is not in the text.
fn remark_pages(pages: &[ChosenPage], report: &mut FileReport) {
    let of = |is_wanted: &dyn Fn(&PageFound) -> bool| -> Vec<u32> {
        let wanted = pages.iter().filter(|page| is_wanted(&page.report.found));
        wanted.map(|page| page.report.number).collect()
    };
    let mut remark = |numbers: &[u32], what: &str| {
        if !numbers.is_empty() {
            report.remarks.push(format!("{}: {what}", ranges("page", numbers)));
        }
    };
    remark(&of(&|found| *found == PageFound::Picture), "images without text (a scan?); OCR could read them");
    remark(
        &of(&|found| *found == PageFound::Garbled),
        "skipped, because their glyphs do not map to text; OCR could read them",
    );
    for page in pages {
        if let PageFound::Failed(reason) = &page.report.found {
            remark(&[page.report.number], &format!("could not be read: {reason}"));
        }
    }
}

#[cfg(test)]
mod tests;
