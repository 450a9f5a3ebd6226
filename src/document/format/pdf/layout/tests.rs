//! Pages made of glyphs that are about half as wide as high, as the file would show them.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// The text alone. None of these tests is about how lines look but the last.
fn page_text(glyphs: Vec<Glyph>) -> String {
    super::page_text(glyphs, &[], 800.0).text
}

const SIZE: f64 = 10.0;
const WIDTH: f64 = SIZE / 2.0;

/// A line of text at this place, with spaces as glyphs.
fn line(x: f64, y: f64, text: &str) -> Vec<Glyph> {
    let glyph = |(index, character): (usize, char)| Glyph {
        text: character.to_string().into(),
        x: x + WIDTH * index as f64,
        y,
        // Not all of one width, as in fonts for programs.
        advance: (WIDTH * if u32::from(character) % 2 == 0 { 1.0 } else { 0.9 }, 0.0),
        direction: (1.0, 0.0),
        size: SIZE,
        is_vertical: false,
        is_field: false,
    };
    text.chars().enumerate().map(glyph).collect()
}

/// Lines below each other, 12 points apart.
fn lines(x: f64, y: f64, texts: &[&str]) -> Vec<Glyph> {
    (0_u8..).zip(texts).flat_map(|(index, text)| line(x, y + 12.0 * f64::from(index), text)).collect()
}

/// The glyphs as they are on a page turned by a quarter, clockwise.
fn turned(glyphs: Vec<Glyph>) -> Vec<Glyph> {
    let turn = |(x, y): (f64, f64)| (-y, x);
    let turned = |glyph: Glyph| {
        let (x, y) = turn((glyph.x, glyph.y));
        Glyph { x, y, advance: turn(glyph.advance), direction: turn(glyph.direction), ..glyph }
    };
    glyphs.into_iter().map(turned).collect()
}

const LEFT: [&str; 3] = ["The cat sat on the mat and", "would not move, for it was", "of the opinion that a mat"];
const RIGHT: [&str; 3] = ["Dogs however looked at it", "from the garden, where the", "rain fell on all of them."];

#[test]
fn letters_placed_one_by_one_are_words() {
    let mut glyphs = line(0.0, 100.0, "The cat sat");
    glyphs.retain(|glyph| !glyph.is_space());
    assert_eq!(page_text(glyphs.clone()), "The cat sat");
    glyphs.reverse();
    assert_eq!(page_text(glyphs), "The cat sat", "in whichever order");
}

#[test]
fn spaced_words_are_closed_up() {
    let spread = |text: &str, shows_spaces: bool| {
        let mut glyphs = line(0.0, 100.0, text);
        for (index, glyph) in glyphs.iter_mut().enumerate() {
            glyph.x += 3.0 * index as f64;
        }
        glyphs.retain(|glyph| shows_spaces || !glyph.is_space());
        page_text(glyphs)
    };
    assert_eq!(spread("ANNUAL REPORT", true), "ANNUAL REPORT");
    assert_eq!(spread("ANNUAL REPORT", false), "ANNUAL REPORT");
    assert_eq!(spread("CONTENTS", false), "CONTENTS");
    assert_eq!(page_text(line(0.0, 100.0, "A B C D A C B")), "A B C D A C B", "answers are no word");
}

#[test]
fn glyphs_printed_twice_are_read_once() {
    let mut glyphs = line(0.0, 100.0, "bold");
    glyphs.extend(line(0.3, 100.0, "bold"));
    assert_eq!(page_text(glyphs), "bold");
    assert_eq!(page_text(lines(0.0, 100.0, &["Paid 100 euro"; 3])), ["Paid 100 euro"; 3].join("\n"));
}

#[test]
fn two_columns_of_three_lines_are_read_one_after_the_other() {
    let expected = [LEFT.join("\n"), RIGHT.join("\n")].join("\n\n");
    for gap in [10.0, 14.0, 20.0] {
        let right = WIDTH * 26.0 + gap;
        let glyphs = [lines(0.0, 100.0, &LEFT), lines(right, 100.0, &RIGHT)].concat();
        assert_eq!(page_text(glyphs), expected, "{gap}");
        let shifted = [lines(0.0, 100.0, &LEFT), lines(right, 105.0, &RIGHT)].concat();
        assert_eq!(page_text(shifted), expected, "{gap}, on other baselines");
        let line_by_line = (0..3).flat_map(|row: u8| {
            let y = 100.0 + 12.0 * f64::from(row);
            [line(0.0, y, LEFT[row as usize]), line(right, y, RIGHT[row as usize])].concat()
        });
        assert_eq!(page_text(line_by_line.collect()), expected, "{gap}, shown line by line");
    }
}

