//! Counts the tokens of every part in batches, so that figures appear while the rest is still being counted.
//!
//! Example: the bundled book is 61 parts and 685 kB: three batches. `lunette fit` counts all at once and gets the
//! same figures: parts begin where lines do, and tokenisers cut there.

use super::estimator::Estimator;
use crate::document::{ByteSpan, Document, Part};

/// Counted at once: enough for all cores, and small enough that figures appear several times a second.
const BATCH_BYTES: usize = 256 * 1024;

/// Counts the parts of `document` in order; `told` takes the index of the first part of each batch with their tokens,
/// and says whether to go on.
pub fn count_parts(known: &dyn Estimator, document: &Document, told: &mut dyn FnMut(usize, Vec<u32>) -> bool) {
    let parts = document.parts();
    let mut first = 0;
    while first < parts.len() {
        let batch = batch(&parts[first..]);
        let start = batch[0].span.start;
        let text = &document.text[start..batch[batch.len() - 1].span.end];
        let inside = |part: &Part| ByteSpan { start: part.span.start - start, end: part.span.end - start };
        let tokens = known.count_spans(text, &batch.iter().map(inside).collect::<Vec<_>>());
        if !told(first, tokens) {
            return;
        }
        first += batch.len();
    }
}

/// As many of the first parts as make a batch; one at least.
fn batch(parts: &[Part]) -> &[Part] {
    let start = parts[0].span.start;
    let count = parts.iter().take_while(|part| part.span.start - start < BATCH_BYTES).count();
    &parts[..count]
}
