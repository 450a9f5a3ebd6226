//! Reads the styles of a DOCX file: which are headings, and which are numbered.

use std::collections::HashMap;

use super::numbering::{LEVELS, NumberRef};
use crate::format::xml::{Element, XmlHandler};

/// Maximum depth of styles based on styles. A damaged or hostile file may have a style that is based on itself.
const DEEPEST_STYLE: usize = 16;

/// The rank of a paragraph according to its style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    Title,
    /// 1 is the outermost.
    Heading(u8),
}

/// The paragraph styles, by id.
#[derive(Debug, Default)]
pub(super) struct Styles {
    styles: HashMap<String, Style>,
    open: Option<(String, Style)>,
}

#[derive(Debug, Default)]
struct Style {
    /// In lower case. Built-in styles have English names in every language; only their ids are translated.
    name: String,
    based_on: Option<String>,
    outline: Option<usize>,
    number: NumberRef,
}

impl XmlHandler for Styles {
    fn open(&mut self, element: &Element<'_>) {
        if element.name() == "style" && !element.is_empty {
            let id = element.attribute("styleId").unwrap_or_default();
            self.open = Some((id.into_owned(), Style::default()));
        }
        let (Some((_, style)), Some(value)) = (&mut self.open, element.attribute("val")) else { return };
        match element.name() {
            "name" => style.name = value.to_lowercase(),
            "basedOn" => style.based_on = Some(value.into_owned()),
            "outlineLvl" => style.outline = value.parse().ok(),
            "numId" => style.number.list = Some(value.into_owned()),
            "ilvl" => style.number.level = value.parse().ok(),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if name == "style" {
            self.styles.extend(self.open.take());
        }
    }
}

impl Styles {
    /// The style `id`, followed by the styles that it is based on.
    fn chain<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Style> {
        let base = |style: &&'a Style| style.based_on.as_ref().and_then(|id| self.styles.get(id));
        std::iter::successors(self.styles.get(id), base).take(DEEPEST_STYLE)
    }

    pub(super) fn rank(&self, id: &str) -> Option<Rank> {
        let level = self.chain(id).find_map(Style::outline);
        let is_title = self.chain(id).any(|style| style.name == "title");
        if is_title { Some(Rank::Title) } else { heading(level?) }
    }

    /// Whether paragraphs of this style are code, whose lines and indents count.
    pub(super) fn is_code(&self, id: &str) -> bool {
        const NAMES: [&str; 6] = ["code", "preformatted", "verbatim", "listing", "plain text", "macro"];
        self.chain(id).any(|style| NAMES.iter().any(|name| style.name.contains(name)))
    }

    pub(super) fn number(&self, id: &str) -> NumberRef {
        let list = self.chain(id).find_map(|style| style.number.list.clone());
        NumberRef { list, level: self.chain(id).find_map(|style| style.number.level) }
    }
}

impl Style {
    /// Outline level; 0 is the outermost, 9 is text.
    fn outline(&self) -> Option<usize> {
        let by_name = || self.name.strip_prefix("heading ")?.parse::<usize>().ok()?.checked_sub(1);
        self.outline.or_else(by_name)
    }
}

/// The heading for an outline level, counted from 0; `None` for text.
pub(super) fn heading(level: usize) -> Option<Rank> {
    (level < LEVELS).then(|| Rank::Heading(level as u8 + 1))
}
