//! Letters and accents that were printed over each other: `´` over `e` is `é`. Fonts of TeX have few letters with accents.

use super::pieces::Unit;

/// The middles of a letter and its accent are nearer than this, in widths of the letter.
const SAME_PLACE: f64 = 0.45;

/// An accent, and letters with and without it, in turns.
const ACCENTED: [(&str, &str); 13] = [
    ("`", "aàeèiìoòuùAÀEÈIÌOÒUÙnǹ"),
    ("´", "aáeéiíoóuúyýAÁEÉIÍOÓUÚYÝcćnńsśzźlĺrŕCĆNŃSŚZŹLĹRŔ"),
    ("ˆ", "aâeêiîoôuûAÂEÊIÎOÔUÛcĉgĝhĥjĵsŝwŵyŷCĈGĜHĤJĴSŜWŴYŶ"),
    ("˜", "aãnñoõAÃNÑOÕiĩuũIĨUŨ"),
    ("¨", "aäeëiïoöuüyÿAÄEËIÏOÖUÜYŸ"),
    ("˚", "aåuůAÅUŮ"),
    ("¯", "aāeēiīoōuūAĀEĒIĪOŌUŪ"),
    ("˘", "aăeĕgğiĭoŏuŭAĂEĔGĞIĬOŎUŬ"),
    ("˙", "cċeėgġzżCĊEĖGĠIİZŻ"),
    ("ˇ", "cčdďeěnňrřsštťzžCČDĎEĚNŇRŘSŠTŤZŽgǧGǦ"),
    ("˝", "oőuűOŐUŰ"),
    ("¸", "cçsştţCÇSŞTŢ"),
    ("˛", "aąeęiįuųAĄEĘIĮUŲ"),
];

/// `units` of a line, from left to right, with each letter and the accent over it as one.
pub(super) fn composed(units: Vec<Unit>) -> Vec<Unit> {
    let mut all: Vec<Unit> = Vec::with_capacity(units.len());
    for unit in units {
        let text = all.last().and_then(|last| accented(last, &unit));
        match (text, all.last_mut()) {
            (Some(letter), Some(last)) => {
                last.text = letter.encode_utf8(&mut [0; 4]).to_owned().into();
                (last.left, last.right) = (last.left.min(unit.left), last.right.max(unit.right));
            }
            _ => all.push(unit),
        }
    }
    all
}

/// The letter that two units are together.
fn accented(one: &Unit, other: &Unit) -> Option<char> {
    let apart = f64::midpoint(one.left, one.right) - f64::midpoint(other.left, other.right);
    let widest = (one.right - one.left).max(other.right - other.left);
    if apart.abs() > SAME_PLACE * widest {
        return None;
    }
    compose(&one.text, &other.text).or_else(|| compose(&other.text, &one.text))
}

fn compose(accent: &str, letter: &str) -> Option<char> {
    let (_, letters) = ACCENTED.iter().find(|(known, _)| *known == accent)?;
    let plain = match letter {
        "ı" => 'i',
        "ȷ" => 'j',
        _ => letter.chars().next().filter(|_| letter.chars().nth(1).is_none())?,
    };
    let mut pairs = letters.chars();
    while let (Some(without), Some(with)) = (pairs.next(), pairs.next()) {
        if without == plain {
            return Some(with);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(units: &[(&str, f64, f64)]) -> String {
        let unit = |&(text, left, right): &(&str, f64, f64)| Unit { text: text.into(), left, right };
        composed(units.iter().map(unit).collect()).iter().map(|unit| &*unit.text).collect()
    }

    #[test]
    fn an_accent_over_a_letter_is_one_with_it_and_beside_it_is_not() {
        assert_eq!(text(&[("´", 0.0, 5.0), ("e", 0.2, 4.6), ("t", 4.6, 8.0)]), "ét");
        assert_eq!(text(&[("a", 0.0, 5.0), ("¨", 5.0, 10.0), ("ı", 6.1, 8.9), ("v", 8.9, 14.0)]), "aïv");
        assert_eq!(text(&[("c", 0.0, 4.4), ("¸", 0.1, 4.5)]), "ç");
        assert_eq!(text(&[("`", 0.0, 3.0), ("a", 3.0, 8.0)]), "`a", "a quotation mark");
        assert_eq!(text(&[("´", 0.0, 5.0), ("x", 0.2, 4.6)]), "´x");
    }
}
