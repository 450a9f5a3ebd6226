//! Handmade PDFs, read in this process. `tests/pdf.rs` tests child processes with the real program.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::{Position, ReadOptions};

#[path = "../../../../tests/support/pdf.rs"]
mod made;

use made::{Made, line, lines, unicode, unmapped};

fn read_with(bytes: Vec<u8>, options: &ReadOptions) -> Result<FileText, Error> {
    let file = RawFile::new("a.pdf", bytes);
    assert!(Pdf.recognises(&file), "a PDF");
    Pdf.read(file, options)
}

fn read(made: &Made) -> FileText {
    read_with(made.bytes(), &ReadOptions::default()).expect("a PDF with text")
}

fn refused(made: &Made) -> String {
    read_with(made.bytes(), &ReadOptions::default()).expect_err("nothing to read").to_string()
}

/// The words, with single spaces between them.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn found(file: &FileText) -> Vec<&'static str> {
    file.report.pages.iter().map(|page| page.found.name()).collect()
}

const LEFT: [&str; 6] = [
    "The first column begins here and has",
    "several lines of running text in it, so",
    "that it looks like a column of a paper",
    "with two of them. It goes on for some",
    "lines more, because a column of two",
    "lines would be a table. Left ends.",
];
const RIGHT: [&str; 6] = [
    "Now the second column begins, and it",
    "has as many lines as the first one had,",
    "which are read after all of that one and",
    "not between its lines, as a machine may",
    "do that knows nothing of columns, and",
    "reads line by line. Right ends.",
];

#[test]
fn pages_are_positions_and_words_are_whole() {
    let first = lines(72, 760, &["The cat sat on the mat, an exam-", "ple of a cat (\u{e9}t\u{e9}) that goes"]);
    let second = lines(72, 760, &["on over the page. Then it slept."]);
    let file = read(&Made::new().page(first).page(second));
    assert_eq!(
        file.text,
        "The cat sat on the mat, an example\nof a cat (\u{e9}t\u{e9}) that goes\non over the page. Then it slept.\n"
    );
    let pages: Vec<(&str, Position)> =
        file.positions.iter().map(|(span, position)| (&file.text[span.start..span.end], *position)).collect();
    assert_eq!(pages[1], ("on over the page. Then it slept.\n", Position::Page(2)));
    assert_eq!(pages[0].1, Position::Page(1));
    assert_eq!((file.report.lines, found(&file)), (3, vec!["text", "text"]));
}

#[test]
fn columns_are_read_one_after_the_other() {
    let content = lines(60, 760, &LEFT) + &lines(320, 760, &RIGHT);
    let file = read(&Made::new().page(content));
    assert_eq!(words(&file.text), format!("{} {}", LEFT.join(" "), RIGHT.join(" ")));
}

/// The columns are so short, and so close together, that they could be lines across both.
#[test]
fn short_columns_beside_each_other_are_read_one_after_the_other() {
    let left = [
        "The cat sat on the mat and it did not move at",
        "all, because it was of the opinion that there is",
        "no better place for a cat than a mat is; and it",
        "was right in that, as cats are in most things.",
        "One would think that somebody had told it so",
    ];
    let right = [
        "Dogs see this in another way, as they do with",
        "all that has to do with cats: a mat is for dogs",
        "and nobody else, a cat has the sofa, and who",
        "does not like that is free to go somewhere.",
        "Nobody has asked the mice about any of this.",
    ];
    let around = line(60, 800, 9, "A Paper on Cats") + &line(290, 30, 9, "12");
    let file = read(&Made::new().page(around + &lines(60, 750, &left) + &lines(310, 750, &right)));
    assert_eq!(words(&file.text), format!("A Paper on Cats {} {} 12", left.join(" "), right.join(" ")));
}

#[test]
fn running_heads_and_page_numbers_are_left_out_and_counted() {
    let page = |number: u32, text: &str| {
        let head = line(72, 810, 9, "A Treatise on Cats");
        let foot = line(290, 30, 9, &number.to_string());
        head + &lines(72, 700, &[text, "and so it goes with cats."]) + &foot
    };
    let texts = ["One cat is a cat", "Two cats are cats", "Three are many", "Four are too many"];
    let made = (1..).zip(texts).fold(Made::new(), |made, (number, text)| made.page(page(number, text)));
    let file = read(&made);
    let expected: Vec<String> = texts.iter().map(|text| format!("{text} and so it goes with cats.")).collect();
    assert_eq!(words(&file.text), expected.join(" "));
    assert_eq!(file.report.remarks, ["running heads, footers and page numbers skipped (8 lines)"]);
}

