//! PDFs through the real program, with its child processes and messages.

mod support {
    pub(crate) mod binary;
    pub(crate) mod pdf;
}

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use support::binary::{Home, Ran, sentence};
use support::pdf::{FIRST_OWN, Made, line, lines, stream};

fn inspected(home: &Home, arguments: &[&str]) -> Value {
    let ran = home.run(&[&["inspect", "--json"], arguments].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    serde_json::from_str(&ran.out).expect("one object")
}

fn text_of(home: &Home, arguments: &[&str]) -> Ran {
    home.run(&[&["inspect", "--text"], arguments].concat())
}

/// The lines of page `number`. No two pages are alike, or their lines would be running heads.
fn page(number: u32) -> [String; 2] {
    const WORDS: [&str; 9] = ["cats", "milk", "mice", "rain", "sleep", "stairs", "dogs", "birds", "night"];
    let about = WORDS[number as usize % WORDS.len()];
    [format!("Page {number} of the book is about {about},"), format!("and {about} is all it has.")]
}

fn text_of_page(number: u32) -> String {
    format!("{}\n", page(number).join("\n"))
}

fn book(pages: u32) -> Made {
    (1..=pages)
        .fold(Made::new(), |made, number| made.page(lines(72, 700, &page(number).each_ref().map(String::as_str))))
}

#[test]
fn pages_can_be_chosen_and_every_offset_leads_to_one() {
    let home = Home::new();
    fs::write(home.path("book.pdf"), book(9).bytes()).unwrap();
    home.file("note.txt", "A note.\n");
    let whole = inspected(&home, &["book.pdf"]);
    assert_eq!(whole["files"][0]["format"], "pdf");
    assert_eq!(whole["files"][0]["pages"].as_array().unwrap().len(), 9);
    let sources = whole["sources"].as_array().unwrap();
    assert_eq!(sources[4]["position"], "page 5");
    assert_eq!(sources.windows(2).filter(|two| two[0]["end"] != two[1]["start"]).count(), 0, "no byte is on no page");
    assert_eq!(sources[8]["end"], whole["text_bytes"]);
    assert_eq!(whole["parts"].as_array().unwrap().len(), 9, "pages are parts where there is no outline");

    let chosen = text_of(&home, &["--pages", "2,8-", "book.pdf"]);
    let page = text_of_page;
    assert_eq!(chosen.out, format!("{}\n[…]\n\n{}\n{}", page(2), page(8), page(9)));
    let mixed = text_of(&home, &["--pages", "3", "book.pdf", "note.txt"]);
    assert_eq!(mixed.out, format!("==== FILE: book.pdf ====\n{}\n[…]\n\n==== FILE: note.txt ====\nA note.\n", page(3)));

    for (arguments, message) in [
        (["--pages", "10", "book.pdf"], "there is no page 10: the document has 9"),
        (["--pages", "1", "note.txt"], "none of the documents has pages"),
        (["--pages", "x", "book.pdf"], "invalid pages `x`"),
    ] {
        let ran = text_of(&home, &arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""));
        assert!(sentence(&ran.err).contains(message), "{}", ran.err);
    }
}

#[test]
fn a_pdf_comes_through_a_pipe_too() {
    let home = Home::new();
    // The harness pipes text, so this PDF has to be ASCII.
    let text = String::from_utf8(book(1).bytes()).expect("this one is ASCII");
    let ran = home.run_on(&["inspect", "--text", "-"], &text);
    assert_eq!((ran.code, ran.out.as_str()), (0, &*text_of_page(1)), "{}", ran.err);
}

#[test]
fn scans_exit_with_3_and_a_hint() {
    let home = Home::new();
    fs::write(home.path("scan.pdf"), Made::new().scan("").bytes()).unwrap();
    let ran = home.run(&["-p", "What?", "scan.pdf"]);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
    assert_eq!(sentence(&ran.err), "error: cannot read scan.pdf: its page is an image without text");
    assert!(ran.err.contains("or add a text layer first, as in `ocrmypdf"), "{}", ran.err);
}

