//! What the model gets of one document of each kind that was once read wrongly: golden texts of small documents that are made here.
//!
//! After an intended change, run `INSTA_UPDATE=always cargo test --test document_kinds` and read the diff.

mod support {
    pub(crate) mod pdf;
}

use std::fmt::Write as _;

use lunette::document::{Document, Input, ReadOptions, load};
use support::pdf::{FIRST_OWN, Made, line, lines, stream};

fn opened(name: &str, bytes: Vec<u8>) -> Document {
    let input = Input::Memory { name: name.into(), bytes: bytes.into() };
    load(&[input], &ReadOptions::default(), &mut std::io::empty()).expect("a readable document")
}

/// The text, and what is said about it.
fn golden(name: &str, bytes: Vec<u8>) -> String {
    let document = opened(name, bytes);
    let notes = document.report.notes().into_iter().fold(String::new(), |mut notes, note| {
        writeln!(notes, "note: {note}").expect("a string");
        notes
    });
    format!("{}{notes}", document.text)
}

fn pdf(made: &Made) -> String {
    golden("a.pdf", made.bytes())
}

/// Prose in lines of about this many letters, which goes on from column to column.
fn prose(columns: usize, rows: usize, letters: usize) -> Vec<Vec<String>> {
    let words = "the keeper of the lighthouse went up the stairs with a lamp in his hand and counted every step of them because \
        nobody had told him how many there were and the wind that came from the sea was so strong that night that he could not hear \
        his own voice when he spoke to the cat who had come along for the company and for the warmth of the lamp";
    let mut words = words.split_whitespace().cycle();
    let mut next = words.next().expect("endless");
    let column = |number: usize| {
        (0..rows)
            .map(|row| {
                let mut line = if row == 0 { format!("Column{number}") } else { String::new() };
                while line.len() + next.len() < letters {
                    line.push_str(if line.is_empty() { "" } else { " " });
                    line.push_str(next);
                    next = words.next().expect("endless");
                }
                line
            })
            .collect()
    };
    (0..columns).map(column).collect()
}

/// Columns of prose beside each other, `width` points apart.
fn columns(columns: &[Vec<String>], width: u32) -> Made {
    let column = |(index, column): (u32, &Vec<String>)| {
        lines(40 + width * index, 780, &column.iter().map(String::as_str).collect::<Vec<_>>())
    };
    Made::new().page((0..).zip(columns).map(column).collect::<String>())
}

#[test]
fn columns_of_any_number_and_height_are_read_one_after_the_other() {
    for (count, rows, letters, width) in
        [(2, 3, 42, 262), (3, 6, 28, 180), (3, 20, 28, 180), (4, 20, 19, 130), (4, 50, 19, 130), (2, 30, 42, 262)]
    {
        let made = prose(count, rows, letters);
        let expected = made.concat().join(" ");
        let read = opened("a.pdf", columns(&made, width).bytes()).text;
        let read = read.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(read, expected, "{count} columns of {rows} lines");
    }
}

#[test]
fn lines_of_prose_are_in_order_whatever_was_drawn_first() {
    let texts = [
        "They had no fortune, and we shall not find a very charm-",
        "ing neighbour in her, who speaks well of nobody but herself,",
        "and of whom the others in the village speak as of a storm",
        "that comes every autumn, and goes.",
    ];
    let drawn: String = [2, 0, 3, 1].map(|index: usize| line(72, 700 - 14 * index as u32, 11, texts[index])).concat();
    insta::assert_snapshot!(pdf(&Made::new().page(drawn)));
}

#[test]
fn headings_that_count_stay_and_page_numbers_go() {
    let exercise = |made: Made, number: u32| {
        let text = [format!("Find the sum of {number} and {}.", number * 7), format!("Then take {} away.", number + 2)];
        let body = lines(72, 740, &text.each_ref().map(String::as_str));
        made.page(line(72, 790, 12, &format!("Exercise {number}")) + &body + &line(290, 30, 9, &number.to_string()))
    };
    insta::assert_snapshot!(pdf(&(1..=5).fold(Made::new(), exercise)));
}

#[test]
fn slides_that_grow_point_by_point_keep_their_titles() {
    let slide = |made: Made, (topic, points): (char, u32)| {
        let figures: Vec<String> =
            (1..=points).map(|point| format!("- figure {point} of {topic}: {}", point * 311)).collect();
        let figures: Vec<&str> = figures.iter().map(String::as_str).collect();
        made.page(line(72, 780, 18, &format!("Topic {topic}: what we measured")) + &lines(72, 700, &figures))
    };
    let slides = ['A', 'B', 'C'].into_iter().flat_map(|topic| (1..=3).map(move |points| (topic, points)));
    insta::assert_snapshot!(pdf(&slides.fold(Made::new(), slide)));
}

