//! Tells whether a document has changed since it was read. Checks on request, not continuously.
//!
//! Each check compares the sizes and times of all files, and the list of files of folders, with the previous check. The
//! document is read again only if some differ, and has changed only if its text differs.
//!
//! Example: after `touch book.txt`, the file is read once more and nothing has changed. After a sentence is added to
//! chapter 50, the new text is returned; the engine still has the tokens before that sentence.
//!
//! A file that is being saved is waited for, until it has not been written for a fifth of a second and was not written
//! while it was read. Standard input is read only once; its bytes are kept.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use super::content::Document;
use super::error::Error;
use super::folder;
use super::input::Input;
use super::load::load;
use super::options::ReadOptions;
use super::raw_file::RawFile;

/// A file counts as saved once it has not been written for this long. Programs truncate a file before they write it.
const SETTLED: Duration = Duration::from_millis(200);
/// A file that is written all the time, such as a log, is read as it is after this long.
const PATIENCE: Duration = Duration::from_secs(2);

/// Inputs that can be checked for changes.
#[derive(Debug, Clone)]
pub struct Watched {
    inputs: Vec<Input>,
    /// The inputs that were files, not folders.
    files: Vec<PathBuf>,
    options: ReadOptions,
    /// At the previous check.
    stamps: Vec<FileStamp>,
    text: u64,
}

/// Size and time of a file; `None` if it does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileStamp {
    path: PathBuf,
    seen: Option<(u64, Option<SystemTime>)>,
}

impl FileStamp {
    /// How long to wait until the file counts as saved; `None` if it does. A time in the future means a wrong clock.
    fn unsettled(&self) -> Option<Duration> {
        let (_, written) = self.seen?;
        SETTLED.checked_sub(written?.elapsed().ok()?)
    }
}

impl Watched {
    /// Reads `inputs` as [`load`] does, and remembers their sizes and times.
    pub fn open(inputs: Vec<Input>, options: ReadOptions, stdin: &mut dyn Read) -> Result<(Self, Document), Error> {
        let inputs = inputs.into_iter().map(|input| kept(input, stdin)).collect::<Result<Vec<_>, _>>()?;
        // Before reading, so that the next check notices what is written meanwhile.
        let stamps = stamps(&inputs, &options);
        let document = load(&inputs, &options, &mut std::io::empty())?;
        let text = hash(&document.text);
        let files = inputs.iter().filter_map(file_of).collect();
        Ok((Self { inputs, files, options, stamps, text }, document))
    }

    /// Watches nothing, which never changes.
    #[must_use]
    pub fn nothing() -> Self {
        Self { inputs: Vec::new(), files: Vec::new(), options: ReadOptions::default(), stamps: Vec::new(), text: 0 }
    }

    /// The current document, if its text differs from the previous check.
    ///
    /// Fails if it can't be read any more. The previous document stays valid, and the next check tries again.
    pub fn changed(&mut self) -> Result<Option<Document>, Error> {
        if self.look() == self.stamps {
            return Ok(None);
        }
        if let Some(path) = self.files.iter().find(|path| path.is_dir()) {
            // Its files would be read in place of the document that was named.
            let name = Input::Path(path.clone()).name();
            let source = std::io::Error::new(std::io::ErrorKind::IsADirectory, "it is a folder now");
            return Err(Error::Io { name, source });
        }
        let (now, document) = self.read_settled();
        let document = document?;
        self.stamps = now;
        let before = std::mem::replace(&mut self.text, hash(&document.text));
        Ok((before != self.text).then_some(document))
    }

    fn look(&self) -> Vec<FileStamp> {
        stamps(&self.inputs, &self.options)
    }

    /// Reads the inputs at a time when nothing writes to them, with their sizes and times.
    fn read_settled(&self) -> (Vec<FileStamp>, Result<Document, Error>) {
        let until = Instant::now() + PATIENCE;
        loop {
            let now = self.look_settled(until);
            let document = load(&self.inputs, &self.options, &mut std::io::empty());
            if self.look() == now || Instant::now() >= until {
                return (now, document);
            }
        }
    }

    fn look_settled(&self, until: Instant) -> Vec<FileStamp> {
        loop {
            let now = self.look();
            match now.iter().filter_map(FileStamp::unsettled).max() {
                Some(wait) if Instant::now() < until => sleep(wait),
                _ => return now,
            }
        }
    }
}

/// The path of `input`, if it is a file.
fn file_of(input: &Input) -> Option<PathBuf> {
    match input {
        Input::Path(path) if !path.is_dir() => Some(path.clone()),
        _ => None,
    }
}

/// `input` in a form that can be read again: standard input becomes memory.
fn kept(input: Input, stdin: &mut dyn Read) -> Result<Input, Error> {
    if input != Input::Stdin {
        return Ok(input);
    }
    let RawFile { name, bytes, .. } = input.read(stdin)?;
    Ok(Input::Memory { name, bytes: bytes.into() })
}

