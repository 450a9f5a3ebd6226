//! Why a model can't be had: what failed with the evidence, and apart from it what to do.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::failure::Hint;

/// Why a model could not be found or fetched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no model {}: no such file", path.display())]
    NoFile { path: PathBuf },
    #[error("{} is a folder, not a model", path.display())]
    Folder { path: PathBuf },
    #[error("there is no model called `{written}`, and no such file")]
    Unknown { written: String, known: Vec<String> },
    #[error("`{written}` is no repository of the hub")]
    NoRepository { written: String },
    /// The repository has GGUF files, but none such.
    #[error("{repo} has no GGUF file{}", quant.as_ref().map(|quant| format!(" of {quant}")).unwrap_or_default())]
    NoQuant { repo: String, quant: Option<String>, there: Vec<String> },
    /// A file that the catalogue lists, or one of several, is not in its repository.
    #[error("{repo} has no file {file}")]
    GoneFromHub { repo: String, file: String, there: Vec<String> },
    #[error("{name} is not on this machine, and nothing is fetched while offline")]
    Offline { name: String },
    /// No answer at all.
    #[error("cannot reach {url}: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("{url} answered with status {status}")]
    Status { url: String, status: u16, retry_after: Option<Duration> },
    /// The connection ended before the file did.
    #[error("the download broke off at {got} of {expected} bytes: {reason}")]
    Broken { got: u64, expected: u64, reason: String },
    #[error("{url} has {got} bytes, not the {expected} that are expected")]
    OtherSize { url: String, got: u64, expected: u64 },
    #[error("the hub's answer makes no sense: {reason}")]
    Garbled { reason: String },
    #[error("what was fetched is not the model: its sha256 is {got}, not {expected}")]
    Checksum { got: String, expected: String },
    #[error("the disk is full: {} needs {bytes} bytes", path.display())]
    DiskFull { path: PathBuf, bytes: u64 },
    #[error("cannot write {}: {source}", path.display())]
    Disk { path: PathBuf, source: io::Error },
    #[error("stopped; what was fetched is kept")]
    Cancelled,
    #[error("cannot fetch {name}: {source}")]
    NotFetched { name: String, source: Box<Error> },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoFile { .. } => "check the path; without -m the default model is used, which `lunette pull` fetches",
            Self::Folder { .. } => "name the .gguf file in it",
            Self::Unknown { known, .. } => {
                return Some(format!("known are {}; or name a .gguf file", known.join(", ")));
            }
            Self::NoRepository { .. } => "write it as USER/REPO or USER/REPO:QUANT",
            Self::NoQuant { there, .. } if there.is_empty() => "look for a repository with GGUF in its name",
            Self::NoQuant { there, .. } => return Some(format!("it has {}", there.join(", "))),
            Self::GoneFromHub { there, .. } if there.is_empty() => "look for another repository (-hf USER/REPO)",
            Self::GoneFromHub { repo, there, .. } => {
                return Some(format!("it has {}; -hf {repo}:QUANT takes one of them", there.join(", ")));
            }
            Self::Offline { .. } => "unset HF_HUB_OFFLINE, or name a .gguf file with -m",
            Self::Unreachable { .. } | Self::Broken { .. } => {
                "check the connection, set HF_ENDPOINT to a mirror, or download the .gguf file by other means and name it with -m"
            }
            Self::Status { status: 401 | 403, .. } => "the repository wants to know who asks: set HF_TOKEN",
            Self::Status { status: 404, .. } => "check the name; private repositories need HF_TOKEN",
            Self::Status { status: 429 | 503, .. } => "the hub is busy: try again later, it goes on where it stopped",
            Self::Checksum { .. } | Self::OtherSize { .. } => {
                "try again; if it stays so, the file at the source has changed"
            }
            Self::DiskFull { .. } => "make room, then start again: it goes on where it stopped",
            Self::Disk { .. } => "check who may write there; `lunette paths` lists the folders",
            Self::NotFetched { source, .. } => return source.hint(),
            Self::Status { .. } | Self::Garbled { .. } | Self::Cancelled => return None,
        };
        Some(hint.into())
    }
}

impl Error {
    /// A failed write of a file that will have `bytes` bytes.
    pub(super) fn from_write(path: &Path, bytes: u64, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path: path.into(), bytes },
            _ => Self::Disk { path: path.into(), source },
        }
    }

    /// It is no fault of the hub's: the disk's, or it was not wanted any more.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self, Self::DiskFull { .. } | Self::Disk { .. } | Self::Cancelled)
    }
}
