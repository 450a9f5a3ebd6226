//! Joins glyphs to pieces of words: glyphs on a baseline that touch, in the order in which the file shows them.
//!
//! A piece is a word, or a part of one: producers change fonts within words, and place letters one by one.

use std::collections::HashSet;

use super::glyph::Glyph;

/// A larger gap ends a piece, in sizes of the font. Spaces are narrower than a fifth in no font, kerning is less.
const LARGEST_GAP: f64 = 0.12;
/// How far a glyph may go back over the one before, in sizes: accents, kerning.
const LARGEST_OVERLAP: f64 = 0.5;
/// Baselines that differ by more are others, in sizes.
const SAME_BASELINE: f64 = 0.1;
/// Glyphs that are closer than this and alike are one that was printed twice, for a bold look or a shadow; in sizes.
const SAME_PLACE: f64 = 0.1;

/// Glyphs that touch.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    /// In the order in which the file shows them, usually from left to right.
    pub units: Vec<Unit>,
    pub left: f64,
    pub right: f64,
    pub baseline: f64,
    pub size: f64,
    /// Place in the order in which the file shows the pieces.
    pub order: usize,
    /// Whether the file shows a space on its right.
    pub has_space_after: bool,
    /// Whether the file shows a space on its left.
    pub has_space_before: bool,
    /// Whether it is in a field of a form.
    pub is_field: bool,
}

/// A glyph of a piece.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unit {
    pub text: Box<str>,
    pub left: f64,
    pub right: f64,
}

impl Piece {
    /// Its characters.
    pub(super) fn characters(&self) -> impl Iterator<Item = char> + '_ {
        self.units.iter().flat_map(|unit| unit.text.chars())
    }
}

/// The pieces of a plane.
pub(super) fn pieces(glyphs: &[Glyph]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut places = Places::default();
    // The middle of the space that was shown last, if nothing has been shown since.
    let mut space: Option<f64> = None;
    for glyph in glyphs {
        if glyph.text.is_empty() {
            continue;
        }
        let (left, right) = ends(glyph);
        let middle = f64::midpoint(left, right);
        if glyph.is_space() {
            if let Some(last) = pieces.last_mut().filter(|last| is_beside(last, glyph)) {
                last.note_space(middle);
                space = Some(middle);
            }
            continue;
        }
        if !places.insert(glyph) {
            continue;
        }
        let unit = Unit { text: glyph.text.clone(), left, right };
        let before = space.take();
        if let Some(last) = pieces.last_mut().filter(|last| before.is_none() && touches(last, glyph)) {
            last.push(unit, glyph.size);
            continue;
        }
        let before = before.filter(|_| pieces.last().is_some_and(|last| is_beside(last, glyph)));
        let mut piece = Piece {
            units: vec![unit],
            left,
            right,
            baseline: glyph.y,
            size: glyph.size,
            order: pieces.len(),
            has_space_after: false,
            has_space_before: false,
            is_field: glyph.is_field,
        };
        if let Some(space) = before {
            piece.note_space(space);
        }
        pieces.push(piece);
    }
    pieces
}

impl Piece {
    /// Notes a space with this middle: some producers show text from right to left.
    fn note_space(&mut self, middle: f64) {
        if middle >= f64::midpoint(self.left, self.right) {
            self.has_space_after = true;
        } else {
            self.has_space_before = true;
        }
    }

    fn push(&mut self, unit: Unit, size: f64) {
        (self.left, self.right) = (self.left.min(unit.left), self.right.max(unit.right));
        self.size = self.size.max(size);
        self.units.push(unit);
    }
}

/// The left and the right end of a glyph.
fn ends(glyph: &Glyph) -> (f64, f64) {
    let end = glyph.x + glyph.advance.0;
    (glyph.x.min(end), glyph.x.max(end))
}

/// Whether `glyph` is on the baseline of `piece`.
fn is_beside(piece: &Piece, glyph: &Glyph) -> bool {
    (piece.baseline - glyph.y).abs() <= SAME_BASELINE * piece.size.max(glyph.size)
}

/// Whether `glyph` goes on where `piece` ends: on its right, or on its left.
fn touches(piece: &Piece, glyph: &Glyph) -> bool {
    let (left, right) = ends(glyph);
    let (last_left, last_right) = piece.units.last().map_or((piece.left, piece.right), |unit| (unit.left, unit.right));
    let size = piece.size.min(glyph.size);
    let gap = if left < last_left && right < last_right { last_left - right } else { left - last_right } / size;
    let is_alike = piece.size.max(glyph.size) < 1.5 * size;
    is_alike
        && piece.is_field == glyph.is_field
        && is_beside(piece, glyph)
        && (-LARGEST_OVERLAP..=LARGEST_GAP).contains(&gap)
}

/// A glyph's text, the size of the squares into which the page is divided for it, and its square.
type Place<'a> = (&'a str, u64, i64, i64);

/// Where which glyph is, to find those that are printed twice.
#[derive(Default)]
struct Places<'a> {
    seen: HashSet<Place<'a>>,
}

impl<'a> Places<'a> {
    /// Whether no glyph like this one has been seen at its place.
    fn insert(&mut self, glyph: &'a Glyph) -> bool {
        // Without widths, all glyphs of a string are at one place.
        if glyph.advance.0.abs() < 0.01 * glyph.size {
            return true;
        }
        let step = (SAME_PLACE * glyph.size).min(0.4 * glyph.advance.0.abs()).max(0.05);
        let (x, y) = ((glyph.x / step).floor() as i64, (glyph.y / step).floor() as i64);
        let is_half = |value: f64| if (value / step).fract().rem_euclid(1.0) < 0.5 { -1 } else { 1 };
        let (beside, below) = (x.saturating_add(is_half(glyph.x)), y.saturating_add(is_half(glyph.y)));
        let near = [(x, y), (beside, y), (x, below), (beside, below)];
        if near.iter().any(|&(x, y)| self.seen.contains(&(&*glyph.text, step.to_bits(), x, y))) {
            return false;
        }
        self.seen.insert((&glyph.text, step.to_bits(), x, y));
        true
    }
}
