//! Where the bytes of a document come from: a path, standard input, the web, or memory.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;

use super::decode::printable;
use super::error::Error;
use super::web::{self, Served};

/// The bundled book: Jane Austen, 1813, in the public domain.
pub const PRIDE_AND_PREJUDICE: &str = include_str!("../../assets/pride-and-prejudice.txt");

/// Most bytes that one file may have: many times what any context holds, and few enough to never fill the memory (`/dev/zero`).
pub(super) const MAX_BYTES: u64 = 256 << 20;

/// Something to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Path(PathBuf),
    /// `-`
    Stdin,
    /// `https://…`
    Url(String),
    /// What [`web::fetch`] brought of one.
    Fetched {
        url: String,
        bytes: Vec<u8>,
        served: Served,
    },
    /// What the program brings along or made itself.
    Memory {
        name: String,
        bytes: Cow<'static, [u8]>,
    },
}

impl Input {
    /// A command-line argument: a path, an address, or `-`.
    #[must_use]
    pub fn from_argument(argument: &OsStr) -> Self {
        match argument.to_str() {
            Some("-") => Self::Stdin,
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

    /// The folder that this is, if it is one.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Path(path) if path.is_dir() => Some(path),
            _ => None,
        }
    }

    /// As the user named it, safe to print.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Path(path) => printable(&path.to_string_lossy()),
            Self::Stdin => "-".into(),
            Self::Url(url) | Self::Fetched { url, .. } => printable(url),
            Self::Memory { name, .. } => printable(name),
        }
    }

    /// All of its bytes.
    pub(super) fn read(&self, stdin: &mut dyn Read) -> Result<RawFile, Error> {
        let name = self.name();
        let served = match self {
            Self::Fetched { served, .. } => Some(served.clone()),
            _ => None,
        };
        let bytes = match self {
            Self::Url(url) => return web::fetch(url, &mut |_| {})?.read(stdin),
            Self::Fetched { bytes, .. } => bytes.clone(),
            Self::Path(path) => read_path(path, &name)?,
            Self::Stdin => read_whole(stdin, &name)?,
            Self::Memory { bytes, .. } => bytes.to_vec(),
        };
        Ok(RawFile { name, bytes, served })
    }
}

/// A file before anyone has looked at what it is.
#[derive(Debug)]
pub(super) struct RawFile {
    pub name: String,
    pub bytes: Vec<u8>,
    /// What a server said of it.
    pub served: Option<Served>,
}

impl RawFile {
    /// A file that nobody said anything of.
    #[cfg(test)]
    pub fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into(), served: None }
    }

    /// Whether a server said that it is of this kind: `text/html`.
    pub fn is_served_as(&self, media_type: &str) -> bool {
        self.served.as_ref().is_some_and(|served| served.media_type == media_type)
    }

    /// The encoding that a server gave for it.
    pub fn charset(&self) -> Option<&'static Encoding> {
        self.served.as_ref().and_then(|served| served.charset)
    }

    /// What follows the last dot of the name, in lower case. Of an address, what is asked for behind `?` is no part of it.
    pub fn extension(&self) -> Option<String> {
        let is_address = self.served.is_some();
        let name = if is_address { self.name.split(['?', '#']).next().unwrap_or_default() } else { &self.name };
        Path::new(name).extension().map(|extension| extension.to_string_lossy().to_lowercase())
    }
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
