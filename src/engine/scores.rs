//! Which tokens is a piece of the answer made of, where a question wants to know how probable they were?
//!
//! Tokens and pieces do not end at the same places: the end of the text so far is held back while it may be the beginning of a tag, and tags and
//! white space around the reasoning are never handed over. So tokens wait here until their text is.
//!
//! Example: behind the tokens `<th`, `ink>`, `H`, `m`, the piece `Hm` takes `H` and `m`, and the tokens of the tag are dropped.
//!
//! Does not compute probabilities: [`super::machine::Machine::score`] does.

use std::collections::VecDeque;

use super::message::ScoredToken;

/// The tokens whose text was not handed over yet.
#[derive(Debug, Default)]
pub(super) struct Scores {
    waiting: VecDeque<ScoredToken>,
    /// The bytes of the last token that was taken which belong to the next piece.
    begun: Vec<u8>,
}

impl Scores {
    pub(super) fn push(&mut self, token: ScoredToken) {
        // Control tokens are no text.
        if !token.token.bytes.is_empty() {
            self.waiting.push_back(token);
        }
    }

    /// The tokens of `text`, which is handed over. One that lies in two pieces counts for the first.
    pub(super) fn take(&mut self, text: &str) -> Vec<ScoredToken> {
        let begun = std::mem::take(&mut self.begun);
        let tokens = self.waiting.iter().flat_map(|token| &token.token.bytes);
        let all: Vec<u8> = begun.iter().chain(tokens).copied().collect();
        let Some(start) = find(&all, text.as_bytes()) else {
            // A character that was cut off is another text than its bytes.
            return self.waiting.drain(..).collect();
        };
        let end = start + text.len();
        let (mut of_text, mut at) = (Vec::new(), begun.len());
        while at < end {
            let Some(token) = self.waiting.pop_front() else { break };
            at += token.token.bytes.len();
            if at > start {
                of_text.push(token);
            }
        }
        self.begun = all[end..at.max(end)].to_vec();
        of_text
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len().max(1)).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::message::TokenScore;

    fn scored(text: &[u8]) -> ScoredToken {
        let token = TokenScore { id: 7, bytes: text.to_vec(), log_probability: -1.0 };
        ScoredToken { token, likeliest: Vec::new() }
    }

    /// The tokens of each of `pieces`, if all tokens were there before the first.
    fn taken(tokens: &[&str], pieces: &[&str]) -> Vec<Vec<String>> {
        let mut scores = Scores::default();
        for token in tokens {
            scores.push(scored(token.as_bytes()));
        }
        let text = |token: ScoredToken| String::from_utf8(token.token.bytes).expect("UTF-8");
        pieces.iter().map(|piece| scores.take(piece).into_iter().map(text).collect()).collect()
    }

    #[test]
    fn a_piece_takes_its_tokens_and_what_was_dropped_before_it() {
        assert_eq!(taken(&["<th", "ink>", "H", "m"], &["Hm"]), [["H", "m"]]);
        assert_eq!(taken(&["It", " is", " red"], &["It", " is red"]), [vec!["It"], vec![" is", " red"]]);
        assert_eq!(taken(&["\n\n", " It"], &["It"]), [[" It"]]);
    }

    #[test]
    fn a_token_in_two_pieces_counts_for_the_first() {
        assert_eq!(taken(&["a<", "b", "c"], &["a", "<b", "c"]), [vec!["a<"], vec!["b"], vec!["c"]]);
        assert_eq!(taken(&["a<b>c", "d"], &["a", "<b>", "cd"]), [vec!["a<b>c"], vec![], vec!["d"]]);
        assert_eq!(taken(&["red. END", "!"], &["red."]), [["red. END"]], "before a stop string");
    }

    #[test]
    fn a_character_that_is_cut_off_takes_all_that_waits() {
        let mut scores = Scores::default();
        scores.push(scored(b""));
        scores.push(scored(&[0xc3]));
        assert_eq!(scores.take("\u{fffd}"), [scored(&[0xc3])]);
        assert_eq!(scores.take("a"), []);
    }
}
