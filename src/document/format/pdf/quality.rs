//! Scores how much the text of a page looks like text, without a dictionary and in any language.
//!
//! What lowers the score: characters for unmapped glyphs, `s p r e a d` letters, wordsthatneverend, words without
//! vowels (glyphs mapped to the wrong letters), and more signs than any program has (glyphs mapped to their numbers).
//!
//! Example: `The cat sat.` scores 100, `T h e c a t` 15, thirty private-use characters 0. A page below [`READABLE`] is
//! garbled. Answers to a test (`1. B 2. A`), sequences of bases, tables of truth values and dumps score 100: their
//! letters do not spell words.

/// Minimum score of usable text.
pub(super) const READABLE: u8 = 40;

/// Fewest words for statistics about them.
const FEW_WORDS: usize = 20;

/// Languages written with spaces have few longer words, except for web addresses.
const LONG_WORD: usize = 45;

/// Single letters are those of spread words only if there are this many one after the other.
const FEWEST_SPREAD: usize = 4;

/// Spread words have this many different letters. The answers to a test, and truth values, have fewer.
const FEWEST_LETTERS: u32 = 12;

/// Fewest characters for a judgement about signs.
const FEW_CHARACTERS: usize = 60;

/// Share of signs, and number of different ones, that no text has. A page of a program may have half of them.
const MOST_SIGNS: f64 = 0.6;
const FEW_KINDS_OF_SIGNS: u32 = 5;

/// The quality of a page's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Quality {
    /// Characters other than white space.
    pub characters: usize,
    /// 0 to 100.
    pub score: u8,
}

/// Measures the text of a page that has `unmapped` more glyphs.
pub(super) fn quality(text: &str, unmapped: usize) -> Quality {
    let mut seen = WordCounts { characters: unmapped, bad: unmapped, ..WordCounts::default() };
    text.split_whitespace().for_each(|word| seen.word(word));
    Quality { characters: seen.characters, score: seen.score() }
}

/// Statistics of the words of a page.
#[derive(Debug, Default)]
struct WordCounts {
    characters: usize,
    /// Characters of no language.
    bad: usize,
    /// Signs of ASCII, except for those that lead to page numbers and draw tables.
    signs: usize,
    /// Which signs they are, `!` in the lowest bit.
    kinds_of_signs: u128,
    /// Words in scripts that separate words by spaces.
    words: usize,
    /// Words of one letter, in runs of several.
    spread: usize,
    /// Length of the run of such words that the last word belongs to.
    run: usize,
    /// Which letters they are, `a` in the lowest bit.
    spread_letters: u32,
    /// Characters in overlong words.
    long: usize,
    /// Words of four or more lower-case Latin letters, and how many of them have no vowel.
    latin: usize,
    vowelless: usize,
}

impl WordCounts {
    fn word(&mut self, word: &str) {
        let characters = word.chars().count();
        self.characters += characters;
        self.bad += word.chars().filter(|&character| is_bad(character)).count();
        for sign in word.chars().filter(|&character| is_sign(character)) {
            self.signs += 1;
            self.kinds_of_signs |= 1 << (u32::from(sign) - u32::from('!'));
        }
        let letters = word.chars().filter(|&character| is_spaced(character)).count();
        self.spread_letter(word, letters == 1 && characters == 1);
        if letters == 0 || letters * 2 < characters {
            return;
        }
        self.words += 1;
        if letters > LONG_WORD && !word.contains(['/', '.', '_']) && is_prose(word) {
            self.long += letters;
        }
        let is_latin = |character: char| character.is_ascii_lowercase() || ('à'..='ÿ').contains(&character);
        if letters >= 4 && letters == characters && word.chars().skip(1).all(is_latin) {
            self.latin += 1;
            self.vowelless += usize::from(!word.to_lowercase().contains(is_vowel));
        }
    }

    /// Counts a word of one letter. Only runs of them count.
    fn spread_letter(&mut self, word: &str, is_single: bool) {
        self.run = if is_single { self.run + 1 } else { 0 };
        if is_single {
            let letter = word.bytes().next().unwrap_or_default().to_ascii_lowercase();
            self.spread_letters |= 1_u32.checked_shl(u32::from(letter.wrapping_sub(b'a'))).unwrap_or(1 << 31);
        }
        self.spread += match self.run {
            FEWEST_SPREAD => FEWEST_SPREAD,
            run if run > FEWEST_SPREAD => 1,
            _ => 0,
        };
    }

    fn score(&self) -> u8 {
        if self.characters == 0 {
            return 0;
        }
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        let bad = (share(self.bad, self.characters) * 3.0).min(1.0);
        let is_spread = self.words >= FEW_WORDS && self.spread_letters.count_ones() >= FEWEST_LETTERS;
        // In English, French and Spanish a tenth of the words have one letter; in formulas and tables, more.
        let single = if is_spread { (share(self.spread, self.words) - 0.3).max(0.0) * 1.4 } else { 0.0 };
        let long = share(self.long, self.characters);
        let vowelless =
            if self.latin < FEW_WORDS { 0.0 } else { (share(self.vowelless, self.latin) - 0.3).max(0.0) * 1.4 };
        let signs = share(self.signs, self.characters);
        let are_many = self.characters >= FEW_CHARACTERS && self.kinds_of_signs.count_ones() > FEW_KINDS_OF_SIGNS;
        let signs = if are_many && signs > MOST_SIGNS { 0.7 } else { 0.0 };
        let left = [bad, single, long, vowelless, signs].iter().fold(100.0, |left, lost| left * (1.0 - lost));
        left.round() as u8
    }
}

