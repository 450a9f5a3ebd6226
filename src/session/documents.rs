//! Opens the named documents, and selects pages and parts of them by the flags.
//!
//! Example: `lunette --pages 3-9 paper.pdf https://example.org/notes.html` fetches the notes, reads both documents, and
//! keeps seven pages of the paper. [`Opened::whole`] then holds everything that parts can be chosen from, and
//! [`Opened::watched`] notices when `paper.pdf` changes.
//!
//! It does not keep track of which parts are in use; [`super::working_set`] does.

use std::borrow::Cow;
use std::io::{self, Read};
use std::path::Path;

use super::error::Error;
use super::observer::{Activity, Observer, Unobserved};
use super::paths;
use super::piped;
use crate::chat::Source;
use crate::document::{self, Document, Input, ReadOptions, SelectError, Watched};
use crate::settings::{Documents, FrontEnd, Settings, StandardInput};
use crate::units::bytes;

/// Documents as read from their files.
pub struct Opened {
    /// What was named.
    pub source: Source,
    /// Notices when the files change.
    pub watched: Watched,
    /// What `--pages` selects, before parts are chosen.
    pub whole: Document,
}

impl Opened {
    /// No document.
    #[must_use]
    pub fn nothing() -> Self {
        Self { source: Source::Named(Vec::new()), watched: Watched::nothing(), whole: Document::default() }
    }
}

/// Reads the named documents, and notes what is odd about them. Web pages are fetched first, and only once.
pub fn open(settings: &Settings, stdin: &mut dyn Read, observer: &mut dyn Observer) -> Result<Opened, Error> {
    let opened = read(settings, stdin, observer)?;
    opened.whole.report.notes().iter().for_each(|note| observer.note(note));
    Ok(opened)
}

/// The parts that `--pages` and `--parts` select. Notes nothing, since its caller shows the document's whole report.
pub fn load(settings: &Settings, stdin: &mut dyn Read, observer: &mut dyn Observer) -> Result<Document, Error> {
    Ok(chosen_parts(settings, read(settings, stdin, observer)?.whole)?)
}

/// The bundled book, for a first run without documents.
pub fn bundled_book(settings: &Settings) -> Result<Opened, Error> {
    let whole = document::load(&[Input::bundled_book()], &settings.read, &mut io::empty())?;
    Ok(Opened { source: Source::Demo, watched: Watched::nothing(), whole })
}

/// Reads the documents that the user names during a session. The command line's flags for parts and pages are about other
/// documents; `read` has the rest of its options. `~` in a path is `home`.
pub fn open_source(source: Source, read: &ReadOptions, home: Option<&Path>) -> Result<Opened, Error> {
    open_beside(source, Vec::new(), read, home)
}

/// The same with what is in `memory` behind the documents that are named.
pub fn open_beside(
    source: Source,
    memory: Vec<Input>,
    read: &ReadOptions,
    home: Option<&Path>,
) -> Result<Opened, Error> {
    let mut inputs = match &source {
        Source::Demo => vec![Input::bundled_book()],
        Source::Named(names) => {
            names.iter().map(|name| Input::from_argument(paths::expanded(name, home).as_os_str())).collect()
        }
    };
    let source = match source {
        Source::Named(names) => Source::Named(names.into_iter().chain(memory.iter().map(Input::name)).collect()),
        Source::Demo => Source::Demo,
    };
    inputs.extend(memory);
    let (watched, whole) = Watched::open(fetched(inputs, &mut Unobserved)?, read.clone(), &mut io::empty())?;
    Ok(Opened { source, watched, whole })
}

/// The documents as the settings name them.
#[must_use]
pub fn named_source(documents: &Documents) -> Source {
    match documents {
        Documents::Named(names) => {
            Source::Named(names.iter().map(|name| name.to_string_lossy().into_owned()).collect())
        }
        Documents::Piped => Source::Named(vec!["-".to_owned()]),
        Documents::BundledBook => Source::Demo,
    }
}

/// The text of one file or folder, or of some of its parts, read as the user wants documents to be read.
pub fn text_of(path: &Path, parts: Option<&str>, read: &ReadOptions) -> Result<String, Error> {
    let whole = document::load(&[Input::Path(path.to_owned())], read, &mut io::empty())?;
    Ok(match parts {
        Some(parts) => whole.select(parts)?.text,
        None => whole.text,
    })
}

/// The pages of `document` that `--pages` selects.
pub fn chosen_pages(pages: Option<&str>, document: Document) -> Result<Document, SelectError> {
    match pages {
        Some(pages) => document.select_pages(pages),
        None => Ok(document),
    }
}

