//! Joins what the files gave into one text.
//!
//! One file stays as it is. Of several, each begins with a line that names it, and becomes an outline entry above its own:
//! `==== FILE: src/main.rs ====`. Models know such lines from the code they were trained on.

use super::content::Document;
use super::format::Piece;
use super::outline::OutlineEntry;
use super::position::SourceSpan;
use super::report::{Report, Skipped};
use super::span::ByteSpan;

/// The line that names a file in a document of several.
pub(super) fn header(name: &str) -> String {
    format!("==== FILE: {name} ====\n")
}

/// The document of these files, in this order.
pub(super) fn assemble(pieces: Vec<Piece>, skipped: Vec<Skipped>) -> Document {
    let has_several = pieces.len() > 1;
    let mut document = Document { report: Report { files: Vec::new(), skipped }, ..Document::default() };
    if has_several {
        document.text.reserve(pieces.iter().map(|piece| piece.text.len() + 64).sum());
    }
    for piece in pieces {
        if has_several { document.append_named(piece) } else { document.append(piece, 0) }
    }
    document
}

impl Document {
    /// Appends `piece` under a line and an outline entry with its name.
    fn append_named(&mut self, piece: Piece) {
        self.end_paragraph();
        let start = self.text.len();
        let entry = self.outline.len();
        let title = piece.report.name.clone();
        self.outline.push(OutlineEntry { title, level: 1, span: ByteSpan { start, end: start } });
        self.text.push_str(&header(&piece.report.name));
        self.append(piece, 1);
        self.outline[entry].span.end = self.text.len();
    }

    /// Appends `piece` as it is, its outline `deeper` levels down. The only one is the document, and not copied.
    fn append(&mut self, piece: Piece, deeper: u8) {
        let start = self.text.len();
        let moved =
            |entry: OutlineEntry| OutlineEntry { level: entry.level + deeper, span: entry.span.moved(start), ..entry };
        self.outline.extend(piece.outline.into_iter().map(moved));
        if self.text.is_empty() {
            self.text = piece.text;
        } else {
            self.text.push_str(&piece.text);
        }
        let name = &piece.report.name;
        let placed =
            |(span, position): (ByteSpan, _)| SourceSpan { span: span.moved(start), name: name.clone(), position };
        self.sources.extend(piece.positions.into_iter().map(placed));
        self.report.files.push(piece.report);
    }

    /// Sees to it that a blank line comes before what follows.
    pub(super) fn end_paragraph(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let ends = self.text.bytes().rev().take(2).take_while(|&byte| byte == b'\n').count();
        self.text.push_str(&"\n\n"[ends..]);
    }
}
