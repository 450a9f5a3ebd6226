//! Reads passages of the document again before a question.
//!
//! A window hides most of a document from its later tokens, and even full attention overlooks much. But some heads of
//! the model still point at the passage that a question is about. So the question is read, the passages that these heads
//! point at are put before it as text, and it is read again with them.
//!
//! ```text
//! document | question | template's end            the heads tell where they look while the question is read
//! document | passages | question | template's end
//! ```
//!
//! Example: 30,000 tokens of document, a question of 20: reading it, 4 passages of about 280 tokens, and the question
//! again is 1,180 tokens. In the next turn the passages of this one are gone, and its question and answer are read again.
//!
//! Where it is not known which heads to ask, or where the document's keys are dropped ([`super::bounded`]), the words of the question choose. Under [`Reread::Auto`] nothing is read
//! again unless the question points at something. A document that is answered without passages is computed in the same
//! calls as with [`Reread::Off`], so the answer is the same.

use std::ops::Range;
use std::sync::Arc;

use super::cache_index::Token;
use super::job::{Job, rate};
use super::machine::{Lookout, Machine};
use super::message::{
    Event, Failure, FoundBy, NoPassages, Origin, Part, Prompt, Question, ReadAgain, Reread, Rereading, Segment,
};
use super::tokenized_prompt::TokenizedPrompt;
use super::worker::{Aim, Prefilled, Worker};
use crate::passages::{Attention, PASSAGE_TOKENS, Passage, asks_about_all, by_words, has_its_words, joined};
use crate::swaa::RecipeSpec;

/// Passages that are read again unless something else is asked for.
const PASSAGES: u32 = 4;

/// Under [`Reread::Auto`], what passages may cost of what reading the document costs.
const MOST_SHARE: f64 = 0.1;

/// Tokens of a passage once it is widened, for predictions.
const WIDENED_TOKENS: u32 = 280;

/// Under [`Reread::Auto`], the share of the heads' attention on one window from which on they point at it, whatever its
/// words are. Of 8,500 tokens, facts that were found had .24 to .48; a window has .03 if all have the same.
const POINTED_SHARE: f32 = 0.35;

/// Tokens of context that passages leave for the answer; under [`Reread::Auto`] more, if the answer may be that long.
const ANSWER_ROOM_TOKENS: u32 = 256;
const ANSWER_ROOM_AUTO_TOKENS: u32 = 1024;

/// What is attached behind a question does not say where to look: this much of it does.
const MOST_ROWS: u32 = 256;
const MOST_QUESTION_BYTES: usize = 1_000;

/// Before the passages, and between and behind them.
const OPENING: &str = "Passages of the text that may help:\n\n";
const BETWEEN: &str = "\n\n...\n\n";
const CLOSING: &str = "\n\n";

/// The document in a prompt: its text, and where its tokens are in both.
pub(super) struct Ground {
    text: Arc<str>,
    /// Positions in the prompt.
    pub tokens: Range<usize>,
    /// Where each token ends, in bytes of the text.
    ends: Vec<usize>,
}

impl Ground {
    /// `None` without a document.
    pub(super) fn of(prompt: &Prompt, read: &[Token], bytes_of: impl Fn(Token) -> usize) -> Option<Self> {
        let last = prompt.parts.iter().rfind(|part| part.segment == Segment::Document)?;
        if last.origin != Origin::Text {
            return None;
        }
        // From the end on: a vocabulary may put a token or a space before the first.
        let (mut end, mut ends) = (last.text.len(), Vec::new());
        for token in read.iter().rev() {
            if end == 0 {
                break;
            }
            ends.push(end);
            end = end.saturating_sub(bytes_of(*token));
        }
        ends.reverse();
        Some(Self { text: last.text.clone(), tokens: read.len() - ends.len()..read.len(), ends })
    }

