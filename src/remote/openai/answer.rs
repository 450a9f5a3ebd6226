//! One answer, from the chunks of its stream to events and figures.
//!
//! Reasoning comes in a field of its own, or as `<think>…</think>` in the text; both become [`Channel::Reasoning`]. Text
//! is split as the local engine splits it, so stop strings, tags that are cut in two, and white space behind reasoning
//! are the same here and there. Stop strings are not sent to the server: it would cut them off and not say that it did.
//!
//! ```text
//! reasoning "Hm."     Piece { Reasoning, "Hm." }
//! content "\n\nYes"   Piece { Answer, "Yes" }
//! finish "stop"       Answered { EndOfGeneration }
//! usage 12 + 5        figures: prompt 12, generated 5
//! ```
//!
//! Token counts are the server's. Where it says nothing they are 0, or for the prompt our own, and absent in [`ToldCounts`]; speeds
//! need counts, and are 0 without. It doesn't know connections: time comes in with each chunk.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::stream::{Chunk, ReadSoFar, ServerTimings, Usage};
use crate::engine::message::{
    Channel, Counting, Event, Figures, Finish, JobId, Memory, OutputMarkup, Progress, Question, ReasoningEnd,
    Repetition, TagPair, Threads, Timings, TokenCounts, ToldCounts,
};
use crate::engine::{Output, RepetitionGuard, Splitter, Stopped};
use crate::swaa::Recipe;
use crate::swaa::cost::PrefillCost;

/// Closes reasoning whose opening the server's template has put into the prompt. With its line ends: an answer may
/// mention the tag.
const LONE_CLOSE: &str = "\n</think>\n";

/// What is known of a prompt before it is sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sent {
    pub(super) recipe: Recipe,
    pub(super) document_tokens: u32,
    pub(super) prompt_tokens: u32,
    pub(super) context_tokens: u32,
    pub(super) counting: Counting,
}

/// Everything that the server has said about an answer so far.
#[derive(Debug)]
pub(super) struct Answering {
    job: JobId,
    splitter: Splitter,
    guard: Option<LoopGuard>,
    max_tokens: Option<u32>,
    /// Times of the first and the last piece.
    pieces: Option<(Duration, Duration)>,
    reasoning: Option<(Duration, Duration)>,
    reasons_apart: bool,
    has_answer: bool,
    finish: Option<String>,
    usage: Option<Usage>,
    timings: Option<ServerTimings>,
}

impl Answering {
    pub(super) fn new(question: &Question) -> Self {
        let tags = TagPair::new("<think>", "</think>");
        let own = &question.markup.reasoning;
        let markup = OutputMarkup {
            reasoning: if own.is_empty() { vec![tags] } else { own.clone() },
            lone_close: Some(LONE_CLOSE.to_owned()),
            ..(*question.markup).clone()
        };
        Self {
            job: question.job,
            splitter: Splitter::new(markup, question.limits.stop.clone()),
            guard: (question.limits.repetition == Repetition::Ends).then(LoopGuard::default),
            max_tokens: question.limits.max_tokens,
            pieces: None,
            reasoning: None,
            reasons_apart: false,
            has_answer: false,
            finish: None,
            usage: None,
            timings: None,
        }
    }

    /// Whether anything was written: from then on the request is not sent again.
    pub(super) fn has_begun(&self) -> bool {
        self.pieces.is_some()
    }

