//! Runs the content streams of a page, and collects the glyphs that they show. Nothing is drawn.
//!
//! Invisible text is collected too: it is the text of scans that somebody recognised. A replacement text
//! (`/ActualText`) takes the place of the glyphs that it is for. Layers that are off are left out. Letters that nobody
//! sees ([`paint`]) are kept apart.
//!
//! [`paint`]: super::paint

use std::rc::Rc;

use hayro_syntax::content::TypedIter;
use hayro_syntax::content::ops::TypedInstruction as Operator;
use hayro_syntax::object::{Array, Dict, Name, Number, Object, Rect, Stream, String as PdfString};
use hayro_syntax::page::Resources;

use super::super::layout::{Glyph, Matrix, Rule};
use super::font::{FontStore, PageFont};
use super::layers::Layers;
use super::paint::{Area, Canvas, Colour, Ink, outside};
use super::text_state::TextState;
use super::text_string::decoded;

/// Maximum depth of forms within forms.
const MOST_FORMS_DEEP: usize = 12;
/// Maximum number of forms that a page draws. A form that draws itself twice would never end.
const MOST_FORMS: usize = 20_000;
/// Maximum number of operators of a page, those of its forms included.
const MOST_OPERATORS: usize = 20_000_000;
/// Maximum depth of saved states.
const MOST_SAVED: usize = 512;
/// Maximum number of glyphs of a page. A printed page has 5,000.
const MOST_GLYPHS: usize = 1_000_000;

/// Text that is smaller is not meant to be read, as a share of the shorter side of the page: 0.9 points on A4, where the
/// smallest print has 4.
const TINY: f64 = 0.0015;

/// The size of text that is written by its value alone.
const LARGEST_WRITTEN: f64 = 12.0;

/// What a page shows.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub glyphs: Vec<Glyph>,
    /// Glyphs that are white or transparent, on nothing.
    pub faint: Vec<Glyph>,
    /// Glyphs outside of the page.
    pub outside: Vec<Glyph>,
    /// Glyphs that are too small to be read.
    pub tiny: Vec<Glyph>,
    /// Straight lines.
    pub rules: Vec<Rule>,
    pub has_picture: bool,
    /// Glyphs that nothing maps to text.
    pub unmapped: usize,
}

/// Collects what the content streams of one page show.
pub(super) struct Collector<'r, 'a> {
    fonts: &'r FontStore<'a>,
    layers: &'r Layers,
    shown: Shown,
    canvas: Canvas,
    /// The glyphs that are seen only on something, as indices.
    faint: Vec<usize>,
    forms: usize,
    operators: usize,
    /// Why the rest was not read.
    stopped: Option<String>,
}

/// What `q` saves and `Q` restores.
#[derive(Clone)]
struct State<'a> {
    ctm: Matrix,
    text: TextState<'a>,
    ink: Ink,
}

/// A stretch of marked content that is open.
struct Marked {
    is_hidden: bool,
    /// A text that replaces the glyphs from this one on.
    replacement: Option<(usize, String)>,
}

/// A content stream that is being run.
struct Run<'s, 'a> {
    resources: &'s Resources<'a>,
    state: State<'a>,
    saved: Vec<State<'a>>,
    saved_too_many: usize,
    marked: Vec<Marked>,
    is_hidden: bool,
    deep: usize,
}

impl<'r, 'a> Collector<'r, 'a> {
    pub(super) fn new(fonts: &'r FontStore<'a>, layers: &'r Layers) -> Self {
        let (shown, canvas, faint) = (Shown::default(), Canvas::default(), Vec::new());
        Self { fonts, layers, shown, canvas, faint, forms: 0, operators: 0, stopped: None }
    }

    /// What was shown on a page of this width and height. Fails if the page has more than a page can have.
    pub(super) fn finish(mut self, page: (f64, f64)) -> Result<Shown, String> {
        if let Some(reason) = self.stopped {
            return Err(reason);
        }
        self.shown.rules = self.canvas.take_rules();
        let all = std::mem::take(&mut self.shown.glyphs);
        let mut faint = self.faint.into_iter().peekable();
        let is_outside = outside(&all, page);
        for (index, (glyph, is_outside)) in all.into_iter().zip(is_outside).enumerate() {
            let is_faint = faint.next_if_eq(&index).is_some() && !self.canvas.has(&glyph);
            let place = if is_outside {
                &mut self.shown.outside
            } else if is_faint {
                &mut self.shown.faint
            } else if glyph.size < TINY * page.1.min(page.0) {
                &mut self.shown.tiny
            } else {
                &mut self.shown.glyphs
            };
            place.push(glyph);
        }
        Ok(self.shown)
    }

