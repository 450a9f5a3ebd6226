//! Searches the transcript: questions, thoughts and answers, as shown.
//!
//! The rendered lines are searched, so hits can be highlighted: a phrase is found across a line break, and `**bold**`
//! by its letters. Folded thoughts with a hit open during the search. As in the document, lower case finds upper case,
//! and a space finds any white space.
//!
//! The lines are only known when a frame is laid out. Until then the search records what to show
//! ([`TranscriptSearch::counted`] does the rest).

use regex::Regex;

use super::line_input::LineInput;

/// A search in the transcript.
#[derive(Debug, Clone)]
pub(in crate::tui) struct TranscriptSearch {
    pub needle: String,
    /// `None` while the needle is blank.
    pub pattern: Option<Regex>,
    /// The current hit.
    pub at: usize,
    /// Hits in the last frame.
    pub all: usize,
    /// What the next frame should scroll to.
    pub goal: Option<SearchGoal>,
    /// Identifies the search.
    pub number: usize,
}

/// What the next frame should scroll to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum SearchGoal {
    /// The first hit from this line on; with `None` (the end of the transcript), the last hit.
    From(Option<usize>),
    /// The current hit.
    Show,
}

impl TranscriptSearch {
    /// Takes the line of each hit. Returns the line to scroll to, if any.
    pub(in crate::tui) fn counted(&mut self, lines: &[usize]) -> Option<usize> {
        self.all = lines.len();
        let goal = self.goal.take();
        if let Some(SearchGoal::From(line)) = goal {
            let next = line.map_or(lines.len(), |line| lines.partition_point(|hit| *hit < line));
            self.at = if next < lines.len() || line.is_some() { next } else { lines.len().saturating_sub(1) };
        }
        self.at = if self.at < lines.len() { self.at } else { 0 };
        goal.and_then(|_| lines.get(self.at).copied())
    }

    pub(super) fn step(&mut self, step: isize) {
        if self.all > 0 {
            self.at = (self.at + self.all).wrapping_add_signed(step) % self.all;
            self.goal = Some(SearchGoal::Show);
        }
    }
}

/// A search being typed.
#[derive(Debug, Clone)]
pub(in crate::tui) struct SearchEntry {
    pub input: LineInput,
    /// Where the search started, to return to.
    pub(super) from: SearchOrigin,
}

/// Where a search starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SearchOrigin {
    /// A byte of the document.
    Document(usize),
    /// A line of the transcript; `None` for its end.
    Transcript(Option<usize>),
}

impl SearchEntry {
    pub(in crate::tui) fn text(&self) -> &str {
        self.input.text()
    }

    pub(super) fn in_transcript(line: Option<usize>) -> Self {
        Self::at(SearchOrigin::Transcript(line))
    }

    pub(super) fn at(from: SearchOrigin) -> Self {
        Self { input: LineInput::new(""), from }
    }

    pub(in crate::tui) fn is_in_transcript(&self) -> bool {
        matches!(self.from, SearchOrigin::Transcript(_))
    }

    /// The transcript line where the search started.
    pub(super) fn line(&self) -> Option<usize> {
        match self.from {
            SearchOrigin::Transcript(line) => line,
            SearchOrigin::Document(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::reader::pattern;

    fn finding(goal: SearchGoal) -> TranscriptSearch {
        TranscriptSearch { needle: "cat".into(), pattern: pattern("cat"), at: 0, all: 0, goal: Some(goal), number: 1 }
    }

    #[test]
    fn the_first_hit_from_where_one_reads_is_looked_at_and_at_the_end_the_last() {
        for (from, expected) in
            [(Some(0), (0, Some(3))), (Some(5), (1, Some(9))), (Some(20), (0, Some(3))), (None, (2, Some(12)))]
        {
            let mut finding = finding(SearchGoal::From(from));
            let line = finding.counted(&[3, 9, 12]);
            assert_eq!((finding.at, line), expected, "from {from:?}");
        }
    }

    #[test]
    fn hits_go_around_and_those_that_vanish_are_not_looked_at() {
        let mut finding = finding(SearchGoal::From(None));
        finding.counted(&[3, 9, 12]);
        finding.step(1);
        assert_eq!((finding.counted(&[3, 9, 12]), finding.at), (Some(3), 0));
        finding.step(-1);
        assert_eq!((finding.counted(&[3]), finding.at), (Some(3), 0));
        assert_eq!(finding.counted(&[3]), None, "no goal was set");
        assert_eq!((finding.counted(&[]), finding.all), (None, 0));
    }
}
