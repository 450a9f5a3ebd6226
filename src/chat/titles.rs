//! What a document is called: by what is read of it, not by what was named first.
//!
//! | named | read | title |
//! |---|---|---|
//! | `book.txt` | all of it | `book.txt` |
//! | `ignore/` | all 22 files | `ignore/ · 22 files` |
//! | `ignore/` | 3 of them | `ignore/ · 3 of 22 files` |
//! | `ignore/` | one of them | `ignore/src/lib.rs` |
//! | `a.txt b.txt c.txt` | all three | `a.txt and 2 more` |
//! | `a.txt b.txt c.txt` | the last two | `b.txt and 1 more` |

use super::input::Source;
use crate::document::Document;

/// The title of `used`, which consists of parts of `whole`.
#[must_use]
pub fn title(source: &Source, whole: &Document, used: &Document) -> String {
    let all = file_names(whole);
    match (source, &file_names(used)[..]) {
        (Source::Demo, _) => "Pride and Prejudice".to_owned(),
        // A first run without documents opens the bundled book.
        (Source::Named(names), _) if names.is_empty() && !all.is_empty() => "Pride and Prejudice".to_owned(),
        (_, []) => String::new(),
        (_, [one]) => (*one).to_owned(),
        (Source::Named(names), files) if names.len() == 1 => {
            let folder = names[0].trim_end_matches('/');
            let count = if files.len() == all.len() { String::new() } else { format!("{} of ", files.len()) };
            format!("{folder}/ · {count}{} files", all.len())
        }
        (_, [first, others @ ..]) => format!("{first} and {} more", others.len()),
    }
}

/// Whether [`title`] says how many files of a folder are read, so that their numbers would say it again.
#[must_use]
pub fn counts_files(source: &Source, used: &Document) -> bool {
    matches!(source, Source::Named(names) if names.len() == 1) && file_names(used).len() > 1
}

/// The files that `document` has text of.
fn file_names(document: &Document) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for source in document.sources.iter().filter(|source| source.span.start < source.span.end) {
        if !names.contains(&source.name.as_str()) {
            names.push(&source.name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{self, Input, ReadOptions};

    fn document(names: &[&str]) -> Document {
        let input = |name: &&str| Input::Memory {
            name: (*name).into(),
            bytes: format!("# {name}\n\nText.\n").into_bytes().into(),
        };
        let inputs: Vec<Input> = names.iter().map(input).collect();
        document::load(&inputs, &ReadOptions::default(), &mut std::io::empty()).expect("texts")
    }

    #[test]
    fn a_document_is_called_by_what_is_read_of_it() {
        let whole = document(&["src/a.md", "src/b.md", "src/c.md"]);
        let named = |names: &[&str]| Source::Named(names.iter().map(|name| (*name).to_owned()).collect());
        let of = |source: &Source, parts: &[usize]| title(source, &whole, &whole.with_parts(parts));
        let folder = named(&["src/"]);
        assert_eq!(of(&folder, &[1, 2, 3]), "src/ · 3 files");
        assert_eq!(of(&folder, &[2, 3]), "src/ · 2 of 3 files");
        assert_eq!(of(&folder, &[3]), "src/c.md");
        let files = named(&["src/a.md", "src/b.md", "src/c.md"]);
        assert_eq!(
            (of(&files, &[1, 2, 3]), of(&files, &[2, 3])),
            ("src/a.md and 2 more".into(), "src/b.md and 1 more".into())
        );
        assert_eq!(title(&Source::Demo, &whole, &whole), "Pride and Prejudice");
        assert_eq!(title(&named(&[]), &Document::default(), &Document::default()), "");
    }
}
