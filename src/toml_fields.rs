//! Reads a TOML file as a flat list of fields with their line numbers, so that an error can name file, line and field.
//!
//! ```toml
//! preset = "mine"      # Field { path: ["preset"], line: 1, text: "mine" }
//! [sampling]
//! top_k = 40           # Field { path: ["sampling", "top_k"], line: 3, text: "40" }
//! ```
//!
//! Every value becomes text, as it would be written on a flag: `2048` and `"2048"` are the same text, `[1, 3]` is
//! `1,3`. The same parsers read flags, so a value means the same in a file and in a flag.
//!
//! Which fields are valid is decided in [`crate::swaa::preset`] and [`crate::settings`].

use toml::de::{DeTable, DeValue};

/// One `name = value` of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The enclosing tables, outermost first, then its own name.
    pub path: Vec<String>,
    /// From 1.
    pub line: usize,
    /// The value as it would be written on a flag.
    pub text: String,
}

impl Field {
    /// The path as `tables.name`.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.join(".")
    }

    /// Returns an error about this field or its value.
    #[must_use]
    pub fn refused(&self, file: &str, problem: impl Into<String>, allowed: impl Into<String>) -> FileError {
        FileError {
            file: file.to_owned(),
            line: self.line,
            field: self.name(),
            problem: problem.into(),
            allowed: allowed.into(),
        }
    }
}

/// An error in a file, with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}, {field}: {problem}")]
pub struct FileError {
    pub file: String,
    /// From 1.
    pub line: usize,
    /// `tables.name`, or `TOML` if the file can't be parsed.
    pub field: String,
    pub problem: String,
    /// What is allowed there; may be empty.
    pub allowed: String,
}

/// Returns the fields of `text` in order. `file` is used in errors only.
///
/// Errors: the first syntax error, or the first value that can't be written on a flag (a date, a table in a list).
pub fn read(file: &str, text: &str) -> Result<Vec<Field>, FileError> {
    let table = DeTable::parse(text).map_err(|error| FileError {
        file: file.to_owned(),
        line: error.span().map_or(1, |span| line_at(text, span.start)),
        field: "TOML".to_owned(),
        problem: error.message().to_lowercase(),
        allowed: String::new(),
    })?;
    let mut fields = Vec::new();
    collect(&Source { file, text }, table.get_ref(), &[], &mut fields)?;
    fields.sort_by_key(|field| field.line);
    Ok(fields)
}

struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

fn collect(source: &Source, table: &DeTable, path: &[String], fields: &mut Vec<Field>) -> Result<(), FileError> {
    for (name, value) in table {
        let path: Vec<String> = path.iter().cloned().chain([name.get_ref().to_string()]).collect();
        if let DeValue::Table(inner) = value.get_ref() {
            collect(source, inner, &path, fields)?;
            continue;
        }
        let line = line_at(source.text, name.span().start);
        let text = written(value.get_ref());
        let field = Field { path, line, text: text.clone().unwrap_or_default() };
        if text.is_none() {
            let problem = format!("invalid value of type {}", value.get_ref().type_str());
            return Err(field.refused(source.file, problem, "a string, a number, true or false, or a list of those"));
        }
        fields.push(field);
    }
    Ok(())
}

/// The value as it would be written on a flag; `None` for dates, tables, and lists of those.
fn written(value: &DeValue) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(switch) => Some(switch.to_string()),
        DeValue::Array(entries) => {
            let entries: Option<Vec<String>> = entries.iter().map(|entry| written(entry.get_ref())).collect();
            entries.map(|entries| entries.join(","))
        }
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

fn line_at(text: &str, byte: usize) -> usize {
    text.as_bytes().iter().take(byte).filter(|&&byte| byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(path: &[&str], line: usize, text: &str) -> Field {
        Field { path: path.iter().map(ToString::to_string).collect(), line, text: text.to_owned() }
    }

    #[test]
    fn values_become_their_written_form_with_their_line() {
        let text = "name = \"x\"\n\n[b.c]\nlist = [1, 3]\non = true\nhalf = 0.5\n[a]\nn = 2048\n";
        let expected = vec![
            field(&["name"], 1, "x"),
            field(&["b", "c", "list"], 4, "1,3"),
            field(&["b", "c", "on"], 5, "true"),
            field(&["b", "c", "half"], 6, "0.5"),
            field(&["a", "n"], 8, "2048"),
        ];
        assert_eq!(read("config.toml", text), Ok(expected));
    }

    #[test]
    fn what_is_no_toml_is_named_by_its_line() {
        let error = read("config.toml", "a = 1\nb = = 2\n").unwrap_err();
        assert_eq!((error.file.as_str(), error.line, error.field.as_str()), ("config.toml", 2, "TOML"));
    }

    #[test]
    fn a_value_with_no_written_form_is_refused() {
        let error = read("c", "\nwhen = 2026-01-01\n").unwrap_err();
        assert_eq!(error.to_string(), "c, line 2, when: invalid value of type datetime");
    }
}
