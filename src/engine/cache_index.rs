//! Records which tokens the KV cache holds, position by position, and under which attention they were computed. Holds
//! no tensors.
//!
//! The cached tokens (a [`CacheIndex`]) are compared with those of a prompt (a [`TokenSequence`]) from position 0 on.
//! As long as tokens and *effective* attention are equal, the KV entries are equal too and are reused.
//!
//! Example: 30,000 positions were computed under window 4096, sinks 100, and the same tokens are needed under full
//! attention. The first 4,196 positions saw everything anyway, so they are reused, and 25,804 are recomputed. A second
//! question about the same document under the same recipe reuses the whole document.
//!
//! Under a recipe that is bounded everywhere the cells of positions that no later token sees are dropped ([`super::bounded`]). Their tokens stay
//! here, and the [`Gap`] says which they are: a cache can go on behind its gap, and can be cut only where the window is still whole.
//!
//! Doesn't change the cache itself: `worker` truncates and prefills.

use crate::swaa::{Attention, Bound};

/// A token's index in the model's vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Token(pub i32);

/// A run of consecutive positions under one attention.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AttentionRun {
    /// One past the last position.
    end: u32,
    attention: Attention,
}

/// The adapters that are on the model, and their scales: a hash, all zeros without any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct AdapterKey(pub [u8; 16]);

impl AdapterKey {
    pub(super) const NONE: Self = Self([0; 16]);
}

/// Tokens from position 0 on, each with its attention, all of them with the same adapters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TokenSequence {
    tokens: Vec<Token>,
    runs: Vec<AttentionRun>,
    adapters: AdapterKey,
}

/// A decode call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    /// Its first position.
    pub start: u32,
    /// How many tokens it had; the cache may hold fewer of them.
    pub tokens: u32,
}

/// Positions `start..end`, whose cells were dropped: no token behind them sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    /// As many sinks.
    pub start: u32,
    pub end: u32,
    /// How many keys back the tokens behind the gap see.
    pub window: u32,
    /// For the library, the positions behind the gap are so much lower.
    pub moved_by: u32,
}

impl Gap {
    /// Up to here the cache has to be kept whole to cut it there: the window of the next position begins where the gap ends.
    fn first_cut(self) -> u32 {
        (self.end + self.window).saturating_sub(1)
    }
}

/// The tokens in the cache, and the decode calls that computed them.
///
/// Why the calls matter: the same tokens computed in calls of different lengths give logits that differ by rounding,
/// enough to change a greedy answer. A repeated question must be computed in the same calls to get the same answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CacheIndex {
    sequence: TokenSequence,
    /// Ascending.
    calls: Vec<Call>,
    gap: Option<Gap>,
}

impl CacheIndex {
    /// Positions, those whose cells were dropped included.
    pub(super) fn len(&self) -> u32 {
        self.sequence.len()
    }

    /// Cells that the cache holds.
    pub(super) fn cells(&self) -> u32 {
        self.len() - self.gap.map_or(0, |gap| gap.end - gap.start)
    }

    pub(super) fn gap(&self) -> Option<Gap> {
        self.gap
    }

    /// The position of the next token, as the library counts.
    pub(super) fn rope_position(&self) -> u32 {
        self.len() - self.gap.map_or(0, |gap| gap.moved_by)
    }

    /// Records that the cells between the sinks and `end` were dropped.
    pub(super) fn drop_to(&mut self, bound: Bound, end: u32) {
        let moved_by = self.gap.map_or(0, |gap| gap.moved_by);
        self.gap = Some(Gap { start: bound.sinks, end, window: bound.window, moved_by });
    }

    /// Records that the positions behind the gap were moved next to the sinks.
    pub(super) fn close_positions(&mut self) {
        if let Some(gap) = &mut self.gap {
            gap.moved_by = gap.end - gap.start;
        }
    }

