//! EPUB 2 and 3: the chapters of a book in reading order. Its table of contents becomes the outline.
//!
//! A book is a zip archive of web pages. [`package`] reads their order, the HTML reader turns them into one text,
//! [`contents`] reads the titles, and each title gets the line where its chapter or anchor begins.
//!
//! Chapters that are listed but missing, and chapters without text, are remarks in the report. Encrypted chapters (DRM)
//! are an error. Without a table of contents, the headings become the outline. Everything in a chapter is read: unlike
//! web pages, books have no navigation around their text.

mod contents;
mod package;

use std::collections::{HashMap, HashSet};

use self::contents::{ContentsEntry, Nav, Ncx};
use self::package::{Chapter, Package};
use super::archive::{Archive, decoded, loose, resolve};
use super::charset;
use super::dtd;
use super::flow::{Flow, Flowed};
use super::html::crowded;
use super::html::reader::{Boilerplate, HtmlReader};
use super::html::tokens::{Dialect, walk};
use super::interface::{FileText, Format};
use crate::controls::printable;
use crate::error::Error;
use crate::headings::{self, Likeness};
use crate::options::ReadOptions;
use crate::outline::{OutlineEntry, close_spans};
use crate::raw_file::RawFile;
use crate::report::{FileReport, counted};
use crate::sniff;
use crate::span::ByteSpan;

const WHAT: &str = "an EPUB book";

/// Maximum number of names in a remark.
const MOST_NAMED: usize = 5;

pub(super) struct Epub;

impl Format for Epub {
    fn name(&self) -> &'static str {
        "epub"
    }

    fn recognises(&self, file: &RawFile) -> bool {
        sniff::is_zip_with(&file.bytes, sniff::EPUB_MEMBER) || sniff::is_zip_with(&file.bytes, sniff::EPUB_KIND)
    }

    fn read(&self, file: RawFile, _options: &ReadOptions) -> Result<FileText, Error> {
        let RawFile { name, bytes, .. } = file;
        let mut archive = Archive::open(&name, WHAT, &bytes)?;
        let mut report = FileReport { name: name.clone(), bytes: bytes.len() as u64, ..FileReport::default() };
        let package = package::package(&mut archive)?;
        remark_lost(&package, &mut report);
        if !package.has_order {
            report
                .remarks
                .push("the book has no reading order: its pages are read as its list of files has them".into());
        }
        let titles = match titles(&mut archive, &package) {
            Ok(titles) => titles,
            Err(error @ Error::Bomb { .. }) => return Err(error),
            Err(error) => {
                report.remarks.push(format!("the table of contents could not be read: {}", error.reason()));
                Vec::new()
            }
        };
        let titles = named_as_chapters(titles, &package);
        let wanted = titles.iter().filter_map(|title| title.target.clone()).collect();
        let book = text(&mut archive, &package, &wanted, &mut report)?;
        archive.refuse_damaged(&book.text)?;
        report.remarks.extend(archive.remarks());
        let outline = outline(&book, titles, &mut report);
        FileText::of_flow(book, outline, report, WHAT)
    }
}

fn remark_lost(package: &Package, report: &mut FileReport) {
    let lost = &package.lost;
    if lost.is_empty() {
        return;
    }
    let named: Vec<String> = lost.iter().take(MOST_NAMED).map(|name| printable(name)).collect();
    let more = if lost.len() > MOST_NAMED { format!(" and {} more", lost.len() - MOST_NAMED) } else { String::new() };
    let count = counted(lost.len() as u64, "chapter");
    report.remarks.push(format!("{count} of the reading order missing from the book: {}{more}", named.join(", ")));
}

/// An entry of the table of contents. Its target is an anchor of the text: `path#id`, or `path#` for the start of a
/// file.
struct Title {
    words: String,
    level: u8,
    target: Option<String>,
}

/// The table of contents: the newer kind, or else the older one.
fn titles(archive: &mut Archive<'_>, package: &Package) -> Result<Vec<Title>, Error> {
    if let Some(path) = &package.nav {
        let mut nav = Nav::default();
        archive.read_xml(path, &mut nav)?;
        if !nav.entries.is_empty() {
            return Ok(nav.entries.into_iter().filter_map(|line| title(line, path)).collect());
        }
    }
    let Some(path) = &package.ncx else { return Ok(Vec::new()) };
    let mut ncx = Ncx::default();
    archive.read_xml(path, &mut ncx)?;
    Ok(ncx.entries.into_iter().filter_map(|line| title(line, path)).collect())
}

