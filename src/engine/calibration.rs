//! Keeps measured prefill speeds on disk, by model, so that the next plan needs no new measurement.
//!
//! The file has one entry per model and machine configuration. A run that prefills replaces its entry; a run that only
//! plans reads it. The entry holds the cost model's sums, from which the prefill time of any length under any preset
//! follows.
//!
//! Example: 12,000 tokens of a book are prefilled with a 0.5B on this CPU. The next day, `lunette fit` predicts the
//! time for 60,000, and says when it was measured.
//!
//! Never fails: a file that can't be read or written counts as empty.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::config::{EngineConfig, EngineSettings};
use super::cost_model::{Shape, Sums};
use super::message::ModelInfo;
use crate::store::file::update;

/// Fewer tokens are not recorded: most of their time is the overhead of the call.
const WORTH_KEEPING_TOKENS: u32 = 256;

/// What a prediction is based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// Total number of prefilled tokens.
    pub tokens: u64,
    /// Time of the last prefill.
    pub at: SystemTime,
}

/// The entry of one model and machine configuration, and the file that it is kept in.
#[derive(Debug)]
pub(super) struct Calibration {
    /// `None`: not kept.
    file: Option<PathBuf>,
    entry: CalibrationEntry,
}

/// The measurements of one model on one machine configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct CalibrationEntry {
    /// Name and size of the model's file.
    model: String,
    /// The device, and all settings that affect its speed.
    machine: String,
    /// Of the model, as they were counted: the sums are operations with these.
    #[serde(default)]
    parameters: u64,
    tokens: u64,
    /// Seconds since 1970.
    at_s: u64,
    sums: Sums,
}

#[derive(Debug, Default, Serialize)]
struct CalibrationFile {
    speeds: Vec<CalibrationEntry>,
}

impl Calibration {
    /// Opens the entry of `model` with this `shape` under `config`.
    pub(super) fn open(config: &EngineConfig, model: &ModelInfo, shape: Shape) -> Self {
        let name = config.model.file_name().unwrap_or_default().to_string_lossy();
        let bytes = fs::metadata(&config.model).map_or(0, |file| file.len());
        let entry = CalibrationEntry {
            model: format!("{name} {bytes}"),
            machine: machine(&config.settings, model),
            parameters: shape.parameters as u64,
            ..CalibrationEntry::default()
        };
        let known = config.settings.speeds.as_deref().and_then(|file| read(file).find(&entry));
        Self { file: config.settings.speeds.clone(), entry: known.unwrap_or(entry) }
    }

    /// An empty calibration that keeps nothing.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self { file: None, entry: CalibrationEntry::default() }
    }

    pub(super) fn sums(&self) -> Sums {
        self.entry.sums
    }

    /// `None` before anything has been measured.
    pub(super) fn measured(&self) -> Option<Measured> {
        let CalibrationEntry { tokens, at_s, .. } = self.entry;
        // A time beyond what the system can say is none.
        let at = UNIX_EPOCH.checked_add(Duration::from_secs(at_s))?;
        (tokens > 0).then_some(Measured { tokens, at })
    }

    /// Records that `tokens` more were prefilled, and the cost model's new `sums`.
    pub(super) fn record(&mut self, tokens: u32, sums: Sums) {
        if tokens < WORTH_KEEPING_TOKENS {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.entry = CalibrationEntry {
            tokens: self.entry.tokens.saturating_add(u64::from(tokens)),
            at_s: now.as_secs(),
            sums,
            ..self.entry.clone()
        };
        let Some(file) = &self.file else { return };
        let with_entry = |stored: &[u8]| Ok(serde_json::to_string_pretty(&parse(stored).with(self.entry.clone()))?);
        if let Err(error) = update::<io::Error>(file, with_entry) {
            tracing::warn!(file = %file.display(), %error, "cannot save measured speeds");
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
    parse(&fs::read(file).unwrap_or_default())
}

/// An entry that can't be read, or whose sums are none, costs itself.
fn parse(text: &[u8]) -> CalibrationFile {
    #[derive(Default, Deserialize)]
    struct Stored {
        speeds: Vec<serde_json::Value>,
    }
    let Stored { speeds } = serde_json::from_slice(text).unwrap_or_default();
    let entries = speeds.into_iter().filter_map(|entry| serde_json::from_value::<CalibrationEntry>(entry).ok());
    CalibrationFile { speeds: entries.filter(|entry| entry.sums.are_sound()).collect() }
}

impl CalibrationFile {
    fn find(&self, wanted: &CalibrationEntry) -> Option<CalibrationEntry> {
        let counted_alike = |entry: &&CalibrationEntry| entry.parameters == wanted.parameters;
        self.speeds.iter().find(|entry| entry.is_about(wanted)).filter(counted_alike).cloned()
    }

    fn with(mut self, entry: CalibrationEntry) -> Self {
        self.speeds.retain(|other| !other.is_about(&entry));
        self.speeds.push(entry);
        self
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
    use crate::engine::cost_model::CostModel;
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

    /// Versions before counted all experts of a model, of which a token passes a few.
    #[test]
    fn what_was_learnt_of_another_number_of_parameters_is_of_no_use() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("speeds.json");
        calibration(&file, "a").record(1_000, learnt());
        let mut other = calibration(&file, "a");
        other.entry.parameters = 1;
        assert_eq!(read(&file).find(&other.entry), None);
        other.record(500, learnt());
        assert_eq!(read(&file).speeds, [other.entry], "and is replaced");
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