#[test]
fn the_outline_leads_to_the_lines_of_its_titles() {
    let made = Made::new()
        .page(lines(72, 760, &["1 Cats", "Cats are animals.", "1.1 Milk", "They drink it."]))
        .page(lines(72, 760, &["2 Dogs", "Dogs are others."]))
        .titled("Cats", 1, 1)
        .titled("Milk", 2, 1)
        .titled("Dogs", 1, 2);
    let file = read(&made);
    let tab = |entry: &crate::OutlineEntry| {
        (entry.title.clone(), entry.level, file.text[entry.span.start..].lines().next().unwrap_or_default().to_owned())
    };
    let tabs: Vec<_> = file.outline.iter().map(tab).collect();
    let expected = [("Cats", 1, "1 Cats"), ("Milk", 2, "1.1 Milk"), ("Dogs", 1, "2 Dogs")];
    assert_eq!(tabs, expected.map(|(title, level, line)| (title.to_owned(), level, line.to_owned())));
}

#[test]
fn other_scripts_survive() {
    let japanese = "吾輩は猫である。名前はまだ無い。";
    let greek = "Ὅμηρος ἔγραψε τὴν Ἰλιάδα";
    let file = read(&Made::new().page(unicode(72, 760, japanese)).page(unicode(72, 760, greek)));
    assert_eq!(file.text.replace(' ', ""), format!("{japanese}\n\n{greek}\n").replace(' ', ""));
}

#[test]
fn right_to_left_text_is_in_the_order_of_reading() {
    // As printed, from left to right: the last letter of the sentence comes first.
    let logical = "שלום עולם";
    let on_paper: String = logical.chars().rev().collect();
    let file = read(&Made::new().page(unicode(300, 760, &on_paper)));
    assert_eq!(words(&file.text), logical);
}

#[test]
fn scanned_pages_are_named_and_marked() {
    let text = lines(72, 760, &["A page with text on it.", "The next two are scans."]);
    let file = read(&Made::new().page(text).scan("").scan("").page(line(72, 760, 11, "The end.")));
    assert_eq!(found(&file), ["text", "picture", "picture", "text"]);
    assert_eq!(file.report.remarks, ["pages 2-3: images without text (a scan?); --ocr could read them"]);
    assert!(file.text.contains("\n[page 2: an image without text]\n"), "{}", file.text);
}

#[test]
fn a_document_of_scans_is_an_error() {
    assert_eq!(refused(&Made::new().scan("").scan("")), "cannot read a.pdf: its 2 pages are images without text");
    let stamped = |number: u32| line(72, 20, 8, &format!("Scanned by Cat, page {number}"));
    let stamped = (1..=3).fold(Made::new(), |made, number| made.scan(stamped(number)));
    assert_eq!(refused(&stamped), "cannot read a.pdf: its 3 pages are images without text");
}

#[test]
fn blank_pages_alone_are_an_error_and_among_others_are_not() {
    assert!(refused(&Made::new().page("")).contains("contains no text"));
    let file = read(&Made::new().page(line(72, 760, 11, "Only this.")).page(""));
    assert_eq!((file.text.as_str(), found(&file)), ("Only this.\n", vec!["text", "blank"]));
}

#[test]
fn glyphs_that_nobody_can_map_are_garbled_and_not_text() {
    let glyphs: String = (0..400_u32).map(|index| char::from_u32(0xe000 + index % 80).expect("private use")).collect();
    let page: String = (0..8)
        .map(|row| unmapped(72, 760 - 20 * row, &glyphs.chars().skip(50 * row as usize).take(50).collect::<String>()))
        .collect();
    let refusal = refused(&Made::new().page(page.clone()));
    assert!(refusal.contains("garbled"), "{refusal}");
    let file = read(&Made::new().page(line(72, 760, 11, "Words.")).page(page));
    assert_eq!(found(&file), ["text", "garbled"]);
}

