//! Counts the tokens of every part in batches, so that figures appear while the rest is still being counted.
//!
//! Example: the bundled book has 61 parts and 685 kB: three batches. `lunette fit` counts all at once and gets the same
//! figures, because parts begin at line starts, where tokenisers split.

use super::estimator::Estimator;
use crate::document::{ByteSpan, Document, Part};

/// Size of a batch: enough for all cores, and small enough that figures appear several times a second.
const BATCH_BYTES: usize = 256 * 1024;

/// Counts the parts of `document` in order. Calls `told` with the index of the first part of each batch and the tokens
/// of its parts; `told` returns whether to go on.
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

/// The first parts that make up a batch; at least one.
fn batch(parts: &[Part]) -> &[Part] {
    let start = parts[0].span.start;
    let count = parts.iter().take_while(|part| part.span.start - start < BATCH_BYTES).count();
    &parts[..count]
}
