//! Finds where the last tokens of a text stood before in it.
//!
//! Each place is found by a hash of the three tokens that end there; places with the same hash form a chain, the newest
//! first. Of the places in the chain, the one with the most equal tokens before it is the best.
//!
//! Example: in `it is a truth … that it is a`, the last three tokens end at two places. `truth` followed the first.
//!
//! Takes 8 bytes a token and half a megabyte. 131,072 tokens are a megabyte and a half; they are added once, and taken away again from
//! the end, so that only what is new is added when the text changes.
//!
//! Doesn't decide whether what followed is worth a try ([`super::draft`] does).

use super::cache_index::Token;

/// Tokens that a place is found by. Two of them are nearly always somewhere in a book, and tell little.
pub(super) const SHORTEST_TOKENS: usize = 3;

/// Longer matches are as good as ones of this length.
pub(super) const LONGEST_TOKENS: usize = 32;

/// How many places of a chain are looked at.
const MOST_PLACES: usize = 64;

const SLOT_BITS: u32 = 17;

const NOWHERE: u32 = u32::MAX;

/// The tokens of a text, and where each of them stood before.
#[derive(Debug)]
pub(super) struct NgramIndex {
    tokens: Vec<Token>,
    /// For each place, the one before it with the same hash.
    earlier: Vec<u32>,
    /// By hash, the last place.
    last: Vec<u32>,
}

impl Default for NgramIndex {
    fn default() -> Self {
        Self { tokens: Vec::new(), earlier: Vec::new(), last: vec![NOWHERE; 1 << SLOT_BITS] }
    }
}

/// A place at which the last tokens stood before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Occurrence {
    /// The position that followed it.
    next: usize,
    /// How many tokens before `next` are equal, at most [`LONGEST_TOKENS`].
    pub equal_tokens: usize,
    /// Something else followed at another place that is as good.
    pub is_ambiguous: bool,
}

impl NgramIndex {
    /// Makes `tokens` the text.
    pub(super) fn follow(&mut self, tokens: &[Token]) {
        let kept = self.tokens.iter().zip(tokens).take_while(|(one, other)| one == other).count();
        self.truncate(kept);
        tokens[kept..].iter().for_each(|&token| self.push(token));
    }

    pub(super) fn push(&mut self, token: Token) {
        self.tokens.push(token);
        let place = self.tokens.len() - 1;
        let earlier = match self.slot(place) {
            Some(slot) => std::mem::replace(&mut self.last[slot], place as u32),
            None => NOWHERE,
        };
        self.earlier.push(earlier);
    }

    fn truncate(&mut self, len: usize) {
        while self.tokens.len() > len {
            let place = self.tokens.len() - 1;
            if let Some(slot) = self.slot(place) {
                self.last[slot] = self.earlier[place];
            }
            self.tokens.pop();
            self.earlier.pop();
        }
    }

    /// Where the last place with the same hash is noted; `None` where too few tokens end.
    fn slot(&self, place: usize) -> Option<usize> {
        let first = (place + 1).checked_sub(SHORTEST_TOKENS)?;
        let mix =
            |hash: u64, token: &Token| (hash ^ u64::from(token.0.cast_unsigned())).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash = self.tokens[first..=place].iter().fold(0, mix);
        Some((hash >> (u64::BITS - SLOT_BITS)) as usize)
    }

    /// The best place at which the last tokens stood before: the one with the most equal tokens; of several, the last.
    pub(super) fn find(&self) -> Option<Occurrence> {
        let end = self.tokens.len().checked_sub(1)?;
        let before =
            |&place: &usize| Some(self.earlier[place]).filter(|&place| place != NOWHERE).map(|place| place as usize);
        let places = std::iter::successors(before(&end), before).take(MOST_PLACES);
        let mut best: Option<Occurrence> = None;
        for place in places {
            let next = place + 1;
            let equal_tokens = self.equal_tokens(next);
            match &mut best {
                Some(best) if best.equal_tokens > equal_tokens => {}
                Some(best) if best.equal_tokens == equal_tokens => {
                    best.is_ambiguous |= self.tokens[next] != self.tokens[best.next];
                }
                _ if equal_tokens < SHORTEST_TOKENS => {}
                _ => best = Some(Occurrence { next, equal_tokens, is_ambiguous: false }),
            }
        }
        best
    }

