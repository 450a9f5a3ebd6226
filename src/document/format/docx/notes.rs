//! Reads the footnotes, endnotes or comments of a DOCX file.

use std::collections::HashMap;

use crate::format::xml::{Element, XmlHandler};

/// A note or a comment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Note {
    /// Who wrote the comment; empty for notes.
    pub author: String,
    pub text: String,
}

/// Footnotes, endnotes or comments, by id. Each is used only once, so that a note of a megabyte can't be repeated a thousand
/// times.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub by_id: HashMap<String, Note>,
    open: Option<(String, Note)>,
    is_text: bool,
    dropped: usize,
}

impl XmlHandler for Notes {
    fn open(&mut self, element: &Element<'_>) {
        match element.name() {
            // Other types are separator lines.
            "footnote" | "endnote" if element.attribute("type").is_none_or(|kind| kind == "normal") => {
                self.open = element.attribute("id").map(|id| (id.into_owned(), Note::default()));
            }
            "comment" => {
                let author = element.attribute("author").unwrap_or_default().trim().to_owned();
                let note = Note { author, text: String::new() };
                self.open = element.attribute("id").map(|id| (id.into_owned(), note));
            }
            "t" => self.is_text = !element.is_empty,
            "del" | "moveFrom" | "Fallback" => self.dropped += usize::from(!element.is_empty),
            "p" | "tab" | "br" => self.write(" "),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "footnote" | "endnote" | "comment" => self.by_id.extend(self.open.take()),
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
            note.text.push_str(text);
        }
    }
}