    /// The last position up to `len` that the cache can be cut to: not into the gap, and not so close behind it that a window would miss keys.
    pub(super) fn nearest_cut(&self, len: u32) -> u32 {
        match self.gap {
            Some(gap) if len < gap.first_cut().min(self.len()) => len.min(gap.start),
            _ => len.min(self.len()),
        }
    }

    /// How many leading positions a prompt that shares `shared` of them can go on from. Behind a gap only one that is `bound` as the tokens there:
    /// others want to see what was dropped.
    pub(super) fn usable(&self, shared: u32, bound: Option<Bound>) -> u32 {
        match self.gap {
            Some(gap) if bound != Some(Bound { sinks: gap.start, window: gap.window }) => shared.min(gap.start),
            _ => self.nearest_cut(shared),
        }
    }

    /// Bytes of the record itself.
    pub(super) fn bytes(&self) -> u64 {
        (size_of_val(self.sequence.tokens()) + size_of_val(&*self.calls)) as u64
    }

    /// Records one decode call.
    pub(super) fn push(&mut self, tokens: &[Token], attention: &Attention) {
        self.calls.push(Call { start: self.len(), tokens: tokens.len() as u32 });
        self.sequence.push(tokens, attention);
    }

    /// Records a token that was computed in one call with those of other conversations, `call_tokens` in all.
    pub(super) fn push_shared(&mut self, token: Token, attention: &Attention, call_tokens: u32) {
        self.calls.push(Call { start: self.len(), tokens: call_tokens });
        self.sequence.push(&[token], attention);
    }

    /// Records the beginning of a decode call of `call_tokens`: the next `tokens` of `from`, which begins with what is here. With 1, these are
    /// as many calls.
    pub(super) fn push_restored(&mut self, from: &TokenSequence, tokens: u32, call_tokens: u32) {
        let (start, end) = (self.len(), self.len() + tokens);
        let calls = if call_tokens == 1 { tokens } else { 1 };
        self.calls.extend((0..calls).map(|call| Call { start: start + call, tokens: call_tokens }));
        while let Some((tokens, attention)) = from.chunk_from(self.len(), end - self.len()).filter(|_| self.len() < end)
        {
            self.sequence.push(tokens, attention);
        }
    }

    /// An empty cache will be that of a model with these adapters.
    pub(super) fn adopt(&mut self, adapters: AdapterKey) {
        if self.len() == 0 {
            self.sequence.adapters = adapters;
        }
    }

    /// Cuts to `len`, which is a [`CacheIndex::nearest_cut`].
    pub(super) fn truncate(&mut self, len: u32) {
        self.sequence.truncate(len);
        self.calls.retain(|call| call.start < len);
        self.gap = self.gap.filter(|gap| len >= gap.end);
    }

    pub(super) fn sequence(&self) -> &TokenSequence {
        &self.sequence
    }

    /// The calls that start at `start` or later, each with the number of its tokens that the cache holds.
    pub(super) fn calls_from(&self, start: u32) -> impl Iterator<Item = (Call, u32)> {
        let first = self.calls.partition_point(|call| call.start < start);
        let ends = self.calls[first..].iter().skip(1).map(|call| call.start).chain([self.len()]);
        self.calls[first..].iter().zip(ends).map(|(call, end)| (*call, end - call.start))
    }

    /// Whether `start..start + tokens` were computed as the beginning of a call of `call_tokens`, or with 1 in as many calls.
    pub(super) fn was_computed_in(&self, start: u32, tokens: u32, call_tokens: u32) -> bool {
        let calls = if call_tokens == 1 { tokens as usize } else { 1 };
        let are_same = |&((call, held), start): &((Call, u32), u32)| {
            call == Call { start, tokens: call_tokens } && held >= tokens.min(call_tokens)
        };
        self.calls_from(start).zip(start..).take(calls).filter(are_same).count() == calls
    }