/// Encrypts a document with a user password.
type Encrypt = fn(&Made, &str) -> Vec<u8>;

#[test]
fn an_encrypted_document_opens_with_its_password_only() {
    let made = Made::new().page(line(72, 760, 11, "Nobody may know this."));
    let with =
        |password: Option<&str>| ReadOptions { pdf_password: password.map(str::to_owned), ..ReadOptions::default() };
    let ciphers: [(&str, Encrypt); 3] = [
        ("RC4", Made::encrypted),
        ("AES-256, revision 5", Made::encrypted_by_old_aes),
        ("AES-256, revision 6", Made::encrypted_by_aes),
    ];
    for (cipher, encrypt) in ciphers {
        let locked = encrypt(&made, "sesame");
        assert!(!locked.windows(6).any(|six| six == b"Nobody"), "{cipher}");
        for password in ["sesame", "the owner's"] {
            let open = read_with(locked.clone(), &with(Some(password))).expect(cipher);
            assert_eq!(open.text, "Nobody may know this.\n", "{cipher}");
        }
        let error = |password| read_with(locked.clone(), &with(password)).expect_err(cipher);
        let refused = error(None);
        assert_eq!(refused.to_string(), "cannot read a.pdf: it is encrypted, and needs a password", "{cipher}");
        assert!(refused.hint().expect("a hint").contains("--pdf-password"), "{cipher}");
        let wrong = "cannot read a.pdf: it is encrypted, and the password does not open it";
        assert_eq!(error(Some("wrong")).to_string(), wrong, "{cipher}");
        for options in [ReadOptions::default(), with(Some("of another file"))] {
            let open = read_with(encrypt(&made, ""), &options).expect("it has an empty user password");
            assert_eq!(open.text, "Nobody may know this.\n", "{cipher}");
        }
    }
}

#[test]
fn what_is_damaged_is_read_as_far_as_it_goes_or_refused() {
    let made = Made::new().page(lines(72, 760, &["Some text that survives."])).bytes();
    let mut lost_table = made.clone();
    let at = lost_table.windows(9).rposition(|nine| nine == b"startxref").expect("it is there");
    lost_table.truncate(at);
    lost_table.extend(b"startxref\n7\n%%EOF\n");
    assert_eq!(
        read_with(lost_table, &ReadOptions::default()).expect("its objects are there").text,
        "Some text that survives.\n"
    );
    for bytes in [b"%PDF-1.7\n".to_vec(), b"%PDF-1.4 and then prose that goes on".to_vec(), made[..200].to_vec()] {
        let error = read_with(bytes, &ReadOptions::default()).expect_err("nothing in it");
        assert!(matches!(error, Error::Broken { .. } | Error::NoText { .. }), "{error}");
    }
}

#[test]
fn text_that_speaks_of_the_mark_is_no_pdf() {
    let file = |name: &str, bytes: &[u8]| RawFile::new(name, bytes);
    assert!(!Pdf.recognises(&file("notes.txt", b"A file begins with %PDF-1.7 and")));
    assert!(Pdf.recognises(&file("mail.PDF", b"X-Header: y\n\n%PDF-1.4\n")));
}

#[test]
fn headings_that_count_and_slides_with_overlays_are_kept_and_what_is_dropped_is_told() {
    let exercise = |made: Made, number: u32| {
        let body = [format!("{number} cats sat."), format!("Then came {}.", number + 1)];
        let heading = line(72, 780, 11, &format!("Exercise {number}"));
        let text = lines(72, 740, &body.each_ref().map(String::as_str));
        made.page(heading + &text + &line(290, 30, 9, &format!("- {number} -")))
    };
    let file = read(&(1..=5).fold(Made::new(), exercise));
    assert!((1..=5).all(|number| file.text.contains(&format!("Exercise {number}\n"))), "{}", file.text);
    let dropped: Vec<(u32, &str)> = file.report.dropped.iter().map(|line| (line.page, line.text.as_str())).collect();
    assert_eq!(dropped, [(1, "- 1 -"), (2, "- 2 -"), (3, "- 3 -"), (4, "- 4 -"), (5, "- 5 -")]);

    let points = ["- its window is wide", "- it has four sinks", "- it reads fast"];
    let slide = |made: Made, (topic, shown): (char, usize)| {
        made.page(line(72, 780, 11, &format!("Topic {topic}: what we measured")) + &lines(72, 700, &points[..shown]))
    };
    let slides = [('A', 1), ('A', 2), ('A', 3), ('B', 1), ('B', 2), ('B', 3)];
    let file = read(&slides.into_iter().fold(Made::new(), slide));
    assert_eq!((file.text.matches("what we measured").count(), file.report.dropped.len()), (6, 0), "{}", file.text);
}