/// A program of this name in the folder `programs`, which is all that the path has beside the system's shell.
fn stand_in(home: &Home, name: &str, script: &str) {
    let program = home.path("programs").join(name);
    fs::create_dir_all(home.path("programs")).expect("a folder");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it is ours");
}

fn recognised(home: &Home) -> Ran {
    fs::write(home.path("scan.pdf"), Made::new().scan("").bytes()).expect("written");
    let path = format!("{}:/bin:/usr/bin", home.path("programs").display());
    home.run_with(&["inspect", "--text", "--ocr", "scan.pdf"], &[("PATH", &path)], "")
}

/// pdftoppm writes to standard output if no name for the picture follows the file's, and into a file of that name otherwise, `-` included.
const PDFTOPPM: &str =
    r#"for last; do :; done; case "$last" in *.pdf|/*) printf PICTURE;; *) printf PICTURE > "$last.png";; esac"#;

#[test]
fn scans_are_recognised_page_by_page_and_leave_nothing_in_the_folder() {
    let home = Home::new();
    stand_in(&home, "pdftoppm", PDFTOPPM);
    let table = "printf 'h\\n5\\t1\\t1\\t1\\t1\\t1\\t0\\t0\\t9\\t9\\t91.2\\tAnna\\n'";
    stand_in(&home, "tesseract", &format!("[ \"$(cat)\" = PICTURE ] && {table}"));
    let ran = recognised(&home);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("[page 1: recognised from an image, confidence 91%]\n\nAnna"), "{}", ran.out);
    let left = fs::read_dir(home.path("")).expect("a folder").flatten().map(|entry| entry.file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().ends_with(".png")));
}

#[test]
fn why_a_scan_could_not_be_recognised_is_told() {
    let home = Home::new();
    stand_in(&home, "pdftoppm", PDFTOPPM);
    stand_in(&home, "tesseract", "cat > /dev/null; echo 'no data for klingon' >&2; exit 1");
    let ran = recognised(&home);
    let expected =
        "error: cannot read scan.pdf: its text could not be recognised: tesseract failed: no data for klingon";
    assert_eq!((ran.code, sentence(&ran.err)), (3, expected));
}

#[test]
fn a_locked_file_opens_with_its_password_and_exits_with_3_without() {
    let home = Home::new();
    let made = Made::new().page(line(72, 760, 11, "Nobody may know this."));
    fs::write(home.path("locked.pdf"), made.encrypted("sesame")).unwrap();
    let locked = text_of(&home, &["locked.pdf"]);
    assert_eq!((locked.code, locked.out.as_str()), (3, ""));
    assert_eq!(sentence(&locked.err), "error: cannot read locked.pdf: it is encrypted, and needs a password");
    assert!(locked.err.contains("--pdf-password, or in LUNETTE_PDF_PASSWORD"), "{}", locked.err);
    let by_flag = text_of(&home, &["--pdf-password", "sesame", "locked.pdf"]);
    let variables = [("LUNETTE_PDF_PASSWORD", "sesame")];
    let by_variable = home.run_with(&["inspect", "--text", "locked.pdf"], &variables, "");
    for open in [by_flag, by_variable] {
        assert_eq!((open.code, open.out.as_str()), (0, "Nobody may know this.\n"), "{}", open.err);
    }
    assert_eq!(text_of(&home, &["--pdf-password", "wrong", "locked.pdf"]).code, 3);
}

/// Each of these would exhaust the memory, the stack or the time of a reader without limits.
#[test]
fn files_made_to_do_harm_are_survived() {
    let home = Home::new();
    let nested = "[".repeat(3_000_000);
    let form = |body: &str| {
        stream(
            &format!(
                "/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << /XObject << /Own {FIRST_OWN} 0 R >> >>"
            ),
            body,
        )
    };
    let text = line(72, 760, 11, "Text beside it.");
    let harmful = [
        ("itself.pdf", Made::new().page(format!("{text}/Own Do\n")).object(form("/Own Do /Own Do"))),
        ("nested.pdf", Made::new().page(format!("{text}/Own Do\n")).object(nested)),
        ("operands.pdf", Made::new().page(format!("{text}{}", "[".repeat(2_000_000)))),
        ("saved.pdf", Made::new().page(format!("{text}{}", "q ".repeat(2_000_000)))),
    ];
    for (name, made) in harmful {
        fs::write(home.path(name), made.bytes()).unwrap();
        let ran = text_of(&home, &[name]);
        assert!(
            ran.code == 0 && ran.out.contains("Text beside it.") || ran.code == 3,
            "{name}: {} {}",
            ran.code,
            ran.err
        );
    }
}

