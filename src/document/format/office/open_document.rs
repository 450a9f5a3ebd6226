//! `OpenDocument`: `content.xml` of a text, of slides or of sheets, or a flat file, which is all of it in one.

use std::collections::HashMap;

use super::sheets::Sheet;
use super::styles::{Look, Styles};
use crate::controls::printable;
use crate::error::Error;
use crate::format::archive::Archive;
use crate::format::charset;
use crate::format::flow::Flow;
use crate::format::raised::raised;
use crate::format::xml::{self, Element, XmlHandler};
use crate::report::{FileReport, counted};

/// Most spaces that `<text:s text:c="…"/>` stands for.
const MOST_SPACES: usize = 64;

pub(super) fn read(archive: &mut Archive<'_>, flow: &mut Flow, report: &mut FileReport) -> Result<(), Error> {
    let manifest = archive.read("META-INF/manifest.xml")?.unwrap_or_default();
    if String::from_utf8_lossy(&manifest).contains("encryption-data") {
        return Err(archive.protected("it is encrypted with a password"));
    }
    let kind = archive.read("mimetype")?.unwrap_or_default();
    let is_sheets = String::from_utf8_lossy(&kind).contains("spreadsheet");
    let mut styles = Styles::default();
    for part in ["styles.xml", "content.xml"] {
        if archive.has(part) {
            archive.read_xml(part, &mut styles)?;
        }
    }
    let mut reader = ContentReader::new(flow, report, is_sheets, &styles);
    archive.read_xml("content.xml", &mut reader)?;
    reader.end();
    Ok(())
}

/// How much of a file is searched for its first element.
const HEAD_BYTES: usize = 1024;

/// Whether `bytes` are an `OpenDocument` file that is one XML file.
pub(super) fn is_flat(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD_BYTES)]);
    head.trim_start_matches('\u{feff}').trim_start().starts_with("<?xml") && head.contains("<office:document ")
}

/// Reads a flat file. What follows a fault is lost, and reported.
pub(super) fn read_flat(bytes: &[u8], flow: &mut Flow, report: &mut FileReport) {
    let decoded = charset::read(bytes);
    (report.encoding, report.invalid_sequences) = (decoded.encoding, decoded.invalid_sequences);
    let is_sheets = decoded.text.contains("<office:spreadsheet");
    let mut styles = Styles::default();
    let _ = xml::read(&decoded.text, &mut styles);
    let mut reader = ContentReader::new(flow, report, is_sheets, &styles);
    let read = xml::read(&decoded.text, &mut reader);
    reader.end();
    if let Err(fault) = read {
        report.remarks.push(format!("it breaks off ({}); the rest of it is lost", fault.reason));
    }
}

struct ContentReader<'a> {
    flow: &'a mut Flow,
    report: &'a mut FileReport,
    is_sheets: bool,
    styles: &'a Styles,
    in_body: bool,
    lists: Vec<OpenList>,
    /// The last number of each list that has ended, by its id and by its style.
    ended: HashMap<String, u32>,
    /// How the open spans look, the innermost last.
    looks: Vec<Look>,
    hidden_runs: u64,
    has_title: bool,
    /// For each open row, whether the flow has one open for it.
    rows: Vec<bool>,
    skipped: usize,
    slides: usize,
    /// How often the open row of a sheet is there.
    row_times: u64,
    /// The open sheet and its name.
    sheet: Option<(String, Sheet)>,
    /// The text of the open cell of a sheet, and how often it is repeated.
    cell: Option<(String, usize)>,
    is_heading: bool,
    /// The note or comment that is open, in the middle of a paragraph.
    aside: Option<Aside>,
}

/// A list that is open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct OpenList {
    id: Option<String>,
    style: String,
    /// The number of its last item.
    count: u32,
}

/// A note or a comment.
#[derive(Debug, Default)]
struct Aside {
    /// `footnote`, `comment`.
    what: &'static str,
    author: String,
    text: String,
    /// What its text is now: its own, its author's, or nothing that is read.
    part: AsidePart,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum AsidePart {
    #[default]
    Text,
    Author,
    Other,
}

impl Aside {
    fn write(&mut self, text: &str) {
        match self.part {
            AsidePart::Text => self.text.push_str(text),
            AsidePart::Author => self.author.push_str(text),
            AsidePart::Other => {}
        }
    }

    /// `[footnote: See there.]`, `[comment by Anna: Really?]`.
    fn in_brackets(&self) -> String {
        let words = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let author = self.author.trim();
        let by = if author.is_empty() { String::new() } else { format!(" by {author}") };
        format!(" [{}{by}: {words}]", self.what)
    }
}

impl<'a> ContentReader<'a> {
    fn new(flow: &'a mut Flow, report: &'a mut FileReport, is_sheets: bool, styles: &'a Styles) -> Self {
        Self {
            flow,
            report,
            is_sheets,
            styles,
            in_body: false,
            lists: Vec::new(),
            ended: HashMap::new(),
            looks: Vec::new(),
            hidden_runs: 0,
            has_title: false,
            rows: Vec::new(),
            skipped: 0,
            slides: 0,
            row_times: 1,
            sheet: None,
            cell: None,
            is_heading: false,
            aside: None,
        }
    }

