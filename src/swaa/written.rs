//! Parses and prints the values of a recipe; preset files, flags and the screen use the same forms.
//!
//! | value | forms |
//! |---|---|
//! | tokens | `2048`, `2_048`, `4k` (4,096) |
//! | window | `full`, tokens, `n/4` (a quarter of the document), `max(4k, n/4)` |
//! | layers | `none`, `all`, `first half`, `first 8`, `odd`, `even`, `every 4 from 1`, `1,3,5-9`, `model` |
//! | far | `none`, `0`, a whole number such as `16` |
//! | switch | `on`, `off`, `true`, `false`, `yes`, `no`, `1`, `0` |
//!
//! Case and blanks don't matter. A hyphen can replace a blank between words, so that a shell needs no quotes:
//! `first-half`. Values are printed in the shortest form that parses to the same value: 4096 is `4k`.
//!
//! Does not check whether values fit together; [`RecipeSpec::check`](super::RecipeSpec::check) does.

use std::fmt;
use std::str::FromStr;

use super::{Adapter, LayerSet, LayerSpec, Scale, WindowSpec};

/// Layer numbers are below this: several times the deepest known model, and small enough that `0-1000000000` can't fill
/// the memory.
const LAYER_LIMIT: u32 = 1024;

/// The error for a value that has none of the known forms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {what} {got:?}")]
pub struct WrittenError {
    /// What the value is for: `window`, `full_layers`, …
    pub what: &'static str,
    pub got: String,
    /// What is allowed, as a list with examples.
    pub allowed: &'static str,
}

impl WrittenError {
    fn new(what: &'static str, got: &str, allowed: &'static str) -> Self {
        Self { what, got: got.to_owned(), allowed }
    }
}

const WINDOWS: &str =
    r#""full", tokens from 1 up such as 2048 or "4k", a fraction of the document such as "n/4", or "max(4k, n/4)""#;
const LAYERS: &str =
    r#""none", "all", "first half", "first 8", "odd", "even", "every 4 from 1", a list such as "1,3,5-9", or "model""#;
const TOKENS: &str = r#"a whole number of tokens such as 2048 or "4k""#;
const STRIDES: &str = r#"a whole number such as 16 (one key in 16), or 0 or "none" for none"#;
const SWITCHES: &str = "true or false, on or off";

/// Parses a count of tokens: `2048`, `2_048`, `4k`.
///
/// Errors: not a whole number, or more than 4,294,967,295.
pub fn tokens(text: &str) -> Result<u32, WrittenError> {
    let bad = || WrittenError::new("token count", text, TOKENS);
    count(&squeezed(text)).ok_or_else(bad)
}

/// Parses the stride of far keys: `16`, `1k`, and `none` or `0` for none.
///
/// Errors: not a whole number, or more than 4,294,967,295.
pub fn stride(text: &str) -> Result<u32, WrittenError> {
    let form = squeezed(text);
    if form == "none" {
        return Ok(0);
    }
    count(&form).ok_or_else(|| WrittenError::new("far stride", text, STRIDES))
}

/// Parses a switch: `on`, `true`, `yes`, `1` and their opposites.
pub fn switch(text: &str) -> Result<bool, WrittenError> {
    match squeezed(text).as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err(WrittenError::new("switch value", text, SWITCHES)),
    }
}

impl FromStr for WindowSpec {
    type Err = WrittenError;

    fn from_str(text: &str) -> Result<Self, WrittenError> {
        let bad = || WrittenError::new("window", text, WINDOWS);
        let form = squeezed(text);
        if form == "full" {
            return Ok(Self::Full);
        }
        if let Some(inner) = form.strip_prefix("max(").and_then(|rest| rest.strip_suffix(')')) {
            let (left, right) = inner.split_once(',').ok_or_else(bad)?;
            let (at_least, divisor) = match (count(left), share(right)) {
                (Some(at_least), Some(divisor)) => (at_least, divisor),
                _ => count(right).zip(share(left)).ok_or_else(bad)?,
            };
            return if at_least == 0 { Err(bad()) } else { Ok(Self::Share { divisor, at_least }) };
        }
        match share(&form) {
            Some(divisor) => Ok(Self::Share { divisor, at_least: 1 }),
            None => count(&form).filter(|&tokens| tokens > 0).map(Self::Tokens).ok_or_else(bad),
        }
    }
}

