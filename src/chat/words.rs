//! Formats numbers, times and sizes, the same in every front end.

use std::time::Duration;

/// `12,345`.
#[must_use]
pub fn count(number: impl ToString + Copy) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or("")).collect();
    groups.join(",")
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

/// `491 MB`, `1.25 GB`; powers of ten.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_exactly_as_one_cares() {
        let times = [4, 40, 3_240, 48_400, 310_000, 7_500_000].map(|ms| time(Duration::from_millis(ms)));
        assert_eq!(times, ["0.00 s", "0.04 s", "3.2 s", "48 s", "5 min 10 s", "2 h 05 min"]);
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }
    #[test]
    fn bytes_are_written_for_people() {
        assert_eq!([512, 12_288, 491_400_064, 1_250_000_000].map(bytes), ["512 B", "12.3 kB", "491 MB", "1.25 GB"]);
    }
}
