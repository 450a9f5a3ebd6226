//! What annotations show: the values of form fields, and text that was written over a page. And the comments on a page.
//!
//! A comment is in brackets, with its author and what it is about: `[comment by Anna on “the last lamp”: Which one?]`.
//! Links and hidden annotations are left out.

use hayro_syntax::object::{Array, Dict, MaybeRef, Name, Object, ObjectIdentifier, Rect, Stream, String as PdfString};
use hayro_syntax::page::{Page, Resources};

use super::super::layout::{Matrix, page_text};
use super::content::{Collector, form_matrix};
use super::paint::Area;
use super::text_string::decoded;

/// Maximum number of annotations of a page.
const MOST_ANNOTATIONS: usize = 10_000;
/// The flags of annotations that are not seen: hidden, and not on the screen.
const UNSEEN: u32 = 1 << 1 | 1 << 5;
/// The flag of a button that is pushed, unlike a box that is ticked.
const PUSH_BUTTON: i32 = 1 << 16;
/// Maximum depth of form fields within each other.
const DEEPEST: usize = 32;

/// Maximum number of lines that a comment marks.
const MOST_QUADS: usize = 100;
/// The most of a text that a comment is about, in characters.
const LONGEST_QUOTE: usize = 200;
/// Kinds of annotations whose contents open on a click.
const COMMENTS: [&[u8]; 15] = [
    b"Text",
    b"Highlight",
    b"Underline",
    b"Squiggly",
    b"StrikeOut",
    b"Caret",
    b"Ink",
    b"Line",
    b"Square",
    b"Circle",
    b"Polygon",
    b"PolyLine",
    b"FileAttachment",
    b"Sound",
    b"Redact",
];

/// The annotations of `page` that are seen.
pub(super) fn all<'a>(page: &Page<'a>) -> Vec<Dict<'a>> {
    let Some(annotations) = page.raw().get::<Array<'a>>("Annots") else { return Vec::new() };
    let read = |item| match item {
        MaybeRef::Ref(reference) => page.xref().get::<Dict<'a>>(ObjectIdentifier::from(reference)),
        MaybeRef::NotRef(object) => Object::into_dict(object),
    };
    let is_seen = |annotation: &Dict<'_>| annotation.get::<u32>("F").unwrap_or(0) & UNSEEN == 0;
    annotations.raw_iter().take(MOST_ANNOTATIONS).filter_map(read).filter(is_seen).collect()
}

/// Runs the appearances of `annotations` of `page`. `to_page` maps its user space to the page.
pub(super) fn run<'a>(annotations: &[Dict<'a>], page: &Page<'a>, to_page: Matrix, collector: &mut Collector<'_, 'a>) {
    for annotation in annotations.iter().filter(|annotation| is_kind(annotation, &[b"Widget", b"FreeText", b"Stamp"])) {
        let _ = run_one(annotation, page, to_page, collector);
    }
}

fn is_kind(annotation: &Dict<'_>, kinds: &[&[u8]]) -> bool {
    annotation.get::<Name<'_>>("Subtype").is_some_and(|kind| kinds.contains(&kind.as_ref()))
}

