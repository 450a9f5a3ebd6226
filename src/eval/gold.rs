//! What the weights of a right answer say: how probable it is, and whether the model would have said it.
//!
//! Example: of " 4821397.", ten tokens behind "The special magic number for ash-bell is", each was the likeliest one: greedy decoding
//! says just that. It has .02 nats a token; where a window hides the number, it has 2.1, and the second digit was not the likeliest.
//!
//! Where an answer has several right parts, each counts by itself: of four numbers of which one has a wrong digit, three are said.

use std::sync::Arc;

use super::records::{Metric, Record};
use crate::engine::message::WeighedToken;

/// A right answer, weighed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Weighed {
    /// Of the right parts, the share of which every token was the likeliest, 0 to 1.
    pub said: f64,
    /// Negative log-likelihood, in nats per token.
    pub nats: f64,
    pub tokens: usize,
}

impl Record {
    /// The right answer to weigh: the one that is given, or the right parts joined. `None` for patterns.
    pub(super) fn right_answer(&self) -> Option<Arc<str>> {
        let made = match self.metric {
            Metric::ContainsAll => Some(self.answers.join(", ")),
            Metric::ContainsAny | Metric::Choice | Metric::F1 => self.answers.first().cloned(),
            Metric::Pattern => None,
        };
        self.gold.clone().or_else(|| made.map(Arc::from))
    }
}

impl Weighed {
    /// What `tokens`, those of `right`, say about `record`. `None` without tokens.
    pub(super) fn of(record: &Record, right: &str, tokens: &[WeighedToken]) -> Option<Self> {
        let sum: f64 = tokens.iter().map(|token| -token.weight.log_probability).sum();
        let count = Some(tokens.len()).filter(|count| *count > 0)?;
        let parts = right_parts(record, right);
        let said = parts.iter().filter(|&&(start, end)| is_said(tokens, start, end)).count();
        Some(Self { said: said as f64 / parts.len() as f64, nats: sum / count as f64, tokens: count })
    }
}

/// Where the right parts are in `right`, in bytes. If they are not there word by word, all of it is one part.
fn right_parts(record: &Record, right: &str) -> Vec<(usize, usize)> {
    let mut from = 0;
    let place = |part: &String| {
        let start = from + right[from..].find(part.as_str())?;
        from = start + part.len();
        Some((start, from))
    };
    let wanted = if record.metric == Metric::ContainsAll { record.answers.len() } else { 1 };
    let places: Option<Vec<_>> = record.answers[..wanted].iter().map(place).collect();
    places.unwrap_or_else(|| vec![(0, right.len())])
}

/// Whether every token that has some of the bytes was the likeliest.
fn is_said(tokens: &[WeighedToken], start: usize, end: usize) -> bool {
    let mut at = 0;
    tokens.iter().all(|token| {
        let begins = at;
        at += token.bytes;
        at <= start || end <= begins || token.weight.is_likeliest
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::message::Weight;
    use crate::eval::records::fixtures::record;

    /// A token for every two bytes; those at `unlikely` are not the likeliest.
    fn weighed(right: &str, unlikely: &[usize]) -> Vec<WeighedToken> {
        let token = |index: usize| {
            let is_likeliest = !unlikely.contains(&index);
            let weight = Weight { log_probability: if is_likeliest { 0.0 } else { -3.0 }, is_likeliest };
            WeighedToken { bytes: 2.min(right.len() - 2 * index), weight }
        };
        (0..right.len().div_ceil(2)).map(token).collect()
    }

    #[test]
    fn a_part_is_said_if_each_of_its_tokens_is_the_likeliest() {
        let four = record(Metric::ContainsAll, &["1234", "5678", "9012", "3456"]);
        let right = " 1234, 5678, 9012, and 3456.";
        let said =
            |unlikely: &[usize]| Weighed::of(&four, right, &weighed(right, unlikely)).expect("it has tokens").said;
        assert_eq!((said(&[]), said(&[4]), said(&[8, 13])), (1.0, 0.75, 0.25 * 2.0));
        // "nd" and the full stop belong to no part.
        assert!((said(&[10]) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn nats_are_the_mean_over_all_tokens() {
        let one = record(Metric::ContainsAny, &["blue", "azure"]);
        let right = one.right_answer().expect("it has answers");
        assert_eq!(&*right, "blue");
        assert_eq!(
            Weighed::of(&one, &right, &weighed(&right, &[1])),
            Some(Weighed { said: 0.0, nats: 1.5, tokens: 2 })
        );
        assert_eq!(Weighed::of(&one, &right, &[]), None);
    }

    #[test]
    fn an_answer_that_is_given_goes_before_one_that_is_made_and_a_pattern_makes_none() {
        let two = record(Metric::ContainsAll, &["red", "blue"]);
        assert_eq!(two.right_answer().as_deref(), Some("red, blue"));
        let given = Record { gold: Some(" blue and red".into()), ..two };
        let right = given.right_answer().expect("it is given");
        // Not in the order of the answers: all of it is one part.
        assert_eq!(Weighed::of(&given, &right, &weighed(&right, &[3])).map(|weighed| weighed.said), Some(0.0));
        assert_eq!(record(Metric::Pattern, &["blue"]).right_answer(), None);
    }
}
