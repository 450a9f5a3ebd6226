//! Drops running heads, footers and page numbers from the first and last lines of pages.
//!
//! A line is dropped only if position, recurrence and sequence say so together: it is at the edge of the page, and
//! neighbouring pages have the same line at the same height, except for numbers that count with the pages. This goes
//! on from the outermost line inwards:
//!
//! ```text
//! page 41: 41  Chapter 3. Of Cats     page 42: 42  Chapter 3. Of Cats     dropped: 41 and 42 count with the pages
//! page 7: Figure 3                    page 8: Figure 5                    kept: the numbers don't
//! page 5: }                           page 6: }                           kept: no words
//! page 1: Exercise 1                  page 2: Exercise 2                  kept: a heading that counts
//! page 3: Results (larger)            page 4: Results (larger)            kept: a title
//! page 3: Results, one point          page 4: Results, two points         kept: one slide, page 4 has all of page 3
//! ```
//!
//! The page of a passage is known without them, and the title of a chapter is also at its start. What is dropped is
//! reported.

use std::collections::HashSet;

use super::layout::LineLook;
use super::lines::PageLines;
use crate::headings::roman;
use crate::report::DroppedLine;

/// How many pages away neighbours may be. Book and chapter title alternate, and there may be a page of images between.
const NEIGHBOURS: u32 = 4;
/// How many neighbours have to have the same line. In a document of few pages, one with a counting number is enough.
const ENOUGH_ALIKE: usize = 2;
const FEW_PAGES: usize = 3;
/// Maximum size of a running head.
const LONGEST: usize = 120;
/// Maximum number of lines of a header or footer.
const MOST_LINES: usize = 3;
/// A running head is within this distance of the upper or the lower edge, in thousandths of the page.
const MARGIN: u16 = 180;
/// The heights of a running head on two pages differ by no more than this.
const SAME_HEIGHT: u16 = 12;
/// A line in a larger font is a title, in percent of the usual size.
const LARGEST: u16 = 112;
/// A line in a smaller font is no heading.
const SMALL: u16 = 95;
/// Words that stand before page numbers.
const PAGE_WORDS: [&str; 12] =
    ["page", "p", "pp", "of", "seite", "s", "von", "pagina", "página", "sida", "strona", "стр"];

#[derive(Debug, Clone, Copy)]
enum PageEdge {
    Top,
    Bottom,
}

/// Drops running heads and footers from `pages`, which must be in ascending order. Returns what was dropped, by page.
pub(super) fn drop_running_lines(pages: &mut [PageLines]) -> Vec<DroppedLine> {
    let mut dropped = Vec::new();
    let mut left: Vec<usize> = pages.iter().map(most_dropped).collect();
    let overlays = Overlays::of(pages);
    for edge in [PageEdge::Top, PageEdge::Bottom] {
        for _ in 0..MOST_LINES {
            let outer: Vec<Option<OuterLine>> = pages.iter().map(|page| outermost(page, edge)).collect();
            let running: Vec<(usize, usize, &'static str)> = (0..pages.len())
                .filter(|&index| left[index] > 0)
                .filter_map(|index| Some((index, outer[index].as_ref()?.at, why_running(&outer, index, &overlays)?)))
                .collect();
            if running.is_empty() {
                break;
            }
            for (index, at, why) in running {
                left[index] -= 1;
                let page = &mut pages[index];
                dropped.push(DroppedLine { page: page.number, text: page.lines[at].trim().to_owned(), why });
                page.drop_outer(at, matches!(edge, PageEdge::Top));
            }
        }
    }
    dropped.sort_by_key(|line| line.page);
    dropped
}

/// Maximum number of lines to drop from `page`, so that forms, which are nearly alike, are kept. A scan may lose all of
/// its lines.
fn most_dropped(page: &PageLines) -> usize {
    let lines = page.lines.iter().filter(|line| !line.is_empty()).count();
    if page.has_picture { lines } else { lines * 2 / 3 }
}

/// Which pages show the same slide, with one point more each time.
struct Overlays {
    /// The slide of each page, by a number.
    slides: Vec<usize>,
}

impl Overlays {
    fn of(pages: &[PageLines]) -> Self {
        let mut slides: Vec<usize> = Vec::with_capacity(pages.len());
        for (index, page) in pages.iter().enumerate() {
            let before = index.checked_sub(1).filter(|&before| repeats(&pages[before], page));
            slides.push(before.map_or(index, |before| slides[before]));
        }
        Self { slides }
    }
}

/// Whether `next` has all lines of `page`, but for its number, and there are several.
fn repeats(page: &PageLines, next: &PageLines) -> bool {
    let lines = |page: &PageLines| -> HashSet<String> {
        let written = page.lines.iter().filter(|line| line.contains(char::is_alphabetic));
        written.map(|line| line.trim().to_owned()).collect()
    };
    let (earlier, later) = (lines(page), lines(next));
    earlier.len() > 1 && later.len() > earlier.len() && earlier.is_subset(&later)
}

/// The outermost line of a page.
struct OuterLine<'a> {
    page: u32,
    at: usize,
    tokens: Vec<&'a str>,
    look: Option<LineLook>,
    /// The only line of a page that is an image, at its lower edge: there is nothing that it could head.
    is_stamp: bool,
}

