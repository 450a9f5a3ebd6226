//! Decides how many tokens to draft: to guess from what followed the last tokens before, and to verify in one decode call.
//!
//! A call with several tokens costs less than one call each, but more than a call with one. So a draft is worth it only
//! if enough of it is accepted. Two things are known before each call:
//!
//! - *What is accepted*: how often a place with so many equal tokens before it told the next token. It is counted at every
//!   token of the answer, whether a draft was made or not: so an answer that doesn't quote learns at no cost that three
//!   equal tokens mean little, and one that quotes that they mean much.
//! - *What a call costs* ([`CallCost`]): measured once on a CPU (`benches/results/draft.md`), assumed for a GPU. Not in this
//!   run, so that the load of the machine doesn't decide how the tokens of an answer are grouped into calls: the group
//!   decides about the rounding, and the same question is to get the same answer.
//!
//! Example: on a CPU, a call with 12 tokens takes as long as 3.5 calls with one. After 12 equal tokens each guess is right
//! in nine of ten cases, 6.2 of 11 are accepted, and the call brings 7.2 tokens in the time of 3.5. After three equal tokens it
//! would bring 2.1, and is not made.
//!
//! What the table can't know, such as a device that is many times slower with several tokens, or a load that is, shows in the time that calls
//! take ([`Ledger`]): there are no drafts while they have cost more than 3% of the answer's time and eight calls.
//!
//! Doesn't look for places ([`super::ngrams`] does) or verify anything ([`super::verify`] does).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::message::{self, Drafting};
use super::ngrams::{Occurrence, SHORTEST_TOKENS};

const LONGEST_DRAFT: usize = message::LONGEST_DRAFT as usize;

/// The sizes of a draft that are considered: kernels compute tokens by fours, and llama.cpp keeps the graph of a call for the
/// next one of the same size.
const SIZES: [usize; 4] = [3, 7, 11, LONGEST_DRAFT];

/// How much faster a call with a draft has to be expected to be.
const WORTH_IT: f32 = 1.1;

// --- what is accepted ----------------------------------------------------------------------------------------------------

/// How often a place told the next token, by the number of equal tokens before it, and by whether other places that are
/// as good told another.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Hits {
    /// The least number of equal tokens.
    from_tokens: usize,
    /// If all places agree, and if not.
    counts: [Count; 2],
}

/// How often it was right, and how often there was something to be right about. Older cases count less.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Count {
    right: f32,
    cases: f32,
}

/// What is assumed before anything is counted weighs as much as so many cases.
const ASSUMED_CASES: f32 = 4.0;

/// Each new case reduces the weight of the older ones by this factor: an answer quotes here and not there.
const MEMORY: f32 = 0.93;

impl Count {
    const fn assumed(share: f32) -> Self {
        Self { right: share * ASSUMED_CASES, cases: ASSUMED_CASES }
    }

    fn share(self) -> f32 {
        self.right / self.cases
    }

    fn add(&mut self, was_right: bool) {
        self.right = self.right * MEMORY + f32::from(u8::from(was_right));
        self.cases = self.cases * MEMORY + 1.0;
    }
}

/// The chances of guesses.
#[derive(Debug, Clone, PartialEq)]
struct Chances([Hits; 5]);

impl Default for Chances {
    fn default() -> Self {
        let hits = |from_tokens, agreeing, ambiguous| Hits {
            from_tokens,
            counts: [Count::assumed(agreeing), Count::assumed(ambiguous)],
        };
        Self([
            hits(SHORTEST_TOKENS, 0.4, 0.2),
            hits(4, 0.5, 0.3),
            hits(5, 0.65, 0.4),
            hits(7, 0.8, 0.5),
            hits(11, 0.9, 0.6),
        ])
    }
}

impl Chances {
    fn row_of(&self, equal_tokens: usize) -> usize {
        self.0.partition_point(|hits| hits.from_tokens <= equal_tokens).saturating_sub(1)
    }

