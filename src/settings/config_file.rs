//! Adds a preset to the user's `config.toml`, and leaves everything else in it as it is: comments, order, and how tables are written.
//!
//! ```toml
//! preset = "quick"   # mine            preset = "quick"   # mine
//!                               ──>
//!                                      [presets.mine]
//!                                      window = "8k"
//!                                      …
//! ```
//!
//! Where the file has `presets = { … }`, the preset goes between those braces. The result is read by the program's own reader before
//! anything is written, so that a saved preset never leaves a file that no command accepts. The file is locked meanwhile: two windows that
//! save at once both do ([`mod@crate::store::file`]).
//!
//! Refused are a name that the file has, and a file that can't be read as it is: only its owner knows what it should say.

use std::io;
use std::path::Path;

use toml_edit::{DocumentMut, InlineTable, Item, Table, Value};

use super::config::Config;
use crate::failure::Hint;
use crate::store::file::update;
use crate::swaa::Adapter;
use crate::swaa::{Preset, Presets};
use crate::toml_fields::FileError;

/// Why a preset was not saved to a file, which is as it was.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error("a preset called {name} is there already")]
    Taken { name: String },
    #[error("it is not UTF-8 text")]
    NotText,
    /// It can't be used as it is, or can't with the preset in it.
    #[error(transparent)]
    Unusable(#[from] FileError),
    #[error(transparent)]
    Disk(#[from] io::Error),
}

impl Hint for SaveError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Taken { .. } => Some("save it again: it gets the next name".to_owned()),
            Self::NotText | Self::Unusable(_) => Some("correct the file first".to_owned()),
            Self::Disk(_) => None,
        }
    }
}

/// Adds `preset` to the file at `path`, which is made where there is none. Its key stays away if it belongs to another preset by now.
pub fn add_preset(path: &Path, preset: &Preset) -> Result<(), SaveError> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    update(path, |bytes| with_preset(&name, str::from_utf8(bytes).map_err(|_| SaveError::NotText)?, preset))
}

/// `text` with the preset in it. `file` is for errors only.
fn with_preset(file: &str, text: &str, preset: &Preset) -> Result<String, SaveError> {
    let mut presets = Presets::built_in();
    Config::read(file, text, &mut presets)?;
    let key = preset.key.filter(|key| presets.by_key(*key).is_none());
    let preset = Preset { key, ..preset.clone() };
    let mut document = parsed(file, text)?;
    if document.get("presets").is_some_and(|presets| presets.get(&preset.name).is_some()) {
        return Err(SaveError::Taken { name: preset.name });
    }
    insert(&mut document, &preset);
    let text = document.to_string();
    Config::read(file, &text, &mut Presets::built_in())?;
    Ok(text)
}

fn parsed(file: &str, text: &str) -> Result<DocumentMut, FileError> {
    text.parse().map_err(|error: toml_edit::TomlError| FileError {
        file: file.to_owned(),
        line: 1 + text[..error.span().map_or(0, |span| span.start.min(text.len()))].matches('\n').count(),
        field: "TOML".to_owned(),
        problem: error.message().to_lowercase(),
        allowed: String::new(),
    })
}

/// Puts the preset behind what there is, in the form that the file has its presets in.
fn insert(document: &mut DocumentMut, preset: &Preset) {
    let entries = entries(preset);
    if let Some(Item::Value(Value::InlineTable(presets))) = document.get_mut("presets") {
        // The blank before the closing brace would stand before the comma.
        if let Some((_, last)) = presets.iter_mut().last()
            && last.decor().suffix().and_then(|suffix| suffix.as_str()) == Some(" ")
        {
            last.decor_mut().set_suffix("");
        }
        presets.insert(&preset.name, Value::InlineTable(entries.into_iter().collect::<InlineTable>()));
        return;
    }
    let mut table: Table = entries.into_iter().collect();
    table.set_position(Some(isize::MAX));
    // What stands behind the last value, comments above all, stays before the new table.
    let before = document.trailing().as_str().unwrap_or_default().to_owned();
    let gap = if document.is_empty() && before.is_empty() { "" } else { "\n" };
    table.decor_mut().set_prefix(before + gap);
    document.set_trailing("");
    let presets = document.entry("presets").or_insert_with(|| {
        let mut presets = Table::new();
        presets.set_implicit(true);
        Item::Table(presets)
    });
    presets[&preset.name] = Item::Table(table);
}

