//! Excel: the sheets in their order. Cells have the values that Excel saved; formulas are not computed.
//!
//! Dates are numbers in the file (days since 1900), and only the format of a cell says that it is one. Cells with a date
//! format are written as `2026-11-30`.

use std::borrow::Cow;
use std::collections::HashMap;

use super::sheets::Sheet;
use crate::controls::printable;
use crate::error::Error;
use crate::format::archive::{Archive, resolve};
use crate::format::flow::Flow;
use crate::format::xml::{Element, XmlHandler};
use crate::report::FileReport;

const WORKBOOK: &str = "xl/workbook.xml";

pub(super) fn read(archive: &mut Archive<'_>, flow: &mut Flow, report: &mut FileReport) -> Result<(), Error> {
    let (mut workbook, mut related) = (Workbook::default(), Related::default());
    archive.read_xml(WORKBOOK, &mut workbook)?;
    if archive.has("xl/_rels/workbook.xml.rels") {
        archive.read_xml("xl/_rels/workbook.xml.rels", &mut related)?;
    }
    let (mut strings, mut styles) = (Strings::default(), Styles::default());
    if archive.has("xl/sharedStrings.xml") {
        archive.read_xml("xl/sharedStrings.xml", &mut strings)?;
    }
    if archive.has("xl/styles.xml") {
        archive.read_xml("xl/styles.xml", &mut styles)?;
    }
    for (name, id) in &workbook.sheets {
        let Some(path) = related.by_id.get(id).filter(|path| archive.has(path)) else { continue };
        flow.begin_heading(1);
        flow.text(&format!("Sheet: {name}"));
        flow.end_heading();
        let mut reader =
            SheetReader { flow, strings: &strings, styles: &styles, sheet: Sheet::default(), cell: Cell::default() };
        archive.read_xml(path, &mut reader)?;
        reader.sheet.end(name, report);
    }
    Ok(())
}

/// Names of sheets, and the ids of their files.
#[derive(Default)]
struct Workbook {
    sheets: Vec<(String, String)>,
}

impl XmlHandler for Workbook {
    fn open(&mut self, element: &Element<'_>) {
        if element.name() == "sheet" {
            let name = element.attribute("name").map_or_else(String::new, |name| printable(&name));
            let id = element.prefixed_attribute("r:id").map(Cow::into_owned).unwrap_or_default();
            self.sheets.push((name, id));
        }
    }
}

#[derive(Default)]
struct Related {
    by_id: HashMap<String, String>,
}

impl XmlHandler for Related {
    fn open(&mut self, element: &Element<'_>) {
        let path = element.attribute("Target").and_then(|target| resolve(WORKBOOK, &target));
        if let (Some(id), Some(path)) = (element.attribute("Id"), path) {
            self.by_id.insert(id.into_owned(), path);
        }
    }
}

/// The texts that cells refer to by number.
#[derive(Default)]
struct Strings {
    texts: Vec<String>,
    is_text: bool,
    is_reading: bool,
}