/// The first or last line, if it can be a running head where it is.
fn outermost(page: &PageLines, edge: PageEdge) -> Option<OuterLine<'_>> {
    let has_words = |(_, line): &(usize, &String)| !line.trim().is_empty();
    let mut lines = page.lines.iter().enumerate();
    let (at, line) = match edge {
        PageEdge::Top => lines.find(has_words),
        PageEdge::Bottom => lines.rfind(has_words),
    }?;
    let look = page.look(at);
    let is_possible = line.len() <= LONGEST && look.is_none_or(|look| is_at_edge(look, edge) && look.size <= LARGEST);
    let is_alone = page.lines.iter().filter(|line| !line.trim().is_empty()).count() == 1;
    let is_stamp = page.has_picture && is_alone && matches!(edge, PageEdge::Bottom);
    is_possible.then(|| OuterLine { page: page.number, at, tokens: tokens(line), look, is_stamp })
}

fn is_at_edge(look: LineLook, edge: PageEdge) -> bool {
    look.height.is_none_or(|height| match edge {
        PageEdge::Top => height <= MARGIN,
        PageEdge::Bottom => height >= 1000 - MARGIN,
    })
}

/// Why a line is a running head, if it is one.
fn why_running(outer: &[Option<OuterLine<'_>>], index: usize, overlays: &Overlays) -> Option<&'static str> {
    let own = outer[index].as_ref()?;
    // Pages ascend, so neighbours by number are near in the list.
    let reach = NEIGHBOURS as usize;
    let near = index.saturating_sub(reach)..outer.len().min(index + reach + 1);
    let is_other_slide = |&other: &usize| overlays.slides[other] != overlays.slides[index];
    let others = near.filter(is_other_slide).filter_map(|other| outer[other].as_ref());
    let others = others.filter(|other| other.page.abs_diff(own.page) <= NEIGHBOURS && are_level(own, other));
    let alike: Vec<Likeness> = others.filter_map(|other| likeness(own, other)).collect();
    let counts = alike.contains(&Likeness::Counting);
    if counts && is_counted_heading(own) {
        return None;
    }
    match counts {
        true if alike.len() >= ENOUGH_ALIKE || outer.len() <= FEW_PAGES => Some("its number counts with the pages"),
        false if alike.len() >= ENOUGH_ALIKE => Some("neighbouring pages have the same line at the same height"),
        _ => None,
    }
}

/// Whether two lines are at the same height, as far as that is known.
fn are_level(one: &OuterLine<'_>, other: &OuterLine<'_>) -> bool {
    let height = |line: &OuterLine<'_>| line.look.and_then(|look| look.height);
    match (height(one), height(other)) {
        (Some(one), Some(other)) => one.abs_diff(other) <= SAME_HEIGHT,
        _ => true,
    }
}

/// Whether a line whose number counts is a heading, such as `Exercise 3`: with words beside its number, not set apart from
/// it, and not smaller than the text.
fn is_counted_heading(line: &OuterLine<'_>) -> bool {
    let is_word = |token: &&&str| {
        let word = token.to_lowercase();
        word.starts_with(char::is_alphabetic) && number(token).is_none() && !PAGE_WORDS.contains(&word.as_str())
    };
    let has_words = line.tokens.iter().any(|token| is_word(&token));
    has_words && !line.is_stamp && line.look.is_some_and(|look| !look.has_gap && look.size >= SMALL)
}

#[derive(Debug, PartialEq, Eq)]
enum Likeness {
    /// The same words, with a number that counts with the pages.
    Counting,
    Same,
}

fn likeness(one: &OuterLine<'_>, other: &OuterLine<'_>) -> Option<Likeness> {
    if one.tokens.len() != other.tokens.len() || !one.tokens.iter().any(|token| token.contains(char::is_alphanumeric)) {
        return None;
    }
    let further = i64::from(other.page) - i64::from(one.page);
    let mut likeness = Likeness::Same;
    for (token, others) in one.tokens.iter().zip(&other.tokens) {
        if token == others {
            continue;
        }
        if number(others)? - number(token)? != further {
            return None;
        }
        likeness = Likeness::Counting;
    }
    Some(likeness)
}

fn number(token: &str) -> Option<i64> {
    token.parse().ok().or_else(|| roman(token).map(i64::from))
}

/// Splits `line` into runs of digits, of letters and of other characters, without white space.
fn tokens(line: &str) -> Vec<&str> {
    let kind = |character: char| match character {
        _ if character.is_ascii_digit() => 0,
        _ if character.is_alphanumeric() => 1,
        _ => 2,
    };
    let mut tokens = Vec::new();
    for word in line.split_whitespace() {
        let mut start = 0;
        let mut before = None;
        for (at, character) in word.char_indices() {
            if before.is_some_and(|before| before != kind(character)) {
                tokens.push(&word[start..at]);
                start = at;
            }
            before = Some(kind(character));
        }
        tokens.push(&word[start..]);
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(pages: &[&str]) -> Vec<PageLines> {
        let page = |(index, text): (usize, &&str)| PageLines {
            number: index as u32 + 1,
            lines: text.lines().map(str::to_owned).collect(),
            looks: Vec::new(),
            has_picture: false,
        };
        pages.iter().enumerate().map(page).collect()
    }

    fn left(texts: &[&str]) -> Vec<String> {
        let mut pages = pages(texts);
        drop_running_lines(&mut pages);
        pages.into_iter().map(|page| page.lines.join("\n")).collect()
    }

    #[test]
    fn page_numbers_of_every_kind_are_dropped() {
        assert_eq!(left(&["a\n\n- 9 -", "b\n\n- 10 -"]), ["a", "b"]);
        assert_eq!(left(&["Page 1 of 2\n\na", "Page 2 of 2\n\nb"]), ["a", "b"]);
        assert_eq!(left(&["a\nxiv", "b\nxv", "c\nxvi"]), ["a", "b", "c"]);
        assert_eq!(left(&["12 / 200\na", "13 / 200\nb"]), ["a", "b"]);
    }

    #[test]
    fn heads_that_take_turns_are_dropped_with_their_numbers() {
        let texts = ["2 Cats\na", "Of Milk 3\nb", "4 Cats\nc", "Of Milk 5\nd", "6 Cats\ne", "Of Milk 7\nf"];
        assert_eq!(left(&texts), ["a", "b", "c", "d", "e", "f"]);
    }

    #[test]
    fn a_head_of_two_lines_goes_and_a_title_on_one_page_stays() {
        let texts = ["Title\na", "The Journal\nVol. 3\nb", "The Journal\nVol. 3\nc", "The Journal\nVol. 3\nd"];
        assert_eq!(left(&texts), ["Title\na", "b", "c", "d"]);
    }

    #[test]
    fn what_counts_otherwise_or_has_no_words_is_text() {
        let texts = ["Figure 3\na\n}", "Figure 4\nb\n}", "Figure 6\nc\n}"];
        assert_eq!(left(&texts[1..]), texts[1..]);
        let lists = ["1. one\n2. two", "3. three\n4. four", "5. five\n6. six"];
        assert_eq!(left(&lists), lists);
    }

    #[test]
    fn pages_alike_in_everything_are_kept() {
        let texts = ["Card 1\nThanks!", "Card 2\nThanks!", "Card 3\nThanks!", "Card 4\nThanks!"];
        assert_eq!(left(&texts).iter().filter(|left| left.is_empty()).count(), 0, "no page is emptied");
        let mut scans = pages(&["Stamp", "Stamp", "Stamp"]);
        for page in &mut scans {
            page.has_picture = true;
        }
        drop_running_lines(&mut scans);
        assert!(scans.iter().all(PageLines::is_empty));
    }

    /// Pages with lines at these heights and of these sizes, the last of which is the text.
    fn looking(pages: &[&[(&str, u16, u16)]]) -> Vec<PageLines> {
        let page = |(index, lines): (usize, &&[(&str, u16, u16)])| PageLines {
            number: index as u32 + 1,
            lines: lines.iter().map(|(text, ..)| (*text).to_owned()).collect(),
            looks: lines
                .iter()
                .map(|&(_, height, size)| Some(LineLook { height: Some(height), size, has_gap: false }))
                .collect(),
            has_picture: false,
        };
        pages.iter().enumerate().map(page).collect()
    }

    fn dropped(pages: &[&[(&str, u16, u16)]]) -> Vec<String> {
        drop_running_lines(&mut looking(pages)).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn headings_that_count_and_titles_stay() {
        let exercises: [&[(&str, u16, u16)]; 4] = [
            &[("Exercise 1", 60, 100), ("one", 200, 100), ("and", 215, 100)],
            &[("Exercise 2", 60, 100), ("two", 200, 100), ("so", 215, 100)],
            &[("Exercise 3", 60, 100), ("three", 200, 100), ("on", 215, 100)],
            &[("Exercise 4", 60, 100), ("four", 200, 100), ("then", 215, 100)],
        ];
        assert!(dropped(&exercises).is_empty());
        let years = exercises.map(|page| [("Balance sheet 2015", 60, 140), page[1], page[2]]);
        assert!(dropped(&years.each_ref().map(<[_; 3]>::as_slice)).is_empty(), "larger than the text");
        let low = exercises.map(|page| [("A Treatise on Cats", 300, 100), page[1], page[2]]);
        assert!(dropped(&low.each_ref().map(<[_; 3]>::as_slice)).is_empty(), "in the middle of the page");
        let heads = exercises.map(|page| [("A Treatise on Cats", 40, 100), page[1], page[2]]);
        assert_eq!(dropped(&heads.each_ref().map(<[_; 3]>::as_slice)), ["A Treatise on Cats"; 4]);
        let small = exercises.map(|page| [(page[0].0, 40, 80), page[1], page[2]]);
        assert_eq!(dropped(&small.each_ref().map(<[_; 3]>::as_slice)).len(), 4, "smaller than the text");
        let uneven: [&[(&str, u16, u16)]; 3] = [
            &[("Note", 40, 100), ("one", 200, 100)],
            &[("Note", 90, 100), ("two", 200, 100)],
            &[("Note", 140, 100), ("three", 200, 100)],
        ];
        assert!(dropped(&uneven).is_empty(), "at other heights");
    }

    #[test]
    fn slides_with_overlays_stay() {
        let slides = ["Topic A\n- one", "Topic A\n- one\n- two", "Topic A\n- one\n- two\n- three", "Topic B\n- four"];
        assert_eq!(left(&slides), slides);
    }

    #[test]
    fn what_is_dropped_is_told_with_its_page_and_reason() {
        let mut pages = pages(&["a\n1", "b\n2", "c\n3"]);
        let dropped = drop_running_lines(&mut pages);
        let line = |page: u32| DroppedLine { page, text: page.to_string(), why: "its number counts with the pages" };
        assert_eq!(dropped, [line(1), line(2), line(3)]);
    }

    #[test]
    fn two_pages_that_end_alike_are_no_evidence() {
        assert_eq!(left(&["a\nThe end", "b\nThe end"]), ["a\nThe end", "b\nThe end"]);
    }
}
