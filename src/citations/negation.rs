//! Which words deny, and whether a quote and its passage deny the same.
//!
//! Five of six words of `The river never floods in April` agree with `The river floods in April`, and it says the
//! contrary. So the words between two that agree must have as many negations in the quote as in the passage: `do not` and
//! `don't` have one each, `never` and nothing differ.
//!
//! It knows the common words of English, German and French. It does not understand sentences: `hardly`, `impossible` and
//! another year in place of the right one count as other words do.

use std::ops::Range;

/// English, German, French; what ends in `n't` or begins with `n'` counts, too.
const NEGATIONS: [&str; 39] = [
    "not",
    "no",
    "never",
    "none",
    "nobody",
    "nothing",
    "nowhere",
    "neither",
    "nor",
    "without",
    "cannot",
    "nicht",
    "nichts",
    "nie",
    "niemals",
    "niemand",
    "niemanden",
    "niemandem",
    "nirgends",
    "weder",
    "ohne",
    "kein",
    "keine",
    "keinen",
    "keinem",
    "keiner",
    "keines",
    "keins",
    "ne",
    "pas",
    "jamais",
    "aucun",
    "aucune",
    "sans",
    "ni",
    "rien",
    "nulle",
    "nul",
    "guère",
];

pub(super) fn is_negation(word: &str) -> bool {
    let word = word.trim_matches('_').to_lowercase().replace('’', "'");
    NEGATIONS.contains(&word.as_str()) || word.ends_with("n't") || word.starts_with("n'")
}

/// Whether the quote and the passage have as many negations before, between and behind the words that agree: `pairs` has
/// the places of those, at least one. `quote` and `passage` say of each word whether it is a negation.
pub(super) fn are_the_same(pairs: &[(usize, usize)], quote: &[bool], passage: &[bool]) -> bool {
    let (Some(&first), Some(&last)) = (pairs.first(), pairs.last()) else { return true };
    let between = pairs.windows(2).all(|pair| {
        let [(row, column), (next_row, next_column)] = [pair[0], pair[1]];
        count(quote, row + 1..next_row) == count(passage, column + 1..next_column)
    });
    // What the passage has beyond the words of the quote is not quoted. One word more, because `don't` may stand for two.
    let before = |words: usize| count(passage, first.1.saturating_sub(words)..first.1);
    let behind = |words: usize| count(passage, last.1 + 1..(last.1 + 1 + words).min(passage.len()));
    let ends_as = |words: usize, denied: usize, beyond: &dyn Fn(usize) -> usize| {
        words == 0 || [words, words + 1].map(beyond).contains(&denied)
    };
    let (leading, trailing) = (first.0, quote.len() - last.0 - 1);
    between
        && ends_as(leading, count(quote, 0..leading), &before)
        && ends_as(trailing, count(quote, last.0 + 1..quote.len()), &behind)
}

fn count(words: &[bool], range: Range<usize>) -> usize {
    words[range].iter().filter(|denies| **denies).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contractions_and_capitals_deny_and_names_do_not() {
        for word in ["Not", "wouldn't", "Wouldn’t", "_never_", "n'est", "N’importe", "Keine", "cannot"] {
            assert!(is_negation(word), "{word}");
        }
        for word in ["note", "knot", "Nora", "Nathan", "want", "nine", "passage", "sanscrit", "ant"] {
            assert!(!is_negation(word), "{word}");
        }
    }
}
