//! Texts that clients have sent, by their hash: a document travels once, and each question about it names it.
//!
//! Those used longest ago are dropped first. Who names a text that is not here is told so and sends it again.
//!
//! Example: with room for 128 MB, two hundred books of 600 kB are here. A question about one of them is a request of 1 kB.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::remote::wire::TextHash;

/// Room for so many of the largest requests.
const REQUESTS: u64 = 8;
/// Short texts take more than their bytes.
const EACH_BYTES: u64 = 200;

/// The texts that are kept.
#[derive(Debug)]
pub(super) struct Texts {
    kept: Mutex<Kept>,
    most_bytes: u64,
}

#[derive(Debug, Default)]
struct Kept {
    texts: HashMap<TextHash, Text>,
    bytes: u64,
    /// Counts uses.
    clock: u64,
}

#[derive(Debug)]
struct Text {
    text: Arc<str>,
    used: u64,
}

impl Texts {
    /// Room for several requests of `most_body_bytes`.
    pub(super) fn for_requests_of(most_body_bytes: u64) -> Self {
        Self { kept: Mutex::default(), most_bytes: most_body_bytes.saturating_mul(REQUESTS) }
    }

    pub(super) fn keep(&self, text: Arc<str>) {
        let hash = TextHash::of(&text);
        let mut kept = self.kept();
        kept.clock += 1;
        let used = kept.clock;
        let bytes = size_of(&text);
        if kept.texts.insert(hash, Text { text, used }).is_none() {
            kept.bytes += bytes;
        }
        while kept.bytes > self.most_bytes && kept.texts.len() > 1 {
            kept.drop_oldest();
        }
    }

    /// The text with this hash, which is used now.
    pub(super) fn find(&self, hash: &TextHash) -> Option<Arc<str>> {
        let mut kept = self.kept();
        kept.clock += 1;
        let now = kept.clock;
        let text = kept.texts.get_mut(hash)?;
        text.used = now;
        Some(text.text.clone())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("nothing panics while it holds the lock")
    }
}

impl Kept {
    fn drop_oldest(&mut self) {
        let oldest = self.texts.iter().min_by_key(|(_, text)| text.used).map(|(hash, _)| *hash);
        if let Some(text) = oldest.and_then(|hash| self.texts.remove(&hash)) {
            self.bytes -= size_of(&text.text);
        }
    }
}

fn size_of(text: &str) -> u64 {
    text.len() as u64 + EACH_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(letter: char, bytes: usize) -> (TextHash, Arc<str>) {
        let text = letter.to_string().repeat(bytes);
        (TextHash::of(&text), text.into())
    }

    #[test]
    fn what_was_used_longest_ago_is_dropped_first() {
        let texts = Texts::for_requests_of(1_000);
        let all: Vec<_> = "abc".chars().map(|letter| text(letter, 2_000)).collect();
        for (_, text) in &all {
            texts.keep(text.clone());
        }
        assert!(texts.find(&all[0].0).is_some(), "three of them have room");
        let (new, newest) = text('d', 2_000);
        texts.keep(newest.clone());
        texts.keep(newest);
        let are_kept: Vec<bool> = all.iter().map(|(hash, _)| texts.find(hash).is_some()).collect();
        assert_eq!((are_kept, texts.find(&new).is_some()), (vec![true, false, true], true));
    }

    #[test]
    fn a_text_that_fills_all_the_room_is_kept_alone() {
        let texts = Texts::for_requests_of(100);
        let ((short, one), (long, other)) = (text('a', 10), text('b', 5_000));
        texts.keep(one);
        texts.keep(other);
        assert!(texts.find(&short).is_none() && texts.find(&long).is_some());
    }
}
