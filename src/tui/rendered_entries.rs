//! Lines of the transcript that were made before: an entry is made into lines once, and again only when it has changed.
//!
//! The picture: sheets in a folder, one an entry. A frame looks at each rendered's label, which costs some numbers, and writes only those
//! anew whose label is another; while an answer streams that is one. Two thousand turns cost as much as one.

use std::ops::Range;

use ratatui::text::Line;
use regex::Regex;

use super::markdown::RenderedMarkdown;
use super::theme::Theme;
use super::transcript_search::{self, LineHit};

/// What an entry's lines depend on; what is the same has the same lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct RenderKey {
    pub question: usize,
    /// Something that grows with what is known of what the question refers to.
    pub attached: usize,
    pub answer: usize,
    pub reasoning: usize,
    pub state: u8,
    /// Whole seconds of what is under way.
    pub seconds: u64,
    /// A number for where each quote was found.
    pub quotes: usize,
    pub chosen: Option<usize>,
    pub reasoning_open: bool,
    pub cells: usize,
}

impl RenderKey {
    /// The label of a rendered that two entries share.
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            answer: self.answer * 31 + other.answer,
            reasoning: self.reasoning * 31 + other.reasoning,
            state: self.state * 16 + other.state,
            seconds: self.seconds.max(other.seconds),
            ..self
        }
    }
}

/// One entry.
#[derive(Debug, Clone, Default)]
pub(super) struct RenderedEntry {
    key: Option<RenderKey>,
    pub lines: Vec<Line<'static>>,
    /// The answer, which grows.
    pub answer: RenderedMarkdown,
    /// Which of the lines is the chosen quote.
    pub chosen_line: Option<usize>,
    /// Which of the lines were asked, thought or said; each passage for itself.
    pub said: Vec<Range<usize>>,
    /// What was found in them, and by which search.
    found: Vec<LineHit>,
    searched: Option<usize>,
}

impl RenderedEntry {
    /// Notes that the lines from `from` on were asked, thought or said.
    pub(super) fn says_from(&mut self, from: usize) {
        if from < self.lines.len() {
            self.said.push(from..self.lines.len());
        }
    }

    /// Finds what search `number` looks for, unless it did already.
    fn search(&mut self, number: usize, pattern: &Regex) {
        if self.searched != Some(number) {
            self.found = transcript_search::hits(&self.lines, &self.said, pattern);
            self.searched = Some(number);
        }
    }

    fn height(&self) -> usize {
        self.lines.len() + usize::from(!self.lines.is_empty())
    }
}

/// All entries of one branch.
#[derive(Debug, Clone, Default)]
pub(super) struct RenderedEntries {
    branch: usize,
    entries: Vec<RenderedEntry>,
}

impl RenderedEntries {
    /// Makes there be `entries` sheets, for a branch: those of another one are no beginnings of its own.
    pub(super) fn fit(&mut self, branch: usize, entries: usize) {
        if self.branch != branch {
            *self = Self { branch, entries: Vec::new() };
        }
        self.entries.resize_with(entries, RenderedEntry::default);
    }

    /// Writes the rendered of `entry` anew, if its label is another than before.
    pub(super) fn write(&mut self, entry: usize, key: RenderKey, write: impl FnOnce(&mut RenderedEntry)) {
        let rendered = &mut self.entries[entry];
        if rendered.key != Some(key) {
            rendered.lines.clear();
            rendered.chosen_line = None;
            rendered.said.clear();
            rendered.searched = None;
            write(rendered);
            rendered.key = Some(key);
        }
    }

    /// How many lines there are, with a blank one before each entry that has any.
    pub(super) fn len(&self) -> usize {
        self.entries.iter().map(RenderedEntry::height).sum()
    }

    /// The lines from `top` on, `shown` at most.
    pub(super) fn lines(&self, top: usize, shown: usize) -> Vec<Line<'static>> {
        let mut before = 0;
        let mut lines = Vec::with_capacity(shown);
        for rendered in &self.entries {
            let after = before + rendered.height();
            if after > top && lines.len() < shown {
                let blank = std::iter::once(Line::default()).filter(|_| !rendered.lines.is_empty());
                let all = blank.chain(rendered.lines.iter().cloned());
                lines.extend(all.skip(top.saturating_sub(before)).take(shown - lines.len()));
            }
            before = after;
        }
        lines
    }

    /// Searches all sheets: the line of each hit among all lines.
    pub(super) fn search(&mut self, number: usize, pattern: &Regex) -> Vec<usize> {
        let mut before = 0;
        let mut hits = Vec::new();
        for rendered in &mut self.entries {
            rendered.search(number, pattern);
            let mut last = None;
            for hit in rendered.found.iter().filter(|hit| last.replace(hit.hit) != Some(hit.hit)) {
                hits.push(before + 1 + hit.line);
            }
            before += rendered.height();
        }
        hits
    }

    /// Marks what the last search found on `lines`, which begin at `top`: hit `at` as what is looked at.
    pub(super) fn mark(&self, lines: &mut [Line<'static>], top: usize, at: usize, theme: &Theme) {
        let (mut before, mut hits) = (0, 0);
        for rendered in &self.entries {
            for hit in &rendered.found {
                let line = (before + 1 + hit.line).checked_sub(top).and_then(|line| lines.get_mut(line));
                let over = if hits + hit.hit == at { theme.found } else { theme.hit };
                if let Some(line) = line {
                    transcript_search::mark(line, &hit.bytes, over);
                }
            }
            hits += rendered.found.last().map_or(0, |last| last.hit + 1);
            before += rendered.height();
        }
    }

    /// Where an entry's chosen quote is, among all lines.
    pub(super) fn line_of_chosen(&self, entry: usize) -> Option<usize> {
        let before: usize = self.entries.iter().take(entry).map(RenderedEntry::height).sum();
        self.entries.get(entry)?.chosen_line.map(|line| before + 1 + line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> RenderedEntries {
        let mut entries = RenderedEntries::default();
        entries.fit(0, 3);
        for entry in 0..3 {
            entries.write(entry, RenderKey::default(), |rendered| {
                rendered.lines = (0..2).map(|line| Line::raw(format!("{entry}{line}"))).collect();
            });
        }
        entries
    }

    #[test]
    fn lines_are_taken_from_where_they_are_wanted() {
        let shown: Vec<String> = three().lines(2, 5).iter().map(ToString::to_string).collect();
        assert_eq!((three().len(), shown), (9, ["01", "", "10", "11", ""].map(String::from).to_vec()));
    }

    #[test]
    fn another_branch_is_written_anew() {
        let mut entries = three();
        entries.fit(1, 3);
        assert_eq!(entries.len(), 0);
    }

    #[test]
    fn what_has_not_changed_is_not_written_again() {
        let mut entries = three();
        entries.write(1, RenderKey::default(), |_| panic!("it is as it was"));
        entries.write(1, RenderKey { answer: 5, ..RenderKey::default() }, |entry| entry.lines.push(Line::raw("new")));
        assert_eq!(entries.len(), 8);
    }
}
