//! Selects parts or pages of a document: `3-7,9` gives a smaller document whose sources still lead to the lines of the
//! files.
//!
//! A line `[…]` tells the model where parts are missing between two others. In a document of several files, a selection
//! that begins in the middle of a file gets the line that names the file. Neither line belongs to a source.

use std::borrow::Cow;

use super::assemble::header;
use super::content::Document;
use super::error::SelectError;
use super::outline::OutlineEntry;
use super::position::{Position, SourceSpan, count_lines};
use super::span::ByteSpan;

/// Marks missing parts.
const LEFT_OUT: &str = "[…]\n\n";

impl Document {
    /// Keeps the parts that `written` names (`3-7,9`, `12-`, `-5`), in the order of the text, each once.
    pub fn select(&self, written: &str) -> Result<Self, SelectError> {
        Ok(self.with_parts(&self.part_numbers(written)?))
    }

    /// The numbers of the parts that `written` names, ascending, each once.
    pub fn part_numbers(&self, written: &str) -> Result<Vec<usize>, SelectError> {
        let chosen = chosen(written, NumberKind::Parts, self.parts().len())?;
        Ok((1..).zip(chosen).filter_map(|(number, chosen)| chosen.then_some(number)).collect())
    }

    /// The numbers of the parts that `--parts` names; without the flag, of all.
    pub fn parts_by_flag(&self, written: Option<&str>) -> Result<Vec<usize>, SelectError> {
        match written {
            Some(written) => self.part_numbers(written),
            None => Ok((1..=self.parts().len()).collect()),
        }
    }

    /// The document with only these parts; borrowed if they are all.
    #[must_use]
    pub fn taking(&self, numbers: &[usize]) -> Cow<'_, Self> {
        if numbers.len() == self.parts().len() {
            return Cow::Borrowed(self);
        }
        Cow::Owned(self.with_parts(numbers))
    }

    /// Keeps these parts. `numbers` must ascend and exist.
    #[must_use]
    pub fn with_parts(&self, numbers: &[usize]) -> Self {
        let parts = self.parts();
        self.with_stretches(&numbers.iter().map(|number| parts[number - 1].span).collect::<Vec<_>>())
    }

    /// Keeps these stretches. They must ascend and begin at line starts.
    #[must_use]
    pub fn with_stretches(&self, segments: &[ByteSpan]) -> Self {
        self.keep(&joined(segments))
    }

    /// Keeps the pages that `written` names (`3-7,9`, `12-`, `-5`), and all files without pages.
    pub fn select_pages(&self, written: &str) -> Result<Self, SelectError> {
        let pages = self.report.files.iter().filter_map(|file| file.pages.last()).map(|page| page.number as usize);
        let count = pages.max().ok_or(SelectError::NoPages)?;
        let chosen = chosen(written, NumberKind::Pages, count)?;
        let is_kept = |source: &SourceSpan| match source.position {
            Position::Page(page) => chosen[page as usize - 1],
            Position::Line(_) | Position::TextLine(_) => true,
        };
        let mut segments = Vec::new();
        let mut end = 0;
        for source in &self.sources {
            // Includes the line that names the file. Skips the blank line before that if the previous page is missing.
            let follows = segments.last().is_some_and(|last: &ByteSpan| last.end == end);
            let start =
                if follows { end } else { end + self.text[end..].bytes().take_while(|&byte| byte == b'\n').count() };
            let span = ByteSpan { start: start.min(source.span.start), end: source.span.end };
            end = span.end;
            if is_kept(source) {
                add(&mut segments, span);
            }
        }
        let kept = self.keep(&segments);
        if kept.text.trim().is_empty() {
            return Err(SelectError::BlankPages { written: written.into() });
        }
        Ok(kept)
    }

    /// Keeps the first `count` parts, or all.
    #[must_use]
    pub fn first_parts(&self, count: usize) -> Self {
        let end = self.parts().get(count).map_or(self.text.len(), |part| part.span.start);
        self.keep(&[ByteSpan { start: 0, end }])
    }

    /// Keeps these stretches, which are ordered, not adjacent, and begin at line starts.
    fn keep(&self, segments: &[ByteSpan]) -> Self {
        let mut kept = Self { report: self.report.clone(), ..Self::default() };
        let copies: Vec<CopiedSpan> = segments.iter().map(|&segment| kept.copy(self, segment)).collect();
        kept.outline = self.outline.iter().filter_map(|entry| moved_entry(entry, &copies)).collect();
        kept
    }

    /// Appends `segment` of `whole` with its sources, after the lines that the model needs.
    fn copy(&mut self, whole: &Self, segment: ByteSpan) -> CopiedSpan {
        if segment.start > 0 && !self.text.is_empty() {
            self.end_paragraph();
            self.text.push_str(LEFT_OUT);
        }
        let opened = self.text.len();
        let open_file = self.sources.last().map(|source| source.name.as_str());
        if let Some(name) = whole.file_entered_at(segment.start).filter(|&name| open_file != Some(name)) {
            self.text.push_str(&header(name));
        }
        let to = self.text.len();
        self.text.push_str(&whole.text[segment.start..segment.end]);
        self.sources.extend(whole.sources.iter().filter_map(|source| moved_source(whole, source, segment, to)));
        CopiedSpan { segment, opened, to }
    }

    /// The file that contains `start`, if there are several files.
    fn file_entered_at(&self, start: usize) -> Option<&str> {
        let names = self.sources.iter().map(|source| source.name.as_str());
        let has_several = names.clone().zip(names.skip(1)).any(|(one, next)| one != next);
        let entered = self.sources.iter().find(|source| source.span.contains(start));
        entered.filter(|_| has_several).map(|source| source.name.as_str())
    }
}

