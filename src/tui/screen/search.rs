//! `/` in the transcript: what was asked, thought and said, searched as it is shown.
//!
//! The picture: a marker pen over the printed conversation. What is searched are the lines on the sheets, so that what is marked is what
//! is counted: a phrase is found where a line breaks in it, and `**bold**` by its letters. Folded thoughts that have a hit lie open as long
//! as it is searched for. The rules are the reader's: small letters find capitals, a space finds any white space.
//!
//! What it does not do: find the lines, which only a frame knows. It notes how many hits there were ([`TranscriptSearch::counted`]), and takes a
//! wish to see another one along to the next frame.

use ratatui_textarea::TextArea;
use regex::Regex;

use super::line_input::line_box;

/// What is searched for in the transcript.
#[derive(Debug, Clone)]
pub(in crate::tui) struct TranscriptSearch {
    pub needle: String,
    /// `None` while there is nothing but space to look for.
    pub pattern: Option<Regex>,
    /// Which of the hits is looked at.
    pub at: usize,
    /// How many the last frame found.
    pub all: usize,
    /// What the next frame is to do.
    pub goal: Option<SearchGoal>,
    /// Tells one search from another.
    pub number: usize,
}

/// What the next frame is to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum SearchGoal {
    /// The first hit from this line on; `None` is the end of the transcript, where the last hit is the nearest.
    From(Option<usize>),
    /// The hit that is looked at.
    Show,
}

impl TranscriptSearch {
    /// Takes what a frame found: for each hit its line among all lines. The line to be shown, if that was wished for.
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

/// What is searched for, as it is typed.
#[derive(Debug, Clone)]
pub(in crate::tui) struct SearchEntry {
    pub input: TextArea<'static>,
    /// Where the search began, to go back to.
    pub(super) from: SearchOrigin,
}

/// Where a search begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SearchOrigin {
    /// A byte of the document.
    Document(usize),
    /// A line of the transcript; `None` is its end.
    Transcript(Option<usize>),
}

impl SearchEntry {
    pub(in crate::tui) fn text(&self) -> &str {
        &self.input.lines()[0]
    }

    pub(super) fn in_transcript(line: Option<usize>) -> Self {
        Self { input: line_box(), from: SearchOrigin::Transcript(line) }
    }

    pub(in crate::tui) fn is_in_transcript(&self) -> bool {
        matches!(self.from, SearchOrigin::Transcript(_))
    }

    /// The line of the transcript where it began.
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
        assert_eq!(finding.counted(&[3]), None, "nothing was wished for");
        assert_eq!((finding.counted(&[]), finding.all), (None, 0));
    }
}