/// The parts of `document` that `--parts` selects.
fn chosen_parts(settings: &Settings, document: Document) -> Result<Document, SelectError> {
    let numbers = document.parts_by_flag(settings.parts.as_deref())?;
    let fewer = match document.taking(&numbers) {
        Cow::Borrowed(_) => None,
        Cow::Owned(fewer) => Some(fewer),
    };
    Ok(fewer.unwrap_or(document))
}

/// The files of `document`, under the names that the user gave.
#[must_use]
pub fn file_names(document: &Document) -> Vec<String> {
    document.report.files.iter().map(|file| file.name.clone()).collect()
}

/// The folder of `source`, if it is one folder and nothing else.
#[must_use]
pub fn folder_of(source: &Source) -> Option<String> {
    match source {
        Source::Named(names) => match &names[..] {
            [name] if Path::new(name).is_dir() => Some(name.trim_end_matches('/').to_owned()),
            _ => None,
        },
        Source::Demo => None,
    }
}

/// The named folder, if the user named one folder and nothing else.
#[must_use]
pub fn only_folder(settings: &Settings) -> Option<String> {
    folder_of(&named_source(&settings.documents))
}

/// Where `document` first differs from the text `before`: `from line 812 of book.txt on`.
#[must_use]
pub fn first_change(document: &Document, before: &str) -> String {
    let changed = document.first_change_from(before).and_then(|byte| document.locate(byte));
    changed.map_or("at its end".to_owned(), |place| format!("from {} of {} on", place.position, place.file))
}

fn read(settings: &Settings, stdin: &mut dyn Read, observer: &mut dyn Observer) -> Result<Opened, Error> {
    if settings.documents == Documents::Piped {
        return read_piped(settings, stdin, observer);
    }
    tell_what_is_not_read(settings, observer);
    let (source, inputs) = (named_source(&settings.documents), inputs(&settings.documents));
    if inputs.is_empty() {
        return Ok(Opened { source, watched: Watched::nothing(), whole: Document::default() });
    }
    let inputs = fetched(inputs, observer)?;
    let (watched, whole) = read_told(inputs, settings, stdin, observer)?;
    Ok(Opened { source, watched, whole: chosen_pages(settings.pages.as_deref(), whole)? })
}

/// Reads `inputs`, and tells `observer` where reading is.
fn read_told(
    inputs: Vec<Input>,
    settings: &Settings,
    stdin: &mut dyn Read,
    observer: &mut dyn Observer,
) -> Result<(Watched, Document), Error> {
    // Whoever types it sees what is waited for.
    let first = inputs.first().filter(|_| !inputs.contains(&Input::Stdin)).map(Input::name);
    observer.progress(Activity::ReadingDocuments { first: first.as_deref(), progress: &settings.read.progress });
    let read = Watched::open(inputs, settings.read.clone(), stdin);
    observer.progress(Activity::DocumentsRead);
    Ok(read?)
}

/// Standard input, which nobody named, if there is text in it.
fn read_piped(settings: &Settings, stdin: &mut dyn Read, observer: &mut dyn Observer) -> Result<Opened, Error> {
    let Some(begun) = piped::begun(stdin, observer)? else {
        observer.note("standard input is empty, so there is no document");
        let source = Source::Named(Vec::new());
        return Ok(Opened { source, watched: Watched::nothing(), whole: Document::default() });
    };
    let (watched, whole) = read_told(vec![Input::Stdin], settings, &mut begun.chain(stdin), observer)?;
    observer.note(&format!("standard input is the document ({})", bytes(whole.text.len() as u64)));
    let whole = chosen_pages(settings.pages.as_deref(), whole)?;
    Ok(Opened { source: named_source(&settings.documents), watched, whole })
}

/// Says in a script that standard input has something, and is not read.
fn tell_what_is_not_read(settings: &Settings, observer: &mut dyn Observer) {
    let is_script = matches!(settings.front_end, FrontEnd::Headless(_) | FrontEnd::Fit(_));
    let names = match &settings.documents {
        Documents::Named(names) => &names[..],
        Documents::BundledBook | Documents::Piped => return,
    };
    match settings.stdin {
        StandardInput::Begun if is_script && names.is_empty() => {
            observer
                .note("standard input is not read, because another program has read part of it; `-` reads the rest");
        }
        StandardInput::Piped if is_script && names.iter().all(|name| name != "-") && piped::waits_on_stdin() => {
            observer.note("standard input is not read, because a document is named; `-` beside it reads both");
        }
        _ => {}
    }
}

fn inputs(documents: &Documents) -> Vec<Input> {
    match documents {
        Documents::Named(names) => names.iter().map(|name| Input::from_argument(name)).collect(),
        Documents::BundledBook => vec![Input::bundled_book()],
        Documents::Piped => vec![Input::Stdin],
    }
}