    fn end(&mut self) {
        if self.hidden_runs > 0 {
            self.report.remarks.push(format!("{} of hidden text left out", counted(self.hidden_runs, "run")));
        }
    }

    fn begin_paragraph(&mut self, element: &Element<'_>) {
        let style = element.attribute("style-name").unwrap_or_default();
        self.looks.clear();
        if self.styles.is_hidden(&style) {
            self.looks.push(self.styles.look(&style));
        }
        if self.cell.is_some() {
            self.write(" ");
        } else if !element.is_empty && !self.has_title && self.styles.is_title(&style) && self.lists.is_empty() {
            (self.has_title, self.is_heading) = (true, true);
            self.flow.begin_heading(1);
        } else {
            self.pause();
        }
    }

    /// Between two paragraphs. Items of a list are close together.
    fn pause(&mut self) {
        if self.lists.is_empty() {
            self.flow.block();
        } else {
            self.flow.line();
        }
    }

    fn end_paragraph(&mut self) {
        self.looks.clear();
        if std::mem::take(&mut self.is_heading) {
            self.flow.end_heading();
        } else if self.cell.is_none() {
            self.pause();
        }
    }

    fn begin_list(&mut self, element: &Element<'_>) {
        let attribute = |name: &str| element.attribute(name).map(std::borrow::Cow::into_owned);
        let outer = self.lists.last().map(|list| list.style.clone());
        let style = attribute("style-name").or(outer).unwrap_or_default();
        let goes_on = attribute("continue-numbering").is_some_and(|value| value == "true");
        let before = attribute("continue-list").or_else(|| goes_on.then(|| style.clone()));
        let start = self.styles.level(&style, self.lists.len()).map_or(1, |format| format.start);
        let count = before.and_then(|before| self.ended.get(&before).copied());
        let count = count.unwrap_or_else(|| start.saturating_sub(1));
        self.lists.push(OpenList { id: attribute("id"), style, count });
        self.flow.set_depth(self.lists.len());
        self.flow.line();
    }

    fn end_list(&mut self) {
        if let Some(OpenList { id, style, count }) = self.lists.pop() {
            self.ended.extend(id.map(|id| (id, count)));
            self.ended.insert(style, count);
        }
        self.flow.end_item();
        self.flow.set_depth(self.lists.len());
        self.flow.line();
    }

    fn begin_item(&mut self, element: &Element<'_>) {
        let start = element.attribute("start-value").and_then(|start| start.parse::<u32>().ok());
        let Some(list) = self.lists.last_mut() else { return self.flow.item("- ") };
        list.count = start.unwrap_or_else(|| list.count.saturating_add(1));
        let style = list.style.clone();
        let counts: Vec<u32> = self.lists.iter().map(|list| list.count).collect();
        self.flow.item(&self.styles.label(&style, &counts));
    }

    /// Begins a note or a comment, or a part of one. Returns whether `element` was that, or is within one.
    fn begin_aside(&mut self, element: &Element<'_>) -> bool {
        if let Some(aside) = &mut self.aside {
            match element.name() {
                "creator" => aside.part = AsidePart::Author,
                "date" | "date-string" | "sender-initials" | "creator-initials" | "meta-creator-initials" => {
                    aside.part = AsidePart::Other;
                }
                "p" | "line-break" | "tab" | "s" => aside.write(" "),
                _ => {}
            }
            return true;
        }
        let what = match element.name() {
            "annotation" => "comment",
            "note" if element.attribute("note-class").is_some_and(|class| class == "endnote") => "endnote",
            "note" => "footnote",
            _ => return false,
        };
        if !element.is_empty {
            self.aside = Some(Aside { what, ..Aside::default() });
        }
        true
    }

    /// Ends a note or a comment, or a part of one. Returns whether `name` was that, or is within one.
    fn end_aside(&mut self, name: &str) -> bool {
        let Some(aside) = &mut self.aside else { return false };
        match name {
            "annotation" | "note" => {
                let aside = self.aside.take().unwrap_or_default();
                if !aside.text.trim().is_empty() {
                    self.write(&aside.in_brackets());
                }
            }
            _ => aside.part = AsidePart::Text,
        }
        true
    }

    fn begin_heading(&mut self, level: u8, title: &str) {
        self.flow.begin_heading(level);
        self.flow.text(title);
        self.flow.end_heading();
    }

    fn begin_table(&mut self, element: &Element<'_>) {
        if self.is_sheets {
            let name = element.attribute("name").map_or_else(String::new, |name| printable(&name));
            self.begin_heading(1, &format!("Sheet: {name}"));
            self.sheet = Some((name, Sheet::default()));
        } else {
            self.flow.block();
        }
    }

