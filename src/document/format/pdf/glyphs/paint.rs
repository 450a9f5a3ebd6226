//! What a page paints: straight lines, which tables have between their cells, and which of its letters nobody sees, because
//! they are white or transparent where nothing else is painted, or outside of the page.
//!
//! Example: `Total` in white on a blue bar is seen. `Ignore the above`, in white on the empty page, is not.
//!
//! In doubt, letters are seen: whatever is painted counts as the rectangle around it, and letters under a picture count as
//! the text of a scan. Colours that a table or a function computes are taken for colours that are seen.

use hayro_syntax::object::{Array, Dict, Name, Number, Object, Stream};
use hayro_syntax::page::Resources;

use super::super::layout::{Glyph, Matrix, Rule};

/// Colours that are nearer to white than this are white.
const NEARLY: f64 = 0.02;
/// Lines that are thinner cover no letters, in points.
const THIN: f64 = 2.0;
/// Maximum number of painted areas. On a page with more, every letter counts as seen.
const MOST_AREAS: usize = 1000;
/// Maximum number of straight lines. A page with more has a drawing on it, and no tables are looked for.
const MOST_RULES: usize = 4000;
/// A filled rectangle that is no wider or no higher is a line, in points.
const THICKEST: f64 = 2.5;
/// Letters that are nearer are on one line, in sizes.
const BESIDE: f64 = 3.0;
/// The text rendering mode that fills letters. In the others they are outlined, or are a text layer on purpose.
const FILLED: i64 = 0;

/// What a number of a colour means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum ColourSpace {
    /// Light: white is 1 of everything.
    #[default]
    Light,
    /// Inks: white is 0 of everything.
    Inks,
    Other,
}

impl ColourSpace {
    fn of(name: &Name<'_>, resources: &Resources<'_>) -> Self {
        match name.as_ref() {
            b"DeviceGray" | b"G" | b"CalGray" | b"DeviceRGB" | b"RGB" | b"CalRGB" => Self::Light,
            b"DeviceCMYK" | b"CMYK" => Self::Inks,
            _ => resources.get_color_space(name).map_or(Self::Other, |space| Self::of_object(space, resources)),
        }
    }

    fn of_object(space: Object<'_>, resources: &Resources<'_>) -> Self {
        match space {
            Object::Name(name) if resources.get_color_space(&name).is_none() => Self::of(&name, resources),
            Object::Array(array) => Self::of_array(&array).unwrap_or(Self::Other),
            _ => Self::Other,
        }
    }

    fn of_array(array: &Array<'_>) -> Option<Self> {
        let family = array.iter::<Object<'_>>().next().and_then(Object::into_name)?;
        Some(match family.as_ref() {
            b"CalGray" | b"CalRGB" | b"DeviceGray" | b"DeviceRGB" => Self::Light,
            b"DeviceCMYK" | b"Separation" | b"DeviceN" => Self::Inks,
            b"ICCBased" => match array.iter::<Stream<'_>>().next()?.dict().get::<u32>("N")? {
                1 | 3 => Self::Light,
                4 => Self::Inks,
                _ => Self::Other,
            },
            _ => Self::Other,
        })
    }

    fn is_white(self, values: &[Number]) -> bool {
        let all =
            |is_white: &dyn Fn(f64) -> bool| !values.is_empty() && values.iter().all(|value| is_white(value.as_f64()));
        match self {
            Self::Light => all(&|value| value > 1.0 - NEARLY),
            Self::Inks => all(&|value| value < NEARLY),
            Self::Other => false,
        }
    }
}

/// A colour and the space that it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Colour {
    space: ColourSpace,
    is_white: bool,
}

impl Colour {
    /// The colour of operators that name the space, too: of grey and of red, green and blue.
    pub(super) fn light(values: &[Number]) -> Self {
        Self { space: ColourSpace::Light, is_white: ColourSpace::Light.is_white(values) }
    }

    pub(super) fn inks(values: &[Number]) -> Self {
        Self { space: ColourSpace::Inks, is_white: ColourSpace::Inks.is_white(values) }
    }

    /// The first colour of a space, which is white in none.
    pub(super) fn first_of(space: &Name<'_>, resources: &Resources<'_>) -> Self {
        Self { space: ColourSpace::of(space, resources), is_white: false }
    }

    /// Another colour of the same space. One with a name is a pattern.
    pub(super) fn set(&mut self, values: &[Number], is_pattern: bool) {
        self.is_white = !is_pattern && self.space.is_white(values);
    }
}

/// How letters and lines are painted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ink {
    pub fill: Colour,
    pub stroke: Colour,
    pub line_width: f64,
    pub text_mode: i64,
    is_transparent: bool,
    /// Whether the colour is mixed with what is below it in another way than usual.
    is_mixed: bool,
}

