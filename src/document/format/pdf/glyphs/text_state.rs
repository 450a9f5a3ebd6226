//! The state of text in a content stream: font, spacing, and where the next glyph goes.

use std::rc::Rc;

use super::super::layout::{Glyph, Matrix};
use super::font::PageFont;

/// What the operators between `BT` and `ET` set. Sizes and spaces are in units of text space.
#[derive(Clone)]
pub(super) struct TextState<'a> {
    pub font: Option<Rc<PageFont<'a>>>,
    pub size: f64,
    pub char_space: f64,
    pub word_space: f64,
    /// Horizontal scaling; 1 is normal.
    pub stretch: f64,
    pub leading: f64,
    pub rise: f64,
    pub matrix: Matrix,
    pub line_matrix: Matrix,
}

impl Default for TextState<'_> {
    fn default() -> Self {
        Self {
            font: None,
            size: 1.0,
            char_space: 0.0,
            word_space: 0.0,
            stretch: 1.0,
            leading: 0.0,
            rise: 0.0,
            matrix: Matrix::IDENTITY,
            line_matrix: Matrix::IDENTITY,
        }
    }
}

impl TextState<'_> {
    pub(super) fn set_matrix(&mut self, matrix: Matrix) {
        (self.matrix, self.line_matrix) = (matrix, matrix);
    }

    /// Begins a new line, this far from the start of the last.
    pub(super) fn next_line(&mut self, x: f64, y: f64) {
        self.set_matrix(self.line_matrix * Matrix::translation(x, y));
    }

    /// Moves on by `thousandths` of the size against the direction of writing.
    pub(super) fn adjust(&mut self, thousandths: f64) {
        let distance = -thousandths / 1000.0 * self.size;
        self.move_on(if self.is_vertical() { (0.0, distance) } else { (distance * self.stretch, 0.0) });
    }

    /// Shows the glyphs of a string: each goes to `show`, with its place on the page. `ctm` maps user space to the page.
    pub(super) fn show(&mut self, bytes: &[u8], ctm: Matrix, show: &mut dyn FnMut(Glyph)) {
        let Some(font) = self.font.clone() else { return };
        let mut at = 0;
        while at < bytes.len() {
            let code = font.code(bytes, at);
            at += code.bytes.max(1);
            let moved = self.advance_of(&font, &code);
            if let Some(glyph) = self.glyph(&font, code.number, moved.without_spaces, ctm) {
                show(glyph);
            }
            self.move_on(moved.whole);
        }
    }

    fn is_vertical(&self) -> bool {
        self.font.as_ref().is_some_and(|font| font.is_vertical())
    }

    fn move_on(&mut self, (x, y): (f64, f64)) {
        self.matrix = self.matrix * Matrix::translation(x, y);
    }

    fn advance_of(&self, font: &PageFont<'_>, code: &Code) -> Moved {
        let (x, y) = font.advance(code.number);
        let word_space = if code.bytes == 1 && code.number == 32 { self.word_space } else { 0.0 };
        let spaces = self.char_space + word_space;
        if font.is_vertical() {
            Moved { without_spaces: (0.0, y * self.size), whole: (0.0, y * self.size + spaces) }
        } else {
            let width = x * self.size * self.stretch;
            Moved { without_spaces: (width, 0.0), whole: (width + spaces * self.stretch, 0.0) }
        }
    }

    fn glyph(&self, font: &PageFont<'_>, code: u32, advance: (f64, f64), ctm: Matrix) -> Option<Glyph> {
        let to_page = ctm * self.matrix;
        let (x, y) = to_page.point(0.0, self.rise);
        let along = to_page.vector(1.0, 0.0);
        let up = to_page.vector(0.0, 1.0);
        let length = along.0.hypot(along.1);
        let size = (up.0.hypot(up.1) * self.size * font.em()).abs();
        let advance = to_page.vector(advance.0, advance.1);
        let is_placed = [x, y, advance.0, advance.1, size].iter().all(|number| number.is_finite());
        // Mirrored or turned by a negative size: the direction of writing is that of the advance.
        let sign = if self.size * self.stretch < 0.0 { -1.0 } else { 1.0 };
        (is_placed && length > 0.0 && size > 0.0).then(|| Glyph {
            text: font.text(code),
            x,
            y,
            advance,
            direction: (sign * along.0 / length, sign * along.1 / length),
            size,
            is_vertical: font.is_vertical(),
            is_field: false,
        })
    }
}

/// A character code of a string.
pub(super) struct Code {
    pub number: u32,
    /// How many bytes of the string it takes.
    pub bytes: usize,
}

/// How far a glyph moves the text on.
struct Moved {
    without_spaces: (f64, f64),
    whole: (f64, f64),
}