#[test]
fn columns_of_two_and_three_lines_need_no_wide_gap_if_the_file_shows_one_after_the_other() {
    let right = WIDTH * 26.0 + 8.0;
    for y in [100.0, 106.0] {
        let glyphs = [lines(0.0, 100.0, &LEFT), lines(right, y, &RIGHT[..2])].concat();
        assert_eq!(page_text(glyphs), [LEFT.join("\n"), RIGHT[..2].join("\n")].join("\n\n"), "from {y} on");
    }
}

/// Columns of so many lines of prose, 145 points apart, and their text.
fn prose(columns: usize, rows: usize, y: f64) -> (Vec<Glyph>, Vec<String>) {
    let text = |column: usize, row: usize| {
        let words = ["the lamp", "of a keeper", "burns on", "all night", "and nobody", "had seen it"];
        let word = |at: usize| words[(column * 5 + row * 3 + at) % words.len()];
        format!("{} {} {column}{row}", word(0), word(1))
    };
    let column = |column: usize| (0..rows).map(|row| text(column, row)).collect::<Vec<_>>();
    let columns: Vec<Vec<String>> = (0..columns).map(column).collect();
    let glyphs = columns
        .iter()
        .zip([0.0, 145.0, 290.0])
        .flat_map(|(column, x)| lines(x, y, &column.iter().map(String::as_str).collect::<Vec<_>>()));
    (glyphs.collect(), columns.iter().map(|column| column.join("\n")).collect())
}

fn sized(mut glyphs: Vec<Glyph>, size: f64) -> Vec<Glyph> {
    for glyph in &mut glyphs {
        glyph.size = size;
    }
    glyphs
}

/// The words of `text`: whether columns are apart depends on how they end.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn text_below_columns_is_of_no_column_although_it_leaves_a_gutter_free() {
    let (columns, texts) = prose(3, 12, 100.0);
    let below = lines(0.0, 280.0, &["4 Notes and code", "A sentence about lamps that is wider than a column"]);
    let more = lines(0.0, 320.0, &["And one more line.", "And another, which is the last one of all."]);
    let text = words(&page_text([columns, below, more].concat()));
    let expected = words(&texts.join(" "));
    assert!(text.starts_with(&format!("{expected} 4 Notes and code A sentence")), "{text}");
}

#[test]
fn columns_below_columns_are_read_after_all_of_them() {
    let ((above, first), (below, second)) = (prose(3, 20, 100.0), prose(3, 4, 400.0));
    assert_eq!(words(&page_text([above, below].concat())), words(&[first, second].concat().join(" ")));
}

#[test]
fn the_head_and_the_foot_of_a_page_are_of_no_column_however_near_they_are() {
    let (columns, texts) = prose(3, 20, 100.0);
    let head = sized([line(0.0, 86.0, "12/1/26, 9:14"), line(200.0, 86.0, "Lamps")].concat(), 7.0);
    let foot = sized([line(0.0, 343.0, "file:///lamps.html"), line(400.0, 343.0, "2/3")].concat(), 7.0);
    let text = words(&page_text([head, columns, foot].concat()));
    assert_eq!(text, format!("12/1/26, 9:14 Lamps {} file:///lamps.html 2/3", words(&texts.join(" "))));
}

#[test]
fn a_heading_in_the_middle_above_the_columns_comes_first() {
    let (columns, texts) = prose(3, 12, 100.0);
    let text = words(&page_text([columns, sized(line(170.0, 75.0, "Cheat sheet"), 14.0)].concat()));
    assert_eq!(text, format!("Cheat sheet {}", words(&texts.join(" "))));
}

