//! Prints numbers of parts as ranges: `1-3,5`.

/// Ascending numbers in the form that `--parts` takes: `1-3,5`.
#[must_use]
pub fn written(numbers: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let range =
        |(first, last): (usize, usize)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    ranges.into_iter().map(range).collect::<Vec<_>>().join(",")
}

/// Describes a selection of parts: `parts 1-12 of 61`; `None` if it is all parts.
#[must_use]
pub fn part_in_words(numbers: &[usize], all: usize) -> Option<String> {
    let noun = if numbers.len() == 1 { "part" } else { "parts" };
    (numbers.len() < all).then(|| format!("{noun} {} of {all}", written(numbers)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_ranges() {
        let cases: [(&[usize], &str); 4] =
            [(&[], ""), (&[4], "4"), (&[1, 2, 3], "1-3"), (&[1, 2, 4, 6, 7], "1-2,4,6-7")];
        for (numbers, expected) in cases {
            assert_eq!(written(numbers), expected);
        }
    }

    #[test]
    fn parts_are_told_unless_they_are_all() {
        assert_eq!(part_in_words(&[1, 2, 5], 6).as_deref(), Some("parts 1-2,5 of 6"));
        assert_eq!(part_in_words(&[4], 6).as_deref(), Some("part 4 of 6"));
        assert_eq!(part_in_words(&[1, 2], 2), None);
    }
}
