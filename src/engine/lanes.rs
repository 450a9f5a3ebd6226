//! Answers several questions at the same time, whose prompts begin with the same document.
//!
//! The first one is answered in the first conversation of the cache, as if it were alone. While its answer is written, questions that wait
//! become its guests: each shares the cells of what its prompt has in common with the first conversation, reads the rest in chunks, and then
//! all answers go on by one token in each decode call. A guest leaves with the end of its answer. When all are gone, the cache
//! holds the first conversation alone.
//!
//! ```text
//! first   document | question | answer ...........................
//! guest 1          |-- shared |   question | answer .......... end
//! guest 2          |-- shared |              que-sti-on | answer ......
//!                               one call:  first + 1        first + 1 + 2
//! ```
//!
//! Example: four clients ask about a book of 160,000 tokens. It is read once; each prefills the 40 tokens of its own question. A call
//! with four tokens reads the weights once.
//!
//! - *Who may join*: questions that read and answer under full attention, that have the same adapters, no passages to read again and a
//!   maximum of tokens, and whose document the first conversation holds. The others wait until the last answer has ended.
//! - *In which order*: that of their commands. Nobody overtakes a question that can't join, so that one about another document waits for the
//!   answers that are being written and not for those that come later.
//! - *Room*: a guest is let in if the cells for its question and its longest answer are free, and keeps them.
//! - *Chunks*: between two calls that write, one question is read on by an eighth of a batch, so that no answer waits longer than that takes.
//!   While nobody writes, by a whole batch.
//!
//! An answer is the same as alone but for rounding: sums are rounded differently in calls of another size.
//!
//! Doesn't decide which questions are given to the engine: the server's queue does.

use std::time::Instant;

use super::cache_index::Token;
use super::generate::{Answering, Next, Standing, Writing};
use super::job::{Job, rate};
use super::machine::{Decoded, Guest, Machine, NextToken};
use super::message::{CancelToken, Command, Event, Failure, Finish, JobId, Question, Reread, Segment, TokenCounts};
use super::tokenized_prompt::TokenizedPrompt;
use super::verify::Verifying;
use super::worker::{Goal, Worker};
use crate::swaa::Attention;

/// What part of a batch is read of a question between two calls that write.
const CHUNKS_PER_BATCH: u32 = 8;

/// Cells for what an answer may have beside its tokens: twice what asks for it, and the room that is left for it behind its reasoning.
const SLACK_TOKENS: u32 = 256;

/// The answers that are being written.
struct Group<M: Machine> {
    lanes: Vec<Lane<M>>,
    door: Door,
}

/// One of them.
struct Lane<M: Machine> {
    seat: Seat,
    answering: Answering<M>,
    next: Result<Next, Failure>,
}

/// Where it is in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seat {
    /// It is the first conversation.
    First,
    Guest(Place),
}

/// A guest's part of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    guest: Guest,
    /// How many positions it has in common with the first conversation.
    shared: u32,
    /// Positions that the cache holds.
    len: u32,
    /// Cells that are kept for it, the shared ones not counted.
    cells: u32,
}

impl Place {
    fn room_tokens(self) -> u32 {
        self.cells.saturating_sub(self.len - self.shared)
    }
}

/// Whether others can join.
enum Door {
    Open,
    /// This one as soon as there is room.
    Waits(Box<Applicant>),
    /// The next command is none that can join.
    Closed,
}

/// A question that may join.
struct Applicant {
    question: Question,
    tokenized: TokenizedPrompt,
    shared: u32,
    cells: u32,
}

impl<M: Machine> Lane<M> {
    fn is_over(&self) -> bool {
        matches!(self.next, Ok(Next::Ended(_)) | Err(_))
    }

    fn takes_token(&self) -> Option<Token> {
        if let Ok(Next::Token(token)) = self.next { Some(token) } else { None }
    }

