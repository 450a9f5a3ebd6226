//! Writes answers to standard output, and everything else to standard error.
//!
//! Standard output carries the answer and exactly one newline after it, without escape sequences, whatever the model
//! wrote. Standard error carries notes, reasoning, figures and errors; and, on a terminal, a progress bar that
//! disappears when it is done.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::chat::code_blocks;
use crate::document::{LoadProgress, WebProgress};
use crate::engine::message::Progress;
use crate::exit::ExitError;
use crate::harmless;
use crate::models::{Entry, PullProgress};
use crate::session::{Activity, Observer};
use crate::settings::{Output, Terminal};
use crate::units::{bytes, rate, time};

/// What takes less is not told. How often a terminal shows where reading is.
const UNNOTICED: Duration = Duration::from_secs(1);
/// After this time it is told where there is no terminal, too, and again whenever twice as much time has passed.
const LONG: Duration = Duration::from_secs(10);

/// The two output streams. The progress bar also draws on standard error, so all writes go through here.
pub struct Reporter<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    output: Output,
    terminal: Terminal,
    bar: ProgressBar,
}

impl<'a> Reporter<'a> {
    pub fn new(out: &'a mut dyn Write, err: &'a mut dyn Write, output: Output, terminal: Terminal) -> Self {
        Self { out, err, output, terminal, bar: ProgressBar::hidden() }
    }

