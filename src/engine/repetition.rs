//! Notices that an answer repeats itself without end, as small models do.
//!
//! Two rules, because loops come in two kinds:
//!
//! - *Exact*: the last tokens are copies of one unit. A sentence of 15 tokens has to come 6 times (90 tokens), a
//!   paragraph of 60 tokens 3 times (180). A unit of fewer than four different words, such as a row of zeros or a rule of dashes, may
//!   be meant: it has to fill 512 tokens, without any letter 1,024.
//! - *Near*: of the last 150 groups of three words, 95% have come twice before. That finds copies with other counters,
//!   capitals or line breaks, in whatever order. Numbers count as words, except a list's own counters, so that lines of
//!   a log differ; fenced code is left out.
//!
//! Lists, tables, code, and songs that grow by a line a verse don't meet either rule: the tests run over such texts, the
//! bundled book and the sources of this program. What is lost where a rule is met wrongly is the rest of an answer, so
//! both wait rather too long. This file only notices: [`super::generate`] ends the answer.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::cache_index::Token;

/// The longest unit that the exact rule looks for.
const LONGEST_UNIT: usize = 256;

/// The exact rule asks for this many copies, or for fewer if they have this many tokens, but always for three.
const COPIES: usize = 6;
const COPIED_TOKENS: usize = 160;
const FEWEST_COPIES: usize = 3;
/// And for as many tokens as a long sentence has.
const FEWEST_TOKENS: usize = 64;

/// A unit with fewer words may be a table's row or a ruled line.
const WORDS_OF_A_SENTENCE: usize = 4;
const TOKENS_OF_FEW_WORDS: usize = 512;
const TOKENS_OF_NO_WORD: usize = 1024;

/// The near rule's groups of words.
const GROUP: usize = 3;
/// How many of the last groups it looks at: half a page.
const GROUPS: usize = 150;
/// How many of them have to be known: 95%.
const KNOWN_GROUPS: usize = GROUPS * 95 / 100;
/// A group is known if it has come this often before. A chorus comes twice.
const OFTEN: u32 = 2;

/// What has been written, as far as the rules need it.
#[derive(Debug, Default)]
pub struct RepetitionGuard {
    exact: Exact,
    near: Near,
}

impl RepetitionGuard {
    /// Takes the next token, and the text that came with it. Returns whether the text repeats itself by now.
    pub(super) fn take(&mut self, token: Token, text: &str) -> bool {
        let exact = self.exact.take(token, text);
        let near = self.near.take(text);
        exact || near
    }

    /// As [`RepetitionGuard::take`], for a text whose tokens are not known: `number` stands for a word.
    pub fn take_word(&mut self, number: i32, word: &str) -> bool {
        self.take(Token(number), word)
    }
}

/// The exact rule.
#[derive(Debug, Default)]
struct Exact {
    tokens: Vec<Token>,
    text: String,
    /// Where the text of each token ends.
    ends: Vec<usize>,
    /// By the length of the unit, from 1: how many of the last tokens equal the one that many places before.
    runs: Vec<usize>,
}

impl Exact {
    fn take(&mut self, token: Token, text: &str) -> bool {
        self.text.push_str(text);
        self.ends.push(self.text.len());
        self.tokens.push(token);
        self.runs.resize(LONGEST_UNIT, 0);
        let last = self.tokens.len() - 1;
        for unit in 1..=LONGEST_UNIT.min(last) {
            let run = &mut self.runs[unit - 1];
            *run = if self.tokens[last - unit] == token { *run + 1 } else { 0 };
        }
        (1..=LONGEST_UNIT.min(last)).any(|unit| self.is_loop(unit))
    }

    fn is_loop(&self, unit: usize) -> bool {
        let copied = self.runs[unit - 1] + unit;
        copied >= fewest_tokens(unit) && copied >= self.tokens_for_its_words(unit)
    }

    /// How many tokens copies of this unit have to have, by the number of its words.
    fn tokens_for_its_words(&self, unit: usize) -> usize {
        let start = self.tokens.len() - unit;
        let text = &self.text[if start == 0 { 0 } else { self.ends[start - 1] }..];
        match words(text) {
            0 => TOKENS_OF_NO_WORD,
            few if few < WORDS_OF_A_SENTENCE => TOKENS_OF_FEW_WORDS,
            _ => 0,
        }
    }
}

/// How many different words of two letters or more there are. Where words are written without spaces, two characters
/// count as one.
fn words(text: &str) -> usize {
    let spaced =
        text.split(|c: char| !c.is_alphabetic() || is_ideograph(c)).filter(|word| word.chars().nth(1).is_some());
    spaced.collect::<HashSet<_>>().len() + text.chars().filter(|&c| is_ideograph(c)).collect::<HashSet<_>>().len() / 2
}

/// How many tokens copies of a unit of this length have to have, whatever it says.
fn fewest_tokens(unit: usize) -> usize {
    (COPIES * unit).min(COPIED_TOKENS).max(FEWEST_COPIES * unit).max(FEWEST_TOKENS)
}

