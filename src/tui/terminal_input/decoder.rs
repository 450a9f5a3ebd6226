//! Which event a sequence is. Sequences with no meaning here are no event, and never text.
//!
//! Keys come in the encodings of xterm, rxvt, the Linux console, `modifyOtherKeys` and the kitty keyboard protocol:
//! Alt-Left is `CSI 1;3 D`, `ESC ESC [ D`, or `ESC b` where the terminal sends the word key instead.

use ratatui::crossterm::event::{
    KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use super::event::{Background, TerminalEvent};
use super::sequence::{Kind, Sequence};

/// Half of the perceived lightness between black and white (CIE L* 50), as relative luminance.
const MIDDLE_LUMINANCE: f64 = 0.1842;

/// The event that `sequence` is.
pub(super) fn event(sequence: Sequence) -> Option<TerminalEvent> {
    let Sequence { alt, kind } = sequence;
    let key = match kind {
        Kind::Esc => KeyCode::Esc.into(),
        Kind::Char(c) => character(c),
        Kind::Control(byte) => control(byte),
        Kind::Console(letter) => KeyCode::F(letter.checked_sub(b'A').filter(|key| *key < 5)? + 1).into(),
        Kind::Ss3(letter) => ss3(letter)?,
        Kind::Csi { parameters, last: last @ (b'M' | b'm') } => return mouse(&parameters, last == b'm'),
        Kind::Csi { parameters, last: b'c' } if parameters.starts_with('?') => {
            return Some(TerminalEvent::EndOfReplies);
        }
        Kind::Csi { parameters, last } => csi(&parameters, last)?,
        Kind::Osc(text) => return background(&text).map(TerminalEvent::Background),
        Kind::Paste(text) => return Some(TerminalEvent::Paste(text)),
        Kind::OldMouse(report) => return old_mouse(report),
    };
    let modifiers = if alt { key.modifiers | KeyModifiers::ALT } else { key.modifiers };
    Some(TerminalEvent::Key(KeyEvent { modifiers, ..key }))
}

fn character(c: char) -> KeyEvent {
    let modifiers = if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
    KeyEvent::new(KeyCode::Char(c), modifiers)
}

/// A control character, named as crossterm does: Ctrl-_ and its neighbours are Ctrl-4 to Ctrl-7.
fn control(byte: u8) -> KeyEvent {
    let letter = match byte {
        b'\r' => return KeyCode::Enter.into(),
        b'\t' => return KeyCode::Tab.into(),
        0x7f => return KeyCode::Backspace.into(),
        0 => b' ',
        1..=0x1a => byte - 1 + b'a',
        _ => (byte & 0x1f).wrapping_sub(0x1c) + b'4',
    };
    KeyEvent::new(KeyCode::Char(char::from(letter)), KeyModifiers::CONTROL)
}

fn ss3(letter: u8) -> Option<KeyEvent> {
    Some(match letter {
        // Ctrl and an arrow on rxvt.
        b'a'..=b'd' => KeyEvent::new(arrow(letter.to_ascii_uppercase())?, KeyModifiers::CONTROL),
        b'M' => KeyCode::Enter.into(),
        // The keypad in its own mode: `ESC O j` to `ESC O y` are * to 9.
        b'j'..=b'y' => KeyCode::Char(char::from(letter - 0x40)).into(),
        letter => arrow(letter).or_else(|| first_function_key(letter))?.into(),
    })
}

fn arrow(letter: u8) -> Option<KeyCode> {
    Some(match letter {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        _ => return None,
    })
}

fn first_function_key(letter: u8) -> Option<KeyCode> {
    matches!(letter, b'P'..=b'S').then(|| KeyCode::F(letter - b'P' + 1))
}

fn csi(parameters: &str, last: u8) -> Option<KeyEvent> {
    match last {
        b'Z' => Some(KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT)),
        // Shift and an arrow on rxvt.
        b'a'..=b'd' if parameters.is_empty() => {
            Some(KeyEvent::new(arrow(last.to_ascii_uppercase())?, KeyModifiers::SHIFT))
        }
        b'u' => kitty(parameters),
        b'~' | b'^' | b'$' | b'@' => numbered(parameters, last),
        // With two numbers, the answer to "where is the cursor?" looks like F3; nobody asks that.
        letter => {
            let code = arrow(letter).or_else(|| first_function_key(letter))?;
            with_modifiers(code, parameters)
        }
    }
}

