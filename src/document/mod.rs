//! What is in these files: path → text, spans that lead back to the file, outline, report.
//!
//! Knows neither tokens nor the screen.

/// A half-open range of bytes of a [`Document`]'s text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteSpan {
    pub start: usize,
    pub end: usize,
}

/// Everything that was read, as one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What the model sees. LF line ends, no BOM, no control characters that could reach a terminal.
    pub text: String,
    /// Which file each stretch of `text` came from; ordered, in bounds, never overlapping.
    pub sources: Vec<SourceSpan>,
    /// Parts that a reader can choose: chapters, sections, files; ordered and in bounds.
    pub outline: Vec<OutlineEntry>,
}

/// A stretch of the text that came from one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSpan {
    pub span: ByteSpan,
    /// As the user named it; `-` is standard input.
    pub name: String,
    /// Line of the file at `span.start`, from 1.
    pub first_line: u32,
}

/// One part of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineEntry {
    pub title: String,
    /// 1 is the outermost.
    pub level: u8,
    pub span: ByteSpan,
}
