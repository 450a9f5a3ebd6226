//! Has a document changed since it was read? Looked at when somebody asks, not all the time.
//!
//! The picture: a reader who glances at the cover before each question. Sizes and times of all files (of a folder: which there are, too) are
//! compared with those of the last look; only if some differ is the document read again, and only if its text differs has it changed.
//!
//! Example: `touch book.txt` costs one reading of the file and changes nothing; a sentence added to chapter 50 gives the new text, whose
//! tokens up to that sentence the engine still has.
//!
//! A file that is being saved is waited for: nobody must have written to it for a fifth of a second, and not while it was read.
//!
//! What it does not do: look at standard input twice (its bytes are kept), or know what was read of it by a model.

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

/// A file is taken for written once nobody wrote to it for so long: whoever saves one has cut it off first.
const SETTLED: Duration = Duration::from_millis(200);
/// A file that is written all the time, as a log is, is read as it is after so long.
const PATIENCE: Duration = Duration::from_secs(2);

/// Inputs that can be looked at again.
#[derive(Debug, Clone)]
pub struct Watched {
    inputs: Vec<Input>,
    options: ReadOptions,
    /// At the last look.
    stamps: Vec<FileStamp>,
    text: u64,
}

/// What a glance at a file shows; `None` where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileStamp {
    path: PathBuf,
    seen: Option<(u64, Option<SystemTime>)>,
}

impl FileStamp {
    /// How long to wait until it counts as written; `None` when it does. A time to come is a clock that is wrong.
    fn unsettled(&self) -> Option<Duration> {
        let (_, written) = self.seen?;
        SETTLED.checked_sub(written?.elapsed().ok()?)
    }
}

impl Watched {
    /// Reads `inputs` as [`load`] does, and remembers what they looked like.
    pub fn open(inputs: Vec<Input>, options: ReadOptions, stdin: &mut dyn Read) -> Result<(Self, Document), Error> {
        let inputs = inputs.into_iter().map(|input| kept(input, stdin)).collect::<Result<Vec<_>, _>>()?;
        // Before it is read: what is written meanwhile is noticed the next time.
        let stamps = stamps(&inputs, &options);
        let document = load(&inputs, &options, &mut std::io::empty())?;
        let text = hash(&document.text);
        Ok((Self { inputs, options, stamps, text }, document))
    }

    /// Of nothing, which never changes.
    #[must_use]
    pub fn nothing() -> Self {
        Self { inputs: Vec::new(), options: ReadOptions::default(), stamps: Vec::new(), text: 0 }
    }

    /// The document as it is now, if its text is another than at the last look.
    ///
    /// Errors: it can't be read any more. What was read before is then as good as before, and the next look tries again.
    pub fn changed(&mut self) -> Result<Option<Document>, Error> {
        if self.look() == self.stamps {
            return Ok(None);
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

    /// What nobody wrote to while it was read, and what it looked like.
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

/// Standard input is read once; everything else can be looked at again.
fn kept(input: Input, stdin: &mut dyn Read) -> Result<Input, Error> {
    if input != Input::Stdin {
        return Ok(input);
    }
    let RawFile { name, bytes, .. } = input.read(stdin)?;
    Ok(Input::Memory { name, bytes: bytes.into() })
}

fn stamps(inputs: &[Input], options: &ReadOptions) -> Vec<FileStamp> {
    let files = inputs.iter().flat_map(|input| match input {
        // A folder that can't be walked looks like an empty one until it is read, which says why.
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
    /// The first byte of `self` that `before` has not in the same place; `None` when all of it is there.
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

    /// Sets the file's time to `seconds` after 1970, so that no test depends on how fast it runs.
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