/// The preset's fields by their names in the file.
fn entries(preset: &Preset) -> Vec<(&'static str, Value)> {
    let mut entries = Vec::new();
    entries.extend(preset.key.map(|key| ("key", key.to_string().into())));
    entries.push(("summary", preset.summary.clone().into()));
    if let Some(recipe) = &preset.recipe {
        entries.extend([
            ("window", recipe.window.to_string().into()),
            ("sinks", i64::from(recipe.sinks).into()),
            ("far", i64::from(recipe.far).into()),
            ("full_layers", recipe.full_layers.to_string().into()),
            ("fa_decode", recipe.fa_decode.into()),
            ("dense_tail", recipe.dense_tail.into()),
        ]);
        if preset.has_own_adapters {
            let written = recipe.adapters.iter().map(Adapter::written).collect::<Vec<_>>();
            let written = if written.is_empty() { "none".to_owned() } else { written.join(", ") };
            entries.push(("lora", written.into()));
        }
    }
    entries.extend(preset.cot.map(|cot| ("cot", cot.to_string().into())));
    entries
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;
    use std::sync::Barrier;
    use std::thread;

    use super::*;
    use crate::swaa::{LayerSpec, RecipeSpec, WindowSpec};

    fn preset(name: &str) -> Preset {
        let window = WindowSpec::Share { divisor: 8, at_least: 4096 };
        let full_layers = LayerSpec::Every { step: 4, from: 1 };
        let recipe = RecipeSpec { window, full_layers, dense_tail: false, ..RecipeSpec::SLIDING };
        Preset {
            name: name.into(),
            key: None,
            summary: recipe.to_string(),
            recipe: Some(recipe),
            cot: None,
            has_own_adapters: false,
        }
    }

    /// The file after `preset` was added to `text`, which must be accepted with the preset in it.
    fn added(text: &str, preset: &Preset) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.toml");
        fs::write(&path, text).expect("written");
        add_preset(&path, preset).unwrap_or_else(|error| panic!("{error} in\n{text}"));
        let text = fs::read_to_string(&path).expect("text");
        let mut presets = Presets::built_in();
        Config::read("config.toml", &text, &mut presets).unwrap_or_else(|error| panic!("{error} in\n{text}"));
        assert_eq!(presets.get(&preset.name), Ok(preset), "{text}");
        text
    }

    /// Why `preset` is not added to `text`, which must stay.
    fn refused(text: &[u8], preset: &Preset) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.toml");
        fs::write(&path, text).expect("written");
        let error = add_preset(&path, preset).expect_err("refused");
        assert_eq!(fs::read(&path).expect("bytes"), text);
        error.to_string()
    }

    const MINE: &str = "[presets.mine]\nsummary = \"window max(4k, n/8), 100 sinks, full layers every 4 from 1\"\nwindow = \"max(4k, n/8)\"\n\
                        sinks = 100\nfar = 0\nfull_layers = \"every 4 from 1\"\nfa_decode = true\ndense_tail = false\n";

    fn mine() -> Preset {
        Preset { summary: "window max(4k, n/8), 100 sinks, full layers every 4 from 1".into(), ..preset("mine") }
    }

    #[test]
    fn a_preset_goes_behind_what_there_is_and_nothing_else_changes() {
        let cases = [
            "",
            "model = \"m\" # small\n",
            "# all mine\n\n[sampling]\ntemp = 0.5\n# the end\n",
            "[presets.other] # first\nwindow = 2048\n\n[keys]\ncontents = [\"t\",   \"ctrl-e\"]\n",
            "presets.other.window = \"8k\" # dotted\n",
            "[presets]\nother.window = \"8k\"\n",
            "[presets]\nother = { window = \"8k\" }\n[sampling]\ntemp = 1\n",
        ];
        for text in cases {
            let gap = if text.is_empty() { "" } else { "\n" };
            assert_eq!(added(text, &mine()), format!("{text}{gap}{MINE}"));
        }
    }

    #[test]
    fn a_file_without_a_last_newline_gets_one() {
        assert_eq!(added("model = \"m\"", &mine()), format!("model = \"m\"\n\n{MINE}"));
    }

    #[test]
    fn a_preset_says_which_adapters_it_has_or_that_it_has_none_only_if_they_are_its_own() {
        assert!(!added("", &mine()).contains("lora"));
        let none = Preset { has_own_adapters: true, ..mine() };
        assert!(added("", &none).contains("lora = \"none\""));
        let mut some = none;
        some.recipe.as_mut().expect("a recipe").adapters = vec!["/a/window.gguf:0.5".parse().expect("an adapter")];
        assert!(added("", &some).contains("lora = \"/a/window.gguf:0.5\""));
    }

    #[test]
    fn presets_between_braces_stay_there() {
        let text = added("presets = { other = { window = \"8k\" } } # short\nmouse = false\n", &mine());
        assert!(text.starts_with("presets = { other = { window = \"8k\" }, mine = { "), "{text}");
        assert!(text.ends_with("} } # short\nmouse = false\n"), "{text}");
        added("presets = {}\n", &mine());
    }

    #[test]
    fn any_summary_and_name_is_read_as_it_was_saved() {
        for summary in ["it's \"mine\"", "two\nlines\r\n", "\u{1b}[31m\0\u{7f}\u{9b}\u{202e}", "'''\"\"\"\\u0041\\", ""]
        {
            added("", &Preset { summary: summary.into(), ..preset("a.b c\n\"") });
        }
    }

    #[test]
    fn a_key_that_another_preset_has_by_now_is_left_out() {
        let with_key = Preset { key: Some('9'), ..mine() };
        assert!(added("", &with_key).contains("key = \"9\""));
        added("[presets.other]\nkey = 9\nwindow = 2048\n", &mine());
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.toml");
        fs::write(&path, "[presets.other]\nkey = 9\nwindow = 2048\n").expect("written");
        add_preset(&path, &with_key).expect("added");
        assert!(fs::read_to_string(&path).expect("text").ends_with(MINE));
    }

    #[test]
    fn a_name_that_is_there_is_refused_in_every_form() {
        let cases = [
            "[presets.mine]\nwindow = 2048\n",
            "presets.mine.window = 2048\n",
            "presets = { mine = { window = 2048 } }\n",
            "[presets]\nmine = { window = 2048 }\n",
        ];
        for text in cases {
            assert_eq!(refused(text.as_bytes(), &mine()), "a preset called mine is there already");
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_is_refused_and_left_alone() {
        let cases: [(&[u8], &str); 4] = [
            (b"model = = 1\n", "config.toml, line 1, TOML: "),
            (b"\nmodle = 1\n", "config.toml, line 2, modle: unknown key"),
            (b"presets = 3\n", "config.toml, line 1, presets: unknown key"),
            (b"model = \"\xff\"\n", "it is not UTF-8 text"),
        ];
        for (text, expected) in cases {
            let error = refused(text, &mine());
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_name_that_is_lunettes_own_is_refused() {
        let error = refused(b"", &preset("auto"));
        assert!(error.contains("\"auto\" is built in"), "{error}");
    }

    #[test]
    fn of_presets_that_are_saved_at_once_none_is_lost() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/config.toml");
        let names: Vec<String> = (0..8).map(|number| format!("mine-{number}")).collect();
        let barrier = Barrier::new(names.len());
        thread::scope(|scope| {
            for name in &names {
                scope.spawn(|| {
                    barrier.wait();
                    add_preset(&path, &preset(name)).expect("added");
                });
            }
        });
        let mut presets = Presets::built_in();
        let text = fs::read_to_string(&path).expect("text");
        Config::read("config.toml", &text, &mut presets).expect("accepted");
        assert!(names.iter().all(|name| presets.get(name) == Ok(&preset(name))), "{text}");
    }

    const CONFIG: &str = "LUNETTE_TEST_CONFIG";

    /// The program of the next test, and nothing without it: it saves where no file may have a byte.
    #[test]
    fn a_process_with_a_full_disk() {
        let Some(path) = std::env::var_os(CONFIG) else { return };
        let error = add_preset(Path::new(&path), &mine()).expect_err("nothing can be written");
        assert!(matches!(error, SaveError::Disk(_)), "{error}");
    }

    #[test]
    fn a_full_disk_leaves_the_old_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.toml");
        fs::write(&path, "model = \"m\"\n").expect("written");
        let this = std::env::current_exe().expect("the system knows what it runs");
        // Without the signal a write past the limit is an error, as on a full disk.
        let script =
            "trap '' XFSZ; ulimit -f 0; exec \"$0\" --exact settings::config_file::tests::a_process_with_a_full_disk";
        let child = Command::new("sh").args(["-c", script]).arg(this).env(CONFIG, &path).output().expect("it runs");
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && said.contains("1 passed"), "{said}");
        assert_eq!(fs::read_to_string(&path).expect("text"), "model = \"m\"\n");
        assert_eq!(folder.path().read_dir().expect("a folder").count(), 1, "nothing lies around");
    }
}