/// Whether words are written without spaces in this script.
fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}')
}

/// The near rule.
#[derive(Debug, Default)]
struct Near {
    /// The line so far, not yet ended.
    line: String,
    in_code: bool,
    /// The last words, at most [`GROUP`] of them.
    words: VecDeque<String>,
    counts: HashMap<u64, u32>,
    /// Whether each of the last [`GROUPS`] groups was known, and how many were.
    known: VecDeque<bool>,
    known_groups: usize,
}

impl Near {
    /// Counts whole lines: only they tell a list's counter from a number. A paragraph without line breaks counts by
    /// sentences.
    fn take(&mut self, text: &str) -> bool {
        let mut repeats = false;
        for c in text.chars() {
            self.line.push(c);
            let ends_sentence = c.is_whitespace() && self.line.trim_end().ends_with(['.', '!', '?', '。']);
            if c == '\n' || (ends_sentence && !is_counter(self.line.trim())) {
                let line = std::mem::take(&mut self.line);
                repeats |= self.take_line(&line);
            }
        }
        repeats
    }

    fn take_line(&mut self, line: &str) -> bool {
        if line.trim_start().starts_with("```") {
            self.in_code = !self.in_code;
        } else if !self.in_code {
            without_counter(line).split(|c: char| !c.is_alphanumeric()).for_each(|word| self.take_word(word));
        }
        self.known_groups >= KNOWN_GROUPS
    }

    fn take_word(&mut self, word: &str) {
        if word.is_empty() {
            return;
        }
        self.words.push_back(word.to_lowercase());
        if self.words.len() > GROUP {
            self.words.pop_front();
        }
        let of_letters = self.words.iter().filter(|word| word.starts_with(char::is_alphabetic)).count();
        if self.words.len() == GROUP && of_letters + 1 >= GROUP {
            self.take_group();
        }
    }

    fn take_group(&mut self) {
        let mut hasher = DefaultHasher::new();
        self.words.hash(&mut hasher);
        let count = self.counts.entry(hasher.finish()).or_default();
        let is_known = *count >= OFTEN;
        *count += 1;
        self.known.push_back(is_known);
        self.known_groups += usize::from(is_known);
        if self.known.len() > GROUPS && self.known.pop_front() == Some(true) {
            self.known_groups -= 1;
        }
    }
}

/// `12. `, `12) `, `- `, `* ` at the beginning of a line are not part of what it says.
fn without_counter(line: &str) -> &str {
    let line = line.trim_start().trim_start_matches(['-', '*', '#', '>', ' ']);
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_counted = rest.len() < line.len() && rest.starts_with(['.', ')', ':']);
    if is_counted { &rest[1..] } else { line }
}

/// Whether the line so far is a list's counter alone, which ends with a full stop but no sentence.
fn is_counter(line: &str) -> bool {
    without_counter(line).is_empty()
}