#[test]
fn lines_and_pages_that_are_alike_are_all_there() {
    let bill = lines(72, 780, &["Paid 100 euro"; 6]) + &line(72, 600, 11, "That is six times.");
    let alike = lines(72, 780, &["Hello World"; 3]);
    insta::assert_snapshot!(pdf(&Made::new().page(bill).page(alike.clone()).page(alike)));
}

#[test]
fn pages_of_answers_and_of_bases_are_text() {
    let answers: Vec<String> = (0..12_usize)
        .map(|row| {
            (1..=5).map(|column| format!("{}. {} ", row * 5 + column, ["A", "B", "C", "D"][row * column % 4])).collect()
        })
        .collect();
    let bases = "GATGTCAAACCCCGGGGGGAGCTCAGATATCCGATACAGGGATGAAGAAATAACCTCATCCCATTGG";
    let bases: Vec<String> = (0..12).map(|row| format!("{}{}", &bases[row * 3..], &bases[..row * 3])).collect();
    let page = |texts: &[String]| lines(72, 780, &texts.iter().map(String::as_str).collect::<Vec<_>>());
    insta::assert_snapshot!(pdf(&Made::new().page(page(&answers)).page(page(&bases))));
}

#[test]
fn a_table_with_wrapped_cells_is_a_line_a_row() {
    let row = |top: u32, number: u32| {
        let cells = [
            (60, vec![format!("C{number}")]),
            (
                120,
                vec![
                    format!("Deliver lot {number} within {} days", 9 + number),
                    "after the order was confirmed".into(),
                    "by both parties".into(),
                ],
            ),
            (350, vec![format!("{number}00 euro for each day"), format!("but at most {} percent", 4 + number)]),
        ];
        cells.map(|(x, texts)| lines(x, top, &texts.iter().map(String::as_str).collect::<Vec<_>>())).concat()
    };
    let head = line(60, 740, 11, "Clause") + &line(120, 740, 11, "Duty of the seller") + &line(350, 740, 11, "Penalty");
    let level = [755, 730, 670, 610, 550].map(|y| format!("50 {y} m 550 {y} l S\n"));
    let upright = [50, 110, 340, 550].map(|x| format!("{x} 755 m {x} 550 l S\n"));
    let rules = level.concat() + &upright.concat();
    insta::assert_snapshot!(pdf(&Made::new().page(rules + &head + &row(715, 1) + &row(655, 2) + &row(595, 3))));
}

#[test]
fn turned_text_is_read_as_it_is_meant() {
    let turned = |x: u32, text: &str| format!("BT /F1 11 Tf 0 1 -1 0 {x} 100 Tm ({text}) Tj ET\n");
    let page = [(100, "Rotated table of ships"), (114, "Star 47.5 m 1921"), (128, "Heron 31.2 m 1934")];
    insta::assert_snapshot!(pdf(&Made::new().page(page.map(|(x, text)| turned(x, text)).concat())));
}

#[test]
fn letters_that_were_placed_one_by_one_are_words() {
    let spaced = "BT /F1 12 Tf 6 Tc 72 760 Td (ANNUAL REPORT) Tj ET\n";
    let sentence = "Each letter of this line was placed on its own";
    let mut x = 72.0;
    let placed: String = sentence
        .chars()
        .map(|letter| {
            let at = x;
            x += if "itlfj".contains(letter) {
                3.1
            } else if letter == ' ' {
                3.0
            } else if letter == 'w' {
                7.9
            } else {
                6.1
            };
            if letter == ' ' { String::new() } else { format!("BT /F1 11 Tf {at:.1} 700 Td ({letter}) Tj ET\n") }
        })
        .collect();
    insta::assert_snapshot!(pdf(&Made::new().page(spaced.to_owned() + &placed)));
}

#[test]
fn forms_comments_and_text_that_nobody_sees() {
    let page = line(72, 760, 11, "Application for a berth")
        + &line(72, 700, 11, "Name of the ship:")
        + &line(72, 670, 11, "Insured:")
        + "1 g BT /F1 11 Tf 72 500 Td (White on white.) Tj ET\n";
    let made = Made::new()
        .page(page)
        .annotated("/Subtype /Widget /Rect [200 696 400 712] /FT /Tx /V (Kolbeinsey Star)")
        .annotated("/Subtype /Widget /Rect [200 666 214 680] /FT /Btn /AS /Yes")
        .annotated("/Subtype /Text /Rect [300 700 320 720] /Contents (This comment says 4711.)");
    insta::assert_snapshot!(pdf(&made));
}

