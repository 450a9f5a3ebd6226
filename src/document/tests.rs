//! Tests of the whole module: from inputs to parts, and back to the lines of the files.

use std::fmt::Write;
use std::io::{self, Read};

use proptest::prelude::*;

use super::*;

fn memory(name: &str, text: &str) -> Input {
    Input::Memory { name: name.into(), bytes: text.as_bytes().to_vec().into() }
}

fn document(files: &[(&str, &str)]) -> Document {
    let inputs: Vec<Input> = files.iter().map(|(name, text)| memory(name, text)).collect();
    load(&inputs, &ReadOptions::default(), &mut io::empty()).expect("readable text")
}

fn refused(inputs: &[Input]) -> Error {
    load(inputs, &ReadOptions::default(), &mut io::empty()).expect_err("not readable")
}

fn titles(document: &Document) -> Vec<String> {
    document.parts().into_iter().map(|part| part.title).collect()
}

#[test]
fn the_bundled_book_has_61_chapters_and_is_read_as_it_is() {
    let book = load(&[Input::bundled_book()], &ReadOptions::default(), &mut io::empty()).expect("the book");
    assert_eq!(book.text, PRIDE_AND_PREJUDICE);
    let expected: Vec<String> = (1..=61).map(|number| format!("Chapter {number}")).collect();
    assert_eq!(titles(&book), expected);
    assert_eq!(book.parts()[0].span.start, 0, "the title page belongs to the first chapter");
    assert_eq!(book.report.notes(), Vec::<String>::new());
}

#[test]
fn a_sentence_of_the_book_leads_back_to_its_line_and_chapter() {
    let book = load(&[Input::bundled_book()], &ReadOptions::default(), &mut io::empty()).expect("the book");
    let byte = book.text.find("shades of Pemberley").expect("Lady Catherine says it");
    let place = book.locate(byte).expect("in the text");
    let line = PRIDE_AND_PREJUDICE.lines().position(|line| line.contains("shades of Pemberley")).expect("a line");
    assert_eq!(
        place,
        Place { file: "pride-and-prejudice.txt", position: Position::Line(line as u32 + 1), title: Some("Chapter 56") }
    );
}

#[test]
fn chosen_chapters_keep_their_lines() {
    let book = load(&[Input::bundled_book()], &ReadOptions::default(), &mut io::empty()).expect("the book");
    let chosen = book.select("3-7,56").expect("there are 61");
    assert_eq!(titles(&chosen), ["Chapter 3", "Chapter 4", "Chapter 5", "Chapter 6", "Chapter 7", "Chapter 56"]);
    let byte = chosen.text.find("shades of Pemberley").expect("in chapter 56");
    let whole = book.locate(book.text.find("shades of Pemberley").expect("in the book"));
    assert_eq!(chosen.locate(byte), whole);
    assert_eq!(chosen.text.matches("[…]").count(), 1, "what was left out between 7 and 56 is marked once");
}

#[test]
fn first_parts_begin_with_the_title_page() {
    let book = load(&[Input::bundled_book()], &ReadOptions::default(), &mut io::empty()).expect("the book");
    let opening = book.first_parts(2);
    assert_eq!(opening.text, PRIDE_AND_PREJUDICE[..book.parts()[1].span.end]);
    assert_eq!(book.first_parts(100), book);
}

#[test]
fn standard_input_is_named_by_a_dash() {
    let document =
        load(&[Input::from_argument("-".as_ref())], &ReadOptions::default(), &mut &b"from a pipe\n"[..]).expect("text");
    assert_eq!(document.locate(5), Some(Place { file: "-", position: Position::Line(1), title: None }));
}

#[test]
fn a_single_file_is_its_text_and_several_have_a_line_each() {
    assert_eq!(document(&[("a.txt", "one\n")]).text, "one\n");
    let two = document(&[("a.txt", "one"), ("src/b.rs", "fn two() {}\n")]);
    assert_eq!(two.text, "==== FILE: a.txt ====\none\n\n==== FILE: src/b.rs ====\nfn two() {}\n");
    assert_eq!(titles(&two), ["a.txt", "src/b.rs"]);
}

#[test]
fn a_byte_of_several_files_leads_to_its_file_and_line() {
    let two = document(&[("a.txt", "one\nmore\n"), ("b.rs", "fn two() {\n    let here;\n}\n")]);
    let at = |needle: &str| two.locate(two.text.find(needle).expect("in the text")).expect("in bounds");
    assert_eq!(at("more"), Place { file: "a.txt", position: Position::Line(2), title: Some("a.txt") });
    assert_eq!(at("let here"), Place { file: "b.rs", position: Position::Line(2), title: Some("b.rs") });
    assert_eq!(at("==== FILE: b.rs"), Place { file: "b.rs", position: Position::Line(1), title: Some("b.rs") });
    assert_eq!(two.locate(two.text.len()), None);
}