    /// The bytes of some of its tokens.
    fn bytes(&self, tokens: &Range<usize>) -> Range<usize> {
        let end_of = |position: usize| match position - self.tokens.start {
            0 => 0,
            index => self.ends[index - 1],
        };
        end_of(tokens.start)..end_of(tokens.end)
    }

    /// The tokens of some of its bytes.
    pub(super) fn tokens_of(&self, bytes: &Range<usize>) -> Range<usize> {
        let first = self.ends.partition_point(|&end| end <= bytes.start);
        let last = self.ends.partition_point(|&end| end < bytes.end) + 1;
        self.tokens.start + first..self.tokens.start + last.min(self.ends.len())
    }

    fn bytes_of_passage(&self) -> usize {
        self.text.len() * PASSAGE_TOKENS / self.tokens.len().max(1)
    }

    /// Where heads looked, as shares of the document's chunks.
    fn heat(&self, attention: &Attention) -> Arc<[Passage]> {
        let chunk = |(index, &score)| Passage { span: self.bytes(&attention.chunk_tokens(index)), score };
        attention.chunks().iter().enumerate().map(chunk).collect()
    }
}

/// The text that is put before the question.
fn told(text: &str, passages: &[Passage]) -> String {
    let texts: Vec<&str> = passages.iter().map(|passage| text[passage.span.clone()].trim_matches('\n')).collect();
    format!("{OPENING}{}{CLOSING}", texts.join(BETWEEN))
}

/// What a search has found. The plain prompt has been prefilled if `prefilled` says so.
struct Found {
    read_again: ReadAgain,
    prefilled: Option<Prefilled>,
}

impl Found {
    fn new(found_by: FoundBy, passages: Vec<Passage>) -> Self {
        let read_again = ReadAgain { found_by, passages, why_none: None, tokens: 0, share: None, heat: Arc::default() };
        Self { read_again, prefilled: None }
    }
}

impl<M: Machine> Worker<M> {
    /// Prefills the prompt of `question`, with passages before the question if they are to be read again.
    pub(super) fn prefill_question(
        &mut self,
        question: &Question,
        job: &mut Job,
    ) -> Result<(TokenizedPrompt, Prefilled), Failure> {
        self.adapt(&question.recipe)?;
        let plain = self.tokenize(&question.prompt, &question.recipe);
        let read = &plain.sequence.tokens()[..plain.document_tokens as usize];
        let ground = Ground::of(&question.prompt, read, |token| self.machine.token_bytes(token, true).len());
        let is_wanted = |rereading: &&Rereading| rereading.reread != Reread::Off || rereading.given.is_some();
        let asked = question.rereading.as_ref().filter(is_wanted);
        let (Some(rereading), Some(ground)) = (asked, ground) else {
            let prefilled = self.prefill(&plain, Aim::Answer, job)?;
            return Ok((plain, prefilled));
        };
        let mut found = self.find_passages(question, rereading, &ground, &plain, job)?;
        if let Some(stopped @ Prefilled::Stopped(_)) = found.prefilled {
            return Ok((plain, stopped));
        }
        let with_passages = self.with_passages(question, rereading, &ground, &plain, &mut found.read_again);
        self.tell(Event::ReadAgain { job: job.id, read_again: Box::new(found.read_again) });
        match (with_passages, found.prefilled) {
            (None, Some(prefilled)) => Ok((plain, prefilled)),
            (None, None) => {
                let prefilled = self.prefill(&plain, Aim::Answer, job)?;
                Ok((plain, prefilled))
            }
            (Some(tokenized), prefilled) => {
                let tokens = tokenized.sequence.len().saturating_sub(plain.sequence.len());
                let prefilled = self.prefill_with_passages(&tokenized, prefilled.is_some(), tokens, job)?;
                Ok((tokenized, prefilled))
            }
        }
    }

