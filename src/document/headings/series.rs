//! Headings that count: `1. Of Cats`, `2.3 Of Dogs`, `II.`, `IV. The Sea`, `三`.
//!
//! They are trusted if they begin at the beginning and go on by one, except where a new part begins again, and if most
//! of them have text below: the steps of a recipe are closer together.

use super::heading::Heading;
use super::lines::{TrimmedLine, drop_table_of_contents, if_they_divide, spaced, stands_alone};
use super::numbers::{ideographic, roman};

/// Longer numbered paragraphs are text.
const LONGEST_TITLE: usize = 80;
/// Text under most headings.
const BODY_BYTES: usize = 160;
/// Most levels: `1.2.3.4`.
const DEEPEST: usize = 4;
/// Larger numbers are years and amounts.
const LARGEST: u32 = 400;

/// The headings of `lines`, in order; none if they do not count.
pub(super) fn headings(lines: &[TrimmedLine<'_>]) -> Vec<Heading> {
    let kinds: [fn(&str) -> Option<Counted>; 3] = [arabic, roman_number, ideographic_number];
    let series = kinds.map(|parse| series(lines, parse));
    series.into_iter().max_by_key(Vec::len).unwrap_or_default()
}

/// A number at the start of a line.
struct Counted {
    /// `2.3` is 2 and 3.
    path: Vec<u32>,
}

fn series(lines: &[TrimmedLine<'_>], parse: fn(&str) -> Option<Counted>) -> Vec<Heading> {
    let mut paths = Vec::new();
    let mut headings = Vec::new();
    for index in (0..lines.len()).filter(|&index| stands_alone(lines, index)) {
        let Some(Counted { path }) = parse(lines[index].text) else { continue };
        let number = path.iter().fold(0, |sum: u32, part| sum.wrapping_mul(1000).wrapping_add(*part));
        let (rank, start) = (path.len() as u8, lines[index].start);
        headings.push(Heading { start, rank, number, title: spaced(lines[index].text) });
        paths.push(path);
    }
    let all = headings.len();
    drop_table_of_contents(&mut headings);
    if counts(&paths[all - headings.len()..]) { if_they_divide(headings, BODY_BYTES) } else { Vec::new() }
}

/// Whether nine in ten numbers follow the one before, or begin anew.
fn counts(paths: &[Vec<u32>]) -> bool {
    let begins = paths.first().is_some_and(|path| path.iter().all(|&number| number <= 1));
    let follows = |pair: &&[Vec<u32>]| {
        let (before, path) = (&pair[0], &pair[1]);
        let shared = before.iter().zip(path).take_while(|(one, other)| one == other).count();
        let next = before.get(shared).map_or(1, |number| number + 1);
        let is_next = path.get(shared) == Some(&next) && path[shared + 1..].iter().all(|&number| number <= 1);
        is_next || path.iter().all(|&number| number <= 1)
    };
    let good = paths.windows(2).filter(follows).count();
    begins && good * 10 >= (paths.len() - 1) * 9
}

/// `1`, `1.`, `1) Of Cats`, `2.3 Of Dogs`.
fn arabic(line: &str) -> Option<Counted> {
    let end = line.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(line.len());
    let written = line[..end].trim_end_matches('.');
    let path: Option<Vec<u32>> =
        written.split('.').map(|part| part.parse().ok().filter(|&number| number <= LARGEST)).collect();
    let path = path.filter(|path| path.len() <= DEEPEST)?;
    let rest = &line[end..];
    let rest = rest.strip_prefix(')').unwrap_or(rest);
    is_title(rest).then_some(Counted { path })
}

/// `II`, `II.`, `II. The Sea`, `II.—THE SEA`.
fn roman_number(line: &str) -> Option<Counted> {
    let end = line.find(|character: char| !"IVXLC".contains(character)).unwrap_or(line.len());
    let number = roman(&line[..end])?;
    let rest = &line[end..];
    let marked = rest.strip_prefix(['.', ')', ':']).unwrap_or(rest);
    // `I am` is a sentence.
    let is_bare = rest.trim().is_empty();
    (is_bare || marked.len() < rest.len() || end > 1 || rest.starts_with(" —")).then_some(())?;
    is_title(marked).then(|| Counted { path: vec![number] })
}

/// `三`, `十二`: a line by itself.
fn ideographic_number(line: &str) -> Option<Counted> {
    let number = ideographic(line).filter(|_| !line.starts_with(|first: char| first.is_ascii_digit()))?;
    (line.chars().count() <= 4).then(|| Counted { path: vec![number] })
}

/// Whether `rest` of a line is nothing or a title.
fn is_title(rest: &str) -> bool {
    let title = rest.trim_start_matches(|sign: char| sign.is_whitespace() || matches!(sign, '—' | '–' | '-' | ':'));
    if title.is_empty() {
        return true;
    }
    let is_apart = rest.starts_with(|sign: char| sign.is_whitespace() || matches!(sign, '—' | '–'));
    let begins = title
        .starts_with(|first: char| !first.is_lowercase() && (first.is_alphanumeric() || "\"“«¿¡_*".contains(first)));
    let ends = !title.ends_with([',', ';', ':', '…']) && !title.contains("...") && !title.contains(" . .");
    let is_sentence =
        title.ends_with('.') && title.chars().any(char::is_lowercase) && title.split_whitespace().count() > 8;
    is_apart && begins && ends && !is_sentence && title.chars().count() <= LONGEST_TITLE
}