    /// How many positions it may still take from the context if it is the first; a guest's are kept for it.
    fn tokens_to_come(&self) -> u32 {
        let Self { seat, answering, .. } = self;
        match (seat, answering.writing.max_tokens()) {
            (Seat::Guest(_), _) => 0,
            (Seat::First, None) => u32::MAX,
            (Seat::First, Some(most)) => {
                most.saturating_sub(answering.job.tokens.generated).saturating_add(SLACK_TOKENS)
            }
        }
    }
}

impl<M: Machine> Group<M> {
    fn has(&self, job: JobId) -> bool {
        self.lanes.iter().any(|lane| lane.answering.job.id == job)
    }

    fn is_one_alone(&self) -> bool {
        matches!(&self.lanes[..], [lane] if lane.seat == Seat::First)
    }

    fn free_guest(&self) -> Guest {
        let is_taken = |number: u32| {
            self.lanes.iter().any(|lane| matches!(lane.seat, Seat::Guest(place) if place.guest == Guest(number)))
        };
        let numbers = 1..=self.lanes.len() as u32 + 1;
        Guest(numbers.into_iter().find(|number| !is_taken(*number)).expect("there are more numbers than guests"))
    }
}

impl<M: Machine> Worker<M> {
    /// Writes the answer of `first` and of those that join it, until the last one has ended.
    pub(super) fn answer_all(&mut self, first: Answering<M>) {
        let takes_guests = first.writing.verifying.decoding == Attention::Full && self.bounded.is_none();
        let most = if takes_guests { self.machine.guests() as usize } else { 0 };
        let mut first = Lane { seat: Seat::First, answering: first, next: Ok(Next::Prompt) };
        self.go_on(&mut first, 0);
        let mut group = Group { lanes: vec![first], door: Door::Open };
        while !group.lanes.is_empty() {
            self.let_in(&mut group, most);
            self.read_some(&mut group);
            if group.is_one_alone() {
                self.advance_alone(&mut group.lanes[0]);
            } else {
                self.append_cues(&mut group);
                self.advance_together(&mut group);
            }
            self.see_off(&mut group);
        }
        if let Door::Waits(applicant) = group.door {
            self.inbox.put_back(Command::Ask(applicant.question));
        }
    }

    // --- who joins -----------------------------------------------------------------------------------------------------

    /// Lets in those who wait, in their order.
    fn let_in(&mut self, group: &mut Group<M>, most: usize) {
        while group.lanes.len() < most {
            group.door = match std::mem::replace(&mut group.door, Door::Open) {
                door @ (Door::Open | Door::Closed) => match self.look_outside(group, matches!(door, Door::Closed)) {
                    Some(door @ Door::Waits(_)) => door,
                    door => return group.door = door.unwrap_or(Door::Open),
                },
                Door::Waits(applicant) if applicant.question.cancel.is_cancelled() => {
                    self.tell_cancelled(&applicant.question);
                    Door::Open
                }
                Door::Waits(applicant) if applicant.cells > self.free_cells(group) => {
                    return group.door = Door::Waits(applicant);
                }
                Door::Waits(applicant) => {
                    self.seat(*applicant, group);
                    Door::Open
                }
            };
        }
    }

    /// Who comes next? Whoever was stopped meanwhile is told so, and what takes no time is done. `None`: nobody is there.
    fn look_outside(&mut self, group: &Group<M>, mut is_closed: bool) -> Option<Door> {
        loop {
            if self.ends_stopped_outside() {
                is_closed = false;
                continue;
            }
            match self.inbox.peek()? {
                Command::AnswerNow { job } if group.has(*job) => return None,
                Command::Forecast { recipe, .. } if recipe.adapters != self.adapted => return Some(Door::Closed),
                Command::AnswerNow { .. } | Command::Count { .. } | Command::Forecast { .. } => {}
                Command::Ask(_) if !is_closed => {}
                _ => return Some(Door::Closed),
            }
            is_closed = false;
            match self.inbox.take()? {
                Command::Count { job, texts } => self.count(job, &texts),
                Command::Forecast { job, prompt, recipe } => self.tell_forecast(job, &prompt, &recipe),
                Command::Ask(question) => return Some(self.applies(question)),
                // Its answer has already ended.
                _ => {}
            }
        }
    }