    /// The passages to read again; none if the question points at none.
    fn find_passages(
        &mut self,
        question: &Question,
        rereading: &Rereading,
        ground: &Ground,
        plain: &TokenizedPrompt,
        job: &mut Job,
    ) -> Result<Found, Failure> {
        if let Some(given) = &rereading.given {
            let passages = given.spans.iter().filter(|span| ground.text.get((*span).clone()).is_some());
            let passages = passages.map(|span| Passage { span: span.clone(), score: 1.0 }).collect();
            return Ok(Found::new(given.found_by, passages));
        }
        // Heads look at cached keys, and most of them may be dropped.
        let is_dropped = self.bounded_by(&plain.recipe).is_some_and(|bounded| plain.sequence.len() > bounded.cells());
        let Some(heads) = self.heads.get().filter(|_| !is_dropped) else {
            return Ok(self.find_by_words(question, rereading, ground, plain));
        };
        let rows = self.rows_of_part(&question.prompt, &question.recipe, rereading.question_part);
        let rows = rows.start..rows.end.min(rows.start + MOST_ROWS);
        job.compute_from = rows.start;
        self.machine.look_out(Some(Lookout { heads, keys: plain.document_tokens, rows }));
        let prefilled = self.prefill(plain, Aim::Answer, job);
        let seen = self.machine.seen();
        self.machine.look_out(None);
        job.compute_from = u32::MAX;
        let prefilled = prefilled?;
        let found = match seen {
            Some(seen) if prefilled == Prefilled::Whole => {
                self.find_by_attention(&seen, question, rereading, ground, plain)
            }
            _ => self.find_by_words(question, rereading, ground, plain),
        };
        Ok(Found { prefilled: Some(prefilled), ..found })
    }

    /// The positions of the tokens of a part of the tail.
    pub(super) fn rows_of_part(&mut self, prompt: &Prompt, recipe: &RecipeSpec, part: usize) -> Range<u32> {
        let mut length = |parts: usize| {
            let prompt = Prompt { parts: prompt.parts[..parts].to_vec(), ..Prompt::default() };
            self.tokenize(&prompt, recipe).sequence.len()
        };
        length(part)..length(part + 1)
    }

    fn find_by_attention(
        &self,
        seen: &[Vec<f32>],
        question: &Question,
        rereading: &Rereading,
        ground: &Ground,
        plain: &TokenizedPrompt,
    ) -> Found {
        let attention = Attention::of(seen, ground.tokens.clone());
        let most = self.most_passages(rereading.reread, plain);
        let share = attention.best(PASSAGES as usize).iter().map(|window| window.share).sum();
        let best = attention.best(most as usize);
        let passages: Vec<Passage> =
            best.iter().map(|window| Passage { span: ground.bytes(&window.tokens), score: window.share }).collect();
        let mut found = Found::new(FoundBy::Attention, passages);
        found.read_again.share = Some(share);
        found.read_again.heat = ground.heat(&attention);
        let is_strong = best.first().is_some_and(|window| window.share >= POINTED_SHARE);
        forget_unless(&mut found.read_again, question, rereading, ground, (most, is_strong));
        found
    }

    fn find_by_words(
        &self,
        question: &Question,
        rereading: &Rereading,
        ground: &Ground,
        plain: &TokenizedPrompt,
    ) -> Found {
        let most = self.most_passages(rereading.reread, plain);
        let passages = by_words(&ground.text, asked(question, rereading), most as usize, ground.bytes_of_passage());
        let mut found = Found::new(FoundBy::Words, passages);
        forget_unless(&mut found.read_again, question, rereading, ground, (most, false));
        found
    }

    /// How many passages may be read again.
    fn most_passages(&self, reread: Reread, plain: &TokenizedPrompt) -> u32 {
        let is_affordable = |count: &u32| {
            let tokens = count * WIDENED_TOKENS;
            let tail = plain.recipe.tail();
            self.cost_model.share_of_document(tokens, tail, &plain.sequence, plain.document_tokens) <= MOST_SHARE
        };
        match reread {
            Reread::Auto => (1..=PASSAGES).rev().find(is_affordable).unwrap_or(0),
            Reread::On => PASSAGES,
            Reread::Off => 0,
            Reread::Passages(count) => count,
        }
    }

