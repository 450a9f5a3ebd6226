//! Moving through a book.

use super::*;
use crate::document::{OutlineEntry, Position, SourceSpan};

/// A hundred numbered lines, a chapter every ten.
fn reader() -> DocumentReader {
    let text = (0..100).map(|line| format!("line {line}\n")).collect::<Vec<_>>().concat();
    let starts: Vec<usize> =
        (0..100).step_by(10).map(|line| text.find(&format!("line {line}\n")).expect("there")).collect();
    let end = |index: usize| starts.get(index + 1).copied().unwrap_or(text.len());
    let outline = starts.iter().enumerate().map(|(index, &start)| OutlineEntry {
        title: format!("Chapter {}", index + 1),
        level: 1,
        span: ByteSpan { start, end: end(index) },
    });
    let span = ByteSpan { start: 0, end: text.len() };
    let source = SourceSpan { span, name: "book.txt".into(), position: Position::Line(1) };
    let document =
        Document { outline: outline.collect(), sources: vec![source], text: text.clone(), ..Document::default() };
    let mut reader = DocumentReader::new(Arc::new(document));
    reader.lay_out(40, 10);
    reader
}

fn first(reader: &mut DocumentReader) -> String {
    reader.lay_out(40, 10);
    let page = &reader.page;
    let span = page[0].span;
    reader.book.text()[span.start..span.end].trim().to_owned()
}

fn after(reader: &mut DocumentReader, scroll: Scroll) -> String {
    reader.scroll(scroll);
    first(reader)
}

#[test]
fn scrolling_goes_by_rows_and_ends_at_the_ends() {
    let mut reader = reader();
    let moves = [
        (Scroll::Up, "line 0"),
        (Scroll::Down, "line 1"),
        (Scroll::HalfDown, "line 6"),
        (Scroll::PageDown, "line 14"),
        (Scroll::PageUp, "line 6"),
        (Scroll::Bottom, "line 90"),
        (Scroll::Down, "line 90"),
        (Scroll::Top, "line 0"),
    ];
    for (scroll, expected) in moves {
        assert_eq!(after(&mut reader, scroll), expected, "{scroll:?}");
    }
}

#[test]
fn the_place_survives_another_width() {
    let mut reader = reader();
    reader.go_to(ByteSpan { start: reader.book.text().find("line 50").expect("there"), end: 0 });
    let place = first(&mut reader);
    reader.lay_out(4, 10);
    assert_eq!(first(&mut reader), place);
}

#[test]
fn jumps_lead_back_and_forward() {
    let mut reader = reader();
    reader.go_to_part(true);
    reader.go_to_part(true);
    assert_eq!(first(&mut reader), "line 20");
    reader.back();
    assert_eq!(first(&mut reader), "line 10");
    reader.forward();
    assert_eq!(first(&mut reader), "line 20");
    reader.go_to_part(false);
    assert_eq!(first(&mut reader), "line 10");
}

#[test]
fn marks_are_returned_to() {
    let mut reader = reader();
    reader.scroll(Scroll::PageDown);
    reader.set_mark('a');
    let marked = first(&mut reader);
    reader.scroll(Scroll::Bottom);
    assert!(reader.go_to_mark('a') && first(&mut reader) == marked);
    assert!(!reader.go_to_mark('b'));
    assert!(reader.go_to_mark('\''));
    assert_eq!(first(&mut reader), "line 90");
}

#[test]
fn a_search_shows_the_next_hit_and_what_leads_to_it() {
    let mut reader = reader();
    reader.search_for("line 7");
    assert_eq!((reader.search.hits.len(), first(&mut reader)), (11, "line 0".into()), "line 7 is on the page");
    reader.next_hit(1);
    assert_eq!(first(&mut reader), "line 68");
    reader.next_hit(-1);
    assert_eq!(first(&mut reader), "line 5");
}

#[test]
fn of_several_files_the_longest_has_the_widest_numbers() {
    let (long, short) = ("line\n".repeat(12_000), "line\n".repeat(3));
    let text = format!("{long}{short}");
    let source = |name: &str, start: usize, end: usize| SourceSpan {
        span: ByteSpan { start, end },
        name: name.into(),
        position: Position::Line(1),
    };
    let sources = vec![source("long.txt", 0, long.len()), source("short.txt", long.len(), text.len())];
    let reader = DocumentReader::new(Arc::new(Document { text, sources, ..Document::default() }));
    assert_eq!(reader.book.widest_position(), Some(Position::Line(12_000)));
    let files = [0, long.len() - 1, long.len()].map(|byte| reader.book.file_at(byte));
    assert_eq!(files, [Some("long.txt"), Some("long.txt"), Some("short.txt")]);
}

#[test]
fn a_long_paragraph_is_scrolled_by_rows() {
    let text = "word ".repeat(50_000);
    let mut reader = DocumentReader::new(Arc::new(Document { text, ..Document::default() }));
    reader.lay_out(40, 10);
    for _ in 0..30 {
        reader.scroll(Scroll::Down);
    }
    assert_eq!(reader.top(), 30 * 40);
    for _ in 0..10 {
        reader.scroll(Scroll::Up);
    }
    assert_eq!(reader.top(), 20 * 40);
    reader.scroll(Scroll::Bottom);
    reader.lay_out(40, 10);
    let page = &reader.page;
    assert_eq!((page.len(), page[9].span.end), (10, reader.book.text().len()));
}
