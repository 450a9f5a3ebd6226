//! `OpenDocument`: `content.xml` of a text, of slides or of sheets.

use super::sheets::Sheet;
use crate::document::controls::printable;
use crate::document::error::Error;
use crate::document::format::archive::Archive;
use crate::document::format::flow::Flow;
use crate::document::format::xml::{Element, XmlHandler};
use crate::document::report::FileReport;

/// Most spaces that `<text:s text:c="…"/>` stands for.
const MOST_SPACES: usize = 64;

pub(super) fn read(archive: &mut Archive<'_>, flow: &mut Flow, report: &mut FileReport) -> Result<(), Error> {
    let manifest = archive.read("META-INF/manifest.xml")?.unwrap_or_default();
    if String::from_utf8_lossy(&manifest).contains("encryption-data") {
        return Err(archive.protected("it is encrypted with a password"));
    }
    let kind = archive.read("mimetype")?.unwrap_or_default();
    let is_sheets = String::from_utf8_lossy(&kind).contains("spreadsheet");
    let mut reader = ContentReader::new(flow, report, is_sheets);
    archive.read_xml("content.xml", &mut reader)
}

struct ContentReader<'a> {
    flow: &'a mut Flow,
    report: &'a mut FileReport,
    is_sheets: bool,
    in_body: bool,
    lists: usize,
    /// For each open row, whether the flow has one open for it.
    rows: Vec<bool>,
    skipped: usize,
    slides: usize,
    /// The open sheet and its name.
    sheet: Option<(String, Sheet)>,
    /// The text of the open cell of a sheet, and how often it is repeated.
    cell: Option<(String, usize)>,
    is_heading: bool,
}

impl<'a> ContentReader<'a> {
    fn new(flow: &'a mut Flow, report: &'a mut FileReport, is_sheets: bool) -> Self {
        Self {
            flow,
            report,
            is_sheets,
            in_body: false,
            lists: 0,
            rows: Vec::new(),
            skipped: 0,
            slides: 0,
            sheet: None,
            cell: None,
            is_heading: false,
        }
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

    fn begin_row(&mut self) {
        if !self.is_sheets {
            let is_begun = self.flow.begin_row();
            self.rows.push(is_begun);
        }
    }

    fn begin_cell(&mut self, element: &Element<'_>) {
        if self.is_sheets {
            let times = element.attribute("number-columns-repeated").and_then(|times| times.parse().ok()).unwrap_or(1);
            self.cell = Some((String::new(), times));
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
            Some((_, sheet)) => sheet.end_row(self.flow),
            None if self.rows.pop() == Some(true) => self.flow.end_row(),
            None => {}
        }
    }

    fn write(&mut self, text: &str) {
        match &mut self.cell {
            Some((cell, _)) => cell.push_str(text),
            None => self.flow.text(text),
        }
    }
}

impl XmlHandler for ContentReader<'_> {
    fn open(&mut self, element: &Element<'_>) {
        let name = element.name();
        if name == "body" {
            self.in_body = true;
        }
        let is_skipped = matches!(
            name,
            "annotation" | "tracked-changes" | "forms" | "sequence-decls" | "image" | "settings" | "object"
        );
        if !self.in_body || self.skipped > 0 || is_skipped {
            self.skipped += usize::from(self.in_body && !element.is_empty && (is_skipped || self.skipped > 0));
            return;
        }
        match name {
            "h" => {
                let level = element.attribute("outline-level").and_then(|level| level.parse().ok()).unwrap_or(1);
                self.is_heading = !element.is_empty;
                if self.is_heading {
                    self.flow.begin_heading(level);
                }
            }
            "p" if self.cell.is_some() => self.write(" "),
            "p" => self.flow.block(),
            "list" if !element.is_empty => {
                self.lists += 1;
                self.flow.set_depth(self.lists);
                self.flow.line();
            }
            "list-item" => self.flow.item("- "),
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
            "table-row" if !element.is_empty => self.begin_row(),
            "table-cell" | "covered-table-cell" => self.begin_cell(element),
            "line-break" if self.cell.is_none() => self.flow.line_break(),
            "line-break" | "tab" => self.write(" "),
            "s" => {
                let count = element.attribute("c").and_then(|count| count.parse().ok()).unwrap_or(1);
                self.write(&" ".repeat(usize::min(count, MOST_SPACES)));
            }
            "note-body" => self.write(" ["),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        if !self.in_body {
            return;
        }
        match name {
            "body" => self.in_body = false,
            "h" => {
                self.is_heading = false;
                self.flow.end_heading();
            }
            "p" if self.cell.is_none() => self.flow.block(),
            "list" => {
                self.lists = self.lists.saturating_sub(1);
                self.flow.end_item();
                self.flow.set_depth(self.lists);
                self.flow.line();
            }
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
            "note-body" => self.write("] "),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        let is_between = self.is_sheets && self.cell.is_none();
        if self.in_body && self.skipped == 0 && !is_between {
            self.write(text);
        }
    }
}
