//! Opens the database of conversations: one SQLite file that several programs may use at once.
//!
//! `sessions.db` lies in a folder for its owner alone (0700; the file is 0600). It is in WAL mode: a change is written to the log beside it
//! before it counts, so a program that is killed loses nothing that it had saved, and one that reads waits for none that writes.
//!
//! | what is there | what happens |
//! |---|---|
//! | nothing | a new file |
//! | an older schema | it is migrated, in one transaction a version |
//! | a newer schema | [`Error::Newer`]: nothing is touched |
//! | a damaged file | it is renamed to `sessions.db.damaged-1` with its log, a new one is begun, and [`Database::note`] says so |
//!
//! Example: a power cut tears a page of `sessions.db`. The next start finds it, sets the file aside under its new name, and the conversations
//! from then on are saved; what is still whole in the old file can be had with `sqlite3 sessions.db.damaged-1 .recover`.
//!
//! It knows no table; [`super::schema`] has them. A crash of the program can't damage the file, only one of the system or the disk.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::schema;
use crate::failure::Hint;

/// The file's name in its folder.
const FILE: &str = "sessions.db";
/// How long a change waits for that of another program, which takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);
/// Another program opens the file, checks and migrates it within this.
const OPENING_TAKES: Duration = Duration::from_secs(3);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// A larger file is not checked page by page at each start, which reads all of it.
const CHECKED_BYTES: u64 = 32 << 20;

/// The open database.
#[derive(Debug)]
pub struct Database {
    pub(super) connection: Connection,
    path: PathBuf,
    note: Option<String>,
}

/// Why the database can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot keep conversations in {}: {source}", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("{} was written by a newer Lunette: its schema is {found}, and this one knows up to {known}", path.display())]
    Newer { path: PathBuf, found: u32, known: u32 },
    #[error("{}: {}", path.display(), in_words(source))]
    Sqlite { path: PathBuf, source: rusqlite::Error },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Newer { .. } => "use that Lunette, or --no-session",
                Self::Folder { .. } => return None,
                Self::Sqlite { source, .. } => match source.sqlite_error_code()? {
                    ErrorCode::DiskFull => "make room on the disk",
                    ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                        "the next start sets the damaged file aside"
                    }
                    ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => "another program holds it",
                    _ => return None,
                },
            }
            .to_owned(),
        )
    }
}

impl Database {
    /// Opens the database in `folder`, and makes both where they are missing. An older schema is migrated, a damaged file set aside.
    ///
    /// Errors: a folder that can't be written, a newer schema, a disk that is full.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(FILE);
        let refused = |source| Error::Folder { path: folder.to_owned(), source };
        make_private(folder).map_err(refused)?;
        // One program at a time checks, sets aside and migrates.
        let _alone = alone(&folder.join("opening.lock"));
        touch_private(&path).map_err(refused)?;
        match Self::checked(&path) {
            Err(Error::Sqlite { source, .. }) if is_damage(&source) => Self::afresh(&path),
            opened => opened,
        }
    }

    /// Opens the database in `folder` if there is one.
    pub fn open_if_there(folder: &Path) -> Result<Option<Self>, Error> {
        if folder.join(FILE).is_file() { Self::open(folder).map(Some) } else { Ok(None) }
    }

    /// What has to be told about opening it: that a damaged file was set aside.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sets the damaged file aside, and begins a new one.
    fn afresh(path: &Path) -> Result<Self, Error> {
        let aside = set_aside(path).map_err(|source| Error::Folder { path: path.to_owned(), source })?;
        touch_private(path).map_err(|source| Error::Folder { path: path.to_owned(), source })?;
        let note = format!(
            "{} is damaged; it is kept as {}, and conversations are saved in a new file",
            path.display(),
            aside.display()
        );
        Ok(Self { note: Some(note), ..Self::checked(path)? })
    }

    fn checked(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Sqlite { path: path.to_owned(), source };
        let mut connection = connect(path).map_err(failed)?;
        let found = schema::version(&connection).map_err(failed)?;
        if found > schema::KNOWN {
            return Err(Error::Newer { path: path.to_owned(), found, known: schema::KNOWN });
        }
        if path.metadata().is_ok_and(|file| file.len() <= CHECKED_BYTES) {
            check(&connection).map_err(failed)?;
        }
        schema::migrate(&mut connection, schema::MIGRATIONS).map_err(failed)?;
        Ok(Self { connection, path: path.to_owned(), note: None })
    }

    /// The error with the file's name.
    pub(super) fn failed(&self, source: rusqlite::Error) -> Error {
        Error::Sqlite { path: self.path.clone(), source }
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    // A file system without shared memory keeps its rollback journal, which is as safe.
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    // A killed program loses nothing; a power cut may lose the last seconds, never more.
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What a user deletes is overwritten.
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}