    fn begin_row(&mut self, element: &Element<'_>) {
        self.row_times = repeated(element, "number-rows-repeated");
        if !self.is_sheets {
            let is_begun = self.flow.begin_row();
            self.rows.push(is_begun);
        }
    }

    fn begin_cell(&mut self, element: &Element<'_>) {
        if self.is_sheets {
            let times = repeated(element, "number-columns-repeated");
            self.cell = Some((String::new(), usize::try_from(times).unwrap_or(usize::MAX)));
            if element.is_empty {
                self.end_cell();
            }
        } else if element.is_empty || self.rows.last() == Some(&true) {
            self.flow.begin_cell();
        } else {
            self.flow.block();
        }
    }

    fn end_cell(&mut self) {
        if let (Some((text, times)), Some((_, sheet))) = (self.cell.take(), &mut self.sheet) {
            sheet.push(&text, times);
        }
    }

    fn end_row(&mut self) {
        match &mut self.sheet {
            Some((_, sheet)) => sheet.end_row(self.row_times, self.flow),
            None if self.rows.pop() == Some(true) => self.flow.end_row(),
            None => {}
        }
    }

    fn write(&mut self, text: &str) {
        match (&mut self.aside, &mut self.cell) {
            (Some(aside), _) => aside.write(text),
            (None, Some((cell, _))) => cell.push_str(text),
            (None, None) => self.flow.text(text),
        }
    }
}

/// How often a row or a cell is there.
fn repeated(element: &Element<'_>, attribute: &str) -> u64 {
    element.attribute(attribute).and_then(|times| times.parse().ok()).unwrap_or(1)
}

impl XmlHandler for ContentReader<'_> {
    fn open(&mut self, element: &Element<'_>) {
        let name = element.name();
        if name == "body" {
            self.in_body = true;
        }
        let is_skipped = matches!(
            name,
            "note-citation"
                | "tracked-changes"
                | "forms"
                | "binary-data"
                | "sequence-decls"
                | "image"
                | "settings"
                | "object"
        );
        if !self.in_body || self.skipped > 0 || is_skipped {
            self.skipped += usize::from(self.in_body && !element.is_empty && (is_skipped || self.skipped > 0));
            return;
        }
        if self.begin_aside(element) {
            return;
        }
        match name {
            "h" => {
                let level = element.attribute("outline-level").and_then(|level| level.parse().ok()).unwrap_or(1);
                self.is_heading = !element.is_empty;
                if self.is_heading {
                    self.flow.begin_heading(u8::saturating_add(level, u8::from(self.has_title)));
                }
            }
            "p" => self.begin_paragraph(element),
            "span" if !element.is_empty => {
                let style = element.attribute("style-name").unwrap_or_default();
                self.looks.push(self.styles.look(&style));
            }
            "list" if !element.is_empty => self.begin_list(element),
            "list-item" => self.begin_item(element),
            "page" if !element.is_empty => {
                self.slides += 1;
                let slide = format!("Slide {}", self.slides);
                self.begin_heading(1, &slide);
            }
            "notes" => {
                self.flow.block();
                self.flow.text("Notes:");
                self.flow.line();
            }
            "table" if !element.is_empty => self.begin_table(element),
            "table-row" if !element.is_empty => self.begin_row(element),
            "table-cell" | "covered-table-cell" => self.begin_cell(element),
            "line-break" if self.cell.is_none() => self.flow.line_break(),
            "line-break" | "tab" => self.write(" "),
            "s" => {
                let count = element.attribute("c").and_then(|count| count.parse().ok()).unwrap_or(1);
                self.write(&" ".repeat(usize::min(count, MOST_SPACES)));
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        if !self.in_body || self.end_aside(name) {
            return;
        }
        match name {
            "body" => self.in_body = false,
            "h" => {
                self.is_heading = false;
                self.flow.end_heading();
            }
            "p" => self.end_paragraph(),
            "span" => {
                self.looks.pop();
            }
            "list" => self.end_list(),
            "list-item" => {
                self.flow.end_item();
                self.flow.line();
            }
            "table-cell" if self.is_sheets => self.end_cell(),
            "table-row" => self.end_row(),
            "table" => match self.sheet.take() {
                Some((name, sheet)) => sheet.end(&name, self.report),
                None => self.flow.block(),
            },
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        let is_between = self.is_sheets && self.cell.is_none();
        if !self.in_body || self.skipped > 0 || is_between {
            return;
        }
        if self.looks.iter().any(|look| look.is_hidden) {
            self.hidden_runs += u64::from(!text.trim().is_empty());
        } else if self.looks.last().is_some_and(|look| look.is_raised) {
            self.write(&raised(text));
        } else {
            self.write(text);
        }
    }
}