#[test]
fn a_filter_that_is_named_elsewhere_is_found() {
    let content = line(72, 700, 11, "Outside.") + "/Own Do\n";
    let hex: String =
        "BT /F1 11 Tf 72 680 Td (The secret number is 4711.) Tj ET".bytes().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a string");
            hex
        });
    let own = "/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >>";
    let made = Made::new()
        .page(content)
        .object(stream(&format!("{own} /Filter {} 0 R", FIRST_OWN + 1), &format!("{hex}>")))
        .object("/ASCIIHexDecode");
    insta::assert_snapshot!(pdf(&made));
}

/// Six chapters under these headings.
fn book(headings: [&str; 6]) -> Vec<u8> {
    let chapter = |heading: &str| {
        format!("{heading}\n\n{}", "It was a bright morning in the harbour, and he went down.\n\n".repeat(6))
    };
    headings.map(chapter).concat().into_bytes()
}

#[test]
fn books_have_parts_in_every_language_and_style() {
    let books = [
        (
            "de.txt",
            [
                "Erstes Kapitel",
                "Zweites Kapitel",
                "Drittes Kapitel",
                "Viertes Kapitel",
                "Fünftes Kapitel",
                "Sechstes Kapitel",
            ],
        ),
        ("fr.txt", ["Chapitre I", "Chapitre II", "Chapitre III", "Chapitre IV", "Chapitre V", "Chapitre VI"]),
        (
            "it.txt",
            [
                "Capitolo primo",
                "Capitolo secondo",
                "Capitolo terzo",
                "Capitolo quarto",
                "Capitolo quinto",
                "Capitolo sesto",
            ],
        ),
        ("ja.txt", ["第一章　猫", "第二章　犬", "第三章　鳥", "第四章　魚", "第五章　馬", "第六章　牛"]),
        ("ru.txt", ["Глава первая", "Глава вторая", "Глава третья", "Глава четвёртая", "Глава пятая", "Глава шестая"]),
        ("number.txt", ["1. Of Cats", "2. Of Dogs", "3. Of Mice", "4. Of Birds", "5. Of Fish", "6. Of Cows"]),
        ("roman.txt", ["I.", "II.", "III.", "IV.", "V.", "VI."]),
        ("capitals.txt", ["OF CATS", "OF DOGS", "OF MICE", "OF BIRDS", "OF FISH", "OF COWS"]),
        ("a.org", ["* Of Cats", "* Of Dogs", "* Of Mice", "* Of Birds", "* Of Fish", "* Of Cows"]),
        (
            "a.rst",
            [
                "Of Cats\n=======",
                "Of Dogs\n=======",
                "Of Mice\n=======",
                "Of Birds\n========",
                "Of Fish\n=======",
                "Of Cows\n=======",
            ],
        ),
        ("a.adoc", ["== Of Cats", "== Of Dogs", "== Of Mice", "== Of Birds", "== Of Fish", "== Of Cows"]),
    ];
    let titles = books.map(|(name, headings)| {
        let document = opened(name, book(headings));
        let titles: Vec<String> = document.parts().iter().map(|part| part.title.clone()).collect();
        format!("{name}: {}\n", titles.join(" / "))
    });
    insta::assert_snapshot!(titles.concat());
}

#[test]
fn a_page_keeps_the_meaning_of_its_formulas_tables_and_hidden_text() {
    let page = "<!DOCTYPE html><html><body><header><h1>How half became twelve</h1><p>by A. Author</p></header><main>\
        <p>MathML: <math><mi>E</mi><mo>=</mo><mfrac><mn>1</mn><mn>2</mn></mfrac><mi>m</mi><msup><mi>v</mi><mn>2</mn></msup></math> end.</p>\
        <p hidden>Not this.</p><p style='display:none'>Nor this.</p>\
        <table><tr><th>Name<th colspan=2>Years<tr><th><th>2024<th>2025<tr><td>North<td>1<td>2</table>\
        <p>10<sup>-9</sup> and H<sub>2</sub>O</p><p><del>old price 5</del> new price 7</p>\
        <details><summary>More</summary><p>Inside.</p></details><pre>def f():\n    return 1</pre></main></body></html>";
    insta::assert_snapshot!(golden("a.html", page.into()));
}

#[test]
fn a_manual_page_has_its_own_macros_expanded() {
    let page = ".de Vb\n.nf\n..\n.de Ve\n.fi\n..\n.ds Aq '\n.TH LAMP 1\n.SH NAME\nlamp \\- lights\n.SH SYNOPSIS\n.Vb 1\n\\&  lamp \\-\\-on\n.Ve\n.SH SIGNALS\n\
        .TS\nl l.\nSIGHUP\treads the file again\nSIGINT\tends\n.TE\n.PP\nThat\\*(Aqs all.\n";
    insta::assert_snapshot!(golden("lamp.1", page.into()));
}
