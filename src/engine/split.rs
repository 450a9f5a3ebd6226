//! Splits streamed text into reasoning and answer, drops markup, and ends the answer at a stop string.
//!
//! The last few characters are held back while they might be the beginning of a tag or stop string. With tags `<think>`
//! … `</think>`: `"<th"` gives nothing yet; `"ink>so"` gives reasoning `so`; `"</think>\n\n42"` gives answer `42`. An
//! opening tag counts only before the answer: an answer may mention `<think>` without reasoning. If the opening tag is
//! left out, `"so</think>42"` first gives `so` as an answer, then [`Output::WasReasoning`], then `42`.
//!
//! Control tokens are pushed as such: they can be a tag or a part of one, and are dropped otherwise.
//!
//! Counting tokens and time is up to `generate`.

use super::message::{Begins, Channel, OutputMarkup};

/// Where in the output the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing but white space so far.
    Start,
    Reasoning,
    /// After a tag; white space before the answer is dropped.
    Between,
    Answer,
    Stopped(Stopped),
}

/// What stopped the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// A stop string of the user.
    StopString,
    /// A text that ends the turn; `true`: inside the reasoning.
    EndOfTurn { in_reasoning: bool },
}

/// Output of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    Text(Channel, String),
    /// All text of the answer so far was reasoning.
    WasReasoning,
}

/// What a text means where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Meaning {
    /// Opens reasoning that this text closes.
    OpensReasoning(Option<String>),
    ClosesReasoning,
    /// Everything before was reasoning.
    ClosesUnopened,
    /// Opens the answer; with the text that closes it.
    OpensAnswer(String),
    ClosesAnswer,
    Stops(Stopped),
}

/// A text with a meaning, and what it means.
type Marker = (String, Meaning);

/// Shortest beginning of a tag that is dropped if the output ends in it. A single `<` is text.
const CUT_TAG_CHARS: usize = 2;

/// Splits a stream of text into channels.
#[derive(Debug)]
pub struct Splitter {
    markup: OutputMarkup,
    stop: Vec<String>,
    state: State,
    held: Held,
    /// Closes the reasoning that is open.
    close: Option<String>,
    /// Closes the answer, if it was opened by a wrapper.
    answer_close: Option<String>,
    /// The open reasoning has nothing but white space so far.
    is_reasoning_blank: bool,
    has_reasoned: bool,
    /// The model has closed its reasoning itself: a closing tag that comes later is text.
    has_closed: bool,
    is_verbatim: bool,
    is_last: bool,
}

impl Splitter {
    #[must_use]
    pub fn new(markup: OutputMarkup, stop: Vec<String>) -> Self {
        let (state, close) = match &markup.begins {
            Begins::Undecided => (State::Start, None),
            Begins::InReasoning(close) => (State::Reasoning, close.clone()),
            Begins::BehindReasoning => (State::Between, None),
        };
        Self {
            stop: stop.into_iter().filter(|text| !text.is_empty()).collect(),
            state,
            held: Held::default(),
            close,
            answer_close: None,
            is_reasoning_blank: true,
            has_reasoned: state == State::Reasoning,
            has_closed: false,
            is_verbatim: true,
            is_last: false,
            markup,
        }
    }

    /// Whether the next text belongs to the reasoning.
    pub(super) fn is_reasoning(&self) -> bool {
        matches!(self.state, State::Reasoning | State::Stopped(Stopped::EndOfTurn { in_reasoning: true }))
    }

    /// Why nothing more will come out, if so.
    #[must_use]
    pub fn stopped(&self) -> Option<Stopped> {
        match self.state {
            State::Stopped(why) => Some(why),
            _ => None,
        }
    }

    /// Whether the answer is all that was pushed: no reasoning, and nothing was dropped.
    pub(super) fn is_verbatim(&self) -> bool {
        self.is_verbatim && !self.has_reasoned
    }

