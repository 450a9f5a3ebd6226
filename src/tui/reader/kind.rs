//! How a file is displayed: as prose, markdown or code.

use std::path::Path;

use crate::document::{ByteSpan, Document, Position, SourceSpan};

/// How a text is displayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum TextKind {
    Prose,
    Markdown,
    Code,
    /// The line with a file's name, in a document of several files.
    FileName,
}

/// A fenced code block in markdown, without its fences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct Fence {
    pub span: ByteSpan,
    /// The language after the opening fence: `rust`.
    pub language: String,
}

/// Extensions of running text.
const PROSE: [&str; 4] = ["txt", "text", "log", "csv"];
const MARKDOWN: [&str; 5] = ["md", "markdown", "mdx", "mkd", "qmd"];

impl TextKind {
    pub(super) fn of(source: &SourceSpan) -> Self {
        let ending = ending(&source.name);
        if matches!(source.position, Position::TextLine(_)) || MARKDOWN.contains(&ending.as_str()) {
            // Formats without lines are converted to markdown.
            Self::Markdown
        } else if ending.is_empty() || PROSE.contains(&ending.as_str()) || matches!(source.position, Position::Page(_))
        {
            Self::Prose
        } else {
            Self::Code
        }
    }
}

/// The extension in lower case, `rs` for `src/main.rs`; empty if there is none.
pub(super) fn ending(name: &str) -> String {
    Path::new(name).extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// All code blocks in markdown sources.
pub(super) fn fences(document: &Document, sources: &[(TextKind, usize)]) -> Vec<Fence> {
    let markdown = document.sources.iter().zip(sources).filter(|(_, (kind, _))| *kind == TextKind::Markdown);
    markdown.flat_map(|(source, _)| fences_in(&document.text, source.span)).collect()
}

fn fences_in(text: &str, span: ByteSpan) -> Vec<Fence> {
    let mut fences = Vec::new();
    let mut open: Option<(usize, &str, String)> = None;
    let mut start = span.start;
    for line in text[span.start..span.end].split_inclusive('\n') {
        let end = start + line.len();
        match (&open, fence_mark(line)) {
            (None, Some((mark, language))) => open = Some((end, mark, language.to_owned())),
            (Some((inside, mark, language)), Some((closing, ""))) if closing.starts_with(mark) => {
                fences.push(Fence { span: ByteSpan { start: *inside, end: start }, language: language.clone() });
                open = None;
            }
            _ => {}
        }
        start = end;
    }
    if let Some((inside, _, language)) = open {
        fences.push(Fence { span: ByteSpan { start: inside, end: span.end }, language });
    }
    fences
}

/// A fence's marks, and what follows them.
pub(super) fn fence_mark(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let marks = ["```", "~~~"].iter().find(|mark| line.starts_with(**mark))?;
    let all = line.len() - line.trim_start_matches(&marks[..1]).len();
    let (mark, rest) = line.split_at(all);
    (!rest.contains('`')).then_some((mark, rest.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_lies_between_fences() {
        let text = "a\n```rust\nfn x() {}\n```\nb\n~~~~\n~~~\nc\n";
        let fences = fences_in(text, ByteSpan { start: 0, end: text.len() });
        let inside: Vec<(&str, &str)> =
            fences.iter().map(|fence| (&text[fence.span.start..fence.span.end], fence.language.as_str())).collect();
        assert_eq!(inside, [("fn x() {}\n", "rust"), ("~~~\nc\n", "")]);
    }
}
