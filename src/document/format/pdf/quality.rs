//! Scores how much the text of a page looks like text, without a dictionary and in any language, and compares two texts
//! by it.
//!
//! What lowers the score: characters for unmapped glyphs, `s p r e a d` letters, wordsthatneverend, and words without
//! vowels (glyphs mapped to the wrong letters).
//!
//! Example: `The cat sat.` scores 100, `T h e c a t` 15, thirty private-use characters 0. A page below [`READABLE`] is
//! garbled.
//!
//! The order of words does not count: `pdf-extract` finds as many letters in two columns as in one.

/// Minimum score of usable text.
pub(super) const READABLE: u8 = 40;

/// How much better the second engine's text has to be. The first has the better order.
const MARGIN: f64 = 10.0;

/// A text with this share of the other's characters counts as complete: shadows and hidden layers repeat text.
const ENOUGH_CHARACTERS: f64 = 0.75;

/// Fewest words for statistics about them.
const FEW_WORDS: usize = 20;

/// Languages written with spaces have few longer words, except for web addresses.
const LONG_WORD: usize = 45;

/// The quality of a page's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Quality {
    /// Characters other than white space.
    pub characters: usize,
    /// 0 to 100.
    pub score: u8,
}

/// Measures the text of a page.
pub(super) fn quality(text: &str) -> Quality {
    let mut seen = WordCounts::default();
    text.split_whitespace().for_each(|word| seen.word(word));
    Quality { characters: seen.characters, score: seen.score() }
}

/// Whether the second of two texts of a page is better.
pub(super) fn is_second_better(first: Quality, second: Quality) -> bool {
    let most = first.characters.max(second.characters).max(1) as f64;
    let worth = |text: Quality| {
        let share = text.characters as f64 / most / ENOUGH_CHARACTERS;
        f64::from(text.score) * share.min(1.0)
    };
    worth(second) > worth(first) + MARGIN
}

/// Statistics of the words of a page.
#[derive(Debug, Default)]
struct WordCounts {
    characters: usize,
    /// Characters of no language.
    bad: usize,
    /// Words in scripts that separate words by spaces, and how many of them have one letter.
    words: usize,
    single: usize,
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
        let letters = word.chars().filter(|&character| is_spaced(character)).count();
        if letters == 0 || letters * 2 < characters {
            return;
        }
        self.words += 1;
        self.single += usize::from(letters == 1);
        if letters > LONG_WORD && !word.contains(['/', '.', '_']) {
            self.long += letters;
        }
        let is_latin = |character: char| character.is_ascii_lowercase() || ('à'..='ÿ').contains(&character);
        if letters >= 4 && letters == characters && word.chars().skip(1).all(is_latin) {
            self.latin += 1;
            self.vowelless += usize::from(!word.to_lowercase().contains(is_vowel));
        }
    }

    fn score(&self) -> u8 {
        if self.characters == 0 {
            return 0;
        }
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        let bad = (share(self.bad, self.characters) * 3.0).min(1.0);
        // In English, French and Spanish a tenth of the words have one letter; in formulas and tables, more.
        let single = if self.words < FEW_WORDS { 0.0 } else { (share(self.single, self.words) - 0.3).max(0.0) * 1.4 };
        let long = share(self.long, self.characters);
        let vowelless =
            if self.latin < FEW_WORDS { 0.0 } else { (share(self.vowelless, self.latin) - 0.3).max(0.0) * 1.4 };
        let left = [bad, single, long, vowelless].iter().fold(100.0, |left, lost| left * (1.0 - lost));
        left.round() as u8
    }
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
        quality(text).score
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
    fn a_few_unmapped_bullets_do_no_harm() {
        let list = format!("{PROSE}\n\u{f0b7} one\n\u{f0b7} two");
        assert!(score(&list) >= 90, "{}", score(&list));
    }

    #[test]
    fn the_second_text_is_taken_when_it_is_clearly_better_or_much_longer() {
        let text = |characters, score| Quality { characters, score };
        assert!(!is_second_better(text(1000, 95), text(1100, 100)), "alike: the first has the better order");
        assert!(is_second_better(text(1000, 30), text(1000, 95)));
        assert!(is_second_better(text(300, 100), text(1000, 95)), "the first has lost most of the page");
        assert!(!is_second_better(text(1000, 95), text(300, 100)));
        assert!(is_second_better(Quality::default(), text(50, 90)));
    }
}