    /// The text that closes the reasoning.
    pub(super) fn closing_tag(&self) -> Option<&str> {
        let own = self.markup.reasoning.first().map(|pair| pair.close.as_str());
        self.close.as_deref().or(own).filter(|close| !close.is_empty())
    }

    /// Whether the next text belongs to the answer, whatever it is.
    pub(super) fn is_answering(&self) -> bool {
        let may_be_tag = match self.state {
            State::Start => !self.markup.reasoning.is_empty() || !self.markup.answer.is_empty(),
            State::Between => !self.markup.answer.is_empty(),
            State::Reasoning | State::Stopped(_) => true,
            State::Answer => false,
        };
        !may_be_tag
    }

    /// Whether `text` would begin the answer, or go on with it: it can't be a tag, nor the beginning of one.
    pub(super) fn is_answer(&self, text: &str) -> bool {
        if !matches!(self.state, State::Start | State::Between) {
            return self.state == State::Answer;
        }
        let said = format!("{}{text}", self.held.text);
        let said = said.trim_start();
        let markers = self.head_markers();
        !said.is_empty()
            && !begins_one(said, &markers)
            && !markers.iter().any(|(text, _)| said.starts_with(text.as_str()))
    }

    /// Begins the answer here. What might have been the beginning of a tag is dropped.
    pub(super) fn begin_answer(&mut self) {
        self.held = Held::default();
        self.state = State::Answer;
    }

    /// Adds text; returns the text whose channel is certain.
    pub fn push(&mut self, text: &str) -> Vec<Output> {
        self.held.push(text);
        self.split()
    }

    /// Adds the text of a control token, which is never shown.
    pub(super) fn push_control(&mut self, text: &str) -> Vec<Output> {
        self.held.push_control(text);
        self.split()
    }

    /// Ends the reasoning in place of the model. What comes next is the answer, unless the model closes it once more.
    pub(super) fn end_reasoning(&mut self) -> Vec<Output> {
        let mut out = Vec::new();
        if self.is_reasoning() {
            self.drop_cut_tag(&self.closing_tags());
            self.emit(self.held.len(), Channel::Reasoning, &mut out);
        }
        self.held = Held::default();
        self.state = State::Between;
        out
    }

    /// The reasoning comes apart from this text: nothing in it is a tag, and what comes next is the answer.
    pub fn reason_apart(&mut self) {
        let ends = std::mem::take(&mut self.markup.ends);
        self.markup = OutputMarkup { ends, ..OutputMarkup::default() };
        (self.close, self.answer_close) = (None, None);
        self.has_reasoned = true;
        self.state = State::Between;
    }

    /// Ends the stream; returns the text held back, without the beginning of a tag that was cut off.
    pub fn finish(&mut self) -> Vec<Output> {
        self.is_last = true;
        let mut out = self.split();
        let (channel, tags) = match self.state {
            State::Reasoning => (Channel::Reasoning, self.closing_tags()),
            State::Answer => (Channel::Answer, self.closing_tags()),
            State::Start => (Channel::Answer, texts(&self.head_markers())),
            State::Between | State::Stopped(_) => return out,
        };
        self.drop_cut_tag(&tags);
        self.emit(self.held.len(), channel, &mut out);
        out
    }

    fn split(&mut self) -> Vec<Output> {
        let mut out = Vec::new();
        while self.step(&mut out) {}
        out
    }

    /// Makes one step; `false` if more text is needed.
    fn step(&mut self, out: &mut Vec<Output>) -> bool {
        match self.state {
            State::Start | State::Between => self.step_head(),
            State::Reasoning => self.step_reasoning(out),
            State::Answer => self.step_body(Channel::Answer, &self.answer_markers(), out),
            State::Stopped(_) => {
                self.held = Held::default();
                false
            }
        }
    }