/// `CSI 3;5 ~`, and on rxvt `CSI 3 ^` for Ctrl, `$` for Shift, `@` for both.
fn numbered(parameters: &str, last: u8) -> Option<KeyEvent> {
    let number: u8 = parameters.split(';').next()?.parse().ok()?;
    let code = match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(number - 10),
        17..=21 => KeyCode::F(number - 11),
        23..=26 => KeyCode::F(number - 12),
        28..=29 => KeyCode::F(number - 15),
        31..=34 => KeyCode::F(number - 17),
        27 => return other_key(parameters),
        _ => return None,
    };
    let key = with_modifiers(code, parameters)?;
    let rxvt = match last {
        b'^' => KeyModifiers::CONTROL,
        b'$' => KeyModifiers::SHIFT,
        b'@' => KeyModifiers::CONTROL | KeyModifiers::SHIFT,
        _ => KeyModifiers::NONE,
    };
    Some(KeyEvent { modifiers: key.modifiers | rxvt, ..key })
}

/// xterm's `modifyOtherKeys`: `CSI 27 ; modifiers ; code ~`.
fn other_key(parameters: &str) -> Option<KeyEvent> {
    let mut fields = parameters.split(';').skip(1);
    let modifiers = modifiers(fields.next()?)?;
    let code = code_point(fields.next()?.parse().ok()?, modifiers)?;
    Some(KeyEvent::new(code, modifiers))
}

/// `CSI code:shifted:base ; modifiers:kind ; text u`.
fn kitty(parameters: &str) -> Option<KeyEvent> {
    let mut codes = parameters.split(';').next()?.split(':');
    let code: u32 = codes.next()?.parse().ok()?;
    let key = with_modifiers(KeyCode::Null, parameters)?;
    let shifted =
        codes.next().and_then(|code| code.parse().ok()).filter(|_| key.modifiers.contains(KeyModifiers::SHIFT));
    let code = keypad(code).or_else(|| code_point(shifted.unwrap_or(code), key.modifiers))?;
    Some(KeyEvent { code, ..key })
}

fn code_point(code: u32, modifiers: KeyModifiers) -> Option<KeyCode> {
    Some(match char::from_u32(code)? {
        '\x1b' => KeyCode::Esc,
        '\r' => KeyCode::Enter,
        '\t' if modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
        '\t' => KeyCode::Tab,
        '\x08' | '\x7f' => KeyCode::Backspace,
        // Modifier and media keys have numbers in the private use area.
        '\u{e000}'..='\u{f8ff}' => return None,
        c if c.is_control() => return None,
        c => KeyCode::Char(c),
    })
}

/// The kitty protocol's numbers for the keypad, and for function keys above F12.
fn keypad(code: u32) -> Option<KeyCode> {
    const KEYPAD: &str = "0123456789./*-+";
    const MOVES: [KeyCode; 10] = [
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Insert,
        KeyCode::Delete,
    ];
    match code {
        57_376..=57_398 => Some(KeyCode::F((code - 57_376) as u8 + 13)),
        57_399..=57_413 => KEYPAD.chars().nth((code - 57_399) as usize).map(KeyCode::Char),
        57_414 => Some(KeyCode::Enter),
        57_415 => Some(KeyCode::Char('=')),
        57_416 => Some(KeyCode::Char(',')),
        57_417..=57_426 => MOVES.get((code - 57_417) as usize).copied(),
        _ => None,
    }
}

/// `code` with the second field of `parameters`: modifiers, and press, repeat or release.
fn with_modifiers(code: KeyCode, parameters: &str) -> Option<KeyEvent> {
    let Some(field) = parameters.split(';').nth(1) else { return Some(code.into()) };
    let mut parts = field.split(':');
    let modifiers = modifiers(parts.next()?)?;
    let kind = match parts.next() {
        Some("2") => KeyEventKind::Repeat,
        Some("3") => KeyEventKind::Release,
        _ => KeyEventKind::Press,
    };
    Some(KeyEvent::new_with_kind(code, modifiers, kind))
}

/// One more than the sum of the modifiers' bits.
fn modifiers(field: &str) -> Option<KeyModifiers> {
    const BITS: [KeyModifiers; 6] = [
        KeyModifiers::SHIFT,
        KeyModifiers::ALT,
        KeyModifiers::CONTROL,
        KeyModifiers::SUPER,
        KeyModifiers::HYPER,
        KeyModifiers::META,
    ];
    let bits = if field.is_empty() { 0 } else { field.parse::<u16>().ok()?.checked_sub(1)? };
    let set = BITS.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0);
    Some(set.fold(KeyModifiers::NONE, |all, (_, modifier)| all | *modifier))
}

/// `CSI < button ; column ; row M`, or `m` when the button is let go.
fn mouse(parameters: &str, is_release: bool) -> Option<TerminalEvent> {
    let mut fields = parameters.strip_prefix('<')?.split(';').map(str::parse::<u16>);
    let mut next = || fields.next()?.ok();
    let (button, column, row) = (next()?, next()?, next()?);
    mouse_event(button, is_release, column, row)
}