    /// Takes a chunk that came `elapsed` after the request. Returns what it shows, and why the answer ends here, if it does.
    pub(super) fn take(&mut self, chunk: Chunk, elapsed: Duration) -> (Vec<Event>, Option<Finish>) {
        self.usage = chunk.usage.or(self.usage);
        self.timings = chunk.timings.or(self.timings);
        self.finish = chunk.finish.or(self.finish.take());
        let mut events = Vec::new();
        events.extend(chunk.progress.map(|read| self.progress(read)));
        let mut repeats = false;
        if !chunk.reasoning.is_empty() {
            repeats |= self.guard.as_mut().is_some_and(|guard| guard.take(&chunk.reasoning));
            events.push(self.reasons(chunk.reasoning, elapsed));
        }
        if !chunk.content.is_empty() {
            self.pieces.get_or_insert((elapsed, elapsed)).1 = elapsed;
            repeats |= self.guard.as_mut().is_some_and(|guard| guard.take(&chunk.content));
            let out = self.splitter.push(&chunk.content);
            events.extend(self.hand_over(out, elapsed));
        }
        let stopped = match self.splitter.stopped() {
            Some(Stopped::StopString) if !self.has_answer => Some(Finish::NoAnswer),
            Some(Stopped::StopString) => Some(Finish::StopString),
            Some(Stopped::EndOfTurn { .. }) => Some(Finish::EndOfGeneration),
            None => repeats.then_some(Finish::Repetition),
        };
        (events, stopped)
    }

    /// The rest of the text, at the end of the stream.
    pub(super) fn flush(&mut self, elapsed: Duration) -> Vec<Event> {
        let out = self.splitter.finish();
        self.hand_over(out, elapsed)
    }

    /// Why the answer ended, by the server's word for it. `None`: the stream ended without one.
    pub(super) fn ended_by_server(&self) -> Option<Finish> {
        Some(match self.finish.as_deref()? {
            "length" if self.reached_its_limit() => Finish::TokenLimit,
            "length" => Finish::ContextFull,
            _ if self.has_answer => Finish::EndOfGeneration,
            _ => Finish::NoAnswer,
        })
    }

    /// Whether the server has withheld the rest.
    pub(super) fn is_withheld(&self) -> bool {
        self.finish.as_deref() == Some("content_filter")
    }

    fn reached_its_limit(&self) -> bool {
        match (self.max_tokens, self.usage) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(most), Some(usage)) => usage.completion >= most,
        }
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// What was measured, here and by the server.
    pub(super) fn figures(&self, sent: &Sent) -> Figures {
        let usage = self.usage.unwrap_or_default();
        let said = self.usage.is_some();
        let told = self.told(sent);
        let cached = told.cached.unwrap_or(0);
        let prompt = if said { usage.prompt } else { sent.prompt_tokens };
        let generated = told.generated.unwrap_or(0);
        Figures {
            recipe: sent.recipe.clone(),
            tokens: TokenCounts {
                document: sent.document_tokens.min(prompt),
                prompt,
                cached: cached.min(prompt),
                prefilled: prompt.saturating_sub(cached),
                generated,
                reasoning: usage.reasoning.unwrap_or(0).min(generated),
                told: Some(told),
                ..TokenCounts::default()
            },
            timings: self.times(generated),
            memory: Memory::default(),
            threads: Threads::default(),
            reasoning_end: self.reasoning.map(|_| self.how_reasoning_ended()),
            prefill_cost: UNKNOWN_COST,
            context_tokens: sent.context_tokens,
        }
    }

    /// What the server said of its counts, and no more.
    fn told(&self, sent: &Sent) -> ToldCounts {
        let timings = self.timings;
        ToldCounts {
            document: (sent.counting == Counting::Exact).then_some(sent.document_tokens),
            prompt: self.usage.map(|usage| usage.prompt),
            cached: self.usage.and_then(|usage| usage.cached).or(timings.and_then(|timings| timings.cached)),
            generated: self.usage.map(|usage| usage.completion).or(timings.map(|timings| timings.generated)),
            reasoning: self.usage.and_then(|usage| usage.reasoning),
        }
    }

    fn times(&self, generated: u32) -> Timings {
        let (first, last) = self.pieces.unwrap_or_default();
        let own = last.saturating_sub(first);
        let timings = self.timings;
        let decode = timings.map_or(own, |timings| timings.decode);
        // The first token comes from the prefill, so our own rate counts only the tokens after it.
        let written = timings.map_or(generated.saturating_sub(1), |timings| timings.generated);
        let (from, to) = self.reasoning.unwrap_or_default();
        Timings {
            prefill: timings.map_or(Duration::ZERO, |timings| timings.prefill),
            prefill_tokens_per_s: timings.map_or(0.0, |timings| rate(timings.prefilled, timings.prefill)),
            first_token: first,
            decode,
            decode_tokens_per_s: rate(written, decode),
            reasoning: to.saturating_sub(from),
        }
    }

    fn how_reasoning_ended(&self) -> ReasoningEnd {
        if self.has_answer { ReasoningEnd::Closed } else { ReasoningEnd::Never }
    }

    /// Reasoning in a field of its own. The text is the answer then, and nothing in it is a tag.
    fn reasons(&mut self, text: String, elapsed: Duration) -> Event {
        if !self.reasons_apart && !self.has_answer {
            self.reasons_apart = true;
            self.splitter.reason_apart();
        }
        self.pieces.get_or_insert((elapsed, elapsed)).1 = elapsed;
        self.reasoning.get_or_insert((elapsed, elapsed)).1 = elapsed;
        Event::Piece { job: self.job, channel: Channel::Reasoning, text }
    }

    fn hand_over(&mut self, out: Vec<Output>, elapsed: Duration) -> Vec<Event> {
        out.into_iter().map(|output| self.event(output, elapsed)).collect()
    }

    fn event(&mut self, output: Output, elapsed: Duration) -> Event {
        match output {
            Output::Text(channel, text) => {
                match channel {
                    Channel::Answer => self.has_answer |= !text.trim().is_empty(),
                    Channel::Reasoning => self.reasoning.get_or_insert((elapsed, elapsed)).1 = elapsed,
                }
                Event::Piece { job: self.job, channel, text }
            }
            Output::WasReasoning => {
                self.has_answer = false;
                self.reasoning = self.pieces;
                Event::WasReasoning { job: self.job }
            }
        }
    }

    fn progress(&self, read: ReadSoFar) -> Event {
        let prefilled = read.done.saturating_sub(read.cached);
        let tokens_per_s = rate(prefilled, read.elapsed);
        let left = f64::from(read.total.saturating_sub(read.done));
        let remaining = (tokens_per_s > 0.0).then(|| Duration::from_secs_f64(left / tokens_per_s));
        let progress = Progress {
            done_tokens: read.done,
            total_tokens: read.total,
            cached_tokens: read.cached,
            elapsed: read.elapsed,
            tokens_per_s,
            remaining,
        };
        Event::Prefilling { job: self.job, progress }
    }
}

