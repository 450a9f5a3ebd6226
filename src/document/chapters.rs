//! Finds the headings of volumes, chapters and letters in a plain-text book.
//!
//! A heading is a line of its own after a blank line: a word such as `Chapter`, a number (`12`, `XII`, `Twelve`,
//! `the Twelfth`), and possibly a title. Prose is not taken for one: `Part of the ship` has no number,
//! `Book I lent him` continues in lower case, `volume, and before he` begins in lower case.
//!
//! Example: *Emma* has `VOLUME I`, `CHAPTER I`, `CHAPTER II` …, which give 3 entries on level 1 and 55 on level 2.
//! *Pride and Prejudice* has only chapters, so they are level 1. A table of contents that lists all of this up front is
//! ignored, and so is a repeated running head such as `ACT I`.
//!
//! Headings without a word (`I.`, `* * *`) and in languages other than English are not recognised.

use super::outline::{OutlineEntry, close_spans};
use super::span::ByteSpan;

/// Words that begin a heading, with their rank; 1 is the outermost.
const WORDS: &[(&str, u8)] = &[
    ("volume", 1),
    ("vol.", 1),
    ("book", 2),
    ("part", 3),
    ("act", 3),
    ("chapter", 4),
    ("letter", 4),
    ("canto", 4),
    ("stave", 4),
    ("scene", 4),
];

/// Headings are no longer than two printed lines.
const LONGEST_HEADING: usize = 120;

/// Lines of a table of contents are closer together than this, the headings of a book are not.
const LONGEST_CONTENTS_ENTRY: usize = 400;

/// Larger roman numbers are words, such as `MIX`.
const LARGEST_NUMBER: u32 = 400;

/// The headings of `text`, in order. None if there are fewer than two.
pub(super) fn chapters(text: &str) -> Vec<OutlineEntry> {
    let lines = lines(text);
    let mut headings: Vec<Heading> = (0..lines.len()).filter_map(|index| heading(&lines, index)).collect();
    drop_table_of_contents(&mut headings);
    drop_running_heads(&mut headings);
    if headings.len() < 2 {
        return Vec::new();
    }
    outline(headings, text.len())
}

/// A line without the white space around it.
struct TrimmedLine<'a> {
    start: usize,
    text: &'a str,
}

fn lines(text: &str) -> Vec<TrimmedLine<'_>> {
    let mut start = 0;
    let line = |line: &str| {
        start += line.len();
        start - line.len()
    };
    let starts: Vec<usize> = text.split_inclusive('\n').map(line).collect();
    text.lines().zip(starts).map(|(line, start)| TrimmedLine { start, text: line.trim() }).collect()
}

/// A line that begins a part of the book.
#[derive(Debug)]
struct Heading {
    start: usize,
    rank: u8,
    number: u32,
    title: String,
}

impl Heading {
    /// The same for all spellings of a heading.
    fn key(&self) -> (u8, u32) {
        (self.rank, self.number)
    }
}