/// The same in three bytes, 32 more than each number. Columns beyond 223 can't be told.
fn old_mouse(report: [u8; 3]) -> Option<TerminalEvent> {
    let [button, column, row] = report.map(|byte| u16::from(byte.saturating_sub(32)));
    let is_release = button & 0b1100_0011 == 3;
    mouse_event(button, is_release, column, row)
}

/// Presses and the wheel. Nothing else is used, so movements are no event even if a terminal reports them.
fn mouse_event(button: u16, is_release: bool, column: u16, row: u16) -> Option<TerminalEvent> {
    let is_movement = button & 0b10_0000 != 0;
    let kind = match button & 0b1100_0011 {
        _ if is_movement => return None,
        0 if is_release => MouseEventKind::Up(MouseButton::Left),
        0 => MouseEventKind::Down(MouseButton::Left),
        1 if !is_release => MouseEventKind::Down(MouseButton::Middle),
        2 if !is_release => MouseEventKind::Down(MouseButton::Right),
        64 => MouseEventKind::ScrollUp,
        65 => MouseEventKind::ScrollDown,
        _ => return None,
    };
    let held = [(0b100, KeyModifiers::SHIFT), (0b1000, KeyModifiers::ALT), (0b1_0000, KeyModifiers::CONTROL)];
    let held = held.into_iter().filter(|(bit, _)| button & bit != 0);
    let modifiers = held.fold(KeyModifiers::NONE, |all, (_, modifier)| all | modifier);
    let (column, row) = (column.saturating_sub(1), row.saturating_sub(1));
    Some(TerminalEvent::Mouse(MouseEvent { kind, column, row, modifiers }))
}

/// `11;rgb:1e1e/1e1e/1e1e`, `11;rgba:…` or `11;#1e1e1e`.
fn background(text: &str) -> Option<Background> {
    let color = text.strip_prefix("11;")?;
    let [red, green, blue] = match color.strip_prefix('#') {
        Some(digits) if digits.is_ascii() && !digits.is_empty() && digits.len() % 3 == 0 => {
            let each = digits.len() / 3;
            [0, 1, 2].map(|at| share(&digits[at * each..(at + 1) * each]))
        }
        Some(_) => return None,
        None => {
            let mut shares = color.strip_prefix("rgb:").or_else(|| color.strip_prefix("rgba:"))?.split('/').map(share);
            [shares.next()?, shares.next()?, shares.next()?]
        }
    };
    let linear = |share: f64| if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) };
    let luminance = 0.2126 * linear(red?) + 0.7152 * linear(green?) + 0.0722 * linear(blue?);
    Some(if luminance > MIDDLE_LUMINANCE { Background::Light } else { Background::Dark })
}

/// One to four hexadecimal digits as a share of the most that they can say.
fn share(digits: &str) -> Option<f64> {
    let most = (1..=4).contains(&digits.len()).then(|| (1_u32 << (4 * digits.len())) - 1)?;
    u32::from_str_radix(digits, 16).ok().map(|value| f64::from(value) / f64::from(most))
}

#[cfg(test)]
mod tests {
    use super::super::sequence::Splitter;
    use super::*;

    fn events(bytes: &[u8]) -> Vec<TerminalEvent> {
        let mut splitter = Splitter::default();
        let mut sequences = splitter.take(bytes);
        sequences.extend(splitter.give_up());
        sequences.into_iter().filter_map(event).collect()
    }

    fn key(modifiers: KeyModifiers, code: KeyCode) -> Vec<TerminalEvent> {
        vec![TerminalEvent::Key(KeyEvent::new(code, modifiers))]
    }

    #[test]
    fn alt_left_comes_in_every_encoding() {
        let encodings: [&[u8]; 5] = [b"\x1b[1;3D", b"\x1b\x1b[D", b"\x1b\x1bOD", b"\x1b[57417;3u", b"\x1b[1;3:1D"];
        for bytes in encodings {
            assert_eq!(events(bytes), key(KeyModifiers::ALT, KeyCode::Left), "{}", bytes.escape_ascii());
        }
        assert_eq!(events(b"\x1bb"), key(KeyModifiers::ALT, KeyCode::Char('b')));
        assert_eq!(events(b"\x1b[98;3u"), key(KeyModifiers::ALT, KeyCode::Char('b')));
        assert_eq!(events(b"\x1b[27;3;98~"), key(KeyModifiers::ALT, KeyCode::Char('b')));
    }