/// A stretch that was copied.
struct CopiedSpan {
    /// In the whole document.
    segment: ByteSpan,
    /// In the new document: start of the lines before it, and start of the stretch itself.
    opened: usize,
    to: usize,
}

impl CopiedSpan {
    /// Where `byte` of the whole document is now. The start of the stretch maps to the start of the lines before it.
    fn place(&self, byte: usize) -> usize {
        if byte <= self.segment.start { self.opened } else { byte - self.segment.start + self.to }
    }
}

/// The part of `source` that is in `segment`, which now begins at `to`.
fn moved_source(whole: &Document, source: &SourceSpan, segment: ByteSpan, to: usize) -> Option<SourceSpan> {
    let kept = source.span.intersection(segment)?;
    let lines_before = count_lines(&whole.text.as_bytes()[source.span.start..kept.start]);
    Some(SourceSpan {
        span: ByteSpan { start: kept.start - segment.start + to, end: kept.end - segment.start + to },
        name: source.name.clone(),
        position: source.position.further(lines_before),
    })
}

/// `entry` from its first to its last byte that was kept.
fn moved_entry(entry: &OutlineEntry, copies: &[CopiedSpan]) -> Option<OutlineEntry> {
    let mut kept = copies.iter().filter_map(|copy| Some((copy, entry.span.intersection(copy.segment)?)));
    let first = kept.next()?;
    let last = kept.next_back().unwrap_or(first);
    let span = ByteSpan { start: first.0.place(first.1.start), end: last.0.place(last.1.end) };
    Some(OutlineEntry { title: entry.title.clone(), level: entry.level, span })
}

/// What the numbers of a selection count.
#[derive(Debug, Clone, Copy)]
enum NumberKind {
    Parts,
    Pages,
}

impl NumberKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Parts => "parts",
            Self::Pages => "pages",
        }
    }

    const fn out_of_range(self, number: usize, count: usize) -> SelectError {
        match self {
            Self::Parts => SelectError::OutOfRange { number, parts: count },
            Self::Pages => SelectError::PageOutOfRange { number, pages: count },
        }
    }
}

/// Which of `count` parts or pages are selected. Index 0 is number 1.
fn chosen(written: &str, numbered: NumberKind, count: usize) -> Result<Vec<bool>, SelectError> {
    let mut chosen = vec![false; count];
    for token in written.split(',').map(str::trim) {
        let (low, high) = range(token, count).ok_or_else(|| SelectError::NotARange {
            what: numbered.name(),
            written: written.into(),
            token: token.into(),
        })?;
        if let Some(number) = [low, high].into_iter().find(|number| !(1..=count).contains(number)) {
            return Err(numbered.out_of_range(number, count));
        }
        if low > high {
            return Err(SelectError::Backwards { token: token.into() });
        }
        chosen[low - 1..high].fill(true);
    }
    Ok(chosen)
}

/// The first and last number of `7`, `3-7`, `12-` or `-5`.
fn range(token: &str, count: usize) -> Option<(usize, usize)> {
    let number = |digits: &str| digits.trim().parse::<usize>().ok();
    match token.split_once('-') {
        None => number(token).map(|only| (only, only)),
        Some(("", "")) => None,
        Some((low, "")) => Some((number(low)?, count)),
        Some(("", high)) => Some((1, number(high)?)),
        Some((low, high)) => Some((number(low)?, number(high)?)),
    }
}

/// Joins adjacent stretches.
fn joined(segments: &[ByteSpan]) -> Vec<ByteSpan> {
    let mut joined: Vec<ByteSpan> = Vec::new();
    for &segment in segments {
        add(&mut joined, segment);
    }
    joined
}

/// Appends `span`, joined to the last stretch if it is adjacent.
fn add(segments: &mut Vec<ByteSpan>, span: ByteSpan) {
    match segments.last_mut() {
        Some(last) if last.end == span.start => last.end = span.end,
        _ => segments.push(span),
    }
}
