//! The document as a sequence of words, for looking up quotes.
//!
//! A word takes 8 bytes: a hash of its lower-case letters, and its start. A quote is first looked up word for word in
//! one pass. If that finds nothing, the stretch with the most of its words is found, and aligned with the quote word by
//! word. A quote that denies what the passage says, or the other way round, is no quote of it, however many words agree.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::negation;
use super::source::{Places, Source};
use super::verdict::Verdict;
use super::words::words;
use crate::document::{ByteSpan, Document};

/// The share of words that must agree for an approximate match: one wrong word in four.
const AGREEMENT: f32 = 0.75;

/// A word of the document.
#[derive(Debug, Clone, Copy)]
struct Word {
    hash: u32,
    start: u32,
}

/// A document's words.
#[derive(Debug, Clone, Default)]
pub struct Index {
    words: Vec<Word>,
    /// Where each word ends, in bytes of the text.
    ends: Vec<u32>,
    /// Which of the words deny, by their number, in order.
    negations: Vec<usize>,
    /// Where passages are; `None` for a text alone.
    places: Option<Places>,
}

fn hash(word: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    // Curly and straight apostrophes are the same; plain text writes italics with underscores.
    for c in word.chars().filter(|c| *c != '_').flat_map(char::to_lowercase) {
        (if c == '’' { '\'' } else { c }).hash(&mut hasher);
    }
    hasher.finish() as u32
}

impl Index {
    /// The words of `document`, the parts in use. `whole` is what `--parts` counts in.
    #[must_use]
    pub fn of(document: Arc<Document>, whole: Arc<Document>) -> Self {
        let words = Self::new(&document.text);
        Self { places: Some(Places::new(document, whole)), ..words }
    }

    /// The words of `text`. Takes about 0.1 s for a million tokens.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut index = Self::default();
        for (start, word) in words(text) {
            if negation::is_negation(word) {
                index.negations.push(index.words.len());
            }
            index.words.push(Word { hash: hash(word), start: start as u32 });
            index.ends.push((start + word.len()) as u32);
        }
        index
    }

    pub(super) fn source(&self, passage: ByteSpan) -> Option<Source> {
        self.places.as_ref()?.source(passage)
    }

    /// Looks `citation` up in the document: word for word in `first`, then everywhere.
    #[must_use]
    pub fn look_up(&self, citation: &str, first: &[ByteSpan]) -> Verdict {
        let wanted: Vec<u32> = words(citation).map(|(_, word)| hash(word)).collect();
        if wanted.is_empty() {
            return Verdict::NotFound;
        }
        if let Some(at) = self.exactly_in(&wanted, first).or_else(|| self.exactly(&wanted)) {
            return Verdict::Verified(self.span(at, at + wanted.len()));
        }
        let denies: Vec<bool> = words(citation).map(|(_, word)| negation::is_negation(word)).collect();
        match self.nearly(&wanted, &denies) {
            Some((from, to, agreement)) if agreement >= AGREEMENT => {
                Verdict::Repaired { passage: self.span(from, to), agreement }
            }
            _ => Verdict::NotFound,
        }
    }

    fn exactly(&self, wanted: &[u32]) -> Option<usize> {
        position(&self.words, wanted)
    }

    fn exactly_in(&self, wanted: &[u32], spans: &[ByteSpan]) -> Option<usize> {
        spans.iter().find_map(|span| {
            let from = self.words.partition_point(|word| (word.start as usize) < span.start);
            let to = self.ends.partition_point(|&end| end as usize <= span.end).max(from);
            position(&self.words[from..to], wanted).map(|at| from + at)
        })
    }

    /// The range of words nearest to the quote, and the share that agrees. `denies` says of each wanted word whether it is
    /// a negation; `None` if one was added to the passage, taken from it or moved.
    fn nearly(&self, wanted: &[u32], denies: &[bool]) -> Option<(usize, usize, f32)> {
        let length = wanted.len() + wanted.len() / 4 + 1;
        let start = self.most_words(wanted, length)?;
        // The stretch may begin a little before or after the passage.
        let from = start.saturating_sub(length / 4);
        let to = (start + length + length / 4).min(self.words.len());
        let segment: Vec<u32> = self.words[from..to].iter().map(|word| word.hash).collect();
        let pairs = lay_beside(wanted, &segment);
        let (first, last) = (pairs.first()?.1, pairs.last()?.1 + 1);
        let passage: Vec<bool> = (from..to).map(|word| self.negations.binary_search(&word).is_ok()).collect();
        if !negation::are_the_same(&pairs, denies, &passage) {
            return None;
        }
        // Words between those that agree count against it.
        let agreement = pairs.len() as f32 / wanted.len().max(last - first) as f32;
        Some((from + first, from + last, agreement))
    }

    /// Start of the stretch of `length` words that has the most of the wanted words, each counted as often as it is
    /// wanted.
    fn most_words(&self, wanted: &[u32], length: usize) -> Option<usize> {
        let mut left: HashMap<u32, i32> = HashMap::new();
        for word in wanted {
            *left.entry(*word).or_default() += 1;
        }
        let (mut have, mut best) = (0, (0, 0));
        for (at, word) in self.words.iter().enumerate() {
            if let Some(count) = left.get_mut(&word.hash) {
                have += i32::from(*count > 0);
                *count -= 1;
            }
            if let Some(gone) = at.checked_sub(length)
                && let Some(count) = left.get_mut(&self.words[gone].hash)
            {
                *count += 1;
                have -= i32::from(*count > 0);
            }
            if have > best.0 {
                best = (have, (at + 1).saturating_sub(length));
            }
        }
        (best.0 > 0).then_some(best.1)
    }

    fn span(&self, from: usize, to: usize) -> ByteSpan {
        ByteSpan { start: self.words[from].start as usize, end: self.ends[to - 1] as usize }
    }
}