    /// The glyphs so far whose middle is in one of `areas`, such as those that a comment is about.
    pub(super) fn glyphs_in(&self, areas: &[Area]) -> Vec<Glyph> {
        let glyphs = self.shown.glyphs.iter();
        glyphs.filter(|glyph| areas.iter().any(|area| area.has(glyph))).cloned().collect()
    }

    /// As [`Self::run`], for the field of a form.
    pub(super) fn run_field(&mut self, content: &[u8], resources: &Resources<'a>, ctm: Matrix) {
        let before = self.shown.glyphs.len();
        self.run(content, resources, ctm);
        self.shown.glyphs.iter_mut().skip(before).for_each(|glyph| glyph.is_field = true);
    }

    /// Runs the content of a page or of an annotation. `ctm` maps its user space to the page.
    pub(super) fn run(&mut self, content: &[u8], resources: &Resources<'a>, ctm: Matrix) {
        self.run_deep(content, resources, State { ctm, text: TextState::default(), ink: Ink::default() }, 0);
    }

    /// Writes `text` into a rectangle of user space, as one glyph a line, since it has no fonts.
    pub(super) fn write(&mut self, text: &str, ctm: Matrix, place: Rect) {
        let lines: Vec<&str> = text.split(['\r', '\n']).filter(|line| !line.trim().is_empty()).collect();
        let size = ((place.y1 - place.y0) / lines.len().max(1) as f64).clamp(1.0, LARGEST_WRITTEN);
        for (index, line) in lines.into_iter().enumerate() {
            let (x, y) = ctm.point(place.x0, place.y1 - size * (index as f64 + 0.8));
            let advance = ctm.vector(line.chars().count() as f64 * size / 2.0, 0.0);
            let length = advance.0.hypot(advance.1);
            if length > 0.0 && length.is_finite() {
                let direction = (advance.0 / length, advance.1 / length);
                let text = line.into();
                let (is_vertical, is_field) = (false, true);
                self.shown.glyphs.push(Glyph { text, x, y, advance, direction, size, is_vertical, is_field });
            }
        }
    }

    fn run_deep(&mut self, content: &[u8], resources: &Resources<'a>, state: State<'a>, deep: usize) {
        let mut run =
            Run { resources, state, saved: Vec::new(), saved_too_many: 0, marked: Vec::new(), is_hidden: false, deep };
        let mut operators = TypedIter::new(content);
        while let Some(operator) = operators.next() {
            self.operators += 1;
            if self.operators > MOST_OPERATORS {
                self.stopped = Some(format!("it has more than {MOST_OPERATORS} operators"));
            }
            if self.stopped.is_some() {
                return;
            }
            self.apply(&operator, &mut run);
        }
        while let Some(marked) = run.marked.pop() {
            self.close(marked);
        }
    }

