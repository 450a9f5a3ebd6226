//! Figures in words, the same wherever they are shown: counts, bytes, times, rates, shares.
//!
//! | of | written | in short |
//! |---|---|---|
//! | counts | `12,345` ([`count`]), `1 part`, `12,345 parts` ([`counted`]) | `12.3k` ([`short_count`]) |
//! | bytes | `491 MB`, `1.25 GB`: three digits, powers of ten, as disks and models are sold ([`bytes`]) | |
//! | times | `0.04 s`, `48 s`, `5 min 10 s` ([`time`]) | `3 s`: whole seconds, for what changes while one looks ([`coarse_time`]) |
//! | rates | `20.3 tok/s`, `1,240 tok/s` ([`rate`]) | |
//! | shares | `4%` ([`percent`]) | |

use std::time::Duration;

/// `12,345`.
#[must_use]
pub fn count(number: impl ToString + Copy) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or("")).collect();
    groups.join(",")
}

/// `1 part`, `12,345 parts`.
#[must_use]
pub fn counted(number: impl ToString + Copy, what: &str) -> String {
    let number = count(number);
    if number == "1" { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// `12.3k`, `161k`, `1.2M`.
#[must_use]
pub fn short_count(number: u32) -> String {
    let number = f64::from(number);
    match number {
        ..1_000.0 => format!("{number:.0}"),
        ..99_950.0 => format!("{:.1}k", number / 1e3),
        ..999_500.0 => format!("{:.0}k", number / 1e3),
        _ => format!("{:.1}M", number / 1e6),
    }
}

/// `512 B`, `12.3 kB`, `491 MB`, `1.25 GB`.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    let exact = bytes as f64;
    // Each unit ends where three digits of it would round up to the next.
    let (scaled, unit) = match exact {
        ..1e3 => return format!("{bytes} B"),
        ..999.5e3 => (exact / 1e3, "kB"),
        ..999.5e6 => (exact / 1e6, "MB"),
        ..999.5e9 => (exact / 1e9, "GB"),
        _ => (exact / 1e12, "TB"),
    };
    match scaled {
        ..9.995 => format!("{scaled:.2} {unit}"),
        ..99.95 => format!("{scaled:.1} {unit}"),
        _ => format!("{scaled:.0} {unit}"),
    }
}

/// `0.04 s`, `3.2 s`, `48 s`, `5 min 10 s`, `2 h 05 min`.
#[must_use]
pub fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let whole = time.as_secs() + u64::from(time.subsec_millis() >= 500);
    match seconds {
        ..0.095 => format!("{seconds:.2} s"),
        ..9.95 => format!("{seconds:.1} s"),
        ..99.5 => format!("{seconds:.0} s"),
        ..3_599.5 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3_600, whole % 3_600 / 60),
    }
}

/// `3 s`, `48 s`, `5 min 10 s`: whole seconds, for what changes while one looks.
#[must_use]
pub fn coarse_time(duration: Duration) -> String {
    let whole = Duration::from_secs(duration.as_secs_f64().round() as u64);
    if whole < Duration::from_secs(10) { format!("{} s", whole.as_secs()) } else { time(whole) }
}

/// `1,240 tok/s`, `20.3 tok/s`.
#[must_use]
pub fn rate(tokens_per_s: f64) -> String {
    if tokens_per_s < 99.95 {
        format!("{tokens_per_s:.1} tok/s")
    } else {
        format!("{} tok/s", count(tokens_per_s.round() as u64))
    }
}

/// `4%` of a share from 0 to 1.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_three_or_short() {
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
    }

    #[test]
    fn one_is_not_written_as_many() {
        assert_eq!([0, 1, 2, 1_204].map(|n| counted(n, "part")), ["0 parts", "1 part", "2 parts", "1,204 parts"]);
    }

    #[test]
    fn bytes_have_three_digits_in_powers_of_ten() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.00 kB"),
            (12_288, "12.3 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (9_994_999, "9.99 MB"),
            (9_995_000, "10.0 MB"),
            (491_400_064, "491 MB"),
            (1_250_000_000, "1.25 GB"),
            (46_080_000_000_000, "46.1 TB"),
        ];
        for (number, expected) in cases {
            assert_eq!(bytes(number), expected);
        }
    }

    #[test]
    fn times_are_written_as_exactly_as_one_cares() {
        let times = [4, 40, 3_240, 48_400, 310_000, 7_500_000].map(|ms| time(Duration::from_millis(ms)));
        assert_eq!(times, ["0.00 s", "0.04 s", "3.2 s", "48 s", "5 min 10 s", "2 h 05 min"]);
        let coarse = [400, 3_240, 9_600, 310_000].map(|ms| coarse_time(Duration::from_millis(ms)));
        assert_eq!(coarse, ["0 s", "3 s", "10 s", "5 min 10 s"]);
    }

    #[test]
    fn rates_and_shares_are_as_long_as_they_are_worth() {
        assert_eq!([20.31, 812.4, 1_240.0].map(rate), ["20.3 tok/s", "812 tok/s", "1,240 tok/s"]);
        assert_eq!([0.041, 1.0].map(percent), ["4%", "100%"]);
    }
}
