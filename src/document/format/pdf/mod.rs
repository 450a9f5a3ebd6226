//! PDF: the text of each page in reading order, pages as positions, the document's own outline.
//!
//! The picture: two readers at two desks. The first ([`first`]) reads every page; the second ([`second`]) tells the outline and which pages have pictures,
//! and reads those pages again that look wrong from across the room ([`quality`]). Of each page the better text is taken. Both sit in processes of
//! their own ([`reader`], [`worker`]), because no library for PDF survives every file: what one of them does not survive is a page that the report
//! names. A long file is dealt out to several of them ([`parallel`]). Then [`running_heads`] takes off what the typesetter put around the pages, [`lines`] makes words whole, [`layout`] puts the pages together.
//!
//! Example: a scanned report of 12 pages with a typed cover. One page of text, eleven lines `[page 2: a picture without text]`, and a note that
//! names them. Without the cover it is an error: an empty success would be a lie.
//!
//! What it does not do: recognise letters in pictures (OCR), or show anything but text.

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
/// Mail programs and web servers have put lines in front; Acrobat looks so far for the mark.
const HEAD_BYTES: usize = 1024;

pub(super) struct Pdf;

impl Format for Pdf {
    fn name(&self) -> &'static str {
        "pdf"
    }

    /// It begins with the mark; behind other bytes the name has to tell, because text may speak of the mark too.
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
            report.remarks.push(format!("its outline goes on after {} lines, which are left out", bookmarks.len()));
        }
        let mut pages = choice::pages(first, second, count);
        let is_checked = options.cross_check && options.pdf_password.is_none();
        let checked = is_checked.then(|| cross_check::remark(&bytes, &pages)).flatten();
        // From here on only text is needed: each step takes the place of the one before, so that a book is held no more often than it has to be.
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

/// What both engines said.
struct EngineFindings {
    first: Findings,
    second: Findings,
    count: u32,
}

impl EngineFindings {
    /// The second engine is asked for the text of those pages only that the first made nothing good of.
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

/// Why neither engine opens it.
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

/// The lines of the pages that can be read, without what repeats around them; takes the texts out of `pages`.
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
            .push(format!("running heads, feet and page numbers left out ({})", counted(dropped as u64, "line")));
    }
    lines::join_words(&mut texts);
    // A scan with nothing but a stamp on each page is a scan.
    for emptied in texts.iter().filter(|text| text.is_empty()) {
        let page = &mut pages[emptied.number as usize - 1];
        page.report.found = if page.has_picture { PageFound::Picture } else { PageFound::Blank };
    }
    texts.retain(|text| !text.is_empty());
    texts
}

/// Nothing readable is an error, never an empty success.
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

/// A sentence for each kind of page that is not in the text.
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
    remark(&of(&|found| *found == PageFound::Picture), "pictures without text (a scan?); OCR would read them");
    remark(
        &of(&|found| *found == PageFound::Garbled),
        "letters that nobody can map to text, left out; OCR would read them",
    );
    for page in pages {
        if let PageFound::Failed(reason) = &page.report.found {
            remark(&[page.report.number], &format!("could not be read, {reason}"));
        }
    }
}

#[cfg(test)]
mod tests;
