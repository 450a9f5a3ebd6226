//! `/` in the transcript: what was asked, thought and said, searched as it is shown.
//!
//! The picture: a marker pen over the printed conversation. What is searched are the lines on the sheets, so that what is marked is what
//! is counted: a phrase is found where a line breaks in it, and `**bold**` by its letters. Folded thoughts that have a hit lie open as long
//! as it is searched for. The rules are the reader's: small letters find capitals, a space finds any white space.
//!
//! What it does not do: find the lines, which only a frame knows. It notes how many hits there were ([`Finding::counted`]), and takes a
//! wish to see another one along to the next frame.

use regex::Regex;

use super::super::keymap::Place;
use super::super::reader::pattern;
use super::Screen;
use super::reading::SearchEntry;
use crate::chat::Chat;

/// What is searched for in the transcript.
#[derive(Debug, Clone)]
pub(in crate::tui) struct Finding {
    pub needle: String,
    /// `None` while there is nothing but space to look for.
    pub pattern: Option<Regex>,
    /// Which of the hits is looked at.
    pub at: usize,
    /// How many the last frame found.
    pub all: usize,
    /// What the next frame is to do.
    pub wish: Option<Wish>,
    /// Tells one search from another.
    pub number: usize,
}

/// What the next frame is to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum Wish {
    /// The first hit from this line on; `None` is the end of the transcript, where the last hit is the nearest.
    From(Option<usize>),
    /// The hit that is looked at.
    Show,
}

impl Finding {
    /// Takes what a frame found: for each hit its line among all lines. The line to be shown, if that was wished for.
    pub(in crate::tui) fn counted(&mut self, lines: &[usize]) -> Option<usize> {
        self.all = lines.len();
        let wish = self.wish.take();
        if let Some(Wish::From(line)) = wish {
            let next = line.map_or(lines.len(), |line| lines.partition_point(|hit| *hit < line));
            self.at = if next < lines.len() || line.is_some() { next } else { lines.len().saturating_sub(1) };
        }
        self.at = if self.at < lines.len() { self.at } else { 0 };
        wish.and_then(|_| lines.get(self.at).copied())
    }

    fn step(&mut self, step: isize) {
        if self.all > 0 {
            self.at = (self.at + self.all).wrapping_add_signed(step) % self.all;
            self.wish = Some(Wish::Show);
        }
    }
}

impl Screen {
    /// Begins to search in the transcript, or in the document while nothing was asked.
    pub(super) fn open_finding(&mut self, chat: &Chat) {
        if chat.transcript.is_empty() {
            self.open_search();
            return;
        }
        self.focus_pane(Place::Transcript);
        self.quote = None;
        self.entry = Some(SearchEntry::in_transcript(self.top));
        self.find("");
    }

    /// Searches for `needle` from where the search began.
    pub(super) fn find(&mut self, needle: &str) {
        self.searches += 1;
        let from = self.entry.as_ref().map_or(self.top, SearchEntry::line);
        self.top = from;
        self.finding = Some(Finding {
            needle: needle.to_owned(),
            pattern: pattern(needle),
            at: 0,
            all: 0,
            wish: Some(Wish::From(from)),
            number: self.searches,
        });
    }

    /// The search is typed: it stays, or was for nothing.
    pub(super) fn found(&mut self) {
        let Some(finding) = &self.finding else { return };
        if finding.pattern.is_none() {
            self.finding = None;
        } else if finding.all == 0 && finding.wish.is_none() {
            // Before a frame has looked nobody knows.
            self.told = Some(format!("{} was not said", finding.needle));
        }
    }

    /// The next hit in the transcript; false when nothing is searched for there.
    pub(super) fn step_finding(&mut self, step: isize) -> bool {
        if self.focus != Place::Transcript {
            return false;
        }
        let Some(finding) = &mut self.finding else { return false };
        finding.step(step);
        if finding.all == 0 && finding.wish.is_none() {
            self.told = Some(format!("{} was not said", finding.needle));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(wish: Wish) -> Finding {
        Finding { needle: "cat".into(), pattern: pattern("cat"), at: 0, all: 0, wish: Some(wish), number: 1 }
    }

    #[test]
    fn the_first_hit_from_where_one_reads_is_looked_at_and_at_the_end_the_last() {
        for (from, expected) in
            [(Some(0), (0, Some(3))), (Some(5), (1, Some(9))), (Some(20), (0, Some(3))), (None, (2, Some(12)))]
        {
            let mut finding = finding(Wish::From(from));
            let line = finding.counted(&[3, 9, 12]);
            assert_eq!((finding.at, line), expected, "from {from:?}");
        }
    }

    #[test]
    fn hits_go_around_and_those_that_vanish_are_not_looked_at() {
        let mut finding = finding(Wish::From(None));
        finding.counted(&[3, 9, 12]);
        finding.step(1);
        assert_eq!((finding.counted(&[3, 9, 12]), finding.at), (Some(3), 0));
        finding.step(-1);
        assert_eq!((finding.counted(&[3]), finding.at), (Some(3), 0));
        assert_eq!(finding.counted(&[3]), None, "nothing was wished for");
        assert_eq!((finding.counted(&[]), finding.all), (None, 0));
    }
}