    fn count_of(&self, equal_tokens: usize, is_ambiguous: bool) -> Count {
        self.0[self.row_of(equal_tokens)].counts[usize::from(is_ambiguous)]
    }

    fn add(&mut self, place: &Occurrence, was_right: bool) {
        let row = self.row_of(place.equal_tokens);
        self.0[row].counts[usize::from(place.is_ambiguous)].add(was_right);
    }

    /// How many tokens of a draft of `size` are expected to be accepted. With each of them the match is longer by one, and
    /// places that disagreed are no longer as good.
    fn expected(&self, place: &Occurrence, size: usize) -> f32 {
        let (mut chance, mut accepted) = (1.0, 0.0);
        for index in 0..size {
            chance *= self.count_of(place.equal_tokens + index, place.is_ambiguous && index == 0).share();
            accepted += chance;
        }
        accepted
    }
}

// --- what a call costs -----------------------------------------------------------------------------------------------

/// What a call with several tokens costs, as a multiple of a call with one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct CallCost {
    /// With 1, 4, 8, 12 and 16 tokens, where the weights are what takes time.
    weights: [f32; 5],
    /// At which depth the attention of a single token takes as long as its weights, where each token of a call reads all
    /// keys by itself; `None` where they are read together.
    keys_as_weights_tokens: Option<f32>,
}

/// Between these numbers of tokens, the cost is on a line.
const KNOTS: [f32; 5] = [1.0, 4.0, 8.0, 12.0, 16.0];

impl CallCost {
    /// Qwen2.5-Coder-0.5B in `Q4_K_M` on one thread of a Xeon with AVX-512 VNNI.
    pub(super) const CPU: Self = Self { weights: [1.0, 2.1, 3.0, 3.5, 4.0], keys_as_weights_tokens: None };

    /// Assumed, not measured: weights are read once for all tokens of a call.
    pub(super) const GPU: Self = Self { weights: [1.0, 1.15, 1.35, 1.55, 1.75], keys_as_weights_tokens: None };

    /// The same where each token reads the keys by itself: a quantised cache on a CPU.
    pub(super) const fn with_keys_read_singly(self, keys_as_weights_tokens: f32) -> Self {
        Self { keys_as_weights_tokens: Some(keys_as_weights_tokens), ..self }
    }

    /// A call with `tokens` tokens behind `depth` others.
    fn of(&self, tokens: usize, depth: u32) -> f32 {
        let tokens = tokens as f32;
        let upper = KNOTS.partition_point(|&knot| knot < tokens).clamp(1, KNOTS.len() - 1);
        let (from, to) = (KNOTS[upper - 1], KNOTS[upper]);
        let (low, high) = (self.weights[upper - 1], self.weights[upper]);
        let weights = low + (high - low) * (tokens - from) / (to - from);
        let keys = self.keys_as_weights_tokens.map_or(0.0, |as_weights| depth as f32 / as_weights);
        (weights + tokens * keys) / (1.0 + keys)
    }
}

// --- what it has come to ---------------------------------------------------------------------------------------------

/// The time that the calls of this answer took, with a draft and without.
#[derive(Debug, Default)]
struct Ledger {
    /// Of the last calls without a draft.
    single: VecDeque<Duration>,
    /// What drafts cost beyond what their tokens would have cost one by one, in seconds; below zero, what they saved.
    lost_s: f64,
    all_s: f64,
    /// The call that runs, since when, and how many tokens it has beside the first.
    running: Option<(Instant, usize)>,
}

/// How many of the last calls are looked at: another program may disturb some.
const SINGLE_CALLS: usize = 9;

/// The most that drafts may cost: this share of the answer's time, and as many calls, which is bad luck.
const MOST_LOST: f64 = 0.03;
const MOST_LOST_CALLS: f64 = 8.0;

