//! Which attention heads of a model point at the passage that a question is about?
//!
//! A few do (8 of 336 in Qwen2.5-Coder-1.5B), and which ones is a property of the weights. They are found once per
//! model, with facts planted in a text, and kept by the model's fingerprint. Those of the catalogue's models come with
//! the program (`assets/heads.json`).
//!
//! Never fails: a file that can't be read or written counts as empty.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cache_index::CacheIndex;
use super::config::EngineConfig;
use super::message::{Head, HeadsKnown, Pointing};
use crate::store::file::update;

/// What is known about one model.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    /// For people.
    model: String,
    heads: Vec<Head>,
}

/// By fingerprint.
type Entries = BTreeMap<String, Entry>;

static SHIPPED: LazyLock<Entries> = LazyLock::new(|| {
    let text = include_str!("../../assets/heads.json");
    serde_json::from_str(text).expect("a test reads the bundled heads")
});

/// The heads of the model in use, and the file that they are kept in.
#[derive(Debug, Default)]
pub(super) struct KnownHeads {
    /// `None`: not kept.
    file: Option<PathBuf>,
    /// `None`: the model's file can't be read.
    fingerprint: Option<String>,
    /// The name of the model's file.
    model: String,
    heads: Option<Arc<[Head]>>,
}

impl KnownHeads {
    /// The heads of the model of `config`: those that were found on this machine, else those that are shipped.
    pub(super) fn open(config: &EngineConfig) -> Self {
        let file = config.settings.heads.clone();
        let fingerprint = fingerprint(&config.model).ok();
        let kept = file.as_deref().map(read).unwrap_or_default();
        let known = fingerprint.as_ref().and_then(|print| kept.get(print).or_else(|| SHIPPED.get(print)));
        let heads = known.map(|entry| sorted(&entry.heads));
        let model = config.model.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { file, fingerprint, model, heads }
    }

    /// Heads that are known and not kept.
    #[cfg(test)]
    pub(super) fn these(heads: Option<&[Head]>) -> Self {
        Self { file: None, fingerprint: None, model: String::new(), heads: heads.map(sorted) }
    }

    /// What is known.
    pub(super) fn known(&self) -> HeadsKnown {
        match &self.heads {
            None => HeadsKnown::NotYet,
            Some(heads) if heads.is_empty() => HeadsKnown::None,
            Some(_) => HeadsKnown::Some,
        }
    }

    /// Ascending; `None` if they were never looked for, or the model has none.
    pub(super) fn get(&self) -> Option<Arc<[Head]>> {
        self.heads.clone().filter(|heads| !heads.is_empty())
    }

    /// Uses `heads` from now on, and keeps them for later runs with this model. None means that it has none.
    pub(super) fn keep(&mut self, heads: &[Head]) {
        self.heads = Some(sorted(heads));
        let (Some(file), Some(fingerprint)) = (&self.file, &self.fingerprint) else { return };
        let entry = Entry { model: self.model.clone(), heads: heads.to_vec() };
        let with_entry = |stored: &[u8]| {
            let mut entries = parse(stored);
            entries.insert(fingerprint.clone(), entry.clone());
            Ok(serde_json::to_string_pretty(&entries)?)
        };
        if let Err(error) = update::<io::Error>(file, with_entry) {
            tracing::warn!(file = %file.display(), %error, "cannot save the heads that point at passages");
        }
    }
}

fn sorted(heads: &[Head]) -> Arc<[Head]> {
    let mut heads = heads.to_vec();
    heads.sort_unstable();
    heads.dedup();
    heads.into()
}

fn read(file: &Path) -> Entries {
    std::fs::read(file).map(|stored| parse(&stored)).unwrap_or_default()
}

fn parse(stored: &[u8]) -> Entries {
    serde_json::from_slice(stored).unwrap_or_default()
}

/// How many heads are asked where to look.
const HEADS: usize = 8;

/// A head that finds less than this share of the facts doesn't point at them.
const LEAST_FOUND: f32 = 0.25;

/// The trials that were done so far.
#[derive(Debug, Default)]
pub(super) struct HeadSearch {
    pub(super) done: usize,
    /// For each head of each layer: how many facts it found, and the sum of its shares of attention on them.
    pub(super) sums: Vec<(f32, f32)>,
    /// Of the text of the trials, what a snapshot has.
    pub(super) text: Option<CacheIndex>,
}

impl HeadSearch {
    /// The heads that point at facts, best first.
    pub(super) fn best(&self, heads_a_layer: u32) -> Vec<Pointing> {
        let head_of = |index: usize| Head { layer: index as u32 / heads_a_layer, head: index as u32 % heads_a_layer };
        let trials = self.done.max(1) as f32;
        let pointing = |(index, (found, share)): (usize, &(f32, f32))| Pointing {
            head: head_of(index),
            found: found / trials,
            share: share / trials,
        };
        let mut all: Vec<Pointing> = self.sums.iter().enumerate().map(pointing).collect();
        all.sort_by(|one, other| {
            let worth = |pointing: &Pointing| (pointing.found, pointing.share);
            worth(other).partial_cmp(&worth(one)).unwrap_or(std::cmp::Ordering::Equal).then(one.head.cmp(&other.head))
        });
        all.truncate(HEADS);
        all.retain(|pointing| pointing.found >= LEAST_FOUND);
        all
    }
}

/// Bytes at the beginning of a model's file that its fingerprint covers: names, sizes and the vocabulary's beginning.
const HEAD_BYTES: usize = 1 << 18;
/// Samples of the rest, and their size.
const SAMPLES: u64 = 64;
const SAMPLE_BYTES: usize = 1 << 12;

/// A hash of a file's length, its beginning and samples of its bytes: as good as one of the whole, in a millisecond.
pub(super) fn fingerprint(model: &Path) -> io::Result<String> {
    let mut file = File::open(model)?;
    let length = file.metadata()?.len();
    let mut hash = Sha256::new();
    hash.update(length.to_le_bytes());
    let mut bytes = vec![0; HEAD_BYTES.min(length as usize)];
    file.read_exact(&mut bytes)?;
    hash.update(&bytes);
    bytes.truncate(SAMPLE_BYTES);
    for sample in 1..=SAMPLES {
        file.seek(SeekFrom::Start((length - bytes.len() as u64) * sample / SAMPLES))?;
        file.read_exact(&mut bytes)?;
        hash.update(&bytes);
    }
    Ok(hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_heads_can_be_read() {
        for (fingerprint, entry) in &*SHIPPED {
            assert!(fingerprint.len() == 64 && !entry.heads.is_empty() && !entry.model.is_empty(), "{entry:?}");
        }
    }

    #[test]
    fn a_fingerprint_tells_files_apart_and_not_their_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let print = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("it can be written");
            fingerprint(&path).expect("it can be read")
        };
        let one = vec![1; 500_000];
        let mut other = one.clone();
        *other.last_mut().expect("it has bytes") = 2;
        assert_eq!(print("a", &one), print("b", &one));
        assert_ne!(print("a", &one), print("c", &other));
        assert_ne!(print("d", b""), print("e", b"x"));
        assert!(fingerprint(&folder.path().join("none")).is_err());
    }
}