/// The heading that begins at line `index`, if any.
fn heading(lines: &[TrimmedLine<'_>], index: usize) -> Option<Heading> {
    let line = &lines[index];
    let words = parse(line.text)?;
    let blank = |index: usize| lines.get(index).is_none_or(|line| line.text.is_empty());
    let stands_apart = index == 0 || blank(index - 1) || parse(lines[index - 1].text).is_some();
    if !stands_apart {
        return None;
    }
    let mut title = spaced(line.text);
    if words.is_bare {
        // "CHAPTER I", a blank line or two, "Down the Rabbit-Hole", a blank line.
        let next = (index + 1..lines.len().min(index + 4)).find(|&next| !blank(next));
        if let Some(next) = next.filter(|&next| blank(next + 1) && is_title(lines[next].text)) {
            title = format!("{title}: {}", spaced(lines[next].text));
        }
    } else if !blank(index + 1) && !blank(index + 2) && parse(lines[index + 1].text).is_none() {
        return None;
    }
    Some(Heading { start: line.start, rank: words.rank, number: words.number, title })
}

/// The parsed words of a heading.
struct HeadingWords {
    rank: u8,
    number: u32,
    /// Nothing follows the number.
    is_bare: bool,
}

/// Parses `CHAPTER IV`, `Chapter 4. Of Cats`, `BOOK THE FIRST`, `PART TWO: Home`.
fn parse(line: &str) -> Option<HeadingWords> {
    if line.len() > LONGEST_HEADING || !line.starts_with(|first: char| first.is_ascii_uppercase()) {
        return None;
    }
    let (word, rest) = line.split_once(char::is_whitespace)?;
    let rank = WORDS.iter().find(|(known, _)| is_capitalised(word, known))?.1;
    let rest = rest.trim_start();
    let rest = rest.strip_prefix("THE ").or_else(|| rest.strip_prefix("the ")).unwrap_or(rest);
    let end = rest.find(|char: char| !char.is_alphanumeric() && char != '-').unwrap_or(rest.len());
    let number = number(rest[..end].trim_end_matches('-'))?;
    let title = rest[end..].trim_start_matches(['.', ':', ',', '-', '—', '–', ']', ')']);
    let goes_on_as_prose = title.trim_start().starts_with(char::is_lowercase) || rest[end..].starts_with(['\'', '’']);
    (!goes_on_as_prose).then(|| HeadingWords { rank, number, is_bare: title.trim().is_empty() })
}

/// `Chapter` or `CHAPTER` for `chapter`.
fn is_capitalised(word: &str, known: &str) -> bool {
    let rest = word.get(1..).unwrap_or_default();
    word.eq_ignore_ascii_case(known)
        && (!rest.contains(|char: char| char.is_ascii_uppercase())
            || !rest.contains(|char: char| char.is_ascii_lowercase()))
}

/// Whether `line` is short like a title, and neither a first sentence nor direct speech.
fn is_title(line: &str) -> bool {
    let short_words = ["a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"];
    let capital = |word: &str| !word.starts_with(char::is_lowercase) || short_words.contains(&word);
    line.len() <= 60
        && line.starts_with(char::is_alphanumeric)
        && !line.ends_with(['.', ',', ';', '!', '?', '"', '\'', '”', '’', ':'])
        && line.split_whitespace().all(capital)
        && parse(line).is_none()
}

/// `line` with single spaces.
fn spaced(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `12`, `XII`, `xii`, `twelve`, `Twelfth`, `twenty-one`.
fn number(word: &str) -> Option<u32> {
    let arabic = word.parse().ok().filter(|&number: &u32| number <= LARGEST_NUMBER);
    arabic.or_else(|| roman(word)).or_else(|| spelled(&word.to_lowercase()))
}

/// A roman numeral in one case, up to [`LARGEST_NUMBER`].
pub(super) fn roman(word: &str) -> Option<u32> {
    let upper = word.to_ascii_uppercase();
    if word.is_empty() || (word != upper && word != word.to_ascii_lowercase()) {
        return None;
    }
    let value = |char| match char {
        'I' => Some(1),
        'V' => Some(5),
        'X' => Some(10),
        'L' => Some(50),
        'C' => Some(100),
        _ => None,
    };
    let digits: Vec<u32> = upper.chars().map(value).collect::<Option<_>>()?;
    let added: i64 = (0..digits.len())
        .map(|index| {
            let digit = i64::from(digits[index]);
            if digits.get(index + 1).is_some_and(|&next| next > digits[index]) { -digit } else { digit }
        })
        .sum();
    u32::try_from(added).ok().filter(|&number| (1..=LARGEST_NUMBER).contains(&number))
}

/// A number written out, cardinal or ordinal, up to ninety-nine.
fn spelled(word: &str) -> Option<u32> {
    if let Some((tens, ones)) = word.split_once('-') {
        let (tens, ones) = (spelled(tens)?, spelled(ones)?);
        return (tens >= 20 && tens % 10 == 0 && ones < 10).then_some(tens + ones);
    }
    let position = |words: &[&str]| words.iter().position(|&known| known == word).map(|at| at as u32);
    let small = position(&CARDINALS).or_else(|| position(&ORDINALS));
    let tens = position(&TENS).or_else(|| position(&TENTHS));
    small.map(|at| at + 1).or(tens.map(|at| (at + 2) * 10))
}

const CARDINALS: [&str; 19] = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const ORDINALS: [&str; 19] = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const TENTHS: [&str; 8] =
    ["twentieth", "thirtieth", "fortieth", "fiftieth", "sixtieth", "seventieth", "eightieth", "ninetieth"];

/// Drops the headings of a table of contents: a run at the start with hardly anything between the headings, which is
/// repeated right after it.
fn drop_table_of_contents(headings: &mut Vec<Heading>) {
    let Some(first) = headings.first().map(Heading::key) else { return };
    let Some(again) = (1..headings.len()).find(|&index| headings[index].key() == first) else { return };
    let is_dense = headings[..again].windows(2).all(|pair| pair[1].start - pair[0].start < LONGEST_CONTENTS_ENTRY);
    let comes_again =
        headings[..again].iter().map(Heading::key).eq(headings[again..].iter().take(again).map(Heading::key));
    if again >= 2 && is_dense && comes_again {
        headings.drain(..again);
    }
}

/// Drops headings that repeat the current part: `ACT I`, `SCENE I`, `ACT I`, `SCENE II`.
fn drop_running_heads(headings: &mut Vec<Heading>) {
    let mut open: Vec<(u8, u32)> = Vec::new();
    headings.retain(|heading| {
        let is_repeated = open.contains(&heading.key());
        if !is_repeated {
            open.retain(|(rank, _)| *rank < heading.rank);
            open.push(heading.key());
        }
        !is_repeated
    });
}

/// Turns ranks into levels 1, 2, … and closes the spans.
fn outline(headings: Vec<Heading>, end: usize) -> Vec<OutlineEntry> {
    let mut ranks: Vec<u8> = headings.iter().map(|heading| heading.rank).collect();
    ranks.sort_unstable();
    ranks.dedup();
    let level = |rank: u8| 1 + ranks.iter().take_while(|&&known| known < rank).count() as u8;
    let entry = |heading: Heading| OutlineEntry {
        level: level(heading.rank),
        span: ByteSpan { start: heading.start, end: heading.start },
        title: heading.title,
    };
    let mut outline: Vec<OutlineEntry> = headings.into_iter().map(entry).collect();
    close_spans(&mut outline, end);
    outline
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(text: &str) -> Vec<(u8, String)> {
        chapters(text).into_iter().map(|entry| (entry.level, entry.title)).collect()
    }

    fn expected(entries: &[(u8, &str)]) -> Vec<(u8, String)> {
        entries.iter().map(|(level, title)| (*level, (*title).to_owned())).collect()
    }

    #[test]
    fn numbers_are_read_however_they_are_written() {
        let cases = [
            ("12", 12),
            ("XII", 12),
            ("xiv", 14),
            ("Twelve", 12),
            ("TWELFTH", 12),
            ("twenty-one", 21),
            ("fortieth", 40),
        ];
        for (written, value) in cases {
            assert_eq!(number(written), Some(value), "{written}");
        }
        for word in ["MIX", "Xi", "house", "", "2000", "twenty-eleven"] {
            assert_eq!(number(word), None, "{word}");
        }
    }

    #[test]
    fn volumes_stand_above_chapters() {
        let text = "VOLUME I\n\nCHAPTER I\n\nText.\n\nCHAPTER II\n\nText.\n\nVOLUME II\n\nCHAPTER III\n\nText.\n";
        let titles = titles(text);
        let wanted = [(1, "VOLUME I"), (2, "CHAPTER I"), (2, "CHAPTER II"), (1, "VOLUME II"), (2, "CHAPTER III")];
        assert_eq!(titles, expected(&wanted));
    }

    #[test]
    fn letters_and_chapters_stand_side_by_side() {
        let text = "Letter 1\n\nDear sister.\n\nLetter 2\n\nMore.\n\nChapter 1\n\nI was born.\n";
        assert_eq!(titles(text), expected(&[(1, "Letter 1"), (1, "Letter 2"), (1, "Chapter 1")]));
    }

    #[test]
    fn a_title_is_taken_from_the_same_line_or_the_next_paragraph() {
        let text = "  CHAPTER I\n\n Down  the Rabbit-Hole\n\n\nAlice was.\n\nCHAPTER II. Of Tears\n\n\"Curiouser!\"\n\nBOOK THE THIRD\n\nIt rained.\n";
        let wanted = [(2, "CHAPTER I: Down the Rabbit-Hole"), (2, "CHAPTER II. Of Tears"), (1, "BOOK THE THIRD")];
        assert_eq!(titles(text), expected(&wanted));
    }

    #[test]
    fn prose_that_begins_like_a_heading_is_none() {
        let text = "Part of the ship\n\nBook I lent him was gone.\n\nChapter 3 of it was lost\n\nLetter I's end\n\n\
                    Act one. We saw it together,\nand it was long, and we went\nhome after it.\n\nPart\n\n";
        assert_eq!(titles(text), []);
    }

    #[test]
    fn a_line_within_a_paragraph_is_no_heading() {
        assert_eq!(titles("He opened\nChapter 1\nand read\n\nThen\nChapter 2\nand slept\n"), []);
    }

    #[test]
    fn a_table_of_contents_is_left_out() {
        let contents = "CONTENTS\n\nCHAPTER I. Here\nCHAPTER II. There\n\n";
        let body = "CHAPTER I. Here\n\nText.\n\nCHAPTER II. There\n\nText.\n";
        let outline = chapters(&format!("{contents}{body}"));
        let starts: Vec<usize> = outline.iter().map(|entry| entry.span.start).collect();
        assert_eq!(starts, [contents.len(), contents.len() + "CHAPTER I. Here\n\nText.\n\n".len()]);
    }

    #[test]
    fn a_running_head_opens_no_part() {
        let text = "ACT I\n\nSCENE I\tA wood.\n\nWords.\n\nACT I\n\nSCENE II\tA palace.\n\nWords.\n\nACT II\n\nSCENE I\tA wood.\n\nWords.\n";
        let wanted =
            [(1, "ACT I"), (2, "SCENE I A wood."), (2, "SCENE II A palace."), (1, "ACT II"), (2, "SCENE I A wood.")];
        assert_eq!(titles(text), expected(&wanted));
    }

    #[test]
    fn one_heading_alone_is_no_outline() {
        assert_eq!(titles("Chapter 1\n\nText.\n"), []);
    }
}
