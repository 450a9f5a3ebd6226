//! Encodings of one byte per letter that the Encoding Standard leaves out: DOS (cp850) and IBM mainframes (EBCDIC).
//!
//! The tables have the characters of the bytes in order. What only a printer or a terminal would obey is a space in EBCDIC,
//! whose line ends are not those of ASCII.

/// An encoding with a table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CodePage {
    pub name: &'static str,
    /// The first byte of the table; bytes below it are ASCII.
    first: u8,
    table: &'static str,
}

pub(super) const CP850: CodePage = CodePage {
    name: "cp850",
    first: 0x80,
    table: concat!(
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐",
        "└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}",
    ),
};

/// EBCDIC of the United States. Those of other countries differ in their signs.
pub(super) const CP037: CodePage = CodePage {
    name: "EBCDIC (cp037)",
    first: 0,
    table: concat!(
        "     \t       \r       \n               \n                          ",
        " \u{a0}âäàáãåçñ¢.<(+|&éêëèíîïìß!$*);¬-/ÂÄÀÁÃÅÇÑ¦,%_>?øÉÊËÈÍÎÏÌ`:#@'=\"",
        "Øabcdefghi«»ðýþ±°jklmnopqrªºæ¸Æ¤µ~stuvwxyz¡¿ÐÝÞ®^£¥·©§¶¼½¾[]¯¨´×",
        "{ABCDEFGHI\u{ad}ôöòóõ}JKLMNOPQR¹ûüùúÿ\\÷STUVWXYZ²ÔÖÒÓÕ0123456789³ÛÜÙÚ ",
    ),
};

impl CodePage {
    pub(super) fn decode(&self, bytes: &[u8]) -> String {
        let table: Vec<char> = self.table.chars().collect();
        let character = |&byte: &u8| match byte.checked_sub(self.first) {
            Some(at) => table[usize::from(at)],
            None => char::from(byte),
        };
        bytes.iter().map(character).collect()
    }
}

/// Most of a file in EBCDIC is letters, digits, spaces and a few signs of that encoding, and none of it is a space of
/// ASCII.
pub(super) fn is_ebcdic(bytes: &[u8]) -> bool {
    const FEWEST: usize = 24;
    let head = &bytes[..bytes.len().min(8 << 10)];
    let is_usual = |byte: &u8| {
        let is_letter =
            matches!(byte, 0x81..=0x89 | 0x91..=0x99 | 0xa2..=0xa9 | 0xc1..=0xc9 | 0xd1..=0xd9 | 0xe2..=0xe9);
        is_letter
            || matches!(
                byte,
                0xf0..=0xf9 | 0x40 | 0x4b | 0x6b | 0x7d | 0x5a | 0x7a | 0x7f | 0x60 | 0x61 | 0x6f | 0x25 | 0x15 | 0x0d
            )
    };
    let (mut usual, mut spaces) = (0, 0);
    for byte in head {
        usual += usize::from(is_usual(byte));
        spaces += usize::from(*byte == 0x40);
    }
    head.len() >= FEWEST && !head.contains(&b' ') && usual * 100 >= head.len() * 90 && spaces * 20 >= head.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_a_character_for_each_byte() {
        assert_eq!((CP850.table.chars().count(), CP037.table.chars().count()), (128, 256));
        assert_eq!(CP850.decode(b"Stra\xe1e \x9aber"), "Straße Über");
    }

    #[test]
    fn text_of_a_mainframe_is_told_from_other_bytes() {
        let text = b"\xe3\x88\x85\x40\x93\x81\x94\x97\x40\xa6\x81\xa2\x40\x99\x85\x84\x4b\x25\xe3\x88\x85\x40\xa2\x85\x81\x4b\x25";
        assert!(is_ebcdic(text));
        assert_eq!(CP037.decode(text), "The lamp was red.\nThe sea.\n");
        assert!(!is_ebcdic(b"It is a truth universally acknowledged"));
        assert!(!is_ebcdic("吾輩は猫である。名前はまだ無い。どこで生れたか".as_bytes()));
    }
}