    fn apply(&mut self, operator: &Operator<'_, '_>, run: &mut Run<'_, 'a>) {
        if self.paint(operator, run) {
            return;
        }
        let text = &mut run.state.text;
        match operator {
            Operator::SaveState(_) => run.save(),
            Operator::RestoreState(_) => run.restore(),
            Operator::Transform(numbers) => run.state.ctm = run.state.ctm * matrix(&operands6(numbers)),
            Operator::BeginText(_) => text.set_matrix(Matrix::IDENTITY),
            Operator::CharacterSpacing(space) => text.char_space = space.0.as_f64(),
            Operator::WordSpacing(space) => text.word_space = space.0.as_f64(),
            Operator::HorizontalScaling(percent) => text.stretch = percent.0.as_f64() / 100.0,
            Operator::TextLeading(leading) => text.leading = leading.0.as_f64(),
            Operator::TextRise(rise) => text.rise = rise.0.as_f64(),
            Operator::TextFont(font) => {
                text.size = font.1.as_f64();
                text.font = Some(self.font(run.resources.get_font(font.0)));
            }
            Operator::SetGraphicsState(name) => self.set_graphics_state(name.0, run),
            Operator::NextLine(by) => text.next_line(by.0.as_f64(), by.1.as_f64()),
            Operator::NextLineAndSetLeading(by) => {
                text.leading = -by.1.as_f64();
                text.next_line(by.0.as_f64(), by.1.as_f64());
            }
            Operator::SetTextMatrix(numbers) => text.set_matrix(matrix(&operands6_text(numbers))),
            Operator::NextLineUsingLeading(_) => text.next_line(0.0, -text.leading),
            Operator::ShowText(shown) => self.show(shown.0.as_bytes(), run),
            Operator::NextLineAndShowText(shown) => {
                text.next_line(0.0, -text.leading);
                self.show(shown.0.as_bytes(), run);
            }
            Operator::ShowTextWithParameters(shown) => {
                (text.word_space, text.char_space) = (shown.0.as_f64(), shown.1.as_f64());
                text.next_line(0.0, -text.leading);
                self.show(shown.2.as_bytes(), run);
            }
            Operator::ShowTexts(shown) => self.show_adjusted(shown.0, run),
            Operator::XObject(name) => self.draw(run.resources.get_x_object(name.0), run),
            Operator::InlineImage(_) => self.picture(run.state.ctm),
            Operator::BeginMarkedContent(_) => run.open(Marked { is_hidden: false, replacement: None }),
            Operator::BeginMarkedContentWithProperties(begun) => self.open(begun.0, begun.1, run),
            Operator::EndMarkedContent(_) => {
                if let Some(marked) = run.marked.pop() {
                    self.close(marked);
                }
                run.is_hidden = run.marked.iter().any(|marked| marked.is_hidden);
            }
            _ => {}
        }
    }

    /// Applies an operator that paints, or sets how that is done. Returns whether it was one.
    fn paint(&mut self, operator: &Operator<'_, '_>, run: &mut Run<'_, 'a>) -> bool {
        let (ctm, ink, canvas) = (run.state.ctm, &mut run.state.ink, &mut self.canvas);
        match operator {
            Operator::MoveTo(to) => canvas.begin(ctm, to.0, to.1),
            Operator::LineTo(to) => canvas.line(ctm, to.0, to.1),
            Operator::ClosePath(_) => canvas.close(),
            Operator::CubicTo(by) => canvas.curve(ctm, &[(by.0, by.1), (by.2, by.3), (by.4, by.5)]),
            Operator::CubicStartTo(by) => canvas.curve(ctm, &[(by.0, by.1), (by.2, by.3)]),
            Operator::CubicEndTo(by) => canvas.curve(ctm, &[(by.0, by.1), (by.2, by.3)]),
            Operator::RectPath(of) => canvas.draw_rectangle(ctm, [of.0, of.1, of.2, of.3]),
            Operator::FillPathNonZero(_) | Operator::FillPathNonZeroCompatibility(_) | Operator::FillPathEvenOdd(_) => {
                canvas.fill(ink);
            }
            Operator::FillAndStrokeNonZero(_)
            | Operator::FillAndStrokeEvenOdd(_)
            | Operator::CloseFillAndStrokeNonZero(_)
            | Operator::CloseFillAndStrokeEvenOdd(_) => canvas.fill_and_stroke(ink, ctm),
            Operator::StrokePath(_) => canvas.stroke(ink, ctm),
            Operator::CloseAndStrokePath(_) => {
                canvas.close();
                canvas.stroke(ink, ctm);
            }
            Operator::EndPath(_) => canvas.end_path(),
            Operator::Shading(_) => canvas.everywhere(),
            _ => return set_ink(operator, run),
        }
        true
    }

    fn picture(&mut self, ctm: Matrix) {
        self.shown.has_picture = true;
        self.canvas.picture(ctm);
    }

