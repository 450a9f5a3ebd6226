//! Lines of text: pieces on one baseline, with spaces where there are gaps, and with raised and lowered signs.

use std::ops::Range;

use super::accents::composed;
use super::bidi::logical;
use super::fixed::Fixed;
use super::pieces::{Piece, Unit};
use super::rows::{Row, rows};
use super::spacing::spaces;

/// A line of text, and where it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Printed {
    pub text: String,
    pub baseline: f64,
    pub size: f64,
    /// Whether it is the first line of a column.
    pub begins_column: bool,
    /// Whether it follows the line before without a pause, however far it is: the next row of a table.
    pub follows: bool,
    /// Whether it has a gap that is wider than spaces.
    pub has_gap: bool,
}

impl Printed {
    /// A line with the place of `row`.
    pub(super) fn new(text: String, row: &Row) -> Self {
        Self { text, baseline: row.baseline, size: row.size, begins_column: false, follows: false, has_gap: false }
    }
}

/// Signs that are raised or lowered are smaller than this, in sizes of the line that they belong to.
const SMALL: f64 = 0.9;
/// How far they may be raised or lowered, in sizes of that line.
const MOST_RAISED: f64 = 0.65;
const MOST_LOWERED: f64 = 0.4;
/// Signs are raised if they are higher than this, in sizes of that line.
const RAISED: f64 = 0.2;
/// Units and names in formulas are shorter: the number behind a longer word is that of a note.
const SHORTEST_WORD: usize = 4;
/// How far they may reach over the text beside them, in sizes of that line; further if they are hardly shifted, as is
/// the `A` in the logo of LaTeX.
const OVER: f64 = 0.2;
const FAR_OVER: f64 = 0.45;
const HARDLY_SHIFTED: f64 = 0.35;
/// How far they may be from the text of that line, in its sizes.
const NEAR: f64 = 0.6;
/// A gap that is wider than spaces, in sizes. In justified text, spaces reach one.
const GAP: f64 = 1.6;
/// What is covered by more than this share is printed over.
const COVERED: f64 = 0.5;
/// What is narrower than this is a letter or an accent, in sizes, and does not cover others.
const WORD: f64 = 1.2;
/// An initial is at least this much larger than the text beside it.
const INITIAL: f64 = 1.7;

/// The lines of the pieces at `region`, from top to bottom.
pub(super) fn lines(pieces: &[Piece], region: &[usize]) -> Vec<Printed> {
    let (initials, region) = initials(pieces, region);
    let mut rows = rows(pieces, &region);
    rejoin_shifted(pieces, &mut rows);
    let fixed = Fixed::of(pieces, &rows);
    let text =
        |(index, row): (usize, &Row)| fixed.line(pieces, row, index).unwrap_or_else(|| text_of(pieces, &row.pieces));
    let print = |(index, row): (usize, &Row)| Printed {
        has_gap: has_gap(pieces, row),
        ..Printed::new(text((index, row)), row)
    };
    let mut printed: Vec<Printed> = rows.iter().enumerate().map(print).collect();
    for initial in initials {
        begin_with(&pieces[initial], pieces, &rows, &mut printed);
    }
    printed
}

/// Whether a row has a gap that is wider than spaces.
fn has_gap(pieces: &[Piece], row: &Row) -> bool {
    let mut end = f64::INFINITY;
    let mut ends = row.pieces.iter().map(|&index| (pieces[index].left, pieces[index].right));
    ends.any(|(left, right)| {
        let gap = left - end;
        end = if end.is_finite() { end.max(right) } else { right };
        gap > GAP * row.size
    })
}

/// The text of pieces on one line. Text that is printed over other text follows it; a shadow is left out.
pub(super) fn text_of(pieces: &[Piece], line: &[usize]) -> String {
    let mut texts: Vec<String> = Vec::new();
    for layer in layers(pieces, line) {
        let text = layer_text(&layer);
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.join(" ")
}

/// Parts a line into layers that do not cover each other, each from left to right.
fn layers<'a>(pieces: &'a [Piece], line: &[usize]) -> Vec<Vec<&'a Piece>> {
    let mut sorted: Vec<&Piece> = line.iter().map(|&index| &pieces[index]).collect();
    sorted.sort_by(|one, other| one.left.total_cmp(&other.left));
    let mut layers: Vec<Vec<&Piece>> = Vec::new();
    for piece in sorted {
        let is_free = |layer: &&mut Vec<&Piece>| layer.last().is_none_or(|last| !covers(last, piece));
        match layers.iter_mut().find(is_free) {
            Some(layer) => layer.push(piece),
            None => layers.push(vec![piece]),
        }
    }
    layers
}

