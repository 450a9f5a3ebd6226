//! Titles above a line of punctuation, as reStructuredText, Markdown and many plain texts write them.
//!
//! ```text
//! Of Cats          ***********
//! =======          Of Dogs
//!                  ***********
//! ```
//!
//! The sign decides the level: the sign that comes first is the outermost. A sign both above and below is another one
//! than the same sign below alone.

use super::heading::Heading;
use super::lines::{TrimmedLine, is_blank, number_of, spaced};

/// A shorter line of signs is a mark of its own, such as `--` or `...`.
const FEWEST_SIGNS: usize = 3;
const LONGEST_TITLE: usize = 120;
/// Most lines of an example above a title in it.
const LONGEST_EXAMPLE: usize = 200;

/// The headings of `lines`, in order.
pub(super) fn headings(lines: &[TrimmedLine<'_>]) -> Vec<Heading> {
    let mut styles: Vec<(char, bool)> = Vec::new();
    let mut headings = Vec::new();
    for index in 0..lines.len().saturating_sub(1) {
        let Some((style, start)) = title_style(lines, index) else { continue };
        let rank = styles.iter().position(|known| *known == style).unwrap_or_else(|| {
            styles.push(style);
            styles.len() - 1
        });
        let title = spaced(lines[index].text);
        headings.push(Heading { start, rank: rank.min(15) as u8 + 1, number: number_of(&title), title });
    }
    headings
}

/// The sign under the title at line `index`, whether it is also above, and where the heading begins.
fn title_style(lines: &[TrimmedLine<'_>], index: usize) -> Option<((char, bool), usize)> {
    let title = lines[index].text;
    let sign = sign_of(lines[index + 1].text)?;
    let is_title = title.contains(char::is_alphanumeric) && title.chars().count() <= LONGEST_TITLE;
    let is_long_enough = lines[index + 1].text.chars().count() * 10 >= title.chars().count() * 8;
    if !is_title || !is_long_enough || sign_of(title).is_some() || is_in_example(lines, index) {
        return None;
    }
    let above = index.checked_sub(1);
    if let Some(above) = above.filter(|&above| sign_of(lines[above].text) == Some(sign)) {
        return (above == 0 || is_blank(lines, above - 1)).then_some(((sign, true), lines[above].start));
    }
    let stands_apart = above.is_none_or(|above| is_blank(lines, above));
    stands_apart.then_some(((sign, false), lines[index].start))
}

/// Whether the line `index` is indented below a line that ends with `::`, as the examples of reStructuredText are.
fn is_in_example(lines: &[TrimmedLine<'_>], index: usize) -> bool {
    let near = &lines[index.saturating_sub(LONGEST_EXAMPLE)..index];
    let before = near.iter().rfind(|line| !line.text.is_empty() && !line.is_indented);
    lines[index].is_indented && before.is_some_and(|line| line.text.ends_with("::"))
}

/// The sign that `line` repeats.
fn sign_of(line: &str) -> Option<char> {
    let sign = line.chars().next().filter(|sign| "=-~^\"'`*+#<>:._".contains(*sign))?;
    (line.len() >= FEWEST_SIGNS && line.chars().all(|other| other == sign)).then_some(sign)
}
