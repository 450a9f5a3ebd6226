//! A look over the shoulder: does poppler's `pdftotext`, where it is installed, find the same words?
//!
//! It is asked by `lunette inspect` only, never for the text itself, and nothing depends on it: what it says is a remark.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use super::choice::ChosenPage;

/// It reads a thousand pages in three seconds.
const MOST_TIME: Duration = Duration::from_secs(10);
const MOST_BYTES: u64 = 256 << 20;
/// From here on scripts part no words by spaces, but for the ligatures of others.
const FIRST_IDEOGRAPH: char = '\u{2e80}';

/// On how many words it agrees; `None` when it is not there, or has nothing to say.
pub(super) fn remark(bytes: &Arc<Vec<u8>>, pages: &[ChosenPage]) -> Option<String> {
    let theirs = counts([pdftotext(bytes)?.as_str()]);
    let all: usize = theirs.values().sum();
    let ours = counts(pages.iter().map(|page| page.text.as_str()));
    let both: usize = theirs.iter().map(|(word, &count)| count.min(ours.get(word).copied().unwrap_or(0))).sum();
    (all > 0)
        .then(|| format!("pdftotext finds {all} words, {:.1}% of them are here too", 100.0 * both as f64 / all as f64))
}

/// How often each word occurs, in small letters and without the signs around it; an ideograph is a word.
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
