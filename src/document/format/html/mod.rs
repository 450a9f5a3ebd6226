//! HTML: the main content of a page as running text. Its headings become the outline.
//!
//! `<h2>Cats</h2><ul><li>one<li>two</ul>` becomes `## Cats\n\n- one\n- two\n`. A table row is a line with ` | ` between
//! cells, code keeps its lines, and of a link the text stays. Scripts and styles are skipped. What surrounds the main
//! content is skipped, too, with a remark that says how much it was.
//!
//! [`super::charset`] decodes the page, [`tokens`] splits it into tags and text, [`reader`] interprets them, and
//! [`super::flow`] writes the text. Scripts are not run: a page whose text would come from a script has no text, which
//! is an error.

mod math;
pub(super) mod reader;
pub(super) mod tokens;

use std::collections::HashSet;

pub(super) use self::math::Formula;
use self::reader::{Boilerplate, HtmlReader, Landmarks};
use self::tokens::Dialect;
use super::charset;
use super::dtd;
use super::flow::{Flow, Flowed};
use super::interface::{FileText, Format};
use crate::encoding::Found;
use crate::error::Error;
use crate::options::ReadOptions;
use crate::raw_file::RawFile;
use crate::report::{FileReport, counted};

/// How much of a file is examined to tell a page from text.
const HEAD_BYTES: usize = 4096;

pub(super) struct Html;

impl Format for Html {
    fn name(&self) -> &'static str {
        "html"
    }

    /// A file that begins with `<!DOCTYPE html>` or `<html>`. Markdown may begin with `<p align="center">`, so a
    /// fragment of a page needs the right name or media type.
    fn recognises(&self, file: &RawFile) -> bool {
        let head = charset::read(&file.bytes[..file.bytes.len().min(HEAD_BYTES)]).text.to_ascii_lowercase();
        let start = without_preamble(&head);
        let is_page = ["<!doctype html", "<html"].iter().any(|mark| start.starts_with(mark));
        let is_named = matches!(file.extension().as_deref(), Some("html" | "htm" | "xhtml" | "xht"));
        is_page
            || (is_named || file.is_served_as("text/html") || file.is_served_as("application/xhtml+xml"))
                && start.starts_with('<')
    }

    fn read(&self, file: RawFile, _options: &ReadOptions) -> Result<FileText, Error> {
        let (served, is_xml) = (file.charset(), is_named_xml(&file));
        let RawFile { name, bytes, .. } = file;
        let page = charset::read_as(&bytes, served);
        let dialect = if is_xml || is_written_as_xml(&page.text) { Dialect::Xml } else { Dialect::Html };
        let mut report = FileReport { name, bytes: bytes.len() as u64, ..FileReport::default() };
        report.encoding = page.encoding;
        report.invalid_sequences = page.invalid_sequences;
        if page.invalid_sequences > 0 && page.encoding == Found::default() {
            report.first_invalid_offset = std::str::from_utf8(&bytes).err().map(|error| error.valid_up_to() as u64);
        }
        let flowed = main_text(&dtd::resolved(&page.text), dialect, &mut report)?;
        let outline = flowed.outline();
        FileText::of_flow(flowed, outline, report, "an HTML page")
    }
}

/// The text of a page that is part of something else; `None` if a tag is too crowded.
pub(super) fn text_of_page(page: &str) -> Option<String> {
    let mut report = FileReport::default();
    let dialect = if is_written_as_xml(page) { Dialect::Xml } else { Dialect::Html };
    main_text(page, dialect, &mut report).ok().map(|flowed| flowed.text)
}

/// `head` without the XML declaration and comments at its start.
fn without_preamble(head: &str) -> &str {
    let mut rest = head.trim_start();
    loop {
        let end = if rest.starts_with("<?") {
            rest.find("?>").map(|end| end + 2)
        } else if rest.starts_with("<!--") {
            rest.find("-->").map(|end| end + 3)
        } else {
            return rest;
        };
        rest = rest[end.unwrap_or(rest.len())..].trim_start();
    }
}

fn is_named_xml(file: &RawFile) -> bool {
    matches!(file.extension().as_deref(), Some("xhtml" | "xht")) || file.is_served_as("application/xhtml+xml")
}

/// Whether a page begins as XML, or names its namespace.
fn is_written_as_xml(page: &str) -> bool {
    let head = &page[..page.floor_char_boundary(HEAD_BYTES)];
    head.trim_start().starts_with("<?xml") || head.contains("xmlns=\"http://www.w3.org/1999/xhtml\"")
}

/// The text of the page, or of its main content, if it has any.
fn main_text(page: &str, dialect: Dialect, report: &mut FileReport) -> Result<Flowed, Error> {
    let read = |around: Boilerplate, title: &str| text(page, dialect, around, title, &report.name);
    let (whole, seen, title) = read(Boilerplate::Keep, "")?;
    if seen.hidden > 0 {
        report.remarks.push(format!("{} left out", counted(seen.hidden, "hidden element")));
    }
    let around = if seen.main && seen.around {
        Boilerplate::Drop { keeps_headers: seen.has_title_in_header && !seen.has_title_in_main }
    } else {
        Boilerplate::Keep
    };
    // A page without headings has its title in `<title>` alone.
    let is_untitled = whole.outline().is_empty() && !whole.text.is_empty() && !whole.text.contains(&title);
    let title = if is_untitled { title.as_str() } else { "" };
    if around == Boilerplate::Keep && title.is_empty() {
        return Ok(whole);
    }
    let (main, ..) = read(around, title)?;
    if around == Boilerplate::Keep {
        return Ok(main);
    }
    let dropped = whole.text.len().saturating_sub(main.text.len());
    if dropped == 0 {
        return Ok(main);
    }
    let dropped = counted(dropped as u64, "byte");
    report.remarks.push(format!("navigation, header and footer around the main content skipped ({dropped})"));
    Ok(main)
}

/// The text of the page under the heading `title`, unless that is empty; and its own title.
fn text(
    page: &str,
    dialect: Dialect,
    around: Boilerplate,
    title: &str,
    name: &str,
) -> Result<(Flowed, Landmarks, String), Error> {
    let mut flow = Flow::default();
    flow.begin_heading(1);
    flow.text(title);
    flow.end_heading();
    let wanted = HashSet::new();
    let mut reader = HtmlReader::new(&mut flow, around, "", &wanted);
    tokens::walk(page, dialect, &mut reader).map_err(|count| crowded(name, "an HTML page", count))?;
    let (seen, title) = (reader.end(), reader.title());
    Ok((flow.finish(), seen, title))
}

/// The error for a tag with too many attributes.
pub(super) fn crowded(name: &str, what: &'static str, count: usize) -> Error {
    Error::Broken { name: name.into(), what, evidence: format!("a tag with {count} attributes") }
}

#[cfg(test)]
mod tests;