/// `inputs` with web addresses replaced by the pages that were fetched from them.
fn fetched(inputs: Vec<Input>, observer: &mut dyn Observer) -> Result<Vec<Input>, Error> {
    let here = |input| match input {
        Input::Url(url) => {
            document::fetch(&url, &mut |progress| observer.progress(Activity::FetchingDocument(progress)))
        }
        input => Ok(input),
    };
    let inputs = inputs.into_iter().map(here).collect::<Result<Vec<Input>, _>>();
    observer.progress(Activity::DocumentsFetched);
    Ok(inputs?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::session::fixtures::{Recorder, chapters, serve, settings};

    fn opened(home: &Path, line: &[&str]) -> (Result<Opened, Error>, Vec<String>) {
        let mut observer = Recorder::default();
        let opened = open(&settings(home, line), &mut io::empty(), &mut observer);
        (opened, observer.heard)
    }

    #[test]
    fn oddities_are_noted_on_opening_but_not_for_a_report() {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("odd.txt");
        fs::write(&file, b"A bell: \x07.\n").expect("written");
        let name = file.to_string_lossy().into_owned();
        let (opened, heard) = opened(home.path(), &[&name]);
        assert!(opened.is_ok());
        assert!(matches!(&heard[..], [_, note] if note.contains("odd.txt")), "{heard:?}");
        let mut observer = Recorder::default();
        load(&settings(home.path(), &["inspect", &name]), &mut io::empty(), &mut observer).expect("text");
        assert_eq!(observer.heard, ["documents are here"]);
    }

    #[test]
    fn parts_are_selected_from_the_whole_document() {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("book.md");
        fs::write(&file, chapters(6)).expect("written");
        let settings = settings(home.path(), &["--parts", "2,5", &file.to_string_lossy()]);
        let whole = open(&settings, &mut io::empty(), &mut Recorder::default()).expect("text").whole;
        assert_eq!(whole.parts().len(), 6);
        let text = load(&settings, &mut io::empty(), &mut Recorder::default()).expect("text").text;
        let there: Vec<usize> = (1..=6).filter(|number| text.contains(&format!("Text {number}."))).collect();
        assert_eq!(there, [2, 5]);
    }

    #[test]
    fn pages_of_a_document_without_pages_are_refused() {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("book.md");
        fs::write(&file, chapters(6)).expect("written");
        let (opened, _) = opened(home.path(), &["--pages", "3", &file.to_string_lossy()]);
        assert!(matches!(opened, Err(Error::Selection(SelectError::NoPages))));
    }

    #[test]
    fn fetching_a_web_page_reports_progress() {
        let home = tempfile::tempdir().expect("a folder");
        let address = serve(vec![("/notes.txt".to_owned(), b"It is a truth.\n".to_vec())]);
        let (opened, heard) = opened(home.path(), &[&format!("{address}/notes.txt")]);
        assert_eq!(opened.expect("text").whole.text, "It is a truth.\n");
        assert_eq!(heard, ["document: 0 bytes", "document: 15 bytes", "documents are here"]);
    }

    #[test]
    fn a_failed_fetch_ends_its_progress() {
        let home = tempfile::tempdir().expect("a folder");
        let (opened, heard) = opened(home.path(), &[&format!("{}/gone.txt", serve(Vec::new()))]);
        assert!(matches!(opened, Err(Error::Document(document::Error::Status { status: 404, .. }))));
        assert_eq!(heard, ["documents are here"]);
    }

    #[test]
    fn no_named_document_gives_an_empty_one() {
        let home = tempfile::tempdir().expect("a folder");
        let (opened, heard) = opened(home.path(), &[]);
        assert_eq!((opened.expect("nothing").whole, heard), (Document::default(), Vec::new()));
    }

    #[test]
    fn a_folder_counts_as_the_only_one_when_nothing_else_is_named() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = format!("{}/", home.path().display());
        let of = |line: &[&str]| only_folder(&settings(home.path(), line));
        assert_eq!(of(&[&folder]).as_deref(), Some(folder.trim_end_matches('/')));
        assert_eq!((of(&[&folder, &folder]), of(&["book.txt"]), of(&["demo"])), (None, None, None));
    }

    #[test]
    fn the_first_change_is_named_by_line_and_file() {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("book.txt");
        fs::write(&file, "one\ntwo\nthree\n").expect("written");
        let name = file.to_string_lossy().into_owned();
        let document = opened(home.path(), &[&name]).0.expect("text").whole;
        assert_eq!(first_change(&document, "one\ntoo\nthree\n"), format!("from line 2 of {name} on"));
        assert_eq!(first_change(&document, "one\ntwo\nthree\nfour\n"), "at its end");
    }
}