/// A long file is read by several processes, one of which does not survive page 17.
#[test]
fn a_long_file_is_whole_and_in_order_whichever_process_read_a_page() {
    let home = Home::new();
    let made = (1..=40).fold(Made::new(), |made, number| {
        let harm = if number == 17 { "/Own Do\n" } else { "" };
        made.page(lines(72, 700, &page(number).each_ref().map(String::as_str)) + harm)
    });
    fs::write(home.path("long.pdf"), made.object("[".repeat(3_000_000)).bytes()).unwrap();
    let ran = text_of(&home, &["long.pdf"]);
    let pages: Vec<String> = (1..=40).filter(|&number| number != 17).map(text_of_page).collect();
    let found: Vec<String> = ran.out.split("\n\n").map(|page| format!("{}\n", page.trim_end())).collect();
    let told = |found: &String| found.contains("Page 17 ") || found.contains("[page 17: could not be read]");
    assert_eq!(found.iter().filter(|&page| !told(page)).collect::<Vec<_>>(), pages.iter().collect::<Vec<_>>());
    assert_eq!((ran.code, found.len()), (0, 40), "{}", ran.err);
}

#[test]
fn a_page_that_unpacks_to_gigabytes_costs_no_memory_of_ours() {
    let home = Home::new();
    // 3 GB of spaces, compressed twice: some kilobytes.
    let mut packed = Vec::new();
    let mut once = flate2::write::ZlibEncoder::new(&mut packed, flate2::Compression::best());
    let spaces = vec![b' '; 1 << 20];
    (0..3 << 10).for_each(|_| once.write_all(&spaces).unwrap());
    once.finish().unwrap();
    let mut twice = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    twice.write_all(&packed).unwrap();
    let bomb: String = twice.finish().unwrap().into_iter().map(char::from).collect();
    let entries = "/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Filter [/FlateDecode /FlateDecode]";
    let made =
        Made::new().page(line(72, 760, 11, "Before the bomb.") + "/Own Do\n").page(line(72, 760, 11, "Behind it."));
    let object = format!("<< {entries} /Length {} >>\nstream\n{bomb}\nendstream", bomb.chars().count());
    fs::write(home.path("bomb.pdf"), made.object(object).bytes()).unwrap();
    let ran = text_of(&home, &["bomb.pdf"]);
    assert!(ran.code == 0 && ran.out.contains("Behind it.") || ran.code == 3, "{} {}", ran.code, ran.err);
}

#[test]
fn an_outline_that_never_ends_is_cut_and_said_so() {
    let home = Home::new();
    let made = (0..100_000).fold(book(3), |made, number| made.titled(&format!("Title {number}"), 1, 1 + number % 3));
    fs::write(home.path("titles.pdf"), made.bytes()).unwrap();
    let whole = inspected(&home, &["titles.pdf"]);
    assert!(whole["notes"].to_string().contains("its outline has more than 20000 entries"), "{}", whole["notes"]);
}

#[test]
fn a_gigabyte_of_zeros_behind_the_mark_is_refused() {
    let home = Home::new();
    let file = fs::File::create(home.path("zeros.pdf")).unwrap();
    (&file).write_all(b"%PDF-1.7\n").unwrap();
    file.set_len(1 << 30).unwrap();
    let ran = text_of(&home, &["zeros.pdf"]);
    assert_eq!(ran.code, 3);
    assert!(sentence(&ran.err).contains("cannot read zeros.pdf: it is larger than 256 MiB"), "{}", ran.err);
    file.set_len(100 << 20).unwrap();
    let ran = text_of(&home, &["zeros.pdf"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
}

#[test]
fn a_reading_process_refuses_what_is_no_request() {
    let home = Home::new();
    let ran = home.run_on(&["read-pdf"], "no request\n");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
}
