//! Guesses how many tokens a text has, where nothing is there to count them. Every figure that comes from here is called
//! an estimate.
//!
//! Tokenisers of today cut text at words, and have most words as one token, with the space before it. So a word counts as one token for
//! every nine letters, two digits as one, two signs as one, a line end as one, and of letters without spaces between words
//! (Chinese, Japanese) ten as seven.
//!
//! Example: *Pride and Prejudice* is estimated at 160,518 tokens; Qwen2.5's tokeniser makes 161,035 of it. 543 KB of Rust are estimated at
//! 155,356, and are 142,786. For other languages it is further off.
//!
//! Once a server has said how many tokens a prompt had, later estimates are scaled by it ([`TokenEstimate::learn`]).

/// Letters of a word that make a token.
const LETTERS_PER_TOKEN: usize = 9;
/// The same for letters beyond ASCII, which vocabularies have fewer words of.
const OTHER_LETTERS_PER_TOKEN: usize = 3;
/// `);` and `::` are one token.
const SIGNS_PER_TOKEN: usize = 2;
/// Tokens of a letter of a script without spaces.
const TOKENS_PER_IDEOGRAPH: f64 = 0.7;
/// Scales beyond these mean that the server has counted something else.
const SCALES: std::ops::RangeInclusive<f64> = 0.5..=2.0;
/// Shorter prompts are mostly template.
const FEWEST_TO_LEARN: f64 = 200.0;

/// Estimates, scaled by what was learnt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TokenEstimate {
    scale: f64,
}

impl Default for TokenEstimate {
    fn default() -> Self {
        Self { scale: 1.0 }
    }
}

impl TokenEstimate {
    /// About how many tokens `text` has.
    pub(super) fn count(self, text: &str) -> u32 {
        (unscaled(text) * self.scale).ceil() as u32
    }

    /// The server counted `tokens` for a prompt that was estimated at `estimated` by `self`.
    pub(super) fn learn(&mut self, estimated: u32, tokens: u32) {
        let scale = self.scale * f64::from(tokens) / f64::from(estimated.max(1));
        if f64::from(estimated) >= FEWEST_TO_LEARN && SCALES.contains(&scale) {
            self.scale = scale;
        }
    }
}

/// What a character belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    OtherWord,
    Digit,
    Ideograph,
    Space,
    Line,
    Sign,
}

fn class_of(c: char) -> Class {
    match c {
        '\n' => Class::Line,
        _ if c.is_whitespace() => Class::Space,
        _ if c.is_ascii_alphabetic() => Class::Word,
        _ if c.is_numeric() => Class::Digit,
        '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => {
            Class::Ideograph
        }
        _ if c.is_alphabetic() => Class::OtherWord,
        _ => Class::Sign,
    }
}

fn unscaled(text: &str) -> f64 {
    let mut tokens = 0.0;
    let mut letters = text.chars().map(class_of).peekable();
    while let Some(class) = letters.next() {
        let mut run = 1_usize;
        while letters.next_if(|next| *next == class).is_some() {
            run += 1;
        }
        tokens += match class {
            Class::Word => run.div_ceil(LETTERS_PER_TOKEN) as f64,
            Class::OtherWord => run.div_ceil(OTHER_LETTERS_PER_TOKEN) as f64,
            Class::Digit => run as f64 / 2.0,
            Class::Ideograph => run as f64 * TOKENS_PER_IDEOGRAPH,
            // A space belongs to the word behind it, and an indentation to the line's end.
            Class::Space => 0.0,
            Class::Line => 1.0,
            Class::Sign => run.div_ceil(SIGNS_PER_TOKEN) as f64,
        };
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_module() {
        let book = include_str!("../../../assets/pride-and-prejudice.txt");
        assert_eq!(TokenEstimate::default().count(book), 160_518);
        assert_eq!(TokenEstimate::default().count(""), 0);
    }

    #[test]
    fn what_the_server_counts_scales_later_estimates() {
        let mut estimate = TokenEstimate::default();
        estimate.learn(1000, 1200);
        assert_eq!(estimate.count("one two three four five"), 6);
        // The scale is that of the text, and not of a scale on a scale.
        estimate.learn(1200, 1200);
        assert_eq!(estimate.count("one two three four five"), 6);
    }

    #[test]
    fn a_server_that_cut_the_prompt_teaches_nothing() {
        let mut estimate = TokenEstimate::default();
        estimate.learn(180_000, 4_096);
        estimate.learn(20, 39);
        assert_eq!(estimate, TokenEstimate::default());
    }
}