/// Fails with [`ErrorCode::DatabaseCorrupt`] if a page is damaged.
fn check(connection: &Connection) -> rusqlite::Result<()> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        return Ok(());
    }
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    Err(rusqlite::Error::SqliteFailure(code, Some(found)))
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// What failed, without SQLite's numbers.
fn in_words(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full".to_owned(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another program does not let it go".to_owned(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => "it is damaged".to_owned(),
        Some(ErrorCode::ReadOnly) => "it can only be read".to_owned(),
        _ => error.to_string(),
    }
}

/// A folder for its owner alone. One that is there keeps its permissions, but for those of others.
fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let permissions = fs::metadata(folder)?.permissions();
    if permissions.mode() & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(permissions.mode() & 0o700))?;
    }
    Ok(())
}

/// The log and the index of it that SQLite makes beside a file get the file's permissions.
fn touch_private(path: &Path) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop)
}

/// Waits until no other program opens the database. A file system without locks must not keep us from it.
fn alone(lock: &Path) -> Option<File> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(lock).ok()?;
    let until = Instant::now() + OPENING_TAKES;
    while let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
        if Instant::now() >= until {
            return None;
        }
        thread::sleep(LOOK_AGAIN);
    }
    Some(file)
}

/// Renames the file, and its log beside it, to the first free name.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let named = |number: u32, ending: &str| path.with_file_name(format!("{FILE}.damaged-{number}{ending}"));
    let number = (1..u32::MAX).find(|&number| !named(number, "").exists()).expect("some number is free");
    for ending in ["-wal", "-shm"] {
        let beside = path.with_file_name(format!("{FILE}{ending}"));
        if beside.exists() {
            fs::rename(beside, named(number, ending))?;
        }
    }
    let aside = named(number, "");
    fs::rename(path, &aside)?;
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    #[test]
    fn the_files_are_for_their_owner_alone() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("data/sessions");
        let database = Database::open(&folder).expect("opened");
        database.add_question("Who?").expect("written");
        assert_eq!(mode(&folder), 0o700);
        for entry in folder.read_dir().expect("a folder") {
            let path = entry.expect("an entry").path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("ours");
        Database::open(&folder).expect("opened");
        assert_eq!(mode(&folder), 0o700);
    }

    #[test]
    fn a_newer_schema_is_refused_and_left_as_it_is() {
        let home = tempfile::tempdir().expect("a folder");
        let database = Database::open(home.path()).expect("opened");
        database.connection.pragma_update(None, "user_version", schema::KNOWN + 1).expect("set");
        drop(database);
        let before = fs::read(home.path().join(FILE)).expect("bytes");
        let error = Database::open(home.path()).expect_err("newer");
        let told = format!("its schema is {}, and this one knows up to {}", schema::KNOWN + 1, schema::KNOWN);
        assert!(error.to_string().contains(&told), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("--no-session")));
        assert_eq!(fs::read(home.path().join(FILE)).expect("bytes"), before);
    }

    #[test]
    fn a_damaged_file_is_set_aside_whole_and_a_new_one_is_begun() {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join(FILE);
        let noise: Vec<u8> = (0..9_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for round in 1..=2 {
            fs::write(&file, &noise).expect("written");
            let database = Database::open(home.path()).expect("a new one");
            let aside = home.path().join(format!("{FILE}.damaged-{round}"));
            assert!(database.note().is_some_and(|note| note.contains("damaged")), "{:?}", database.note());
            assert_eq!(fs::read(aside).expect("kept"), noise);
            database.add_question("Who?").expect("it works");
            drop(database);
            assert!(Database::open(home.path()).expect("whole").note().is_none());
        }
    }

    /// Whichever page is torn or wherever the file ends: it opens, or is set aside; it never fails and nothing is removed.
    #[test]
    fn a_file_torn_anywhere_is_opened_or_set_aside() {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join(FILE);
        let database = Database::open(home.path()).expect("opened");
        (0..200).for_each(|n| database.add_question(&format!("Question {n}? {}", "x".repeat(100))).expect("written"));
        drop(database);
        let whole = fs::read(&file).expect("bytes");
        for at in (0..whole.len()).step_by(whole.len() / 23) {
            for torn in
                [whole[..at].to_vec(), [&whole[..at], &[0xA5; 512], &whole[(at + 512).min(whole.len())..]].concat()]
            {
                fs::write(&file, &torn).expect("written");
                let database = Database::open(home.path()).expect("opened or begun anew");
                database.add_question("after").expect("it works");
                if let Some(aside) = database.note().map(|_| home.path().join(format!("{FILE}.damaged-1"))) {
                    assert_eq!(fs::read(&aside).expect("kept").len(), torn.len());
                    fs::remove_file(aside).expect("removed");
                }
                drop(database);
            }
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told() {
        let home = tempfile::tempdir().expect("a folder");
        fs::write(home.path().join("taken"), "a file").expect("written");
        let error = Database::open(&home.path().join("taken/sessions")).expect_err("a file is in the way");
        assert!(error.to_string().starts_with("cannot keep conversations in "), "{error}");
        assert!(error.to_string().contains("taken/sessions"), "{error}");
    }
}