    /// Before the answer: tags, control tokens, or its first character.
    fn step_head(&mut self) -> bool {
        let space = self.held.leading_space();
        let said = &self.held.text[space..];
        if said.is_empty() {
            return false;
        }
        let markers = self.head_markers();
        if !self.is_last && begins_one(said, &markers) {
            return false;
        }
        let longest = markers.into_iter().filter(|(text, _)| said.starts_with(text)).max_by_key(|(text, _)| text.len());
        if let Some((text, meaning)) = longest {
            self.drop_first(space + text.len());
            self.act(meaning);
        } else if let Some(len) = self.held.control_token_at(space) {
            self.drop_first(space + len);
        } else if self.is_last && is_cut_tag(said, &texts(&self.head_markers())) {
            self.drop_first(self.held.len());
        } else {
            if self.state == State::Between && space > 0 {
                self.drop_first(space);
            }
            self.state = State::Answer;
        }
        true
    }

    fn step_reasoning(&mut self, out: &mut Vec<Output>) -> bool {
        if self.is_reasoning_blank && self.skips_repeated_opening() {
            return true;
        }
        if self.is_reasoning_blank && self.may_be_repeated_opening() {
            return false;
        }
        self.step_body(Channel::Reasoning, &self.reasoning_markers(), out)
    }

    /// Inside the reasoning or the answer: emits what comes before the first marker.
    fn step_body(&mut self, channel: Channel, markers: &[Marker], out: &mut Vec<Output>) -> bool {
        let settled = self.held.len() - longest_beginning(&self.held.text, &texts(markers));
        let first = markers
            .iter()
            .filter_map(|(text, meaning)| Some((self.held.text.find(text.as_str())?, text.len(), meaning)))
            .min_by_key(|(at, len, _)| (*at, *len));
        match first {
            Some((at, len, meaning)) if at <= settled || self.is_last => {
                self.emit(at, channel, out);
                // The opening of the answer is taken at the head, where its other forms are known too.
                if !matches!(meaning, Meaning::OpensAnswer(_)) {
                    self.drop_first(len);
                }
                if *meaning == Meaning::ClosesUnopened {
                    out.push(Output::WasReasoning);
                }
                self.act(meaning.clone());
                true
            }
            _ => {
                self.emit(settled, channel, out);
                false
            }
        }
    }

    fn act(&mut self, meaning: Meaning) {
        self.state = match meaning {
            Meaning::OpensReasoning(close) => {
                self.close = close;
                self.has_reasoned = true;
                self.is_reasoning_blank = true;
                State::Reasoning
            }
            Meaning::ClosesReasoning | Meaning::ClosesUnopened => {
                self.has_reasoned = true;
                self.has_closed = true;
                self.close = None;
                State::Between
            }
            Meaning::OpensAnswer(close) => {
                self.answer_close = Some(close);
                State::Between
            }
            Meaning::ClosesAnswer => State::Answer,
            Meaning::Stops(why) => State::Stopped(why),
        };
    }

    /// Some models repeat an opening tag that the prompt has written already.
    fn skips_repeated_opening(&mut self) -> bool {
        let space = self.held.leading_space();
        let said = &self.held.text[space..];
        let repeated = self.markup.reasoning.iter().find(|pair| !pair.open.is_empty() && said.starts_with(&pair.open));
        let Some(pair) = repeated.cloned() else { return false };
        self.drop_first(space + pair.open.len());
        self.act(Meaning::OpensReasoning(Some(pair.close)));
        true
    }

    fn may_be_repeated_opening(&self) -> bool {
        let said = &self.held.text[self.held.leading_space()..];
        !self.is_last
            && self.markup.reasoning.iter().any(|pair| pair.open.len() > said.len() && pair.open.starts_with(said))
    }

    /// What can stand before the answer.
    fn head_markers(&self) -> Vec<Marker> {
        let pairs = self.markup.reasoning.iter().filter(|pair| !pair.open.is_empty());
        let opening = pairs.map(|pair| (pair.open.clone(), Meaning::OpensReasoning(Some(pair.close.clone()))));
        let closing = self.markup.reasoning.iter().map(|pair| (pair.close.clone(), Meaning::ClosesReasoning));
        let wrapping =
            self.markup.answer.iter().map(|pair| (pair.open.clone(), Meaning::OpensAnswer(pair.close.clone())));
        let all = opening.chain(closing).chain(wrapping).chain(self.stops()).chain(self.answer_close());
        all.filter(|(text, _)| !text.is_empty()).collect()
    }