    /// Writes one object on its own line.
    pub(super) fn object(&mut self, object: &impl Serialize) -> io::Result<()> {
        let json = serde_json::to_string(object)?;
        self.out.write_all(harmless::json(&json).as_bytes())?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    /// Writes text to standard output.
    pub(super) fn data(&mut self, text: &str) -> io::Result<()> {
        self.exactly(&harmless::text(text))
    }

    /// A text that is asked for as it is: made harmless for a terminal alone.
    pub(super) fn source(&mut self, text: &str) -> io::Result<()> {
        if self.terminal.stdout { self.data(text) } else { self.exactly(text) }
    }

    fn exactly(&mut self, text: &str) -> io::Result<()> {
        self.bar.finish_and_clear();
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Writes a line to standard error. A failed write is ignored.
    pub fn note(&mut self, text: &str) {
        let (err, text) = (&mut self.err, harmless::text(text));
        self.bar.suspend(|| {
            let _ = writeln!(err, "{text}");
        });
    }

    /// Writes a piece of the model's reasoning, dimmed on a terminal with colour.
    pub(super) fn reasoning(&mut self, text: &str) {
        self.clear_bar();
        let (dim, plain) = if self.terminal.stderr && self.terminal.color { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
        let _ = write!(self.err, "{dim}{}{plain}", harmless::text(text));
        let _ = self.err.flush();
    }

    /// Reports why the run failed: as text on standard error, or as the last JSON object.
    pub fn error(&mut self, error: &ExitError) {
        self.clear_bar();
        let Some((message, hint)) = error.told() else { return };
        if self.output == Output::Text {
            let hint = hint.map_or(String::new(), |hint| format!("\nhint: {hint}"));
            self.note(&format!("error: {message}{hint}"));
            return;
        }
        // If standard output is gone, a script still has the exit code.
        let kind = (self.output == Output::JsonLines).then_some("error");
        let body = ErrorBody { message, hint, exit_code: error.exit().code() };
        let _ = self.object(&ErrorObject { kind, error: body });
    }

    /// Removes the bar from the terminal.
    fn clear_bar(&mut self) {
        self.bar.finish_and_clear();
        self.bar = ProgressBar::hidden();
    }

    pub(super) fn loading(&mut self, fraction: f32) {
        if self.bar.is_hidden() && self.terminal.stderr {
            self.bar = bar("loading the model {bar:30} {percent}%");
            self.bar.set_length(1000);
        }
        self.bar.set_position((fraction * 1000.0) as u64);
        if fraction >= 1.0 {
            self.clear_bar();
        }
    }

    /// Shows how far a check of files has come.
    pub(super) fn verifying(&mut self, done: u64, total: u64) {
        self.bytes_bar("checking", done, total);
    }

    fn finding_heads(&mut self, done: u32, total: u32) {
        if self.bar.is_hidden() && self.terminal.stderr {
            self.bar = bar("asking about planted facts {bar:30} {pos} of {len}");
        }
        self.bar.set_length(total.into());
        self.bar.set_position(done.into());
        if done == total {
            self.clear_bar();
        }
    }

    fn fetch_begins(&mut self, entry: &Entry) {
        let license = entry.license().map_or(String::new(), |license| format!(", {license}"));
        self.note(&format!("fetching {} ({}{license})", entry.title, bytes(entry.all_bytes())));
    }

    fn fetching(&mut self, progress: &PullProgress) {
        match progress {
            PullProgress::Waiting => self.note("another process is fetching this model; waiting"),
            PullProgress::Asking { source } => self.note(&format!("fetching from {source}")),
            PullProgress::Fetching { done, total } => self.bytes_bar("fetching", *done, *total),
            PullProgress::Checking { done, total } => self.bytes_bar("checking", *done, *total),
        }
    }

    /// Shows the download of a document. Not every server reports its size.
    fn fetching_document(&mut self, progress: WebProgress) {
        match progress.total {
            Some(total) => self.bytes_bar("fetching", progress.done, total),
            None if self.bar.is_hidden() && self.terminal.stderr => self.bar = bar("fetching {decimal_bytes}"),
            None => self.bar.set_position(progress.done),
        }
    }

    /// Most documents are read before anyone could see it; of others it is shown where reading is, and for how long.
    fn reading_documents(&mut self, first: Option<&str>, progress: &LoadProgress) {
        self.clear_bar();
        self.bar = ProgressBar::hidden().with_style(style("reading {msg} · {elapsed} · Ctrl-C gives up"));
        self.bar.set_message(first.map_or(String::new(), |first| harmless::line(first).into_owned()));
        let (bar, progress) = (self.bar.clone(), progress.clone());
        let show = if self.terminal.stderr { show_place } else { tell_place };
        thread::spawn(move || show(&bar, &progress));
    }

    fn bytes_bar(&mut self, what: &'static str, done: u64, total: u64) {
        if self.bar.is_hidden() && self.terminal.stderr {
            self.bar =
                bar("{msg} {bar:30} {decimal_bytes} of {decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left");
        }
        self.bar.set_message(what);
        self.bar.set_length(total);
        self.bar.set_position(done);
        if done >= total {
            self.clear_bar();
        }
    }

    pub(super) fn reading(&mut self, progress: &Progress) {
        if self.bar.is_hidden() && self.terminal.stderr {
            self.bar = bar("prefilling {bar:30} {pos}/{len} tokens {msg}");
        }
        self.bar.set_length(progress.total_tokens.into());
        self.bar.set_position(progress.done_tokens.into());
        let left = progress.remaining.map_or(String::new(), |left| format!(", {} left", time(left)));
        self.bar.set_message(format!("{}{left}", rate(progress.tokens_per_s)));
        if progress.done_tokens >= progress.total_tokens {
            self.clear_bar();
        }
    }
}

impl Observer for Reporter<'_> {
    fn note(&mut self, text: &str) {
        Reporter::note(self, &format!("note: {text}"));
    }

    fn progress(&mut self, activity: Activity<'_>) {
        match activity {
            Activity::FetchingDocument(progress) => self.fetching_document(progress),
            Activity::DocumentsFetched | Activity::DocumentsRead => self.clear_bar(),
            Activity::ReadingDocuments { first, progress } => self.reading_documents(first, progress),
            Activity::ModelFetchBegins(entry) => self.fetch_begins(entry),
            Activity::FetchingModel(progress) => self.fetching(progress),
            Activity::LoadingModel(fraction) => self.loading(fraction),
            Activity::Prefilling(progress) => self.reading(progress),
            Activity::FindingHeads { done, total } => self.finding_heads(done, total),
        }
    }
}

/// Shows where reading is in `bar`, until that is finished.
fn show_place(bar: &ProgressBar, progress: &LoadProgress) {
    loop {
        thread::sleep(UNNOTICED);
        if bar.is_finished() {
            return;
        }
        if let Some(place) = progress.now() {
            bar.set_message(harmless::line(&place.to_string()).into_owned());
        }
        // Nothing is known yet of what somebody types.
        if bar.is_hidden() && !bar.message().is_empty() {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        bar.tick();
    }
}

/// Writes where reading is to standard error, now and then, until `bar` is finished, which nobody sees.
fn tell_place(bar: &ProgressBar, progress: &LoadProgress) {
    let mut next = LONG;
    loop {
        thread::sleep(UNNOTICED);
        if bar.is_finished() {
            return;
        }
        if bar.elapsed() < next {
            continue;
        }
        if let Some(place) = progress.now() {
            let place = place.to_string();
            let note = format!("note: still reading {} after {} s", harmless::line(&place), next.as_secs());
            let _ = writeln!(io::stderr(), "{note}");
        }
        next *= 2;
    }
}

fn bar(template: &str) -> ProgressBar {
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style(template))
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates here are well-formed")
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    error: ErrorBody<'a>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    message: &'a str,
    hint: Option<&'a str>,
    exit_code: u8,
}

/// Passes a growing answer through, without white space around it and without control characters.
#[derive(Debug, Default)]
pub(super) struct Tidy {
    begun: bool,
    /// White space that is passed on if more text follows.
    held: String,
}

impl Tidy {
    /// Adds `piece`, and returns what can be written now.
    pub(super) fn push(&mut self, piece: &str) -> String {
        let mut ready = String::new();
        for c in piece.chars() {
            if c.is_whitespace() {
                self.held.push(c);
                continue;
            }
            if self.begun {
                ready.push_str(&harmless::text(&self.held));
            }
            self.begun = true;
            self.held.clear();
            ready.push(harmless::sign(c).unwrap_or(c));
        }
        ready
    }
}

/// `text` as [`Tidy`] passes it on.
pub(super) fn tidied(text: &str) -> String {
    Tidy::default().push(text)
}

/// The first fenced code block of `text`, without its fences; all of `text` if there is none.
pub(super) fn extracted(text: &str) -> String {
    let block = code_blocks(text).into_iter().next();
    block.map_or_else(|| text.to_owned(), |block| block.trim_end_matches('\n').to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answer_has_no_white_space_around_it_and_no_escapes_in_it() {
        let mut tidy = Tidy::default();
        let written: String =
            ["\n ", " He", " is \n", "\n", "red\x1b[31m", ".\n\n"].iter().map(|piece| tidy.push(piece)).collect();
        assert_eq!(written, "He is \n\nred␛[31m.");
    }

    #[test]
    fn the_first_code_block_is_extracted() {
        assert_eq!(
            extracted("So:\n```rust\nfn a() {}\n\nfn b() {}\n```\nand\n```\nc\n```\n"),
            "fn a() {}\n\nfn b() {}"
        );
        assert_eq!(extracted("no code"), "no code");
        assert_eq!(extracted("```sh\nls"), "ls", "a block that was cut off");
    }

    proptest! {
        #[test]
        fn pieces_are_tidied_as_the_whole_is(text in "[a \r\n\x1b\u{3000}é]{0,30}", cut in 0_usize..30) {
            let cut = text.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(text.len());
            let mut tidy = Tidy::default();
            let pieces = tidy.push(&text[..cut]) + &tidy.push(&text[cut..]);
            prop_assert_eq!(&pieces, &tidied(&text));
            prop_assert_eq!(pieces.trim(), &pieces);
        }
    }
}