/// Whether `next`, which begins further on the right, is printed over `piece`.
fn covers(piece: &Piece, next: &Piece) -> bool {
    let shared = piece.right.min(next.right) - next.left;
    let narrower = (piece.right - piece.left).min(next.right - next.left);
    shared > COVERED * narrower && narrower > WORD * piece.size.min(next.size)
}

fn layer_text(sorted: &[&Piece]) -> String {
    let is_spaced = spaces(sorted);
    let mut units: Vec<Unit> = Vec::new();
    let mut raised = raised(sorted, &is_spaced).into_iter().peekable();
    for (index, (piece, is_spaced)) in sorted.iter().zip(is_spaced).enumerate() {
        let mut sign = |text: &str, at: f64| units.push(Unit { text: text.into(), left: at, right: at });
        match raised.peek().filter(|raised| raised.pieces.start == index) {
            Some(raised) => sign(raised.kind.before(), piece.left),
            None if is_spaced => sign(" ", piece.left),
            None => {}
        }
        let first = units.len();
        units.extend(piece.units.iter().cloned());
        units[first..].sort_by(|one, other| one.left.total_cmp(&other.left));
        if let Some(raised) = raised.next_if(|raised| raised.pieces.end == index + 1) {
            units.push(Unit { text: raised.kind.after().into(), left: piece.right, right: piece.right });
        }
    }
    // Line ends of replacement texts are no lines of the page.
    logical(&composed(units)).replace(char::is_control, " ")
}

/// Pieces that are raised above the one before them, and say something else there: `-9` in 10^-9.
struct Raised {
    pieces: Range<usize>,
    kind: RaisedKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RaisedKind {
    /// `10^-9`.
    Exponent,
    /// `2^(n+1)`.
    LongExponent,
    /// The number of a note behind a word: `word[1]`.
    Note,
}

impl RaisedKind {
    fn of(base: &Piece, raised: &str) -> Self {
        let base: String = base.characters().collect();
        let letters = base.chars().rev().take_while(|sign| sign.is_alphabetic()).count();
        let follows_word = letters >= SHORTEST_WORD || base.ends_with([',', '.', ';', ':', '!', '?', '”', '’', '"']);
        if follows_word && raised.chars().all(|sign| sign.is_ascii_digit()) {
            Self::Note
        } else if raised.chars().skip(1).any(|sign| !sign.is_alphanumeric()) {
            Self::LongExponent
        } else {
            Self::Exponent
        }
    }

    const fn before(self) -> &'static str {
        match self {
            Self::Exponent => "^",
            Self::LongExponent => "^(",
            Self::Note => "[",
        }
    }

    const fn after(self) -> &'static str {
        match self {
            Self::Exponent => "",
            Self::LongExponent => ")",
            Self::Note => "]",
        }
    }
}

/// The exponents and notes of a line, without spaces before them.
fn raised(line: &[&Piece], is_spaced: &[bool]) -> Vec<Raised> {
    let mut all = Vec::new();
    let mut at = 1;
    while at < line.len() {
        let base = line[at - 1];
        let is_raised = |index: usize| {
            let piece = line[index];
            // Behind a space, it belongs to the word on whose side there is none: `word 4 and`, but `of 4He`.
            let is_behind =
                !is_spaced[index] || index == at && is_spaced.get(index + 1).is_none_or(|is_spaced| *is_spaced);
            is_behind && piece.size < SMALL * base.size && base.baseline - piece.baseline > RAISED * base.size
        };
        let end = (at..line.len()).find(|&index| !is_raised(index)).unwrap_or(line.len());
        let text: String = line[at..end].iter().flat_map(|piece| piece.characters()).collect();
        if is_exponent(&text) {
            all.push(Raised { pieces: at..end, kind: RaisedKind::of(base, &text) });
        }
        at = end.max(at + 1);
    }
    all
}

