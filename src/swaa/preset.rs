//! Presets: recipes with a name and a key.
//!
//! Key `1` is the most faithful preset; the next ones are faster and faster. Eight are built in (`assets/presets.toml`), and `auto`.
//! The user's `config.toml` changes single fields of these and adds presets, in the same form:
//!
//! ```toml
//! [presets.balanced]          # the built-in preset with a wider window; its other fields stay
//! window = "max(2k, n/8)"
//! ```
//!
//! The reference's names (`sliding_window_size`, `keep_first`, `force_fa_decode`, `non_sliding_layers`) are accepted
//! everywhere. `auto` has no recipe of its own: [`super::auto`] picks one of the others for each document.
//!
//! Does not read the configuration file (`settings` does) or run a recipe (the engine does).

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::adapters::Adapter;
use super::layers::LayerSpec;
use super::recipe::{RecipeSpec, WindowSpec};
use super::written::{self, WrittenError};
use crate::failure::Hint;

/// The preset that is chosen per document.
pub const AUTO: &str = "auto";
/// The name of a recipe whose fields were given as flags.
pub const CUSTOM: &str = "custom";

const BUILT_IN: &str = include_str!("../../assets/presets.toml");

/// A recipe with a name, a key and a summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preset {
    pub name: String,
    /// The key that selects it on the screen, if any.
    pub key: Option<char>,
    /// One line: what it does, and its measured recall or speed.
    pub summary: String,
    /// The recipe; `None` for `auto`, where [`super::auto`] chooses one for each document.
    pub recipe: Option<RecipeSpec>,
    /// Whether the model reasons first; `None` keeps the session's setting.
    pub cot: Option<ChainOfThought>,
    /// Whether its table says which adapters it has; if not, it has those that are given to all ([`Presets::with_adapters`]).
    pub has_own_adapters: bool,
}

/// Whether the model reasons before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainOfThought {
    /// As the model's chat template does by itself: some reason only when asked to.
    #[default]
    Auto,
    /// The template is asked to let the model reason, if it can.
    Native,
    /// The prompt asks a model that does not reason by itself for its thoughts, and then for the answer.
    Prompted,
    Off,
}

impl ChainOfThought {
    /// What a reasoning budget decides, whatever was asked for: with one of 0 there is no reasoning, and the template is told so.
    #[must_use]
    pub fn by_budget(reasoning_tokens: Option<u32>) -> Option<Self> {
        (reasoning_tokens == Some(0)).then_some(Self::Off)
    }
}

impl FromStr for ChainOfThought {
    type Err = WrittenError;

    fn from_str(text: &str) -> Result<Self, WrittenError> {
        match text.trim().to_lowercase().as_str() {
            "auto" => Ok(Self::Auto),
            "native" => Ok(Self::Native),
            "prompted" => Ok(Self::Prompted),
            "off" | "false" => Ok(Self::Off),
            _ => Err(WrittenError {
                what: "cot",
                got: text.to_owned(),
                allowed: r#""auto" (as the model's template does), "native" (the template is asked to), "prompted" (by the question), or "off""#,
            }),
        }
    }
}

impl fmt::Display for ChainOfThought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Native => "native",
            Self::Prompted => "prompted",
            Self::Off => "off",
        })
    }
}

/// Some fields of a recipe: those set in a preset's table or by flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecipePatch {
    pub window: Option<WindowSpec>,
    pub sinks: Option<u32>,
    pub far: Option<u32>,
    pub full_layers: Option<LayerSpec>,
    pub fa_decode: Option<bool>,
    pub dense_tail: Option<bool>,
    pub adapters: Option<Vec<Adapter>>,
}

impl RecipePatch {
    /// Returns `base` with the fields that are set here.
    #[must_use]
    pub fn over(&self, base: &RecipeSpec) -> RecipeSpec {
        RecipeSpec {
            window: self.window.unwrap_or(base.window),
            sinks: self.sinks.unwrap_or(base.sinks),
            far: self.far.unwrap_or(base.far),
            full_layers: self.full_layers.clone().unwrap_or_else(|| base.full_layers.clone()),
            fa_decode: self.fa_decode.unwrap_or(base.fa_decode),
            dense_tail: self.dense_tail.unwrap_or(base.dense_tail),
            adapters: self.adapters.clone().unwrap_or_else(|| base.adapters.clone()),
        }
    }