    /// Ends the next command if it was stopped meanwhile: what comes behind it does not wait for it.
    fn ends_stopped_outside(&mut self) -> bool {
        let is_stopped = self.inbox.peek().and_then(Command::cancel).is_some_and(CancelToken::is_cancelled);
        let Some(command) = is_stopped.then(|| self.inbox.take()).flatten() else { return false };
        let has_ended = self.ends_stopped(&command);
        if !has_ended {
            self.inbox.put_back(command);
        }
        has_ended
    }

    /// Whether `question` may join.
    fn applies(&mut self, question: Question) -> Door {
        if let Some((tokenized, shared, cells)) = self.fits_in(&question) {
            return Door::Waits(Box::new(Applicant { question, tokenized, shared, cells }));
        }
        self.inbox.put_back(Command::Ask(question));
        Door::Closed
    }

    /// The prompt of a question that may join, how many positions it shares, and the cells for the rest and its longest answer.
    fn fits_in(&mut self, question: &Question) -> Option<(TokenizedPrompt, u32, u32)> {
        let reads_again = question.rereading.as_ref().is_some_and(|it| it.reread != Reread::Off || it.given.is_some());
        let has_front = question.prompt.parts.iter().any(|part| part.segment == Segment::Front);
        let most_tokens = question.limits.max_tokens?;
        if reads_again || has_front || question.recipe.adapters != self.adapted || self.kv.gap().is_some() {
            return None;
        }
        self.refuse_endless(&question.prompt, &question.recipe).ok()?;
        let tokenized = self.tokenize(&question.prompt, &question.recipe);
        let (recipe, prompt_tokens) = (&tokenized.recipe, tokenized.sequence.len());
        let is_full = [recipe.tail(), recipe.decoding()] == [&Attention::Full; 2];
        let shared = self.reusable_positions(&self.kv, &tokenized, Goal::ANSWER);
        let is_read = shared >= tokenized.document_tokens && shared < prompt_tokens;
        if !is_full || !is_read || prompt_tokens >= self.context_limit() {
            return None;
        }
        let end = prompt_tokens.saturating_add(most_tokens).saturating_add(SLACK_TOKENS).min(self.context_limit());
        Some((tokenized, shared, end - shared))
    }

    /// Cells that nobody has or will need.
    fn free_cells(&self, group: &Group<M>) -> u32 {
        let room = self.machine.context_tokens().saturating_sub(self.kv.len() + self.guest_cells);
        let to_limit = self.context_limit().saturating_sub(self.kv.len());
        let to_come = group.lanes.iter().map(|lane| lane.tokens_to_come().min(to_limit)).max().unwrap_or(0);
        room.saturating_sub(to_come)
    }

    /// The question gets its place in the cache, and is answered from now on.
    fn seat(&mut self, applicant: Applicant, group: &mut Group<M>) {
        let Applicant { question, tokenized, shared, cells } = applicant;
        let guest = group.free_guest();
        if let Err(failure) = self.machine.share(guest, shared) {
            return self.tell(Event::Failed { job: question.job, failure });
        }
        self.guest_cells += cells;
        // What is read for a guest is no cost of a draft.
        for lane in group.lanes.iter_mut().filter(|lane| lane.seat == Seat::First) {
            self.drop_draft(&mut lane.answering.writing.verifying);
        }
        let mut job = Job::new(question.job, question.cancel.clone(), question.limits.time);
        job.tokens = TokenCounts {
            document: tokenized.document_tokens,
            prompt: tokenized.sequence.len(),
            cached: shared,
            ..TokenCounts::default()
        };
        self.tell(Event::Planned { job: job.id, plan: self.plan(&tokenized, shared) });
        let sampler = self.machine.start_sampling(&question.sampling, tokenized.sequence.tokens());
        let verifying = Verifying::without_drafts(tokenized.recipe.decoding().clone(), self.call_cost);
        let writing = Writing::new(&question, sampler, verifying);
        let answering = Answering { job, tokenized, writing, prefilled: Instant::now() };
        let seat = Seat::Guest(Place { guest, shared, len: shared, cells });
        group.lanes.push(Lane { seat, answering, next: Ok(Next::Prompt) });
    }

