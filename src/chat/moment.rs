//! The time that a chat template may print.
//!
//! Llama 3's template prints today's date at the very start of the prompt. A [`Moment`] is therefore taken once at the
//! start and kept; otherwise the document would be prefilled again after midnight. Always UTC, without time zones, leap
//! seconds or locales: just what `strftime_now` in chat templates needs.

use std::time::{SystemTime, UNIX_EPOCH};

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAY_SECONDS: i64 = 86_400;

/// A point in time, in seconds since 1970 (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub i64);

impl From<SystemTime> for Moment {
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed()))
    }
}

impl Moment {
    /// C's `strftime` for the directives that templates use: `%Y %y %m %b %B %d %e %j %a %A %H %I %M %S %p %F %T`, with
    /// `-` for no padding. Unknown directives are left as written.
    #[must_use]
    pub fn strftime(self, format: &str) -> String {
        let mut out = String::with_capacity(format.len() + 8);
        let mut rest = format;
        while let Some(at) = rest.find('%') {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            let bare = rest.starts_with("%-");
            let Some(letter) = rest[1 + usize::from(bare)..].chars().next() else { break };
            let (directive, after) = rest.split_at(1 + usize::from(bare) + letter.len_utf8());
            match self.field(letter) {
                Some(field) if bare => out.push_str(unpadded(&field)),
                Some(field) => out.push_str(&field),
                None => out.push_str(directive),
            }
            rest = after;
        }
        out + rest
    }

    fn field(self, letter: char) -> Option<String> {
        let day = Day::of(self.0.div_euclid(DAY_SECONDS));
        let second = self.0.rem_euclid(DAY_SECONDS);
        let hour = second / 3600;
        Some(match letter {
            'Y' => day.year.to_string(),
            'y' => format!("{:02}", day.year.rem_euclid(100)),
            'm' => format!("{:02}", day.month),
            'b' => MONTHS[day.month as usize - 1][..3].to_owned(),
            'B' => MONTHS[day.month as usize - 1].to_owned(),
            'd' => format!("{:02}", day.of_month),
            'e' => format!("{:2}", day.of_month),
            'j' => format!("{:03}", day.of_year),
            'a' => DAYS[day.of_week][..3].to_owned(),
            'A' => DAYS[day.of_week].to_owned(),
            'H' => format!("{hour:02}"),
            'I' => format!("{:02}", (hour + 11) % 12 + 1),
            'M' => format!("{:02}", second / 60 % 60),
            'S' => format!("{:02}", second % 60),
            'p' => if hour < 12 { "AM" } else { "PM" }.to_owned(),
            'F' => self.strftime("%Y-%m-%d"),
            'T' => self.strftime("%H:%M:%S"),
            '%' => "%".to_owned(),
            _ => return None,
        })
    }
}

/// `07` is `7`, `00` is `0`.
fn unpadded(field: &str) -> &str {
    let bare = field.trim_start_matches(['0', ' ']);
    if bare.is_empty() { &field[field.len() - 1..] } else { bare }
}

/// A day of the Gregorian calendar.
struct Day {
    year: i64,
    month: i64,
    of_month: i64,
    /// From 1.
    of_year: i64,
    /// Sunday is 0.
    of_week: usize,
}

impl Day {
    /// The day `days` after 1970-01-01. Years are counted from March, so that the leap day comes last and the days
    /// before month m are linear, `(153 m + 2) / 5` (Howard Hinnant, "chrono-compatible low-level date algorithms").
    fn of(days: i64) -> Self {
        let since_0000_march = days + 719_468;
        let era = since_0000_march.div_euclid(146_097);
        let day_of_era = since_0000_march.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_from_march = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_from_march + 2) / 153;
        let month = (month_from_march + 2) % 12 + 1;
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        Self {
            year,
            month,
            of_month: day_from_march - (153 * month_from_march + 2) / 5 + 1,
            of_year: if month <= 2 { day_from_march - 305 } else { day_from_march + 60 + i64::from(leap) },
            of_week: (days + 4).rem_euclid(7) as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_agree_with_the_c_library() {
        // `date -u -d @SECONDS +"%Y-%m-%d %j %A %d %b %Y %I:%M:%S %p"` of GNU coreutils.
        for (seconds, expected) in [
            (0, "1970-01-01 001 Thursday 01 Jan 1970 12:00:00 AM"),
            (951_782_399, "2000-02-28 059 Monday 28 Feb 2000 11:59:59 PM"),
            (951_868_799, "2000-02-29 060 Tuesday 29 Feb 2000 11:59:59 PM"),
            (1_798_761_599, "2026-12-31 365 Thursday 31 Dec 2026 11:59:59 PM"),
            (1_735_646_400, "2024-12-31 366 Tuesday 31 Dec 2024 12:00:00 PM"),
        ] {
            assert_eq!(Moment(seconds).strftime("%F %j %A %d %b %Y %I:%M:%S %p"), expected, "at {seconds}");
        }
    }

    #[test]
    fn padding_can_be_left_out_and_the_unknown_stays() {
        assert_eq!(Moment(0).strftime("%-d/%-m %-H %q %-q 100%% %"), "1/1 0 %q %-q 100% %");
    }
}
