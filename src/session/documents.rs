//! Opens the documents that were named, and chooses pages and parts of them as the flags say.
//!
//! Example: `lunette --pages 3-9 paper.pdf https://example.org/notes.html` fetches the notes, reads both, and keeps seven pages of the paper.
//! [`Opened::whole`] is then everything that parts can be chosen from, and [`Opened::watched`] notices when `paper.pdf` changes.
//!
//! What it does not do: remember which parts are in use ([`super::working_set`] does).

use std::io::{self, Read};
use std::path::Path;

use super::error::Error;
use super::observer::{Activity, Observer};
use crate::document::{self, Document, Input, SelectError, Watched};
use crate::settings::{Documents, Settings};

/// Documents that were read.
pub struct Opened {
    /// Notices changes of their files.
    pub watched: Watched,
    /// All that `--pages` left, before parts are chosen.
    pub whole: Document,
}

/// Reads the documents that were named, and notes what was odd about them. What comes from the web is fetched first, and once.
pub fn open(settings: &Settings, stdin: &mut dyn Read, observer: &mut dyn Observer) -> Result<Opened, Error> {
    let opened = read(settings, stdin, observer)?;
    opened.whole.report.notes().iter().for_each(|note| observer.note(note));
    Ok(opened)
}

/// The parts of the documents that `--pages` and `--parts` name. Nothing is noted: it is for showing the document's report.
pub fn load(settings: &Settings, stdin: &mut dyn Read, observer: &mut dyn Observer) -> Result<Document, Error> {
    Ok(chosen_parts(settings, read(settings, stdin, observer)?.whole)?)
}

/// The bundled book, for who starts without a document.
pub fn bundled_book(settings: &Settings) -> Result<Opened, Error> {
    let whole = document::load(&[Input::bundled_book()], &settings.read, &mut io::empty())?;
    Ok(Opened { watched: Watched::nothing(), whole })
}

/// What `--pages` takes of it.
pub fn chosen_pages(settings: &Settings, document: Document) -> Result<Document, SelectError> {
    match &settings.pages {
        Some(pages) => document.select_pages(pages),
        None => Ok(document),
    }
}

/// What `--pages` and `--parts` take of it.
pub fn chosen_parts(settings: &Settings, document: Document) -> Result<Document, SelectError> {
    let document = chosen_pages(settings, document)?;
    match &settings.parts {
        Some(parts) => document.select(parts),
        None => Ok(document),
    }
}

/// The files of `document`, as the user named them.
#[must_use]
pub fn file_names(document: &Document) -> Vec<String> {
    document.report.files.iter().map(|file| file.name.clone()).collect()
}

/// The folder that was named, if nothing else was.
#[must_use]
pub fn only_folder(settings: &Settings) -> Option<&str> {
    match &settings.documents {
        Documents::Named(names) => match &names[..] {
            [name] if Path::new(name).is_dir() => name.to_str().map(|name| name.trim_end_matches('/')),
            _ => None,
        },
        Documents::BundledBook => None,
    }
}

/// Where `document` first differs from the text `before`, for people: `from line 812 of book.txt on`.
#[must_use]
pub fn first_change(document: &Document, before: &str) -> String {
    let changed = document.first_change_from(before).and_then(|byte| document.locate(byte));
    changed.map_or("at its end".to_owned(), |place| format!("from {} of {} on", place.position, place.file))
}

fn read(settings: &Settings, stdin: &mut dyn Read, observer: &mut dyn Observer) -> Result<Opened, Error> {
    let inputs = inputs(&settings.documents);
    if inputs.is_empty() {
        return Ok(Opened { watched: Watched::nothing(), whole: Document::default() });
    }
    let (watched, whole) = Watched::open(fetched(inputs, observer)?, settings.read.clone(), stdin)?;
    Ok(Opened { watched, whole: chosen_pages(settings, whole)? })
}

fn inputs(documents: &Documents) -> Vec<Input> {
    match documents {
        Documents::Named(names) => names.iter().map(|name| Input::from_argument(name)).collect(),
        Documents::BundledBook => vec![Input::bundled_book()],
    }
}

/// `inputs` with what comes from the web in place of its addresses.
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