#[test]
fn an_index_is_read_down_its_columns_and_a_table_of_names_along_its_rows() {
    let names = ["abacus", "abbey", "beacon", "bell", "candle", "chart", "dory", "dune", "ebb", "eddy", "ferry", "fog"];
    let entry = |index: usize| format!("{}, {}, {}", names[index], index * 7 + 3, index * 9 + 12);
    let at = |index: usize| (150.0 * (index / 4) as f64, 100.0 + 12.0 * (index % 4) as f64);
    let glyphs = (0..12).flat_map(|index| line(at(index).0, at(index).1, &entry(index))).collect();
    let expected: Vec<String> = (0..12).map(entry).collect();
    assert_eq!(words(&page_text(glyphs)), expected.join(" "));
    let name = |row: usize| line(0.0, 100.0 + 12.0 * row as f64, names[row]);
    let length = |row: usize| line(150.0, 100.0 + 12.0 * row as f64, &(row * 11 + 10).to_string());
    let by_column = (0..12).flat_map(name).chain((0..12).flat_map(length)).collect();
    assert_eq!(page_text(by_column).lines().nth(2), Some("beacon  32"));
}

#[test]
fn a_title_and_a_page_number_are_of_no_column() {
    let title = line(20.0, 60.0, "A title that goes over both of the columns");
    let columns = [lines(0.0, 100.0, &LEFT), lines(150.0, 100.0, &RIGHT)].concat();
    let glyphs = [title, columns, line(130.0, 400.0, "12")].concat();
    let expected = ["A title that goes over both of the columns", &LEFT.join("\n"), &RIGHT.join("\n"), "12"];
    assert_eq!(page_text(glyphs), expected.join("\n\n"));
}

#[test]
fn a_table_is_read_row_by_row() {
    let rows =
        [["Star", "47.5", "1921"], ["Heron", "31.2", "1934"], ["Gannet", "8.0", "1950"], ["Tern", "12.9", "1961"]];
    let cell = |row: usize, column: usize| line(100.0 * column as f64, 100.0 + 12.0 * row as f64, rows[row][column]);
    let by_row = (0..4).flat_map(|row| (0..3).flat_map(move |column| cell(row, column))).collect();
    let expected = "Star    47.5  1921\nHeron   31.2  1934\nGannet  8.0   1950\nTern    12.9  1961";
    assert_eq!(page_text(by_row), expected);
    let by_column = (0..3).flat_map(|column| (0..4).flat_map(move |row| cell(row, column))).collect();
    assert_eq!(page_text(by_column), expected, "also if the file shows it by columns");
}

#[test]
fn cells_of_two_words_make_no_columns_of_prose() {
    let cells =
        |row: u32| [format!("Rock {row}"), (10 + row).to_string(), format!("Keeper {row}"), (1850 + row).to_string()];
    let glyphs = (0..8_u32).flat_map(|row| {
        let y = 100.0 + 18.0 * f64::from(row);
        cells(row).into_iter().zip([0.0, 50.0, 90.0, 150.0]).flat_map(move |(cell, x)| line(x, y, &cell))
    });
    let expected: Vec<String> =
        (0..8).map(|row| format!("Rock {row}  {}  Keeper {row}  {}", 10 + row, 1850 + row)).collect();
    assert_eq!(page_text(glyphs.collect()), expected.join("\n"));
}

#[test]
fn cells_of_several_lines_are_whole() {
    let row = |y: f64, clause: &str| {
        let duty = ["Deliver the lot within ten days of", "the order in writing by the buyer"];
        let penalty = ["100 euro for each day of", "delay, but at most 900"];
        [line(0.0, y, clause), lines(60.0, y, &duty), lines(260.0, y, &penalty)].concat()
    };
    let text = page_text((1..=4_u8).flat_map(|number| row(40.0 * f64::from(number), &format!("C{number}"))).collect());
    let expected = "Deliver the lot within ten days of the order in writing by the buyer | \
                    100 euro for each day of delay, but at most 900";
    let rows: Vec<String> = (1..=4).map(|number| format!("C{number} | {expected}")).collect();
    assert_eq!(text, rows.join("\n"));
}

#[test]
fn turned_pages_are_read_as_they_would_be_upright() {
    let upright = [lines(0.0, 100.0, &LEFT), lines(150.0, 100.0, &RIGHT)].concat();
    let mut glyphs = upright.clone();
    for quarter in 0..4 {
        assert_eq!(page_text(glyphs.clone()), page_text(upright.clone()), "{quarter}");
        glyphs = turned(glyphs);
    }
}

