//! Figures in words, as the views use them, and what a reading is worth saying of.

use crate::chat::Measurement;
pub(super) use crate::units::{bytes, coarse_time, count, percent, rate, short_count, time};

/// How long a reading took; of one that computed nothing there is nothing to say.
pub(super) fn read_in(reading: &Measurement) -> String {
    if reading.prefilled_tokens == 0 { "–".to_owned() } else { time(reading.prefill) }
}
