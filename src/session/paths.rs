//! Paths as the user types them: `~` is the home folder, and Tab completes.
//!
//! Example: in a folder with `book.txt`, `books/` and `notes.md`, `b` becomes `book`, and both names are listed; `n`
//! becomes `notes.md`. A folder ends with `/`, so that typing goes on inside it. Hidden files are listed once a dot is
//! typed.
//!
//! It does not read files, and finds nothing behind addresses (`https://…`).

use std::path::{Path, PathBuf};

use crate::document::without_password;

/// Most names that are listed.
const MOST_NAMES: usize = 200;

/// A completed path, and the names that it may become.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Completed {
    /// The typed text with everything that all names have in common.
    pub text: String,
    /// The last part of each path that begins with what was typed, in order.
    pub names: Vec<String>,
}

/// `text` as a path, with `~` replaced by `home`.
#[must_use]
pub fn expanded(text: &str, home: Option<&Path>) -> PathBuf {
    match (text.strip_prefix('~'), home) {
        (Some(""), Some(home)) => home.to_owned(),
        (Some(rest), Some(home)) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(text),
    }
}

/// Whether `path` is called as models are.
#[must_use]
pub fn is_model(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gguf"))
}

/// `text` as it is kept between two runs: a path from the root on, an address without its password.
#[must_use]
pub fn absolute(text: &str, home: Option<&Path>) -> String {
    if text.contains("://") {
        return without_password(text).into_owned();
    }
    let path = expanded(text, home);
    std::path::absolute(&path).unwrap_or(path).to_string_lossy().into_owned()
}

/// Completes the path `text`.
#[must_use]
pub fn complete(text: &str, home: Option<&Path>) -> Completed {
    if text == "~" {
        return Completed { text: "~/".to_owned(), names: Vec::new() };
    }
    let start = text.rfind('/').map_or(0, |slash| slash + 1);
    let (folder, begun) = text.split_at(start);
    let path = if folder.is_empty() { PathBuf::from(".") } else { expanded(folder, home) };
    let names = names_in(&path, begun);
    let common = common_start(&names).unwrap_or(begun).to_owned();
    Completed { text: format!("{folder}{common}"), names }
}

/// The names in `folder` that begin with `begun`, sorted; folders end with `/`.
fn names_in(folder: &Path, begun: &str) -> Vec<String> {
    let entries = folder.read_dir().into_iter().flatten().filter_map(Result::ok);
    let name = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let is_meant = name.starts_with(begun) && (begun.starts_with('.') || !name.starts_with('.'));
        is_meant.then(|| if entry.path().is_dir() { name + "/" } else { name })
    };
    let mut names: Vec<String> = entries.filter_map(name).collect();
    names.sort();
    names.truncate(MOST_NAMES);
    names
}

/// What all of `names` begin with; `None` without names.
fn common_start(names: &[String]) -> Option<&str> {
    let (first, others) = names.split_first()?;
    let length = others.iter().fold(first.len(), |length, other| {
        let same = first.char_indices().zip(other.chars()).find(|((_, one), other)| one != other);
        length.min(same.map_or(first.len().min(other.len()), |((at, _), _)| at))
    });
    Some(&first[..length])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_path_is_completed_as_far_as_it_is_clear() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["book.txt", "notes.md", "noël.md", ".hidden"] {
            fs::write(folder.path().join(name), "").expect("written");
        }
        fs::create_dir(folder.path().join("books")).expect("a folder");
        let completed = |text: &str| complete(text, Some(folder.path()));
        let of = |text: &str, names: &[&str]| Completed {
            text: text.to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        assert_eq!(completed("~"), of("~/", &[]));
        assert_eq!(completed("~/b"), of("~/book", &["book.txt", "books/"]));
        assert_eq!(completed("~/books"), of("~/books/", &["books/"]));
        assert_eq!(completed("~/n"), of("~/no", &["notes.md", "noël.md"]));
        assert_eq!(completed("~/x"), of("~/x", &[]));
        assert_eq!(completed("~/.h"), of("~/.hidden", &[".hidden"]));
        assert_eq!(completed("~/").names, ["book.txt", "books/", "notes.md", "noël.md"]);
        let absolute = format!("{}/note", folder.path().display());
        assert_eq!(completed(&absolute).text, format!("{}/notes.md", folder.path().display()));
    }

    #[test]
    fn an_address_is_kept_without_its_password() {
        let kept = |typed| absolute(typed, None);
        assert_eq!(kept("https://ada:secret@example.org/a?b=c@d"), "https://example.org/a?b=c@d");
        assert_eq!(kept("https://example.org/a"), "https://example.org/a");
    }

    #[test]
    fn a_tilde_is_the_home_folder_only_as_a_folder() {
        let home = Some(Path::new("/home/ada"));
        let cases = [("~", "/home/ada"), ("~/a b.txt", "/home/ada/a b.txt"), ("~ada/x", "~ada/x"), ("a~/b", "a~/b")];
        for (text, expected) in cases {
            assert_eq!(expanded(text, home), Path::new(expected), "{text}");
        }
    }
}