#[test]
fn upright_text_beside_turned_text_follows_it() {
    let glyphs = [turned(lines(0.0, 100.0, &LEFT)), line(0.0, 700.0, "Page 7")].concat();
    assert_eq!(page_text(glyphs), [LEFT.join("\n"), "Page 7".into()].join("\n\n"));
}

#[test]
fn columns_of_vertical_text_go_from_right_to_left() {
    let column = |x: f64, text: &str, is_vertical: bool| -> Vec<Glyph> {
        let glyph = |(index, character): (usize, char)| Glyph {
            text: character.to_string().into(),
            x,
            y: 100.0 + SIZE * index as f64,
            advance: if is_vertical { (0.0, SIZE) } else { (SIZE, 0.0) },
            direction: (1.0, 0.0),
            size: SIZE,
            is_vertical,
            is_field: false,
        };
        text.chars().enumerate().map(glyph).collect()
    };
    for is_vertical in [true, false] {
        let columns = [column(80.0, "二番目は犬である", is_vertical), column(100.0, "一番目は猫である", is_vertical)];
        assert_eq!(page_text(columns.concat()), "一番目は猫である\n二番目は犬である", "{is_vertical}");
    }
    let lower = |glyphs: Vec<Glyph>| glyphs.into_iter().map(|glyph| Glyph { y: glyph.y + 200.0, ..glyph }).collect();
    let tier = |one: &str, two: &str, three: &str| {
        [column(100.0, one, true), column(80.0, two, true), column(60.0, three, true)].concat()
    };
    let tiers =
        [tier("一番目は猫", "二番目は犬である", "三番目は鳥"), lower(tier("四番目は魚", "五番目は馬", "六番目は牛"))];
    let expected = "一番目は猫\n二番目は犬である\n三番目は鳥\n\n四番目は魚\n五番目は馬\n六番目は牛";
    assert_eq!(page_text(tiers.concat()), expected);
}

#[test]
fn raised_signs_belong_to_their_line() {
    let mut raised = line(WIDTH * 8.0, 96.0, "2");
    raised[0].size = 6.0;
    raised[0].advance.0 = 3.0;
    let glyphs =
        [line(0.0, 100.0, "E is mc "), raised, line(50.0, 100.0, "here"), line(0.0, 112.0, "and so on")].concat();
    assert_eq!(page_text(glyphs), "E is mc^2 here\nand so on");
}

#[test]
fn the_letters_of_a_logo_are_in_their_line_however_they_are_raised_and_lowered() {
    let letters = [
        ("Insert", 0.0, 0.0),
        ("L", 34.0, 0.0),
        ("a", 37.3, -1.3),
        ("T", 42.0, 0.0),
        ("E", 47.0, 2.1),
        ("X", 52.0, 0.0),
    ];
    let logo = letters.iter().flat_map(|&(text, x, lower)| line(x, 100.0 + lower, text));
    let glyphs = logo.chain(line(60.0, 100.0, "environment")).chain(line(0.0, 112.0, "Insert an item")).collect();
    assert_eq!(page_text(glyphs), "Insert LaTEX environment\nInsert an item");
}

#[test]
fn a_raised_number_between_two_words_belongs_to_the_one_that_it_touches() {
    let with_number = |at: f64, before: &str, after_at: f64, after: &str| {
        let mut raised = line(at, 96.0, "4");
        (raised[0].size, raised[0].advance.0) = (6.0, 3.0);
        page_text([line(0.0, 100.0, before), raised, line(after_at, 100.0, after)].concat())
    };
    assert_eq!(with_number(WIDTH * 10.0, "addressed ", 65.0, "hope"), "addressed[4] hope");
    assert_eq!(with_number(WIDTH * 8.0, "made of ", WIDTH * 8.0 + 3.0, "He"), "made of 4He");
}

#[test]
fn the_lines_of_a_list_of_keys_are_rows_although_only_its_headings_pause() {
    let keys = [["Insert a section", "C-c C-s"], ["Insert an item", "C-c LFD"], ["Close it again", "C-c C-q"]];
    let group = |y: f64, title: &str| {
        let rows = (0_u8..).zip(&keys).flat_map(|(index, [what, key])| {
            let y = y + 20.0 + 12.0 * f64::from(index);
            [line(0.0, y, what), line(120.0, y, key)].concat()
        });
        [line(0.0, y, title), rows.collect()].concat()
    };
    let text = page_text([group(0.0, "Command Insertion"), group(76.0, "The Same Again")].concat());
    for [what, key] in keys {
        let row = text.lines().find(|line| line.starts_with(what)).expect("a line of its own");
        assert!(row.ends_with(key) && row.len() < 40, "{text}");
    }
}

