//! Verifies drafts: several tokens in one decode call, of which the ones that the model would have written are accepted.
//!
//! The token that was just written and the draft behind it are computed in one call, which gives logits for each of
//! them. Then the answer goes on as without a draft, token by token: the next one is sampled from the logits of the one
//! before it, with the same sampler, schema and limits. If it is the draft's next token, the cache has it already;
//! otherwise the rest of the draft is cut off, and a new call begins. So each token is drawn from the distribution that
//! the model has there, and what differs from an answer without drafts is the rounding of calls of other sizes.
//!
//! Example: behind ` It is a truth` the draft is ` universally acknowledged, that`. The model writes ` universally`,
//! ` acknowledged`, and then ` and`: one call computed two tokens of use, and two positions are cut off.
//!
//! The cache index holds a token of a draft only once the model has written it; so do snapshots and the next question. It
//! records each token as a call of its own, as without drafts: what differs is rounding. Blocks on disk are to hold exactly
//! what one reading computes, so once anything was drafted, a run keeps only documents there. Caches that can't be cut anywhere
//! get no drafts.
//!
//! Doesn't decide how long a draft is ([`super::draft`] does) or where it comes from ([`super::ngrams`]).

use std::time::Instant;

use super::cache_index::Token;
use super::draft::{CallCost, Drafter};
use super::job::Job;
use super::machine::{Decoded, Logits, MOST_LOGITS, Machine};
use super::message::{Drafting, Failure};
use super::ngrams::Occurrence;
use super::worker::Worker;
use crate::swaa::Attention;

/// The draft of the last decode call, and how much of it was accepted.
#[derive(Debug, Default)]
pub(super) struct Draft {
    tokens: Vec<Token>,
    accepted: usize,
}

impl Draft {
    /// Tokens that are computed and not written.
    pub(super) fn ahead(&self) -> u32 {
        (self.tokens.len() - self.accepted) as u32
    }

    /// Whether `token`, which was written, is the next of the draft; then it is accepted.
    fn accept(&mut self, token: Token) -> bool {
        let is_next = self.tokens.get(self.accepted) == Some(&token);
        self.accepted += usize::from(is_next);
        is_next
    }
}

/// What is known about drafts while an answer is written.
pub(super) struct Verifying {
    /// Of the answer's tokens.
    pub(super) decoding: Attention,
    max_tokens: Option<u32>,
    drafter: Drafter,
    pub(super) draft: Draft,
    /// Where the last tokens stood before.
    place: Option<Occurrence>,
}

impl Verifying {
    /// No drafts, for an answer that is not the first conversation's.
    pub(super) fn without_drafts(decoding: Attention, call_cost: CallCost) -> Self {
        let drafter = Drafter::new(Drafting::Off, call_cost);
        Self { decoding, max_tokens: None, drafter, draft: Draft::default(), place: None }
    }
}

impl<M: Machine> Worker<M> {
    /// Prepares for an answer behind what the cache holds.
    pub(super) fn begin_verifying(
        &mut self,
        drafting: Drafting,
        decoding: Attention,
        max_tokens: Option<u32>,
    ) -> Verifying {
        let drafting = if self.machine.cuts_anywhere() { drafting } else { Drafting::Off };
        if drafting != Drafting::Off {
            self.ngrams.follow(self.kv.sequence().tokens());
        }
        let drafter = Drafter::new(drafting, self.call_cost);
        Verifying { decoding, max_tokens, drafter, draft: Draft::default(), place: None }
    }

