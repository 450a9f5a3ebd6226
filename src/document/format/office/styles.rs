//! The styles of an `OpenDocument` file, as far as they change what its text says: raised and hidden letters, titles, and how
//! lists are numbered.

use std::collections::{HashMap, HashSet};

use crate::format::xml::{Element, XmlHandler};
use crate::numerals::roman;

/// Maximum depth of lists.
const LEVELS: usize = 10;
/// Maximum length of a chain of styles that inherit from each other.
const LONGEST_CHAIN: usize = 32;

/// How letters look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Look {
    pub is_raised: bool,
    pub is_hidden: bool,
}

/// How the items of a list are numbered on one level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LevelFormat {
    /// `1`, `a`, `I`; empty for bullets.
    kind: String,
    prefix: String,
    suffix: String,
    pub start: u32,
    /// How many levels the label has: 2 for `3.1`.
    shown: usize,
}

impl Default for LevelFormat {
    fn default() -> Self {
        Self { kind: String::new(), prefix: String::new(), suffix: String::new(), start: 1, shown: 1 }
    }
}

/// The styles of a file, by name.
#[derive(Debug, Default)]
pub(super) struct Styles {
    looks: HashMap<String, Look>,
    /// Styles of paragraphs and the styles that they inherit from.
    parents: HashMap<String, String>,
    lists: HashMap<String, Vec<LevelFormat>>,
    hidden: HashSet<String>,
    open: Option<String>,
    open_list: Option<String>,
}

impl Styles {
    /// How letters with this style look.
    pub(super) fn look(&self, style: &str) -> Look {
        self.looks.get(style).copied().unwrap_or_default()
    }

    /// Whether paragraphs with this style are the title of the text.
    pub(super) fn is_title(&self, style: &str) -> bool {
        self.chain(style).any(|style| style == "Title")
    }

    /// Whether paragraphs with this style are hidden.
    pub(super) fn is_hidden(&self, style: &str) -> bool {
        self.hidden.contains(style)
    }

    fn chain<'a>(&'a self, style: &'a str) -> impl Iterator<Item = &'a str> {
        std::iter::successors(Some(style), |style| self.parents.get(*style).map(String::as_str)).take(LONGEST_CHAIN)
    }

    /// The format of `level`, from 0, of the list style `list`.
    pub(super) fn level(&self, list: &str, level: usize) -> Option<&LevelFormat> {
        self.lists.get(list)?.get(level)
    }

    /// The label of an item: `- `, `3.1. `. `counts` has the number of the item on each level, the outermost first.
    pub(super) fn label(&self, list: &str, counts: &[u32]) -> String {
        let bullet = || "- ".to_owned();
        let Some(level) = counts.len().checked_sub(1) else { return bullet() };
        let Some(format) = self.level(list, level).filter(|format| !format.kind.is_empty()) else { return bullet() };
        let first = counts.len().saturating_sub(format.shown.max(1));
        let number = |at: usize| {
            let kind = self.level(list, at).map_or("", |format| &format.kind);
            (!kind.is_empty()).then(|| numeral(kind, counts[at]))
        };
        let numbers: Vec<String> = (first..counts.len()).filter_map(number).collect();
        format!("{}{}{} ", format.prefix, numbers.join("."), format.suffix)
    }

    fn open_style(&mut self, element: &Element<'_>) {
        let Some(name) = element.attribute("name").map(std::borrow::Cow::into_owned) else { return };
        if let Some(parent) = element.attribute("parent-style-name") {
            self.parents.insert(name.clone(), parent.into_owned());
        }
        self.open = (!element.is_empty).then_some(name);
    }

    fn set_look(&mut self, element: &Element<'_>) {
        let Some(style) = &self.open else { return };
        let is_raised = element.attribute("text-position").is_some_and(|position| {
            let height = position.split_whitespace().next().unwrap_or_default();
            height == "super" || height.trim_end_matches('%').parse::<f64>().is_ok_and(|percent| percent > 0.0)
        });
        let is_hidden = element.attribute("display").is_some_and(|display| display == "none");
        if is_hidden {
            self.hidden.insert(style.clone());
        }
        self.looks.insert(style.clone(), Look { is_raised, is_hidden });
    }

    fn set_level(&mut self, element: &Element<'_>, is_number: bool) {
        let Some(list) = &self.open_list else { return };
        let number = |name: &str| element.attribute(name).and_then(|value| value.parse::<usize>().ok());
        let text = |name: &str| element.attribute(name).unwrap_or_default().into_owned();
        let Some(level) = number("level").and_then(|level| level.checked_sub(1)).filter(|level| *level < LEVELS) else {
            return;
        };
        let formats = self.lists.entry(list.clone()).or_default();
        if formats.len() <= level {
            formats.resize(level + 1, LevelFormat::default());
        }
        if is_number {
            formats[level] = LevelFormat {
                kind: text("num-format"),
                prefix: text("num-prefix"),
                suffix: text("num-suffix"),
                start: number("start-value").and_then(|start| u32::try_from(start).ok()).unwrap_or(1),
                shown: number("display-levels").unwrap_or(1),
            };
        }
    }
}

impl XmlHandler for Styles {
    fn open(&mut self, element: &Element<'_>) {
        match element.name() {
            "style" | "default-style" => self.open_style(element),
            "text-properties" if self.open_list.is_none() => self.set_look(element),
            "list-style" => self.open_list = element.attribute("name").map(std::borrow::Cow::into_owned),
            "list-level-style-number" => self.set_level(element, true),
            "list-level-style-bullet" | "list-level-style-image" => self.set_level(element, false),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "style" => self.open = None,
            "list-style" => self.open_list = None,
            _ => {}
        }
    }
}

fn numeral(kind: &str, count: u32) -> String {
    let letter = || char::from(b'a' + ((count.max(1) - 1) % 26) as u8).to_string();
    match kind {
        "a" => letter(),
        "A" => letter().to_uppercase(),
        "i" => roman(count).to_lowercase(),
        "I" => roman(count),
        _ => count.to_string(),
    }
}
