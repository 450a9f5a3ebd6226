//! Splits bytes into sequences: characters, control characters, escape sequences, pastes.
//!
//! A terminal writes each sequence at once, but a read can hold several, and a slow line can split one. `ESC` alone is
//! the Esc key if nothing follows within a moment; [`Splitter::give_up`] says that the moment is over.
//!
//! `ESC ESC [ D` in one read is Alt-Left, as rxvt writes it. `ESC ESC` before anything else is the Esc key, and
//! then the rest: a mouse report, a paste, a reply. tmux reads rxvt's way itself and writes another, so inside tmux it is
//! the Esc key before an arrow too ([`DoubledEsc`]). A sequence that is begun and certain, such as `ESC ] 11 ; rgb`, is
//! waited for, and dropped if it never ends; its letters are never text.

use std::ops::Range;

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;
/// Begins and ends a bracketed paste.
const PASTE: &[u8] = b"\x1b[200~";
const END_OF_PASTE: &[u8] = b"\x1b[201~";
/// No key and no reply is longer. What is, is garbage.
const LONGEST: usize = 4096;

/// One sequence. `alt`: it came after an ESC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sequence {
    pub alt: bool,
    pub kind: Kind,
}

/// What a sequence is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// The Esc key.
    Esc,
    Char(char),
    /// A C0 control character other than ESC, or DEL.
    Control(u8),
    /// `ESC [`, parameters, a last byte.
    Csi {
        parameters: String,
        last: u8,
    },
    /// `ESC [ [` and a letter: a function key of the Linux console.
    Console(u8),
    /// `ESC O` and a letter.
    Ss3(u8),
    /// `ESC ]`, text, BEL or ST.
    Osc(String),
    Paste(String),
    /// `ESC [ M` and three bytes: a mouse event of an old terminal.
    OldMouse([u8; 3]),
}

impl Kind {
    pub(super) const fn plain(self) -> Sequence {
        Sequence { alt: false, kind: self }
    }

    /// Whether it is a key that a terminal can send with another ESC before it for Alt: an arrow, Home, Delete.
    fn is_plain_key(&self) -> bool {
        match self {
            Self::Csi { parameters, last: b'~' } => !matches!(parameters.as_str(), "" | "200" | "201"),
            Self::Csi { parameters, last } => parameters.is_empty() && matches!(last, b'A'..=b'H'),
            Self::Ss3(last) => matches!(last, b'A'..=b'H'),
            _ => false,
        }
    }
}

/// How long the rest of what was read may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    /// It can be a key of its own: the Esc key, Alt-[.
    CouldBeKey,
    /// It is the beginning of a sequence, and nothing else.
    IsBegun,
}

/// What `ESC ESC` before the rest of a plain key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::tui) enum DoubledEsc {
    /// Alt and the key.
    #[default]
    Alt,
    /// The Esc key, and then the key.
    EscAndKey,
}

/// Splits bytes into sequences. Keeps what is not whole yet.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    doubled: DoubledEsc,
    held: Vec<u8>,
    /// The text of a paste whose end has not come.
    paste: Option<Vec<u8>>,
}

/// What the first bytes are.
enum First {
    Whole(usize, Sequence),
    Nothing(usize),
    Partial,
}

impl Splitter {
    pub(super) fn new(doubled: DoubledEsc) -> Self {
        Self { doubled, ..Self::default() }
    }

    /// Whether two ESC are held, and the first one is a key.
    fn is_esc_and_key(&self) -> bool {
        self.doubled == DoubledEsc::EscAndKey && self.held.starts_with(&[ESC, ESC])
    }

