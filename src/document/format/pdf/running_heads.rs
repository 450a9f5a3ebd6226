//! Drops running heads, footers and page numbers from the first and last lines of pages.
//!
//! A line is dropped if neighbouring pages have the same line in the same place, except for numbers that count with the
//! pages. This goes on from the outermost line inwards:
//!
//! ```text
//! page 41: 41  Chapter 3. Of Cats     page 42: 42  Chapter 3. Of Cats     dropped: 41 and 42 count with the pages
//! page 7: Figure 3                    page 8: Figure 5                    kept: the numbers don't
//! page 5: }                           page 6: }                           kept: no words
//! ```
//!
//! The page of a passage is known without them, and the title of a chapter is also at its start.

use super::lines::PageLines;
use crate::document::chapters::roman;

/// How many pages away neighbours may be. Book and chapter title alternate, and there may be a page of images between.
const NEIGHBOURS: u32 = 4;
/// How many neighbours have to have the same line. In a document of few pages, one with a counting number is enough.
const ENOUGH_ALIKE: usize = 2;
const FEW_PAGES: usize = 3;
/// Maximum size of a running head.
const LONGEST: usize = 120;
/// Maximum number of lines of a header or footer.
const MOST_LINES: usize = 3;

#[derive(Debug, Clone, Copy)]
enum PageEdge {
    Top,
    Bottom,
}

/// Drops running heads and footers from `pages`, which must be in ascending order. Returns the number of lines dropped.
pub(super) fn drop_running_lines(pages: &mut [PageLines]) -> usize {
    let mut dropped = 0;
    let mut left: Vec<usize> = pages.iter().map(most_dropped).collect();
    for edge in [PageEdge::Top, PageEdge::Bottom] {
        for _ in 0..MOST_LINES {
            let outer: Vec<Option<OuterLine>> = pages.iter().map(|page| outermost(page, edge)).collect();
            let running: Vec<usize> =
                (0..pages.len()).filter(|&index| left[index] > 0 && is_running(&outer, index)).collect();
            if running.is_empty() {
                break;
            }
            dropped += running.len();
            for &index in &running {
                left[index] -= 1;
            }
            let at: Vec<usize> = running.iter().filter_map(|&index| Some(outer[index].as_ref()?.at)).collect();
            drop(outer);
            running.iter().zip(at).for_each(|(&index, at)| pages[index].drop_outer(at, matches!(edge, PageEdge::Top)));
        }
    }
    dropped
}

/// Maximum number of lines to drop from `page`, so that forms, which are nearly alike, are kept. A scan may lose all of
/// its lines.
fn most_dropped(page: &PageLines) -> usize {
    let lines = page.lines.iter().filter(|line| !line.is_empty()).count();
    if page.has_picture { lines } else { lines * 2 / 3 }
}

/// The outermost line of a page.
struct OuterLine<'a> {
    page: u32,
    at: usize,
    tokens: Vec<&'a str>,
}

fn outermost(page: &PageLines, edge: PageEdge) -> Option<OuterLine<'_>> {
    let has_words = |(_, line): &(usize, &String)| !line.trim().is_empty();
    let mut lines = page.lines.iter().enumerate();
    let (at, line) = match edge {
        PageEdge::Top => lines.find(has_words),
        PageEdge::Bottom => lines.rfind(has_words),
    }?;
    (line.len() <= LONGEST).then(|| OuterLine { page: page.number, at, tokens: tokens(line) })
}

fn is_running(outer: &[Option<OuterLine<'_>>], index: usize) -> bool {
    let Some(own) = &outer[index] else { return false };
    // Pages ascend, so neighbours by number are near in the list.
    let reach = NEIGHBOURS as usize;
    let near = &outer[index.saturating_sub(reach)..outer.len().min(index + reach + 1)];
    let others =
        near.iter().flatten().filter(|other| other.page.abs_diff(own.page) <= NEIGHBOURS && other.page != own.page);
    let alike: Vec<Likeness> = others.filter_map(|other| likeness(own, other)).collect();
    alike.len() >= ENOUGH_ALIKE || outer.len() <= FEW_PAGES && alike.contains(&Likeness::Counting)
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

    #[test]
    fn two_pages_that_end_alike_are_no_evidence() {
        assert_eq!(left(&["a\nThe end", "b\nThe end"]), ["a\nThe end", "b\nThe end"]);
    }
}
