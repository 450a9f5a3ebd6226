//! Cleans up the lines of a page: replaces ligatures by letters, and joins words that were hyphenated at a line end.
//!
//! Example: `the ofﬁce, an exam-` and `ple of it` become `the office, an example` and `of it`. A hyphen that belongs to
//! the word stays: `apt-` and `get` become `apt-get` if the document writes `apt-get` elsewhere, or if it has both words
//! and no `aptget`. A word that continues on the next page goes to the page where it begins.

use std::collections::HashSet;

use super::arabic::letters;
use super::layout::LineLook;
use crate::controls::without_controls;

/// The lines of a page. Blank lines separate paragraphs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PageLines {
    /// From 1.
    pub number: u32,
    pub lines: Vec<String>,
    /// How each line looks; empty if that is not known. Only as long as no lines have been joined.
    pub looks: Vec<Option<LineLook>>,
    /// Whether the page contains an image. The page may be a scan.
    pub has_picture: bool,
}

impl PageLines {
    /// Splits `text` into lines. Also returns how many control characters were replaced.
    pub(super) fn new(number: u32, text: &str) -> (Self, u64) {
        let (text, controls) = without_controls(text);
        let mut lines: Vec<String> = Vec::new();
        for line in text.lines().map(|line| without_leaders(plain(line.trim_end()))) {
            let is_blank = line.trim().is_empty();
            if !(is_blank && lines.last().is_none_or(String::is_empty)) {
                lines.push(if is_blank { String::new() } else { line });
            }
        }
        let mut page = Self { number, lines, looks: Vec::new(), has_picture: false };
        page.trim_end();
        (page, controls)
    }

    /// With the looks of its lines that are not blank. They are left out if there are more or fewer.
    #[must_use]
    pub(super) fn with_looks(mut self, looks: &[LineLook]) -> Self {
        if self.lines.iter().filter(|line| !line.is_empty()).count() == looks.len() {
            let mut looks = looks.iter().copied();
            self.looks = self.lines.iter().map(|line| if line.is_empty() { None } else { looks.next() }).collect();
        }
        self
    }