    /// Parses `text` into the field `name`, which may be our name or the reference's. False if the field is unknown.
    pub fn set(&mut self, name: &str, text: &str) -> Result<bool, WrittenError> {
        match name {
            "window" | "sliding_window_size" => self.window = Some(text.parse()?),
            "sinks" | "keep_first" => self.sinks = Some(written::tokens(text)?),
            "far" => self.far = Some(written::stride(text)?),
            "full_layers" | "non_sliding_layers" => self.full_layers = Some(text.parse()?),
            "fa_decode" | "force_fa_decode" => self.fa_decode = Some(written::switch(text)?),
            "dense_tail" => self.dense_tail = Some(written::switch(text)?),
            "lora" => self.adapters = Some(written::adapters(text)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

const FIELDS: &str = "window, sinks, far, full_layers, fa_decode, dense_tail, lora, cot, key, summary";

/// All known presets: `auto` first, the others in the order in which they are defined. Names and keys are unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presets(Vec<Preset>);

/// The error for a name that no preset has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown preset {name:?}")]
pub struct UnknownPreset {
    pub name: String,
    /// All known names, comma-separated.
    pub known: String,
}

impl Presets {
    /// The built-in presets, ordered by key.
    #[must_use]
    pub fn built_in() -> Self {
        let auto = Preset {
            name: AUTO.to_owned(),
            key: Some('0'),
            summary: "full attention if that is cheap, else the fastest preset known to answer as well at this length"
                .to_owned(),
            recipe: None,
            cot: None,
            has_own_adapters: false,
        };
        let mut presets = Self(vec![auto]);
        for (name, fields) in built_in_tables() {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
            presets.change(&name, &fields).expect("a test parses the built-in file");
        }
        presets.0.sort_by_key(|preset| preset.key);
        presets
    }

    /// The preset called `name`.
    pub fn get(&self, name: &str) -> Result<&Preset, UnknownPreset> {
        self.0.iter().find(|preset| preset.name == name).ok_or_else(|| UnknownPreset {
            name: name.to_owned(),
            known: self.0.iter().map(|preset| preset.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// The preset that `key` selects.
    #[must_use]
    pub fn by_key(&self, key: char) -> Option<&Preset> {
        self.0.iter().find(|preset| preset.key == Some(key))
    }

    /// The same, with `adapters` under every preset whose table doesn't say which it has.
    #[must_use]
    pub fn with_adapters(mut self, adapters: &[Adapter]) -> Self {
        for preset in self.0.iter_mut().filter(|preset| !preset.has_own_adapters) {
            if let Some(recipe) = &mut preset.recipe {
                recipe.adapters = adapters.to_vec();
            }
        }
        self
    }

    /// Those that were given to all.
    #[must_use]
    pub fn adapters_of_all(&self) -> Vec<Adapter> {
        let mut recipes =
            self.0.iter().filter(|preset| !preset.has_own_adapters).filter_map(|preset| preset.recipe.as_ref());
        recipes.next().map_or_else(Vec::new, |recipe| recipe.adapters.clone())
    }

    /// The files of all adapters, each once.
    #[must_use]
    pub fn adapter_files(&self) -> Vec<PathBuf> {
        let recipes = self.0.iter().filter_map(|preset| preset.recipe.as_ref());
        let mut files: Vec<PathBuf> =
            recipes.flat_map(|recipe| &recipe.adapters).map(|adapter| adapter.file.clone()).collect();
        files.sort();
        files.dedup();
        files
    }

    #[must_use]
    pub fn as_slice(&self) -> &[Preset] {
        &self.0
    }

    pub fn iter(&self) -> impl Iterator<Item = &Preset> {
        self.0.iter()
    }

    /// Sets `fields` (names and written values) of the preset `name`, and adds the preset if it is new. A key that
    /// another preset has moves to this one.
    ///
    /// Errors: the first field that is not accepted; nothing has changed then.
    pub fn change(&mut self, name: &str, fields: &[(&str, &str)]) -> Result<(), Refused> {
        if [AUTO, CUSTOM].contains(&name) {
            return Err(Refused::new(0, format!("{name:?} is built in and cannot be changed"), "another name"));
        }
        let known = self.0.iter().position(|preset| preset.name == name);
        let mut preset = known.map_or_else(|| Preset::named(name), |index| self.0[index].clone());
        preset.take(fields)?;
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

/// Why a preset's fields are not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Index of the refused field.
    pub field: usize,
    pub problem: String,
    /// What is allowed instead.
    pub allowed: String,
}

impl Refused {
    fn new(field: usize, problem: impl Into<String>, allowed: &str) -> Self {
        Self { field, problem: problem.into(), allowed: allowed.to_owned() }
    }
}

/// The presets in the built-in file, each with its fields as they would be written on a flag.
fn built_in_tables() -> Vec<(String, Vec<(String, String)>)> {
    let file: toml::Table = BUILT_IN.parse().expect("a test parses the built-in file");
    let tables = file["presets"].as_table().expect("a test parses the built-in file");
    let fields = |table: &toml::Value| {
        let fields = table.as_table().into_iter().flatten();
        fields
            .map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect()
    };
    tables.iter().map(|(name, table)| (name.clone(), fields(table))).collect()
}

impl Preset {
    fn named(name: &str) -> Self {
        let (summary, has_own_adapters) = (String::new(), false);
        Self { name: name.to_owned(), key: None, summary, recipe: None, cot: None, has_own_adapters }
    }

    /// Sets `fields`, and checks the result as a whole.
    fn take(&mut self, fields: &[(&str, &str)]) -> Result<(), Refused> {
        let mut patch = RecipePatch::default();
        for (index, (name, text)) in fields.iter().enumerate() {
            self.take_one(&mut patch, name, text).map_err(|error| {
                Refused::new(index, format!("invalid {} {:?}", error.what, error.got), error.allowed)
            })?;
        }
        let Some(last) = fields.len().checked_sub(1) else { return Ok(()) };
        let base = match (&self.recipe, patch.window) {
            (None, None) => return Err(Refused::new(last, "a new preset needs a window", "window = \"4k\"")),
            (None, Some(_)) => RecipeSpec::SLIDING,
            (Some(recipe), _) => recipe.clone(),
        };
        self.has_own_adapters |= patch.adapters.is_some();
        let recipe = patch.over(&base);
        recipe.check().map_err(|error| Refused::new(last, error.to_string(), &error.hint().unwrap_or_default()))?;
        let has_summary = fields.iter().any(|(name, _)| *name == "summary");
        if self.recipe.as_ref().is_some_and(|before| *before != recipe) && !has_summary {
            // The figures in the summary are of the unchanged recipe.
            "with your changes: not measured".clone_into(&mut self.summary);
        }
        self.recipe = Some(recipe);
        Ok(())
    }

    fn take_one(&mut self, patch: &mut RecipePatch, name: &str, text: &str) -> Result<(), WrittenError> {
        let wrong = |got: &str, allowed| WrittenError { what: "preset key", got: got.to_owned(), allowed };
        match name {
            "summary" => text.clone_into(&mut self.summary),
            "cot" => self.cot = Some(text.parse()?),
            "key" => match text.chars().collect::<Vec<_>>()[..] {
                [key] if key.is_ascii_digit() => self.key = Some(key),
                _ => return Err(wrong(text, "one digit")),
            },
            name => {
                if !patch.set(name, text)? {
                    return Err(wrong(name, FIELDS));
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

    fn changed(name: &str, fields: &[(&str, &str)]) -> Result<Presets, Refused> {
        let mut presets = Presets::built_in();
        presets.change(name, fields)?;
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
            ('3', "balanced", Some(RecipeSpec { far: 16, ..windowed(two_k) })),
            ('4', "quick", Some(windowed(four_k))),
            ('5', "fastest", Some(RecipeSpec { far: 64, ..windowed(WindowSpec::Tokens(1024)) })),
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
            let measured = ["1,178", "225"].map(|count| format!("(Qwen2.5-Coder-1.5B-Instruct, {count} questions)"));
            let has_figure = ["recall", "below full", "above full"].iter().any(|word| preset.summary.contains(word));
            assert!(
                !has_figure || measured.iter().any(|measured| preset.summary.contains(measured)),
                "no figure without its model and questions: {}",
                preset.summary
            );
        }
    }

    #[test]
    fn a_field_of_a_preset_can_be_changed_and_the_others_stay() {
        let presets = changed("accurate", &[("window", "8192")]).unwrap();
        let accurate = presets.get("accurate").unwrap();
        let expected =
            RecipeSpec { window: WindowSpec::Tokens(8192), full_layers: LayerSpec::FirstHalf, ..RecipeSpec::SLIDING };
        assert_eq!(accurate.recipe, Some(expected));
        assert_eq!(accurate.key, Some('2'));
    }

    #[test]
    fn a_preset_that_was_changed_does_not_say_what_was_measured_before() {
        let presets = changed("accurate", &[("window", "8192")]).unwrap();
        assert_eq!(presets.get("accurate").unwrap().summary, "with your changes: not measured");
        let presets = changed("quick", &[("key", "9")]).unwrap();
        assert_eq!(presets.get("quick").unwrap().summary, Presets::built_in().get("quick").unwrap().summary);
        let named = changed("accurate", &[("window", "8192"), ("summary", "mine")]).unwrap();
        assert_eq!(named.get("accurate").unwrap().summary, "mine");
    }

    #[test]
    fn the_names_of_the_reference_are_understood() {
        let fields = [
            ("sliding_window_size", "2048"),
            ("keep_first", "10"),
            ("force_fa_decode", "false"),
            ("non_sliding_layers", "1,3,5"),
            ("cot", "prompted"),
        ];
        let presets = changed("reference", &fields).unwrap();
        let reference = presets.get("reference").unwrap();
        let expected = RecipeSpec {
            window: WindowSpec::Tokens(2048),
            sinks: 10,
            far: 0,
            full_layers: LayerSpec::List(vec![1, 3, 5]),
            fa_decode: false,
            dense_tail: true,
            adapters: Vec::new(),
        };
        assert_eq!((reference.recipe.clone(), reference.cot), (Some(expected), Some(ChainOfThought::Prompted)));
    }

    #[test]
    fn a_key_that_is_taken_moves_to_the_new_preset() {
        let presets = changed("mine", &[("window", "8k"), ("key", "4")]).unwrap();
        assert_eq!(presets.by_key('4').map(|preset| preset.name.as_str()), Some("mine"));
        assert_eq!(presets.get("quick").unwrap().key, None);
    }

    #[test]
    fn a_wrong_value_is_refused_with_its_field_and_what_is_allowed() {
        /// The preset, its fields, which of them is refused, and why.
        type Case = (&'static str, &'static [(&'static str, &'static str)], usize, &'static str, &'static str);
        let cases: [Case; 9] = [
            ("quick", &[("window", "0")], 0, "invalid window \"0\"", "\"full\""),
            ("quick", &[("sinks", "-1")], 0, "invalid token count \"-1\"", "whole number"),
            ("quick", &[("sinks", "3"), ("widow", "3")], 1, "invalid preset key \"widow\"", "window, sinks"),
            ("quick", &[("far", "1/16")], 0, "invalid far stride \"1/16\"", "one key in 16"),
            ("quick", &[("fa_decode", "1,2")], 0, "invalid switch value \"1,2\"", "true or false"),
            ("quick", &[("key", "ab")], 0, "invalid preset key \"ab\"", "one digit"),
            ("mine", &[("sinks", "3")], 0, "a new preset needs a window", "window ="),
            ("auto", &[("window", "3")], 0, "is built in", "another name"),
            ("quick", &[("key", "9"), ("sinks", "5000")], 1, "sinks 5000 exceed the window 4k", "sinks"),
        ];
        for (name, fields, field, problem, allowed) in cases {
            let refused = changed(name, fields).expect_err(problem);
            assert_eq!(refused.field, field, "{refused:?}");
            assert!(refused.problem.contains(problem) && refused.allowed.contains(allowed), "{refused:?}");
        }
    }

    #[test]
    fn an_unknown_name_lists_the_names_there_are() {
        let error = Presets::built_in().get("speedy").unwrap_err();
        assert_eq!(error.to_string(), "unknown preset \"speedy\"");
        assert_eq!(error.known, "auto, full, accurate, balanced, quick, fastest, stream, paper, naive");
    }

    /// The fields of `preset` in written form.
    fn written_fields(preset: &Preset) -> Vec<(&'static str, String)> {
        let recipe = preset.recipe.as_ref().unwrap();
        let cot = preset.cot.map(|cot| ("cot", cot.to_string()));
        let fields = [
            ("window", recipe.window.to_string()),
            ("sinks", recipe.sinks.to_string()),
            ("far", recipe.far.to_string()),
            ("full_layers", recipe.full_layers.to_string()),
            ("fa_decode", recipe.fa_decode.to_string()),
            ("dense_tail", recipe.dense_tail.to_string()),
        ];
        fields.into_iter().chain(cot).collect()
    }

    prop_compose! {
        fn presets()(
            window in written::tests::windows(),
            full_layers in written::tests::layer_specs(),
            sinks in 0_u32..10_000,
            far in 0_u32..10_000,
            fa_decode: bool,
            dense_tail: bool,
            cot in prop::option::of(prop_oneof![
                Just(ChainOfThought::Auto), Just(ChainOfThought::Native), Just(ChainOfThought::Prompted), Just(ChainOfThought::Off)
            ]),
        ) -> Preset {
            let mut recipe = RecipeSpec { window, sinks, far, full_layers, fa_decode, dense_tail, adapters: Vec::new() };
            if recipe.check().is_err() {
                recipe.sinks = 0;
            }
            Preset { recipe: Some(recipe), cot, ..Preset::named("mine") }
        }
    }

    proptest! {
        #[test]
        fn a_preset_reads_back_as_it_was_written(preset in presets()) {
            let fields = written_fields(&preset);
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, text)| (*name, text.as_str())).collect();
            let read = changed("mine", &fields).unwrap();
            prop_assert_eq!(read.get("mine"), Ok(&preset));
        }
    }
}
