//! Keys for searching the transcript, and keys while a search is being typed.

use super::super::keymap::{Focus, Intent};
use super::super::reader::pattern;
use super::line_input::is_backspace;
use super::search::{SearchEntry, SearchGoal, SearchOrigin, TranscriptSearch};
use super::state::Screen;
use crate::chat::Chat;

impl Screen {
    /// Starts a search in the transcript, or in the document if nothing was asked yet.
    pub(super) fn open_finding(&mut self, chat: &Chat) {
        if chat.transcript.is_empty() {
            self.open_search();
            return;
        }
        self.focus_pane(Focus::Transcript);
        self.citation = None;
        self.search_entry = Some(SearchEntry::in_transcript(self.top));
        self.find("");
    }

    /// Searches for `needle` from where the search started.
    pub(super) fn find(&mut self, needle: &str) {
        self.searches += 1;
        let from = self.search_entry.as_ref().map_or(self.top, SearchEntry::line);
        self.top = from;
        self.transcript_search = Some(TranscriptSearch {
            needle: needle.to_owned(),
            pattern: pattern(needle),
            at: 0,
            all: 0,
            goal: Some(SearchGoal::From(from)),
            number: self.searches,
        });
    }

    /// Ends typing; a blank search is dropped.
    pub(super) fn found(&mut self) {
        let Some(finding) = &self.transcript_search else { return };
        if finding.pattern.is_none() {
            self.transcript_search = None;
        } else if finding.all == 0 && finding.goal.is_none() {
            // Without a frame the number of hits is not known yet.
            self.message = Some(format!("no match for \"{}\" in the transcript", finding.needle));
        }
    }

    /// Goes to the next hit in the transcript. Returns false if there is no search.
    pub(super) fn step_finding(&mut self, step: isize) -> bool {
        if self.focus != Focus::Transcript {
            return false;
        }
        let Some(finding) = &mut self.transcript_search else { return false };
        finding.step(step);
        if finding.all == 0 && finding.goal.is_none() {
            self.message = Some(format!("no match for \"{}\" in the transcript", finding.needle));
        }
        true
    }

    /// Handles a key of the search line. Each letter searches again from the start.
    pub(super) fn search_entry(&mut self, intent: &Intent) {
        let Some(entry) = &mut self.search_entry else { return };
        match intent {
            Intent::Type(key) if is_backspace(*key) && entry.input.is_empty() => self.give_up_search(),
            Intent::Type(key) => {
                entry.input.press(*key);
                self.search_again();
            }
            Intent::Paste(text) => {
                entry.input.paste(text);
                self.search_again();
            }
            Intent::Submit => {
                let in_transcript = entry.is_in_transcript();
                self.search_entry = None;
                if in_transcript {
                    self.found();
                } else {
                    self.has_hits();
                }
            }
            Intent::Escape | Intent::Interrupt => self.give_up_search(),
            _ => {}
        }
    }

    /// Returns to where the search started.
    fn give_up_search(&mut self) {
        match self.search_entry.take().map(|entry| entry.from) {
            Some(SearchOrigin::Document(byte)) => {
                self.reader.open_at(byte);
                self.forget_found();
            }
            Some(SearchOrigin::Transcript(line)) => {
                self.top = line;
                self.transcript_search = None;
            }
            None => {}
        }
    }

    fn search_again(&mut self) {
        let Some(entry) = &self.search_entry else { return };
        let needle = entry.text().to_owned();
        match entry.from {
            SearchOrigin::Document(byte) => {
                self.reader.open_at(byte);
                self.reader.found = None;
                self.reader.search_for(&needle);
            }
            SearchOrigin::Transcript(_) => self.find(&needle),
        }
    }
}
