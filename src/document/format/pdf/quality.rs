//! How good is the text that was found on a page? A score without a dictionary, in any language, and the choice between two engines by it.
//!
//! The picture: a page held so far away that no word can be read, only how the print looks. Boxes in place of letters (no map from the font to
//! characters), `s p r e a d` letters, wordsneverending, and words without a vowel (a map that leads to the wrong letters) look wrong from there.
//!
//! Example: `The cat sat.` scores 100; `T h e c a t` 15; thirty private-use characters 0. A page is garbled below [`READABLE`].
//!
//! What it does not do: judge the order of the words. `pdf-extract` finds as many letters in two columns as in one.

/// Pages below this are no text that anyone can use.
pub(super) const READABLE: u8 = 40;

/// The first engine's text is taken unless the second's is better by more than this: it has the better order.
const MARGIN: f64 = 10.0;

/// Of two texts, one with three quarters of the other's characters may be the better: shadows and hidden layers double some.
const ENOUGH_CHARACTERS: f64 = 0.75;

/// Fewer words tell nothing about a language.
const FEW_WORDS: usize = 20;

/// Languages written with spaces have few longer words; addresses of web pages are longer.
const LONG_WORD: usize = 45;

/// What was counted on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Quality {
    /// Characters but white space.
    pub characters: usize,
    /// 0 to 100.
    pub score: u8,
}

/// Looks at the text of a page.
pub(super) fn quality(text: &str) -> Quality {
    let mut seen = WordCounts::default();
    text.split_whitespace().for_each(|word| seen.word(word));
    Quality { characters: seen.characters, score: seen.score() }
}

/// Which of two texts of a page is the better: `true` is the second.
pub(super) fn is_second_better(first: Quality, second: Quality) -> bool {
    let most = first.characters.max(second.characters).max(1) as f64;
    let worth = |text: Quality| {
        let share = text.characters as f64 / most / ENOUGH_CHARACTERS;
        f64::from(text.score) * share.min(1.0)
    };
    worth(second) > worth(first) + MARGIN
}

/// Counts over the words of a page.
#[derive(Debug, Default)]
struct WordCounts {
    characters: usize,
    /// No characters of any language.
    bad: usize,
    /// Words of scripts that part words by spaces, and those of one letter among them.
    words: usize,
    single: usize,
    /// Characters in words that never end.
    long: usize,
    /// Words of four small Latin letters or more, and those without a vowel among them.
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
        // A tenth of the words of English, French and Spanish have one letter; formulas and tables have more.
        let single = if self.words < FEW_WORDS { 0.0 } else { (share(self.single, self.words) - 0.3).max(0.0) * 1.4 };
        let long = share(self.long, self.characters);
        let vowelless =
            if self.latin < FEW_WORDS { 0.0 } else { (share(self.vowelless, self.latin) - 0.3).max(0.0) * 1.4 };
        let left = [bad, single, long, vowelless].iter().fold(100.0, |left, lost| left * (1.0 - lost));
        left.round() as u8
    }
}

/// Stands for a glyph that nobody mapped to a character: private use, replacement, control.
fn is_bad(character: char) -> bool {
    matches!(character, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'.. | '\u{fffd}' | '\u{fff0}'..='\u{fff8}')
        || character.is_control()
}

/// A letter of a script that writes spaces between words: all before the ideographs but Thai and its neighbours.
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