    /// The sequences that are whole with `bytes`, which were read at once.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<Sequence> {
        let mut sequences = Vec::new();
        // An Esc of an earlier read and a sequence of this one are two keys.
        if self.held == [ESC] && bytes.first() == Some(&ESC) {
            self.held.clear();
            sequences.push(Kind::Esc.plain());
        }
        self.held.extend_from_slice(bytes);
        while !self.held.is_empty() {
            if self.paste.is_some() {
                self.go_on_pasting(&mut sequences);
                continue;
            }
            if self.held.starts_with(PASTE) {
                self.held.drain(..PASTE.len());
                self.paste = Some(Vec::new());
                continue;
            }
            match first(&self.held) {
                First::Whole(_, Sequence { alt: true, .. }) if self.is_esc_and_key() => {
                    self.held.remove(0);
                    sequences.push(Kind::Esc.plain());
                }
                First::Whole(bytes, sequence) => {
                    self.held.drain(..bytes);
                    sequences.push(sequence);
                }
                First::Nothing(bytes) => drop(self.held.drain(..bytes)),
                First::Partial if self.held.len() > LONGEST => self.held.clear(),
                First::Partial => break,
            }
        }
        sequences
    }

    /// What is waited for, if anything is.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        let could_be_key =
            |bytes: &[u8]| matches!(bytes, [ESC] | [ESC, b'[' | b'O' | b']' | b'P' | b'X' | b'^' | b'_']);
        match &self.held[..] {
            _ if self.paste.is_some() => Some(Waiting::IsBegun),
            [] => None,
            bytes if could_be_key(bytes) => Some(Waiting::CouldBeKey),
            [ESC, rest @ ..] if could_be_key(rest) => Some(Waiting::CouldBeKey),
            _ => Some(Waiting::IsBegun),
        }
    }

    /// What the held bytes are, since nothing follows them.
    pub(super) fn give_up(&mut self) -> Vec<Sequence> {
        let held = std::mem::take(&mut self.held);
        // The end of a paste got lost; its text did not.
        if let Some(text) = self.paste.take() {
            return vec![Kind::Paste(lossy(&[&text[..], &held].concat())).plain()];
        }
        let alt = |letter: u8| Sequence { alt: true, kind: Kind::Char(char::from(letter)) };
        match held[..] {
            [ESC] => vec![Kind::Esc.plain()],
            [ESC, ESC] => vec![Kind::Esc.plain(), Kind::Esc.plain()],
            [ESC, letter] => vec![alt(letter)],
            [ESC, ESC, letter] => vec![Kind::Esc.plain(), alt(letter)],
            _ => Vec::new(),
        }
    }

    fn go_on_pasting(&mut self, sequences: &mut Vec<Sequence>) {
        let Some(text) = &mut self.paste else { return };
        // The end may have begun in the text before.
        let from = text.len().saturating_sub(END_OF_PASTE.len());
        text.append(&mut self.held);
        let end = text[from..].windows(END_OF_PASTE.len()).position(|window| window == END_OF_PASTE);
        let Some(end) = end.map(|end| from + end) else { return };
        self.held = text.split_off(end + END_OF_PASTE.len());
        text.truncate(end);
        sequences.push(Kind::Paste(lossy(text)).plain());
        self.paste = None;
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The first sequence of `bytes`, which are not empty.
fn first(bytes: &[u8]) -> First {
    match bytes[0] {
        ESC => after_escape(bytes),
        byte @ (..0x20 | 0x7f) => First::Whole(1, Kind::Control(byte).plain()),
        _ => character(bytes),
    }
}

/// A character of one to four bytes. Bytes that are no UTF-8 and the controls behind ASCII's are nothing.
fn character(bytes: &[u8]) -> First {
    let whole = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(whole) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() > 0 => std::str::from_utf8(&whole[..error.valid_up_to()]).unwrap_or_default(),
        Err(error) if error.error_len().is_none() => return First::Partial,
        Err(_) => return First::Nothing(1),
    };
    match valid.chars().next() {
        Some(c) if c.is_control() => First::Nothing(c.len_utf8()),
        Some(c) => First::Whole(c.len_utf8(), Kind::Char(c).plain()),
        None => First::Nothing(1),
    }
}