fn stamps(inputs: &[Input], options: &ReadOptions) -> Vec<FileStamp> {
    let files = inputs.iter().flat_map(|input| match input {
        // A folder that can't be searched counts as empty here; reading it gives the error.
        Input::Path(path) if path.is_dir() => {
            folder::walk(path, &options.wanted).map_or(Vec::new(), |found| found.files)
        }
        Input::Path(path) => vec![path.clone()],
        _ => Vec::new(),
    });
    files.map(|path| FileStamp { seen: glance(&path), path }).collect()
}

fn glance(path: &Path) -> Option<(u64, Option<SystemTime>)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()))
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl Document {
    /// The first byte of `self` that differs from `before`; `None` if `before` begins with all of it.
    #[must_use]
    pub fn first_change_from(&self, before: &str) -> Option<usize> {
        let same = self.text.bytes().zip(before.bytes()).take_while(|(new, old)| new == old).count();
        (same < self.text.len()).then(|| (0..=same).rev().find(|&at| self.text.is_char_boundary(at)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tempfile::TempDir;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            fs::write(folder.path().join(name), text).expect("written");
        }
        folder
    }

    fn watched(path: PathBuf) -> Watched {
        Watched::open(vec![Input::Path(path)], ReadOptions::default(), &mut std::io::empty()).expect("text").0
    }

    /// Sets the file's time to `seconds` after 1970, so that tests do not depend on their speed.
    fn date(path: &Path, seconds: u64) {
        let file = fs::File::options().append(true).open(path).expect("a file");
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).expect("dated");
    }

    fn text(changed: Result<Option<Document>, Error>) -> Option<String> {
        changed.expect("readable").map(|document| document.text)
    }

    #[test]
    fn a_file_that_was_only_touched_has_not_changed() {
        let folder = folder(&[("a.txt", "one\n")]);
        let path = folder.path().join("a.txt");
        let mut watched = watched(path.clone());
        assert_eq!(text(watched.changed()), None);
        date(&path, 1_000);
        assert_eq!(text(watched.changed()), None);
    }

    #[test]
    fn a_change_is_told_once_even_of_the_same_length() {
        let folder = folder(&[("a.txt", "one\n")]);
        let path = folder.path().join("a.txt");
        let mut watched = watched(path.clone());
        fs::write(&path, "two\n").expect("written");
        date(&path, 1_000);
        assert_eq!((text(watched.changed()).as_deref(), text(watched.changed())), (Some("two\n"), None));
    }

    #[test]
    fn a_file_that_comes_or_goes_changes_a_folder() {
        let folder = folder(&[("a.txt", "one\n"), ("b.txt", "two\n")]);
        let mut watched = watched(folder.path().to_owned());
        fs::write(folder.path().join("c.txt"), "three\n").expect("written");
        assert!(text(watched.changed()).is_some_and(|text| text.contains("three")));
        fs::remove_file(folder.path().join("a.txt")).expect("removed");
        assert!(text(watched.changed()).is_some_and(|text| !text.contains("one")));
    }

    #[test]
    fn a_file_that_is_gone_is_an_error_until_it_is_back() {
        let folder = folder(&[("a.txt", "one\n")]);
        let path = folder.path().join("a.txt");
        let mut watched = watched(path.clone());
        fs::remove_file(&path).expect("removed");
        assert!(watched.changed().is_err() && watched.changed().is_err());
        fs::write(&path, "one more\n").expect("written");
        assert_eq!(text(watched.changed()).as_deref(), Some("one more\n"));
    }

    #[test]
    fn a_file_that_is_being_saved_is_waited_for() {
        let folder = folder(&[("a.txt", "one\n")]);
        let path = folder.path().join("a.txt");
        let mut watched = watched(path.clone());
        let mut file = fs::File::create(&path).expect("cut off");
        let saving = std::thread::spawn(move || {
            for line in ["one\n", "two\n", "three\n"] {
                sleep(SETTLED / 20);
                file.write_all(line.as_bytes()).expect("written");
            }
        });
        assert_eq!(text(watched.changed()).as_deref(), Some("one\ntwo\nthree\n"));
        saving.join().expect("saved");
    }

    #[test]
    fn standard_input_is_kept() {
        let (mut watched, document) =
            Watched::open(vec![Input::Stdin], ReadOptions::default(), &mut "typed\n".as_bytes()).expect("text");
        assert_eq!((document.text.as_str(), document.sources[0].name.as_str()), ("typed\n", "-"));
        assert_eq!(text(watched.changed()), None);
    }

    #[test]
    fn the_first_change_is_found_at_a_character() {
        let document = |text: &str| Document { text: text.to_owned(), ..Document::default() };
        assert_eq!(document("one é").first_change_from("one è"), Some(4));
        assert_eq!(document("one two").first_change_from("one"), Some(3));
        assert_eq!(document("one").first_change_from("one two"), None);
    }
}
