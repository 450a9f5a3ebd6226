//! Formats figures for the views.

use crate::chat::Measurement;
pub(super) use crate::units::{bytes, coarse_time, count, percent, rate, short_count, time};

/// How long a prefill took; `–` if everything was cached.
pub(super) fn read_in(reading: &Measurement) -> String {
    if reading.prefilled_tokens == 0 { "–".to_owned() } else { time(reading.prefill) }
}
