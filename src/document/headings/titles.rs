//! Titles that only their look tells from text: `OF CATS` in capitals, or a short line that is set apart.

use super::heading::Heading;
use super::lines::{
    TrimmedLine, are_different, drop_table_of_contents, if_they_divide, is_blank, number_of, spaced, stands_alone,
};
use super::worded::is_title;

const LONGEST: usize = 70;
/// Text under most titles in capitals.
const BODY_BYTES: usize = 200;
/// Text under most titles that are only set apart: verses and lists are shorter.
const BODY_BYTES_SET_APART: usize = 800;

/// Titles in capitals.
pub(super) fn capitals(lines: &[TrimmedLine<'_>]) -> Vec<Heading> {
    chosen(lines, BODY_BYTES, |index| stands_alone(lines, index) && is_in_capitals(lines[index].text))
}

/// Titles after two blank lines and before one.
pub(super) fn set_apart(lines: &[TrimmedLine<'_>]) -> Vec<Heading> {
    chosen(lines, BODY_BYTES_SET_APART, |index| {
        let is_apart = index < 2 || is_blank(lines, index - 1) && is_blank(lines, index - 2);
        is_apart && stands_alone(lines, index) && is_title(lines[index].text)
    })
}

/// The lines that `is_it`, if they divide the text and are different.
fn chosen(lines: &[TrimmedLine<'_>], body_bytes: usize, is_it: impl Fn(usize) -> bool) -> Vec<Heading> {
    let heading = |index: usize| {
        let title = spaced(lines[index].text);
        Heading { start: lines[index].start, rank: 1, number: number_of(&title), title }
    };
    let mut headings: Vec<Heading> = (0..lines.len()).filter(|&index| is_it(index)).map(heading).collect();
    drop_table_of_contents(&mut headings);
    if are_different(&headings) { if_they_divide(headings, body_bytes) } else { Vec::new() }
}

fn is_in_capitals(line: &str) -> bool {
    let letters = line.chars().filter(|letter| letter.is_alphabetic());
    let is_capital = letters.clone().all(char::is_uppercase) && letters.count() >= 3;
    let has_signs_of_text = line.ends_with([',', ';', ':', '"', '”']) || line.contains(['=', '|', '<', '{']);
    is_capital && !has_signs_of_text && line.chars().count() <= LONGEST && line.starts_with(char::is_alphanumeric)
}
