//! The clipboard: the system's where there is one, and the terminal's own besides, which is the one that reaches over SSH.
//!
//! OSC 52 is an escape sequence with the text in base 64; tmux hands one on that is wrapped for it. Neither way tells whether a
//! person finds the text where they paste, so both are taken.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// A terminal that takes more than this is not known; xterm takes less.
const MOST_BYTES: usize = 74_994;

/// Where a text went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CopiedTo {
    Clipboard,
    /// To the terminal, which may or may not keep it.
    Terminal,
    Nowhere,
}

/// The clipboards; kept open, as on X11 a text lives as long as who offers it.
#[derive(Default)]
pub(super) struct Clipboard {
    system: Option<arboard::Clipboard>,
}

impl Clipboard {
    /// `out` is the terminal, `in_tmux` whether tmux stands between.
    pub(super) fn copy(&mut self, text: &str, out: &mut dyn Write, in_tmux: bool) -> CopiedTo {
        let told = text.len() <= MOST_BYTES
            && out.write_all(sequence(text, in_tmux).as_bytes()).is_ok()
            && out.flush().is_ok();
        match (self.copy_to_system(text), told) {
            (true, _) => CopiedTo::Clipboard,
            (false, true) => CopiedTo::Terminal,
            (false, false) => CopiedTo::Nowhere,
        }
    }

    fn copy_to_system(&mut self, text: &str) -> bool {
        if self.system.is_none() {
            self.system = arboard::Clipboard::new().ok();
        }
        self.system.as_mut().is_some_and(|clipboard| clipboard.set_text(text).is_ok())
    }
}

/// OSC 52 for `text`; for tmux in its pass-through, every ESC of it twice.
fn sequence(text: &str, in_tmux: bool) -> String {
    let plain = format!("\x1b]52;c;{}\x07", BASE64.encode(text));
    if in_tmux { format!("\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b")) } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tmux_gets_a_sequence_to_hand_on() {
        assert_eq!(sequence("f", false), "\x1b]52;c;Zg==\x07");
        assert_eq!(sequence("f", true), "\x1bPtmux;\x1b\x1b]52;c;Zg==\x07\x1b\\");
    }
}