    fn font(&self, dictionary: Option<Dict<'a>>) -> Rc<PageFont<'a>> {
        // A font that is missing is read as one that is not known.
        self.fonts.font(&dictionary.unwrap_or_default())
    }

    fn set_graphics_state(&self, name: &Name<'_>, run: &mut Run<'_, 'a>) {
        let Some(entries) = run.resources.get_ext_g_state(name) else { return };
        run.state.ink.set(&entries);
        let Some(font) = entries.get::<Array<'_>>("Font") else { return };
        let (dictionary, size) = (font.iter::<Dict<'_>>().next(), font.iter::<Object<'_>>().nth(1));
        run.state.text.font = Some(self.font(dictionary));
        run.state.text.size = size.and_then(Object::into_number).map_or(1.0, |size| size.as_f64());
    }

    fn show(&mut self, bytes: &[u8], run: &mut Run<'_, 'a>) {
        let Shown { glyphs, unmapped, .. } = &mut self.shown;
        let (is_hidden, is_faint, faint) = (run.is_hidden, run.state.ink.is_faint(), &mut self.faint);
        if glyphs.len() > MOST_GLYPHS {
            self.stopped = Some(format!("it has more than {MOST_GLYPHS} glyphs"));
            return;
        }
        let ctm = run.state.ctm;
        run.state.text.show(bytes, ctm, &mut |glyph| {
            if !is_hidden {
                *unmapped += usize::from(glyph.text.is_empty() && !is_faint);
                faint.extend(is_faint.then_some(glyphs.len()));
                glyphs.push(glyph);
            }
        });
    }

    fn show_adjusted(&mut self, parts: &Array<'_>, run: &mut Run<'_, 'a>) {
        for part in parts.iter::<Object<'_>>() {
            match part {
                Object::String(text) => self.show(text.as_bytes(), run),
                Object::Number(thousandths) => run.state.text.adjust(thousandths.as_f64()),
                _ => {}
            }
        }
    }

