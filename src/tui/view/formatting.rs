//! Figures in words: counts, times, bytes, rates. Two ways of each where a narrow screen needs the shorter.

use std::time::Duration;

use crate::chat::Measurement;
pub(super) use crate::chat::{count, time};

/// `12.3k`, `161k`, `1.2M`.
pub(super) fn short_count(number: u32) -> String {
    let number = f64::from(number);
    match number {
        ..1_000.0 => format!("{number:.0}"),
        ..99_950.0 => format!("{:.1}k", number / 1e3),
        ..999_500.0 => format!("{:.0}k", number / 1e3),
        _ => format!("{:.1}M", number / 1e6),
    }
}

/// How long a reading took; of one that computed nothing there is nothing to say.
pub(super) fn read_in(reading: &Measurement) -> String {
    if reading.prefilled_tokens == 0 { "–".to_owned() } else { time(reading.prefill) }
}

/// Whole seconds: for what changes under one's eyes.
pub(super) fn coarse_time(duration: Duration) -> String {
    let whole = Duration::from_secs(duration.as_secs_f64().round() as u64);
    if whole < Duration::from_secs(10) { format!("{} s", whole.as_secs()) } else { time(whole) }
}

/// `912 MB`, `1.4 GB`: of a thousand each, as disks and models are sold.
pub(super) fn bytes(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        ..1e6 => format!("{:.0} kB", bytes / 1e3),
        ..9.995e8 => format!("{:.0} MB", bytes / 1e6),
        _ => format!("{:.1} GB", bytes / 1e9),
    }
}

/// `1,240 tok/s`, `20.3 tok/s`.
pub(super) fn rate(tokens_per_s: f64) -> String {
    if tokens_per_s < 99.95 {
        format!("{tokens_per_s:.1} tok/s")
    } else {
        format!("{} tok/s", count(tokens_per_s.round() as u32))
    }
}

/// `4%` of a share from 0 to 1.
pub(super) fn whole(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_as_long_as_they_are_worth() {
        let counts = [0, 999, 1_000, 12_345, 99_960, 161_000, 1_234_567].map(|n| (count(n), short_count(n)));
        let expected = [
            ("0", "0"),
            ("999", "999"),
            ("1,000", "1.0k"),
            ("12,345", "12.3k"),
            ("99,960", "100k"),
            ("161,000", "161k"),
            ("1,234,567", "1.2M"),
        ];
        assert_eq!(counts, expected.map(|(long, short)| (long.to_owned(), short.to_owned())));
        assert_eq!([950_000, 150_994_944, 1_400_000_000].map(bytes), ["950 kB", "151 MB", "1.4 GB"]);
        assert_eq!([20.31, 812.4, 1_240.0].map(rate), ["20.3 tok/s", "812 tok/s", "1,240 tok/s"]);
    }
}