    #[test]
    fn keys_are_what_crossterm_calls_them() {
        const NONE: KeyModifiers = KeyModifiers::NONE;
        let cases: [(&[u8], KeyModifiers, KeyCode); 22] = [
            (b"\r", NONE, KeyCode::Enter),
            (b"\n", KeyModifiers::CONTROL, KeyCode::Char('j')),
            (b"\x15", KeyModifiers::CONTROL, KeyCode::Char('u')),
            (b"\x1f", KeyModifiers::CONTROL, KeyCode::Char('7')),
            (b"\x00", KeyModifiers::CONTROL, KeyCode::Char(' ')),
            (b"\x7f", NONE, KeyCode::Backspace),
            (b"\x1b\x7f", KeyModifiers::ALT, KeyCode::Backspace),
            (b"\x1b\r", KeyModifiers::ALT, KeyCode::Enter),
            (b"G", KeyModifiers::SHIFT, KeyCode::Char('G')),
            ("é".as_bytes(), NONE, KeyCode::Char('é')),
            (b"\x1b[Z", KeyModifiers::SHIFT, KeyCode::BackTab),
            (b"\x1bOP", NONE, KeyCode::F(1)),
            (b"\x1b[[B", NONE, KeyCode::F(2)),
            (b"\x1b[15~", NONE, KeyCode::F(5)),
            (b"\x1b[24;5~", KeyModifiers::CONTROL, KeyCode::F(12)),
            (b"\x1b[3^", KeyModifiers::CONTROL, KeyCode::Delete),
            (b"\x1b[3$", KeyModifiers::SHIFT, KeyCode::Delete),
            (b"\x1bOd", KeyModifiers::CONTROL, KeyCode::Left),
            (b"\x1b[27u", NONE, KeyCode::Esc),
            (b"\x1b[13;2u", KeyModifiers::SHIFT, KeyCode::Enter),
            (b"\x1b[117;5u", KeyModifiers::CONTROL, KeyCode::Char('u')),
            (b"\x1b[57400u", NONE, KeyCode::Char('1')),
        ];
        for (bytes, modifiers, code) in cases {
            assert_eq!(events(bytes), key(modifiers, code), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn the_wheel_and_clicks_are_events_and_movements_are_none() {
        let at =
            |kind| vec![TerminalEvent::Mouse(MouseEvent { kind, column: 9, row: 4, modifiers: KeyModifiers::NONE })];
        assert_eq!(events(b"\x1b[<65;10;5M"), at(MouseEventKind::ScrollDown));
        assert_eq!(events(b"\x1b[<64;10;5M"), at(MouseEventKind::ScrollUp));
        assert_eq!(events(b"\x1b[<0;10;5M"), at(MouseEventKind::Down(MouseButton::Left)));
        assert_eq!(events(b"\x1b[<0;10;5m"), at(MouseEventKind::Up(MouseButton::Left)));
        assert_eq!(events(b"\x1b[M \x2a\x25"), at(MouseEventKind::Down(MouseButton::Left)));
        for nothing in
            [&b"\x1b[<35;10;5M"[..], b"\x1b[<32;10;5M", b"\x1b[<;;M", b"\x1b[<99999;1;1M", b"\x1b[M\x00\x00\x00"]
        {
            assert!(
                events(nothing).iter().all(|event| !matches!(event, TerminalEvent::Key(_))),
                "{}",
                nothing.escape_ascii()
            );
        }
        assert_eq!(events(b"\x1b[<35;10;5M\x1b[<32;10;5M"), []);
    }

    #[test]
    fn the_background_is_dark_or_light_in_every_notation() {
        let cases: [(&[u8], Background); 6] = [
            (b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\", Background::Dark),
            (b"\x1b]11;rgb:fd/f6/e3\x07", Background::Light),
            (b"\x1b]11;rgba:0000/0000/0000/c0c0\x07", Background::Dark),
            (b"\x1b]11;#ffffff\x07", Background::Light),
            (b"\x1b]11;rgb:f/f/f\x07", Background::Light),
            (b"\x1b]11;rgb:0000/0000/aaaa\x07", Background::Dark),
        ];
        for (bytes, expected) in cases {
            assert_eq!(events(bytes), [TerminalEvent::Background(expected)], "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn replies_with_no_meaning_here_are_nothing() {
        let replies: [&[u8]; 9] = [
            b"\x1b]10;rgb:d0d0/d0d0/d0d0\x1b\\",
            b"\x1b]11;green\x07",
            b"\x1b]4;1;rgb:0/0/0\x07",
            b"\x1b[?1u",
            b"\x1b[?2026;2$y",
            b"\x1b[0n",
            b"\x1b[8;24;80t",
            b"\x1b[I",
            b"\x1b[57441;2u",
        ];
        for bytes in replies {
            assert_eq!(events(bytes), [], "{}", bytes.escape_ascii());
        }
        assert_eq!(events(b"\x1b[?62;22c"), [TerminalEvent::EndOfReplies]);
    }
}
