//! The documents of the command line, and which of them a conversation is about.
//!
//! A document is called by the name of its file without its ending: `book` for `books/book.txt`. Where two are called alike, or a name
//! is not clear, the path as it was given always works.
//!
//! Example: with `lunette serve book.txt notes.md`, a request that says nothing is about both, in this order; `"documents": ["notes"]` is about
//! the notes alone, `"documents": []` about none. Whatever the order in the request, the text is the one that `lunette book.txt notes.md`
//! would read, so that what was read once is read once.
//!
//! They are read when they are first asked about, and then stay as they are.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use super::error::ApiError;
use crate::chat::Source;
use crate::citations::{self, Citation, Index};
use crate::document::{Document, ReadOptions};
use crate::exit::ExitError;
use crate::failure::{Failure, FailureKind};
use crate::session::documents::{Opened, open_source};
use crate::session::titles::title;
use crate::settings::{Documents, Settings};

/// Sets of documents that are kept. Each has the text of its documents once more.
const MOST_SETS: usize = 16;

/// Some documents as one text.
#[derive(Debug)]
pub(super) struct DocumentSet {
    /// Their names.
    pub(super) names: Vec<String>,
    pub(super) title: String,
    pub(super) text: Arc<str>,
    document: Arc<Document>,
    index: OnceLock<Index>,
}

impl DocumentSet {
    fn of(names: Vec<String>, opened: Opened) -> Self {
        let Opened { source, whole, .. } = opened;
        Self {
            names,
            title: title(&source, &whole, &whole),
            text: whole.text.as_str().into(),
            document: Arc::new(whole),
            index: OnceLock::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The quotes in `answer`, looked up. The first time takes as long as to index the text.
    pub(super) fn citations(&self, answer: &str) -> Vec<Citation> {
        if self.is_empty() {
            return Vec::new();
        }
        let index = self.index.get_or_init(|| Index::of(self.document.clone(), self.document.clone()));
        citations::check(answer, index, &[])
    }
}

/// A document of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    name: String,
    path: String,
}

/// The documents that a server has.
#[derive(Debug)]
pub(super) struct ServedDocuments {
    all: Vec<Named>,
    /// By the numbers of their documents.
    sets: Mutex<HashMap<Vec<usize>, Arc<DocumentSet>>>,
    read: ReadOptions,
    home: Option<PathBuf>,
}

impl ServedDocuments {
    /// The documents of `settings`, which `opened` has all of.
    pub(super) fn new(settings: &Settings, opened: Opened) -> Self {
        let paths = match &settings.documents {
            Documents::Named(names) => names.iter().map(|name| name.to_string_lossy().into_owned()).collect(),
            Documents::Piped | Documents::BundledBook => Vec::new(),
        };
        let all = named(paths);
        let names = all.iter().map(|document| document.name.clone()).collect();
        let nothing = DocumentSet::of(Vec::new(), Opened::nothing());
        let whole = DocumentSet::of(names, opened);
        let numbers = (0..all.len()).collect();
        let sets = HashMap::from([(Vec::new(), Arc::new(nothing)), (numbers, Arc::new(whole))]);
        Self { all, sets: Mutex::new(sets), read: settings.read.clone(), home: settings.home.clone() }
    }

    /// The names of all.
    pub(super) fn names(&self) -> Vec<&str> {
        self.all.iter().map(|document| document.name.as_str()).collect()
    }

    /// Those that `asked` names; all if it says nothing. Takes long the first time that some of them are asked about.
    pub(super) fn choose(&self, asked: Option<&[String]>) -> Result<Arc<DocumentSet>, ApiError> {
        let mut numbers = match asked {
            Some(names) => names.iter().map(|name| self.number(name)).collect::<Result<Vec<_>, _>>()?,
            None => (0..self.all.len()).collect(),
        };
        numbers.sort_unstable();
        numbers.dedup();
        let known = self.sets.lock().expect("nothing panics while it holds the lock").get(&numbers).cloned();
        match known {
            Some(set) => Ok(set),
            None => self.open(numbers),
        }
    }

    fn number(&self, asked: &str) -> Result<usize, ApiError> {
        let is_called = |document: &Named| document.name == asked || document.path == asked;
        self.all.iter().position(is_called).ok_or_else(|| {
            let known = self.names().join(", ");
            let known = if known.is_empty() { "none".to_owned() } else { known };
            ApiError::invalid("documents", format!("there is no document {asked:?} here; there are: {known}"))
        })
    }