fn after_escape(bytes: &[u8]) -> First {
    match bytes.get(1) {
        None => First::Partial,
        Some(&ESC) => after_two_escapes(bytes),
        Some(b'[') => csi(bytes),
        Some(b'O') => ss3(bytes),
        Some(b']') => string(bytes, u8::is_ascii_digit),
        // Replies that nobody asked for, and that are no text either: DCS, SOS, PM, APC.
        Some(b'P') => string(bytes, |byte| byte.is_ascii_digit() || b">!$+=|".contains(byte)),
        Some(b'X' | b'^' | b'_') => string(bytes, |byte| byte.is_ascii_uppercase() || b">=".contains(byte)),
        Some(_) => match first(&bytes[1..]) {
            First::Whole(len, sequence) => First::Whole(len + 1, Sequence { alt: true, ..sequence }),
            First::Nothing(len) => First::Nothing(len + 1),
            First::Partial => First::Partial,
        },
    }
}

/// Two ESC: Alt and a key in the way of rxvt, or the Esc key and whatever follows.
fn after_two_escapes(bytes: &[u8]) -> First {
    if bytes.len() == 2 {
        return First::Partial;
    }
    match first(&bytes[1..]) {
        First::Whole(len, Sequence { alt: false, kind }) if kind.is_plain_key() => {
            First::Whole(len + 1, Sequence { alt: true, kind })
        }
        First::Partial if matches!(bytes[2], b'[' | b'O') && bytes.len() < 6 => First::Partial,
        _ => First::Whole(1, Kind::Esc.plain()),
    }
}

/// `ESC [`, then bytes below `@`, then one from `@` to `~`.
fn csi(bytes: &[u8]) -> First {
    match bytes.get(2) {
        Some(b'[') => return bytes.get(3).map_or(First::Partial, |&last| First::Whole(4, Kind::Console(last).plain())),
        Some(b'M') => {
            let report = bytes.get(3..6).and_then(|report| <[u8; 3]>::try_from(report).ok());
            return report.map_or(First::Partial, |report| First::Whole(6, Kind::OldMouse(report).plain()));
        }
        _ => {}
    }
    let end = bytes[2..].iter().position(|byte| !(0x20..0x40).contains(byte)).map(|at| at + 2);
    let parameters = 2..end.unwrap_or(bytes.len());
    if let Some(at) = end_of_rxvt_shift(bytes, parameters.clone()) {
        return csi_of(bytes, 2..at, b'$');
    }
    match end.map(|end| bytes[end]) {
        None => First::Partial,
        Some(last @ 0x40..=0x7e) => csi_of(bytes, parameters, last),
        // Broken off: what follows begins anew.
        Some(_) => First::Nothing(parameters.end),
    }
}

fn csi_of(bytes: &[u8], parameters: Range<usize>, last: u8) -> First {
    let len = parameters.end + 1;
    First::Whole(len, Kind::Csi { parameters: lossy(&bytes[parameters]), last }.plain())
}

/// rxvt ends Shift-Delete with `$`, which is no last byte elsewhere.
fn end_of_rxvt_shift(bytes: &[u8], parameters: Range<usize>) -> Option<usize> {
    let start = parameters.start;
    let digits = bytes[parameters].iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0 && bytes.get(start + digits) == Some(&b'$')).then_some(start + digits)
}

fn ss3(bytes: &[u8]) -> First {
    match bytes.get(2) {
        None => First::Partial,
        Some(&last @ (b'A'..=b'Z' | b'a'..=b'y')) => First::Whole(3, Kind::Ss3(last).plain()),
        Some(_) => First::Whole(2, Sequence { alt: true, kind: Kind::Char('O') }),
    }
}

