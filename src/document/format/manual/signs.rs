//! The names of signs in troff: `\(em`, `\[:a]`, `\(*b`.

use crate::format::composed::composed;

const SIGNS: &str = "em — en – hy - bu • co © rg ® tm ™ lq “ rq ” oq ‘ cq ’ aq ' dq \" ha ^ ti ~ rs \\ -> → <- ← mu × +- ± >= ≥ <= ≤ ga ` de ° \
    ss ß ae æ AE Æ oe œ OE Œ /o ø /O Ø /l ł /L Ł oa å oA Å sc § ps ¶ Eu € eu € Po £ Ye ¥ ct ¢ 12 ½ 14 ¼ 34 ¾ S1 ¹ S2 ² S3 ³ \
    no ¬ != ≠ == ≡ =~ ≅ ~= ≅ ~~ ≈ ap ∼ if ∞ di ÷ pc · md ⋅ br │ bv │ or | ba | sl / ul _ ru _ ci ○ sq □ dg † dd ‡ da ↓ ua ↑ <> ↔ \
    rA ⇒ lA ⇐ hA ⇔ Fo « Fc » fo ‹ fc › bq ‚ Bq „ r! ¡ r? ¿ lB [ rB ] lC { rC } la ⟨ ra ⟩ sh # Do $ at @ pl + mi − eq = ** ∗ fm ′ sd ″ \
    is ∫ sr √ pd ∂ gr ∇ mo ∈ sb ⊂ sp ⊃ ca ∩ cu ∪ AN ∧ OR ∨ fa ∀ te ∃ pt ∝ es ∅ OK ✓ Of ª Om º Tp þ TP Þ Sd ð -D Ð lh ☜ rh ☞ aa ´";

/// Greek letters by the Latin letters that stand for them.
const GREEK: &str = "a α b β g γ d δ e ε z ζ y η h θ i ι k κ l λ m μ n ν c ξ o ο p π r ρ s σ t τ u υ f φ x χ q ψ w ω \
    A Α B Β G Γ D Δ E Ε Z Ζ Y Η H Θ I Ι K Κ L Λ M Μ N Ν C Ξ O Ο P Π R Ρ S Σ T Τ U Υ F Φ X Χ Q Ψ W Ω";

/// The sign with this name; nothing if there is none.
pub(super) fn sign(name: &str) -> String {
    let code = name.strip_prefix('u').and_then(|code| u32::from_str_radix(code, 16).ok());
    let code = code.or_else(|| name.strip_prefix("char")?.parse().ok());
    if let Some(code) = code {
        return char::from_u32(code).map(String::from).unwrap_or_default();
    }
    if let Some(found) = look_up(SIGNS, name) {
        return found.to_owned();
    }
    let mut letters = name.chars();
    match (letters.next(), letters.next(), letters.next()) {
        (Some('*'), Some(_), None) => look_up(GREEK, &name[1..]).unwrap_or_default().to_owned(),
        (Some(accent), Some(letter), None) => {
            accent_of(accent).map(|accent| composed(&format!("{letter}{accent}"))).unwrap_or_default()
        }
        _ => String::new(),
    }
}

fn look_up(table: &'static str, name: &str) -> Option<&'static str> {
    let mut words = table.split_whitespace();
    while let (Some(known), Some(sign)) = (words.next(), words.next()) {
        if known == name {
            return Some(sign);
        }
    }
    None
}

fn accent_of(sign: char) -> Option<char> {
    Some(match sign {
        ':' => '\u{308}',
        '\'' => '\u{301}',
        '`' => '\u{300}',
        '^' => '\u{302}',
        '~' => '\u{303}',
        ',' => '\u{327}',
        'v' => '\u{30c}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_known_by_their_names() {
        let names = ["em", ":a", "'E", "*b", "*W", "u00E9", "char233", "12", "ss", "xyz", ""];
        assert_eq!(names.map(sign), ["—", "ä", "É", "β", "Ω", "é", "é", "½", "ß", "", ""]);
    }
}