#[test]
fn a_file_entered_in_its_middle_is_named_again() {
    let guide = "# One\n\nx\n\n# Two\n\ny\n\n# Three\n\nz\n";
    let two = document(&[("a.md", guide), ("b.md", guide)]);
    assert_eq!(two.parts().len(), 6, "{:?}", titles(&two));
    let chosen = two.select("5").expect("six parts");
    assert_eq!(chosen.text, "==== FILE: b.md ====\n# Two\n\ny\n\n");
    assert_eq!(chosen.locate(chosen.text.find('y').expect("y")).map(|place| place.position), Some(Position::Line(7)));
}

#[test]
fn volumes_are_named_before_their_chapters() {
    let book = "VOLUME I\n\nCHAPTER I\n\nText.\n\nCHAPTER II\n\nText.\n\nVOLUME II\n\nCHAPTER I\n\nText.\n";
    assert_eq!(
        titles(&document(&[("book.txt", book)])),
        ["VOLUME I · CHAPTER I", "VOLUME I · CHAPTER II", "VOLUME II · CHAPTER I"]
    );
}

#[test]
fn a_text_without_an_outline_is_one_part() {
    let plain = document(&[("plain.txt", "nothing to choose from\n")]);
    assert_eq!(titles(&plain), ["plain.txt"]);
    assert_eq!(plain.select("1").as_ref(), Ok(&plain));
    let error = plain.select("2").expect_err("one part only");
    assert_eq!(error, SelectError::OutOfRange { number: 2, parts: 1 });
    assert_eq!(error.hint().as_deref(), Some("no chapters or sections were found in the document"));
}

#[test]
fn a_choice_that_makes_no_sense_is_named() {
    let book = load(&[Input::bundled_book()], &ReadOptions::default(), &mut io::empty()).expect("the book");
    for (written, message) in [
        ("3-x", "invalid parts `3-x`: `3-x` is neither a number nor a range"),
        ("", "invalid parts ``: `` is neither a number nor a range"),
        ("2,-", "invalid parts `2,-`: `-` is neither a number nor a range"),
        ("9-3", "the range `9-3` is backwards"),
        ("60-62", "there is no part 62: the document has 61"),
        ("0", "there is no part 0: the document has 61"),
    ] {
        assert_eq!(book.select(written).expect_err(written).to_string(), message);
    }
    assert_eq!(book.select("9-3").expect_err("backwards").hint().as_deref(), Some("did you mean `3-9`?"));
}

#[test]
fn a_missing_file_and_an_empty_folder_are_errors_with_their_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing.txt");
    let error = refused(&[Input::Path(missing.clone())]);
    assert_eq!(error.to_string(), format!("cannot read {}: no such file", missing.display()));
    let error = refused(&[Input::Path(folder.path().into())]);
    assert_eq!(error.to_string(), format!("nothing to read in the folder {}", folder.path().display()));
}

#[test]
fn permission_denied_is_told_from_missing() {
    struct Denied;
    impl Read for Denied {
        fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
    let error = load(&[Input::Stdin], &ReadOptions::default(), &mut Denied).expect_err("unreadable");
    assert_eq!(error.to_string(), "cannot read standard input: permission denied");
}

#[test]
fn standard_input_and_an_empty_name_are_called_what_they_are() {
    let error = load(&[Input::Stdin], &ReadOptions::default(), &mut io::empty()).expect_err("empty");
    assert_eq!(error.to_string(), "standard input is empty");
    let error = refused(&[Input::from_argument("".as_ref())]);
    assert_eq!(error.to_string(), "cannot read '': no such file");
    let both = [Input::Stdin, memory("a.txt", "A text.")];
    let document = load(&both, &ReadOptions::default(), &mut io::empty()).expect("a text");
    assert_eq!(document.report.notes(), ["standard input: skipped (empty)"]);
    let bytes = load(&[Input::Stdin], &ReadOptions::default(), &mut &b"\x00\x01\x02\xff\x00"[..]).expect_err("binary");
    assert!(bytes.to_string().starts_with("cannot read standard input: "), "{bytes}");
}

#[test]
fn an_endless_input_is_refused_and_not_kept() {
    let error = load(&[Input::Stdin], &ReadOptions::default(), &mut io::repeat(b'a')).expect_err("endless");
    assert_eq!(error.to_string(), "cannot read standard input: it is larger than 256 MiB");
}

#[test]
fn other_formats_are_named_with_a_way_out() {
    let error = refused(&[memory("paper.txt", "%!PS-Adobe-3.0\n")]);
    assert_eq!(error.to_string(), "cannot read paper.txt: it is PostScript, which is not supported yet");
    assert!(error.hint().expect("a hint").contains("ps2ascii"));
    let error = refused(&[memory("model", "GGUF\u{3}\0\0\0")]);
    assert_eq!(error.to_string(), "cannot read model: it is a GGUF model, not a document");
    assert_eq!(error.hint().as_deref(), Some("models are given with `-m`"));
}

#[test]
fn a_file_named_beside_its_folder_is_read_once() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a.txt", "b.txt"] {
        std::fs::write(folder.path().join(name), format!("text of {name}\n")).expect("written");
    }
    let inputs = [Input::Path(folder.path().join("b.txt")), Input::Path(folder.path().to_owned())];
    let both = load(&inputs, &ReadOptions::default(), &mut io::empty()).expect("text");
    assert_eq!((both.text.matches("text of b.txt").count(), both.report.files.len()), (1, 2));
    assert_eq!(both.report.skipped[0].reason.to_string(), "named by itself, and read there");
}

