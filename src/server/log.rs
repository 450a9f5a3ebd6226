//! The log of a server: one JSON object per line on standard output.
//!
//! ```text
//! {"time":"2026-11-30T09:00:00Z","event":"listening","address":"127.0.0.1:8080","key":false}
//! {"time":"2026-11-30T09:00:12Z","event":"read","preset":"accurate","document":160900,"cached":160900,"from_disk":160900,"prefilled":0}
//! {"time":"2026-11-30T09:01:03Z","event":"request","peer":"127.0.0.1","method":"POST","path":"/v1/chat/completions","status":200, …}
//! ```
//!
//! Questions, answers, documents and keys are not in it. It is written by a thread, so that a reader who stops reading stops nobody else;
//! what is written after the reader is gone is dropped.

use std::io::Write;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::chat::Moment;
use crate::engine::message::Figures;
use crate::failure::Failure;
use crate::harmless;

/// A path is repeated up to here.
const LONGEST_PATH: usize = 100;

/// Writes lines.
#[derive(Debug, Clone)]
pub(super) struct Log {
    lines: Sender<String>,
}

/// What is told of a request.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    pub(super) peer: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) status: u16,
    pub(super) seconds: f64,
    /// Of an answer: how long it waited, its preset, finish and tokens; of an error why.
    pub(super) more: Map<String, Value>,
}

impl Log {
    /// A log that is written to `out`.
    pub(super) fn to(mut out: impl Write + Send + 'static) -> Self {
        let (lines, written) = channel::<String>();
        thread::spawn(move || {
            for line in written {
                if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
                    return;
                }
            }
        });
        Self { lines }
    }

    pub(super) fn listening(&self, address: &str, has_key: bool) {
        self.event("listening", json!({ "address": address, "key": has_key }));
    }

    pub(super) fn loaded(&self, model: &str, seconds: f64) {
        self.event("loaded", json!({ "model": model, "load_s": seconds }));
    }

    /// The documents are read.
    pub(super) fn read(&self, preset: &str, figures: &Figures) {
        let counts = figures.tokens;
        self.event(
            "read",
            json!({
                "preset": preset, "document": counts.document, "cached": counts.cached, "from_disk": counts.from_disk,
                "prefilled": counts.prefilled,
            }),
        );
    }

    pub(super) fn failed(&self, failure: &Failure) {
        self.event("failed", json!({ "error": failure.message, "hint": failure.hint }));
    }

    pub(super) fn closing(&self) {
        self.event("closing", json!({}));
    }

    pub(super) fn request(&self, told: Told) {
        let Told { peer, method, path, status, seconds, more } = told;
        let path = &path[..path.floor_char_boundary(LONGEST_PATH)];
        let mut line = json!({ "peer": peer, "method": method, "path": path, "status": status, "seconds": seconds });
        line.as_object_mut().expect("it was just made").extend(more);
        self.event("request", line);
    }

    fn event(&self, name: &str, more: Value) {
        let time = Moment::from(SystemTime::now()).strftime("%Y-%m-%dT%H:%M:%SZ");
        let mut line = json!({ "time": time, "event": name });
        if let (Some(line), Value::Object(more)) = (line.as_object_mut(), more) {
            line.extend(more);
        }
        let _ = self.lines.send(format!("{}\n", harmless::json(&line.to_string())));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    struct Lines(Sender<String>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.send(String::from_utf8(bytes.to_vec()).expect("UTF-8")).map_err(std::io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn log() -> (Log, Receiver<String>) {
        let (lines, written) = channel();
        (Log::to(Lines(lines)), written)
    }

    #[test]
    fn each_line_is_an_object_with_its_time() {
        let (log, written) = log();
        let path = format!("/\u{9b}2J{}", "é".repeat(200));
        log.request(Told { path, status: 404, ..Told::default() });
        let line = written.recv().expect("a line");
        assert!(line.contains("\\u009b") && line.ends_with("}\n"), "{line}");
        let object: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!((&object["event"], &object["status"]), (&json!("request"), &json!(404)));
        assert!(object["path"].as_str().is_some_and(|path| path.len() <= LONGEST_PATH));
        assert!(object["time"].as_str().is_some_and(|time| time.len() == 20 && time.ends_with('Z')));
    }

    #[test]
    fn a_reader_who_is_gone_stops_nothing() {
        let (log, written) = log();
        drop(written);
        (0..100).for_each(|_| log.closing());
    }
}
