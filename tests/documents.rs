//! Golden documents: for each file of `tests/fixtures/documents`, the text, outline, parts and report that come out of it.
//!
//! After a wanted change: `INSTA_UPDATE=always cargo test --test documents`, then read the diff.

use std::fmt::Write;
use std::path::Path;

use lunette::document::{Document, Input, ReadOptions, load};

fn open(names: &[&str]) -> Document {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/documents");
    let read = |name: &&str| Input::Memory {
        name: (*name).into(),
        bytes: std::fs::read(folder.join(name)).expect("a fixture").into(),
    };
    let inputs: Vec<Input> = names.iter().map(read).collect();
    load(&inputs, &ReadOptions::default(), &mut std::io::empty()).expect("a readable fixture")
}

/// Everything that a front end sees of a document.
fn rendered(document: &Document) -> String {
    let mut page = String::from("parts\n");
    for part in document.parts() {
        writeln!(page, "  {} {:?} {}..{}", part.number, part.title, part.span.start, part.span.end).expect("a string");
    }
    page.push_str("outline\n");
    for entry in &document.outline {
        let indent = "  ".repeat(entry.level.into());
        writeln!(page, "{indent}{:?} {}..{}", entry.title, entry.span.start, entry.span.end).expect("a string");
    }
    page.push_str("sources\n");
    for source in &document.sources {
        let span = source.span;
        writeln!(page, "  {} from {}: {}..{}", source.name, source.position, span.start, span.end).expect("a string");
    }
    for note in document.report.notes() {
        writeln!(page, "note: {note}").expect("a string");
    }
    page + "text\n" + &document.text
}

#[test]
fn a_novel_with_windows_line_ends() {
    insta::assert_snapshot!(rendered(&open(&["alice-openings.txt"])));
}

#[test]
fn a_novel_in_volumes() {
    insta::assert_snapshot!(rendered(&open(&["volumes.txt"])));
}

#[test]
fn a_markdown_guide() {
    insta::assert_snapshot!(rendered(&open(&["guide.md"])));
}

#[test]
fn a_terminal_log_full_of_escapes() {
    insta::assert_snapshot!(rendered(&open(&["terminal.log"])));
}

#[test]
fn several_files() {
    insta::assert_snapshot!(rendered(&open(&["volumes.txt", "guide.md"])));
}

#[test]
fn parts_of_several_files() {
    let chosen = open(&["volumes.txt", "guide.md"]).select("2,5-6").expect("six parts at least");
    insta::assert_snapshot!(rendered(&chosen));
}