    /// How the line at `at` looks.
    pub(super) fn look(&self, at: usize) -> Option<LineLook> {
        self.looks.get(at).copied().flatten()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Drops the line at `at`, which is the first or the last that is not blank, and the blank lines around it.
    pub(super) fn drop_outer(&mut self, at: usize, is_first: bool) {
        if is_first {
            let next = self.lines.iter().skip(at + 1).position(|line| !line.is_empty());
            let end = next.map_or(self.lines.len(), |next| at + 1 + next);
            self.lines.drain(..end);
            self.looks.drain(..end.min(self.looks.len()));
        } else {
            self.lines.truncate(at);
            self.trim_end();
        }
    }

    fn trim_end(&mut self) {
        let kept = self.lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
        self.lines.truncate(kept);
        self.looks.truncate(kept);
    }
}

/// Replaces typographic characters in `line`: ligatures, soft hyphens, spaces of special widths.
fn plain(line: &str) -> String {
    if line.is_ascii() {
        return line.to_owned();
    }
    let is_soft_end = line.ends_with('\u{ad}');
    let mut plain = String::with_capacity(line.len());
    for character in line.chars() {
        match character {
            '\u{fb00}' => plain.push_str("ff"),
            '\u{fb01}' => plain.push_str("fi"),
            '\u{fb02}' => plain.push_str("fl"),
            '\u{fb03}' => plain.push_str("ffi"),
            '\u{fb04}' => plain.push_str("ffl"),
            '\u{fb05}' | '\u{fb06}' => plain.push_str("st"),
            '\u{ad}' => {}
            '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' => plain.push(' '),
            other => match letters(other) {
                Some(letters) => plain.push_str(letters),
                None => plain.push(other),
            },
        }
    }
    if is_soft_end {
        plain.push('\u{ad}');
    }
    plain
}

/// Replaces the dot leaders in `Cats . . . . . . . . 12` by `…`, but not the dots of `|.........AF...V.|`, which lead nowhere.
fn without_leaders(line: String) -> String {
    const LEADERS: &str = " . . . .";
    const DOTS: &str = "........";
    let Some(start) = line.find(LEADERS).or_else(|| line.find(DOTS)) else { return line };
    let after = line[start..].trim_start_matches('.');
    let rest = line[start..].trim_start_matches(['.', ' ']);
    let leads = rest.is_empty() || after.starts_with(' ') || rest.chars().all(char::is_alphanumeric);
    if !leads {
        return line;
    }
    format!("{} … {rest}", &line[..start]).trim_end().to_owned()
}

/// Maximum size of half a word. Anything longer is not a word, and would cost time.
const LONGEST_HALF: usize = 200;

/// Joins words that were hyphenated at the end of a line or page.
pub(super) fn join_words(pages: &mut [PageLines]) {
    let known = KnownWords::of(pages);
    let mut last: Option<&mut PageLines> = None;
    for page in pages {
        let mut lines = std::mem::take(&mut page.lines).into_iter();
        if let Some(before) = last.filter(|before| before.number + 1 == page.number)
            && let Some(end) = before.lines.last_mut()
            && let Some(first) = lines.next()
        {
            page.lines.extend(join(end, first, &known));
        }
        for line in lines {
            let rest = match page.lines.last_mut() {
                Some(end) => join(end, line, &known),
                None => Some(line),
            };
            page.lines.extend(rest);
        }
        last = Some(page);
    }
}

/// The words that the document writes within a line, in lower case.
struct KnownWords {
    compounds: HashSet<String>,
    /// Those without a hyphen. The halves of words at line ends are not among them.
    words: HashSet<String>,
}

/// Shorter words are often halves of others by accident: `in-` and `form`.
const SHORTEST_WORD: usize = 3;

/// First halves that hardly ever are the beginning of a longer word.
const FIRST_HALVES: [&str; 14] = [
    "well", "self", "half", "cross", "three", "four", "five", "six", "seven", "eight", "nine", "twenty", "thirty",
    "ill",
];

impl KnownWords {
    fn of(pages: &[PageLines]) -> Self {
        let (mut compounds, mut words) = (HashSet::new(), HashSet::new());
        let mut was_cut = false;
        for line in pages.iter().flat_map(|page| &page.lines) {
            let is_cut = cut_off(line).is_some();
            let mut parts = line.split_whitespace().skip(usize::from(was_cut)).peekable();
            while let Some(part) = parts.next() {
                let word = part.trim_matches(|character: char| !character.is_alphanumeric());
                if word.contains('-') {
                    compounds.insert(word.to_lowercase());
                } else if word.len() >= SHORTEST_WORD && !(is_cut && parts.peek().is_none()) {
                    words.insert(word.to_lowercase());
                }
            }
            was_cut = is_cut;
        }
        Self { compounds, words }
    }

