//! Counts for Prometheus.
//!
//! ```text
//! # HELP lunette_requests_total Requests, by status.
//! # TYPE lunette_requests_total counter
//! lunette_requests_total{status="200"} 12
//! lunette_tokens_total{kind="prefilled"} 30250
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use crate::engine::message::{Figures, Memory, TokenCounts};

/// What has happened since the server began.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    requests: BTreeMap<u16, u64>,
    answers: u64,
    answering: Duration,
    waiting: Duration,
    /// Prompt, cached, from disk, prefilled, generated.
    tokens: [u64; 5],
    memory: Memory,
}

/// What is so at the moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) waiting: usize,
    pub(super) answering: usize,
    pub(super) connections: usize,
    pub(super) is_loaded: bool,
}

impl Metrics {
    pub(super) fn request(&self, status: u16) {
        self.with(|counts| *counts.requests.entry(status).or_default() += 1);
    }

    /// An answer that waited for its turn, and then took `answering`.
    pub(super) fn answer(&self, waiting: Duration, answering: Duration, figures: &Figures) {
        let TokenCounts { prompt, cached, from_disk, prefilled, generated, .. } = figures.tokens;
        self.with(|counts| {
            counts.answers += 1;
            counts.answering += answering;
            counts.waiting += waiting;
            let added = [prompt, cached, from_disk, prefilled, generated];
            counts.tokens.iter_mut().zip(added).for_each(|(all, more)| *all += u64::from(more));
            counts.memory = figures.memory;
        });
    }

    /// The mean time of an answer; `None` before there was one.
    pub(super) fn mean_answer(&self) -> Option<Duration> {
        self.with(|counts| counts.answering.checked_div(u32::try_from(counts.answers).unwrap_or(u32::MAX)))
    }

    /// The text for Prometheus.
    pub(super) fn text(&self, now: Now) -> String {
        self.with(|counts| counts.text(now))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Counts) -> T) -> T {
        act(&mut self.counts.lock().expect("nothing panics while it holds the lock"))
    }
}

impl Counts {
    fn text(&self, now: Now) -> String {
        let mut text = String::new();
        let by_status: Vec<(String, f64)> =
            self.requests.iter().map(|(status, count)| (format!("{{status=\"{status}\"}}"), *count as f64)).collect();
        add(&mut text, "requests_total", "counter", "Requests, by status.", &by_status);
        let kinds = ["prompt", "cached", "from_disk", "prefilled", "generated"];
        let by_kind: Vec<(String, f64)> =
            kinds.iter().zip(self.tokens).map(|(kind, count)| (format!("{{kind=\"{kind}\"}}"), count as f64)).collect();
        add(&mut text, "tokens_total", "counter", "Tokens of answered requests, by what was done with them.", &by_kind);
        let mut one = |name, kind, help, value: f64| add(&mut text, name, kind, help, &[(String::new(), value)]);
        one("answers_total", "counter", "Answers.", self.answers as f64);
        one("answer_seconds_total", "counter", "Time that answers took, added up.", self.answering.as_secs_f64());
        one(
            "wait_seconds_total",
            "counter",
            "Time that answered requests waited for their turn.",
            self.waiting.as_secs_f64(),
        );
        one("waiting", "gauge", "Requests that wait for their turn.", now.waiting as f64);
        one("answering", "gauge", "Requests that are being answered.", now.answering as f64);
        one("connections", "gauge", "Open connections.", now.connections as f64);
        one("loaded", "gauge", "1 once the model is loaded.", f64::from(u8::from(now.is_loaded)));
        one("kv_bytes", "gauge", "Memory of the KV cache, after the last answer.", self.memory.kv_bytes as f64);
        one("resident_bytes", "gauge", "Memory of the process, after the last answer.", self.memory.rss_bytes as f64);
        text
    }
}

fn add(text: &mut String, name: &str, kind: &str, help: &str, values: &[(String, f64)]) {
    let head = format!("# HELP lunette_{name} {help}\n# TYPE lunette_{name} {kind}\n");
    text.push_str(&head);
    for (labels, value) in values {
        writeln!(text, "lunette_{name}{labels} {value}").expect("a string takes everything");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::fixtures::answer_figures;
    use crate::swaa::RecipeSpec;

    #[test]
    fn counts_add_up() {
        let metrics = Metrics::default();
        assert_eq!(metrics.mean_answer(), None);
        let figures = answer_figures(&RecipeSpec::FULL, 6);
        for _ in 0..2 {
            metrics.request(200);
            metrics.answer(Duration::from_secs(1), Duration::from_secs(3), &figures);
        }
        metrics.request(429);
        assert_eq!(metrics.mean_answer(), Some(Duration::from_secs(3)));
        let text = metrics.text(Now { waiting: 4, answering: 3, connections: 5, is_loaded: true });
        let prompt = u64::from(figures.tokens.prompt) * 2;
        for line in [
            "lunette_requests_total{status=\"200\"} 2",
            "lunette_requests_total{status=\"429\"} 1",
            &format!("lunette_tokens_total{{kind=\"prompt\"}} {prompt}"),
            "lunette_answer_seconds_total 6",
            "lunette_waiting 4",
            "lunette_answering 3",
            "lunette_loaded 1",
        ] {
            assert!(text.lines().any(|written| written == line), "{line} is not in\n{text}");
        }
        let described = text.lines().filter(|line| line.starts_with("# TYPE ")).count();
        assert_eq!(described, text.lines().filter(|line| line.starts_with("# HELP ")).count());
    }
}