    fn reasoning_markers(&self) -> Vec<Marker> {
        let closing = self.close.iter().map(|close| (close.clone(), Meaning::ClosesReasoning));
        // Only a control token opens an answer from inside the reasoning: a text may be a mention.
        let wrapping = self.markup.answer.iter().filter(|pair| pair.open.starts_with("<|"));
        let wrapping = wrapping.map(|pair| (pair.open.clone(), Meaning::OpensAnswer(pair.close.clone())));
        let ends = self.ends(true);
        closing.chain(wrapping).chain(ends).collect()
    }

    fn answer_markers(&self) -> Vec<Marker> {
        let unopened = self.unopened_close().into_iter();
        let unopened = unopened.map(|close| (close.clone(), Meaning::ClosesUnopened));
        self.stops().chain(self.answer_close()).chain(unopened).collect()
    }

    fn stops(&self) -> impl Iterator<Item = Marker> {
        let stop = self.stop.iter().map(|text| (text.clone(), Meaning::Stops(Stopped::StopString)));
        stop.chain(self.ends(false))
    }

    fn ends(&self, in_reasoning: bool) -> impl Iterator<Item = Marker> {
        let end = move |text: &String| (text.clone(), Meaning::Stops(Stopped::EndOfTurn { in_reasoning }));
        self.markup.ends.iter().map(end)
    }

    fn answer_close(&self) -> impl Iterator<Item = Marker> {
        let close = self.answer_close.iter().filter(|close| !close.is_empty());
        close.map(|close| (close.clone(), Meaning::ClosesAnswer))
    }

    /// The tags that may close what is open, if the output is cut off inside of one.
    fn closing_tags(&self) -> Vec<String> {
        let unopened = self.unopened_close();
        self.close.iter().chain(&self.answer_close).chain(unopened).chain(&self.markup.ends).cloned().collect()
    }

    /// The closing tag that makes everything before it reasoning, as long as the model has closed none: it left the
    /// opening out, or goes on reasoning though it was closed in its place.
    fn unopened_close(&self) -> Option<&String> {
        self.markup.lone_close.as_ref().filter(|_| !self.has_closed)
    }

    fn drop_cut_tag(&mut self, tags: &[String]) {
        let cut = longest_beginning(&self.held.text, tags);
        if self.held.text[self.held.len() - cut..].chars().count() >= CUT_TAG_CHARS {
            self.held.truncate(self.held.len() - cut);
            self.is_verbatim = false;
        }
    }

    fn drop_first(&mut self, len: usize) {
        self.held.take(len);
        self.is_verbatim = false;
    }

    /// Moves the first `len` bytes of the held text to `channel`.
    fn emit(&mut self, len: usize, channel: Channel, out: &mut Vec<Output>) {
        let had_control = self.held.has_control(len);
        let text = self.held.take(len);
        self.is_verbatim &= !had_control;
        self.is_reasoning_blank &= channel != Channel::Reasoning || text.trim().is_empty();
        if !text.is_empty() {
            out.push(Output::Text(channel, text));
        }
    }
}

/// Text whose meaning is not certain yet, and which of it control tokens wrote.
#[derive(Debug, Default)]
struct Held {
    text: String,
    /// Where control tokens lie in it, in bytes, ascending.
    control: Vec<(usize, usize)>,
}

