//! What this machine was measured to prefill, by model: kept on disk, so that the next plan needs no measuring.
//!
//! The file has one entry for each model and way of computing. A run that prefills writes its entry anew; a run that
//! only plans reads it. The entry holds the cost model's sums, from which the seconds of any length under any preset
//! follow.
//!
//! Example: 12,000 tokens of a book were prefilled with a 0.5B on this CPU; the next day `lunette fit` says how long
//! 60,000 take, and when that was measured.
//!
//! What it does not do: decide anything by it, or fail. A file that can't be read or written counts as an empty one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::config::{EngineConfig, EngineSettings};
use super::cost_model::Sums;
use super::message::ModelInfo;
use crate::store::write_whole;

/// Fewer tokens say little: most of their time is the call's own cost.
const WORTH_KEEPING_TOKENS: u32 = 256;

/// What a prediction is based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// Tokens that were prefilled, all in all.
    pub tokens: u64,
    /// When the last of them were prefilled.
    pub at: SystemTime,
}

/// The entry of one model and way of computing, and the file that it is kept in.
#[derive(Debug)]
pub(super) struct Calibration {
    /// `None`: nothing is kept.
    file: Option<PathBuf>,
    entry: CalibrationEntry,
}

/// What is known of one model and way of computing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct CalibrationEntry {
    /// Name and size of the model's file.
    model: String,
    /// What computes, with everything that decides how fast.
    machine: String,
    tokens: u64,
    /// Seconds since 1970.
    at_s: u64,
    sums: Sums,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct CalibrationFile {
    speeds: Vec<CalibrationEntry>,
}

impl Calibration {
    /// The entry of `model` computed as `config` says.
    pub(super) fn open(config: &EngineConfig, model: &ModelInfo) -> Self {
        let name = config.model.file_name().unwrap_or_default().to_string_lossy();
        let bytes = fs::metadata(&config.model).map_or(0, |file| file.len());
        let entry = CalibrationEntry {
            model: format!("{name} {bytes}"),
            machine: machine(&config.settings, model),
            ..CalibrationEntry::default()
        };
        let known = config.settings.speeds.as_deref().and_then(|file| read(file).find(&entry));
        Self { file: config.settings.speeds.clone(), entry: known.unwrap_or(entry) }
    }

    /// One that knows and keeps nothing.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self { file: None, entry: CalibrationEntry::default() }
    }

    pub(super) fn sums(&self) -> Sums {
        self.entry.sums
    }

    /// `None` when nothing was measured yet.
    pub(super) fn measured(&self) -> Option<Measured> {
        let CalibrationEntry { tokens, at_s, .. } = self.entry;
        (tokens > 0).then(|| Measured { tokens, at: UNIX_EPOCH + Duration::from_secs(at_s) })
    }

    /// Notes that `tokens` more were prefilled, after which the cost model has `sums`.
    pub(super) fn record(&mut self, tokens: u32, sums: Sums) {
        if tokens < WORTH_KEEPING_TOKENS {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.entry = CalibrationEntry {
            tokens: self.entry.tokens + u64::from(tokens),
            at_s: now.as_secs(),
            sums,
            ..self.entry.clone()
        };
        let Some(file) = &self.file else { return };
        if let Err(error) = read(file).with(self.entry.clone()).write(file) {
            tracing::warn!(file = %file.display(), %error, "measured speeds are not kept");
        }
    }
}

/// `CPU · 2 threads · ubatch 512 · f16 · flash`
fn machine(settings: &EngineSettings, model: &ModelInfo) -> String {
    let threads = settings.threads.map_or("every core".to_owned(), |threads| format!("{threads} threads"));
    let flash = if settings.flash_attention { " · flash" } else { "" };
    let ubatch = settings.clone().for_device(model.has_gpu()).ubatch_tokens();
    format!("{} · {threads} · ubatch {ubatch} · {}{flash}", model.place(), settings.kv_dtype.name())
}

fn read(file: &Path) -> CalibrationFile {
    let text = fs::read(file).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

impl CalibrationFile {
    fn find(&self, wanted: &CalibrationEntry) -> Option<CalibrationEntry> {
        self.speeds.iter().find(|entry| entry.is_about(wanted)).cloned()
    }

    fn with(mut self, entry: CalibrationEntry) -> Self {
        self.speeds.retain(|other| !other.is_about(&entry));
        self.speeds.push(entry);
        self
    }

    /// In one move: another process reads the old file or the new one, never half of it.
    fn write(&self, file: &Path) -> io::Result<()> {
        write_whole(file, &serde_json::to_string_pretty(self)?)
    }
}

impl CalibrationEntry {
    fn is_about(&self, other: &Self) -> bool {
        self.model == other.model && self.machine == other.machine
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cost_model::{CostModel, Shape};
    use crate::swaa::Attention;

    fn learnt() -> Sums {
        let mut cost_model =
            CostModel::knowing(Shape { parameters: 1e8, layers: 4, attention_width: 64.0 }, false, Sums::default());
        cost_model.observe(0, 512, &Attention::Full, Duration::from_secs(1));
        cost_model.sums()
    }

    fn calibration(file: &Path, model: &str) -> Calibration {
        let entry = CalibrationEntry { model: model.into(), machine: "CPU".into(), ..CalibrationEntry::default() };
        let known = read(file).find(&entry);
        Calibration { file: Some(file.into()), entry: known.unwrap_or(entry) }
    }

    #[test]
    fn what_was_read_is_known_in_the_next_run_of_the_same_model_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("state/speeds.json");
        let mut first = calibration(&file, "a");
        assert_eq!((first.measured(), first.sums()), (None, Sums::default()));
        first.record(1_000, learnt());
        first.record(500, learnt());
        let (again, other) = (calibration(&file, "a"), calibration(&file, "b"));
        assert_eq!((again.measured().map(|measured| measured.tokens), again.sums()), (Some(1_500), learnt()));
        assert_eq!(other.measured(), None);
    }

    #[test]
    fn a_few_tokens_are_no_measurement() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("speeds.json");
        calibration(&file, "a").record(WORTH_KEEPING_TOKENS - 1, learnt());
        assert!(!file.exists());
    }

    #[test]
    fn a_damaged_file_is_an_empty_one_and_is_written_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("speeds.json");
        fs::write(&file, "{ not JSON").expect("a file");
        let mut damaged = calibration(&file, "a");
        assert_eq!(damaged.measured(), None);
        damaged.record(1_000, learnt());
        assert!(calibration(&file, "a").measured().is_some());
    }
}