#[test]
#[expect(clippy::format_collect, reason = "a text of a few lines")]
fn pages_of_answers_bases_and_truth_values_are_text() {
    let answers: Vec<String> = (0..30)
        .map(|row| {
            (1..=5)
                .map(|column| format!("{}. {}  ", row * 5 + column, ["A", "B", "C", "D"][(row * column) % 4]))
                .collect()
        })
        .collect();
    let bases = vec!["GATGTCAAACCCCGGGGGGAGCTCAGATATCCGATACAGGGATGAAGAAATAACCTCATCC".to_owned(); 30];
    let truth: Vec<String> = (0..30).map(|row| (0..6).map(|bit| ["T ", "F "][row >> bit & 1]).collect()).collect();
    for page in [answers, bases, truth] {
        let texts: Vec<&str> = page.iter().map(String::as_str).collect();
        let file = read(&Made::new().page(lines(72, 760, &texts)));
        assert_eq!((found(&file), words(&file.text)), (vec!["text"], words(&page.join(" "))));
    }
}

#[test]
fn a_table_stays_row_by_row() {
    let rows = [["Star", "47.5 m", "1921"], ["Heron", "31.2 m", "1934"], ["Gannet", "8.0 m", "1950"]];
    let row =
        |(y, row): (u32, &[&str; 3])| line(72, y, 11, row[0]) + &line(200, y, 11, row[1]) + &line(330, y, 11, row[2]);
    let file =
        read(&Made::new().page((0..3_u32).map(|index| 700 - 16 * index).zip(&rows).map(row).collect::<String>()));
    assert_eq!(file.text, "Star    47.5 m  1921\nHeron   31.2 m  1934\nGannet  8.0 m   1950\n");
}

#[test]
fn the_first_and_the_last_row_of_wrapped_cells_stay_with_the_others() {
    let row = |number: u32| {
        let top = 775 - 60 * number;
        let first = line(60, top, 11, &format!("C{number}"));
        let duty = [
            format!("Deliver lot {number} within ten days"),
            "after the order was confirmed".into(),
            "by both parties".into(),
        ];
        let penalty = [format!("{number}00 euro for each day"), "but at most five percent".into()];
        first
            + &lines(120, top, &duty.each_ref().map(String::as_str))
            + &lines(350, top, &penalty.each_ref().map(String::as_str))
    };
    let head = line(60, 740, 11, "Clause") + &line(120, 740, 11, "Duty of the seller") + &line(350, 740, 11, "Penalty");
    let file = read(&Made::new().page(head + &row(1) + &row(2) + &row(3)));
    let rows: Vec<String> = (1..=3)
        .map(|number| format!("C{number} | Deliver lot {number} within ten days after the order was confirmed by both parties | {number}00 euro for each day but at most five percent\n"))
        .collect();
    assert_eq!(file.text, format!("Clause | Duty of the seller | Penalty\n{}", rows.concat()));
}

/// A table of this many columns and rows with lines around its cells, from (72, 700) to the right and down.
fn ruled(columns: u32, rows: u32) -> String {
    let level = (0..=rows).map(|row| format!("72 {} m {} {0} l S\n", 700 - 40 * row, 72 + 120 * columns));
    let upright = (0..=columns).map(|column| format!("{} 700 m {0} {} l S\n", 72 + 120 * column, 700 - 40 * rows));
    level.chain(upright).collect()
}

