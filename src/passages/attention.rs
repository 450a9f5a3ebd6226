//! Where attention heads look, added up.
//!
//! Each head counts as much as any other: its attention over the text is first scaled to a sum of 1. The prompt's first
//! tokens and the text's last ones are left out, because heads look at them whatever is asked.

use std::ops::Range;

use super::PASSAGE_TOKENS;

/// Attention is compared in chunks of so many tokens: single tokens are noisy.
const CHUNK_TOKENS: usize = 64;

/// So many tokens at the beginning of the prompt don't count.
const SINK_TOKENS: usize = 128;

/// So many tokens at the end of the text don't count.
const RECENT_TOKENS: usize = 64;

/// Where some heads look in a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// The text's tokens, counted from the beginning of the prompt.
    text: Range<usize>,
    /// The share of each chunk of the text; 1 in all, or 0 if nothing was seen.
    chunks: Vec<f32>,
}

/// Some tokens of the text, and their share of the attention.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Counted from the beginning of the prompt.
    pub tokens: Range<usize>,
    pub share: f32,
}

impl Attention {
    /// Adds up the attention of `heads` over the tokens `text` of the prompt. Each head has a number for every token of
    /// the prompt up to the text's end.
    #[must_use]
    pub fn of(heads: &[Vec<f32>], text: Range<usize>) -> Self {
        let mut chunks = vec![0.0; text.len().div_ceil(CHUNK_TOKENS)];
        let start = text.start.max(SINK_TOKENS);
        let counted = start..text.end.saturating_sub(RECENT_TOKENS).max(start).min(text.end.max(start));
        for head in heads {
            let seen = head.get(counted.clone()).unwrap_or_default();
            let sum: f32 = seen.iter().sum();
            if sum > 0.0 {
                let share = 1.0 / (sum * heads.len() as f32);
                let chunk_of = |index: usize| (start + index - text.start) / CHUNK_TOKENS;
                seen.iter().enumerate().for_each(|(index, seen)| chunks[chunk_of(index)] += seen * share);
            }
        }
        Self { text, chunks }
    }

    /// The share of each chunk of 64 tokens.
    #[must_use]
    pub fn chunks(&self) -> &[f32] {
        &self.chunks
    }

    /// The tokens of the chunk `index`.
    #[must_use]
    pub fn chunk_tokens(&self, index: usize) -> Range<usize> {
        let start = self.text.start + index * CHUNK_TOKENS;
        start..(start + CHUNK_TOKENS).min(self.text.end)
    }

    /// Up to `count` windows of [`PASSAGE_TOKENS`] that don't overlap, the best one first.
    #[must_use]
    pub fn best(&self, count: usize) -> Vec<Window> {
        let width = (PASSAGE_TOKENS / CHUNK_TOKENS).min(self.chunks.len().max(1));
        let mut open: Vec<Option<f32>> = self.chunks.windows(width).map(|window| Some(window.iter().sum())).collect();
        let mut best = Vec::new();
        while best.len() < count {
            let left = open.iter().enumerate().filter_map(|(index, share)| share.map(|share| (index, share)));
            let Some((index, share)) = left.max_by(|one, other| one.1.total_cmp(&other.1).then(other.0.cmp(&one.0)))
            else {
                break;
            };
            if share <= 0.0 {
                break;
            }
            let tokens = self.chunk_tokens(index).start..self.chunk_tokens(index + width - 1).end;
            best.push(Window { tokens, share });
            let beside = index.saturating_sub(width - 1)..(index + width).min(open.len());
            open[beside].fill(None);
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A head that looks at token `at` of `tokens` with nine tenths of its attention, and everywhere with the rest.
    fn head(tokens: usize, at: usize) -> Vec<f32> {
        let mut head = vec![0.1 / tokens as f32; tokens];
        head[at] += 0.9;
        head
    }

    #[test]
    fn the_window_that_most_heads_look_at_comes_first() {
        let attention = Attention::of(&[head(2_000, 700), head(2_000, 710), head(2_000, 1_500)], 20..2_000);
        let best = attention.best(2);
        assert_eq!(best.len(), 2);
        assert!(best[0].tokens.contains(&700) && best[0].tokens.len() == PASSAGE_TOKENS, "{best:?}");
        assert!(best[1].tokens.contains(&1_500), "{best:?}");
        assert!(best[0].share > 0.6 && best[1].share > 0.3, "{best:?}");
    }

    #[test]
    fn a_head_that_looks_at_the_beginning_or_the_end_says_nothing() {
        let heads = [head(1_000, 3), head(1_000, 100), head(1_000, 990), head(1_000, 400)];
        let attention = Attention::of(&heads, 20..1_000);
        assert!(attention.best(1)[0].tokens.contains(&400));
        assert_eq!(Attention::of(&[vec![0.0; 50]], 0..50).best(4), Vec::new());
        assert_eq!(Attention::of(&[], 0..0).best(4), Vec::new());
    }

    #[test]
    fn a_text_shorter_than_a_passage_is_one_window() {
        let best = Attention::of(&[head(200, 130)], 10..200).best(4);
        assert_eq!(best.into_iter().map(|window| window.tokens).collect::<Vec<_>>(), [10..200]);
    }

    proptest! {
        #[test]
        fn windows_lie_in_the_text_and_never_overlap(
            heads in prop::collection::vec(prop::collection::vec(0.0f32..1.0, 900), 1..4),
            start in 0usize..300,
            length in 1usize..600,
            count in 0usize..8,
        ) {
            let text = start..start + length;
            let attention = Attention::of(&heads, text.clone());
            let sum: f32 = attention.chunks().iter().sum();
            prop_assert!(sum <= 1.001);
            let mut best = attention.best(count);
            prop_assert!(best.len() <= count);
            prop_assert!(best.is_sorted_by(|one, other| one.share >= other.share - 1e-6));
            best.sort_by_key(|window| window.tokens.start);
            prop_assert!(best.iter().all(|window| text.start <= window.tokens.start && window.tokens.end <= text.end));
            prop_assert!(best.windows(2).all(|pair| pair[0].tokens.end <= pair[1].tokens.start));
        }
    }
}
