//! Where the pieces of a line have spaces between them.
//!
//! A gap is a space if it is wider than gaps between letters. What these are depends on the line: in `A N N U A L`
//! they are as wide as words are apart elsewhere.

use std::ops::Range;

use super::pieces::Piece;

/// A wider gap is a space, in sizes of the smaller text. In TeX, spaces shrink to 0.22; kerning stays below 0.1.
const SPACE: f64 = 0.12;
/// Letters that are further apart than this are no spaced word, in sizes.
const WIDEST_TRACKING: f64 = 0.75;
/// Letters that are nearer are one word even if nothing tells where words end, in sizes.
const NARROW_TRACKING: f64 = 0.45;
/// Fewest signs that stand alone, one after the other, of spaced words.
const FEWEST_SIGNS: usize = 4;
/// The gap between spaced words is this much wider than that between their letters.
const WORDS_APART: f64 = 1.4;

/// For each piece of a line, from left to right, whether there is a space before it.
pub(super) fn spaces(line: &[&Piece]) -> Vec<bool> {
    let pairs = line.windows(2).map(|two| is_space(two[0], two[1]));
    let mut spaces: Vec<bool> = std::iter::once(false).chain(pairs).collect();
    for run in spaced_words(line) {
        close_up(line, run, &mut spaces);
    }
    join_marks(line, &mut spaces);
    spaces
}

/// Moves spaces away from between letters and their marks, such as accents and vowels: in scripts from right to left, the
/// letter is on the right.
fn join_marks(line: &[&Piece], spaces: &mut [bool]) {
    for at in 0..line.len() {
        match mark(line[at]) {
            Some(Mark::OfTheLeft) => spaces[at] = false,
            Some(Mark::OfTheRight) if at + 1 < line.len() => {
                spaces[at] |= at > 0 && spaces[at + 1];
                spaces[at + 1] = false;
            }
            _ => {}
        }
    }
}

/// Where the letter of a mark is.
enum Mark {
    OfTheLeft,
    OfTheRight,
}

/// Whether a piece has nothing but marks.
fn mark(piece: &Piece) -> Option<Mark> {
    let is = |range: &dyn Fn(char) -> bool| piece.characters().all(range);
    if is(&|sign| matches!(sign, '\u{300}'..='\u{36f}')) {
        Some(Mark::OfTheLeft)
    } else if is(
        &|sign| matches!(sign, '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}'),
    ) {
        Some(Mark::OfTheRight)
    } else {
        None
    }
}

fn gap(left: &Piece, right: &Piece) -> f64 {
    (right.left - left.right) / left.size.min(right.size)
}

fn is_shown(left: &Piece, right: &Piece) -> bool {
    left.has_space_after || right.has_space_before
}

fn is_space(left: &Piece, right: &Piece) -> bool {
    let gap = gap(left, right);
    gap > SPACE || is_shown(left, right) && gap > -SPACE
}

/// Runs of pieces of one sign each, most of them letters, that are not far from each other.
fn spaced_words(line: &[&Piece]) -> Vec<Range<usize>> {
    let is_single = |at: usize| line[at].characters().nth(1).is_none();
    let is_near = |at: usize| gap(line[at - 1], line[at]) < 4.0 * WIDEST_TRACKING;
    let mut runs = Vec::new();
    let mut start = 0;
    for at in 0..=line.len() {
        if at < line.len() && is_single(at) && (at == start || is_near(at)) {
            continue;
        }
        let is_letter = |sign: &char| sign.is_lowercase() || sign.is_uppercase();
        let letters = line[start..at].iter().flat_map(|piece| piece.characters()).filter(is_letter);
        if at - start >= FEWEST_SIGNS && letters.count() * 3 > (at - start) * 2 {
            runs.push(start..at);
        }
        start = if at < line.len() && is_single(at) { at } else { at + 1 };
    }
    runs
}

/// Takes the spaces between the letters of spaced words away, if wider gaps, or the spaces that the file shows, tell
/// letters from words, or if the letters are one word.
fn close_up(line: &[&Piece], run: Range<usize>, spaces: &mut [bool]) {
    let pairs: Vec<usize> = run.skip(1).collect();
    let gaps: Vec<f64> = pairs.iter().map(|&at| gap(line[at - 1], line[at])).collect();
    let mut sorted = gaps.clone();
    sorted.sort_by(f64::total_cmp);
    let usual = sorted[sorted.len() / 2];
    let shown = pairs.iter().filter(|&&at| is_shown(line[at - 1], line[at])).count();
    let is_tracked = sorted[0] > usual / 3.0 && (SPACE..WIDEST_TRACKING).contains(&usual);
    let has_words = sorted.last().is_some_and(|widest| *widest > WORDS_APART * usual);
    // Without any space, it is one word if its letters are near enough.
    let shows_words = shown * 2 < pairs.len() && (shown > 0 || usual < NARROW_TRACKING);
    if is_tracked && (has_words || shows_words) {
        for (at, gap) in pairs.into_iter().zip(gaps) {
            spaces[at] = gap > WORDS_APART * usual || shows_words && is_shown(line[at - 1], line[at]);
        }
    }
}
