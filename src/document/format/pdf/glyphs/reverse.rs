//! From the glyphs of an embedded font back to characters, by the font's own table of characters (`cmap`).
//!
//! Used for fonts without a map in the document. Subsets often have no such table, or an empty one.

use std::collections::HashMap;

/// Maximum number of characters of a table. Unicode has a million code points; fonts have some ten thousand.
const MOST_CHARACTERS: usize = 200_000;

/// The characters of a TrueType or OpenType font by glyph number. Empty for other data.
pub(super) fn characters(font: &[u8]) -> HashMap<u32, char> {
    let mut characters = HashMap::new();
    for table in unicode_tables(font).unwrap_or_default() {
        let _ = match u16_at(table, 0) {
            Some(4) => ranges_of_16_bits(table, &mut characters),
            Some(12) => ranges_of_32_bits(table, &mut characters),
            _ => None,
        };
    }
    characters
}

/// The parts of the `cmap` table that are for Unicode. Symbols are mapped to private characters, which are no text.
fn unicode_tables(font: &[u8]) -> Option<Vec<&[u8]>> {
    let tables = usize::from(u16_at(font, 4)?);
    let record = |index: usize| font.get(12 + 16 * index..28 + 16 * index);
    let cmap = (0..tables).filter_map(record).find(|record| record.starts_with(b"cmap"))?;
    let cmap = font.get(u32_at(cmap, 8)? as usize..)?;
    let part = |index: usize| {
        let record = cmap.get(4 + 8 * index..12 + 8 * index)?;
        let is_unicode = matches!((u16_at(record, 0)?, u16_at(record, 2)?), (0, _) | (3, 1 | 10));
        is_unicode.then(|| cmap.get(u32_at(record, 4)? as usize..)).flatten()
    };
    Some((0..usize::from(u16_at(cmap, 2)?)).filter_map(part).collect())
}

/// Format 4.
fn ranges_of_16_bits(table: &[u8], characters: &mut HashMap<u32, char>) -> Option<()> {
    let bytes = usize::from(u16_at(table, 6)?);
    for at in (14..14 + bytes).step_by(2) {
        let end = u16_at(table, at)?;
        let start = u16_at(table, at + bytes + 2)?;
        let delta = u16_at(table, at + 2 * bytes + 2)?;
        let offset_at = at + 3 * bytes + 2;
        let offset = usize::from(u16_at(table, offset_at)?);
        for code in start..=end {
            let glyph = match offset {
                0 => code.wrapping_add(delta),
                offset => match u16_at(table, offset_at + offset + 2 * usize::from(code - start)) {
                    Some(glyph) if glyph > 0 => glyph.wrapping_add(delta),
                    _ => 0,
                },
            };
            add(characters, glyph.into(), code.into())?;
        }
    }
    Some(())
}

/// Format 12.
fn ranges_of_32_bits(table: &[u8], characters: &mut HashMap<u32, char>) -> Option<()> {
    for group in 0..u32_at(table, 12)? as usize {
        let at = 16 + 12 * group;
        let (start, end, first) = (u32_at(table, at)?, u32_at(table, at + 4)?, u32_at(table, at + 8)?);
        for code in start..=end {
            add(characters, first.wrapping_add(code - start), code)?;
        }
    }
    Some(())
}

/// Adds a glyph, unless it has a character already. `None` if there are too many.
fn add(characters: &mut HashMap<u32, char>, glyph: u32, code: u32) -> Option<()> {
    if characters.len() >= MOST_CHARACTERS || code > u32::from(char::MAX) {
        return None;
    }
    if let Some(character) = char::from_u32(code).filter(|character| glyph > 0 && !character.is_control()) {
        characters.entry(glyph).or_insert(character);
    }
    Some(())
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A font with nothing but a table of one part, for Windows and Unicode.
    fn font(part: &[u8]) -> Vec<u8> {
        let header =
            [&[0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], b"cmap".as_slice(), &[0; 4], &28_u32.to_be_bytes(), &[0; 4]];
        let cmap = [[0, 0, 0, 1, 0, 3, 0, 1].as_slice(), &12_u32.to_be_bytes()].concat();
        [header.concat(), cmap, part.to_vec()].concat()
    }

    fn words(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn glyphs_lead_back_to_their_characters() {
        // A to C are glyphs 5 to 7, and the last range is the mark of the end.
        let ranges = words(&[4, 32, 0, 4, 0, 0, 0, 67, 0xffff, 0, 65, 0xffff, 5_u16.wrapping_sub(65), 1, 0, 0]);
        assert_eq!(characters(&font(&ranges)), HashMap::from([(5, 'A'), (6, 'B'), (7, 'C')]));
        let groups = words(&[12, 0, 0, 28, 0, 0, 0, 1, 1, 0xf600, 1, 0xf601, 0, 9]);
        assert_eq!(characters(&font(&groups)), HashMap::from([(9, '😀'), (10, '😁')]));
    }

    #[test]
    fn what_is_no_font_has_no_characters() {
        for bytes in [b"".as_slice(), b"OTTO", &[0xff; 64], &font(&words(&[4, 32, 0, 0xffff]))] {
            assert!(characters(bytes).is_empty());
        }
    }
}
