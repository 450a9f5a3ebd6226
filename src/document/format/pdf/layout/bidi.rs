//! Text from right to left: the order of reading from the order on paper.
//!
//! On paper, from left to right: `15. הדוע רפסמ`. In reading order, the line begins at its right end: `מספר עודה .15`.
//! Numbers and words of other scripts within it go from left to right.

use super::pieces::{Piece, Unit};

/// Whether most letters are of a script that is written from right to left.
pub(super) fn is_right_to_left(pieces: &[Piece]) -> bool {
    let (mut left, mut right) = (0, 0);
    for character in pieces.iter().flat_map(Piece::characters) {
        match direction(character) {
            Direction::Left => left += 1,
            Direction::Right => right += 1,
            Direction::Number | Direction::Neutral => {}
        }
    }
    right > left
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// From left to right.
    Left,
    /// From right to left.
    Right,
    Number,
    Neutral,
}

fn direction(character: char) -> Direction {
    match character {
        '\u{590}'..='\u{5ff}' | '\u{600}'..='\u{65f}' | '\u{66e}'..='\u{6ef}' | '\u{6fa}'..='\u{8ff}' => {
            Direction::Right
        }
        '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' => Direction::Right,
        '0'..='9' | '\u{660}'..='\u{669}' | '\u{6f0}'..='\u{6f9}' => Direction::Number,
        _ if character.is_alphabetic() => Direction::Left,
        _ => Direction::Neutral,
    }
}

fn direction_of(unit: &Unit) -> Direction {
    let directions = unit.text.chars().map(direction);
    directions.fold(Direction::Neutral, |first, next| if first == Direction::Neutral { next } else { first })
}

/// The text of a line in reading order. `units` are in the order on paper, from left to right.
pub(super) fn logical(units: &[Unit]) -> String {
    let directions: Vec<Direction> = units.iter().map(direction_of).collect();
    if !directions.contains(&Direction::Right) {
        return units.iter().map(|unit| &*unit.text).collect();
    }
    let order =
        if begins_on_the_right(units, &directions) { right_to_left(&directions) } else { left_to_right(&directions) };
    let is_mirrored = are_mirrored(&order, units);
    let text = |place: &Place| match place.is_turned.then(|| mirrored(&units[place.unit].text)).flatten() {
        Some(bracket) if is_mirrored => bracket,
        // A glyph of several letters has them in reading order already.
        _ => &*units[place.unit].text,
    };
    order.iter().map(text).collect()
}

/// The place of a unit in reading order.
#[derive(Debug, Clone, Copy)]
struct Place {
    unit: usize,
    /// Whether it is read from right to left.
    is_turned: bool,
}

/// Whether the brackets are those that are seen on paper, where the one that opens looks as if it closed: then a bracket
/// that closes comes before one that opens.
fn are_mirrored(order: &[Place], units: &[Unit]) -> bool {
    let turned = order.iter().filter(|place| place.is_turned).map(|place| &*units[place.unit].text);
    let brackets: Vec<&str> = turned.filter(|text| mirrored(text).is_some()).collect();
    let is_open = |bracket: &&&str| matches!(**bracket, "(" | "[" | "{" | "<" | "«");
    let (first, last) = (brackets.first(), brackets.last());
    first.is_some_and(|first| !is_open(&first)) && last.is_some_and(|last| is_open(&last))
}

fn mirrored(bracket: &str) -> Option<&'static str> {
    Some(match bracket {
        "(" => ")",
        ")" => "(",
        "[" => "]",
        "]" => "[",
        "{" => "}",
        "}" => "{",
        "<" => ">",
        ">" => "<",
        "«" => "»",
        "»" => "«",
        _ => return None,
    })
}

