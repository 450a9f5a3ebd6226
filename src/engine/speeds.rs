//! What was this machine measured to read, with which model? Kept on disk, so that the next plan needs no measuring.
//!
//! The picture: a ledger with a line for each model and way of computing. A run that reads writes its line anew; a run that only plans
//! reads it. The line holds the forecaster's sums, from which the seconds of any length under any preset follow.
//!
//! Example: 12,000 tokens of a book were read with a 0.5B on this CPU; the next day `lunette fit` says what 60,000 take, and from when it knows.
//!
//! What it does not do: decide anything by it, or fail. A ledger that can't be read or written is as good as an empty one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::config::{EngineConfig, EngineSettings};
use super::forecast::Sums;
use super::message::ModelInfo;
use crate::store::write_whole;

/// Shorter readings say little: a call's own cost is most of it.
const WORTH_KEEPING_TOKENS: u32 = 256;

/// Where a prediction comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// Tokens that were read, all in all.
    pub tokens: u64,
    /// When the last of them were.
    pub at: SystemTime,
}

/// The ledger, open at the line of one model and way of computing.
#[derive(Debug)]
pub(super) struct Ledger {
    /// `None`: nothing is kept.
    file: Option<PathBuf>,
    line: Line,
}

/// What is known of one model and way of computing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Line {
    /// Name and size of the model's file.
    model: String,
    /// What computes, with all that settles how fast.
    machine: String,
    tokens: u64,
    /// Seconds since 1970.
    at_s: u64,
    sums: Sums,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Page {
    speeds: Vec<Line>,
}

impl Ledger {
    /// The line of `model` computed as `config` says.
    pub(super) fn open(config: &EngineConfig, model: &ModelInfo) -> Self {
        let name = config.model.file_name().unwrap_or_default().to_string_lossy();
        let bytes = fs::metadata(&config.model).map_or(0, |file| file.len());
        let line =
            Line { model: format!("{name} {bytes}"), machine: machine(&config.settings, model), ..Line::default() };
        let known = config.settings.speeds.as_deref().and_then(|file| read(file).find(&line));
        Self { file: config.settings.speeds.clone(), line: known.unwrap_or(line) }
    }

    /// One that knows and keeps nothing.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self { file: None, line: Line::default() }
    }

    pub(super) fn sums(&self) -> Sums {
        self.line.sums
    }

    /// `None` when nothing was measured yet.
    pub(super) fn measured(&self) -> Option<Measured> {
        let Line { tokens, at_s, .. } = self.line;
        (tokens > 0).then(|| Measured { tokens, at: UNIX_EPOCH + Duration::from_secs(at_s) })
    }

    /// Notes that `tokens` more were read, after which the forecaster knows `sums`.
    pub(super) fn record(&mut self, tokens: u32, sums: Sums) {
        if tokens < WORTH_KEEPING_TOKENS {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.line =
            Line { tokens: self.line.tokens + u64::from(tokens), at_s: now.as_secs(), sums, ..self.line.clone() };
        let Some(file) = &self.file else { return };
        if let Err(error) = read(file).with(self.line.clone()).write(file) {
            tracing::warn!(file = %file.display(), %error, "measured speeds are not kept");
        }
    }
}

/// `CPU · 2 threads · ubatch 512 · f16 · flash`
fn machine(settings: &EngineSettings, model: &ModelInfo) -> String {
    let threads = settings.threads.map_or("every core".to_owned(), |threads| format!("{threads} threads"));
    let flash = if settings.flash_attention { " · flash" } else { "" };
    let ubatch = settings.clone().for_device(model.has_gpu()).ubatch_tokens();
    format!("{} · {threads} · ubatch {ubatch} · {}{flash}", model.place(), settings.kv_type.name())
}

fn read(file: &Path) -> Page {
    let text = fs::read(file).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

impl Page {
    fn find(&self, wanted: &Line) -> Option<Line> {
        self.speeds.iter().find(|line| line.is_about(wanted)).cloned()
    }

    fn with(mut self, line: Line) -> Self {
        self.speeds.retain(|other| !other.is_about(&line));
        self.speeds.push(line);
        self
    }

    /// In one move, so that whoever reads meanwhile reads the old page or the new one.
    fn write(&self, file: &Path) -> io::Result<()> {
        write_whole(file, &serde_json::to_string_pretty(self)?)
    }
}

impl Line {
    fn is_about(&self, other: &Self) -> bool {
        self.model == other.model && self.machine == other.machine
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::forecast::{Forecaster, Shape};
    use crate::swaa::Attention;

    fn learnt() -> Sums {
        let mut forecaster =
            Forecaster::knowing(Shape { parameters: 1e8, layers: 4, attention_width: 64.0 }, false, Sums::default());
        forecaster.observe(0, 512, &Attention::Full, Duration::from_secs(1));
        forecaster.sums()
    }

    fn ledger(file: &Path, model: &str) -> Ledger {
        let line = Line { model: model.into(), machine: "CPU".into(), ..Line::default() };
        let known = read(file).find(&line);
        Ledger { file: Some(file.into()), line: known.unwrap_or(line) }
    }

    #[test]
    fn what_was_read_is_known_in_the_next_run_of_the_same_model_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("state/speeds.json");
        let mut first = ledger(&file, "a");
        assert_eq!((first.measured(), first.sums()), (None, Sums::default()));
        first.record(1_000, learnt());
        first.record(500, learnt());
        let (again, other) = (ledger(&file, "a"), ledger(&file, "b"));
        assert_eq!((again.measured().map(|measured| measured.tokens), again.sums()), (Some(1_500), learnt()));
        assert_eq!(other.measured(), None);
    }

    #[test]
    fn a_few_tokens_are_no_measurement() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("speeds.json");
        ledger(&file, "a").record(WORTH_KEEPING_TOKENS - 1, learnt());
        assert!(!file.exists());
    }

    #[test]
    fn a_damaged_ledger_is_an_empty_one_and_is_written_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("speeds.json");
        fs::write(&file, "{ not JSON").expect("a file");
        let mut damaged = ledger(&file, "a");
        assert_eq!(damaged.measured(), None);
        damaged.record(1_000, learnt());
        assert!(ledger(&file, "a").measured().is_some());
    }
}
