//! Affine transformations of the plane, as PDF writes them: six numbers.

#![expect(clippy::many_single_char_names, reason = "the names of ISO 32000-1, 8.3.3")]

use std::ops::Mul;

/// `[a b c d e f]`: the point (x, y) becomes (a·x + c·y + e, b·x + d·y + f).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Matrix(pub [f64; 6]);

impl Matrix {
    pub(in super::super) const IDENTITY: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    pub(in super::super) const fn translation(x: f64, y: f64) -> Self {
        Self([1.0, 0.0, 0.0, 1.0, x, y])
    }

    pub(in super::super) fn point(self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f] = self.0;
        (a * x + c * y + e, b * x + d * y + f)
    }

    /// As [`Self::point`], for a distance: nothing is added.
    pub(in super::super) fn vector(self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, ..] = self.0;
        (a * x + c * y, b * x + d * y)
    }

    pub(in super::super) fn is_finite(self) -> bool {
        self.0.iter().all(|number| number.is_finite())
    }
}

impl Mul for Matrix {
    type Output = Self;

    /// First `other`, then `self`.
    fn mul(self, other: Self) -> Self {
        let ([a, b, c, d, ..], [e, f]) = (other.0, [other.0[4], other.0[5]]);
        let (first, second, origin) = (self.vector(a, b), self.vector(c, d), self.point(e, f));
        Self([first.0, first.1, second.0, second.1, origin.0, origin.1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_one_comes_first() {
        let both = Matrix::translation(10.0, 0.0) * Matrix([2.0, 0.0, 0.0, 3.0, 0.0, 0.0]);
        assert_eq!(both.point(1.0, 1.0), (12.0, 3.0));
        assert_eq!(both.vector(1.0, 1.0), (2.0, 3.0));
    }
}