/// Whether a raised text changes what is before it: `2`, `-9`, `n`, and not `st` or `*`.
fn is_exponent(text: &str) -> bool {
    let mut signs = text.chars();
    let is_variable = signs.next().is_some_and(char::is_lowercase) && signs.next().is_none();
    is_variable || text.contains(|sign: char| sign.is_ascii_digit())
}

/// Moves raised and lowered signs to the line that they are beside.
pub(super) fn rejoin_shifted(pieces: &[Piece], rows: &mut Vec<Row>) {
    for index in 0..rows.len() {
        let own = rows[index].clone();
        let neighbours = [index.checked_sub(1), Some(index + 1), index.checked_sub(2), Some(index + 2)];
        let count = rows.len();
        for neighbour in neighbours.into_iter().flatten().filter(|&neighbour| neighbour < count) {
            let line = &rows[neighbour];
            let shift = (own.baseline - line.baseline) / line.size;
            let is_line = own.size < SMALL * line.size && (-MOST_RAISED..MOST_LOWERED).contains(&shift);
            if !is_line || line.pieces.is_empty() {
                continue;
            }
            let (moved, left): (Vec<usize>, Vec<usize>) =
                rows[index].pieces.iter().partition(|&&piece| is_at(pieces, piece, line));
            rows[index].pieces = left;
            rows[neighbour].pieces.extend(moved);
        }
    }
    rows.retain(|row| !row.pieces.is_empty());
}

/// Whether a piece is beside those of `line`, and not above or below them.
fn is_at(pieces: &[Piece], index: usize, line: &Row) -> bool {
    let piece = &pieces[index];
    let gap = |other: &Piece| (piece.left - other.right).max(other.left - piece.right) / line.size;
    let gaps = || line.pieces.iter().map(|&other| gap(&pieces[other]));
    let shift = (piece.baseline - line.baseline).abs() / line.size;
    let over = if shift < HARDLY_SHIFTED { FAR_OVER } else { OVER };
    gaps().all(|gap| gap > -over) && gaps().any(|gap| gap < NEAR)
}

/// The large letters that begin paragraphs, and the other pieces.
fn initials(pieces: &[Piece], region: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let mut sizes: Vec<f64> = region.iter().map(|&index| pieces[index].size).collect();
    sizes.sort_by(f64::total_cmp);
    let usual = sizes.get(sizes.len() / 2).copied().unwrap_or(0.0);
    region.iter().partition(|&&index| {
        let piece = &pieces[index];
        let mut characters = piece.characters();
        let is_letter = characters.next().is_some_and(char::is_alphabetic) && characters.next().is_none();
        is_letter && piece.size > INITIAL * usual && is_beside_lines(piece, pieces, region)
    })
}

/// Whether there is smaller text to the right of a piece in two lines or more: near, and not below its baseline.
fn is_beside_lines(initial: &Piece, pieces: &[Piece], region: &[usize]) -> bool {
    let beside = region.iter().map(|&index| &pieces[index]).filter(|piece| is_beside(initial, piece));
    let (top, bottom) = beside.fold((f64::INFINITY, f64::NEG_INFINITY), |(top, bottom), piece| {
        (top.min(piece.baseline), bottom.max(piece.baseline))
    });
    bottom - top > initial.size / 4.0
}

fn is_beside(initial: &Piece, piece: &Piece) -> bool {
    let height = initial.baseline - 0.9 * initial.size..=initial.baseline + 0.1 * initial.size;
    piece.size * INITIAL < initial.size
        && height.contains(&piece.baseline)
        && (-0.1..1.0).contains(&((piece.left - initial.right) / initial.size))
}

/// Puts an initial before the first of the lines that it is beside.
fn begin_with(initial: &Piece, pieces: &[Piece], rows: &[Row], printed: &mut [Printed]) {
    let begun = rows.iter().position(|row| row.pieces.iter().any(|&index| is_beside(initial, &pieces[index])));
    if let Some(line) = begun.and_then(|begun| printed.get_mut(begun)) {
        line.text.insert_str(0, &initial.characters().collect::<String>());
    }
}