impl fmt::Display for WindowSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Full => f.write_str("full"),
            Self::Tokens(tokens) => Tokens(tokens).fmt(f),
            Self::Share { divisor, at_least: 0 | 1 } => write!(f, "n/{divisor}"),
            Self::Share { divisor, at_least } => write!(f, "max({}, n/{divisor})", Tokens(at_least)),
        }
    }
}

impl FromStr for LayerSpec {
    type Err = WrittenError;

    fn from_str(text: &str) -> Result<Self, WrittenError> {
        let bad = || WrittenError::new("full_layers", text, LAYERS);
        let lower = text.trim().trim_start_matches('[').trim_end_matches(']').trim().to_lowercase();
        if lower.starts_with(|c: char| c.is_ascii_digit()) {
            return layer_list(&lower).ok_or_else(bad);
        }
        let words: Vec<&str> = lower.split(['-', '_', ' ', '\t']).filter(|word| !word.is_empty()).collect();
        layer_words(&words).ok_or_else(bad)
    }
}

/// Parses `first half`, `every 4 from 1`, … An empty list means no layer.
fn layer_words(words: &[&str]) -> Option<LayerSpec> {
    let number = |word: &&str| word.parse().ok().filter(|&number: &u32| number <= LAYER_LIMIT);
    match words {
        [] | ["none"] => Some(LayerSpec::None),
        ["all"] => Some(LayerSpec::All),
        ["first", "half"] => Some(LayerSpec::FirstHalf),
        ["first", count] => number(count).map(LayerSpec::First),
        ["odd"] => Some(LayerSpec::Odd),
        ["even"] => Some(LayerSpec::Even),
        ["every", step] => every(number(step)?, 0),
        ["every", step, "from", from] => every(number(step)?, number(from)?),
        ["model"] => Some(LayerSpec::Model),
        _ => None,
    }
}

fn every(step: u32, from: u32) -> Option<LayerSpec> {
    (step > 0).then_some(LayerSpec::Every { step, from })
}

/// Parses `1,3,5-9`.
fn layer_list(text: &str) -> Option<LayerSpec> {
    let mut layers = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (first, last) = entry.split_once('-').unwrap_or((entry, entry));
        let (first, last) = (first.trim().parse::<u32>().ok()?, last.trim().parse::<u32>().ok()?);
        if first > last || last >= LAYER_LIMIT {
            return None;
        }
        layers.extend(first..=last);
    }
    Some(LayerSpec::List(layers.into_iter().collect::<LayerSet>().as_slice().to_vec()))
}

impl fmt::Display for LayerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::All => f.write_str("all"),
            Self::FirstHalf => f.write_str("first half"),
            Self::First(count) => write!(f, "first {count}"),
            Self::Odd => f.write_str("odd"),
            Self::Even => f.write_str("even"),
            Self::Every { step, from } => write!(f, "every {step} from {from}"),
            Self::List(layers) if layers.is_empty() => f.write_str("none"),
            Self::List(layers) => layers.iter().copied().collect::<LayerSet>().fmt(f),
            Self::Model => f.write_str("model"),
        }
    }
}

/// Prints a count of tokens in short form: `4k` for 4096, `100` for 100.
struct Tokens(u32);

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            tokens if tokens >= 1024 && tokens.is_multiple_of(1024) => write!(f, "{}k", tokens / 1024),
            tokens => write!(f, "{tokens}"),
        }
    }
}

