//! Caches the transcript's lines: an entry is rendered again only when something changed that its lines depend on.
//!
//! Each frame compares the key of each entry, a few numbers, and renders those whose key changed; while an answer
//! streams that is one. So two thousand turns cost as much per frame as one.

use std::ops::Range;

use ratatui::text::Line;
use regex::Regex;

use super::markdown::RenderedMarkdown;
use super::theme::Theme;
use super::transcript_search::{self, LineHit};

/// What an entry's lines depend on: equal keys, equal lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct RenderKey {
    pub question: usize,
    /// Changes with each step of loading what the question refers to.
    pub attached: usize,
    pub answer: usize,
    pub reasoning: usize,
    pub state: u8,
    /// Whole seconds that the running step has taken.
    pub seconds: u64,
    /// A hash of where each quote was found.
    pub citations: usize,
    pub chosen: Option<usize>,
    pub reasoning_open: bool,
    pub cells: usize,
}

impl RenderKey {
    /// The key of two entries that are rendered together.
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

/// The lines of one entry.
#[derive(Debug, Clone, Default)]
pub(super) struct RenderedEntry {
    key: Option<RenderKey>,
    pub lines: Vec<Line<'static>>,
    /// The answer, rendered incrementally as it grows.
    pub answer: RenderedMarkdown,
    /// The line of the selected quote.
    pub chosen_line: Option<usize>,
    /// The lines that can be searched, one range for each passage: the question, the thoughts, the answer.
    pub said: Vec<Range<usize>>,
    /// The hits of the last search, and the number of that search.
    found: Vec<LineHit>,
    searched: Option<usize>,
}

impl RenderedEntry {
    /// Marks the lines from `from` on as searchable.
    pub(super) fn says_from(&mut self, from: usize) {
        if from < self.lines.len() {
            self.said.push(from..self.lines.len());
        }
    }

    /// Runs search `number`, unless this entry has its result already.
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

/// The entries of one branch.
#[derive(Debug, Clone, Default)]
pub(super) struct RenderedEntries {
    branch: usize,
    entries: Vec<RenderedEntry>,
}

impl RenderedEntries {
    /// Resizes the cache to `entries`; clears it when the branch changes.
    pub(super) fn fit(&mut self, branch: usize, entries: usize) {
        if self.branch != branch {
            *self = Self { branch, entries: Vec::new() };
        }
        self.entries.resize_with(entries, RenderedEntry::default);
    }

    /// Renders `entry` again if its key changed.
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

    /// The number of lines; a blank line precedes each entry that has any.
    pub(super) fn len(&self) -> usize {
        self.entries.iter().map(RenderedEntry::height).sum()
    }

    /// At most `shown` lines, from line `top` on.
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

    /// Searches all entries. Returns the line of each hit.
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

    /// Highlights the last search's hits in `lines`, which start at line `top`; hit `at` as the current one.
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

    /// The line of an entry's selected quote.
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
