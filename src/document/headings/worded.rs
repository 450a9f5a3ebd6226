//! Headings of a word and a number: `CHAPTER IV`, `Erstes Kapitel`, `第三回　甄士隐`.
//!
//! A heading is a line of its own after a blank line: a word such as `Chapter`, a number (`12`, `XII`, `Twelve`,
//! `the Twelfth`), and possibly a title. Prose is not taken for one: `Part of the ship` has no number,
//! `Book I lent him` continues in lower case, `volume, and before he` begins in lower case.
//!
//! A table of contents that lists the headings up front is ignored, and so is a repeated running head such as `ACT I`.

use super::heading::Heading;
use super::lines::{TrimmedLine, drop_table_of_contents, is_blank, number_of, spaced};
use super::numbers::{ideographic, is_ideographic, number, spelled};
use super::words::{KnownWord, Numbered, counter, known};

/// Headings are no longer than two printed lines, in characters.
const LONGEST_HEADING: usize = 120;

/// A heading without spaces between words is shorter.
const LONGEST_IDEOGRAPHIC: usize = 40;

/// The headings of `lines`, in order.
pub(super) fn headings(lines: &[TrimmedLine<'_>]) -> Vec<Heading> {
    let mut headings: Vec<Heading> = (0..lines.len()).filter_map(|index| heading(lines, index)).collect();
    drop_table_of_contents(&mut headings);
    drop_running_heads(&mut headings);
    headings
}

/// The heading that begins at line `index`, if any.
fn heading(lines: &[TrimmedLine<'_>], index: usize) -> Option<Heading> {
    let line = &lines[index];
    let words = parse(line.text)?;
    let stands_apart = index == 0 || is_blank(lines, index - 1) || parse(lines[index - 1].text).is_some();
    if !stands_apart {
        return None;
    }
    let mut title = spaced(line.text);
    if words.is_bare {
        // "CHAPTER I", a blank line or two, "Down the Rabbit-Hole", a blank line.
        let next = (index + 1..lines.len().min(index + 4)).find(|&next| !is_blank(lines, next));
        if let Some(next) = next.filter(|&next| is_blank(lines, next + 1) && is_title(lines[next].text)) {
            title = format!("{title}: {}", spaced(lines[next].text));
        }
    } else if !is_blank(lines, index + 1) && !is_blank(lines, index + 2) && parse(lines[index + 1].text).is_none() {
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

fn parse(line: &str) -> Option<HeadingWords> {
    let is_short =
        line.len() <= 4 * LONGEST_HEADING && line.chars().take(LONGEST_HEADING + 1).count() <= LONGEST_HEADING;
    let is_capital = |first: char| first.is_uppercase() || !first.is_lowercase();
    if !is_short || !line.starts_with(is_capital) {
        return None;
    }
    counted(line).or_else(|| word_first(line)).or_else(|| number_first(line))
}

/// Parses `第三回　甄士隐`, `제1장 …`, `卷二`.
fn counted(line: &str) -> Option<HeadingWords> {
    let rest = line.strip_prefix(['第', '제']);
    let (number, rank, title) = if let Some(rest) = rest {
        let (number, rest) = ideographic_start(rest.trim_start())?;
        let rest = rest.trim_start();
        let sign = rest.chars().next()?;
        (number, counter(sign)?, &rest[sign.len_utf8()..])
    } else {
        let (number, rest) = ideographic_start(line.strip_prefix(['卷', '巻'])?.trim_start_matches('之'))?;
        (number, 2, rest)
    };
    let is_title = title.is_empty()
        || title.starts_with(|first: char| {
            first.is_whitespace() || first.is_ascii_punctuation() || "：・—「《（".contains(first)
        })
        || title.chars().count() <= LONGEST_IDEOGRAPHIC && !title.contains(['，', '、', '。']);
    let ends_as_prose = line.ends_with(['。', '，', '、', '」', '！', '？']);
    (is_title && !ends_as_prose).then(|| HeadingWords { rank, number, is_bare: title.trim().is_empty() })
}

/// The ideographic number at the start of `text`, and what is behind it.
fn ideographic_start(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|character: char| !is_ideographic(character)).unwrap_or(text.len());
    Some((ideographic(&text[..end])?, &text[end..]))
}

/// Parses `CHAPTER IV`, `Chapter 4. Of Cats`, `BOOK THE FIRST`, `PART TWO: Home`, `Глава первая`.
fn word_first(line: &str) -> Option<HeadingWords> {
    let (word, rest) = line.split_once(char::is_whitespace)?;
    let KnownWord { rank, numbered } = known(word).filter(|_| is_capitalised(word))?;
    let rest = rest.trim_start();
    let rest = ["THE ", "the ", "LE ", "LA "].iter().find_map(|article| rest.strip_prefix(article)).unwrap_or(rest);
    let end = rest.find(|char: char| !char.is_alphanumeric() && char != '-').unwrap_or(rest.len());
    let name = rest[..end].trim_end_matches('-');
    let behind = &rest[end..];
    let title = behind.trim_start_matches(['.', ':', ',', '-', '—', '–', ']', ')', '．', '：']);
    let goes_on_as_prose = title.trim_start().starts_with(char::is_lowercase) || behind.starts_with(['\'', '’']);
    if goes_on_as_prose || name.is_empty() {
        return None;
    }
    let is_named = title.trim().is_empty() || behind.starts_with(['.', ':', '—', '–']);
    let by_word = || (numbered == Numbered::ByAnyWord && is_named && is_one_word(name)).then(|| number_of(name));
    let by_letter =
        || (is_one_capital(name) && rank == 5 && word.to_lowercase() == "appendix").then(|| number_of(name));
    let number = number(name).or_else(|| ideographic(name)).or_else(by_word).or_else(by_letter)?;
    Some(HeadingWords { rank, number, is_bare: title.trim().is_empty() })
}

/// Parses `Erstes Kapitel`, `1. Kapitel`, `The First Chapter`, `II. RÉSZ. A ház`.
fn number_first(line: &str) -> Option<HeadingWords> {
    let line =
        ["The ", "THE ", "La ", "Le ", "El "].iter().find_map(|article| line.strip_prefix(article)).unwrap_or(line);
    let (name, rest) = line.split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    let end = rest.find(|char: char| !char.is_alphanumeric()).unwrap_or(rest.len());
    let (word, behind) = rest.split_at(end);
    let KnownWord { rank, numbered } = known(word).filter(|_| is_capitalised(word) || is_capitalised(name))?;
    let title = behind.trim_start_matches(['.', ':', '-', '—', '–', ')']);
    let name = name.trim_end_matches(['.', ')', ':']);
    let is_digits = name.starts_with(|first: char| first.is_ascii_digit());
    let is_named = title.trim().is_empty() || behind.starts_with(['.', ':', '—', '–']);
    let has_title = is_digits && title.trim_start().starts_with(char::is_uppercase);
    if !(is_named || has_title) {
        return None;
    }
    let number = match numbered {
        Numbered::ByAnyWord => number(name).or_else(|| is_one_word(name).then(|| number_of(name)))?,
        Numbered::ByNumbers => spelled(&name.to_lowercase()).or_else(|| ordinal(name))?,
    };
    Some(HeadingWords { rank, number, is_bare: title.trim().is_empty() })
}

/// `1st`, `2nd`, `1`, `II`, as they stand before a word.
fn ordinal(name: &str) -> Option<u32> {
    let digits = name.trim_end_matches(|sign: char| sign.is_lowercase() || matches!(sign, 'º' | 'ª'));
    digits.parse().ok().or_else(|| super::numbers::roman(name).filter(|_| name.len() > 1 || name == "I" || name == "V"))
}

fn is_one_word(name: &str) -> bool {
    name.chars().all(|letter| letter.is_alphanumeric() || letter == '-')
}

fn is_one_capital(name: &str) -> bool {
    name.len() == 1 && name.starts_with(|letter: char| letter.is_ascii_uppercase())
}

/// `Chapter` or `CHAPTER`, or a word of a script without capitals.
fn is_capitalised(word: &str) -> bool {
    let mut rest = word.chars();
    let is_capital = rest.next().is_some_and(|first| !first.is_lowercase());
    let rest: Vec<char> = rest.collect();
    let has = |is_it: fn(&char) -> bool| rest.iter().any(is_it);
    is_capital && !(has(|letter| letter.is_uppercase()) && has(|letter| letter.is_lowercase()))
}

/// Whether `line` is short like a title, and neither a first sentence nor direct speech.
pub(super) fn is_title(line: &str) -> bool {
    let short_words = ["a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"];
    let capital = |word: &str| !word.starts_with(char::is_lowercase) || short_words.contains(&word);
    line.chars().count() <= 60
        && line.starts_with(char::is_alphanumeric)
        && !line.ends_with(['.', ',', ';', '!', '?', '"', '\'', '”', '’', ':', '。', '」', '，'])
        && line.split_whitespace().all(capital)
        && parse(line).is_none()
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