/// `text` without blanks, in lower case.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// Parses `2048`, `2_048`, `4k`.
fn count(form: &str) -> Option<u32> {
    let (digits, unit) = match form.strip_suffix('k') {
        Some(digits) => (digits, 1024),
        None => (form, 1),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    digits.replace('_', "").parse::<u32>().ok()?.checked_mul(unit)
}

/// Parses `n/4` to 4.
fn share(form: &str) -> Option<u32> {
    form.strip_prefix("n/")?.parse().ok().filter(|&divisor| divisor > 0)
}

const ALLOWED_ADAPTER: &str = "FILE or FILE:SCALE, with a scale from -16 to 16 in steps of 0.001";
const MOST_SCALE: f32 = 16.0;

impl FromStr for Adapter {
    type Err = WrittenError;

    /// What follows the last colon is the scale, if it is a number.
    fn from_str(text: &str) -> Result<Self, WrittenError> {
        let wrong = || WrittenError { what: "lora", got: text.to_owned(), allowed: ALLOWED_ADAPTER };
        let text = text.trim();
        let scaled = text.rsplit_once(':').and_then(|(file, scale)| Some((file, scale.trim().parse::<f32>().ok()?)));
        let (file, scale) = scaled.unwrap_or((text, 1.0));
        if file.is_empty() || !(-MOST_SCALE..=MOST_SCALE).contains(&scale) {
            return Err(wrong());
        }
        Ok(Self { file: file.into(), scale: Scale::of(scale) })
    }
}

/// A list with commas, as a preset has it; `none` is the empty one.
pub fn adapters(text: &str) -> Result<Vec<Adapter>, WrittenError> {
    match text.trim() {
        "" | "none" => Ok(Vec::new()),
        text => text.split(',').map(str::parse).collect(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn windows_are_read_in_every_form() {
        let cases = [
            ("full", WindowSpec::Full),
            ("Full ", WindowSpec::Full),
            ("2048", WindowSpec::Tokens(2048)),
            ("2_048", WindowSpec::Tokens(2048)),
            ("4k", WindowSpec::Tokens(4096)),
            ("4 K", WindowSpec::Tokens(4096)),
            ("n/4", WindowSpec::Share { divisor: 4, at_least: 1 }),
            ("max(4k, n/4)", WindowSpec::Share { divisor: 4, at_least: 4096 }),
            ("MAX( n/4 ,4096)", WindowSpec::Share { divisor: 4, at_least: 4096 }),
        ];
        for (text, window) in cases {
            assert_eq!(text.parse(), Ok(window), "{text}");
        }
    }

    #[test]
    fn a_window_that_is_none_is_refused_with_what_is_allowed() {
        for text in ["0", "0k", "-1", "", "n/0", "max(0, n/4)", "max(4k)", "4g", "5000000k", "k", "n", "_4"] {
            let error = text.parse::<WindowSpec>().expect_err(text);
            assert_eq!(error.to_string(), format!("invalid window {text:?}"));
            assert!(error.allowed.contains(r#""full""#), "{}", error.allowed);
        }
    }

    #[test]
    fn layers_are_read_in_every_form() {
        let cases = [
            ("none", LayerSpec::None),
            ("[]", LayerSpec::None),
            ("all", LayerSpec::All),
            ("first half", LayerSpec::FirstHalf),
            ("First-Half", LayerSpec::FirstHalf),
            ("first 8", LayerSpec::First(8)),
            ("odd", LayerSpec::Odd),
            ("even", LayerSpec::Even),
            ("every 4 from 1", LayerSpec::Every { step: 4, from: 1 }),
            ("every-4-from-1", LayerSpec::Every { step: 4, from: 1 }),
            ("every 4", LayerSpec::Every { step: 4, from: 0 }),
            ("5", LayerSpec::List(vec![5])),
            ("9, 1,3,5-7", LayerSpec::List(vec![1, 3, 5, 6, 7, 9])),
            ("[1, 3, 5, 7, 9, 11]", LayerSpec::List(vec![1, 3, 5, 7, 9, 11])),
            ("model", LayerSpec::Model),
        ];
        for (text, layers) in cases {
            assert_eq!(text.parse(), Ok(layers), "{text}");
        }
    }

    #[test]
    fn layers_that_make_no_sense_are_refused() {
        for text in ["every 0 from 1", "first", "first third", "7-5", "1,x", "0-4294967295", "every 4 from", "-1"] {
            let error = text.parse::<LayerSpec>().expect_err(text);
            assert_eq!(error.to_string(), format!("invalid full_layers {text:?}"));
        }
    }

    #[test]
    fn strides_are_read_in_every_form() {
        for (text, far) in [("none", 0), ("0", 0), ("1", 1), (" 16 ", 16), ("1k", 1024)] {
            assert_eq!(stride(text), Ok(far), "{text}");
        }
        for text in ["", "-1", "1/16", "16.0", "all", "5000000k"] {
            assert_eq!(stride(text).expect_err(text).to_string(), format!("invalid far stride {text:?}"));
        }
    }

    #[test]
    fn switches_are_read_in_every_form() {
        for (on, off) in [("on", "off"), ("True", "False"), ("yes", "no"), ("1", "0")] {
            assert_eq!((switch(on), switch(off)), (Ok(true), Ok(false)));
        }
        assert!(switch("maybe").is_err());
    }

    pub(in crate::swaa) fn windows() -> impl Strategy<Value = WindowSpec> {
        prop_oneof![
            Just(WindowSpec::Full),
            (1..=u32::MAX).prop_map(WindowSpec::Tokens),
            (1_u32..=4096).prop_map(|k| WindowSpec::Tokens(k * 1024)),
            (1..=u32::MAX, 1..=u32::MAX).prop_map(|(divisor, at_least)| WindowSpec::Share { divisor, at_least }),
        ]
    }

    pub(in crate::swaa) fn layer_specs() -> impl Strategy<Value = LayerSpec> {
        let list = prop::collection::btree_set(0..LAYER_LIMIT, 1..40);
        prop_oneof![
            Just(LayerSpec::None),
            Just(LayerSpec::All),
            Just(LayerSpec::FirstHalf),
            (0..=LAYER_LIMIT).prop_map(LayerSpec::First),
            Just(LayerSpec::Odd),
            Just(LayerSpec::Even),
            (1..=LAYER_LIMIT, 0..=LAYER_LIMIT).prop_map(|(step, from)| LayerSpec::Every { step, from }),
            list.prop_map(|layers| LayerSpec::List(layers.into_iter().collect())),
            Just(LayerSpec::Model),
        ]
    }

    proptest! {
        #[test]
        fn a_window_reads_back_as_it_was_written(window in windows()) {
            prop_assert_eq!(window.to_string().parse(), Ok(window));
        }

        #[test]
        fn layers_read_back_as_they_were_written(layers in layer_specs()) {
            prop_assert_eq!(layers.to_string().parse(), Ok(layers));
        }

        #[test]
        fn no_text_makes_the_readers_panic(text in ".{0,40}") {
            let _ = (text.parse::<WindowSpec>(), text.parse::<LayerSpec>(), tokens(&text), stride(&text), switch(&text));
        }
    }

    fn adapter(file: &str, thousandths: i32) -> Adapter {
        Adapter { file: file.into(), scale: Scale::of(thousandths as f32 / 1000.0) }
    }

    #[test]
    fn a_scale_follows_the_last_colon() {
        let parsed = |text: &str| text.parse::<Adapter>().ok();
        assert_eq!(parsed("a.gguf"), Some(adapter("a.gguf", 1000)));
        assert_eq!(parsed("dir/a.gguf:0.5"), Some(adapter("dir/a.gguf", 500)));
        assert_eq!(parsed("a:b.gguf"), Some(adapter("a:b.gguf", 1000)), "no number, so it is the file's");
        assert_eq!(parsed("a.gguf:0"), Some(adapter("a.gguf", 0)));
        assert_eq!([parsed(""), parsed(":1"), parsed("a.gguf:99"), parsed("a.gguf:nan")], [None, None, None, None]);
    }

    #[test]
    fn presets_have_lists_that_are_shown_without_folders() {
        let two = adapters("x/a.gguf:0.25, b.gguf").expect("two");
        assert_eq!(two, [adapter("x/a.gguf", 250), adapter("b.gguf", 1000)]);
        assert_eq!(two.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a.gguf:0.25", "b.gguf"]);
        assert_eq!(adapters("none"), Ok(Vec::new()));
    }
}