    /// A picture is noted, a form is run.
    fn draw(&mut self, object: Option<Stream<'a>>, run: &Run<'_, 'a>) {
        let Some(object) = object else { return };
        let entries = object.dict();
        if run.is_hidden || self.layers.hide(entries, b"OC") {
            return;
        }
        match entries.get::<Name<'_>>("Subtype").as_ref().map(AsRef::as_ref) {
            Some(b"Image") => self.picture(run.state.ctm),
            Some(b"Form") if run.deep < MOST_FORMS_DEEP => self.draw_form(&object, run),
            _ => {}
        }
    }

    fn draw_form(&mut self, form: &Stream<'a>, run: &Run<'_, 'a>) {
        self.forms += 1;
        if self.forms > MOST_FORMS {
            self.stopped = Some(format!("it draws more than {MOST_FORMS} forms"));
            return;
        }
        let Ok(content) = form.decoded_data() else { return };
        let own = form.dict().get::<Dict<'_>>("Resources").map(Resources::new);
        let ctm = run.state.ctm * form_matrix(form.dict());
        let state = State { ctm, text: run.state.text.clone(), ink: run.state.ink };
        self.run_deep(&content, own.as_ref().unwrap_or(run.resources), state, run.deep + 1);
    }

    fn open(&self, tag: &Name<'_>, properties: &Object<'_>, run: &mut Run<'_, 'a>) {
        let named = match properties {
            Object::Name(name) => run.resources.properties.get::<Dict<'_>>(name),
            Object::Dict(entries) => Some(entries.clone()),
            _ => None,
        };
        let is_layer = tag.as_ref() == b"OC";
        let is_hidden = match properties {
            Object::Name(name) if is_layer => self.layers.hide(&run.resources.properties, name.as_ref()),
            _ => false,
        };
        let text = named.and_then(|entries| Some(decoded(entries.get::<PdfString<'_>>("ActualText")?.as_bytes())));
        let replacement = text.map(|text| (self.shown.glyphs.len(), text));
        run.open(Marked { is_hidden, replacement });
    }

    fn close(&mut self, marked: Marked) {
        if let Some((from, text)) = marked.replacement {
            replace(&mut self.shown.glyphs, from, &text);
            let left = self.shown.glyphs.len();
            self.faint.truncate(self.faint.partition_point(|&index| index < left));
        }
    }
}

impl Run<'_, '_> {
    fn save(&mut self) {
        if self.saved.len() < MOST_SAVED {
            self.saved.push(self.state.clone());
        } else {
            self.saved_too_many += 1;
        }
    }

    fn restore(&mut self) {
        if self.saved_too_many > 0 {
            self.saved_too_many -= 1;
        } else if let Some(state) = self.saved.pop() {
            // Operators that would not be allowed between BT and ET keep the text where it is.
            self.state = state;
        }
    }

    fn open(&mut self, marked: Marked) {
        if self.marked.len() < MOST_SAVED {
            self.is_hidden |= marked.is_hidden;
            self.marked.push(marked);
        }
    }
}

/// Applies an operator that sets how something is painted. Returns whether it was one.
fn set_ink(operator: &Operator<'_, '_>, run: &mut Run<'_, '_>) -> bool {
    let ink = &mut run.state.ink;
    match operator {
        Operator::LineWidth(width) => ink.line_width = width.0.as_f64(),
        Operator::TextRenderingMode(mode) => ink.text_mode = mode.0.as_i64(),
        Operator::ColorSpaceNonStroke(space) => ink.fill = Colour::first_of(space.0, run.resources),
        Operator::ColorSpaceStroke(space) => ink.stroke = Colour::first_of(space.0, run.resources),
        Operator::NonStrokeColorDeviceGray(grey) => ink.fill = Colour::light(&[grey.0]),
        Operator::StrokeColorDeviceGray(grey) => ink.stroke = Colour::light(&[grey.0]),
        Operator::NonStrokeColorDeviceRgb(of) => ink.fill = Colour::light(&[of.0, of.1, of.2]),
        Operator::StrokeColorDeviceRgb(of) => ink.stroke = Colour::light(&[of.0, of.1, of.2]),
        Operator::NonStrokeColorCmyk(of) => ink.fill = Colour::inks(&[of.0, of.1, of.2, of.3]),
        Operator::StrokeColorCmyk(of) => ink.stroke = Colour::inks(&[of.0, of.1, of.2, of.3]),
        Operator::NonStrokeColor(values) => ink.fill.set(&values.0, false),
        Operator::StrokeColor(values) => ink.stroke.set(&values.0, false),
        Operator::NonStrokeColorNamed(values) => ink.fill.set(&values.0, values.1.is_some()),
        Operator::StrokeColorNamed(values) => ink.stroke.set(&values.0, values.1.is_some()),
        _ => return false,
    }
    true
}

/// Puts `text` in the place of the glyphs from `from` on. An empty text replaces nothing: it is for pictures.
fn replace(glyphs: &mut Vec<Glyph>, from: usize, text: &str) {
    let Some(replaced) = glyphs.get_mut(from..).filter(|replaced| !replaced.is_empty()) else { return };
    if text.trim().is_empty() {
        return;
    }
    let characters = text.chars().count();
    if characters == replaced.len() {
        for (glyph, character) in replaced.iter_mut().zip(text.chars()) {
            glyph.text = character.to_string().into();
        }
        return;
    }
    let last = replaced[replaced.len() - 1].clone();
    let first = &mut replaced[0];
    let is_one_line =
        (first.x - last.x).mul_add(first.direction.1, (last.y - first.y) * first.direction.0).abs() < first.size / 2.0;
    if is_one_line {
        first.advance = (last.x + last.advance.0 - first.x, last.y + last.advance.1 - first.y);
    }
    first.text = text.into();
    glyphs.truncate(from + 1);
}

/// The matrix of a form, from its space to that of its user.
pub(super) fn form_matrix(form: &Dict<'_>) -> Matrix {
    form.get::<[f64; 6]>("Matrix").map_or(Matrix::IDENTITY, Matrix)
}

fn matrix(numbers: &[Number; 6]) -> Matrix {
    let matrix = Matrix(numbers.map(|number| number.as_f64()));
    if matrix.is_finite() { matrix } else { Matrix::IDENTITY }
}

fn operands6(numbers: &hayro_syntax::content::ops::Transform) -> [Number; 6] {
    [numbers.0, numbers.1, numbers.2, numbers.3, numbers.4, numbers.5]
}

fn operands6_text(numbers: &hayro_syntax::content::ops::SetTextMatrix) -> [Number; 6] {
    [numbers.0, numbers.1, numbers.2, numbers.3, numbers.4, numbers.5]
}