    /// How many tokens before `next` are the last ones.
    fn equal_tokens(&self, next: usize) -> usize {
        let (before, all) = (self.tokens[..next].iter().rev(), self.tokens.iter().rev());
        before.zip(all).take(LONGEST_TOKENS).take_while(|(one, other)| one == other).count()
    }

    /// The first `count` tokens that followed at `place`. What is at the text's end goes on as it began: after
    /// `a b a b` comes `a b`.
    pub(super) fn after(&self, place: Occurrence, count: usize) -> Vec<Token> {
        let period = self.tokens.len() - place.next;
        (0..count).map(|index| self.tokens[place.next + index % period]).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens(ids: &[i32]) -> Vec<Token> {
        ids.iter().copied().map(Token).collect()
    }

    fn index(ids: &[i32]) -> NgramIndex {
        let mut index = NgramIndex::default();
        index.follow(&tokens(ids));
        index
    }

    #[test]
    fn what_followed_the_last_tokens_is_found() {
        let index = index(&[7, 1, 2, 3, 4, 5, 6, 1, 2, 3]);
        let place = index.find().expect("1 2 3 stood before");
        assert_eq!((place.equal_tokens, place.is_ambiguous), (3, false));
        assert_eq!(index.after(place, 3), tokens(&[4, 5, 6]));
    }

    #[test]
    fn more_equal_tokens_are_better_than_a_later_place() {
        let index = index(&[9, 1, 2, 3, 4, 8, 1, 2, 3, 5, 9, 1, 2, 3]);
        let place = index.find().expect("it stood before");
        assert_eq!((place.equal_tokens, place.is_ambiguous), (4, false));
        assert_eq!(index.after(place, 1), tokens(&[4]));
    }

    #[test]
    fn of_equally_good_places_the_last_counts_and_is_called_ambiguous() {
        let index = index(&[8, 1, 2, 3, 4, 7, 1, 2, 3, 5, 9, 1, 2, 3]);
        let place = index.find().expect("it stood before");
        assert_eq!((place.equal_tokens, place.is_ambiguous), (3, true));
        assert_eq!(index.after(place, 1), tokens(&[5]));
    }

    #[test]
    fn a_text_that_repeats_itself_goes_on_so() {
        let index = index(&[1, 2, 1, 2, 1, 2]);
        let place = index.find().expect("it repeats itself");
        assert_eq!(index.after(place, 5), tokens(&[1, 2, 1, 2, 1]));
    }

    #[test]
    fn nothing_is_found_in_a_text_that_is_new_or_short() {
        for ids in [&[][..], &[1], &[1, 1], &[1, 2, 3, 4, 5], &[1, 2, 9, 1, 2]] {
            assert_eq!(index(ids).find(), None, "{ids:?}");
        }
    }

    /// The definition: every place, token by token.
    fn naive(tokens: &[Token]) -> Option<(usize, bool, Token)> {
        let equal = |next: usize| {
            let both = tokens[..next].iter().rev().zip(tokens.iter().rev());
            both.take(LONGEST_TOKENS).take_while(|(one, other)| one == other).count()
        };
        let best = (1..tokens.len()).map(equal).max().filter(|&best| best >= SHORTEST_TOKENS)?;
        let nexts: Vec<Token> =
            (1..tokens.len()).filter(|&next| equal(next) == best).map(|next| tokens[next]).collect();
        let last = *nexts.last()?;
        Some((best, nexts.iter().any(|&next| next != last), last))
    }

    proptest! {
        /// Short texts, so that no chain is longer than what is looked at.
        #[test]
        fn the_best_place_is_that_of_the_definition(ids in prop::collection::vec(0..3_i32, 0..60)) {
            let index = index(&ids);
            let found = index.find().map(|place| (place.equal_tokens, place.is_ambiguous, index.after(place, 1)[0]));
            prop_assert_eq!(found, naive(&tokens(&ids)));
        }

        #[test]
        fn following_another_text_leaves_nothing_of_the_first(
            first in prop::collection::vec(0..3_i32, 0..50),
            second in prop::collection::vec(0..3_i32, 0..50),
        ) {
            let mut followed = index(&first);
            followed.follow(&tokens(&second));
            let fresh = index(&second);
            prop_assert_eq!(&followed.earlier, &fresh.earlier);
            prop_assert_eq!(&followed.last, &fresh.last);
        }
    }
}