    fn open(&self, numbers: Vec<usize>) -> Result<Arc<DocumentSet>, ApiError> {
        let chosen = || numbers.iter().map(|&number| &self.all[number]);
        let source = Source::Named(chosen().map(|document| document.path.clone()).collect());
        let opened = open_source(source, &self.read, self.home.as_deref()).map_err(failure)?;
        let set = Arc::new(DocumentSet::of(chosen().map(|document| document.name.clone()).collect(), opened));
        let mut sets = self.sets.lock().expect("nothing panics while it holds the lock");
        if sets.len() >= MOST_SETS {
            sets.retain(|numbers, _| numbers.is_empty() || numbers.len() == self.all.len());
        }
        sets.insert(numbers, set.clone());
        Ok(set)
    }
}

fn failure(error: crate::session::Error) -> ApiError {
    match ExitError::from(error) {
        ExitError::Failed(failure) => failure.into(),
        ExitError::Stopped(_) | ExitError::ReaderGone => Failure::new(FailureKind::Runtime, "stopped", None).into(),
    }
}

/// `paths` with their names: the file's without its ending where only one is called so, else the whole path.
fn named(paths: Vec<String>) -> Vec<Named> {
    let stem = |path: &str| {
        let bare = path.trim_end_matches('/');
        Path::new(bare).file_stem().map_or_else(|| bare.to_owned(), |stem| stem.to_string_lossy().into_owned())
    };
    let stems: Vec<String> = paths.iter().map(|path| stem(path)).collect();
    let is_clear = |stem: &String| !stem.is_empty() && stems.iter().filter(|other| *other == stem).count() == 1;
    let name = |(path, stem): (String, &String)| {
        let name = if is_clear(stem) { stem.clone() } else { path.clone() };
        Named { name, path }
    };
    paths.into_iter().zip(&stems).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::documents;
    use crate::session::fixtures::{Recorder, settings, write};

    /// Two documents, and what is served of them.
    fn served() -> (tempfile::TempDir, ServedDocuments) {
        let folder = tempfile::tempdir().expect("a folder");
        let paths =
            [("book.md", "# One\n\nThe river floods every single April.\n"), ("notes.txt", "Boats are blue.\n")]
                .map(|(name, text)| write(folder.path(), name, text, 1_000).to_string_lossy().into_owned());
        let settings = settings(folder.path(), &["serve", &paths[0], &paths[1]]);
        let opened = documents::open(&settings, &mut std::io::empty(), &mut Recorder::default()).expect("texts");
        (folder, ServedDocuments::new(&settings, opened))
    }

    fn chosen(served: &ServedDocuments, names: &[&str]) -> Result<Arc<DocumentSet>, ApiError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        served.choose(Some(&names))
    }

    #[test]
    fn a_document_is_called_by_its_file_unless_two_are_called_alike() {
        let names = |paths: &[&str]| -> Vec<String> {
            named(paths.iter().map(|path| (*path).to_owned()).collect()).into_iter().map(|named| named.name).collect()
        };
        assert_eq!(names(&["books/book.txt", "src/", "https://a.org/b.html"]), ["book", "src", "b"]);
        assert_eq!(names(&["a/book.txt", "b/book.md", "c.txt"]), ["a/book.txt", "b/book.md", "c"]);
    }

    #[test]
    fn a_conversation_is_about_all_of_them_or_those_that_it_names() {
        let (_folder, served) = served();
        assert_eq!(served.names(), ["book", "notes"]);
        let all = served.choose(None).expect("all");
        assert!(all.text.contains("river") && all.text.contains("Boats"), "{}", all.text);
        let both = chosen(&served, &["notes", "book", "notes"]).expect("both");
        assert!(Arc::ptr_eq(&all, &both), "in the order of the command line");
        let notes = chosen(&served, &["notes"]).expect("one");
        assert_eq!((&*notes.text, &notes.names[..]), ("Boats are blue.\n", &["notes".to_owned()][..]));
        assert!(Arc::ptr_eq(&notes, &chosen(&served, &["notes"]).expect("one")), "it is read once");
        let none = chosen(&served, &[]).expect("none");
        assert!(none.is_empty() && none.citations("\"The river floods every single April\"").is_empty());
        let missing = chosen(&served, &["poems"]).expect_err("there are no poems");
        assert_eq!(missing.message, "there is no document \"poems\" here; there are: book, notes");
    }

    #[test]
    fn quotes_are_looked_up_in_the_documents_asked_about() {
        let (_folder, served) = served();
        let verdict = |names: &[&str]| {
            let set = chosen(&served, names).expect("documents");
            set.citations("It says \"The river floods every single April\".")[0].verdict.name()
        };
        assert_eq!((verdict(&["book"]), verdict(&["notes"])), ("verified", "not_found"));
    }
}
