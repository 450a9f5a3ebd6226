//! Numbers as headings write them: `12`, `XII`, `twelve`, `Twelfth`, `十二`.

/// Larger roman numbers are words, such as `MIX`.
const LARGEST_NUMBER: u32 = 400;

/// `12`, `XII`, `xii`, `twelve`, `Twelfth`, `twenty-one`.
pub(super) fn number(word: &str) -> Option<u32> {
    let arabic = word.parse().ok().filter(|&number: &u32| number <= LARGEST_NUMBER);
    arabic.or_else(|| roman(word)).or_else(|| spelled(&word.to_lowercase()))
}

/// A roman numeral in one case, up to [`LARGEST_NUMBER`].
pub(crate) fn roman(word: &str) -> Option<u32> {
    let upper = word.to_ascii_uppercase();
    if word.is_empty() || (word != upper && word != word.to_ascii_lowercase()) {
        return None;
    }
    let value = |char| match char {
        'I' => Some(1),
        'V' => Some(5),
        'X' => Some(10),
        'L' => Some(50),
        'C' => Some(100),
        _ => None,
    };
    let digits: Vec<u32> = upper.chars().map(value).collect::<Option<_>>()?;
    let added: i64 = (0..digits.len())
        .map(|index| {
            let digit = i64::from(digits[index]);
            if digits.get(index + 1).is_some_and(|&next| next > digits[index]) { -digit } else { digit }
        })
        .sum();
    u32::try_from(added).ok().filter(|&number| (1..=LARGEST_NUMBER).contains(&number))
}

/// A number written out, cardinal or ordinal, up to ninety-nine.
pub(super) fn spelled(word: &str) -> Option<u32> {
    if let Some((tens, ones)) = word.split_once('-') {
        let (tens, ones) = (spelled(tens)?, spelled(ones)?);
        return (tens >= 20 && tens % 10 == 0 && ones < 10).then_some(tens + ones);
    }
    let position = |words: &[&str]| words.iter().position(|&known| known == word).map(|at| at as u32);
    let small = position(&CARDINALS).or_else(|| position(&ORDINALS));
    let tens = position(&TENS).or_else(|| position(&TENTHS));
    small.map(|at| at + 1).or(tens.map(|at| (at + 2) * 10))
}

const CARDINALS: [&str; 19] = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const ORDINALS: [&str; 19] = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const TENTHS: [&str; 8] =
    ["twentieth", "thirtieth", "fortieth", "fiftieth", "sixtieth", "seventieth", "eightieth", "ninetieth"];

/// A number in Chinese or Japanese digits, or in digits of full width: `十二`, `二十`, `百三`, `廿一`, `１２`.
pub(super) fn ideographic(text: &str) -> Option<u32> {
    let (mut total, mut digit, mut has_any) = (0_u32, 0_u32, false);
    for character in text.chars() {
        let unit = match character {
            '十' | '拾' => 10,
            '百' | '佰' => 100,
            '千' => 1000,
            '廿' => {
                (total, has_any) = (total + 20, true);
                continue;
            }
            '卅' => {
                (total, has_any) = (total + 30, true);
                continue;
            }
            _ => 0,
        };
        if unit > 0 {
            total = total.checked_add(digit.max(1) * unit)?;
            digit = 0;
        } else {
            digit = digit.checked_mul(10)?.checked_add(ideographic_digit(character)?)?;
        }
        has_any = true;
    }
    has_any.then(|| total.saturating_add(digit))
}

fn ideographic_digit(character: char) -> Option<u32> {
    const DIGITS: [char; 10] = ['〇', '一', '二', '三', '四', '五', '六', '七', '八', '九'];
    let wide = (u32::from(character)).checked_sub(u32::from('０')).filter(|digit| *digit < 10);
    let digit = DIGITS.iter().position(|&known| known == character).map(|at| at as u32);
    let old = match character {
        '零' => Some(0),
        '壹' => Some(1),
        '兩' | '两' | '貳' => Some(2),
        '參' => Some(3),
        _ => None,
    };
    digit.or(wide).or(old).or(character.to_digit(10))
}

/// Whether `character` may be part of an ideographic number.
pub(super) fn is_ideographic(character: char) -> bool {
    matches!(character, '十' | '拾' | '百' | '佰' | '千' | '廿' | '卅') || ideographic_digit(character).is_some()
}
