//! How probable are tokens, by the logits of a position?
//!
//! Example: logits 0 and 1.1 (the logarithm of 3) are shares of a quarter and three quarters.

use crate::engine::cache_index::Token;
use crate::engine::message::Weight;

/// How probable `token` is. `None` if there is no such token, or the scores are not numbers.
pub(super) fn weight_of(logits: &[f32], token: usize) -> Option<Weight> {
    let logit = *logits.get(token)?;
    let base = log_sum(logits);
    let log_probability = f64::from(logit) - base;
    let is_likeliest = logits.iter().all(|other| *other <= logit);
    (!log_probability.is_nan()).then_some(Weight { log_probability, is_likeliest })
}

/// The logarithm of the sum of the powers: a logit less this is the logarithm of a probability.
fn log_sum(logits: &[f32]) -> f64 {
    let highest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    // Less the highest, so that no power is too large for a number.
    highest + logits.iter().map(|&logit| (f64::from(logit) - highest).exp()).sum::<f64>().ln()
}

/// How probable `token` is, and the `most` likeliest tokens. `None` if there is no such token, or the scores are not numbers.
pub(super) fn scores_of(logits: &[f32], token: usize, most: usize) -> Option<(f64, Vec<(Token, f64)>)> {
    let base = log_sum(logits);
    let own = f64::from(*logits.get(token)?) - base;
    let mut ids: Vec<usize> = (0..logits.len()).collect();
    let likelier = |one: &usize, other: &usize| logits[*other].total_cmp(&logits[*one]).then(one.cmp(other));
    if most < ids.len() {
        ids.select_nth_unstable_by(most, likelier);
        ids.truncate(most);
    }
    ids.sort_unstable_by(likelier);
    let score = |id: usize| Some((Token(i32::try_from(id).ok()?), f64::from(logits[id]) - base));
    (!own.is_nan()).then_some((own, ids.into_iter().filter_map(score).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_weighs_its_share_of_all() {
        let logits = [1_000.0, 1_000.0 + 3.0_f32.ln(), f32::NEG_INFINITY];
        let shares = [0, 1, 2].map(|token| weight_of(&logits, token).expect("it is one of three"));
        assert!((shares[0].log_probability.exp() - 0.25).abs() < 1e-4, "{shares:?}");
        assert!((shares[1].log_probability.exp() - 0.75).abs() < 1e-4, "{shares:?}");
        assert_eq!(shares.map(|weight| weight.is_likeliest), [false, true, false]);
        assert_eq!((weight_of(&logits, 3), weight_of(&[f32::NAN], 0)), (None, None));
    }

    #[test]
    fn the_likeliest_tokens_come_first_and_of_equals_the_one_with_the_lower_id() {
        let logits = [0.0, 2.0, f32::NEG_INFINITY, 2.0, -1.0];
        let (own, likeliest) = scores_of(&logits, 0, 3).expect("it is one of five");
        assert_eq!(likeliest.iter().map(|(token, _)| token.0).collect::<Vec<_>>(), [1, 3, 0]);
        assert!((own - likeliest[2].1).abs() < 1e-12 && likeliest[0].1 > own, "{likeliest:?}");
        let all = scores_of(&logits, 2, 20).expect("it is one of five");
        let sum: f64 = all.1.iter().map(|(_, score)| score.exp()).sum();
        assert_eq!((all.0, all.1.len()), (f64::NEG_INFINITY, 5));
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        assert_eq!(scores_of(&logits, 1, 0).map(|(_, likeliest)| likeliest.len()), Some(0));
        assert_eq!((scores_of(&logits, 5, 1), scores_of(&[f32::NAN], 0, 1)), (None, None));
    }
}
