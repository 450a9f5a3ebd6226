//! May this file be loaded? Its header is checked every time, and a file that was never loaded before is tried first.
//!
//! | what is checked | when | takes |
//! |---|---|---|
//! | the header ([`crate::gguf`]) | always | milliseconds |
//! | the sha256 of a file as long as one of the catalogue | first use | 2 s a gigabyte |
//! | any other file, in a child process ([`super::trial`]) | first use | about as long as loading it |
//!
//! Example: a file with the length of the catalogue's SmolLM2 and another sha256 is damaged if it lies where
//! [`lunette pull`](crate::models) put it: that is told, with the command that fetches it again. Anywhere else it is some model, and tried.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::config::{EngineConfig, FirstUse, KnownFile};
use super::llama::patch_stamp;
use super::message::{Failure, FailureKind};
use super::trial::{self, Verdict};
use super::tried::Tried;
use crate::gguf::{self, Header};

/// Bytes read at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// One model is tried at a time: whoever asks for the same one meanwhile waits, and finds it remembered.
static TRYING: Mutex<()> = Mutex::new(());

/// Whether the file was found sound, or nobody waits for it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Allowed,
    Cancelled,
}

/// Checks the model of `config`. Asks `is_wanted` now and then, and gives up if it isn't.
///
/// Errors: [`FailureKind::Model`] if the file is not to be loaded.
pub(super) fn check(config: &EngineConfig, is_wanted: &mut dyn FnMut() -> bool) -> Result<Use, Failure> {
    let header = checked_header(&config.model, gguf::check)?;
    match &config.settings.first_use {
        Some(first_use) => check_first_use(&config.model, &header, first_use, is_wanted),
        None => Ok(Use::Allowed),
    }
}

/// The header of the file at `model`, if `check` finds it sound.
pub(super) fn checked_header(
    model: &Path,
    check: impl FnOnce(&Header) -> Result<(), gguf::Error>,
) -> Result<Header, Failure> {
    let checked = Header::read(model).and_then(|header| check(&header).map(|()| header));
    checked.map_err(|error| {
        let hint = "the file is damaged, or made by a newer or faulty converter: try another copy of this model";
        refused(model, &error.to_string(), hint)
    })
}

fn check_first_use(
    model: &Path,
    header: &Header,
    first_use: &FirstUse,
    is_wanted: &mut dyn FnMut() -> bool,
) -> Result<Use, Failure> {
    let _one_at_a_time = TRYING.lock().unwrap_or_else(PoisonError::into_inner);
    let by = format!("{} {}", env!("CARGO_PKG_VERSION"), patch_stamp());
    let tried = Tried::new(model, &header.sha256, by).map_err(|error| refused(model, &error.to_string(), ""))?;
    if tried.is_remembered(&first_use.memory) {
        return Ok(Use::Allowed);
    }
    match is_known(model, &first_use.known, is_wanted)? {
        Known::Yes => {}
        Known::Cancelled => return Ok(Use::Cancelled),
        Known::No => match trial::run(&first_use.program, model, is_wanted) {
            Verdict::Sound => {}
            Verdict::Cancelled => return Ok(Use::Cancelled),
            Verdict::Refused(reason) => return Err(refused(model, &reason, TRIED_HINT)),
            Verdict::Untried(reason) => {
                tracing::warn!(%reason, "the model can't be tried in a process of its own");
                return Ok(Use::Allowed);
            }
        },
    }
    tried.remember(&first_use.memory);
    Ok(Use::Allowed)
}

const TRIED_HINT: &str = "the file was tried in a process of its own first: try another copy of this model";

enum Known {
    Yes,
    No,
    Cancelled,
}

/// Whether the file is one of the catalogue, byte for byte.
///
/// Errors: it lies where one of the catalogue was put, and has other bytes.
fn is_known(model: &Path, known: &[KnownFile], is_wanted: &mut dyn FnMut() -> bool) -> Result<Known, Failure> {
    let bytes = model.metadata().map_or(0, |file| file.len());
    let alike: Vec<&KnownFile> = known.iter().filter(|known| known.bytes == bytes).collect();
    if alike.is_empty() {
        return Ok(Known::No);
    }
    let Some(sha256) = sha256(model, is_wanted).map_err(|error| refused(model, &error.to_string(), ""))? else {
        return Ok(Known::Cancelled);
    };
    if alike.iter().any(|known| known.sha256 == sha256) {
        return Ok(Known::Yes);
    }
    match alike.iter().find(|known| known.own_path == model) {
        Some(known) => {
            let hint = format!("lunette pull {} fetches it again", known.name);
            let reason = format!("it is damaged: its sha256 is {sha256}, and should be {}", known.sha256);
            Err(refused(model, &reason, &hint))
        }
        None => Ok(Known::No),
    }
}

/// The sha256 of the file at `path`, in hexadecimal; `None` if it isn't wanted any more.
fn sha256(path: &Path, is_wanted: &mut dyn FnMut() -> bool) -> std::io::Result<Option<String>> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(Some(gguf::hexadecimal(&hash.finalize())));
        }
        if !is_wanted() {
            return Ok(None);
        }
        hash.update(&buffer[..count]);
    }
}

fn refused(model: &Path, reason: &str, hint: &str) -> Failure {
    let hint = Some(hint.to_owned()).filter(|hint| !hint.is_empty());
    Failure { kind: FailureKind::Model, message: format!("cannot load {}: {reason}", model.display()), hint }
}