impl XmlHandler for Strings {
    fn open(&mut self, element: &Element<'_>) {
        match element.name() {
            "si" => self.texts.push(String::new()),
            "t" => self.is_text = !element.is_empty,
            "rPh" => self.is_reading = !element.is_empty,
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "t" => self.is_text = false,
            "rPh" => self.is_reading = false,
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(last) = self.texts.last_mut().filter(|_| self.is_text && !self.is_reading) {
            last.push_str(text);
        }
    }
}

/// Which cell formats are dates.
#[derive(Default)]
struct Styles {
    custom: Vec<u32>,
    in_cell_formats: bool,
    are_dates: Vec<bool>,
}

impl XmlHandler for Styles {
    fn open(&mut self, element: &Element<'_>) {
        let number = || element.attribute("numFmtId").and_then(|id| id.parse::<u32>().ok()).unwrap_or(0);
        match element.name() {
            "numFmt" => {
                let code = element.attribute("formatCode").unwrap_or_default().to_lowercase();
                // Colours and conditions are in brackets, words in quotes.
                let plain: String = code.split(['[', ']', '"']).step_by(2).collect();
                if plain.contains(['y', 'd', 'h']) {
                    self.custom.push(number());
                }
            }
            "cellXfs" => self.in_cell_formats = !element.is_empty,
            "xf" if self.in_cell_formats => {
                let id = number();
                self.are_dates.push(matches!(id, 14..=22 | 45 | 47) || self.custom.contains(&id));
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        self.in_cell_formats &= name != "cellXfs";
    }
}

#[derive(Default)]
struct Cell {
    column: usize,
    kind: String,
    style: usize,
    value: String,
    is_value: bool,
}

struct SheetReader<'a> {
    flow: &'a mut Flow,
    strings: &'a Strings,
    styles: &'a Styles,
    sheet: Sheet,
    cell: Cell,
}

impl XmlHandler for SheetReader<'_> {
    fn open(&mut self, element: &Element<'_>) {
        match element.name() {
            "c" => {
                let column =
                    element.attribute("r").and_then(|place| column(&place)).unwrap_or(self.sheet.next_column());
                let kind = element.attribute("t").map(Cow::into_owned).unwrap_or_default();
                let style = element.attribute("s").and_then(|style| style.parse().ok()).unwrap_or(usize::MAX);
                self.cell = Cell { column, kind, style, ..Cell::default() };
            }
            "v" | "t" => self.cell.is_value = !element.is_empty,
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "v" | "t" => self.cell.is_value = false,
            // Cells may name the same long text again and again.
            "c" if !self.flow.is_full() => {
                let cell = std::mem::take(&mut self.cell);
                let value = self.value(&cell);
                self.sheet.set(cell.column, &value);
            }
            "row" => self.sheet.end_row(1, self.flow),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.cell.is_value {
            self.cell.value.push_str(text);
        }
    }
}

impl SheetReader<'_> {
    fn value(&self, cell: &Cell) -> String {
        let is_date = self.styles.are_dates.get(cell.style) == Some(&true);
        match cell.kind.as_str() {
            "s" => {
                let text = cell.value.trim().parse::<usize>().ok().and_then(|index| self.strings.texts.get(index));
                text.cloned().unwrap_or_default()
            }
            "b" => if cell.value.trim() == "1" { "TRUE" } else { "FALSE" }.to_owned(),
            "" | "n" if is_date => cell.value.trim().parse().ok().and_then(date).unwrap_or_else(|| cell.value.clone()),
            _ => cell.value.clone(),
        }
    }
}

/// The column of `AB12`, from 0.
fn column(place: &str) -> Option<usize> {
    let letters = place.bytes().take_while(u8::is_ascii_uppercase).take(4);
    let number = letters.fold(0_usize, |number, letter| number * 26 + usize::from(letter - b'A' + 1));
    number.checked_sub(1)
}

/// The day with this number since 1900: 45,000 is 2023-03-15. With its time, if it has one; 0.5 is 12:00.
fn date(serial: f64) -> Option<String> {
    if !(0.0..2_958_466.0).contains(&serial) {
        return None;
    }
    let minutes = ((serial.fract() * 1440.0).round() as i64).min(1439);
    // A time of day.
    if serial < 1.0 {
        return Some(format!("{:02}:{:02}", minutes / 60, minutes % 60));
    }
    // Day 60 is the 29 February 1900, which did not exist; days are counted from 1970 here.
    let days = serial.floor() as i64 - 25_569;
    let (year, month, day) = civil(days);
    let time = if minutes == 0 { String::new() } else { format!(" {:02}:{:02}", minutes / 60, minutes % 60) };
    Some(format!("{year:04}-{month:02}-{day:02}{time}"))
}

/// The date of a day since 1970 (Howard Hinnant's algorithm for the proleptic Gregorian calendar).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
}
