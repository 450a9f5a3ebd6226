//! Reads the table of contents of an EPUB book: `nav.xhtml` of EPUB 3, or `toc.ncx` of EPUB 2.

use std::borrow::Cow;

use crate::format::xml::{Element, XmlHandler};

/// Maximum number of levels. No reading program shows more.
const DEEPEST: usize = 16;

/// An entry of the table of contents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ContentsEntry {
    pub title: String,
    /// 1 is the outermost.
    pub level: u8,
    /// As written, relative to the file of the table. `None` for a title above other entries.
    pub target: Option<String>,
}

fn level(depth: usize) -> u8 {
    depth.clamp(1, DEEPEST) as u8
}

/// `<nav epub:type="toc"><ol><li><a href="c1.xhtml">One</a><ol>…`. Page lists and landmarks are other `<nav>`s.
#[derive(Debug, Default)]
pub(super) struct Nav {
    pub entries: Vec<ContentsEntry>,
    is_toc: bool,
    lists: usize,
    /// The entry whose title is being read.
    title: Option<ContentsEntry>,
}

impl XmlHandler for Nav {
    fn open(&mut self, element: &Element<'_>) {
        match element.name() {
            "nav" => {
                let is_toc = |types: &str| types.split_whitespace().any(|one| matches!(one, "toc" | "doc-toc"));
                let types = element.attribute("type").or_else(|| element.attribute("role"));
                self.is_toc = types.map_or(self.entries.is_empty(), |types| is_toc(&types));
                self.lists = 0;
            }
            "ol" if !element.is_empty => self.lists += 1,
            name @ ("a" | "span") if self.is_toc && self.lists > 0 && self.title.is_none() && !element.is_empty => {
                let target = if name == "a" { element.attribute("href").map(Cow::into_owned) } else { None };
                self.title = Some(ContentsEntry { title: String::new(), level: level(self.lists), target });
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "nav" => self.is_toc = false,
            "ol" => self.lists = self.lists.saturating_sub(1),
            // A `</span>` does not end a link; an `</li>` ends links and spans.
            "a" | "li" => self.entries.extend(self.title.take()),
            "span" if self.title.as_ref().is_some_and(|entry| entry.target.is_none()) => {
                self.entries.extend(self.title.take());
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(entry) = &mut self.title {
            entry.title.push_str(text);
        }
    }
}

/// `<navPoint><navLabel><text>One</text></navLabel><content src="c1.xhtml"/>…`, nested.
#[derive(Debug, Default)]
pub(super) struct Ncx {
    pub entries: Vec<ContentsEntry>,
    /// Indices of the open points.
    open: Vec<usize>,
    is_label: bool,
}

impl XmlHandler for Ncx {
    fn open(&mut self, element: &Element<'_>) {
        match element.name() {
            "navPoint" if !element.is_empty => {
                self.open.push(self.entries.len());
                self.entries.push(ContentsEntry { level: level(self.open.len()), ..ContentsEntry::default() });
            }
            "navLabel" => self.is_label = true,
            "content" => {
                if let Some(&point) = self.open.last() {
                    self.entries[point].target = element.attribute("src").map(Cow::into_owned);
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "navPoint" => _ = self.open.pop(),
            "navLabel" => self.is_label = false,
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let (true, Some(&point)) = (self.is_label, self.open.last()) {
            self.entries[point].title.push_str(text);
        }
    }
}