#[cfg(test)]
#[expect(clippy::format_collect, reason = "texts of a few lines")]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The words up to where the guard ends `text`, and how many there are; `None` if it lets all of it pass. A token is
    /// a word with what stands before it.
    fn ends_after(text: &str) -> Option<usize> {
        let (mut guard, mut ids) = (RepetitionGuard::default(), HashMap::new());
        text.split_inclusive(|c: char| c.is_whitespace() || c.is_ascii_punctuation()).position(|piece| {
            let next = i32::try_from(ids.len()).expect("few words");
            let id = *ids.entry(piece.to_owned()).or_insert(next);
            guard.take(Token(id), piece)
        })
    }

    #[track_caller]
    fn passes(what: &str, text: &str) {
        let ended = ends_after(text);
        let words: Vec<&str> = text.split_inclusive(|c: char| c.is_whitespace() || c.is_ascii_punctuation()).collect();
        let shown = ended.map(|at| words[at.saturating_sub(150)..=at].concat());
        assert_eq!(shown, None, "{what}");
    }

    #[track_caller]
    fn is_ended_within(limit: usize, text: &str) {
        let ended = ends_after(text);
        assert!(ended.is_some_and(|words| words <= limit), "after {ended:?} for {:?}", &text[..text.len().min(80)]);
    }

    #[test]
    fn a_sentence_that_comes_again_and_again_is_noticed() {
        let sentence = "The man who took the house is a young man of large fortune from the north. ";
        is_ended_within(120, &sentence.repeat(40));
        is_ended_within(160, &format!("Mr. Bingley has taken it.\n\n{}", sentence.repeat(40)));
    }

    #[test]
    fn a_paragraph_that_comes_again_is_noticed_at_its_third_copy() {
        let letter = |n: u8| char::from(b'a' + n % 26);
        let words: Vec<String> = (0..120).map(|n| format!("word{}{}", letter(n), letter(n / 26))).collect();
        is_ended_within(380, &format!("{}.\n", words.join(" ")).repeat(9));
    }

    #[test]
    fn the_same_list_entry_with_another_counter_is_noticed() {
        let list: String = (1..200)
            .map(|n| format!("{n}. **The Man Who Took It**: he is a young man who came from the north.\n"))
            .collect();
        is_ended_within(500, &list);
        let steps: String = (1..200)
            .map(|n| {
                if n % 2 == 0 {
                    "He came in a chaise. She did not go.\n"
                } else {
                    "She did NOT go.\nHe came, in a chaise.\n"
                }
            })
            .collect();
        is_ended_within(500, &steps);
    }

    #[test]
    fn one_word_without_end_is_noticed_late() {
        is_ended_within(520, &"the ".repeat(3_000));
        is_ended_within(1_030, &"!".repeat(3_000));
    }

    #[test]
    fn a_sentence_without_spaces_is_noticed() {
        let (mut guard, sentence) = (RepetitionGuard::default(), "彼は北から来た若い男です。");
        let written = sentence.repeat(40);
        let ended = written.chars().position(|c| guard.take(Token(c as i32), &c.to_string()));
        assert!(ended.is_some_and(|characters| characters < 120), "{ended:?}");
    }

    #[test]
    fn tables_of_equal_rows_and_ruled_lines_pass() {
        passes("zeros", &format!("```\n{}```\n", "[0, 0, 0, 0, 0, 0, 0, 0],\n".repeat(8)));
        passes("a table", &"| 0 | 0 | 1 | 0 |\n".repeat(24));
        passes("an empty form", &"| Name | | |\n".repeat(20));
        passes("a rule", &"-".repeat(200));
        let rows: String =
            (0..90).map(|n| format!("| Chapter {n} | {} tokens | read | {}.5 s |\n", n * 317, n % 9)).collect();
        passes("a table with constant columns", &rows);
        let log: String = (0..120)
            .map(|n| format!("2024-05-01 12:{:02}:07 INFO worker started job {}\n", n % 60, 4_000 + n))
            .collect();
        passes("a log", &log);
        let json: String = (0..90)
            .map(|n| format!("  {{ \"name\": \"person{n}\", \"age\": {}, \"married\": false }},\n", 20 + n))
            .collect();
        passes("json", &json);
    }

    #[test]
    fn lists_of_like_entries_pass() {
        let names =
            ["Bingley", "Darcy", "Hurst", "Lucas", "Collins", "Wickham", "Bennet", "Gardiner", "Philips", "Denny"];
        let list: String = names
            .iter()
            .enumerate()
            .map(|(n, name)| format!("{}. Mr. {name} is a young man of good fortune.\n", n + 1))
            .collect();
        passes("a list", &list);
    }

    #[test]
    fn songs_with_refrains_pass() {
        let bottles: String = (1..=60)
            .rev()
            .map(|n| {
                format!(
                    "{n} bottles of beer on the wall, {n} bottles of beer.\nTake one down and pass it around, {} bottles of \
                     beer on the wall.\n\n",
                    n - 1
                )
            })
            .collect();
        passes("a song that counts", &bottles);
        let gifts = [
            "a partridge in a pear tree",
            "two turtle doves",
            "three French hens",
            "four calling birds",
            "five gold rings",
            "six geese a-laying",
            "seven swans a-swimming",
            "eight maids a-milking",
            "nine ladies dancing",
            "ten lords a-leaping",
            "eleven pipers piping",
            "twelve drummers drumming",
        ];
        let days = [
            "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
            "twelfth",
        ];
        let verse = |n: usize| {
            let given: Vec<&str> = gifts[..=n].iter().rev().copied().collect();
            format!("On the {} day of Christmas my true love sent to me\n{}.\n\n", days[n], given.join(",\n"))
        };
        passes("a song that grows", &(0..12).map(verse).collect::<String>());
        let chorus = "Row, row, row your boat,\nGently down the stream,\nMerrily, merrily, merrily, merrily,\nLife is but a dream.\n\n";
        passes("a round", &chorus.repeat(3));
        passes(
            "bells",
            "To the tolling of the bells,\nOf the bells, bells, bells, bells,\nBells, bells, bells,\nTo the moaning and the groaning of the bells.\n",
        );
    }

    #[test]
    fn the_bundled_book_passes() {
        let book = fs::read_to_string("assets/pride-and-prejudice.txt").expect("the bundled book");
        for chapter in book.split("\nChapter ") {
            passes(&chapter[..chapter.len().min(20)], chapter);
        }
    }

    #[test]
    fn the_sources_of_this_program_pass() {
        for folder in ["src", "docs", "benches", "scripts"] {
            each_file(Path::new(folder), &mut |path| {
                let is_text =
                    path.extension().is_some_and(|kind| ["rs", "md", "toml", "sh"].iter().any(|text| kind == *text));
                if is_text {
                    passes(&path.display().to_string(), &fs::read_to_string(path).expect("text"));
                }
            });
        }
    }

    fn each_file(folder: &Path, take: &mut dyn FnMut(&Path)) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { each_file(&path, take) } else { take(&path) }
        }
    }
}