    // --- how they go on ------------------------------------------------------------------------------------------------

    /// From an answer's newest scores to its next token.
    fn go_on(&mut self, lane: &mut Lane<M>, others_after: u32) {
        let room_tokens = self.room_of(lane.seat);
        let Answering { writing, job, .. } = &mut lane.answering;
        lane.next = self.turn(writing, job, Standing { others_after, room_tokens });
    }

    fn room_of(&self, seat: Seat) -> u32 {
        match seat {
            Seat::First => self.room_tokens(),
            Seat::Guest(place) => place.room_tokens(),
        }
    }

    /// Reads a chunk of the first question that is not read yet.
    fn read_some(&mut self, group: &mut Group<M>) {
        let is_written = group.lanes.iter().any(|lane| lane.takes_token().is_some());
        let chunk = if is_written { (self.batch_tokens() / CHUNKS_PER_BATCH).max(1) } else { self.batch_tokens() };
        let is_read = |lane: &&mut Lane<M>| matches!(lane.next, Ok(Next::Prompt));
        if let Some(lane) = group.lanes.iter_mut().find(is_read)
            && let Seat::Guest(place) = &mut lane.seat
        {
            lane.next = self.read_chunk(place, &mut lane.answering, chunk);
        }
    }

    fn read_chunk(&mut self, place: &mut Place, answering: &mut Answering<M>, limit: u32) -> Result<Next, Failure> {
        let Answering { job, tokenized, writing, prefilled } = answering;
        if let Some(finish) = job.watch.stop() {
            return Ok(Next::Ended(finish));
        }
        let sequence = &tokenized.sequence;
        let (tokens, attention) = sequence.chunk_from(place.len, limit).expect("at least its last token is not shared");
        self.follow_load(job);
        let started = Instant::now();
        let interrupted = || job.watch.stop().is_some();
        let decoded = self.machine.decode_guest(place.guest, tokens, place.len, attention, &interrupted)?;
        if decoded == Decoded::Interrupted {
            self.machine.cut_guest(place.guest, place.len);
            return Ok(Next::Prompt);
        }
        place.len += tokens.len() as u32;
        job.tokens.prefilled += tokens.len() as u32;
        job.timings.prefill = prefilled.elapsed();
        let tokens_per_s = rate(tokens.len() as u32, started.elapsed());
        self.tell_progress(sequence, place.len, job, *prefilled, tokens_per_s);
        if place.len < sequence.len() {
            return Ok(Next::Prompt);
        }
        job.timings.prefill_tokens_per_s = rate(job.tokens.prefilled, job.timings.prefill);
        *prefilled = Instant::now();
        self.check_logits()?;
        self.turn(writing, job, Standing { others_after: 0, room_tokens: place.room_tokens() })
    }

    /// Goes on with the first conversation as if there never were others: with drafts, and so that its calls can be interrupted.
    fn advance_alone(&mut self, lane: &mut Lane<M>) {
        let Answering { writing, job, .. } = &mut lane.answering;
        let decoded = match &lane.next {
            Ok(Next::Token(token)) => self.advance(*token, &mut writing.verifying, job),
            Ok(Next::Cue(cue)) => self.append(cue, writing, job),
            Ok(Next::Prompt | Next::Ended(_)) | Err(_) => return,
        };
        match decoded {
            Ok(Decoded::Done) => {
                let ahead = lane.answering.writing.verifying.draft.ahead();
                self.go_on(lane, ahead);
            }
            Ok(Decoded::Interrupted) => lane.next = Ok(Next::Ended(job.watch.stop().unwrap_or(Finish::Cancelled))),
            Err(failure) => lane.next = Err(failure),
        }
    }

