//! The documents of the command line and files of clients, and which of them a conversation is about.
//!
//! A document is called by the name of its file without its ending: `book` for `books/book.txt`. Where two are called alike, or a name
//! is not clear, the path as it was given always works.
//!
//! Example: with `lunette serve book.txt notes.md`, a request that says nothing is about both, in this order; `"documents": ["notes"]` is about
//! the notes alone, `"documents": []` about none. Whatever the order in the request, the text is the one that `lunette book.txt notes.md`
//! would read, so that what was read once is read once.
//!
//! Files that clients have uploaded are called by their ids, and come behind those of the command line, the oldest first:
//! `"documents": ["file-…", "notes"]` is about the notes and the file. Nobody asks about them who doesn't name them.
//!
//! Documents are read when they are first asked about, and then stay as they are.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::document_set::DocumentSet;
use super::error::ApiError;
use super::files::{Files, KeptFile, PREFIX, Upload};
use crate::chat::Source;
use crate::document::{Input, ReadOptions};
use crate::exit::ExitError;
use crate::failure::{Failure, FailureKind};
use crate::session::documents::{Opened, open_beside};
use crate::settings::{Documents, Settings};

/// Sets of documents that are kept. Each has the text of its documents once more.
const MOST_SETS: usize = 16;
/// Texts of sets that are kept; a larger one is kept alone. As much as the bundled book two hundred times.
const MOST_SET_BYTES: usize = 128 << 20;

/// A document of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    name: String,
    path: String,
}

/// A document that a conversation is about.
enum Chosen {
    Served(usize),
    File(Arc<KeptFile>),
}

/// Tells documents apart, in the order of their texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    /// Of the command line, by its place there.
    Served(usize),
    /// Of a client, by the file's number.
    File(u64),
}

impl Chosen {
    fn key(&self) -> Key {
        match self {
            Self::Served(number) => Key::Served(*number),
            Self::File(file) => Key::File(file.number),
        }
    }
}

type Sets = HashMap<Vec<Key>, Arc<DocumentSet>>;

/// The documents that a server has.
#[derive(Debug)]
pub(super) struct ServedDocuments {
    all: Vec<Named>,
    /// By their documents. A file alone is not among them: it has its own.
    sets: Mutex<Sets>,
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
        let keys = (0..all.len()).map(Key::Served).collect();
        let sets = HashMap::from([(Vec::new(), Arc::new(nothing)), (keys, Arc::new(whole))]);
        Self { all, sets: Mutex::new(sets), read: settings.read.clone(), home: settings.home.clone() }
    }

    /// The names of all.
    pub(super) fn names(&self) -> Vec<&str> {
        self.all.iter().map(|document| document.name.as_str()).collect()
    }

    /// Those that `asked` names, of the command line and of `files`; all of the command line if it says nothing. Takes long the first time
    /// that some of them are asked about.
    pub(super) fn choose(&self, asked: Option<&[String]>, files: &Files) -> Result<Arc<DocumentSet>, ApiError> {
        let mut chosen = match asked {
            Some(names) => names.iter().map(|name| self.find(name, files)).collect::<Result<Vec<_>, _>>()?,
            None => (0..self.all.len()).map(Chosen::Served).collect(),
        };
        chosen.sort_unstable_by_key(Chosen::key);
        chosen.dedup_by_key(|document| document.key());
        if let [Chosen::File(file)] = &chosen[..] {
            return Ok(file.set.clone());
        }
        let keys: Vec<Key> = chosen.iter().map(Chosen::key).collect();
        let known = self.sets().get(&keys).cloned();
        if let Some(set) = known {
            return Ok(set);
        }
        let set = Arc::new(self.open(&chosen)?);
        self.keep(keys, set.clone(), files);
        Ok(set)
    }

    fn find(&self, asked: &str, files: &Files) -> Result<Chosen, ApiError> {
        let is_called = |document: &Named| document.name == asked || document.path == asked;
        if let Some(number) = self.all.iter().position(is_called) {
            return Ok(Chosen::Served(number));
        }
        if asked.starts_with(PREFIX) {
            return files.find(asked).map(Chosen::File).ok_or_else(|| ApiError::gone_file(asked));
        }
        let known = self.names().join(", ");
        let known = if known.is_empty() { "none".to_owned() } else { known };
        Err(ApiError::invalid("documents", format!("there is no document {asked:?} here; there are: {known}")))
    }

    fn open(&self, chosen: &[Chosen]) -> Result<DocumentSet, ApiError> {
        let (mut names, mut paths, mut uploads) = (Vec::new(), Vec::new(), Vec::new());
        for document in chosen {
            match document {
                Chosen::Served(number) => {
                    names.push(self.all[*number].name.clone());
                    paths.push(self.all[*number].path.clone());
                }
                Chosen::File(file) => {
                    names.push(file.id.clone());
                    uploads.push(input(&file.upload));
                }
            }
        }
        let opened = open_beside(Source::Named(paths), uploads, &self.read, self.home.as_deref());
        Ok(DocumentSet::of(names, opened.map_err(failure)?))
    }

    /// The text of a file that a client sends, which is called `id`.
    pub(super) fn open_upload(&self, id: &str, upload: &Upload) -> Result<DocumentSet, ApiError> {
        let opened = open_beside(Source::Named(Vec::new()), vec![input(upload)], &self.read, None);
        Ok(DocumentSet::of(vec![id.to_owned()], opened.map_err(failure)?))
    }

    fn keep(&self, keys: Vec<Key>, set: Arc<DocumentSet>, files: &Files) {
        let mut sets = self.sets();
        drop_those_with_gone_files(&mut sets, files);
        let bytes: usize = sets.values().map(|set| set.text.len()).sum();
        if sets.len() >= MOST_SETS || bytes + set.text.len() > MOST_SET_BYTES {
            let all: Vec<Key> = (0..self.all.len()).map(Key::Served).collect();
            sets.retain(|keys, _| keys.is_empty() || *keys == all);
        }
        sets.insert(keys, set);
    }

    /// Forgets the texts of files that are not in `files` any more.
    pub(super) fn forget_gone(&self, files: &Files) {
        drop_those_with_gone_files(&mut self.sets(), files);
    }

    fn sets(&self) -> MutexGuard<'_, Sets> {
        self.sets.lock().expect("nothing panics while it holds the lock")
    }
}