    /// Puts a token that was written into the cache, unless a draft has done so.
    pub(super) fn advance(
        &mut self,
        token: Token,
        verifying: &mut Verifying,
        job: &mut Job,
    ) -> Result<Decoded, Failure> {
        self.look_up(token, verifying);
        if verifying.draft.accept(token) {
            self.kv.push(&[token], &verifying.decoding);
            job.tokens.accepted += 1;
            return Ok(Decoded::Done);
        }
        self.drop_draft(verifying);
        let draft = self.next_draft(verifying, job);
        verifying.drafter.call_begins(draft.len(), Instant::now());
        let call: Vec<Token> = std::iter::once(token).chain(draft.iter().copied()).collect();
        let decoded = self.decode_answer(&call, Logits::OfEach, &verifying.decoding, job)?;
        if decoded == Decoded::Done {
            self.kv.push(&[token], &verifying.decoding);
            job.tokens.drafted += draft.len() as u32;
            self.has_drafted |= !draft.is_empty();
            verifying.draft = Draft { tokens: draft, accepted: 0 };
        }
        Ok(decoded)
    }

    /// Prepares for a call that other answers share: it has `token` and no draft.
    pub(super) fn go_without_draft(&mut self, token: Token, verifying: &mut Verifying) {
        self.look_up(token, verifying);
        self.drop_draft(verifying);
    }

    /// Computes tokens of the answer behind what the cache holds. If it fails or is interrupted, the cache is as before.
    pub(super) fn decode_answer(
        &mut self,
        tokens: &[Token],
        logits: Logits,
        attention: &Attention,
        job: &mut Job,
    ) -> Result<Decoded, Failure> {
        self.follow_load(job);
        self.make_way_for(tokens.len() as u32)?;
        let start = self.kv.len();
        // A call of one token is soon over. Where it can't be undone, interrupting it would cost the whole answer.
        let can_be_interrupted = tokens.len() > 1 || self.machine.cuts_anywhere();
        let interrupted = || can_be_interrupted && job.watch.stop().is_some();
        let decoded = self.machine.decode(tokens, start, attention, logits, &interrupted);
        if !matches!(decoded, Ok(Decoded::Done)) {
            self.recover();
        }
        decoded
    }

    /// Looks where the text, with `token` behind it, stood before, and learns from where it was looked up last.
    fn look_up(&mut self, token: Token, verifying: &mut Verifying) {
        if verifying.drafter.is_off() {
            return;
        }
        if let Some(place) = verifying.place.take() {
            let was_right = self.ngrams.after(place, 1) == [token];
            verifying.drafter.learn(&place, was_right);
        }
        self.ngrams.push(token);
        verifying.place = self.ngrams.find();
    }

    /// Takes tokens into the text that the model did not write.
    pub(super) fn look_up_behind(&mut self, tokens: &[Token], verifying: &mut Verifying) {
        verifying.place = None;
        if !verifying.drafter.is_off() {
            for &token in tokens {
                self.ngrams.push(token);
            }
        }
    }

    /// The tokens to draft behind the one that was just written; mostly none.
    fn next_draft(&self, verifying: &Verifying, job: &Job) -> Vec<Token> {
        let Some(place) = &verifying.place else { return Vec::new() };
        let size = verifying.drafter.size(place, self.room_for_draft(verifying, job), self.kv.len());
        let guessed = self.ngrams.after(*place, size).into_iter();
        guessed.take_while(|&token| !self.machine.ends_generation(token)).collect()
    }

    /// How many tokens behind the one that was just written can be of use and have room.
    fn room_for_draft(&self, verifying: &Verifying, job: &Job) -> usize {
        let of_call = self.batch_tokens().min(MOST_LOGITS).saturating_sub(1);
        let of_context = self.room_tokens().saturating_sub(1);
        // The last token of an answer needs no call.
        let to_write = verifying.max_tokens.map_or(u32::MAX, |most| most.saturating_sub(job.tokens.generated + 1));
        // So that positions are moved before the same token as without drafts.
        let to_move = self.tokens_to_move().saturating_sub(1);
        of_call.min(of_context).min(to_write).min(to_move) as usize
    }

    /// Cuts off what was drafted and not written.
    pub(super) fn drop_draft(&mut self, verifying: &mut Verifying) {
        let Draft { tokens, accepted } = std::mem::take(&mut verifying.draft);
        verifying.drafter.call_ended(accepted, Instant::now());
        if tokens.len() > accepted {
            self.cut_draft();
        }
    }
}