    /// Whether `first` and `second`, which a hyphen at a line end separates, are two words.
    fn are_two(&self, first: &str, second: &str) -> bool {
        let has = |word: &str| word.len() >= SHORTEST_WORD && self.words.contains(word);
        let is_compound = self.compounds.contains(&format!("{first}-{second}"));
        let is_one = self.words.contains(&format!("{first}{second}"));
        // Nobody cuts a word behind its first letter: `e-mail`, `X-ray`.
        let is_letter = first.chars().nth(1).is_none() && !is_one;
        is_compound || is_letter || !is_one && (has(first) && has(second) || FIRST_HALVES.contains(&first))
    }
}

/// Moves the second half of a word from the start of `next` to the end of `line`. Returns what is left of `next`, if
/// anything.
fn join(line: &mut String, next: String, known: &KnownWords) -> Option<String> {
    let Some((stem, first_half, hyphen)) = cut_off(line) else { return Some(next) };
    let start = next.trim_start();
    let second_half = start.split_whitespace().next().unwrap_or_default();
    if !second_half.starts_with(char::is_lowercase) {
        return Some(next);
    }
    let letters = |half: &str| half.trim_matches(|character: char| !character.is_alphanumeric()).to_lowercase();
    let are_two = || known.are_two(&letters(first_half), &letters(second_half));
    let keeps_hyphen = hyphen != '\u{ad}' && (first_half.contains('-') || are_two());
    let stem_bytes = stem.len();
    let rest = start[second_half.len()..].trim_start();
    line.truncate(stem_bytes);
    line.push_str(if keeps_hyphen { "-" } else { "" });
    line.push_str(second_half);
    (!rest.is_empty()).then(|| rest.to_owned())
}

/// For a line that ends in the middle of a word: everything before the hyphen, the half of the word, and the hyphen.
fn cut_off(line: &str) -> Option<(&str, &str, char)> {
    let hyphen = line.chars().next_back().filter(|sign| matches!(sign, '-' | '\u{2010}' | '\u{ad}'))?;
    let stem = &line[..line.len() - hyphen.len_utf8()];
    let reach = stem.len().saturating_sub(LONGEST_HALF);
    let near = (0..=reach).rev().find(|&at| stem.is_char_boundary(at)).unwrap_or(0);
    let first_half = stem[near..].rsplit(char::is_whitespace).next().unwrap_or_default();
    let is_word = near == 0 || first_half.len() < stem.len() - near;
    (is_word && first_half.ends_with(char::is_alphabetic)).then_some((stem, first_half, hyphen))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(texts: &[&str]) -> Vec<String> {
        let numbered = |(index, text): (usize, &&str)| PageLines::new(index as u32 + 1, text).0;
        let mut pages: Vec<PageLines> = texts.iter().enumerate().map(numbered).collect();
        join_words(&mut pages);
        pages.into_iter().map(|page| page.lines.join("\n")).collect()
    }

    #[test]
    fn words_cut_by_a_line_end_are_whole_again() {
        assert_eq!(joined(&["an exam-\nple, of it"]), ["an example,\nof it"]);
        assert_eq!(joined(&["an exam\u{ad}\nple\n\nNew"]), ["an example\n\nNew"]);
        assert_eq!(joined(&["un-\nbe-\nliev-\nable"]), ["unbelievable"]);
        let endless = joined(&["a-\n".repeat(1000).as_str()]).remove(0);
        let longest = endless.lines().map(str::len).max();
        assert!(longest <= Some(LONGEST_HALF + 2), "a word of {longest:?} bytes");
    }

    #[test]
    fn a_hyphen_of_the_word_stays() {
        assert_eq!(joined(&["Call apt-\nget now. The apt-get tool."]), ["Call apt-get\nnow. The apt-get tool."]);
        assert_eq!(joined(&["state-of-the-\nart"]), ["state-of-the-art"]);
        assert_eq!(joined(&["A well-\nknown cat"]), ["A well-known\ncat"]);
        assert_eq!(joined(&["Use --no-\ncolor here"]), ["Use --no-color\nhere"]);
        assert_eq!(joined(&["An X-\nray by e-\nmail"]), ["An X-ray\nby e-mail"]);
        assert_eq!(joined(&["A time-\nlimit is a limit in time."]), ["A time-limit\nis a limit in time."]);
        assert_eq!(joined(&["An exam-\nple of an exam."]), ["An example\nof an exam."]);
        assert_eq!(
            joined(&["Some-\nthing is something; some like a thing."]),
            ["Something\nis something; some like a thing."]
        );
    }

    #[test]
    fn what_is_no_cut_word_is_left_alone() {
        for text in ["see -\nthen", "Anglo-\nSaxon", "pages 3-\n5", "a -\nb", "ends-\n\nnew paragraph"] {
            assert_eq!(joined(&[text]), [text]);
        }
    }

    #[test]
    fn a_word_that_goes_on_over_the_page_goes_to_the_first() {
        assert_eq!(joined(&["an exam-", "ple of it"]), ["an example", "of it"]);
    }

    #[test]
    fn dots_that_lead_to_a_page_number_are_few() {
        for line in ["2.1 Cats . . . . . . . . 12", "2.1 Cats........... 12"] {
            assert_eq!(PageLines::new(1, line).0.lines, ["2.1 Cats … 12"]);
        }
        assert_eq!(PageLines::new(1, "2.2 Dogs . . . . . . .").0.lines, ["2.2 Dogs …"]);
        for line in ["and so on ...", "01a0  d6 be 0b cb |.........AF...V.|"] {
            assert_eq!(PageLines::new(1, line).0.lines, [line]);
        }
    }

    #[test]
    fn ligatures_and_wide_spaces_are_plain_characters() {
        let (page, controls) = PageLines::new(1, "the o\u{fb03}ce\u{a0}is so\u{ad}ft\u{1b}\n\n\n\n\u{fb02}at \n\n");
        assert_eq!((page.lines.join("|"), controls), ("the office is soft␛||flat".to_owned(), 1));
    }
}