/// The comments among `annotations`, each on a line. `collector` has the text that they are about.
pub(super) fn comments(annotations: &[Dict<'_>], to_page: Matrix, collector: &Collector<'_, '_>) -> Vec<String> {
    let are_comments = annotations.iter().filter(|annotation| is_kind(annotation, &COMMENTS));
    are_comments.filter_map(|annotation| comment(annotation, to_page, collector)).collect()
}

fn comment(annotation: &Dict<'_>, to_page: Matrix, collector: &Collector<'_, '_>) -> Option<String> {
    let text = |key: &str| {
        let value = decoded(annotation.get::<PdfString<'_>>(key)?.as_bytes());
        let words = value.split_whitespace().collect::<Vec<_>>().join(" ");
        (!words.is_empty()).then_some(words)
    };
    let contents = text("Contents")?;
    let author = text("T").map(|author| format!(" by {author}")).unwrap_or_default();
    let about = marked(annotation, to_page, collector).map(|about| format!(" on “{about}”")).unwrap_or_default();
    let what = if is_kind(annotation, &[b"FileAttachment"]) { "attachment" } else { "comment" };
    Some(format!("[{what}{author}{about}: {contents}]"))
}

/// The text that a comment marks.
fn marked(annotation: &Dict<'_>, to_page: Matrix, collector: &Collector<'_, '_>) -> Option<String> {
    let corners: Vec<f64> = annotation.get::<Array<'_>>("QuadPoints")?.iter::<f64>().take(8 * MOST_QUADS).collect();
    let quad =
        |corners: &[f64]| Area::around(corners.chunks_exact(2).map(|corner| to_page.point(corner[0], corner[1])));
    let areas: Vec<Area> = corners.chunks_exact(8).map(quad).collect();
    let text = page_text(collector.glyphs_in(&areas), &[], 1.0).text;
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let quote: String = words.chars().take(LONGEST_QUOTE).collect();
    let rest = if quote.len() < words.len() { "…" } else { "" };
    (!quote.is_empty()).then(|| quote + rest)
}

fn run_one<'a>(
    annotation: &Dict<'a>,
    page: &Page<'a>,
    to_page: Matrix,
    collector: &mut Collector<'_, 'a>,
) -> Option<()> {
    let place = annotation.get::<Rect>("Rect")?;
    if let Some(mark) = check_mark(annotation) {
        collector.write(mark, to_page, place);
        return Some(());
    }
    let Some(appearance) = appearance(annotation) else {
        collector.write(&value(annotation)?, to_page, place);
        return Some(());
    };
    let form = appearance.dict();
    let bounds = form.get::<Rect>("BBox")?;
    let content = appearance.decoded_data().ok()?;
    let own = form.get::<Dict<'a>>("Resources").map(Resources::new);
    let fitted = fitted(bounds, form_matrix(form), place);
    let resources = own.as_ref().unwrap_or(page.resources());
    if is_kind(annotation, &[b"Widget"]) {
        collector.run_field(&content, resources, to_page * fitted);
    } else {
        collector.run(&content, resources, to_page * fitted);
    }
    Some(())
}

/// The value of an entry of a form field, which may be its parent's.
fn inherited<'a>(annotation: &Dict<'a>, key: &str) -> Option<Object<'a>> {
    let mut field = annotation.clone();
    for _ in 0..DEEPEST {
        if let Some(value) = field.get::<Object<'a>>(key) {
            return Some(value);
        }
        field = field.get::<Dict<'a>>("Parent")?;
    }
    None
}

/// `[x]` or `[ ]` for a box that is ticked or not. A button has a caption, which its appearance shows.
fn check_mark(annotation: &Dict<'_>) -> Option<&'static str> {
    let kind = inherited(annotation, "FT").and_then(Object::into_name)?;
    let flags = inherited(annotation, "Ff").and_then(Object::into_i32).unwrap_or(0);
    if kind.as_ref() != b"Btn" || flags & PUSH_BUTTON != 0 {
        return None;
    }
    let state = annotation.get::<Name<'_>>("AS").or_else(|| inherited(annotation, "V").and_then(Object::into_name));
    let is_ticked = state.is_some_and(|state| state.as_ref() != b"Off");
    Some(if is_ticked { "[x]" } else { "[ ]" })
}

/// What an annotation without an appearance would show: the value of a field, or a note on the page.
fn value(annotation: &Dict<'_>) -> Option<String> {
    let value = match annotation.get::<Name<'_>>("Subtype")?.as_ref() {
        b"Widget" => inherited(annotation, "V")?.into_string()?,
        _ => annotation.get::<PdfString<'_>>("Contents")?,
    };
    Some(decoded(value.as_bytes())).filter(|value| !value.trim().is_empty())
}

/// The form that is shown; of several, that of the field's state.
fn appearance<'a>(annotation: &Dict<'a>) -> Option<Stream<'a>> {
    match annotation.get::<Dict<'a>>("AP")?.get::<Object<'a>>("N")? {
        Object::Stream(stream) => Some(stream),
        Object::Dict(states) => states.get::<Stream<'a>>(annotation.get::<Name<'_>>("AS")?),
        _ => None,
    }
}

/// The matrix that fits the form with these bounds into `place`: ISO 32000-1, 12.5.5.
fn fitted(bounds: Rect, matrix: Matrix, place: Rect) -> Matrix {
    let corners = [(bounds.x0, bounds.y0), (bounds.x1, bounds.y0), (bounds.x0, bounds.y1), (bounds.x1, bounds.y1)]
        .map(|(x, y)| matrix.point(x, y));
    let least = |values: [f64; 4]| values.into_iter().fold(f64::INFINITY, f64::min);
    let most = |values: [f64; 4]| values.into_iter().fold(f64::NEG_INFINITY, f64::max);
    let (xs, ys) = (corners.map(|corner| corner.0), corners.map(|corner| corner.1));
    let scale = |from: f64, to: f64| if from.abs() > 1e-6 { to / from } else { 1.0 };
    let (x, y) = (scale(most(xs) - least(xs), place.x1 - place.x0), scale(most(ys) - least(ys), place.y1 - place.y0));
    Matrix([x, 0.0, 0.0, y, place.x0 - x * least(xs), place.y0 - y * least(ys)]) * matrix
}