    /// The prompt with the passages before the question, as many as there is room for; `None` without any. Completes
    /// what `read_again` says.
    fn with_passages(
        &mut self,
        question: &Question,
        rereading: &Rereading,
        ground: &Ground,
        plain: &TokenizedPrompt,
        read_again: &mut ReadAgain,
    ) -> Option<TokenizedPrompt> {
        let mut chosen = std::mem::take(&mut read_again.passages);
        while !chosen.is_empty() {
            let passages = joined(&ground.text, &chosen);
            if passages.is_empty() {
                return None;
            }
            let mut prompt = question.prompt.clone();
            let text = told(&ground.text, &passages).into();
            let part = Part { text, origin: Origin::Text, segment: Segment::Tail };
            prompt.parts.insert(rereading.question_part, part);
            let tokenized = self.tokenize(&prompt, &question.recipe);
            if tokenized.sequence.len() + room_tokens(question, rereading) <= self.prompt_limit(&tokenized.recipe) {
                read_again.why_none = None;
                read_again.tokens = tokenized.sequence.len().saturating_sub(plain.sequence.len());
                read_again.passages = passages;
                return Some(tokenized);
            }
            read_again.why_none = Some(NoPassages::NoRoom);
            chosen.pop();
        }
        None
    }

    /// Prefills the prompt with passages. The counts and times of the job cover what was read first, too.
    fn prefill_with_passages(
        &mut self,
        tokenized: &TokenizedPrompt,
        is_second: bool,
        passage_tokens: u32,
        job: &mut Job,
    ) -> Result<Prefilled, Failure> {
        let (first, first_prefill) = (job.tokens, job.timings.prefill);
        let aim = if is_second { Aim::AnswerWithPassages } else { Aim::Answer };
        job.tokens.reread = passage_tokens;
        let prefilled = self.prefill(tokenized, aim, job)?;
        self.fleeting_tokens = self.fleeting_tokens.max(passage_tokens);
        if is_second {
            job.tokens.cached = first.cached;
            job.tokens.from_disk = first.from_disk;
            job.tokens.prefilled += first.prefilled;
            job.timings.prefill += first_prefill;
            job.timings.prefill_tokens_per_s = rate(job.tokens.prefilled, job.timings.prefill);
        }
        Ok(prefilled)
    }
}

/// Tokens of context that passages leave for the answer.
fn room_tokens(question: &Question, rereading: &Rereading) -> u32 {
    match rereading.reread {
        Reread::Auto => {
            question.limits.max_tokens.unwrap_or(u32::MAX).clamp(ANSWER_ROOM_TOKENS, ANSWER_ROOM_AUTO_TOKENS)
        }
        _ => ANSWER_ROOM_TOKENS,
    }
}

/// The question, without what is attached far behind it.
fn asked<'a>(question: &'a Question, rereading: &Rereading) -> &'a str {
    let asked = &question.prompt.parts[rereading.question_part].text;
    &asked[..asked.floor_char_boundary(MOST_QUESTION_BYTES)]
}

/// Drops the passages if none can be afforded, or if under `auto` the question points at none: it is about all of the
/// document, or neither attention (`is_strong`) nor words agree on one.
fn forget_unless(
    read_again: &mut ReadAgain,
    question: &Question,
    rereading: &Rereading,
    ground: &Ground,
    (most, is_strong): (u32, bool),
) {
    let asked = asked(question, rereading);
    let has_words = || has_its_words(&ground.text, asked, &read_again.passages, ground.bytes_of_passage());
    let is_pointed = || !asks_about_all(asked) && (is_strong || has_words());
    let is_dear = most == 0;
    if is_dear || read_again.passages.is_empty() || (rereading.reread == Reread::Auto && !is_pointed()) {
        read_again.why_none = Some(if is_dear { NoPassages::TooDear } else { NoPassages::NotPointed });
        read_again.passages.clear();
    }
}