    /// How many leading positions can be reused for `wanted`.
    pub(super) fn common_prefix(&self, wanted: &TokenSequence) -> u32 {
        self.sequence.common_prefix(wanted)
    }

    /// Whether `other` contains all of this, cells included.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        let has_cells = match (self.gap, other.gap) {
            (None, None) => true,
            (Some(own), None) => own.moved_by == 0,
            (Some(own), Some(others)) => {
                own.start <= others.start && others.end <= own.end && own.moved_by == others.moved_by
            }
            (None, Some(_)) => false,
        };
        has_cells && self.common_prefix(&other.sequence) == self.len()
    }

    /// The first position of the call that computed `position`; past the end, `position` itself.
    pub(super) fn call_of(&self, position: u32) -> u32 {
        if position >= self.len() {
            return position;
        }
        let later = self.calls.partition_point(|call| call.start <= position);
        self.calls[later - 1].start
    }
}

impl TokenSequence {
    /// One without tokens.
    pub(super) fn with(adapters: AdapterKey) -> Self {
        Self { adapters, ..Self::default() }
    }

    pub(super) fn adapters(&self) -> AdapterKey {
        self.adapters
    }

    pub(super) fn len(&self) -> u32 {
        self.tokens.len() as u32
    }

    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Appends tokens under `attention`.
    pub(super) fn push(&mut self, tokens: &[Token], attention: &Attention) {
        if tokens.is_empty() {
            return;
        }
        self.tokens.extend_from_slice(tokens);
        let end = self.len();
        match self.runs.last_mut() {
            Some(run) if run.attention == *attention => run.end = end,
            _ => self.runs.push(AttentionRun { end, attention: attention.clone() }),
        }
    }

    /// Removes everything from position `len` on.
    pub(super) fn truncate(&mut self, len: u32) {
        self.tokens.truncate(len as usize);
        let len = self.len();
        while self.runs.last().is_some_and(|run| self.start_of(run) >= len) {
            self.runs.pop();
        }
        if let Some(run) = self.runs.last_mut() {
            run.end = run.end.min(len);
        }
    }

    /// The attention of position `position`, which must be below [`TokenSequence::len`].
    fn attention_at(&self, position: u32) -> &Attention {
        let run = self.runs.partition_point(|run| run.end <= position);
        &self.runs[run].attention
    }

    fn start_of(&self, run: &AttentionRun) -> u32 {
        let index = self.runs.partition_point(|other| other.end < run.end);
        if index == 0 { 0 } else { self.runs[index - 1].end }
    }

    /// How many leading positions have the same KV entries in both.
    pub(super) fn common_prefix(&self, other: &Self) -> u32 {
        if self.adapters != other.adapters {
            return 0;
        }
        let same_tokens = self.tokens.iter().zip(&other.tokens).take_while(|(a, b)| a == b).count() as u32;
        let mut position = 0;
        while position < same_tokens {
            let (a, b) = (self.attention_at(position), other.attention_at(position));
            if a.effective_at(position) != b.effective_at(position) {
                return position;
            }
            position = self.agreement_end(other, position).min(same_tokens);
        }
        same_tokens
    }

    /// The first position after an equal `position` that has to be compared again: where a run of either sequence ends,
    /// or where a window starts to hide something.
    fn agreement_end(&self, other: &Self, position: u32) -> u32 {
        [self, other]
            .into_iter()
            .flat_map(|sequence| {
                let index = sequence.runs.partition_point(|run| run.end <= position);
                let run = &sequence.runs[index];
                [run.end, run.attention.seen_whole()]
            })
            .filter(|&end| end > position)
            .min()
            .expect("the run that holds `position` ends after it")
    }

