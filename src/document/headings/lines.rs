//! The lines of a text, and what the styles of headings ask about them.

use super::heading::Heading;

/// Fewest headings of a style that is not certain.
const FEWEST: usize = 3;

/// More blank lines than this in a row say no more.
const MOST_BLANK: usize = 4;

/// A line without the white space around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct TrimmedLine<'a> {
    pub start: usize,
    pub text: &'a str,
    /// Whether there was white space before it.
    pub is_indented: bool,
}

/// The lines of `text`, but of a run of blank ones only as many as a style of headings looks at: there may be millions.
pub(super) fn lines(text: &str) -> Vec<TrimmedLine<'_>> {
    let mut lines: Vec<TrimmedLine<'_>> = Vec::new();
    let (mut start, mut blank) = (0, 0);
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        blank = if trimmed.is_empty() { blank + 1 } else { 0 };
        if blank <= MOST_BLANK {
            lines.push(TrimmedLine { start, text: trimmed, is_indented: line.starts_with([' ', '\t']) });
        }
        start += line.len();
    }
    lines
}

/// Whether the line `index` is blank or not there.
pub(super) fn is_blank(lines: &[TrimmedLine<'_>], index: usize) -> bool {
    lines.get(index).is_none_or(|line| line.text.is_empty())
}

/// Whether the line `index` is a paragraph of its own.
pub(super) fn stands_alone(lines: &[TrimmedLine<'_>], index: usize) -> bool {
    !lines[index].text.is_empty() && (index == 0 || is_blank(lines, index - 1)) && is_blank(lines, index + 1)
}

/// `line` with single spaces.
pub(super) fn spaced(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A number that tells `title` from others: FNV-1a of its letters and digits.
pub(super) fn number_of(title: &str) -> u32 {
    let letters = title.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase);
    letters.fold(0x811c_9dc5, |hash, letter| (hash ^ u32::from(letter)).wrapping_mul(0x0100_0193))
}

/// Drops the headings of a table of contents: a run at the start with hardly anything between the headings, which is
/// repeated right after it.
pub(super) fn drop_table_of_contents(headings: &mut Vec<Heading>) {
    /// Lines of a table of contents are closer together than this, the headings of a book are not.
    const LONGEST_ENTRY: usize = 400;
    let Some(first) = headings.first().map(Heading::key) else { return };
    let Some(again) = (1..headings.len()).find(|&index| headings[index].key() == first) else { return };
    let is_dense = headings[..again].windows(2).all(|pair| pair[1].start - pair[0].start < LONGEST_ENTRY);
    let comes_again =
        headings[..again].iter().map(Heading::key).eq(headings[again..].iter().take(again).map(Heading::key));
    if again >= 2 && is_dense && comes_again {
        headings.drain(..again);
    }
}

/// `headings` if they divide a text like the headings of a book, with `body_bytes` of text under most of them; else
/// none.
pub(super) fn if_they_divide(headings: Vec<Heading>, body_bytes: usize) -> Vec<Heading> {
    if headings.len() < FEWEST {
        return Vec::new();
    }
    let mut gaps: Vec<usize> = headings.windows(2).map(|pair| pair[1].start - pair[0].start).collect();
    gaps.sort_unstable();
    if gaps[gaps.len() / 2] >= body_bytes { headings } else { Vec::new() }
}

/// Whether at least nine in ten of `headings` have a title of their own.
pub(super) fn are_different(headings: &[Heading]) -> bool {
    let mut numbers: Vec<u32> = headings.iter().map(|heading| heading.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.len() * 10 >= headings.len() * 9
}
