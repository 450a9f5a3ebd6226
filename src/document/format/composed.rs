//! Composes letters and accents: a name in a zip archive may have `e` and an accent apart, where the book has `é`.
//!
//! Knows the Latin letters up to U+024F and the voiced kana; other names are compared as they are.

/// An accent, the letters that it stands on, and the composed letters.
const COMPOSED: &[(char, &str, &str)] = &[
    ('\u{300}', "AEINOUaeinou", "ÀÈÌǸÒÙàèìǹòù"),
    ('\u{301}', "ACEGILNORSUYZacegilnorsuyz", "ÁĆÉǴÍĹŃÓŔŚÚÝŹáćéǵíĺńóŕśúýź"),
    ('\u{302}', "ACEGHIJOSUWYaceghijosuwy", "ÂĈÊĜĤÎĴÔŜÛŴŶâĉêĝĥîĵôŝûŵŷ"),
    ('\u{303}', "AINOUainou", "ÃĨÑÕŨãĩñõũ"),
    ('\u{304}', "AEIOUYaeiouy", "ĀĒĪŌŪȲāēīōūȳ"),
    ('\u{306}', "AEGIOUaegiou", "ĂĔĞĬŎŬăĕğĭŏŭ"),
    ('\u{307}', "ACEGIOZacegoz", "ȦĊĖĠİȮŻȧċėġȯż"),
    ('\u{308}', "AEIOUYaeiouy", "ÄËÏÖÜŸäëïöüÿ"),
    ('\u{30a}', "AUau", "ÅŮåů"),
    ('\u{30b}', "OUou", "ŐŰőű"),
    ('\u{30c}', "ACDEGHIKLNORSTUZacdeghijklnorstuz", "ǍČĎĚǦȞǏǨĽŇǑŘŠŤǓŽǎčďěǧȟǐǰǩľňǒřšťǔž"),
    ('\u{30f}', "AEIORUaeioru", "ȀȄȈȌȐȔȁȅȉȍȑȕ"),
    ('\u{311}', "AEIORUaeioru", "ȂȆȊȎȒȖȃȇȋȏȓȗ"),
    ('\u{31b}', "OUou", "ƠƯơư"),
    ('\u{326}', "STst", "ȘȚșț"),
    ('\u{327}', "CEGKLNRSTcegklnrst", "ÇȨĢĶĻŅŖŞŢçȩģķļņŗşţ"),
    ('\u{328}', "AEIOUaeiou", "ĄĘĮǪŲąęįǫų"),
];

/// `text` with composed letters.
pub(super) fn composed(text: &str) -> String {
    let mut composed = String::with_capacity(text.len());
    for character in text.chars() {
        match composed.chars().next_back().and_then(|letter| both(letter, character)) {
            Some(both) => {
                composed.pop();
                composed.push(both);
            }
            None => composed.push(character),
        }
    }
    composed
}

/// The letter that `letter` and `accent` are together.
fn both(letter: char, accent: char) -> Option<char> {
    match accent {
        '\u{3099}' => char::from_u32(u32::from(letter) + 1).filter(|_| ('か'..='ホ').contains(&letter)),
        '\u{309a}' => char::from_u32(u32::from(letter) + 2).filter(|_| ('は'..='ホ').contains(&letter)),
        _ => {
            let (_, letters, composed) = COMPOSED.iter().find(|(known, ..)| *known == accent)?;
            composed.chars().nth(letters.chars().position(|known| known == letter)?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_join_their_letters() {
        assert_eq!(composed("e\u{301}A\u{30a}u\u{308}x\u{301}か\u{3099}ハ\u{309a}"), "éÅüx\u{301}がパ");
    }
}