    /// Positions `start..end` in runs of one attention in effect: one past the last position of each, and the attention.
    pub(super) fn effective_runs(&self, start: u32, end: u32) -> Vec<(u32, &Attention)> {
        let mut runs: Vec<(u32, &Attention)> = Vec::new();
        let mut position = start;
        while position < end {
            let attention = self.attention_at(position).effective_at(position);
            let run_end = self.agreement_end(self, position).min(end);
            match runs.last_mut() {
                Some((last_end, last)) if *last == attention => *last_end = run_end,
                _ => runs.push((run_end, attention)),
            }
            position = run_end;
        }
        runs
    }

    /// The next chunk to compute from `start`: at most `limit` tokens under one attention. `None` at the end.
    pub(super) fn chunk_from(&self, start: u32, limit: u32) -> Option<(&[Token], &Attention)> {
        if start >= self.len() {
            return None;
        }
        let run = &self.runs[self.runs.partition_point(|run| run.end <= start)];
        let end = run.end.min(start.saturating_add(limit));
        Some((&self.tokens[start as usize..end as usize], &run.attention))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::swaa::LayerSet;

    fn sliding(window: u32, sinks: u32) -> Attention {
        Attention::Sliding { window, sinks, far: 0, full_layers: LayerSet::default() }
    }

    fn sequence(segments: &[(&[i32], Attention)]) -> TokenSequence {
        let mut sequence = TokenSequence::default();
        for (tokens, attention) in segments {
            let tokens: Vec<Token> = tokens.iter().copied().map(Token).collect();
            sequence.push(&tokens, attention);
        }
        sequence
    }

    #[test]
    fn a_second_question_keeps_the_document() {
        let first = sequence(&[(&[1, 2, 3, 4], sliding(2, 0)), (&[5, 6], Attention::Full)]);
        let second = sequence(&[(&[1, 2, 3, 4], sliding(2, 0)), (&[5, 7], Attention::Full)]);
        assert_eq!(first.common_prefix(&second), 5);
    }

    #[test]
    fn entries_of_a_model_with_an_adapter_are_others() {
        let plain = sequence(&[(&[1, 2, 3], Attention::Full)]);
        let adapted = TokenSequence { adapters: AdapterKey([1; 16]), ..plain.clone() };
        assert_eq!((plain.common_prefix(&adapted), adapted.common_prefix(&adapted)), (0, 3));
        let mut log = CacheIndex::default();
        log.adopt(adapted.adapters());
        log.push(&[Token(1), Token(2)], &Attention::Full);
        assert_eq!((log.common_prefix(&adapted), log.common_prefix(&plain)), (2, 0));
        log.adopt(AdapterKey::NONE);
        assert_eq!(log.common_prefix(&adapted), 2, "a cache that holds something keeps its adapters");
        log.truncate(0);
        log.adopt(AdapterKey::NONE);
        log.push(&[Token(1)], &Attention::Full);
        assert_eq!(log.common_prefix(&plain), 1);
    }

    #[test]
    fn a_position_is_led_back_to_the_call_that_computed_it() {
        let mut log = CacheIndex::default();
        log.push(&[Token(1), Token(2), Token(3)], &Attention::Full);
        log.push(&[Token(4)], &Attention::Full);
        assert_eq!([0, 2, 3, 4, 9].map(|position| log.call_of(position)), [0, 0, 3, 4, 9]);
        log.truncate(2);
        assert_eq!((log.len(), log.call_of(1), log.call_of(2)), (2, 0, 2));
    }

    #[test]
    fn what_was_restored_is_as_if_it_had_been_computed() {
        let wanted = sequence(&[(&[1, 2, 3, 4], sliding(2, 0)), (&[5, 6], Attention::Full)]);
        let mut restored = CacheIndex::default();
        restored.push_restored(&wanted, 3, 3);
        restored.push_restored(&wanted, 2, 8);
        assert_eq!((restored.len(), restored.common_prefix(&wanted), restored.call_of(4)), (5, 5, 3));
        let calls: Vec<(Call, u32)> = restored.calls_from(1).collect();
        assert_eq!(calls, [(Call { start: 3, tokens: 8 }, 2)]);
    }

    #[test]
    fn how_positions_were_computed_is_known() {
        let mut log = CacheIndex::default();
        log.push(&[Token(1); 8], &Attention::Full);
        (0..4).for_each(|_| log.push(&[Token(2)], &Attention::Full));
        log.push(&[Token(3); 3], &Attention::Full);
        let computed = [(0, 8, 8), (0, 5, 8), (8, 4, 1), (8, 2, 1), (10, 2, 1), (12, 3, 3)];
        assert!(computed.iter().all(|&(start, tokens, call)| log.was_computed_in(start, tokens, call)));
        let otherwise = [(0, 8, 9), (1, 7, 8), (8, 5, 1), (7, 1, 1), (12, 4, 4), (12, 3, 1), (15, 1, 1)];
        assert!(!otherwise.iter().any(|&(start, tokens, call)| log.was_computed_in(start, tokens, call)));
    }

    #[test]
    fn an_answer_that_was_restored_has_a_call_for_each_token() {
        let wanted = sequence(&[(&[1, 2, 3, 4, 5], Attention::Full)]);
        let mut restored = CacheIndex::default();
        restored.push_restored(&wanted, 2, 2);
        restored.push_restored(&wanted, 3, 1);
        assert_eq!([1, 2, 3, 4].map(|position| restored.call_of(position)), [0, 2, 3, 4]);
        assert_eq!((restored.len(), restored.common_prefix(&wanted)), (5, 5));
    }

    /// 100 tokens under a window of 10 and 3 sinks, of which the cells of 3..60 were dropped.
    fn with_gap() -> (CacheIndex, Bound) {
        let (mut log, bound) = (CacheIndex::default(), Bound { sinks: 3, window: 10 });
        log.push(&[Token(1); 100], &sliding(10, 3));
        log.drop_to(bound, 60);
        (log, bound)
    }

    #[test]
    fn a_cache_with_a_gap_is_cut_where_the_window_is_whole_or_among_the_sinks() {
        let (log, bound) = with_gap();
        assert_eq!((log.len(), log.cells()), (100, 43));
        assert_eq!([120, 100, 80, 69, 68, 60, 3, 2].map(|len| log.nearest_cut(len)), [100, 100, 80, 69, 3, 3, 3, 2]);
        assert_eq!((log.usable(80, Some(bound)), log.usable(80, None)), (80, 3));
        assert_eq!(log.usable(80, Some(Bound { window: 11, ..bound })), 3, "a wider window misses keys");
    }

    #[test]
    fn a_gap_is_gone_with_what_is_behind_it() {
        let (mut log, _) = with_gap();
        log.truncate(80);
        assert_eq!((log.gap().is_some(), log.cells()), (true, 23));
        log.truncate(3);
        assert_eq!((log.gap(), log.cells()), (None, 3));
    }

    #[test]
    fn a_cache_with_a_gap_contains_only_what_it_has_the_cells_of() {
        let (log, bound) = with_gap();
        let mut whole = CacheIndex::default();
        whole.push(&[Token(1); 100], &sliding(10, 3));
        assert!(log.is_within(&whole) && log.is_within(&log) && !whole.is_within(&log));
        let mut wider = log.clone();
        wider.drop_to(bound, 80);
        assert!(wider.is_within(&log) && !log.is_within(&wider));
        wider.close_positions();
        assert!(!wider.is_within(&log) && !wider.is_within(&whole), "its keys were rotated to other positions");
        assert_eq!((wider.rope_position(), wider.cells()), (23, 23));
    }

    #[test]
    fn another_window_keeps_what_both_saw_whole() {
        let tokens: Vec<i32> = (0..100).collect();
        let narrow = sequence(&[(&tokens, sliding(10, 3))]);
        let wide = sequence(&[(&tokens, sliding(40, 0))]);
        assert_eq!(narrow.common_prefix(&wide), 13);
        assert_eq!(wide.common_prefix(&sequence(&[(&tokens, Attention::Full)])), 40);
    }

    #[test]
    fn a_reading_shorter_than_the_window_is_shared_with_full_attention() {
        let short = sequence(&[(&[1, 2, 3], sliding(8, 0))]);
        assert_eq!(short.common_prefix(&sequence(&[(&[1, 2, 3], Attention::Full)])), 3);
    }

    #[test]
    fn a_chunk_never_crosses_from_document_to_tail() {
        let wanted = sequence(&[(&[1, 2, 3, 4, 5], sliding(2, 0)), (&[6, 7], Attention::Full)]);
        let chunk = wanted.chunk_from(3, 512).map(|(tokens, attention)| (tokens.len(), attention.clone()));
        assert_eq!(chunk, Some((2, sliding(2, 0))));
        assert_eq!(wanted.chunk_from(7, 512), None);
    }

    fn any_attention() -> impl Strategy<Value = Attention> {
        prop_oneof![Just(Attention::Full), (1u32..6, 0u32..4).prop_map(|(window, sinks)| sliding(window, sinks))]
    }

    fn any_reading() -> impl Strategy<Value = TokenSequence> {
        prop::collection::vec((prop::collection::vec(0i32..2, 0..6), any_attention()), 0..5).prop_map(|segments| {
            let mut sequence = TokenSequence::default();
            for (tokens, attention) in segments {
                let tokens: Vec<Token> = tokens.into_iter().map(Token).collect();
                sequence.push(&tokens, &attention);
            }
            sequence
        })
    }

    /// The definition of the common prefix, position by position.
    fn naive_prefix(a: &TokenSequence, b: &TokenSequence) -> u32 {
        (0..a.len().min(b.len()))
            .take_while(|&position| {
                a.tokens[position as usize] == b.tokens[position as usize]
                    && a.attention_at(position).effective_at(position)
                        == b.attention_at(position).effective_at(position)
            })
            .count() as u32
    }

    proptest! {
        #[test]
        fn common_prefix_is_its_definition(a in any_reading(), b in any_reading()) {
            prop_assert_eq!(a.common_prefix(&b), naive_prefix(&a, &b));
            prop_assert_eq!(a.common_prefix(&b), b.common_prefix(&a));
            prop_assert_eq!(a.common_prefix(&a), a.len());
        }

        #[test]
        fn runs_in_effect_are_those_of_each_position(sequence in any_reading(), from in 0_u32..10, len in 0_u32..30) {
            let start = from.min(sequence.len());
            let end = (start + len).min(sequence.len());
            let runs = sequence.effective_runs(start, end);
            for position in start..end {
                let run = runs.iter().find(|(run_end, _)| position < *run_end).map(|(_, attention)| *attention);
                prop_assert_eq!(run, Some(sequence.attention_at(position).effective_at(position)));
            }
            prop_assert_eq!(runs.last().map_or(start, |(run_end, _)| *run_end), end);
            prop_assert!(runs.windows(2).all(|pair| pair[0].1 != pair[1].1));
        }

        #[test]
        fn truncating_keeps_a_prefix(sequence in any_reading(), len in 0u32..40) {
            let mut cut = sequence.clone();
            cut.truncate(len);
            prop_assert_eq!(cut.len(), sequence.len().min(len));
            prop_assert_eq!(cut.common_prefix(&sequence), cut.len());
            prop_assert!(cut.runs.last().is_none_or(|run| run.end == cut.len()));
        }

        #[test]
        fn chunks_cover_the_reading_in_order(sequence in any_reading(), limit in 1u32..5) {
            let mut read = TokenSequence::default();
            while let Some((tokens, attention)) = sequence.chunk_from(read.len(), limit) {
                prop_assert!(!tokens.is_empty() && tokens.len() as u32 <= limit);
                read.push(tokens, attention);
            }
            prop_assert_eq!(read, sequence);
        }
    }
}