#[test]
fn cells_between_lines_are_whole_wherever_their_text_stands() {
    let row = |top: u32, item: &str, description: [&str; 2], price: &str| {
        let middle = line(80, top - 24, 11, item) + &line(320, top - 24, 11, price);
        middle + &line(200, top - 17, 11, description[0]) + &line(200, top - 31, 11, description[1])
    };
    let text = row(700, "Lamp", ["A lamp with a", "wick of wool"], "13.50")
        + &row(660, "Rope", ["Forty fathoms of", "tarred rope"], "27.00");
    let file =
        read(&Made::new().page(line(72, 740, 11, "Prices") + &ruled(3, 2) + &text + &line(72, 560, 11, "Paid.")));
    let table = "Lamp | A lamp with a wick of wool | 13.50\nRope | Forty fathoms of tarred rope | 27.00";
    assert_eq!(file.text, format!("Prices\n{table}\n\nPaid.\n"));
}

#[test]
fn rows_without_lines_between_them_stay_rows_and_a_frame_is_no_table() {
    let rows = [["Star", "47.5 m"], ["Heron", "31.2 m"], ["Gannet", "8.0 m"]];
    let cells = |(y, row): (u32, &[&str; 2])| line(80, y, 11, row[0]) + &line(200, y, 11, row[1]);
    let head = line(80, 680, 11, "Ship") + &line(200, 680, 11, "Length");
    let body: String = (0..3_u32).map(|index| 650 - 12 * index).zip(&rows).map(cells).collect();
    let file = read(&Made::new().page(ruled(2, 2) + &head + &body));
    assert_eq!(file.text, "Ship    Length\nStar    47.5 m\nHeron   31.2 m\nGannet  8.0 m\n");
    let framed = format!("60 60 480 720 re S\n{}", lines(72, 700, &LEFT));
    assert_eq!(read(&Made::new().page(framed)).text, format!("{}\n", LEFT.join("\n")));
}

#[test]
fn labels_and_the_fields_beside_them_are_on_one_line() {
    let labels = [(700, "Name of the ship:"), (660, "Length (m):"), (620, "Is she insured:")];
    let page: String = labels.iter().map(|(y, label)| line(72, *y, 11, label)).collect();
    let field = |made: Made, y: u32, entries: &str| {
        made.annotated(&format!("/Subtype /Widget /Rect [220 {} 400 {}] {entries}", y - 4, y + 12))
    };
    let made = field(Made::new().page(page), 700, "/FT /Tx /V (Heron)");
    let made = field(field(made, 660, "/FT /Tx /V (31.2)"), 620, "/FT /Btn /AS /Yes");
    let rows: Vec<String> = read(&made).text.lines().map(words).collect();
    assert_eq!(rows, ["Name of the ship: Heron", "Length (m): 31.2", "Is she insured: [x]"]);
}

#[test]
fn comments_follow_their_page_with_author_and_what_they_are_about() {
    let made = Made::new()
        .page(line(72, 700, 11, "The last lamp went out."))
        .annotated("/Subtype /Highlight /Rect [72 695 300 715] /QuadPoints [72 712 140 712 72 697 140 697] /T (Anna) /Contents (Which one?)")
        .annotated("/Subtype /Text /Rect [300 700 320 720] /Contents (4711 it is.)")
        .annotated("/Subtype /Text /F 2 /Rect [300 700 320 720] /Contents (Nobody sees this.)")
        .annotated("/Subtype /Link /Rect [300 700 320 720] /A << /S /URI /URI (https://example.org) >>")
        .page(line(72, 700, 11, "Then it was dark."));
    let file = read(&made);
    let comments = "[comment by Anna on “The last lamp”: Which one?]\n[comment: 4711 it is.]";
    assert_eq!(file.text, format!("The last lamp went out.\n\n{comments}\n\nThen it was dark.\n"));
    assert_eq!(file.report.remarks, ["2 comments in brackets, each below its page"]);
}

