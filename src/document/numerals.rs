//! Writes numbers in the styles of page labels and numbered lists: `IX`, `AB`.
//!
//! `headings::numbers` reads them.

/// `9` is `IX`. Roman numerals end below 4,000; 0 and larger numbers are written in digits.
pub(crate) fn roman(number: u32) -> String {
    const NUMERALS: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    if !(1..4000).contains(&number) {
        return number.to_string();
    }
    let mut rest = number;
    let mut roman = String::new();
    for (value, numeral) in NUMERALS {
        while rest >= value {
            roman.push_str(numeral);
            rest -= value;
        }
    }
    roman
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roman_numerals_are_written_as_far_as_they_go() {
        let written = [0, 1, 4, 9, 1888, 1994, 3999, 4000].map(roman);
        assert_eq!(written, ["0", "I", "IV", "IX", "MDCCCLXXXVIII", "MCMXCIV", "MMMCMXCIX", "4000"]);
    }
}
