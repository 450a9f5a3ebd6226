//! Applies the `[presets.NAME]` tables of the user's file to the presets, field by field.
//!
//! What a field means is up to [`Presets::change`].

use crate::swaa::Presets;
use crate::toml_fields::{Field, FileError};

/// Applies the preset tables among `fields` to `presets`. `file` is used in errors only.
///
/// Errors: the first field that is not accepted, with its line.
pub fn extend(presets: &mut Presets, file: &str, fields: &[Field]) -> Result<(), FileError> {
    let is_of_a_preset = |field: &&Field| field.path.len() == 3 && field.path[0] == "presets";
    // Fields of one preset need not stand together: a new one may have its window after those of another.
    let mut tables: Vec<Vec<&Field>> = Vec::new();
    for field in fields.iter().filter(is_of_a_preset) {
        match tables.iter_mut().find(|table| table[0].path[1] == field.path[1]) {
            Some(table) => table.push(field),
            None => tables.push(vec![field]),
        }
    }
    for table in tables {
        let written: Vec<(&str, &str)> =
            table.iter().map(|field| (field.path[2].as_str(), field.text.as_str())).collect();
        presets
            .change(&table[0].path[1], &written)
            .map_err(|refused| table[refused.field].refused(file, refused.problem, refused.allowed))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swaa::{RecipeSpec, WindowSpec};
    use crate::toml_fields;

    fn extended(text: &str) -> Result<Presets, FileError> {
        let mut presets = Presets::built_in();
        extend(&mut presets, "config.toml", &toml_fields::read("config.toml", text)?)?;
        Ok(presets)
    }

    #[test]
    fn tables_change_presets_and_add_new_ones() {
        let text = "[presets.quick]\nsinks = 10\n[presets.mine]\nwindow = \"8k\"\nfa_decode = false\n";
        let presets = extended(text).unwrap();
        let recipe = |name| presets.get(name).unwrap().recipe.clone().unwrap();
        let four_k = RecipeSpec { window: WindowSpec::Tokens(4096), ..RecipeSpec::SLIDING };
        assert_eq!(recipe("quick"), RecipeSpec { sinks: 10, ..four_k });
        let eight_k = RecipeSpec { window: WindowSpec::Tokens(8192), ..RecipeSpec::SLIDING };
        assert_eq!(recipe("mine"), RecipeSpec { fa_decode: false, ..eight_k });
    }

    /// It needed a window, it said. Found by fuzzing.
    #[test]
    fn a_new_preset_may_have_its_window_behind_fields_of_another() {
        let text = "presets.a.sinks = 3\npresets.b.window = \"2k\"\npresets.a.window = \"1k\"\n";
        let presets = extended(text).unwrap();
        let recipe = |name| presets.get(name).unwrap().recipe.clone().unwrap();
        let one_k = RecipeSpec { window: WindowSpec::Tokens(1024), ..RecipeSpec::SLIDING };
        assert_eq!(recipe("a"), RecipeSpec { sinks: 3, ..one_k });
        assert_eq!(recipe("b").window, WindowSpec::Tokens(2048));
    }

    #[test]
    fn a_wrong_value_names_file_line_field_and_what_is_allowed() {
        let cases = [
            ("\n[presets.quick]\nwindow = 0\n", 3, "presets.quick.window", "invalid window \"0\"", "\"full\""),
            (
                "[presets.quick]\nkey = 9\nwidow = 3\n",
                3,
                "presets.quick.widow",
                "invalid preset key \"widow\"",
                "window, sinks",
            ),
            (
                "[presets.quick]\nfa_decode = [1, 2]\n",
                2,
                "presets.quick.fa_decode",
                "invalid switch value \"1,2\"",
                "true or false",
            ),
            ("[presets.auto]\nwindow = 3\n", 2, "presets.auto.window", "is built in", "another name"),
        ];
        for (text, line, field, problem, allowed) in cases {
            let error = extended(text).expect_err(text);
            assert_eq!((error.file.as_str(), error.line, error.field.as_str()), ("config.toml", line, field));
            assert!(error.problem.contains(problem), "{}", error.problem);
            assert!(error.allowed.contains(allowed), "{}", error.allowed);
        }
    }
}
