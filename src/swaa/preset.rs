//! Named recipes: the user's vocabulary.
//!
//! The picture: a row of keys, `1` the most faithful, and after it ever faster ones. Lunette brings nine (`assets/presets.toml`);
//! the user's `config.toml` changes fields of them and adds more, in the same form, field by field:
//!
//! ```toml
//! [presets.balanced]          # ours, with a smaller least window; its other fields stay
//! window = "max(2k, n/4)"
//! ```
//!
//! The reference's names (`sliding_window_size`, `keep_first`, `force_fa_decode`, `non_sliding_layers`) stand for ours everywhere.
//! `auto` has no recipe of its own: [`super::auto`] picks one of the others for each document.
//!
//! Does not know where configuration lies ([`crate::settings`] does) nor how a recipe is run.

use std::fmt;
use std::str::FromStr;

use super::written::{self, WrittenError};
use super::{LayerSpec, RecipeSpec, WindowSpec};
use crate::fields::{self, Field, FileError};

/// The preset that is chosen per document.
pub const AUTO: &str = "auto";
/// What a recipe is called that no preset names: one whose fields were given as flags.
pub const CUSTOM: &str = "custom";

const BUILT_IN: &str = include_str!("../../assets/presets.toml");

/// A recipe with a name and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preset {
    pub name: String,
    /// The key that switches to it in the screen, if any.
    pub key: Option<char>,
    /// One line: what it is, and what it is known to be worth.
    pub summary: String,
    /// What this preset does; `None` is `auto`, which is decided per document by [`super::auto`].
    pub recipe: Option<RecipeSpec>,
    /// Whether the model reasons first; `None` leaves that as the session has it.
    pub cot: Option<ChainOfThought>,
}

/// Whether the model reasons before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChainOfThought {
    /// As the model's own template has it.
    #[default]
    Native,
    /// A model that does not reason by itself is asked to, between the same tags.
    Prompted,
    Off,
}

impl FromStr for ChainOfThought {
    type Err = WrittenError;

    fn from_str(text: &str) -> Result<Self, WrittenError> {
        match text.trim().to_lowercase().as_str() {
            "native" => Ok(Self::Native),
            "prompted" => Ok(Self::Prompted),
            "off" | "false" => Ok(Self::Off),
            _ => Err(WrittenError {
                what: "cot",
                got: text.to_owned(),
                allowed: r#""native" (as the model does), "prompted" (asked to reason), or "off""#,
            }),
        }
    }
}

impl fmt::Display for ChainOfThought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Prompted => "prompted",
            Self::Off => "off",
        })
    }
}

/// Some fields of a recipe: those that a preset's table names, or the flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecipePatch {
    pub window: Option<WindowSpec>,
    pub sinks: Option<u32>,
    pub full_layers: Option<LayerSpec>,
    pub fa_decode: Option<bool>,
    pub dense_tail: Option<bool>,
}

