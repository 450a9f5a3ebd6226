//! Splits streamed text into reasoning and answer, and ends the answer at a stop string.
//!
//! The last few characters are held back while they might be the beginning of a tag or stop string. With tags `<think>`
//! … `</think>`: `"<th"` gives nothing yet; `"ink>so"` gives reasoning `so`; `"</think>\n\n42"` gives answer `42`. The
//! opening tag counts only at the very beginning: an answer may mention `<think>` without reasoning.
//!
//! Counting tokens and time is up to `generate`.

use super::message::{Channel, ReasoningTags};

/// The state of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Only white space so far; an opening tag may follow.
    Start,
    Reasoning,
    /// After the closing tag; white space before the answer is dropped.
    Between,
    Answer,
    Stopped,
}

/// Splits a stream of text into channels.
#[derive(Debug)]
pub(super) struct Splitter {
    tags: Option<ReasoningTags>,
    stop: Vec<String>,
    state: State,
    cache_state: String,
}

/// Output of a push.
pub(super) type Pieces = Vec<(Channel, String)>;

impl Splitter {
    pub(super) fn new(tags: Option<ReasoningTags>, stop: Vec<String>) -> Self {
        let state = match &tags {
            Some(tags) if tags.starts_open => State::Reasoning,
            Some(_) => State::Start,
            None => State::Answer,
        };
        let stop = stop.into_iter().filter(|text| !text.is_empty()).collect();
        Self { tags, stop, state, cache_state: String::new() }
    }

    /// Whether the next text belongs to the reasoning.
    pub(super) fn is_reasoning(&self) -> bool {
        self.state == State::Reasoning
    }

    /// Whether a stop string has passed; nothing more will come out.
    pub(super) fn is_stopped(&self) -> bool {
        self.state == State::Stopped
    }

    /// Adds text; returns the text whose channel is certain.
    pub(super) fn push(&mut self, text: &str) -> Pieces {
        self.cache_state.push_str(text);
        let mut pieces = Pieces::new();
        while self.step(&mut pieces) {}
        pieces
    }

    /// Ends the stream; returns the text held back, in the channel of the current state.
    pub(super) fn finish(&mut self) -> Pieces {
        let rest = std::mem::take(&mut self.cache_state);
        let channel = match self.state {
            State::Reasoning => Channel::Reasoning,
            State::Start | State::Answer => Channel::Answer,
            State::Between | State::Stopped => return Pieces::new(),
        };
        if rest.is_empty() { Pieces::new() } else { vec![(channel, rest)] }
    }

    /// Makes one step; `false` if more text is needed.
    fn step(&mut self, pieces: &mut Pieces) -> bool {
        match self.state {
            State::Start => self.step_start(),
            State::Reasoning => self.step_reasoning(pieces),
            State::Between => self.step_between(),
            State::Answer => self.step_answer(pieces),
            State::Stopped => {
                self.cache_state.clear();
                false
            }
        }
    }

    fn step_start(&mut self) -> bool {
        let open = self.tags.as_ref().map(|tags| tags.open.clone()).unwrap_or_default();
        let said = self.cache_state.trim_start();
        if let Some(rest) = said.strip_prefix(&open) {
            self.cache_state = rest.to_owned();
            self.state = State::Reasoning;
            return true;
        }
        if open.starts_with(said) {
            return false;
        }
        self.state = State::Answer;
        true
    }

    fn step_reasoning(&mut self, pieces: &mut Pieces) -> bool {
        let close = self.tags.as_ref().map(|tags| tags.close.clone()).unwrap_or_default();
        if let Some(at) = self.cache_state.find(&close) {
            let rest = self.cache_state.split_off(at + close.len());
            self.cache_state.truncate(at);
            self.emit(self.cache_state.len(), Channel::Reasoning, pieces);
            self.cache_state = rest;
            self.state = State::Between;
            return true;
        }
        let settled = self.cache_state.len() - longest_beginning(&self.cache_state, &[close]);
        self.emit(settled, Channel::Reasoning, pieces);
        false
    }

