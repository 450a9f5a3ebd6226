//! Reads the lists of a DOCX file, and generates the labels of their items.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::format::xml::{Element, XmlHandler};
use crate::numerals::roman;

/// Word's number of list levels and of heading levels.
pub(super) const LEVELS: usize = 9;

/// The list that a paragraph or its style refers to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct NumberRef {
    pub list: Option<String>,
    pub level: Option<usize>,
}

/// The formats of lists, and the current count of each.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    /// By the id of the abstract list.
    formats: HashMap<String, [LevelFormat; LEVELS]>,
    /// The id of the abstract list, by the id of the list.
    lists: HashMap<String, String>,
    counts: HashMap<String, [u32; LEVELS]>,
    open_format: Option<String>,
    open_list: Option<String>,
    open_level: usize,
}

#[derive(Debug, Clone)]
struct LevelFormat {
    start: u32,
    kind: String,
    /// `%1.%2)`
    text: String,
}

impl Default for LevelFormat {
    fn default() -> Self {
        Self { start: 1, kind: "decimal".into(), text: String::new() }
    }
}

impl XmlHandler for Numbering {
    fn open(&mut self, element: &Element<'_>) {
        let id = |name| element.attribute(name).map(Cow::into_owned);
        match element.name() {
            "abstractNum" => self.open_format = id("abstractNumId"),
            "num" => self.open_list = id("numId"),
            "lvl" => self.open_level = element.attribute("ilvl").and_then(|level| level.parse().ok()).unwrap_or(LEVELS),
            "abstractNumId" => {
                if let (Some(list), Some(format)) = (self.open_list.clone(), id("val")) {
                    self.lists.insert(list, format);
                }
            }
            name @ ("start" | "numFmt" | "lvlText") => self.set(name, &element.attribute("val").unwrap_or_default()),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "abstractNum" => self.open_format = None,
            "num" => self.open_list = None,
            _ => {}
        }
    }
}

impl Numbering {
    fn set(&mut self, name: &str, value: &str) {
        let Some(list) = &self.open_format else { return };
        let Some(format) = self.formats.entry(list.clone()).or_default().get_mut(self.open_level) else { return };
        match name {
            "start" => format.start = value.parse().unwrap_or(1),
            "numFmt" => format.kind = value.to_lowercase(),
            _ => format.text = value.into(),
        }
    }

    /// The label of the next item of `list`: `- `, `2.1 `. `None` if there is no such list.
    pub(super) fn count(&mut self, list: &str, level: usize) -> Option<String> {
        let id = self.lists.get(list)?;
        let formats = self.formats.get(id)?;
        let counts = self.counts.entry(id.clone()).or_default();
        let level = level.min(LEVELS - 1);
        for upper in 0..=level {
            let is_first = counts[upper] == 0;
            counts[upper] = match (is_first, upper == level) {
                (true, _) => formats[upper].start,
                (false, true) => counts[upper].saturating_add(1),
                (false, false) => counts[upper],
            };
        }
        counts[level + 1..].fill(0);
        let label = label(formats, counts, level);
        Some(if label.is_empty() { "- ".into() } else { format!("{label} ") })
    }
}

/// `2.1` for the format `%1.%2`; empty for bullets.
fn label(formats: &[LevelFormat; LEVELS], counts: &[u32; LEVELS], level: usize) -> String {
    if matches!(formats[level].kind.as_str(), "bullet" | "none") {
        return String::new();
    }
    let mut label = formats[level].text.clone();
    for (upper, (format, count)) in formats.iter().zip(counts).enumerate() {
        label = label.replace(&format!("%{}", upper + 1), &numeral(&format.kind, *count));
    }
    label
}

/// `count` as a letter, a roman number or a decimal number.
fn numeral(kind: &str, count: u32) -> String {
    let letter = || char::from(b'a' + ((count.max(1) - 1) % 26) as u8).to_string();
    match kind {
        "lowerletter" => letter(),
        "upperletter" => letter().to_uppercase(),
        "lowerroman" => roman(count).to_lowercase(),
        "upperroman" => roman(count),
        _ => count.to_string(),
    }
}