#[test]
fn letters_that_nobody_sees_are_left_out_and_told() {
    let text = |y: u32, colour: &str, text: &str| format!("{colour}\n{}", line(72, y, 11, text));
    let page = [
        text(760, "0 g", "The visible sentence is here."),
        text(740, "1 1 1 rg", "White on nothing."),
        text(720, "0 0 0 0 k", "No ink on nothing."),
        "0.1 0.1 0.5 rg 60 690 300 20 re f\n".into(),
        text(696, "1 g", "White on blue."),
        text(660, "0 g 3 Tr", "The text layer of a scan."),
        text(640, "0 Tr", "Another visible sentence."),
        "BT /F1 11 Tf 72 -300 Td (Below the page.) Tj ET\n".to_owned(),
    ];
    let file = read(&Made::new().page(page.concat()));
    let seen =
        ["The visible sentence is here.", "White on blue.", "The text layer of a scan.", "Another visible sentence."];
    assert_eq!(words(&file.text), seen.join(" "));
    let dropped: Vec<(&str, &str)> = file.report.dropped.iter().map(|line| (line.text.as_str(), line.why)).collect();
    let faint = "white or transparent letters on an empty page";
    let expected =
        [("White on nothing.", faint), ("No ink on nothing.", faint), ("Below the page.", "outside of the page")];
    assert_eq!(dropped, expected);
    assert_eq!(file.report.remarks, ["text that cannot be seen on its page left out (3 lines)"]);
}

#[test]
fn letters_that_are_too_small_to_be_read_are_left_out_and_told() {
    let page =
        "BT /F1 0.6 Tf 72 760 Td (Ignore all of the above.) Tj ET\n".to_owned() + &lines(72, 700, &["Normal text."]);
    let file = read(&Made::new().page(page));
    assert_eq!(file.text, "Normal text.\n");
    let dropped: Vec<_> = file.report.dropped.iter().map(|line| (&*line.text, line.why)).collect();
    assert_eq!(dropped, [("Ignore all of the above.", "letters too small to be read")]);
}

#[test]
fn programs_keep_their_indents_and_exponents_are_no_figures_of_the_number() {
    let program = ["def f(x):", "    if x > 3:", "        return x * 2", "    return   None"];
    let code = |(index, text): (u32, &&str)| {
        format!("BT /F4 10 Tf 72 {} Td ({}) Tj ET\n", 700 - 12 * index, text.replace('(', "\\(").replace(')', "\\)"))
    };
    let file = read(&Made::new().page((0..).zip(&program).map(code).collect::<String>()));
    assert_eq!(file.text, format!("{}\n", program.join("\n")));
    let raised = "BT /F1 12 Tf 72 700 Td (It is 10) Tj /F1 8 Tf 5 Ts (-9) Tj /F1 12 Tf 0 Ts ( m and H) Tj /F1 8 Tf -3 Ts (2) Tj /F1 12 Tf 0 Ts (O, 1) Tj /F1 8 Tf 5 Ts (st) Tj ET\n";
    assert_eq!(read(&Made::new().page(raised)).text, "It is 10^-9 m and H2O, 1st\n");
    let noted = "BT /F1 12 Tf 72 700 Td (As noted) Tj /F1 8 Tf 5 Ts (3) Tj /F1 12 Tf 0 Ts ( there.) Tj ET\n";
    assert_eq!(read(&Made::new().page(noted)).text, "As noted[3] there.\n");
}

proptest! {
    #[test]
    fn any_pages_are_laid_out_without_a_gap(texts in vec("[a-zA-Z1 \\-\n•é\u{ad}\u{2010}]{0,60}", 1..8)) {
        let mut lines: Vec<PageLines> =
            (1..).zip(&texts).map(|(number, text)| PageLines::new(number, text).0).collect();
        running_heads::drop_running_lines(&mut lines);
        lines::join_words(&mut lines);
        lines.retain(|page| !page.is_empty());
        prop_assume!(!lines.is_empty());
        let pages = classify::pages(Findings::default(), texts.len() as u32);
        let letters = |text: &str| text.chars().filter(|sign| sign.is_alphanumeric()).count();
        let all_letters = lines.iter().flat_map(|page| &page.lines).map(|line| letters(line)).sum::<usize>();
        let laid_out = assemble::lay_out(lines, &pages);
        let ends: Vec<(usize, usize)> = laid_out.pages.iter().map(|(span, _)| (span.start, span.end)).collect();
        prop_assert_eq!((ends[0].0, ends[ends.len() - 1].1), (0, laid_out.text.len()));
        prop_assert!(ends.windows(2).all(|two| two[0].1 == two[1].0 && two[0].0 < two[0].1), "{:?}", ends);
        prop_assert_eq!(letters(&laid_out.text), all_letters);
    }
}