/// Whether an overlong word is prose without its spaces, and not a sequence of bases, a key, or data as letters.
fn is_prose(word: &str) -> bool {
    let count = |is_wanted: &dyn Fn(char) -> bool| word.chars().filter(|&character| is_wanted(character)).count();
    let letters = count(&|character| character.is_alphabetic());
    let capitals = count(&|character| character.is_uppercase());
    let digits = count(&|character| character.is_ascii_digit());
    capitals * 5 < letters && digits * 20 < letters
}

/// Whether it is a sign that text has few of.
fn is_sign(character: char) -> bool {
    character.is_ascii_punctuation() && !matches!(character, '.' | '-' | '_' | '=' | '*' | '|' | '+' | '/')
}

/// Whether the character stands for an unmapped glyph: private use, replacement, control.
fn is_bad(character: char) -> bool {
    matches!(character, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'.. | '\u{fffd}' | '\u{fff0}'..='\u{fff8}')
        || character.is_control()
}

/// Whether it is a letter of a script with spaces between words: all before the ideographs, except Thai and its
/// neighbours.
fn is_spaced(character: char) -> bool {
    character.is_alphabetic()
        && (character < '\u{2e80}' || ('\u{fb00}'..='\u{fdff}').contains(&character))
        && !('\u{0e00}'..='\u{0eff}').contains(&character)
}

fn is_vowel(character: char) -> bool {
    matches!(character, 'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'à'..='æ' | 'è'..='ï' | 'ò'..='ö' | 'ø'..='ý' | 'ÿ')
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROSE: &str = "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife. However little known the feelings";

    fn score(text: &str) -> u8 {
        quality(text, 0).score
    }

    #[test]
    fn prose_of_every_script_is_good() {
        let tables = "12.5 13.7 | x y z | 1 2 3 4 5 6 7 8 9";
        let czech = "čtvrt vlk zmrzl zhltl hrst zrn prst skrz krk strč chrp brzd smršť a pak přišel domů večer unavený a hladový jako vlk";
        let japanese = "吾輩は猫である。名前はまだ無い。 どこで生れたかとんと見当がつかぬ。";
        let arabic = "كل الناس يولدون أحرارا متساوين في الكرامة والحقوق";
        for text in [PROSE, tables, czech, japanese, arabic, "ls -la /usr/share/doc | grep x"] {
            assert!(score(text) >= 90, "{}: {text}", score(text));
        }
    }

    #[test]
    fn broken_text_of_each_kind_is_garbled() {
        let spread: String = PROSE.chars().flat_map(|letter| [letter, ' ']).collect();
        let shifted: String = PROSE
            .repeat(2)
            .chars()
            .map(|letter| match letter {
                'a'..='z' => (b"bcdfghjklmnpqrstvwxz"[(letter as usize - 97) % 20]) as char,
                other => other,
            })
            .collect();
        let boxes: String = PROSE.chars().map(|letter| if letter == ' ' { ' ' } else { '\u{e042}' }).collect();
        let endless = PROSE.replace([' ', ',', '.'], "");
        for text in [&spread, &shifted, &boxes, &endless] {
            assert!(score(text) < READABLE, "{}: {text}", score(text));
        }
    }

    #[test]
    #[expect(clippy::format_collect, reason = "a text of a few lines")]
    fn letters_that_spell_no_words_are_text() {
        let answers: String =
            (1..60).map(|number| format!("{number}. {} ", ["A", "B", "C", "D"][number % 4])).collect();
        let options = "a) b) c) d) ".repeat(20);
        let truth = "T F F T F T T F ".repeat(20);
        let bases = "GATGTCAAACCCCGGGGGGAGCTCAGATATCCGATACAGGGATGAAGAAATAACCTCATCCC ".repeat(20);
        let protein = "MEEPQSDPSVEPPLSQETFSDLWKLLPENNVLSPLPSQAMDDLMLSPDDIEQWFTEDPGPD ".repeat(20);
        let key = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKjMzEfYyjiWA4R ".repeat(20);
        let dump = "00000010  6f 72 65 6d 20 69 70 73  75 6d 20 64 6f 6c 6f 72 ".repeat(20);
        for text in [&answers, &options, &truth, &bases, &protein, &key, &dump] {
            assert!(score(text) >= 90, "{}: {text}", score(text));
        }
    }

    #[test]
    fn glyphs_mapped_to_their_numbers_are_garbled() {
        let junk = "!\"# !\"$ %&'() *+\"# ,!-&% \"#($ ".repeat(9);
        assert!(score(&junk) < READABLE, "{}", score(&junk));
        let program = "if (a[i] != b->c) { return f(x, &y[2]); } // {x: \"y\"}\nfor (;;) { (*p)++; }\n".repeat(9);
        assert!(score(&program) >= 90, "{}", score(&program));
    }

    #[test]
    fn a_few_unmapped_bullets_do_no_harm() {
        let list = format!("{PROSE}\n\u{f0b7} one\n\u{f0b7} two");
        assert!(score(&list) >= 90, "{}", score(&list));
    }
}
