//! Reads the footnotes or endnotes of a DOCX file.

use std::collections::HashMap;

use crate::document::format::xml::{Element, XmlHandler};

/// Footnotes or endnotes, by id. Each is used only once, so that a note of a megabyte can't be repeated a thousand
/// times.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub by_id: HashMap<String, String>,
    open: Option<(String, String)>,
    is_text: bool,
    dropped: usize,
}

impl XmlHandler for Notes {
    fn open(&mut self, element: &Element<'_>) {
        match element.name() {
            // Other types are separator lines.
            "footnote" | "endnote" if element.attribute("type").is_none_or(|kind| kind == "normal") => {
                self.open = element.attribute("id").map(|id| (id.into_owned(), String::new()));
            }
            "t" => self.is_text = !element.is_empty,
            "del" | "moveFrom" | "Fallback" => self.dropped += usize::from(!element.is_empty),
            "p" | "tab" | "br" => self.write(" "),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "footnote" | "endnote" => self.by_id.extend(self.open.take()),
            "t" => self.is_text = false,
            "del" | "moveFrom" | "Fallback" => self.dropped = self.dropped.saturating_sub(1),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.is_text {
            self.write(text);
        }
    }
}

impl Notes {
    fn write(&mut self, text: &str) {
        if let (0, Some((_, note))) = (self.dropped, &mut self.open) {
            note.push_str(text);
        }
    }
}