/// What prefill costs on the server is not known, and nothing is predicted from it.
pub(super) const UNKNOWN_COST: PrefillCost = PrefillCost { pairs_per_token: 1_500.0, token_s: None };

fn rate(tokens: u32, time: Duration) -> f64 {
    let seconds = time.as_secs_f64();
    if seconds > 0.0 { f64::from(tokens) / seconds } else { 0.0 }
}

/// Notices an answer that repeats itself, by words: a server's tokens are not known.
#[derive(Debug, Default)]
struct LoopGuard {
    guard: RepetitionGuard,
    word: String,
}

impl LoopGuard {
    /// Takes the next text. Returns whether the text repeats itself by now.
    fn take(&mut self, text: &str) -> bool {
        let mut repeats = false;
        for letter in text.chars() {
            self.word.push(letter);
            if !letter.is_alphanumeric() {
                let word = std::mem::take(&mut self.word);
                repeats |= self.guard.take_word(number_of(&word), &word);
            }
        }
        repeats
    }
}

/// A number for a word. Two words may share one; a loop of dozens of them does not.
fn number_of(word: &str) -> i32 {
    let mut hasher = DefaultHasher::new();
    word.hash(&mut hasher);
    hasher.finish() as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::message::Limits;
    use crate::remote::openai::fixtures::question;

    fn said(content: &str) -> Chunk {
        Chunk { content: content.to_owned(), ..Chunk::default() }
    }

    fn thought(reasoning: &str) -> Chunk {
        Chunk { reasoning: reasoning.to_owned(), ..Chunk::default() }
    }

    fn ends(finish: &str) -> Chunk {
        Chunk { finish: Some(finish.to_owned()), ..Chunk::default() }
    }

    /// Reasoning in brackets, then the answer, of an answer made of these chunks a second apart.
    fn told(answering: &mut Answering, chunks: Vec<Chunk>) -> (String, Option<Finish>) {
        let (mut reasoning, mut answer, mut stopped) = (String::new(), String::new(), None);
        let mut hear = |event: &Event| match event {
            Event::Piece { channel: Channel::Reasoning, text, .. } => reasoning.push_str(text),
            Event::Piece { channel: Channel::Answer, text, .. } => answer.push_str(text),
            Event::WasReasoning { .. } => reasoning = std::mem::take(&mut answer),
            _ => {}
        };
        let mut elapsed = Duration::ZERO;
        for chunk in chunks {
            elapsed += Duration::from_secs(1);
            let (events, end) = answering.take(chunk, elapsed);
            events.iter().for_each(&mut hear);
            stopped = stopped.or(end);
        }
        answering.flush(elapsed).iter().for_each(&mut hear);
        (format!("[{reasoning}] {answer}"), stopped.or(answering.ended_by_server()))
    }

    fn answer(chunks: Vec<Chunk>) -> (String, Option<Finish>) {
        told(&mut Answering::new(&question(Limits::default())), chunks)
    }

    fn sent() -> Sent {
        Sent {
            recipe: crate::swaa::RecipeSpec::FULL.resolve(10, &crate::swaa::ModelLayers::All(1)),
            document_tokens: 8,
            prompt_tokens: 10,
            context_tokens: 0,
            counting: Counting::Exact,
        }
    }

    #[test]
    fn reasoning_in_its_own_field_and_in_tags_is_the_same() {
        let end = Some(Finish::EndOfGeneration);
        let apart = answer(vec![thought("Hm"), thought("."), said("\n\nYes"), said("."), ends("stop")]);
        assert_eq!(apart, ("[Hm.] Yes.".to_owned(), end));
        let tags = answer(vec![said("<thi"), said("nk>Hm."), said("</think>\n\nYes."), ends("stop")]);
        assert_eq!(tags, ("[Hm.] Yes.".to_owned(), end));
        let lone = answer(vec![said("Hm.\n</thi"), said("nk>\n\nYes."), ends("stop")]);
        assert_eq!(lone, ("[Hm.] Yes.".to_owned(), end));
    }

    #[test]
    fn an_answer_may_mention_the_tags() {
        let mention = "It writes `<think>` and `</think>` around it.";
        assert_eq!(answer(vec![said(mention), ends("stop")]).0, format!("[] {mention}"));
        let behind = answer(vec![thought("Hm."), said("<think> opens it, and\n</think>\ncloses it."), ends("stop")]);
        assert_eq!(behind.0, "[Hm.] <think> opens it, and\n</think>\ncloses it.");
    }

    #[test]
    fn stop_strings_end_it_here_and_the_rest_is_not_shown() {
        let limits = Limits { stop: vec!["END".to_owned()], ..Limits::default() };
        let mut answering = Answering::new(&question(limits));
        assert_eq!(
            told(&mut answering, vec![said("It is E"), said("ND of it")]),
            ("[] It is ".to_owned(), Some(Finish::StopString))
        );
        let limits = Limits { stop: vec!["END".to_owned()], ..Limits::default() };
        let mut answering = Answering::new(&question(limits));
        assert_eq!(
            told(&mut answering, vec![said(" EN"), said("D of it")]).1,
            Some(Finish::NoAnswer),
            "as an engine on this machine has it"
        );
    }

    #[test]
    fn a_limit_is_the_user_s_or_the_context_s() {
        let cut = |most, usage: Option<u32>| {
            let mut answering = Answering::new(&question(Limits { max_tokens: most, ..Limits::default() }));
            let usage = usage.map(|completion| Usage { prompt: 9, completion, ..Usage::default() });
            told(&mut answering, vec![said("It is"), Chunk { usage, ..ends("length") }]).1
        };
        assert_eq!([cut(Some(2), Some(2)), cut(Some(2), None)], [Some(Finish::TokenLimit); 2]);
        assert_eq!([cut(None, None), cut(Some(90), Some(2))], [Some(Finish::ContextFull); 2]);
    }

    #[test]
    fn without_a_word_from_the_server_the_stream_has_broken() {
        assert_eq!(answer(vec![said("It is")]).1, None);
    }

    #[test]
    fn reasoning_alone_is_no_answer() {
        let mut answering = Answering::new(&question(Limits::default()));
        assert_eq!(told(&mut answering, vec![thought("Hm."), ends("stop")]).1, Some(Finish::NoAnswer));
        assert_eq!(answering.figures(&sent()).reasoning_end, Some(ReasoningEnd::Never));
    }

    #[test]
    fn a_loop_ends() {
        let line = said("the same sentence of seven words again. ");
        let (_, finish) = answer(vec![line; 40]);
        assert_eq!(finish, Some(Finish::Repetition));
    }

    #[test]
    fn counts_and_times_are_the_server_s_or_none() {
        let usage = Usage { prompt: 1200, completion: 41, cached: Some(1000), reasoning: Some(9) };
        let mut answering = Answering::new(&question(Limits::default()));
        told(&mut answering, vec![thought("Hm."), said("A"), said("B"), Chunk { usage: Some(usage), ..ends("stop") }]);
        let figures = answering.figures(&sent());
        let expected = TokenCounts {
            document: 8,
            prompt: 1200,
            cached: 1000,
            prefilled: 200,
            generated: 41,
            reasoning: 9,
            told: Some(ToldCounts {
                document: Some(8),
                prompt: Some(1200),
                cached: Some(1000),
                generated: Some(41),
                reasoning: Some(9),
            }),
            ..TokenCounts::default()
        };
        assert_eq!(figures.tokens, expected);
        // The first piece came after 1 s, the last after 3: 40 tokens in 2 s.
        assert_eq!(
            (figures.timings.first_token, figures.timings.decode),
            (Duration::from_secs(1), Duration::from_secs(2))
        );
        assert!((figures.timings.decode_tokens_per_s - 20.0).abs() < 1e-9);
        assert_eq!(figures.timings.prefill, Duration::ZERO, "the server did not say");
        let mut silent = Answering::new(&question(Limits::default()));
        told(&mut silent, vec![said("A"), ends("stop")]);
        let figures = silent.figures(&sent());
        assert_eq!((figures.tokens.prompt, figures.tokens.generated), (10, 0));
        assert_eq!(figures.tokens.told, Some(ToldCounts { document: Some(8), ..ToldCounts::default() }));
        assert!(figures.timings.decode_tokens_per_s.abs() < 1e-9);
    }

    #[test]
    fn llama_server_s_own_times_are_used() {
        let timings = ServerTimings {
            prefilled: 100,
            prefill: Duration::from_millis(500),
            cached: Some(4),
            generated: 10,
            decode: Duration::from_secs(2),
        };
        let mut answering = Answering::new(&question(Limits::default()));
        told(&mut answering, vec![said("A"), Chunk { timings: Some(timings), ..ends("stop") }]);
        let timed = answering.figures(&sent()).timings;
        assert_eq!((timed.prefill, timed.decode), (Duration::from_millis(500), Duration::from_secs(2)));
        assert!((timed.prefill_tokens_per_s - 200.0).abs() < 1e-9 && (timed.decode_tokens_per_s - 5.0).abs() < 1e-9);
    }

    #[test]
    fn progress_of_the_prefill_is_passed_on() {
        let mut answering = Answering::new(&question(Limits::default()));
        let read = ReadSoFar { total: 1000, cached: 100, done: 400, elapsed: Duration::from_secs(3) };
        let (events, _) = answering.take(Chunk { progress: Some(read), ..Chunk::default() }, Duration::from_secs(3));
        let [Event::Prefilling { progress, .. }] = events.as_slice() else { panic!("{events:?}") };
        assert!((progress.tokens_per_s - 100.0).abs() < 1e-9);
        assert_eq!((progress.done_tokens, progress.remaining), (400, Some(Duration::from_secs(6))));
    }
}