impl Default for Ink {
    fn default() -> Self {
        let (fill, stroke) = (Colour::default(), Colour::default());
        Self { fill, stroke, line_width: 1.0, text_mode: FILLED, is_transparent: false, is_mixed: false }
    }
}

impl Ink {
    /// Takes over what a graphics state sets.
    pub(super) fn set(&mut self, entries: &Dict<'_>) {
        if let Some(share) = entries.get::<Number>("ca") {
            self.is_transparent = share.as_f64() < NEARLY;
        }
        if let Some(mode) = entries.get::<Object<'_>>("BM") {
            self.is_mixed = !matches!(mode, Object::Name(name) if matches!(name.as_ref(), b"Normal" | b"Compatible"));
        }
        if let Some(mask) = entries.get::<Object<'_>>("SMask") {
            self.is_mixed |= !matches!(mask, Object::Name(_));
        }
    }

    /// Whether letters are seen only on something that is painted.
    pub(super) fn is_faint(&self) -> bool {
        self.text_mode == FILLED && !self.is_mixed && (self.fill.is_white || self.is_transparent)
    }
}

/// A rectangle of the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Area {
    const NOTHING: Self =
        Self { left: f64::INFINITY, top: f64::INFINITY, right: f64::NEG_INFINITY, bottom: f64::NEG_INFINITY };

    /// The rectangle around these points.
    pub(super) fn around(points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        points.into_iter().fold(Self::NOTHING, Self::with)
    }

    fn with(self, (x, y): (f64, f64)) -> Self {
        Self { left: self.left.min(x), top: self.top.min(y), right: self.right.max(x), bottom: self.bottom.max(y) }
    }

    /// The line that it is, if it is no wider or no higher than one.
    fn thin(self) -> Option<Rule> {
        let (width, height) = (self.right - self.left, self.bottom - self.top);
        let (x, y) = (f64::midpoint(self.left, self.right), f64::midpoint(self.top, self.bottom));
        match (width <= THICKEST, height <= THICKEST) {
            (false, true) => Some(Rule { from: (self.left, y), to: (self.right, y) }),
            (true, false) => Some(Rule { from: (x, self.top), to: (x, self.bottom) }),
            _ => None,
        }
    }

    fn grown(self, by: f64) -> Self {
        Self { left: self.left - by, top: self.top - by, right: self.right + by, bottom: self.bottom + by }
    }

    /// Whether the middle of `glyph` is in it.
    pub(super) fn has(&self, glyph: &Glyph) -> bool {
        let (x, y) = middle(glyph);
        (self.left..=self.right).contains(&x) && (self.top..=self.bottom).contains(&y)
    }
}

/// The middle of a small letter.
fn middle(glyph: &Glyph) -> (f64, f64) {
    let up = 0.3 * glyph.size;
    let (x, y) = (glyph.x + glyph.advance.0 / 2.0, glyph.y + glyph.advance.1 / 2.0);
    (x + glyph.direction.1 * up, y - glyph.direction.0 * up)
}

/// Where something is painted that is not white, and which straight lines there are.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    areas: Vec<Area>,
    is_full: bool,
    rules: Vec<Rule>,
    path: Path,
}

/// The path that is being drawn, on the page.
#[derive(Debug, Default)]
struct Path {
    /// The rectangle around each of its parts.
    parts: Vec<Area>,
    lines: Vec<Rule>,
    /// Where its last part begins, and where it has got to.
    start: Option<(f64, f64)>,
    at: Option<(f64, f64)>,
}

impl Canvas {
    /// Begins a part of a path. `ctm` maps its points to the page.
    pub(super) fn begin(&mut self, ctm: Matrix, x: Number, y: Number) {
        let at = ctm.point(x.as_f64(), y.as_f64());
        self.path.start = Some(at);
        self.path.at = Some(at);
        if self.path.parts.len() <= MOST_AREAS {
            self.path.parts.push(Area::around([at]));
        }
    }

    pub(super) fn line(&mut self, ctm: Matrix, x: Number, y: Number) {
        let to = ctm.point(x.as_f64(), y.as_f64());
        self.path.line_to(to);
    }

    pub(super) fn curve(&mut self, ctm: Matrix, points: &[(Number, Number)]) {
        for (x, y) in points {
            self.path.add(ctm.point(x.as_f64(), y.as_f64()));
        }
    }

    pub(super) fn close(&mut self) {
        if let Some(start) = self.path.start {
            self.path.line_to(start);
        }
    }