    fn step_between(&mut self) -> bool {
        self.cache_state = self.cache_state.trim_start().to_owned();
        if self.cache_state.is_empty() {
            return false;
        }
        self.state = State::Answer;
        true
    }

    fn step_answer(&mut self, pieces: &mut Pieces) -> bool {
        if let Some(at) = self.stop.iter().filter_map(|stop| self.cache_state.find(stop)).min() {
            self.emit(at, Channel::Answer, pieces);
            self.state = State::Stopped;
            return true;
        }
        let settled = self.cache_state.len() - longest_beginning(&self.cache_state, &self.stop);
        self.emit(settled, Channel::Answer, pieces);
        false
    }

    /// Moves the first `len` bytes of the held text to `channel`.
    fn emit(&mut self, len: usize, channel: Channel, pieces: &mut Pieces) {
        if len > 0 {
            let rest = self.cache_state.split_off(len);
            pieces.push((channel, std::mem::replace(&mut self.cache_state, rest)));
        }
    }
}

/// The length of the longest suffix of `text` that is a prefix of one of `markers`.
fn longest_beginning(text: &str, markers: &[String]) -> usize {
    let longest = |marker: &String| {
        (1..=marker.len().min(text.len()))
            .rev()
            .find(|&len| marker.is_char_boundary(len) && text.ends_with(&marker[..len]))
            .unwrap_or(0)
    };
    markers.iter().map(longest).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with_tags(starts_open: bool, stop: &[&str]) -> Splitter {
        let tags = ReasoningTags { open: "<think>".into(), close: "</think>".into(), starts_open };
        Splitter::new(Some(tags), stop.iter().map(|&text| text.into()).collect())
    }

    /// The complete reasoning and answer for text that arrives in `pieces`.
    fn split(mut splitter: Splitter, pieces: &[&str]) -> (String, String) {
        let (mut reasoning, mut answer) = (String::new(), String::new());
        let mut take = |pieces: Pieces| {
            for (channel, text) in pieces {
                match channel {
                    Channel::Reasoning => reasoning.push_str(&text),
                    Channel::Answer => answer.push_str(&text),
                }
            }
        };
        for piece in pieces {
            take(splitter.push(piece));
        }
        take(splitter.finish());
        (reasoning, answer)
    }

    #[test]
    fn tags_cut_anywhere_are_still_tags() {
        let got = split(with_tags(false, &[]), &["<th", "ink>so</", "think>\n", "\n42"]);
        assert_eq!(got, ("so".into(), "42".into()));
    }

    #[test]
    fn a_prompt_that_ends_inside_the_reasoning_needs_no_opening_tag() {
        let got = split(with_tags(true, &[]), &["hm</think>yes"]);
        assert_eq!(got, ("hm".into(), "yes".into()));
    }

    #[test]
    fn a_tag_in_the_middle_of_an_answer_is_text() {
        let got = split(with_tags(false, &[]), &["Use <think> to reason"]);
        assert_eq!(got, (String::new(), "Use <think> to reason".into()));
    }

    #[test]
    fn a_stop_string_ends_the_answer_before_it() {
        let mut splitter = Splitter::new(None, vec!["END".into()]);
        assert_eq!(splitter.push("one E"), vec![(Channel::Answer, "one ".into())]);
        assert_eq!(splitter.push("ND two"), vec![]);
        assert!(splitter.is_stopped());
        assert_eq!(splitter.finish(), vec![]);
    }

    #[test]
    fn a_stop_string_inside_the_reasoning_stops_nothing() {
        let got = split(with_tags(true, &["END"]), &["END of thought</think>done"]);
        assert_eq!(got, ("END of thought".into(), "done".into()));
    }

    proptest! {
        #[test]
        fn splitting_does_not_depend_on_where_the_text_is_cut(
            text in "(<think>)?[a-zé<>/ ]{0,12}(</think>)?[a-zEND<> ]{0,12}",
            cuts in prop::collection::vec(0usize..40, 0..6),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|&cut| text.is_char_boundary(cut)).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&str> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
            let splitter = || with_tags(false, &["END"]);
            prop_assert_eq!(split(splitter(), &pieces), split(splitter(), &[&text]));
        }
    }
}
