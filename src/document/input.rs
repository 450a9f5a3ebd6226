//! Where a document comes from: a path, standard input, the web, or memory.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::controls::printable;
use super::error::Error;
use super::git;
use super::raw_file::{MAX_BYTES, RawFile, Served};
use super::web::{self, WebProgress};

/// The bundled book: Jane Austen, 1813, in the public domain.
pub static PRIDE_AND_PREJUDICE: &str = include_str!("../../assets/pride-and-prejudice.txt");

/// Something to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Path(PathBuf),
    /// `-`
    Stdin,
    /// `https://…`
    Url(String),
    /// `git@…`, `ssh://…`, `https://….git`: a repository, whose files are read.
    Repository(String),
    /// What [`fetch`] downloaded.
    Fetched {
        url: String,
        bytes: Vec<u8>,
        served: Served,
    },
    /// Bundled with the program, or made by it.
    Memory {
        name: String,
        bytes: Cow<'static, [u8]>,
    },
}

impl Input {
    /// Interprets a command-line argument: a path, an address, or `-`.
    #[must_use]
    pub fn from_argument(argument: &OsStr) -> Self {
        match argument.to_str() {
            Some("-") => Self::Stdin,
            Some(address) if git::is_repository(address) => Self::Repository(address.into()),
            Some(url) if web::is_address(url) => Self::Url(url.into()),
            _ => Self::Path(argument.into()),
        }
    }

    /// The bundled book.
    #[must_use]
    pub fn bundled_book() -> Self {
        let bytes = Cow::Borrowed(PRIDE_AND_PREJUDICE.as_bytes());
        Self::Memory { name: "pride-and-prejudice.txt".into(), bytes }
    }

    /// The path, if it is a folder.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Path(path) if path.is_dir() => Some(path),
            _ => None,
        }
    }

    /// The name that the user gave, safe to print.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => printable(&path.to_string_lossy()),
            Self::Stdin => "-".into(),
            Self::Url(url) | Self::Repository(url) | Self::Fetched { url, .. } => {
                printable(&web::without_password(url))
            }
            Self::Memory { name, .. } => printable(name),
        }
    }

    /// Reads all of its bytes.
    pub(super) fn read(&self, stdin: &mut dyn Read) -> Result<RawFile, Error> {
        let name = self.name();
        let (bytes, served) = match self {
            Self::Url(url) => web::download(url, &mut |_| {}).map(|(bytes, served)| (bytes, Some(served)))?,
            Self::Fetched { bytes, served, .. } => (bytes.clone(), Some(served.clone())),
            // Its files are read one by one; see `load`.
            Self::Repository(_) => return Err(Error::NothingIn { name, skipped: 0 }),
            Self::Path(path) => (read_path(path, &name)?, None),
            Self::Stdin => (read_whole(stdin, &name)?, None),
            Self::Memory { bytes, .. } => (bytes.to_vec(), None),
        };
        Ok(RawFile { name, bytes, served })
    }
}

/// Fetches the document at `url`.
///
/// Errors: [`Error::Unreachable`], [`Error::Status`], [`Error::TooLarge`].
pub fn fetch(url: &str, progress: &mut dyn FnMut(WebProgress)) -> Result<Input, Error> {
    let (bytes, served) = web::download(url, progress)?;
    Ok(Input::Fetched { url: url.into(), bytes, served })
}

fn read_path(path: &Path, name: &str) -> Result<Vec<u8>, Error> {
    let failed = |error| Error::from_io(name, error);
    let mut file = File::open(path).map_err(failed)?;
    read_whole(&mut file, name)
}

fn read_whole(source: &mut dyn Read, name: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    source.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error: io::Error| Error::from_io(name, error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::TooLarge { name: name.into(), most_mib: MAX_BYTES >> 20 });
    }
    Ok(bytes)
}
