//! Measures how probable the model finds an answer that is given.
//!
//! The prompt is prefilled as for a question, passages that are read again included. The answer's tokens are then computed in
//! one call, or a few, and the scores of each position say how probable the token is that follows. Nothing is generated.
//!
//! Example: " 4821397." is ten tokens behind a prompt of 31,000. The scores behind the prompt weigh the first, and one call of
//! nine tokens weighs the others: as much work as to generate one or two, and ten numbers in place of a right or wrong.
//!
//! What was computed stays in the cache, as an answer does, until the next job cuts it.

use std::sync::Arc;

use super::cache_index::Token;
use super::job::Job;
use super::machine::{Decoded, Logits, MOST_LOGITS, Machine};
use super::message::{Event, Failure, FailureKind, Origin, Part, Question, Segment, WeighedToken, Weight};
use super::worker::{Prefilled, Worker};
use crate::swaa::{Attention, Recipe};
use crate::units::count;

/// `None` instead of tokens: it was stopped.
type Weighed = (Recipe, Option<Vec<WeighedToken>>);

impl<M: Machine> Worker<M> {
    /// Weighs `answer` behind the prompt of `question`.
    pub(super) fn weigh(&mut self, question: &Question, answer: Arc<str>) {
        if let Err(failure) = self.refuse_endless(&question.prompt, &question.recipe) {
            return self.tell(Event::Failed { job: question.job, failure });
        }
        let mut job = self.begin(question.job, question.cancel.clone(), question.limits.time);
        let outcome = self.prefill_and_weigh(question, answer, &mut job);
        self.threads.after_job();
        match outcome {
            Ok((recipe, tokens)) => {
                self.tell_notes(job.id);
                let figures = Box::new(self.figures(&job, recipe));
                let (stopped, tokens) = (tokens.is_none(), tokens.unwrap_or_default());
                self.tell(Event::Weighed { job: job.id, stopped, tokens, figures });
            }
            Err(failure) => self.tell(Event::Failed { job: job.id, failure }),
        }
    }

    fn prefill_and_weigh(&mut self, question: &Question, answer: Arc<str>, job: &mut Job) -> Result<Weighed, Failure> {
        let (tokenized, prefilled) = self.prefill_question(question, job)?;
        if prefilled != Prefilled::Whole {
            return Ok((tokenized.recipe, None));
        }
        self.check_logits()?;
        let tokens = self.tokenize_behind(&[Part { text: answer, origin: Origin::Text, segment: Segment::Tail }]);
        if tokens.len() as u32 > self.room_tokens() {
            return Err(no_room(tokens.len() as u32, self.room_tokens()));
        }
        let Some(weights) = self.weigh_tokens(&tokens, tokenized.recipe.decoding(), job)? else {
            return Ok((tokenized.recipe, None));
        };
        let bytes_of = |token: Token| self.machine.token_bytes(token, false).len();
        let weighed = |(&token, weight)| WeighedToken { bytes: bytes_of(token), weight };
        let tokens = tokens.iter().zip(weights).map(weighed).collect();
        Ok((tokenized.recipe, Some(tokens)))
    }

    /// The weights of tokens that follow what the cache holds; `None` if the job was stopped.
    fn weigh_tokens(
        &mut self,
        tokens: &[Token],
        attention: &Attention,
        job: &mut Job,
    ) -> Result<Option<Vec<Weight>>, Failure> {
        let most = MOST_LOGITS.min(self.batch_tokens()) as usize;
        let mut weights = self.machine.weigh(&tokens[..tokens.len().min(1)])?;
        while weights.len() < tokens.len() {
            let (start, from) = (self.kv.len(), weights.len());
            let to = tokens.len().min(from + most);
            let before = &tokens[from - 1..to - 1];
            self.follow_load(job);
            self.make_way_for(before.len() as u32)?;
            let decoded = self.machine.decode(before, start, attention, Logits::OfEach, &|| job.watch.stop().is_some());
            if !matches!(decoded, Ok(Decoded::Done)) {
                self.recover();
                decoded?;
                return Ok(None);
            }
            self.kv.push(before, attention);
            weights.extend(self.machine.weigh(&tokens[from..to])?);
        }
        Ok(Some(weights))
    }
}

fn no_room(need: u32, have: u32) -> Failure {
    let message =
        format!("the answer to weigh has {} tokens, and the context has room for {}", count(need), count(have));
    Failure::new(FailureKind::DoesNotFit, message, Some("raise -c".to_owned()))
}