#[test]
fn an_archive_is_a_folder_and_its_books_are_read() {
    let zip = super::format::zipped(&[
        ("b/page.html", b"<html><h1>One</h1></html>"),
        ("a.md", b"# Two\n"),
        ("x.png", b"\x89PNG\r\n\x1a\n"),
    ]);
    let input = Input::Memory { name: "t.zip".into(), bytes: zip.into() };
    let document = load(&[input], &ReadOptions::default(), &mut io::empty()).expect("text");
    assert_eq!(document.text, "==== FILE: t.zip/a.md ====\n# Two\n\n==== FILE: t.zip/b/page.html ====\n# One\n");
    assert_eq!(document.report.skipped[0].name, "t.zip/x.png");
}

#[test]
fn the_books_in_an_archive_do_not_make_it_a_book() {
    let page = "<html><body><p>Hello.</p></body></html>";
    let package =
        "<package><manifest><item id='a' href='a.xhtml' media-type='application/xhtml+xml'/></manifest></package>";
    let book = super::format::zipped(&[
        ("META-INF/container.xml", b"<container/>"),
        ("c.opf", package.as_bytes()),
        ("a.xhtml", page.as_bytes()),
    ]);
    let archive = super::format::zipped(&[("a.epub", &book), ("b.txt", b"b")]);
    let input = Input::Memory { name: "two.zip".into(), bytes: archive.into() };
    let document = load(&[input], &ReadOptions::default(), &mut io::empty()).expect("an archive");
    assert_eq!(document.text, "==== FILE: two.zip/a.epub ====\nHello.\n\n==== FILE: two.zip/b.txt ====\nb");
}

#[test]
fn a_long_part_is_opened_into_its_chapters() {
    let chapter =
        |number: usize| format!("## Chapter {number}\n\n{}", "Nothing of note was seen on that day.\n\n".repeat(100));
    let novel: String = (1..=15).map(chapter).collect();
    let text =
        format!("# Titlepage\n\nx\n\n# Imprint\n\nx\n\n# The Hound\n\n{novel}# Colophon\n\nx\n\n# Uncopyright\n\nx\n");
    let book = document(&[("book.md", &text)]);
    let tree: Vec<(usize, usize, usize)> =
        book.part_tree().iter().map(|node| (node.first, node.last, node.inside.len())).collect();
    assert_eq!(tree, [(1, 1, 0), (2, 2, 0), (3, 17, 15), (18, 18, 0), (19, 19, 0)]);
    assert_eq!((book.parts().len(), book.parts()[3].title.as_str()), (19, "The Hound · Chapter 2"));
    let second = book.select("4").expect("a part");
    assert!(second.text.starts_with("## Chapter 2\n"), "{}", &second.text[..40]);
}

#[test]
fn notes_that_say_the_same_of_many_files_are_one() {
    let page = "<html><nav>Home</nav><main><h1>T</h1><p>Text</main></html>";
    let names: Vec<String> = (0..9).map(|number| format!("{number}.html")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), page)).collect();
    let notes = document(&files).report.notes();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].starts_with("9 files (`lunette inspect` lists them), the first: 0.html: navigation"), "{notes:?}");
}

#[test]
fn empty_files_are_skipped_among_others_and_an_error_alone() {
    let document = document(&[("empty.py", ""), ("full.py", "x = 1\n")]);
    assert_eq!(document.text, "x = 1\n");
    assert_eq!(document.report.notes(), ["empty.py: skipped (empty)"]);
    assert_eq!(refused(&[memory("empty.py", "")]).to_string(), "empty.py is empty");
    assert_eq!(refused(&[memory("a", ""), memory("b", " ")]).to_string(), "b has only white space (1 bytes)");
    assert_eq!(refused(&[]).to_string(), "no document given");
}