/// Where `wanted` begins in `words`.
fn position(words: &[Word], wanted: &[u32]) -> Option<usize> {
    words.windows(wanted.len()).position(|window| window.iter().map(|word| word.hash).eq(wanted.iter().copied()))
}

/// The longest common subsequence of words: the places in `wanted` and in `segment` of each word that agrees, in order.
fn lay_beside(wanted: &[u32], segment: &[u32]) -> Vec<(usize, usize)> {
    let columns = segment.len() + 1;
    let mut longest = vec![0_u16; (wanted.len() + 1) * columns];
    for (row, word) in wanted.iter().enumerate() {
        for (column, other) in segment.iter().enumerate() {
            longest[(row + 1) * columns + column + 1] = if word == other {
                longest[row * columns + column] + 1
            } else {
                longest[row * columns + column + 1].max(longest[(row + 1) * columns + column])
            };
        }
    }
    let (mut row, mut column) = (wanted.len(), segment.len());
    let mut pairs = Vec::new();
    while row > 0 && column > 0 {
        if wanted[row - 1] == segment[column - 1] {
            (row, column) = (row - 1, column - 1);
            pairs.push((row, column));
        } else if longest[(row - 1) * columns + column] >= longest[row * columns + column - 1] {
            row -= 1;
        } else {
            column -= 1;
        }
    }
    pairs.reverse();
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOOK: &str = "It is a truth universally acknowledged, that a single man in\npossession of a good fortune, must be in \
        want of a wife.\n\n“My dear Mr. Bennet,” said his lady to him one day, “have you heard that Netherfield Park is let at last?”";

    fn found(citation: &str) -> (&'static str, &'static str) {
        let verdict = Index::new(BOOK).look_up(citation, &[]);
        let name = match verdict {
            Verdict::Verified(_) => "verified",
            Verdict::Repaired { .. } => "repaired",
            Verdict::NotFound => "not found",
        };
        (name, verdict.passage().map_or("", |span| &BOOK[span.start..span.end]))
    }

    #[test]
    fn the_same_words_are_verified_whatever_stands_between_them() {
        assert_eq!(found("A single man in possession"), ("verified", "a single man in\npossession"));
        assert_eq!(found("\"My dear Mr Bennet\", said his lady").0, "verified");
    }

    #[test]
    fn what_was_read_again_comes_first() {
        let text = "The door is red. Then it rained. The door is red, he said.";
        let index = Index::new(text);
        let later = ByteSpan { start: text.rfind("The door").expect("it is there"), end: text.len() };
        let found = |first: &[ByteSpan]| index.look_up("the door is red", first).passage().map(|passage| passage.start);
        assert_eq!((found(&[]), found(&[later])), (Some(0), Some(later.start)));
        let elsewhere = ByteSpan { start: 17, end: 32 };
        assert_eq!(found(&[elsewhere]), Some(0));
    }

    #[test]
    fn nearly_the_same_words_are_repaired() {
        assert_eq!(
            found("a single man in possession of a large fortune"),
            ("repaired", "a single man in\npossession of a good fortune")
        );
        assert_eq!(
            found("have you heard Netherfield Park is let"),
            ("repaired", "have you heard that Netherfield Park is let")
        );
    }

    #[test]
    fn what_was_made_up_is_not_found() {
        assert_eq!(found("a truth about men with a fortune of money"), ("not found", ""));
        assert_eq!(found("no such words are here"), ("not found", ""));
        assert_eq!(Index::new("").look_up("one two three four", &[]), Verdict::NotFound);
    }

    #[test]
    fn a_quote_that_denies_what_the_document_says_is_not_found() {
        let verdict = |text: &str, quote: &str| Index::new(text).look_up(quote, &[]).name();
        let pairs = [
            ("The river floods in April.", "The river never floods in April."),
            ("I have every objection to hearing it now.", "I have no objection to hearing it now."),
            ("She said that he would come to the ball.", "She said that he wouldn’t come to the ball."),
            ("He left the house with his umbrella.", "He left the house without his umbrella."),
            ("Der Fluss steigt im April über die Ufer.", "Der Fluss steigt im April nicht über die Ufer."),
            ("Es gab in dem Haus eine Treppe nach oben.", "Es gab in dem Haus keine Treppe nach oben."),
            ("Le fleuve déborde en avril sur la plaine.", "Le fleuve ne déborde jamais en avril sur la plaine."),
        ];
        for (one, other) in pairs {
            assert_eq!((verdict(one, other), verdict(other, one)), ("not_found", "not_found"), "{one} | {other}");
        }
        let moved = ("He did not say that she would come to them.", "He did say that she would not come to them.");
        assert_eq!((verdict(moved.0, moved.1), verdict(moved.1, moved.0)), ("not_found", "not_found"));
    }

    #[test]
    fn a_denial_in_other_words_is_still_one() {
        let verdict = |text: &str, quote: &str| Index::new(text).look_up(quote, &[]).name();
        let text = "Indeed. I do not like green eggs and ham at all.";
        for quote in
            ["I don't like green eggs and ham", "Don't like green eggs and ham", "I do not like green legs and ham"]
        {
            assert_eq!(verdict(text, quote), "repaired", "{quote}");
        }
        assert_eq!(verdict("No. He would go out in the rain.", "She would go out in the rain"), "repaired");
        assert_eq!(verdict("I can not go out in the rain.", "I cannot go out in the rain"), "repaired");
    }

    proptest! {
        #[test]
        fn every_stretch_of_the_document_is_verified(from in 0_usize..30, length in 1_usize..12) {
            let words: Vec<(usize, &str)> = words(BOOK).collect();
            let to = (from + length).min(words.len() - 1);
            let (start, end) = (words[from].0, words[to].0 + words[to].1.len());
            let verdict = Index::new(BOOK).look_up(&BOOK[start..end], &[]);
            prop_assert!(matches!(verdict, Verdict::Verified(_)), "{:?}", &BOOK[start..end]);
        }

        #[test]
        fn passages_lie_within_the_document(citation in "(it|is|a|single|man|wife|let|x| ){1,30}") {
            if let Some(span) = Index::new(BOOK).look_up(&citation, &[]).passage() {
                prop_assert!(span.start < span.end && span.end <= BOOK.len());
            }
        }
    }
}