    /// Puts what asks for answers into the cache.
    fn append_cues(&mut self, group: &mut Group<M>) {
        for lane in &mut group.lanes {
            while let Ok(Next::Cue(cue)) = &lane.next {
                let cue = cue.clone();
                match self.append_cue(&cue, lane) {
                    Ok(Decoded::Done) => self.go_on(lane, 0),
                    Ok(Decoded::Interrupted) => {
                        lane.next = Ok(Next::Ended(lane.answering.job.watch.stop().unwrap_or(Finish::Cancelled)));
                    }
                    Err(failure) => lane.next = Err(failure),
                }
            }
        }
    }

    fn append_cue(&mut self, cue: &[Token], lane: &mut Lane<M>) -> Result<Decoded, Failure> {
        let Answering { writing, job, .. } = &mut lane.answering;
        let Seat::Guest(place) = &mut lane.seat else { return self.append(cue, writing, job) };
        for chunk in cue.chunks(self.batch_tokens() as usize) {
            let attention = &writing.verifying.decoding;
            let interrupted = || job.watch.stop().is_some();
            if self.machine.decode_guest(place.guest, chunk, place.len, attention, &interrupted)?
                == Decoded::Interrupted
            {
                return Ok(Decoded::Interrupted);
            }
            place.len += chunk.len() as u32;
            job.tokens.asking += chunk.len() as u32;
        }
        Ok(Decoded::Done)
    }

    /// All answers go on by a token, in one call.
    fn advance_together(&mut self, group: &mut Group<M>) {
        let mut writers: Vec<(&mut Lane<M>, Token)> = Vec::new();
        writers.extend(group.lanes.iter_mut().filter_map(|lane| lane.takes_token().map(|token| (lane, token))));
        let next: Vec<NextToken> = writers.iter_mut().map(|(lane, token)| self.next_token(lane, *token)).collect();
        let Some((first, _)) = writers.first_mut() else { return };
        self.follow_load(&mut first.answering.job);
        if let Err(failure) = self.machine.decode_each(&next) {
            self.recover();
            return writers.iter_mut().for_each(|(lane, _)| lane.next = Err(failure.clone()));
        }
        let calls = next.len() as u32;
        for (lane, token) in &mut writers {
            match &mut lane.seat {
                Seat::First => self.kv.push_shared(*token, &Attention::Full, calls),
                Seat::Guest(place) => place.len += 1,
            }
        }
        for ((lane, _), others_after) in writers.iter_mut().zip((0..calls).rev()) {
            self.go_on(lane, others_after);
        }
    }

    fn next_token(&mut self, lane: &mut Lane<M>, token: Token) -> NextToken {
        match lane.seat {
            Seat::First => {
                self.go_without_draft(token, &mut lane.answering.writing.verifying);
                NextToken { guest: None, position: self.kv.len(), token }
            }
            Seat::Guest(place) => NextToken { guest: Some(place.guest), position: place.len, token },
        }
    }

    /// Tells of the answers that have ended, and gives back what they had of the cache.
    fn see_off(&mut self, group: &mut Group<M>) {
        let over: Vec<Lane<M>> = group.lanes.extract_if(.., |lane| lane.is_over()).collect();
        for Lane { seat, mut answering, next } in over {
            let is_read = match seat {
                Seat::First => {
                    self.drop_draft(&mut answering.writing.verifying);
                    true
                }
                Seat::Guest(place) => {
                    self.machine.cut_guest(place.guest, 0);
                    self.guest_cells -= place.cells;
                    place.len >= answering.tokenized.sequence.len()
                }
            };
            match next {
                Ok(Next::Ended(finish)) if is_read => self.conclude(answering, seat == Seat::First, finish),
                Ok(Next::Ended(finish)) => self.tell_answered(&answering.job, answering.tokenized.recipe, finish, None),
                Err(failure) => self.tell(Event::Failed { job: answering.job.id, failure }),
                Ok(_) => {}
            }
        }
    }
}