impl RecipePatch {
    /// `base` with the fields named here.
    #[must_use]
    pub fn over(&self, base: &RecipeSpec) -> RecipeSpec {
        RecipeSpec {
            window: self.window.unwrap_or(base.window),
            sinks: self.sinks.unwrap_or(base.sinks),
            full_layers: self.full_layers.clone().unwrap_or_else(|| base.full_layers.clone()),
            fa_decode: self.fa_decode.unwrap_or(base.fa_decode),
            dense_tail: self.dense_tail.unwrap_or(base.dense_tail),
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes `text` for the field `name`, under our name or the reference's. False when there is no such field.
    fn set(&mut self, name: &str, text: &str) -> Result<bool, WrittenError> {
        match name {
            "window" | "sliding_window_size" => self.window = Some(text.parse()?),
            "sinks" | "keep_first" => self.sinks = Some(written::tokens(text)?),
            "full_layers" | "non_sliding_layers" => self.full_layers = Some(text.parse()?),
            "fa_decode" | "force_fa_decode" => self.fa_decode = Some(written::switch(text)?),
            "dense_tail" => self.dense_tail = Some(written::switch(text)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

const FIELDS: &str = "window, sinks, full_layers, fa_decode, dense_tail, cot, key, summary";

/// The presets that can be named, `auto` first, then in the order they were written in. Names and keys are unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presets(Vec<Preset>);

/// No preset has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown preset {name:?}")]
pub struct UnknownPreset {
    pub name: String,
    /// The names there are, comma-separated.
    pub known: String,
}

impl Presets {
    /// Lunette's own.
    #[must_use]
    pub fn built_in() -> Self {
        let auto = Preset {
            name: AUTO.to_owned(),
            key: Some('0'),
            summary: "full attention while that is cheap, else the fastest that is known to hold at this length"
                .to_owned(),
            recipe: None,
            cot: None,
        };
        let mut presets = Self(vec![auto]);
        let fields = fields::read("presets.toml", BUILT_IN).expect("a test reads the file that is built in");
        presets.extend("presets.toml", &in_preset_tables(&fields)).expect("a test reads the file that is built in");
        presets
    }

    /// The preset called `name`.
    pub fn get(&self, name: &str) -> Result<&Preset, UnknownPreset> {
        self.0.iter().find(|preset| preset.name == name).ok_or_else(|| UnknownPreset {
            name: name.to_owned(),
            known: self.0.iter().map(|preset| preset.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// The preset that `key` switches to.
    #[must_use]
    pub fn by_key(&self, key: char) -> Option<&Preset> {
        self.0.iter().find(|preset| preset.key == Some(key))
    }

    #[must_use]
    pub fn as_slice(&self) -> &[Preset] {
        &self.0
    }

    pub fn iter(&self) -> impl Iterator<Item = &Preset> {
        self.0.iter()
    }

    /// Takes the `[presets.NAME]` tables among `fields` of `file`: fields of presets there are, and new presets.
    pub fn extend(&mut self, file: &str, fields: &[&Field]) -> Result<(), FileError> {
        for fields in fields.chunk_by(|a, b| a.path[1] == b.path[1]) {
            self.extend_one(file, fields)?;
        }
        Ok(())
    }

    fn extend_one(&mut self, file: &str, fields: &[&Field]) -> Result<(), FileError> {
        let [first, ..] = fields else { return Ok(()) };
        let name = &first.path[1];
        if [AUTO, CUSTOM].contains(&name.as_str()) {
            return Err(first.refused(file, format!("{name:?} is Lunette's own and can't be changed"), "another name"));
        }
        let known = self.0.iter().position(|preset| preset.name == *name);
        let mut preset = known.map_or_else(|| Preset::named(name), |index| self.0[index].clone());
        preset.take(file, fields)?;
        if let Some(key) = preset.key {
            self.0.iter_mut().filter(|other| other.key == Some(key)).for_each(|other| other.key = None);
        }
        match known {
            Some(index) => self.0[index] = preset,
            None => self.0.push(preset),
        }
        Ok(())
    }
}

/// The fields that stand as `[presets.NAME] field`.
#[must_use]
pub fn in_preset_tables(fields: &[Field]) -> Vec<&Field> {
    fields.iter().filter(|field| field.path.len() == 3 && field.path[0] == "presets").collect()
}

impl Preset {
    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), key: None, summary: String::new(), recipe: None, cot: None }
    }

    /// Takes the fields of one `[presets.NAME]` table, and checks the whole.
    fn take(&mut self, file: &str, fields: &[&Field]) -> Result<(), FileError> {
        let mut patch = RecipePatch::default();
        for field in fields {
            self.take_one(&mut patch, field)
                .map_err(|error| field.refused(file, format!("can't be {:?}", error.got), error.allowed))?;
        }
        let [.., last] = fields else { return Ok(()) };
        let base = match (&self.recipe, patch.window) {
            (None, None) => return Err(last.refused(file, "a new preset needs a window", "window = \"4k\"")),
            (None, Some(_)) => RecipeSpec::SLIDING,
            (Some(recipe), _) => recipe.clone(),
        };
        let recipe = patch.over(&base);
        recipe.check().map_err(|error| last.refused(file, error.to_string(), error.hint()))?;
        let has_summary = fields.iter().any(|field| field.path[2] == "summary");
        if self.recipe.as_ref().is_some_and(|before| *before != recipe) && !has_summary {
            // What was measured was another recipe.
            "with your changes: nothing was measured".clone_into(&mut self.summary);
        }
        self.recipe = Some(recipe);
        Ok(())
    }

    fn take_one(&mut self, patch: &mut RecipePatch, field: &Field) -> Result<(), WrittenError> {
        let wrong = |allowed| WrittenError { what: "a preset's field", got: field.text.clone(), allowed };
        match field.path[2].as_str() {
            "summary" => self.summary.clone_from(&field.text),
            "cot" => self.cot = Some(field.text.parse()?),
            "key" => match field.text.chars().collect::<Vec<_>>()[..] {
                [key] if key.is_ascii_digit() => self.key = Some(key),
                _ => return Err(wrong("one digit")),
            },
            name => {
                if !patch.set(name, &field.text)? {
                    return Err(WrittenError { what: "a preset's field", got: name.to_owned(), allowed: FIELDS });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn extended(text: &str) -> Result<Presets, FileError> {
        let mut presets = Presets::built_in();
        presets.extend("config.toml", &in_preset_tables(&fields::read("config.toml", text)?))?;
        Ok(presets)
    }

    #[test]
    fn the_built_in_presets_are_those_of_the_design() {
        let sliding = RecipeSpec::SLIDING;
        let windowed = |window| RecipeSpec { window, ..sliding.clone() };
        let two_k = WindowSpec::Tokens(2048);
        let four_k = WindowSpec::Tokens(4096);
        let expected = [
            ('0', "auto", None),
            ('1', "full", Some(windowed(WindowSpec::Full))),
            ('2', "accurate", Some(RecipeSpec { full_layers: LayerSpec::FirstHalf, ..windowed(two_k) })),
            ('3', "balanced", Some(windowed(WindowSpec::Share { divisor: 4, at_least: 4096 }))),
            ('4', "quick", Some(windowed(four_k))),
            ('5', "fastest", Some(windowed(two_k))),
            ('6', "stream", Some(RecipeSpec { fa_decode: false, dense_tail: false, ..windowed(four_k) })),
            ('7', "paper", Some(RecipeSpec { full_layers: LayerSpec::Odd, dense_tail: false, ..windowed(two_k) })),
            ('8', "naive", Some(RecipeSpec { sinks: 0, fa_decode: false, dense_tail: false, ..windowed(two_k) })),
        ];
        let presets = Presets::built_in();
        let found: Vec<_> =
            presets.iter().map(|preset| (preset.key.unwrap(), preset.name.as_str(), preset.recipe.clone())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn no_summary_promises_what_was_not_measured() {
        for preset in Presets::built_in().iter() {
            assert!(!preset.summary.is_empty(), "{}", preset.name);
            assert!(!preset.summary.to_lowercase().contains("lossless"), "{}", preset.summary);
        }
    }

    #[test]
    fn a_field_of_a_preset_can_be_changed_and_the_others_stay() {
        let presets = extended("[presets.accurate]\nwindow = 8192\n").unwrap();
        let accurate = presets.get("accurate").unwrap();
        let expected =
            RecipeSpec { window: WindowSpec::Tokens(8192), full_layers: LayerSpec::FirstHalf, ..RecipeSpec::SLIDING };
        assert_eq!(accurate.recipe, Some(expected));
        assert_eq!(accurate.key, Some('2'));
    }

    #[test]
    fn a_preset_that_was_changed_does_not_say_what_was_measured_before() {
        let presets = extended("[presets.accurate]\nwindow = 8192\n[presets.quick]\nkey = 9\n").unwrap();
        assert_eq!(presets.get("accurate").unwrap().summary, "with your changes: nothing was measured");
        assert!(presets.get("quick").unwrap().summary.contains("recall 59"), "only its key was changed");
        let named = extended("[presets.accurate]\nwindow = 8192\nsummary = \"mine\"\n").unwrap();
        assert_eq!(named.get("accurate").unwrap().summary, "mine");
    }

    #[test]
    fn the_names_of_the_reference_are_understood() {
        let text = "[presets.reference]\nsliding_window_size = 2048\nkeep_first = 10\nforce_fa_decode = false\n\
                    non_sliding_layers = [1, 3, 5]\ncot = \"prompted\"\n";
        let presets = extended(text).unwrap();
        let reference = presets.get("reference").unwrap();
        let expected = RecipeSpec {
            window: WindowSpec::Tokens(2048),
            sinks: 10,
            full_layers: LayerSpec::List(vec![1, 3, 5]),
            fa_decode: false,
            dense_tail: true,
        };
        assert_eq!((reference.recipe.clone(), reference.cot), (Some(expected), Some(ChainOfThought::Prompted)));
    }

    #[test]
    fn a_key_that_is_taken_moves_to_the_new_preset() {
        let presets = extended("[presets.mine]\nwindow = \"8k\"\nkey = 4\n").unwrap();
        assert_eq!(presets.by_key('4').map(|preset| preset.name.as_str()), Some("mine"));
        assert_eq!(presets.get("quick").unwrap().key, None);
    }

    #[test]
    fn a_wrong_value_names_file_line_field_and_what_is_allowed() {
        let cases = [
            ("\n[presets.quick]\nwindow = 0\n", 3, "presets.quick.window", "can't be \"0\"", "\"full\""),
            ("[presets.quick]\nsinks = -1\n", 2, "presets.quick.sinks", "can't be \"-1\"", "whole number"),
            ("[presets.quick]\nwidow = 3\n", 2, "presets.quick.widow", "can't be \"widow\"", "window, sinks"),
            (
                "[presets.quick]\nfa_decode = [1, 2]\n",
                2,
                "presets.quick.fa_decode",
                "can't be \"1,2\"",
                "true or false",
            ),
            ("[presets.quick]\nkey = \"ab\"\n", 2, "presets.quick.key", "can't be \"ab\"", "one digit"),
            ("[presets.mine]\nsinks = 3\n", 2, "presets.mine.sinks", "a new preset needs a window", "window ="),
            ("[presets.auto]\nwindow = 3\n", 2, "presets.auto.window", "is Lunette's own", "another name"),
            (
                "[presets.quick]\nsinks = 5000\n",
                2,
                "presets.quick.sinks",
                "sinks 5000 are more than the window 4k",
                "sinks",
            ),
        ];
        for (text, line, field, problem, allowed) in cases {
            let error = extended(text).expect_err(text);
            assert_eq!((error.file.as_str(), error.line, error.field.as_str()), ("config.toml", line, field));
            assert!(error.problem.contains(problem), "{}", error.problem);
            assert!(error.allowed.contains(allowed), "{}", error.allowed);
        }
    }

    #[test]
    fn an_unknown_name_lists_the_names_there_are() {
        let error = Presets::built_in().get("speedy").unwrap_err();
        assert_eq!(error.to_string(), "unknown preset \"speedy\"");
        assert_eq!(error.known, "auto, full, accurate, balanced, quick, fastest, stream, paper, naive");
    }

    /// `preset` as a table of a file.
    fn as_toml(preset: &Preset) -> String {
        let recipe = preset.recipe.as_ref().unwrap();
        let cot = preset.cot.map_or(String::new(), |cot| format!("cot = \"{cot}\"\n"));
        format!(
            "[presets.{}]\nwindow = \"{}\"\nsinks = {}\nfull_layers = \"{}\"\nfa_decode = {}\ndense_tail = {}\n{cot}",
            preset.name, recipe.window, recipe.sinks, recipe.full_layers, recipe.fa_decode, recipe.dense_tail
        )
    }

    prop_compose! {
        fn presets()(
            window in written::tests::windows(),
            full_layers in written::tests::layer_specs(),
            sinks in 0_u32..10_000,
            fa_decode: bool,
            dense_tail: bool,
            cot in prop::option::of(prop_oneof![
                Just(ChainOfThought::Native), Just(ChainOfThought::Prompted), Just(ChainOfThought::Off)
            ]),
        ) -> Preset {
            let mut recipe = RecipeSpec { window, sinks, full_layers, fa_decode, dense_tail };
            if recipe.check().is_err() {
                recipe.sinks = 0;
            }
            Preset { recipe: Some(recipe), cot, ..Preset::named("mine") }
        }
    }

    proptest! {
        #[test]
        fn a_preset_reads_back_as_it_was_written(preset in presets()) {
            let read = extended(&as_toml(&preset)).unwrap();
            prop_assert_eq!(read.get("mine"), Ok(&preset));
        }
    }
}
