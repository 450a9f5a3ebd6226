//! Runs the content streams of a page, and collects the glyphs that they show. Nothing is drawn.
//!
//! Invisible text is collected too: it is the text of scans that somebody recognised. A replacement text
//! (`/ActualText`) takes the place of the glyphs that it is for. Layers that are off are left out.

use std::rc::Rc;

use hayro_syntax::content::TypedIter;
use hayro_syntax::content::ops::TypedInstruction as Operator;
use hayro_syntax::object::{Array, Dict, Name, Number, Object, Rect, Stream, String as PdfString};
use hayro_syntax::page::Resources;

use super::super::layout::{Glyph, Matrix};
use super::font::{FontStore, PageFont};
use super::layers::Layers;
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

/// The size of text that is written by its value alone.
const LARGEST_WRITTEN: f64 = 12.0;

/// What a page shows.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub glyphs: Vec<Glyph>,
    pub has_picture: bool,
    /// Glyphs that nothing maps to text.
    pub unmapped: usize,
}

/// Collects what the content streams of one page show.
pub(super) struct Collector<'r, 'a> {
    fonts: &'r FontStore<'a>,
    layers: &'r Layers,
    shown: Shown,
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
        Self { fonts, layers, shown: Shown::default(), forms: 0, operators: 0, stopped: None }
    }

    /// What was shown. Fails if the page has more than a page can have.
    pub(super) fn finish(self) -> Result<Shown, String> {
        match self.stopped {
            Some(reason) => Err(reason),
            None => Ok(self.shown),
        }
    }

    /// Runs the content of a page or of an annotation. `ctm` maps its user space to the page.
    pub(super) fn run(&mut self, content: &[u8], resources: &Resources<'a>, ctm: Matrix) {
        self.run_deep(content, resources, State { ctm, text: TextState::default() }, 0);
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
                self.shown.glyphs.push(Glyph { text: line.into(), x, y, advance, direction, size, is_vertical: false });
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
            Operator::InlineImage(_) => self.shown.has_picture = true,
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

    fn font(&self, dictionary: Option<Dict<'a>>) -> Rc<PageFont<'a>> {
        // A font that is missing is read as one that is not known.
        self.fonts.font(&dictionary.unwrap_or_default())
    }

    fn set_graphics_state(&self, name: &Name<'_>, run: &mut Run<'_, 'a>) {
        let Some(entries) = run.resources.get_ext_g_state(name) else { return };
        let Some(font) = entries.get::<Array<'_>>("Font") else { return };
        let (dictionary, size) = (font.iter::<Dict<'_>>().next(), font.iter::<Object<'_>>().nth(1));
        run.state.text.font = Some(self.font(dictionary));
        run.state.text.size = size.and_then(Object::into_number).map_or(1.0, |size| size.as_f64());
    }

    fn show(&mut self, bytes: &[u8], run: &mut Run<'_, 'a>) {
        let Shown { glyphs, unmapped, .. } = &mut self.shown;
        let is_hidden = run.is_hidden;
        if glyphs.len() > MOST_GLYPHS {
            self.stopped = Some(format!("it has more than {MOST_GLYPHS} glyphs"));
            return;
        }
        let ctm = run.state.ctm;
        run.state.text.show(bytes, ctm, &mut |glyph| {
            if !is_hidden {
                *unmapped += usize::from(glyph.text.is_empty());
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
            Some(b"Image") => self.shown.has_picture = true,
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
        let state = State { ctm: run.state.ctm * form_matrix(form.dict()), text: run.state.text.clone() };
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
