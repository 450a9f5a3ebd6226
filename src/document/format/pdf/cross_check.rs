//! Compares the text with that of poppler's `pdftotext`, if it is installed.
//!
//! Only `lunette inspect` does this. The result is a remark; the text never comes from `pdftotext`.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use super::lines::PageLines;

/// A thousand pages take three seconds.
const MOST_TIME: Duration = Duration::from_secs(10);
const MOST_BYTES: u64 = 256 << 20;
/// Scripts from here on do not separate words by spaces, except for ligatures.
const FIRST_IDEOGRAPH: char = '\u{2e80}';

/// The share of words that both found. `None` if `pdftotext` is not installed, fails, or finds no words.
pub(super) fn remark(bytes: &Arc<Vec<u8>>, pages: &[PageLines]) -> Option<String> {
    let theirs = counts([pdftotext(bytes)?.as_str()]);
    let all: usize = theirs.values().sum();
    let ours = counts(pages.iter().flat_map(|page| &page.lines).map(String::as_str));
    let both: usize = theirs.iter().map(|(word, &count)| count.min(ours.get(word).copied().unwrap_or(0))).sum();
    (all > 0).then(|| {
        format!("pdftotext finds {all} words, of which {:.1}% are in this text", 100.0 * both as f64 / all as f64)
    })
}

/// Counts words, in lower case and without surrounding punctuation. An ideograph counts as a word.
fn counts<'a>(texts: impl IntoIterator<Item = &'a str>) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    let mut word = String::new();
    for character in texts.into_iter().flat_map(|text| text.chars().chain([' '])) {
        let is_spaced = character.is_alphanumeric() && character < FIRST_IDEOGRAPH;
        if is_spaced {
            word.extend(character.to_lowercase());
            continue;
        }
        if !word.is_empty() {
            *counts.entry(std::mem::take(&mut word)).or_default() += 1;
        }
        if character.is_alphanumeric() {
            *counts.entry(character.to_string()).or_default() += 1;
        }
    }
    counts
}

fn pdftotext(bytes: &Arc<Vec<u8>>) -> Option<String> {
    let mut command = Command::new("pdftotext");
    command.args(["-enc", "UTF-8", "-", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let (mut input, bytes) = (child.stdin.take()?, Arc::clone(bytes));
    thread::spawn(move || input.write_all(&bytes));
    let output = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = Vec::new();
        let read = output.take(MOST_BYTES).read_to_end(&mut text);
        let _ = sender.send(read.map(|_| text));
    });
    let text = receiver.recv_timeout(MOST_TIME);
    let _ = child.kill();
    let _ = child.wait();
    Some(String::from_utf8_lossy(&text.ok()?.ok()?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_whatever_stands_around_them() {
        let found = counts(["The cat, the “Cat”;", "12.5"]);
        assert_eq!(
            found,
            [("the", 2), ("cat", 2), ("12", 1), ("5", 1)].map(|(word, count)| (word.to_owned(), count)).into()
        );
    }
}