impl Held {
    fn len(&self) -> usize {
        self.text.len()
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn push_control(&mut self, text: &str) {
        self.control.push((self.text.len(), self.text.len() + text.len()));
        self.text.push_str(text);
    }

    fn leading_space(&self) -> usize {
        self.text.len() - self.text.trim_start().len()
    }

    /// The length of the control token that begins at `at`, if one does.
    fn control_token_at(&self, at: usize) -> Option<usize> {
        self.control.iter().find(|(start, _)| *start == at).map(|(start, end)| end - start)
    }

    fn has_control(&self, len: usize) -> bool {
        self.control.iter().any(|(start, _)| *start < len)
    }

    fn truncate(&mut self, len: usize) {
        self.text.truncate(len);
        self.control.retain(|(start, _)| *start < len);
    }

    /// Removes the first `len` bytes; returns them without the control tokens.
    fn take(&mut self, len: usize) -> String {
        let rest = self.text.split_off(len);
        let taken = std::mem::replace(&mut self.text, rest);
        let (mut text, mut at) = (String::with_capacity(len), 0);
        for &(start, end) in self.control.iter().filter(|(start, _)| *start < len) {
            text.push_str(&taken[at.min(start)..start]);
            at = end.min(len);
        }
        text.push_str(&taken[at..]);
        let behind = |(start, end): &(usize, usize)| (start.saturating_sub(len), end.saturating_sub(len));
        self.control = self.control.iter().map(behind).filter(|(start, end)| start < end).collect();
        text
    }
}

fn texts(markers: &[Marker]) -> Vec<String> {
    markers.iter().map(|(text, _)| text.clone()).collect()
}

/// Whether `said` is the beginning of one of `markers`, which may still come.
fn begins_one(said: &str, markers: &[Marker]) -> bool {
    markers.iter().any(|(text, _)| text.len() > said.len() && text.starts_with(said))
}

fn is_cut_tag(said: &str, tags: &[String]) -> bool {
    said.chars().count() >= CUT_TAG_CHARS && tags.iter().any(|tag| tag.starts_with(said))
}

/// The length of the longest suffix of `text` that is a proper beginning of one of `markers`.
fn longest_beginning(text: &str, markers: &[String]) -> usize {
    let longest = |marker: &String| {
        (1..marker.len().min(text.len() + 1))
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
    use crate::engine::message::TagPair;

    fn thinking(begins: Begins) -> OutputMarkup {
        OutputMarkup {
            begins,
            reasoning: vec![TagPair::new("<think>", "</think>")],
            lone_close: Some("</think>".to_owned()),
            ..OutputMarkup::default()
        }
    }

    fn in_think() -> Begins {
        Begins::InReasoning(Some("</think>".to_owned()))
    }

    /// gpt-oss: channels, whose marks are control tokens.
    fn channels() -> OutputMarkup {
        let end = "<|end|>";
        OutputMarkup {
            reasoning: vec![
                TagPair::new("<|channel|>analysis<|message|>", end),
                TagPair::new("<|start|>assistant<|channel|>analysis<|message|>", end),
            ],
            answer: vec![
                TagPair::new("<|channel|>final<|message|>", "<|return|>"),
                TagPair::new("<|start|>assistant<|channel|>final<|message|>", "<|return|>"),
            ],
            ..OutputMarkup::default()
        }
    }

    fn granite() -> OutputMarkup {
        OutputMarkup { answer: vec![TagPair::new("<response>", "</response>")], ..thinking(Begins::Undecided) }
    }

    /// The complete reasoning and answer for text that arrives in `pieces`. A piece in `|` is a control token.
    fn split(markup: OutputMarkup, stop: &[&str], pieces: &[&str]) -> (String, String) {
        let mut splitter = Splitter::new(markup, stop.iter().map(|&text| text.into()).collect());
        let (mut reasoning, mut answer) = (String::new(), String::new());
        let mut take = |out: Vec<Output>| {
            for output in out {
                match output {
                    Output::Text(Channel::Reasoning, text) => reasoning.push_str(&text),
                    Output::Text(Channel::Answer, text) => answer.push_str(&text),
                    Output::WasReasoning => reasoning.insert_str(0, &std::mem::take(&mut answer)),
                }
            }
        };
        for piece in pieces {
            let is_control = piece.starts_with("<|") && piece.ends_with("|>");
            take(if is_control { splitter.push_control(piece) } else { splitter.push(piece) });
        }
        take(splitter.finish());
        (reasoning, answer)
    }

    fn assert_split(markup: OutputMarkup, pieces: &[&str], reasoning: &str, answer: &str) {
        assert_eq!(split(markup, &[], pieces), (reasoning.to_owned(), answer.to_owned()), "{pieces:?}");
    }

    #[test]
    fn tags_cut_anywhere_are_still_tags() {
        assert_split(thinking(Begins::Undecided), &["<th", "ink>so</", "think>\n", "\n42"], "so", "42");
    }

    #[test]
    fn a_prompt_that_ends_inside_the_reasoning_needs_no_opening_tag() {
        assert_split(thinking(in_think()), &["hm</think>yes"], "hm", "yes");
    }

    #[test]
    fn an_opening_tag_that_the_prompt_has_written_already_is_dropped() {
        assert_split(thinking(in_think()), &["<thi", "nk>hm</think>yes"], "hm", "yes");
    }

    #[test]
    fn a_tag_in_the_middle_of_an_answer_is_text() {
        assert_split(thinking(Begins::Undecided), &["Use <think> to reason"], "", "Use <think> to reason");
    }

    #[test]
    fn an_opening_that_is_left_out_makes_all_before_the_closing_tag_reasoning() {
        for begins in [Begins::Undecided, Begins::BehindReasoning] {
            assert_split(thinking(begins), &["so ", "so</th", "ink>\n\n42"], "so so", "42");
        }
    }

    #[test]
    fn reasoning_that_goes_on_after_it_was_closed_in_place_of_the_model_is_reasoning() {
        let mut splitter = Splitter::new(thinking(in_think()), Vec::new());
        let text = |channel, text: &str| Output::Text(channel, text.to_owned());
        assert_eq!(splitter.push("hm"), [text(Channel::Reasoning, "hm")]);
        assert_eq!(splitter.end_reasoning(), []);
        assert_eq!(
            splitter.push("and so</think>\n42"),
            [text(Channel::Answer, "and so"), Output::WasReasoning, text(Channel::Answer, "42"),]
        );
    }

    #[test]
    fn after_the_reasoning_a_closing_tag_in_the_answer_is_text() {
        assert_split(thinking(in_think()), &["hm</think>End it with </think>."], "hm", "End it with </think>.");
    }

    #[test]
    fn a_second_reasoning_before_the_answer_is_reasoning_too() {
        assert_split(thinking(in_think()), &["a</think>\n<think>b</think></think>\nc"], "ab", "c");
    }

    #[test]
    fn wrappers_of_the_answer_are_dropped() {
        assert_split(granite(), &["<think>hm</think>", "<resp", "onse>It is.</res", "ponse>"], "hm", "It is.");
        assert_split(granite(), &["<response>\nIt is.</response>"], "", "It is.");
        assert_split(granite(), &["Write <response> first."], "", "Write <response> first.");
    }

    #[test]
    fn channels_are_reasoning_or_answer_with_and_without_analysis() {
        let analysis = ["<|channel|>", "analysis", "<|message|>", "hm", "<|end|>"];
        let last = ["<|start|>", "assistant", "<|channel|>", "final", "<|message|>", "It is.", "<|return|>"];
        let again = ["<|start|>", "assistant", "<|channel|>", "analysis", "<|message|>", "hm", "<|end|>"];
        assert_split(channels(), &[&analysis[..], &last].concat(), "hm", "It is.");
        assert_split(channels(), &[&analysis[..], &again, &last].concat(), "hmhm", "It is.");
        assert_split(channels(), &last[2..], "", "It is.");
        // Quantised models sometimes skip the end of the analysis.
        assert_split(channels(), &[&analysis[..4], &last].concat(), "hm", "It is.");
    }

    #[test]
    fn control_tokens_that_mean_nothing_here_are_dropped() {
        assert_split(OutputMarkup::default(), &["<|a|>", "It ", "<|b|>", "is.", "<|c|>"], "", "It is.");
        assert_split(channels(), &["<|x|>", "<|channel|>", "final", "<|message|>", "It is."], "", "It is.");
    }

    #[test]
    fn a_tag_cut_off_by_the_end_is_dropped() {
        assert_split(granite(), &["<response>It is.</respo"], "", "It is.");
        assert_split(thinking(in_think()), &["hm</thi"], "hm", "");
        assert_split(thinking(Begins::Undecided), &["<thi"], "", "");
        assert_split(thinking(Begins::Undecided), &["a <"], "", "a <");
    }

    #[test]
    fn a_text_that_ends_the_turn_stops_the_answer_and_the_reasoning() {
        let ends = |begins| OutputMarkup { ends: vec!["<|im_end|>".to_owned()], begins, ..OutputMarkup::default() };
        let mut splitter = Splitter::new(ends(Begins::Undecided), Vec::new());
        assert_eq!(splitter.push("Yes.<|im"), [Output::Text(Channel::Answer, "Yes.".to_owned())]);
        assert_eq!(splitter.push("_end|>\n<|im_start|>user"), []);
        assert_eq!(splitter.stopped(), Some(Stopped::EndOfTurn { in_reasoning: false }));
        let mut splitter = Splitter::new(ends(Begins::InReasoning(None)), Vec::new());
        splitter.push("hm<|im_end|>");
        assert_eq!(splitter.stopped(), Some(Stopped::EndOfTurn { in_reasoning: true }));
    }

    #[test]
    fn a_stop_string_ends_the_answer_before_it() {
        let mut splitter = Splitter::new(OutputMarkup::default(), vec!["END".into()]);
        assert_eq!(splitter.push("one E"), [Output::Text(Channel::Answer, "one ".into())]);
        assert_eq!(splitter.push("ND two"), []);
        assert_eq!(splitter.stopped(), Some(Stopped::StopString));
        assert_eq!(splitter.finish(), []);
    }

    #[test]
    fn a_stop_string_inside_the_reasoning_stops_nothing() {
        let got = split(thinking(in_think()), &["END"], &["END of thought</think>done"]);
        assert_eq!(got, ("END of thought".into(), "done".into()));
    }

    #[test]
    fn an_answer_is_verbatim_until_something_is_dropped() {
        let is_verbatim = |markup: OutputMarkup, text: &str| {
            let mut splitter = Splitter::new(markup, Vec::new());
            splitter.push(text);
            splitter.finish();
            splitter.is_verbatim()
        };
        assert!(is_verbatim(thinking(Begins::Undecided), " It <is> so.\n"));
        assert!(!is_verbatim(thinking(Begins::Undecided), "<think>a</think>b"));
        assert!(!is_verbatim(granite(), "<response>b"));
    }

    proptest! {
        #[test]
        fn splitting_does_not_depend_on_where_the_text_is_cut(
            text in "(<think>|<response>)?[a-zé<>/ ]{0,12}(</think>)?(<response>)?[a-zEND<> ]{0,12}(</response>)?",
            cuts in prop::collection::vec(0usize..60, 0..6),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|&cut| text.is_char_boundary(cut) && cut <= text.len()).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&str> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
            prop_assert_eq!(split(granite(), &["END"], &pieces), split(granite(), &["END"], &[&text]));
        }

        /// Whatever a model writes around it, no tag that opened or closed something is in the answer.
        #[test]
        fn no_tag_around_an_answer_is_left_in_it(
            cuts in prop::collection::vec(0usize..60, 0..8),
            opened in any::<bool>(),
            wrapped in any::<bool>(),
        ) {
            let (open, wrap, unwrap) = (if opened { "<think>" } else { "" }, if wrapped { "<response>" } else { "" }, if wrapped { "</response>" } else { "" });
            let text = format!("{open}I see.</think>\n\n{wrap}It is so.{unwrap}");
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|&cut| cut <= text.len()).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&str> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
            prop_assert_eq!(split(granite(), &[], &pieces), ("I see.".to_owned(), "It is so.".to_owned()));
        }
    }
}