/// Whether a line goes from right to left: as both of its ends do, or else most of its words. An address of the web has many
/// letters, and is one word.
fn begins_on_the_right(units: &[Unit], directions: &[Direction]) -> bool {
    let letters = || directions.iter().filter(|direction| matches!(direction, Direction::Left | Direction::Right));
    if letters().next() == letters().next_back() {
        return letters().next() == Some(&Direction::Right);
    }
    let is_strong = |direction: &&Direction| matches!(direction, Direction::Left | Direction::Right);
    let numbered: Vec<usize> = (0..units.len()).collect();
    let words = numbered.split(|&at| units[at].text.trim().is_empty());
    let words = words.filter_map(|word| word.iter().map(|&at| &directions[at]).find(is_strong));
    let words: Vec<&Direction> = words.collect();
    words.iter().filter(|direction| ***direction == Direction::Right).count() * 2 >= words.len()
}

/// The order of a line whose start is on the right: turned around, but for what goes from left to right in it.
fn right_to_left(directions: &[Direction]) -> Vec<Place> {
    let mut order = Vec::with_capacity(directions.len());
    let mut end = directions.len();
    while end > 0 {
        let last = end - 1;
        if matches!(directions[last], Direction::Left | Direction::Number) {
            let start = run_start(directions, last);
            order.extend((start..end).map(|unit| Place { unit, is_turned: false }));
            end = start;
        } else {
            order.push(Place { unit: last, is_turned: true });
            end = last;
        }
    }
    order
}

/// The start of the stretch from left to right that ends at `last`. Neutral signs within it belong to it.
fn run_start(directions: &[Direction], last: usize) -> usize {
    let has_letters = |from: usize| directions[from..=last].contains(&Direction::Left);
    let mut start = last;
    let mut at = last;
    while at > 0 {
        at -= 1;
        match directions[at] {
            Direction::Right => break,
            Direction::Left | Direction::Number => start = at,
            // A single sign between digits, as in 12.5; any between words.
            Direction::Neutral if start - at > 2 && !has_letters(at) => break,
            Direction::Neutral => {}
        }
    }
    start
}

/// The order of a line whose start is on the left, with stretches from right to left in it.
fn left_to_right(directions: &[Direction]) -> Vec<Place> {
    let mut order: Vec<Place> = Vec::with_capacity(directions.len());
    let mut at = 0;
    while at < directions.len() {
        if directions[at] != Direction::Right {
            order.push(Place { unit: at, is_turned: false });
            at += 1;
            continue;
        }
        let rest = &directions[at..];
        let next = rest.iter().position(|direction| *direction == Direction::Left).unwrap_or(rest.len());
        let length = rest[..next].iter().rposition(|direction| *direction == Direction::Right).unwrap_or(0) + 1;
        order.extend(right_to_left(&rest[..length]).into_iter().map(|place| Place { unit: place.unit + at, ..place }));
        at += length;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str) -> Vec<Unit> {
        let unit = |(index, character): (usize, char)| Unit {
            text: character.to_string().into(),
            left: index as f64,
            right: index as f64 + 1.0,
        };
        text.chars().enumerate().map(unit).collect()
    }

    fn read(on_paper: &str) -> String {
        logical(&units(on_paper))
    }

    #[test]
    fn a_line_from_right_to_left_is_turned_around_but_for_its_numbers() {
        assert_eq!(read("םלוע םולש"), "שלום עולם");
        assert_eq!(read(".15 רפסמ"), "מספר 15.");
        assert_eq!(read("םויב 4711 ריחמה"), "המחיר 4711 ביום");
        assert_eq!(read("תבשב 12.5 קר"), "רק 12.5 בשבת");
        assert_eq!(read("ףוס Hello World הלחתה"), "התחלה Hello World סוף");
        assert_eq!(read("info@example.org ל\"אוד ןופלט"), "טלפון דוא\"ל info@example.org");
        assert_eq!(read(".(ןודנולב) רפס"), "ספר (בלונדון).", "brackets as they are on paper");
        assert_eq!(read(".)ןודנולב( רפס"), "ספר (בלונדון).", "brackets as they are in the text");
    }

    #[test]
    fn words_from_right_to_left_within_another_line_are_turned_around() {
        assert_eq!(read("The word םלוע םולש means peace."), "The word שלום עולם means peace.");
        assert_eq!(read("Plain text."), "Plain text.");
    }
}