impl Ledger {
    fn median_single_s(&self) -> Option<f64> {
        let mut sorted: Vec<Duration> = self.single.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).map(Duration::as_secs_f64)
    }

    /// The running call has ended; `accepted` tokens of its draft were accepted.
    fn end(&mut self, accepted: usize, now: Instant) {
        let Some((since, drafted)) = self.running.take() else { return };
        let took = now - since;
        self.all_s += took.as_secs_f64();
        if drafted == 0 {
            self.single.push_back(took);
            if self.single.len() > SINGLE_CALLS {
                self.single.pop_front();
            }
        } else if let Some(single_s) = self.median_single_s() {
            self.lost_s += took.as_secs_f64() - single_s * (1 + accepted) as f64;
        }
    }

    fn has_cost_too_much(&self) -> bool {
        let single_s = self.median_single_s().unwrap_or(0.0);
        self.lost_s > MOST_LOST * self.all_s + MOST_LOST_CALLS * single_s
    }
}

// --- the decision ----------------------------------------------------------------------------------------------------

/// Decides about the drafts of one answer.
#[derive(Debug)]
pub(super) struct Drafter {
    drafting: Drafting,
    cost: CallCost,
    chances: Chances,
    ledger: Ledger,
}

/// The first calls of an answer have no draft: what a call with one token takes has to be known.
const CALLS_TO_TIME: usize = 2;

impl Drafter {
    pub(super) fn new(drafting: Drafting, cost: CallCost) -> Self {
        Self { drafting, cost, chances: Chances::default(), ledger: Ledger::default() }
    }

    pub(super) fn is_off(&self) -> bool {
        self.drafting == Drafting::Off
    }

    /// Learns whether `place` told the next token.
    pub(super) fn learn(&mut self, place: &Occurrence, was_right: bool) {
        self.chances.add(place, was_right);
    }

    /// How many tokens to draft from `place`, at most `room`; the next call is behind `depth` tokens.
    pub(super) fn size(&self, place: &Occurrence, room: usize, depth: u32) -> usize {
        match self.drafting {
            Drafting::Off => 0,
            Drafting::Tokens(count) => LONGEST_DRAFT.min(count as usize).min(room),
            Drafting::Auto if self.ledger.single.len() < CALLS_TO_TIME || self.ledger.has_cost_too_much() => 0,
            Drafting::Auto => self.best_size(place, room, depth),
        }
    }

    fn best_size(&self, place: &Occurrence, room: usize, depth: u32) -> usize {
        let gain = |size: usize| (1.0 + self.chances.expected(place, size)) / self.cost.of(1 + size, depth);
        let sizes = SIZES.into_iter().map(|size| size.min(room)).filter(|&size| size > 0);
        let best = sizes.map(|size| (size, gain(size))).max_by(|one, other| one.1.total_cmp(&other.1));
        best.filter(|(_, gain)| *gain >= WORTH_IT).map_or(0, |(size, _)| size)
    }

    /// A call with a draft of `drafted` tokens begins.
    pub(super) fn call_begins(&mut self, drafted: usize, now: Instant) {
        self.ledger.running = Some((now, drafted));
    }

