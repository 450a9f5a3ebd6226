//! Decodes the strings of a PDF that are for people: titles, values of form fields, replacement texts.

/// UTF-16 or UTF-8 with a mark, else Latin-1, which `PDFDocEncoding` is but for some signs.
pub(super) fn decoded(bytes: &[u8]) -> String {
    let units = |from_bytes: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|two| from_bytes([two[0], two[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xfe, 0xff, rest @ ..] => units(u16::from_be_bytes, rest),
        [0xff, 0xfe, rest @ ..] => units(u16::from_le_bytes, rest),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => bytes.iter().map(|&byte| latin(byte)).collect(),
    }
}

/// `PDFDocEncoding`: ISO 32000-1, table D.2.
pub(super) fn latin(byte: u8) -> char {
    const FROM_80: [char; 33] = [
        '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚', '™', 'ﬁ', 'ﬂ', 'Ł',
        'Œ', 'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž', '\u{fffd}', '€',
    ];
    const FROM_18: [char; 8] = ['˘', 'ˇ', 'ˆ', '˙', '˝', '˛', '˚', '˜'];
    match byte {
        0x18..=0x1f => FROM_18[usize::from(byte - 0x18)],
        0x80..=0xa0 => FROM_80[usize::from(byte - 0x80)],
        other => char::from(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoding_is_told_by_its_mark() {
        assert_eq!(decoded(b"\xfe\xff\x00A\x20\xac"), "A€");
        assert_eq!(decoded(b"\xff\xfeA\x00\xac\x20"), "A€");
        assert_eq!(decoded("\u{feff}Ä".as_bytes()), "Ä");
        assert_eq!(decoded(b"caf\xe9 \x84 \xa0"), "café — €");
    }
}
