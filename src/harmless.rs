//! Makes text harmless for a terminal.
//!
//! Models, documents, file names, arguments and servers give us text that we did not write. Some characters of it a terminal obeys, and
//! some make people read something else than what is there. Such a character is replaced by a visible sign, one for one, so that nothing
//! is hidden: `"red\u{1b}[31m"` becomes `red␛[31m`.
//!
//! | characters | sign | why |
//! |---|---|---|
//! | C0 (U+0000 to U+001F) and DEL | their picture: `␛`, `␇`, `␡` | they begin escape sequences, ring, and move the cursor |
//! | C1 (U+0080 to U+009F) | `�` | the same in one character: U+009B begins a sequence as ESC `[` does. Unicode has no pictures of them |
//! | embeddings, overrides and isolates of direction (U+202A to U+202E, U+2066 to U+2069) | `�` | text is shown in another order than it is written in, beyond its own end if they are not closed (CVE-2021-42574) |
//! | deprecated format characters (U+206A to U+206F), annotations (U+FFF9 to U+FFFB) | `�` | they change or hide the characters beside them |
//! | tags (U+E0000 to U+E007F) | `�` | an invisible copy of ASCII: a model reads it and a person doesn't see it. The flags of England, Scotland and Wales are made of tags; they lose their picture |
//!
//! These stay: the marks of direction (U+200E, U+200F, U+061C), which order only what is beside them and which Hebrew and Arabic need;
//! joiners (emoji, Persian, the scripts of India); spaces of no width, soft hyphens and variation selectors, which hide nothing.
//!
//! A newline, a tab and the CR of a line end are the caller's choice: [`text`] has lines, [`line()`] is one, [`sign`] has a sign for each.
//! A text that arrives in pieces is passed on as far as it is [`settled`]. In JSON such characters are escaped instead: [`json`].
//!
//! Does not care about width, and knows nothing of the rest of the crate, so that anything may use it.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The sign that is shown in place of `c`; `None` if `c` is harmless. Newline and tab are control characters, too: `␊` and `␉`.
#[must_use]
pub const fn sign(c: char) -> Option<char> {
    match c {
        '\0'..='\x1f' => char::from_u32(0x2400 + c as u32),
        '\x7f' => Some('\u{2421}'),
        '\u{80}'..='\u{9f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{206f}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => Some(char::REPLACEMENT_CHARACTER),
        _ => None,
    }
}

/// `text` with signs for what is not harmless. Newlines and tabs stay, and a line end of Windows becomes a newline.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    shown(text, |c| matches!(c, '\n' | '\t').then_some(c))
}

/// `text` on one line: a newline, a line end of Windows and a tab become a space each.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    shown(text, |c| matches!(c, '\n' | '\t').then_some(' '))
}

/// The beginning of a growing `text` that later characters don't change: a CR at its end may turn out to be half of a
/// line end of Windows.
#[must_use]
pub fn settled(text: &str) -> &str {
    text.strip_suffix('\r').unwrap_or(text)
}

/// `json` with every character that a terminal would obey escaped: `"\u{9b}2J"` becomes `"\u009b2J"`, the same string to
/// every reader of JSON. Newlines between the fields stay.
///
/// `serde_json` escapes control characters below U+0020 alone.
#[must_use]
pub fn json(json: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| c != '\n' && sign(c).is_some();
    let Some(first) = json.find(is_harmful) else { return Cow::Borrowed(json) };
    let (before, rest) = json.split_at(first);
    let mut escaped = before.to_owned();
    for c in rest.chars() {
        if is_harmful(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(escaped, "\\u{unit:04x}").expect("a string takes everything");
            }
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// `text` with signs, but for newlines and tabs, which become what `blank` says.
fn shown(text: &str, blank: impl Fn(char) -> Option<char>) -> Cow<'_, str> {
    let as_shown = |c: char| blank(c).or_else(|| sign(c)).unwrap_or(c);
    let Some(first) = text.find(|c| as_shown(c) != c) else { return Cow::Borrowed(text) };
    let (before, rest) = text.split_at(first);
    let mut shown = String::with_capacity(text.len() + rest.len() / 8);
    shown.push_str(before);
    let mut rest = rest.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\r' || rest.peek() != Some(&'\n') {
            shown.push(as_shown(c));
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_obeys_becomes_visible() {
        assert_eq!(text("red \x1b[31m, bell \x07, delete \x7f, C1 \u{9b}2J"), "red ␛[31m, bell ␇, delete ␡, C1 �2J");
        assert_eq!(text("over\rwritten\r\n\tnext\n"), "over␍written\n\tnext\n");
        assert_eq!(line("a\u{1b}]0;x\u{7}\r\nb\tc"), "a␛]0;x␇ b c");
    }

    #[test]
    fn what_reorders_or_hides_text_becomes_visible() {
        let cases = [
            ("if admin \u{202e}\u{2066}// check\u{2069}", "if admin ��// check�"),
            ("\u{fff9}shown\u{fffa}hidden\u{fffb}", "�shown�hidden�"),
            ("hi\u{e0074}\u{e007f}", "hi��"),
            ("a\u{206a}b", "a�b"),
        ];
        for (written, expected) in cases {
            assert_eq!(text(written), expected);
        }
    }

    #[test]
    fn what_scripts_need_stays_and_is_not_copied() {
        let written = "👩‍👩‍👧 é \u{200f}שלום\u{200e} می\u{200c}خواهم 葛\u{e0100} soft\u{ad}hyphen\n\tnext";
        assert!(matches!(text(written), Cow::Borrowed(same) if same == written));
    }

    #[test]
    fn a_line_end_in_two_pieces_is_one() {
        let whole = "a\r\nb\r";
        let mut shown = String::new();
        let mut done = 0;
        for end in 1..=whole.len() {
            let new = settled(&whole[done..end]);
            shown += &text(new);
            done += new.len();
        }
        assert_eq!(shown + &text(&whole[done..]), "a\nb␍");
    }

    #[test]
    fn in_json_what_a_terminal_obeys_is_escaped() {
        let pretty =
            serde_json::to_string_pretty(&serde_json::json!({ "a\u{7f}": "é \u{1b}\u{9b}2J\n\u{202e}\u{e0041}" }));
        let expected = "{\n  \"a\\u007f\": \"é \\u001b\\u009b2J\\n\\u202e\\udb40\\udc41\"\n}";
        assert_eq!(json(&pretty.expect("JSON")), expected);
    }

    proptest! {
        #[test]
        fn a_reader_of_json_gets_the_same_string(written in any::<String>()) {
            let said = serde_json::to_string(&written).expect("JSON");
            let shown = json(&said);
            prop_assert!(shown.chars().all(|c| sign(c).is_none()), "{shown}");
            prop_assert_eq!(serde_json::from_str::<String>(&shown).expect("JSON"), written);
        }

        #[test]
        fn nothing_harmful_is_left_and_nothing_harmless_is_changed(written in any::<String>()) {
            let shown = text(&written);
            prop_assert!(shown.chars().all(|c| matches!(c, '\n' | '\t') || sign(c).is_none()), "{shown:?}");
            prop_assert_eq!(text(&shown), &*shown);
            prop_assert_eq!(shown.chars().count(), written.replace("\r\n", "\n").chars().count());
            prop_assert!(line(&written).chars().all(|c| sign(c).is_none()));
        }
    }
}
