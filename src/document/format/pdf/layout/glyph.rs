//! A glyph on a page: the characters that it stands for, and its place.

/// A glyph, in points. The page's upper left corner is the origin, and y grows downwards.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Glyph {
    /// Usually one character; several for a ligature, none for a glyph without a map to text.
    pub text: Box<str>,
    /// The origin of the glyph, on its baseline.
    pub x: f64,
    pub y: f64,
    /// From this origin to that of the next glyph, without additional spacing.
    pub advance: (f64, f64),
    /// The direction of the baseline: a vector of length 1.
    pub direction: (f64, f64),
    /// The size of the font.
    pub size: f64,
    /// Whether the font is written from top to bottom.
    pub is_vertical: bool,
    /// Whether it is in a field of a form. Files show these after the page.
    pub is_field: bool,
}

impl Glyph {
    /// Whether it is white space.
    pub(in super::super) fn is_space(&self) -> bool {
        self.text.chars().all(char::is_whitespace)
    }
}