/// `titles` with the paths of their chapters as the list of files has them: a table of contents may write them otherwise.
fn named_as_chapters(mut titles: Vec<Title>, package: &Package) -> Vec<Title> {
    let paths: HashMap<String, &str> =
        package.chapters.iter().map(|chapter| (loose(&chapter.path), chapter.path.as_str())).collect();
    for target in titles.iter_mut().filter_map(|title| title.target.as_mut()) {
        if let Some((path, fragment)) = target.split_once('#')
            && let Some(chapter) = paths.get(&loose(path))
        {
            *target = format!("{chapter}#{fragment}");
        }
    }
    titles
}

fn title(line: ContentsEntry, base: &str) -> Option<Title> {
    let title = line.title.split_whitespace().collect::<Vec<_>>().join(" ");
    let anchor = |target: String| {
        let fragment = target.split_once('#').map_or("", |(_, fragment)| fragment);
        Some(format!("{}#{}", resolve(base, &target)?, decoded(fragment)))
    };
    let target = line.target.and_then(anchor);
    (!title.is_empty()).then(|| Title { words: printable(&title), level: line.level, target })
}

/// All chapters as one text, with the `wanted` anchors, and an anchor at the start of each chapter.
fn text(
    archive: &mut Archive<'_>,
    package: &Package,
    wanted: &HashSet<String>,
    report: &mut FileReport,
) -> Result<Flowed, Error> {
    let mut flow = Flow::default();
    let mut without_text = 0;
    for chapter in &package.chapters {
        let before = flow.len();
        flow.anchor(format!("{}#", chapter.path));
        if !chapter.media_type.starts_with("image/") {
            read_chapter(archive, chapter, wanted, &mut flow, report)?;
        }
        without_text += usize::from(flow.len() == before);
    }
    if without_text > 0 {
        report.remarks.push(format!("{without_text} of {} chapters have no text (images)", package.chapters.len()));
    }
    Ok(flow.finish())
}

fn read_chapter(
    archive: &mut Archive<'_>,
    chapter: &Chapter,
    wanted: &HashSet<String>,
    flow: &mut Flow,
    report: &mut FileReport,
) -> Result<(), Error> {
    // Of a damaged chapter, what is whole is read; the archive remembers the rest for a remark.
    let bytes = archive.salvage(&chapter.path)?.unwrap_or_default();
    let page = charset::read(&bytes);
    report.invalid_sequences += page.invalid_sequences;
    let mut reader = HtmlReader::new(flow, Boilerplate::Keep, &chapter.path, wanted);
    // Chapters are XHTML even where the list of files calls them HTML: `<title/>` is empty.
    walk(&dtd::resolved(&page.text), Dialect::Xml, &mut reader).map_err(|count| crowded(&report.name, WHAT, count))?;
    reader.end();
    Ok(())
}

/// The outline: titles with their places. A title without a target begins where the next one does.
fn outline(book: &Flowed, titles: Vec<Title>, report: &mut FileReport) -> Vec<OutlineEntry> {
    let mut anchors: HashMap<&str, usize> = HashMap::new();
    for (name, at) in book.anchors() {
        anchors.entry(name).or_insert(at);
    }
    let mut next = None;
    let mut lost = 0;
    let mut outline = Vec::with_capacity(titles.len());
    for title in titles.into_iter().rev() {
        let place = title.target.as_deref().and_then(|target| place(&anchors, target));
        let is_lost = place.is_none() && title.target.is_some();
        next = if title.target.is_none() { next } else { place.or(next) };
        match if is_lost { None } else { next } {
            Some(start) if start < book.text.len() => {
                let span = ByteSpan { start, end: start };
                outline.push(OutlineEntry { title: title.words, level: title.level, span });
            }
            _ => lost += 1,
        }
    }
    if lost > 0 {
        report
            .remarks
            .push(format!("{} of the table of contents without a target in the text", counted(lost, "entry")));
    }
    outline.reverse();
    outline.sort_by_key(|entry| entry.span.start);
    close_spans(&mut outline, book.text.len());
    if outline.is_empty() { from_headings(book) } else { outline }
}

/// Where `target` is. A missing anchor leads to the start of its chapter.
fn place(anchors: &HashMap<&str, usize>, target: &str) -> Option<usize> {
    let chapter = &target[..=target.find('#')?];
    anchors.get(target).or_else(|| anchors.get(chapter)).copied()
}

fn from_headings(book: &Flowed) -> Vec<OutlineEntry> {
    let outline = book.outline();
    if outline.is_empty() { headings::headings(&book.text, Likeness::Prose) } else { outline }
}

#[cfg(test)]
mod tests;
