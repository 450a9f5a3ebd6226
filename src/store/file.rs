//! Writes files that other processes of ours may write, too: whole or not at all, and none loses what another wrote.
//!
//! A new text goes to a file beside the old one, onto the disk, and then takes its name: whoever reads meanwhile reads the old text or the
//! new one, and a full disk leaves the old one. What changes a file holds its lock from reading to writing ([`update`]).
//!
//! The lock is that of the file itself, so that no lock files lie around. As each change puts another file in its place, whoever waited
//! for the lock looks whether it is still the lock of the file of that name, and else begins again.
//!
//! A file that is there keeps its permissions, and if its name is a link, the file that the link leads to is changed. A new file is for
//! its owner alone.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use tempfile::NamedTempFile;

/// As many links are followed as Linux follows.
const MOST_LINKS: usize = 40;
/// A change takes milliseconds. Whatever holds a lock for longer than this is stuck, and the screen must not be.
const MOST_LOOKS: u32 = 300;
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Writes `text` to `path`, and makes the folder for it.
pub(crate) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let path = followed(path)?;
    make_folder(&path)?;
    replace(&path, text)
}

/// Writes `text` to `path`, where nothing may be: a file that is there stays as it is.
pub(crate) fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let folder = folder_of(path);
    let beside = beside(folder, text)?;
    beside.as_file().sync_all()?;
    beside.persist_noclobber(path).map_err(|error| error.error)?;
    sync_names(folder);
    Ok(())
}

/// Puts what `change` makes of the file at `path` in its place; a file that is not there is empty. No other `update` of it comes between.
///
/// An error of `change` leaves the file as it is.
pub(crate) fn update<E: From<io::Error>>(
    path: &Path,
    change: impl FnOnce(&[u8]) -> Result<String, E>,
) -> Result<(), E> {
    let mut locked = Locked::open(path)?;
    let text = change(&locked.bytes()?)?;
    Ok(locked.replace(&text)?)
}

/// A file that no other process of ours changes until this is dropped.
struct Locked {
    path: PathBuf,
    file: File,
    /// It was made by us, and nothing was written to it yet.
    is_new: bool,
}

impl Locked {
    /// Waits for the file at `path`, which is made where there is none.
    fn open(path: &Path) -> io::Result<Self> {
        let path = followed(path)?;
        make_folder(&path)?;
        for _ in 0..MOST_LOOKS {
            let is_new = !path.exists();
            let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&path)?;
            match file.try_lock() {
                Ok(()) if !is_at(&path, &file) => {}
                // A file system without locks must not keep us from writing there.
                Ok(()) | Err(TryLockError::Error(_)) => {
                    let is_new = is_new && file.metadata()?.len() == 0;
                    return Ok(Self { path, file, is_new });
                }
                Err(TryLockError::WouldBlock) => thread::sleep(LOOK_AGAIN),
            }
        }
        Err(io::Error::new(ErrorKind::TimedOut, "another process does not let it go"))
    }

    fn bytes(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn replace(mut self, text: &str) -> io::Result<()> {
        replace(&self.path, text)?;
        self.is_new = false;
        Ok(())
    }
}

impl Drop for Locked {
    /// A file that was made for the lock alone goes again.
    fn drop(&mut self) {
        if self.is_new {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether `path` is the name of `file` still.
fn is_at(path: &Path, file: &File) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let (there, ours) = (path.metadata().map(identity), file.metadata().map(identity));
    matches!((there, ours), (Ok(there), Ok(ours)) if there == ours)
}

/// Puts a new file in the place of the one at `path`. The one beside it is removed when that fails.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = folder_of(path);
    let beside = beside(folder, text)?;
    if let Ok(there) = path.metadata() {
        beside.as_file().set_permissions(there.permissions())?;
    }
    beside.as_file().sync_all()?;
    beside.persist(path).map_err(|error| error.error)?;
    sync_names(folder);
    Ok(())
}

/// A file in `folder` that has no name yet that anyone knows. It is removed unless it gets one.
fn beside(folder: &Path, text: &str) -> io::Result<NamedTempFile> {
    let mut beside = NamedTempFile::new_in(folder)?;
    // Through the file: else an error names a file that nobody knows.
    beside.as_file_mut().write_all(text.as_bytes())?;
    Ok(beside)
}

/// So that new names are on the disk, too. Some file systems can't: the files are whole all the same.
fn sync_names(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(folder_of(path))
}

/// `.` for a bare name.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The file that `path` leads to, link by link; it need not be there.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(to) => path = folder_of(&path).join(to),
            // No link, or nothing there.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::new(ErrorKind::InvalidInput, "its links lead in a circle"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(file: &Path) -> u32 {
        fs::metadata(file).expect("a file").mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = folder.read_dir().expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    fn add_line(path: &Path, line: &str) -> io::Result<()> {
        update(path, |bytes| Ok(format!("{}{line}\n", String::from_utf8_lossy(bytes))))
    }

    #[test]
    fn a_new_file_is_for_its_owner_and_an_old_one_stays_for_whom_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b.json");
        write_whole(&path, "one").expect("written");
        assert_eq!((mode(&path), fs::read_to_string(&path).expect("text")), (0o600, "one".to_owned()));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("ours");
        write_whole(&path, "two").expect("written");
        assert_eq!((mode(&path), fs::read_to_string(&path).expect("text")), (0o644, "two".to_owned()));
        assert_eq!(names(path.parent().expect("a folder")), ["b.json"]);
    }

    #[test]
    fn a_link_stays_and_its_file_is_changed_though_it_is_not_there_yet() {
        let folder = tempfile::tempdir().expect("a folder");
        let (link, file) = (folder.path().join("link"), folder.path().join("dotfiles/file"));
        symlink("dotfiles/file", &link).expect("a link");
        for expected in ["one\n", "one\ntwo\n"] {
            add_line(&link, expected.lines().next_back().expect("a line")).expect("written");
            assert_eq!(fs::read_to_string(&file).expect("text"), expected);
        }
        assert!(link.is_symlink());
        symlink("round", folder.path().join("round")).expect("a link");
        let error = write_whole(&folder.path().join("round"), "").expect_err("a circle");
        assert_eq!(error.to_string(), "its links lead in a circle");
    }

    #[test]
    fn what_fails_leaves_no_file_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("taken");
        fs::create_dir_all(path.join("full")).expect("a folder");
        write_whole(&path, "text").expect_err("a folder is in its place");
        assert_eq!(names(folder.path()), ["taken"]);
        write_new(&path, "text").expect_err("a folder is in its place");
        assert_eq!(names(folder.path()), ["taken"]);
        let new = folder.path().join("new");
        let refused = update(&new, |_| Err(io::Error::other("no"))).expect_err("refused");
        assert_eq!((refused.to_string().as_str(), new.exists()), ("no", false));
    }

    #[test]
    fn of_changes_at_once_none_is_lost() {
        const EACH: usize = 10;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lines");
        thread::scope(|scope| {
            for writer in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    (0..EACH).for_each(|n| add_line(path, &format!("{writer} {n}")).expect("written"));
                });
            }
        });
        let text = fs::read_to_string(&path).expect("text");
        let of = |writer: usize| text.lines().filter(|line| line.starts_with(&format!("{writer} "))).count();
        assert_eq!((0..4).map(of).collect::<Vec<_>>(), [EACH; 4]);
    }

    #[test]
    fn a_lock_that_is_never_let_go_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("held");
        let _held = Locked::open(&path).expect("free");
        let error = add_line(&path, "late").expect_err("it is held");
        assert_eq!(error.to_string(), "another process does not let it go");
    }
}