fn drop_those_with_gone_files(sets: &mut Sets, files: &Files) {
    let is_here = |key: &Key| match key {
        Key::Served(_) => true,
        Key::File(number) => files.has(*number),
    };
    sets.retain(|keys, _| keys.iter().all(is_here));
}

fn input(upload: &Upload) -> Input {
    Input::Memory { name: upload.filename.clone(), bytes: upload.content.to_vec().into() }
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
    use crate::document::ByteSpan;
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
        chosen_with(served, names, &Files::for_requests_of(0))
    }

    fn chosen_with(served: &ServedDocuments, names: &[&str], files: &Files) -> Result<Arc<DocumentSet>, ApiError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        served.choose(Some(&names), files)
    }

    fn uploaded(served: &ServedDocuments, files: &Files, text: &'static str) -> String {
        let upload = Upload {
            filename: "poems.md".to_owned(),
            purpose: "user_data",
            content: text.as_bytes().into(),
            expires_after_s: None,
        };
        let (number, id) = files.new_id();
        let set = served.open_upload(&id, &upload).expect("a text");
        files.keep((number, id.clone()), upload, set.into(), serde_json::Value::Null).expect("it has room");
        id
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
        let all = served.choose(None, &Files::for_requests_of(0)).expect("all");
        assert!(all.text.contains("river") && all.text.contains("Boats"), "{}", all.text);
        let both = chosen(&served, &["notes", "book", "notes"]).expect("both");
        assert!(Arc::ptr_eq(&all, &both), "in the order of the command line");
        let notes = chosen(&served, &["notes"]).expect("one");
        assert_eq!((&*notes.text, &notes.names[..]), ("Boats are blue.\n", &["notes".to_owned()][..]));
        assert!(Arc::ptr_eq(&notes, &chosen(&served, &["notes"]).expect("one")), "it is read once");
        let none = chosen(&served, &[]).expect("none");
        assert!(none.is_empty() && none.citations("\"The river floods every single April\"", &[]).is_empty());
        let missing = chosen(&served, &["poems"]).expect_err("there are no poems");
        assert_eq!(missing.message, "there is no document \"poems\" here; there are: book, notes");
    }

    #[test]
    fn quotes_are_looked_up_in_the_documents_asked_about() {
        let (_folder, served) = served();
        let verdict = |names: &[&str]| {
            let set = chosen(&served, names).expect("documents");
            set.citations("It says \"The river floods every single April\".", &[])[0].verdict.name()
        };
        assert_eq!((verdict(&["book"]), verdict(&["notes"])), ("verified", "not_found"));
    }

    #[test]
    fn a_quote_that_stands_twice_is_the_one_that_was_read_again() {
        let (_folder, served) = served();
        let text = "# One\n\nThe ferry leaves at noon.\n\n# Two\n\nThe ferry leaves at noon.\n";
        let files = Files::for_requests_of(100_000);
        let set = chosen_with(&served, &[&uploaded(&served, &files, text)], &files).expect("the file");
        let second = text.rfind("The ferry").expect("it is there");
        let line = |passages: &[ByteSpan]| {
            let cited = set.citations("\"The ferry leaves at noon.\"", passages);
            cited.first().and_then(|citation| citation.source.as_ref()?.line)
        };
        let read_again = [ByteSpan { start: second, end: text.len() }];
        assert_eq!((line(&[]), line(&read_again)), (Some(3), Some(7)), "as in a chat");
    }

    #[test]
    fn a_file_of_a_client_is_asked_about_alone_or_behind_documents_until_it_is_deleted() {
        let (_folder, served) = served();
        let files = Files::for_requests_of(100_000);
        let [poems, more] = ["# Rose\n\nA rose is a rose.\n", "Tulips.\n"].map(|text| uploaded(&served, &files, text));
        let alone = chosen_with(&served, &[&poems], &files).expect("the file");
        assert_eq!((&*alone.text, &alone.names[..]), ("# Rose\n\nA rose is a rose.\n", std::slice::from_ref(&poems)));
        assert_eq!(alone.title, "poems.md");
        let both = chosen_with(&served, &[&more, &poems, "notes"], &files).expect("all three");
        assert_eq!(both.names, ["notes", poems.as_str(), more.as_str()]);
        let places = ["Boats", "A rose", "Tulips"].map(|word| both.text.find(word).expect("it is in the text"));
        assert!(places.is_sorted(), "{}", both.text);
        let cited = both.citations("\"A rose is a rose.\"", &[]);
        assert_eq!(cited.first().map(|citation| citation.verdict.name()), Some("verified"));
        let known = served.sets().len();
        files.delete(&poems).expect("it was here");
        served.forget_gone(&files);
        assert_eq!(served.sets().len(), known - 1, "the text that it was a part of is gone, too");
        let gone = chosen_with(&served, &[&poems], &files).expect_err("it is gone");
        assert_eq!(gone.message, format!("there is no file {poems:?} here"));
        assert!(!served.choose(None, &files).expect("all").text.contains("Tulips"), "only who names it asks about it");
    }
}
