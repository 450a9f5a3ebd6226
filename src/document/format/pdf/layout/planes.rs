//! Parts the glyphs of a page by direction, and turns each part until its lines run from left to right.
//!
//! Example: a page with a rotated table and an upright page number gives two planes, the table first, since it has
//! more glyphs. Columns of vertical Japanese, from right to left, become lines from top to bottom.

use super::glyph::Glyph;
use super::ruled::Rule;

/// Directions that differ by less than this are one, in degrees: pages of a scan are askew.
const SAME_DIRECTION: i32 = 3;

/// What glyphs have to have in common to be in a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Heading {
    /// From 0 to 359, clockwise.
    degrees: i32,
    is_vertical: bool,
}

impl Heading {
    fn of(glyph: &Glyph) -> Self {
        let degrees = glyph.direction.1.atan2(glyph.direction.0).to_degrees().round() as i32;
        Self { degrees: degrees.rem_euclid(360), is_vertical: glyph.is_vertical }
    }

    fn is_near(self, other: Self) -> bool {
        let apart = (self.degrees - other.degrees).rem_euclid(360);
        self.is_vertical == other.is_vertical && apart.min(360 - apart) <= SAME_DIRECTION
    }
}

/// Glyphs of one direction, turned.
pub(super) struct Plane {
    pub glyphs: Vec<Glyph>,
    /// By which they were turned.
    pub turn: Turn,
    /// Whether they were not turned, or hardly.
    pub is_upright: bool,
    /// Whether its lines are columns of vertical text.
    pub is_vertical: bool,
}

/// The glyphs of each direction: those of the most common direction first.
pub(super) fn planes(mut glyphs: Vec<Glyph>) -> Vec<Plane> {
    if is_stacked(&glyphs) {
        glyphs.iter_mut().for_each(stand_up);
    }
    let mut counts: Vec<(Heading, usize)> = Vec::new();
    for heading in glyphs.iter().map(Heading::of) {
        match counts.iter_mut().find(|(known, _)| *known == heading) {
            Some((_, count)) => *count += 1,
            None => counts.push((heading, 1)),
        }
    }
    counts.sort_by_key(|&(heading, count)| (std::cmp::Reverse(count), heading));
    let mut left = glyphs;
    let mut planes = Vec::new();
    for (heading, _) in counts {
        let (own, others): (Vec<Glyph>, Vec<Glyph>) =
            left.into_iter().partition(|glyph| Heading::of(glyph).is_near(heading));
        left = others;
        if !own.is_empty() {
            let is_upright = heading.is_near(Heading { degrees: 0, is_vertical: false });
            let turn = Turn::of(&own, heading.is_vertical);
            let glyphs = own.into_iter().map(|glyph| turn.glyph(glyph)).collect();
            planes.push(Plane { glyphs, turn, is_upright, is_vertical: heading.is_vertical });
        }
    }
    planes
}

/// Whether the glyphs are ideographs below each other, in a font that is written from left to right.
fn is_stacked(glyphs: &[Glyph]) -> bool {
    let below = |two: &&[Glyph]| {
        let (x, y) = ((two[1].x - two[0].x) / two[0].size, (two[1].y - two[0].y) / two[0].size);
        x.abs() < 0.3 && (0.7..1.7).contains(&y) && two.iter().all(is_ideograph)
    };
    let upright = glyphs.iter().filter(|glyph| is_ideograph(glyph) && !glyph.is_vertical && glyph.direction.0 > 0.99);
    upright.count() * 2 > glyphs.len() && glyphs.windows(2).filter(below).count() * 5 > glyphs.len() * 3
}

/// From the signs of Chinese, Japanese and Korean on; their punctuation is among them.
fn is_ideograph(glyph: &Glyph) -> bool {
    glyph.text.chars().next().is_some_and(|character| character >= '\u{2e80}')
}

/// Makes a glyph one that is written from top to bottom.
fn stand_up(glyph: &mut Glyph) {
    glyph.is_vertical = true;
    glyph.x += glyph.advance.0 / 2.0;
    glyph.advance = (0.0, glyph.size);
}

/// A rotation of the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turn {
    cos: f64,
    sin: f64,
}

impl Turn {
    /// By the mean direction of `glyphs`.
    fn of(glyphs: &[Glyph], is_vertical: bool) -> Self {
        let sum = glyphs.iter().fold((0.0, 0.0), |sum, glyph| (sum.0 + glyph.direction.0, sum.1 + glyph.direction.1));
        let length = sum.0.hypot(sum.1).max(f64::MIN_POSITIVE);
        let (cos, sin) = (sum.0 / length, sum.1 / length);
        // The lines of vertical text run down the page, a quarter turn from the baseline of each glyph.
        if is_vertical { Self { cos: -sin, sin: cos } } else { Self { cos, sin } }
    }

    fn point(self, (x, y): (f64, f64)) -> (f64, f64) {
        (x * self.cos + y * self.sin, y * self.cos - x * self.sin)
    }

    fn glyph(self, mut glyph: Glyph) -> Glyph {
        (glyph.x, glyph.y) = self.point((glyph.x, glyph.y));
        glyph.advance = self.point(glyph.advance);
        glyph
    }

    pub(super) fn rule(self, rule: &Rule) -> Rule {
        Rule { from: self.point(rule.from), to: self.point(rule.to) }
    }
}