/// `ESC` and a letter that begin a string up to BEL or `ESC \`, if its first byte is one that a reply begins with.
/// Otherwise they are Alt and the letter.
fn string(bytes: &[u8], begins: impl Fn(&u8) -> bool) -> First {
    match bytes.get(2) {
        None => return First::Partial,
        Some(byte) if begins(byte) => {}
        Some(_) => return First::Whole(2, Sequence { alt: true, kind: Kind::Char(char::from(bytes[1])) }),
    }
    let Some(end) = bytes[2..].iter().position(|byte| !(0x20..0x7f).contains(byte)).map(|at| at + 2) else {
        return First::Partial;
    };
    let whole = |len| First::Whole(len, Kind::Osc(lossy(&bytes[2..end])).plain());
    let len = match (bytes[end], bytes.get(end + 1)) {
        (BEL, _) => end + 1,
        (ESC, None) => return First::Partial,
        (ESC, Some(b'\\')) => end + 2,
        // Broken off.
        _ => return First::Nothing(end),
    };
    if bytes[1] == b']' { whole(len) } else { First::Nothing(len) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(bytes: &[u8]) -> Vec<Sequence> {
        let mut splitter = Splitter::default();
        let mut sequences = splitter.take(bytes);
        sequences.extend(splitter.give_up());
        sequences
    }

    fn csi(parameters: &str, last: u8) -> Sequence {
        Kind::Csi { parameters: parameters.to_owned(), last }.plain()
    }

    fn alt(sequence: Sequence) -> Sequence {
        Sequence { alt: true, ..sequence }
    }

    fn letter(c: char) -> Sequence {
        Kind::Char(c).plain()
    }

    #[test]
    fn esc_is_esc_whatever_follows_in_the_same_read() {
        let esc = Kind::Esc.plain();
        let cases: [(&[u8], Vec<Sequence>); 8] = [
            (b"\x1b", vec![esc.clone()]),
            (b"\x1b\x1b", vec![esc.clone(), esc.clone()]),
            (b"\x1b\x1b[<65;10;10M", vec![esc.clone(), csi("<65;10;10", b'M')]),
            (b"\x1b\x1b[200~one\rtwo\x1b[201~", vec![esc.clone(), Kind::Paste("one\rtwo".into()).plain()]),
            (b"\x1b\x1b]11;rgb:0/0/0\x07", vec![esc.clone(), Kind::Osc("11;rgb:0/0/0".into()).plain()]),
            (b"\x1b\x1b[1;3D", vec![esc.clone(), csi("1;3", b'D')]),
            (b"\x1b\x1b[?62;22c", vec![esc.clone(), csi("?62;22", b'c')]),
            (b"\x1b\x1bx", vec![esc, alt(letter('x'))]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(split(bytes), expected, "{:?}", bytes.escape_ascii().to_string());
        }
    }

    #[test]
    fn a_doubled_esc_before_a_key_is_alt() {
        assert_eq!(split(b"\x1b\x1b[D"), [alt(csi("", b'D'))]);
        assert_eq!(split(b"\x1b\x1b[3~"), [alt(csi("3", b'~'))]);
        assert_eq!(split(b"\x1b\x1bOC"), [alt(Kind::Ss3(b'C').plain())]);
        assert_eq!(split(b"\x1bb\x1b\x7f"), [alt(letter('b')), alt(Kind::Control(0x7f).plain())]);
    }

    #[test]
    fn a_doubled_esc_in_tmux_is_esc_and_a_key() {
        let mut splitter = Splitter::new(DoubledEsc::EscAndKey);
        assert_eq!(splitter.take(b"\x1b\x1b[A"), [Kind::Esc.plain(), csi("", b'A')]);
        assert_eq!(splitter.take(b"\x1b[1;3D\x1bb"), [csi("1;3", b'D'), alt(letter('b'))]);
    }

    /// Esc in a read of its own is not the beginning of the next.
    #[test]
    fn an_esc_of_an_earlier_read_and_an_arrow_are_two_keys() {
        let mut splitter = Splitter::default();
        assert_eq!((splitter.take(b"\x1b"), splitter.waiting()), (Vec::new(), Some(Waiting::CouldBeKey)));
        assert_eq!(splitter.take(b"\x1b[A"), [Kind::Esc.plain(), csi("", b'A')]);
        assert_eq!(splitter.waiting(), None);
    }

    #[test]
    fn what_is_broken_off_types_nothing_and_what_follows_is_read() {
        assert_eq!(split(b"\x1b[1;\x1b[A"), [csi("", b'A')]);
        assert_eq!(split(b"\x1b]11;rgb:1\rx"), [Kind::Control(b'\r').plain(), letter('x')]);
        assert_eq!(split(b"\x1b]11;rgb:1e1e"), []);
        assert_eq!(split(b"\x1b[<65;10"), []);
        assert_eq!(split(b"\xff\xc3x\xc3"), [letter('x')]);
        assert_eq!(split(b"\x1bP>|xterm(380)\x1b\\y"), [letter('y')]);
    }

    #[test]
    fn keys_that_only_look_like_the_beginning_of_a_sequence_stay_keys() {
        assert_eq!(split(b"\x1b["), [alt(letter('['))]);
        assert_eq!(split(b"\x1b]x"), [alt(letter(']')), letter('x')]);
        assert_eq!(split(b"\x1bPx"), [alt(letter('P')), letter('x')]);
        assert_eq!(split(b"\x1bO1"), [alt(letter('O')), letter('1')]);
    }

    #[test]
    fn odd_terminals_are_understood() {
        assert_eq!(split(b"\x1b[[A"), [Kind::Console(b'A').plain()]);
        assert_eq!(split(b"\x1b[3$x"), [csi("3", b'$'), letter('x')]);
        assert_eq!(split(b"\x1b[?2026;1$y"), [csi("?2026;1$", b'y')]);
        assert_eq!(split(b"\x1b[M`!!x"), [Kind::OldMouse(*b"`!!").plain(), letter('x')]);
    }

    #[test]
    fn a_paste_whose_end_got_lost_is_kept() {
        assert_eq!(split(b"\x1b[200~one\rtwo"), [Kind::Paste("one\rtwo".into()).plain()]);
    }

    /// Sequences that a terminal sends, none of which is text.
    const NO_TEXT: [&[u8]; 10] = [
        b"\x1b[<65;10;10M",
        b"\x1b[D",
        b"\x1b[1;3D",
        b"\x1bOA",
        b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\",
        b"\x1b]10;rgb:d0d0/d0d0/d0d0\x07",
        b"\x1b[?62;22c",
        b"\x1b[97;5u",
        b"\x1b[200~text\x1b[201~",
        b"\x1b[3~",
    ];

    proptest! {
        #[test]
        fn nothing_but_text_is_text_whatever_comes_together(which in proptest::collection::vec(0..NO_TEXT.len() + 1, 0..8)) {
            // The last one is the Esc key.
            let sent: Vec<u8> = which.iter().flat_map(|&at| NO_TEXT.get(at).copied().unwrap_or(b"\x1b")).copied().collect();
            for sequence in split(&sent) {
                prop_assert!(!matches!(sequence.kind, Kind::Char(_)), "{sequence:?} of {:?}", sent.escape_ascii().to_string());
            }
        }

        #[test]
        fn sequences_are_the_same_wherever_reads_split_them(
            which in proptest::collection::vec(0..NO_TEXT.len(), 1..6),
            cuts in proptest::collection::vec(1_usize..40, 0..20),
        ) {
            let sent: Vec<u8> = which.iter().flat_map(|&at| NO_TEXT[at]).copied().collect();
            let mut splitter = Splitter::default();
            let (mut rest, mut came) = (&sent[..], Vec::new());
            for cut in cuts {
                let (read, after) = rest.split_at(cut.min(rest.len()));
                came.extend(splitter.take(read));
                rest = after;
            }
            came.extend(splitter.take(rest));
            prop_assert_eq!(came, split(&sent));
        }

        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            split(&bytes);
        }
    }
}
