//! Dates as headings, as in diaries and logs: `3 May 1897`, `Monday, May 3rd`, `1. Mai`, `1897-05-03`.
//!
//! A line is a date if it has a day and a month, and nothing else but a year, a weekday and small words.

use super::heading::Heading;
use super::lines::{TrimmedLine, if_they_divide, number_of, spaced, stands_alone};

const LONGEST: usize = 48;
/// Text under most headings.
const BODY_BYTES: usize = 120;

/// The first letters of the months' names in common languages; three letters tell them from other words beside a
/// number.
const MONTHS: &[&str] = &[
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "jän", "feber", "mär", "mai",
    "okt", "dez", "janv", "fév", "fev", "avr", "juin", "juil", "aoû", "déc", "ene", "abr", "ago", "set", "dic", "gen",
    "mag", "giu", "lug", "ott", "out", "maart", "mei", "янв", "фев", "мар", "апр", "мая", "май", "июн", "июл", "авг",
    "сен", "окт", "ноя", "дек", "sty", "lut", "kwi", "maj", "cze", "lip", "sie", "wrz", "paź", "lis", "gru",
];

/// Words that may stand beside a date.
const SMALL_WORDS: &[&str] = &[
    "of", "the", "de", "del", "le", "den", "der", "am", "on", "года", "г", "anno", "a", "d", "year", "month", "day",
    "date", "entry", "journal", "diary", "am", "pm", "st", "nd", "rd", "th", "roku", "do",
];

const WEEKDAYS: &[&str] = &[
    "mon", "tue", "wed", "thu", "fri", "sat", "sun", "mont", "dien", "mitt", "donn", "frei", "sams", "sonn", "lun",
    "mar", "mer", "jeu", "ven", "sam", "dim", "mié", "jue", "vie", "sáb", "dom", "gio", "sab", "seg", "ter", "qua",
    "qui", "sex", "пон", "вто", "сре", "чет", "пят", "суб", "вос", "maan", "dins", "woen", "dond", "vrij", "zat",
    "zon",
];

/// The headings of `lines`, in order; none if there are too few.
pub(super) fn headings(lines: &[TrimmedLine<'_>]) -> Vec<Heading> {
    let date = |index: usize| {
        let line = lines[index];
        let is_date = stands_alone(lines, index) && is_date(line.text);
        is_date.then(|| Heading { start: line.start, rank: 1, number: number_of(line.text), title: spaced(line.text) })
    };
    if_they_divide((0..lines.len()).filter_map(date).collect(), BODY_BYTES)
}

fn is_date(line: &str) -> bool {
    if line.chars().count() > LONGEST || !line.contains(|character: char| character.is_numeric()) {
        return false;
    }
    let line = line.trim_matches(|sign: char| !sign.is_alphanumeric());
    is_iso(line) || is_east_asian(line) || is_worded(line)
}

/// `1897-05-03`, `03.05.1897`, `5/3/1897`.
fn is_iso(line: &str) -> bool {
    let date = line.split_whitespace().next().unwrap_or_default();
    let parts: Vec<&str> = date.split(['-', '.', '/']).collect();
    let are_numbers = parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let has_year = parts.iter().any(|part| part.len() == 4);
    let others = line[date.len()..].trim().trim_matches(|sign: char| !sign.is_alphanumeric());
    parts.len() == 3 && are_numbers && has_year && others.split_whitespace().all(is_beside_a_date)
}

/// `明治三十年五月三日`, `2024年5月3日`.
fn is_east_asian(line: &str) -> bool {
    let month = line.find(['月', '월']);
    let day = line.rfind(['日', '일']);
    month.zip(day).is_some_and(|(month, day)| month < day) && line.chars().count() <= 16 && !line.contains(['。', '、'])
}

/// `Monday, 3 May 1897`: a month, a day, and nothing that does not belong to a date.
fn is_worded(line: &str) -> bool {
    let (mut months, mut days) = (0, 0);
    for word in line.split(|sign: char| !sign.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let lower = word.to_lowercase();
        let digits = lower.trim_end_matches(char::is_alphabetic);
        if digits.parse::<u32>().is_ok_and(|number| (1..=31).contains(&number)) && lower.len() <= digits.len() + 2 {
            days += 1;
        } else if is_month(&lower) && months == 0 {
            months += 1;
        } else if !is_beside_a_date(word) {
            return false;
        }
    }
    months == 1 && days >= 1
}

fn is_month(lower: &str) -> bool {
    lower.chars().count() <= 10 && MONTHS.iter().any(|month| lower.starts_with(month))
}

/// A year, a weekday, a small word or a time.
fn is_beside_a_date(word: &str) -> bool {
    let lower = word.trim_matches(|sign: char| !sign.is_alphanumeric()).to_lowercase();
    let is_number = lower.bytes().all(|byte| byte.is_ascii_digit() || byte == b':') && lower.len() <= 5;
    let is_weekday = lower.chars().count() <= 11 && WEEKDAYS.iter().any(|day| lower.starts_with(day));
    is_number || is_weekday || SMALL_WORDS.contains(&lower.as_str())
}