    /// The call before is over, and so is what was done with its tokens: `accepted` of its draft were accepted.
    pub(super) fn call_ended(&mut self, accepted: usize, now: Instant) {
        self.ledger.end(accepted, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cache_index::Token;
    use crate::engine::ngrams::NgramIndex;

    /// A place with so many equal tokens before it.
    fn place(equal_tokens: i32) -> Occurrence {
        let mut index = NgramIndex::default();
        let text: Vec<i32> = (0..equal_tokens).chain([90, 91]).chain(0..equal_tokens).collect();
        index.follow(&text.into_iter().map(Token).collect::<Vec<_>>());
        index.find().expect("it stood before")
    }

    fn timed(cost: CallCost) -> Drafter {
        let mut drafter = Drafter::new(Drafting::Auto, cost);
        let now = Instant::now();
        for call in 0..CALLS_TO_TIME as u32 {
            run(&mut drafter, 0, 0, now, call, 10);
        }
        drafter
    }

    /// A call that takes `took_ms`, the one after `before` others of 10 ms.
    fn run(drafter: &mut Drafter, guessed: usize, accepted: usize, now: Instant, before: u32, took_ms: u64) {
        let began = now + Duration::from_millis(10) * before;
        drafter.call_begins(guessed, began);
        drafter.call_ended(accepted, began + Duration::from_millis(took_ms));
    }

    #[test]
    fn a_longer_match_gets_a_longer_draft_and_a_short_one_none() {
        let drafter = timed(CallCost::CPU);
        let sizes = [3, 4, 5, 7, 12, 30].map(|equal| drafter.size(&place(equal), 15, 1000));
        assert_eq!(sizes, [0, 0, 3, 11, 11, 11]);
        assert_eq!(drafter.size(&place(30), 5, 1000), 5, "no longer than there is room for");
        let gpu = timed(CallCost::GPU);
        assert!([3, 4, 5].iter().all(|&equal| gpu.size(&place(equal), 15, 1000) > 0), "where tokens cost little");
    }

    #[test]
    fn an_answer_teaches_what_a_match_is_worth() {
        let mut drafter = timed(CallCost::CPU);
        let (short, long) = (place(3), place(12));
        for _ in 0..8 {
            drafter.learn(&short, true);
            drafter.learn(&place(4), true);
            drafter.learn(&place(5), true);
            drafter.learn(&place(7), true);
        }
        assert!(drafter.size(&short, 15, 1000) >= 7, "an answer that quotes");
        for _ in 0..40 {
            drafter.learn(&long, false);
        }
        assert_eq!(drafter.size(&long, 15, 1000), 0, "an answer that begins like the text and goes on otherwise");
    }

    #[test]
    fn a_call_costs_what_the_table_says_and_more_where_keys_are_read_singly() {
        let told = [(1, 1.0), (4, 2.1), (6, 2.55), (16, 4.0)];
        assert!(told.iter().all(|&(tokens, cost)| (CallCost::CPU.of(tokens, 30_000) - cost).abs() < 1e-5));
        let singly = CallCost::CPU.with_keys_read_singly(5_000.0);
        // A sixth of the time of a single token is its weights.
        assert!((singly.of(16, 25_000) - (4.0 + 16.0 * 5.0) / 6.0).abs() < 1e-4);
        assert!((singly.of(1, 25_000) - 1.0).abs() < 1e-6);
        let mut drafter = timed(singly);
        (0..40).for_each(|_| drafter.learn(&place(30), true));
        assert!(drafter.size(&place(30), 15, 100) > 0 && drafter.size(&place(30), 15, 100_000) == 0);
    }

    #[test]
    fn drafts_that_cost_more_than_they_bring_pause() {
        let mut drafter = timed(CallCost::CPU);
        let now = Instant::now();
        assert!(drafter.size(&place(12), 15, 1000) > 0);
        // Ten times as slow with a draft: 100 ms for three tokens cost 70 too many.
        run(&mut drafter, 15, 2, now, 2, 100);
        assert!(drafter.size(&place(12), 15, 1000) > 0, "that was bad luck");
        run(&mut drafter, 15, 2, now, 12, 100);
        assert_eq!(drafter.size(&place(12), 15, 1000), 0);
        (0..400).for_each(|call| run(&mut drafter, 0, 0, now, 22 + call, 10));
        assert!(drafter.size(&place(12), 15, 1000) > 0, "after 4 s they are a small share of the answer's time");
    }

    #[test]
    fn a_given_number_is_drafted_whatever_it_costs_and_off_is_off() {
        let sizes = [Drafting::Off, Drafting::Tokens(5), Drafting::Tokens(99)]
            .map(|drafting| Drafter::new(drafting, CallCost::CPU).size(&place(3), 40, 1000));
        assert_eq!(sizes, [0, 5, 15]);
        assert_eq!(
            Drafter::new(Drafting::Auto, CallCost::CPU).size(&place(30), 15, 1000),
            0,
            "the first calls are timed"
        );
    }
}
