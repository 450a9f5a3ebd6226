//! Joins the texts of files into one document.
//!
//! A single file stays as it is. Each of several begins with a line that names it, `==== FILE: src/main.rs ====`, and
//! gets an outline entry above its own entries. Models know such lines from the code that they were trained on.

use super::content::Document;
use super::format::FileText;
use super::outline::OutlineEntry;
use super::position::SourceSpan;
use super::report::{Report, Skipped};
use super::sized;
use super::span::ByteSpan;

/// The line that names a file in a document of several.
pub(super) fn header(name: &str) -> String {
    format!("==== FILE: {name} ====\n")
}

/// Joins `files` in this order.
pub(super) fn assemble(files: Vec<FileText>, skipped: Vec<Skipped>) -> Document {
    let has_several = files.len() > 1;
    let mut document = Document { report: Report { files: Vec::new(), skipped }, ..Document::default() };
    if has_several {
        document.text.reserve(files.iter().map(|file| file.text.len() + 64).sum());
    }
    for mut file in files {
        sized::add_pieces(&file.text, &file.positions, &mut file.outline, has_several);
        if has_several { document.append_named(file) } else { document.append(file, 0) }
    }
    document
}

impl Document {
    /// Appends `file` below a line and an outline entry with its name.
    fn append_named(&mut self, file: FileText) {
        self.end_paragraph();
        let start = self.text.len();
        let entry = self.outline.len();
        let title = file.report.name.clone();
        self.outline.push(OutlineEntry { title, level: 1, span: ByteSpan { start, end: start } });
        self.text.push_str(&header(&file.report.name));
        self.append(file, 1);
        self.outline[entry].span.end = self.text.len();
    }

    /// Appends `file`, its outline `deeper` levels down. The text of the first file is moved, not copied.
    fn append(&mut self, file: FileText, deeper: u8) {
        let start = self.text.len();
        let moved =
            |entry: OutlineEntry| OutlineEntry { level: entry.level + deeper, span: entry.span.moved(start), ..entry };
        self.outline.extend(file.outline.into_iter().map(moved));
        if self.text.is_empty() {
            self.text = file.text;
        } else {
            self.text.push_str(&file.text);
        }
        let name = &file.report.name;
        let placed =
            |(span, position): (ByteSpan, _)| SourceSpan { span: span.moved(start), name: name.clone(), position };
        self.sources.extend(file.positions.into_iter().map(placed));
        self.report.files.push(file.report);
    }

    /// Ends the text with a blank line, unless it is empty.
    pub(super) fn end_paragraph(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let ends = self.text.bytes().rev().take(2).take_while(|&byte| byte == b'\n').count();
        self.text.push_str(&"\n\n"[ends..]);
    }
}
