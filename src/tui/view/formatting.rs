//! Formats figures for the views.

use crate::chat::Measurement;
pub(super) use crate::units::{bytes, coarse_time, count, counted, percent, rate, short_count, time};

/// Which tokens a prefill computed: `10,000`, or `8,000 from 2,000 on`. Speeds compare only where both are alike.
pub(super) fn read_tokens(reading: &Measurement) -> String {
    match (reading.prefilled_tokens, reading.from_tokens) {
        (0, _) => "–".to_owned(),
        (tokens, 0) => count(tokens),
        (tokens, from) => format!("{} from {} on", count(tokens), short_count(from)),
    }
}

/// How long a prefill took; `–` if everything was cached.
pub(super) fn read_in(reading: &Measurement) -> String {
    if reading.prefilled_tokens == 0 { "–".to_owned() } else { time(reading.prefill) }
}
