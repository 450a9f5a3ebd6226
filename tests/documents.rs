//! Snapshots of the text, outline, parts and report of each file in `tests/fixtures/documents`.
//!
//! After an intended change, run `INSTA_UPDATE=always cargo test --test documents` and read the diff.

mod support {
    pub(crate) mod pdf;
}

use std::fmt::Write;
use std::path::Path;

use lunette::document::{Document, Input, ReadOptions, load};
use support::pdf::{Made, line, lines, unicode};

fn open(names: &[&str]) -> Document {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/documents");
    let read = |name: &&str| Input::Memory {
        name: (*name).into(),
        bytes: std::fs::read(folder.join(name)).expect("a fixture").into(),
    };
    let inputs: Vec<Input> = names.iter().map(read).collect();
    load(&inputs, &ReadOptions::default(), &mut std::io::empty()).expect("a readable fixture")
}

/// Everything that front ends show of a document.
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

/// A title above two columns, a hyphenated word, a ligature, a running head and a page number on each page, a scan in
/// the middle, an outline.
fn paper() -> Vec<u8> {
    let around = |number: u32| line(60, 810, 9, "Annals of Cats") + &line(290, 30, 9, &number.to_string());
    let left = [
        "1 Introduction",
        "Cats have been studied for a long",
        "time, and most of what was found of",
        "them is still unknown to the cats, who",
        "go on with their lives as if no exam-",
        "ination of them had taken place at all,",
        "and as if there were no annals either.",
    ];
    let right = [
        "2 Method",
        "We watched one cat for an afternoon",
        "and wrote down what it did, which was",
        "not much. Then we watched another one,",
        "of the same colour, that did the same",
        "in the same place, and were not sure",
        "that it was another. Both slept.",
    ];
    let last = lines(60, 720, &["3 Results", "No cat moved."]) + &unicode(60, 680, "The o\u{fb03}ce cat, 猫, slept.");
    let [left, right] = [left, right].map(|column| [&column[..], &column[1..], &column[1..], &column[1..]].concat());
    Made::new()
        .page(
            line(180, 770, 18, "On the Quiet of Cats") + &lines(60, 720, &left) + &lines(320, 720, &right) + &around(1),
        )
        .scan(around(2))
        .page(last + &around(3))
        .titled("Introduction", 1, 1)
        .titled("Method", 1, 1)
        .titled("Results", 1, 3)
        .bytes()
}

#[test]
fn a_paper_in_two_columns() {
    let input = Input::Memory { name: "paper.pdf".into(), bytes: paper().into() };
    let document = load(&[input], &ReadOptions::default(), &mut std::io::empty()).expect("a readable paper");
    insta::assert_snapshot!(rendered(&document));
}