#[test]
fn cells_in_the_middle_of_their_rows_are_whole() {
    let row = |y: f64, number: &str, fee: &str| {
        let clause = lines(40.0, y, &["Deliver the goods here", "within ten days after", "the order is confirmed"]);
        let who = lines(180.0, y + 6.0, &["the seller or", "his agent"]);
        [line(0.0, y + 12.0, number), clause, who, line(280.0, y + 12.0, fee)].concat()
    };
    let text =
        page_text([row(100.0, "1", "100 euro"), row(142.0, "2", "200 euro"), row(184.0, "3", "300 euro")].concat());
    let clause = "Deliver the goods here within ten days after the order is confirmed";
    let expected = [1, 2, 3].map(|row| format!("{row} | {clause} | the seller or his agent | {row}00 euro"));
    assert_eq!(text, expected.join("\n"));
}

#[test]
fn an_initial_begins_the_first_of_its_lines() {
    let mut initial = line(0.0, 124.0, "I");
    (initial[0].size, initial[0].advance.0) = (34.0, 14.0);
    let body =
        lines(18.0, 100.0, &["t is a truth universally", "acknowledged, that a man", "must be in want of a wife"]);
    let expected = "It is a truth universally\nacknowledged, that a man\nmust be in want of a wife";
    assert_eq!(page_text([initial, body].concat()), expected);
}

#[test]
fn each_line_tells_where_it_is_and_how_large() {
    let mut title = line(0.0, 80.0, "Title");
    for glyph in &mut title {
        glyph.size = 20.0;
    }
    let head = [line(0.0, 40.0, "Of Cats"), line(300.0, 40.0, "41")].concat();
    let glyphs = [head, title, lines(0.0, 400.0, &LEFT), turned(line(0.0, 0.0, "aside"))].concat();
    let looks = super::page_text(glyphs, &[], 800.0).looks;
    let look = |height: Option<u16>, size, has_gap| LineLook { height, size, has_gap };
    let expected = [(50, 100, true), (100, 200, false), (500, 100, false), (515, 100, false), (530, 100, false)];
    let upright = expected.map(|(height, size, has_gap)| look(Some(height), size, has_gap));
    assert_eq!(looks, [upright.as_slice(), &[look(None, 100, false)]].concat());
}

/// Any glyph, anywhere.
fn any_glyph() -> impl Strategy<Value = Glyph> {
    let places = (-1e4..1e4_f64, -1e4..1e4_f64, 0.0..360.0_f64, 0.1..100.0_f64);
    ("[a-zא-ת1 一-三]", places, any::<bool>()).prop_map(|(text, (x, y, degrees, size), is_vertical)| {
        let direction = (degrees.to_radians().cos(), degrees.to_radians().sin());
        let advance = (direction.0 * size / 2.0, direction.1 * size / 2.0);
        Glyph { text: text.into(), x, y, advance, direction, size, is_vertical, is_field: false }
    })
}

proptest! {
    #[test]
    fn every_glyph_is_in_the_text_once(glyphs in vec(any_glyph(), 0..60)) {
        let signs = |text: &str| {
            let mut signs: Vec<char> = text.chars().filter(|sign| !sign.is_whitespace() && !"|^[]()".contains(*sign)).collect();
            signs.sort_unstable();
            signs
        };
        let all: String = glyphs.iter().map(|glyph| &*glyph.text).collect();
        prop_assert_eq!(signs(&page_text(glyphs)), signs(&all));
    }

    #[test]
    fn any_lines_in_any_order_are_read_from_top_to_bottom(order in Just((0..12_usize).collect::<Vec<_>>()).prop_shuffle()) {
        let text = |index: usize| format!("line {index} of a page of prose");
        let glyphs = order.iter().flat_map(|&index| line(50.0, 100.0 + 12.0 * index as f64, &text(index))).collect();
        prop_assert_eq!(page_text(glyphs), (0..12).map(text).collect::<Vec<_>>().join("\n"));
    }
}
