//! Finds the headings of a plain text: a book, a manual, a diary.
//!
//! There are several styles of headings, and a text is searched for one after the other until one fits:
//!
//! | style | example |
//! |---|---|
//! | [`worded`] | `CHAPTER IV`, `Erstes Kapitel`, `Глава 2`, `第三回` |
//! | [`underlined`](mod@underlined) | a title above a line of `=====` |
//! | [`series`] | `1. Of Cats`, `2.3 Of Dogs`, `II.`, `三` |
//! | [`dated`] | `3 May 1897`, `1. Mai` |
//! | [`titles`] | `OF CATS`; short lines after two blank lines |
//!
//! The first two are certain. The others are only trusted if they look like the headings of a book: several of them, in
//! sequence or all different, each with text below it. A chapter that is too long is searched for the styles behind its
//! own, so `BOOK II` can hold `I.`, `II.`, `III.`
//!
//! Example: *Emma* has `VOLUME I`, `CHAPTER I`, `CHAPTER II` …, which give 3 entries on level 1 and 55 on level 2.
//!
//! Does not look for headings in markup languages; [`super::format`] does.

mod dated;
mod heading;
mod lines;
mod numbers;
mod series;
mod titles;
mod underlined;
mod worded;
mod words;

pub(super) use self::numbers::roman;

use self::heading::Heading;
use self::lines::{TrimmedLine, lines};
use super::outline::{OutlineEntry, close_spans};
use super::span::ByteSpan;

/// A chapter that is longer than this is searched for headings of its own.
const LONG_CHAPTER_BYTES: usize = 24 << 10;

/// A style of headings: finds the headings of some lines. Those of a text where the style is not used are none.
type FindHeadings = fn(&[TrimmedLine<'_>]) -> Vec<Heading>;

/// How much the headings of a text can be told apart from its other lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// Prose: all styles are tried.
    Prose,
    /// Something else, such as source code: only headings that can't be anything else count.
    Other,
}

const CERTAIN: [FindHeadings; 1] = [worded::headings];
const ALL: [FindHeadings; 6] =
    [worded::headings, underlined::headings, series::headings, dated::headings, titles::capitals, titles::set_apart];

/// The headings of `text`, in order. None if there are fewer than two.
pub(super) fn headings(text: &str, likeness: Likeness) -> Vec<OutlineEntry> {
    let lines = lines(text);
    let styles: &[FindHeadings] = match likeness {
        Likeness::Prose => &ALL,
        Likeness::Other => &CERTAIN,
    };
    let mut outline = nested(&lines, text.len(), styles, 1);
    close_spans(&mut outline, text.len());
    outline
}

/// The titles of `text` that are underlined, as in reStructuredText.
pub(super) fn underlined(text: &str) -> Vec<OutlineEntry> {
    let mut outline = leveled(underlined::headings(&lines(text)), 1);
    close_spans(&mut outline, text.len());
    outline
}

/// The headings of `lines`, which end at byte `end`, by the first of `styles` that fits. Long chapters are searched for
/// the styles behind it.
fn nested(lines: &[TrimmedLine<'_>], end: usize, styles: &[FindHeadings], level: u8) -> Vec<OutlineEntry> {
    let found = styles.iter().enumerate().find_map(|(at, style)| {
        let headings = style(lines);
        (headings.len() >= 2).then_some((headings, &styles[at + 1..]))
    });
    let Some((headings, behind)) = found else { return Vec::new() };
    let ends: Vec<usize> = headings.iter().skip(1).map(|heading| heading.start).chain([end]).collect();
    let mut outline = Vec::new();
    for (entry, end) in leveled(headings, level).into_iter().zip(ends) {
        let start = entry.span.start;
        let inner_level = entry.level + 1;
        outline.push(entry);
        if end - start > LONG_CHAPTER_BYTES {
            let from = lines.partition_point(|line| line.start <= start);
            let to = lines.partition_point(|line| line.start < end);
            outline.extend(nested(&lines[from..to], end, behind, inner_level));
        }
    }
    outline
}

/// Turns ranks into levels from `outermost` on. Spans are closed later.
fn leveled(headings: Vec<Heading>, outermost: u8) -> Vec<OutlineEntry> {
    let mut ranks: Vec<u8> = headings.iter().map(|heading| heading.rank).collect();
    ranks.sort_unstable();
    ranks.dedup();
    let level = |rank: u8| outermost + ranks.iter().take_while(|&&known| known < rank).count() as u8;
    let entry = |heading: Heading| OutlineEntry {
        level: level(heading.rank),
        span: ByteSpan { start: heading.start, end: heading.start },
        title: heading.title,
    };
    headings.into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests;