#[test]
fn names_cannot_carry_terminal_escapes() {
    let error = refused(&[memory("\u{1b}[31m.txt", "")]);
    assert_eq!(error.to_string(), "␛[31m.txt is empty");
}

/// Text with chapters, and with lines of any length and any characters.
fn any_book() -> impl Strategy<Value = String> {
    let heading = (1_u32..30).prop_map(|number| format!("\n\nChapter {number}\n\n"));
    let markdown = (1_usize..4).prop_map(|level| format!("\n{} Heading\n", "#".repeat(level)));
    let block = prop_oneof!["[a-zé\u{1b}\r ]{0,40}\n", "\\PC{0,30}", heading, markdown];
    proptest::collection::vec(block, 1..20).prop_map(|blocks| blocks.concat() + "end")
}

proptest! {
    #[test]
    fn spans_are_ordered_in_bounds_and_on_character_boundaries(books in proptest::collection::vec(any_book(), 1..4)) {
        let files: Vec<(String, &str)> = books.iter().enumerate().map(|(n, text)| (format!("{n}.md"), text.as_str())).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
        check_spans(&document(&files));
    }

    #[test]
    fn parts_together_are_the_text(book in any_book(), name in "a\\.(txt|md)") {
        let document = document(&[(&name, &book)]);
        let joined: String = document.parts().iter().map(|part| &document.text[part.span.start..part.span.end]).collect();
        prop_assert_eq!(&joined, &document.text);
        prop_assert_eq!(document.select(&format!("1-{}", document.parts().len())).expect("all"), document);
    }

    #[test]
    fn every_chosen_line_leads_back_to_itself(books in proptest::collection::vec(any_book(), 1..3), choice in any::<u64>()) {
        let files: Vec<(String, &str)> = books.iter().enumerate().map(|(n, text)| (format!("{n}.md"), text.as_str())).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
        let whole = document(&files);
        let chosen = whole.parts().iter().filter(|part| choice >> (part.number % 64) & 1 == 1).fold(String::new(), |mut all, part| {
            write!(all, "{}{}", if all.is_empty() { "" } else { "," }, part.number).expect("a string");
            all
        });
        prop_assume!(!chosen.is_empty());
        let part = whole.select(&chosen).expect("numbers that are there");
        check_spans(&part);
        for source in &part.sources {
            let text = &part.text[source.span.start..source.span.end];
            let file = files.iter().find(|(name, _)| *name == source.name).expect("a file of ours").1;
            let cleaned = document(&[(&source.name, file)]).text;
            let Position::Line(first_line) = source.position else { panic!("text has lines, got {:?}", source.position) };
            let lines: Vec<&str> = cleaned.split_inclusive('\n').skip(first_line as usize - 1).collect();
            prop_assert!(lines.concat().starts_with(text), "{text:?} is not at line {} of {}", first_line, source.name);
        }
    }

    #[test]
    fn any_bytes_give_printable_text_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let input = Input::Memory { name: "any".into(), bytes: bytes.into() };
        if let Ok(document) = load(&[input], &ReadOptions::default(), &mut io::empty()) {
            prop_assert!(document.text.chars().all(|char| char == '\n' || char == '\t' || !char.is_control()));
        }
    }
}

fn check_spans(document: &Document) {
    let in_bounds = |span: ByteSpan| {
        assert!(span.start <= span.end && span.end <= document.text.len(), "{span:?}");
        assert!(document.text.is_char_boundary(span.start) && document.text.is_char_boundary(span.end), "{span:?}");
    };
    document.sources.iter().for_each(|source| in_bounds(source.span));
    document.outline.iter().for_each(|entry| in_bounds(entry.span));
    assert!(document.sources.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start), "{:?}", document.sources);
    assert!(document.outline.windows(2).all(|pair| pair[0].span.start <= pair[1].span.start), "{:?}", document.outline);
    let parts = document.parts();
    assert!(parts.windows(2).all(|pair| pair[0].span.end == pair[1].span.start), "{parts:?}");
}

/// `cargo bench --bench document` measures how fast.
#[test]
fn five_megabytes_on_one_line_are_read_whole() {
    let line = "all on one line, ".repeat(5_000_000 / 17);
    let document = document(&[("line.txt", &line)]);
    assert_eq!((document.text.len(), document.report.files[0].lines), (line.len(), 1));
    assert_eq!(document.locate(line.len() - 1).map(|place| place.position), Some(Position::Line(1)));
}