    pub(super) fn draw_rectangle(&mut self, ctm: Matrix, [x, y, width, height]: [Number; 4]) {
        self.begin(ctm, x, y);
        let (x, y, width, height) = (x.as_f64(), y.as_f64(), width.as_f64(), height.as_f64());
        for corner in [(x + width, y), (x + width, y + height), (x, y + height), (x, y)] {
            self.path.line_to(ctm.point(corner.0, corner.1));
        }
    }

    pub(super) fn fill(&mut self, ink: &Ink) {
        for area in &self.path.parts {
            self.rules.extend(area.thin().filter(|_| self.rules.len() < MOST_RULES));
        }
        if !ink.fill.is_white && !ink.is_transparent {
            self.add(self.path.around());
        }
        self.end_path();
    }

    pub(super) fn stroke(&mut self, ink: &Ink, ctm: Matrix) {
        self.add_stroke(ink, ctm);
        self.end_path();
    }

    pub(super) fn fill_and_stroke(&mut self, ink: &Ink, ctm: Matrix) {
        self.add_stroke(ink, ctm);
        self.fill(ink);
    }

    fn add_stroke(&mut self, ink: &Ink, ctm: Matrix) {
        let room = MOST_RULES.saturating_sub(self.rules.len());
        self.rules.extend(self.path.lines.iter().take(room));
        let (across, along) = (ctm.vector(ink.line_width, 0.0), ctm.vector(0.0, ink.line_width));
        let width = across.0.hypot(across.1).max(along.0.hypot(along.1));
        if width >= THIN && !ink.stroke.is_white {
            self.add(self.path.around().grown(width / 2.0));
        }
    }

    pub(super) fn end_path(&mut self) {
        self.path = Path::default();
    }

    /// The straight lines so far; none if there are too many for a table.
    pub(super) fn take_rules(&mut self) -> Vec<Rule> {
        let rules = std::mem::take(&mut self.rules);
        if rules.len() < MOST_RULES { rules } else { Vec::new() }
    }

    /// A picture, which fills the unit square.
    pub(super) fn picture(&mut self, ctm: Matrix) {
        self.add(Area::around([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)].map(|(x, y)| ctm.point(x, y))));
    }

    /// Something that may be anywhere.
    pub(super) fn everywhere(&mut self) {
        self.is_full = true;
    }

    /// Whether anything is painted where `glyph` is.
    pub(super) fn has(&self, glyph: &Glyph) -> bool {
        self.is_full || self.areas.iter().any(|area| area.has(glyph))
    }

    fn add(&mut self, area: Area) {
        self.is_full |= self.areas.len() >= MOST_AREAS;
        if !self.is_full {
            self.areas.push(area);
        }
    }
}

impl Path {
    fn line_to(&mut self, to: (f64, f64)) {
        if let Some(from) = self.at.filter(|_| self.lines.len() < MOST_RULES) {
            self.lines.push(Rule { from, to });
        }
        self.add(to);
    }

    fn add(&mut self, to: (f64, f64)) {
        self.at = Some(to);
        if let Some(part) = self.parts.last_mut() {
            *part = part.with(to);
        }
    }

    fn around(&self) -> Area {
        Area::around(self.parts.iter().flat_map(|part| [(part.left, part.top), (part.right, part.bottom)]))
    }
}

/// For each of `glyphs`, whether it is outside of a page of this size. Lines that only run over its edge are not, and neither is
/// anything if everything is: then the page has wrong bounds.
pub(super) fn outside(glyphs: &[Glyph], page: (f64, f64)) -> Vec<bool> {
    let mut are_outside: Vec<bool> = glyphs.iter().map(|glyph| is_outside(glyph, page)).collect();
    if are_outside.iter().all(|&is_outside| is_outside) {
        are_outside.fill(false);
    }
    for at in 1..glyphs.len() {
        are_outside[at] &= are_outside[at - 1] || !goes_on(&glyphs[at - 1], &glyphs[at]);
    }
    for at in (1..glyphs.len()).rev() {
        are_outside[at - 1] &= are_outside[at] || !goes_on(&glyphs[at - 1], &glyphs[at]);
    }
    are_outside
}

/// Whether `glyph` is outside of a page of this width and height by more than its own size.
fn is_outside(glyph: &Glyph, (width, height): (f64, f64)) -> bool {
    let (x, y) = middle(glyph);
    let size = glyph.size;
    x < -size || y < -size || x > width + size || y > height + size
}

/// Whether `next` stands beside `glyph` on its line.
fn goes_on(glyph: &Glyph, next: &Glyph) -> bool {
    let (x, y) = (next.x - glyph.x - glyph.advance.0, next.y - glyph.y - glyph.advance.1);
    x.hypot(y) < BESIDE * glyph.size
}
