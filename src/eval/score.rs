//! Scores answers, and computes the confidence interval of a difference between presets.
//!
//! A score is between 0 and 1. The interval of a difference is a paired bootstrap over documents: whole documents are
//! drawn with replacement, both presets are scored on the same draw, and the middle 95% of the differences is the
//! interval.

use std::collections::BTreeMap;

use super::draws::Draws;
use super::records::{Metric, Record, pattern_of};

/// The score of `answer` for `record`, 0 to 1.
#[must_use]
pub fn score(record: &Record, answer: &str) -> f64 {
    let said = answer.to_lowercase();
    let contains = |gold: &String| said.contains(&gold.to_lowercase());
    match record.metric {
        Metric::ContainsAll => {
            record.answers.iter().filter(|gold| contains(gold)).count() as f64 / record.answers.len() as f64
        }
        Metric::ContainsAny => f64::from(u8::from(record.answers.iter().any(contains))),
        Metric::Choice => f64::from(u8::from(chosen_letter(answer) == record.answers[0].trim().chars().next())),
        Metric::Pattern => {
            // Models write either apostrophe, and mark words as bold.
            let plain = answer.replace('’', "'").replace("**", "");
            let finds = |pattern: &String| pattern_of(pattern).is_ok_and(|pattern| pattern.is_match(&plain));
            f64::from(u8::from(record.answers.iter().any(finds) && !record.not.iter().any(finds)))
        }
        Metric::F1 => record.answers.iter().map(|gold| word_overlap(gold, answer)).fold(0.0, f64::max),
    }
}

/// The letter in the last `(X)`, or the answer itself if it is a single letter.
fn chosen_letter(answer: &str) -> Option<char> {
    let bracketed = answer.rmatch_indices('(').find_map(|(at, _)| {
        let mut rest = answer[at + 1..].chars();
        let letter = rest.next().filter(char::is_ascii_uppercase)?;
        (rest.next() == Some(')')).then_some(letter)
    });
    let alone = || {
        let mut letters = answer.trim().trim_end_matches('.').chars();
        letters.next().filter(|letter| letter.is_ascii_uppercase() && letters.next().is_none())
    };
    bracketed.or_else(alone)
}

fn words(text: &str) -> Vec<String> {
    let kept: String = text.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    kept.split_whitespace().filter(|word| !["a", "an", "the"].contains(word)).map(str::to_owned).collect()
}

/// F1 over words, as `SQuAD`'s script computes it.
fn word_overlap(gold: &str, answer: &str) -> f64 {
    let (gold, said) = (words(gold), words(answer));
    let mut unmatched = said.clone();
    let common = gold
        .iter()
        .filter(|word| unmatched.iter().position(|other| other == *word).map(|at| unmatched.swap_remove(at)).is_some())
        .count() as f64;
    if common == 0.0 {
        return 0.0;
    }
    let (precision, recall) = (common / said.len() as f64, common / gold.len() as f64);
    2.0 * precision * recall / (precision + recall)
}

/// A mean difference with its 95% interval.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Difference {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

impl Difference {
    /// Half of the interval's width.
    #[must_use]
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    #[must_use]
    pub(super) fn times(self, factor: f64) -> Self {
        Self { mean: self.mean * factor, low: self.low * factor, high: self.high * factor }
    }
}

/// Scores of one document's questions under one preset, by record id.
pub type DocumentScores = BTreeMap<String, f64>;

/// Mean of `scores` minus mean of `reference`, over the questions that both answered. `None` if there are none.
///
/// Both are indexed by document. The draws are the same in each run, so that the table is reproducible.
#[must_use]
pub fn difference(
    scores: &BTreeMap<String, DocumentScores>,
    reference: &BTreeMap<String, DocumentScores>,
) -> Option<Difference> {
    let pairs: Vec<Vec<f64>> =
        scores.iter().filter_map(|(document, own)| paired(own, reference.get(document)?)).collect();
    let mean = mean_of(pairs.iter())?;
    let mut random = Draws::new(0x5eed);
    let mut draws: Vec<f64> =
        (0..DRAWS).filter_map(|_| mean_of((0..pairs.len()).map(|_| &pairs[random.below(pairs.len())]))).collect();
    draws.sort_by(f64::total_cmp);
    let at = |share: f64| draws[((draws.len() - 1) as f64 * share).round() as usize];
    Some(Difference { mean, low: at(0.025), high: at(0.975) })
}

/// Enough for the interval's ends to move by less than half a point between seeds.
const DRAWS: usize = 4000;

fn paired(own: &DocumentScores, reference: &DocumentScores) -> Option<Vec<f64>> {
    let pairs: Vec<f64> = own.iter().filter_map(|(id, score)| Some(score - reference.get(id)?)).collect();
    (!pairs.is_empty()).then_some(pairs)
}

fn mean_of<'a>(documents: impl Iterator<Item = &'a Vec<f64>>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_usize);
    for differences in documents {
        sum += differences.iter().sum::<f64>();
        count += differences.len();
    }
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::records::fixtures::record;

    #[test]
    fn each_metric_counts_what_it_says() {
        let all = record(Metric::ContainsAll, &["XQMOQ", "grhfc"]);
        assert!((score(&all, "they are xqmoq and nothing else") - 0.5).abs() < 1e-9);
        assert!((score(&record(Metric::ContainsAny, &["bed", "sofa"]), "on the Sofa") - 1.0).abs() < 1e-9);
        assert!(
            (score(&record(Metric::Choice, &["B"]), "(A) is wrong. The correct answer is (B).") - 1.0).abs() < 1e-9
        );
        assert!(score(&record(Metric::Choice, &["B"]), "A").abs() < 1e-9);
        // Two of three words said are right, two of two wanted were said.
        let f1 = score(&record(Metric::F1, &["the red house"]), "a red brick house");
        assert!((f1 - 0.8).abs() < 1e-9, "got {f1}");
    }

    #[test]
    fn a_pattern_is_found_whatever_the_case_and_nothing_that_is_wrong_beside_it() {
        let coat = Record { not: vec![r"\bred\b".into()], ..record(Metric::Pattern, &[r"\bblue\b", "azure"]) };
        let scores = ["It was\n**Blue**.", "A bluebell.", "Blue, or red.", "AZURE", ""].map(|said| score(&coat, said));
        assert_eq!(scores.map(|score| score > 0.5), [true, false, false, true, false]);
    }

    #[test]
    fn equal_scores_differ_by_nothing_and_worse_ones_by_an_interval_below_zero() {
        let by = |value: f64| -> BTreeMap<String, DocumentScores> {
            (0..40)
                .map(|n| (format!("d{n}"), BTreeMap::from([("q".to_owned(), if n % 4 == 0 { 0.0 } else { value })])))
                .collect()
        };
        assert_eq!(difference(&by(1.0), &by(1.0)), Some(Difference { mean: 0.0, low: 0.0, high: 0.0 }));
        let worse = difference(&by(0.5), &by(1.0)).expect("forty pairs");
        assert!((worse.mean + 0.375).abs() < 1e-9 && worse.low < worse.mean && worse.high < 0.0, "got {worse:?}");
        assert_eq!(difference(&by(1.0), &BTreeMap::new()), None);
    }
}
