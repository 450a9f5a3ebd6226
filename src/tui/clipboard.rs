//! Copies text to the system clipboard and, through the terminal, to the clipboard of the machine the user sits at.
//!
//! OSC 52 is an escape sequence that carries the text in base64, and it also works over SSH. tmux only forwards it
//! inside a wrapper of its own. Neither way reports whether the text arrived, so both are used.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Most bytes of an OSC 52 sequence that a common terminal accepts; xterm accepts fewer.
const MOST_BYTES: usize = 74_994;

/// Where a text went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CopiedTo {
    Clipboard,
    /// The terminal got it, and may have ignored it.
    Terminal,
    Nowhere,
}

/// The system clipboard stays open: on X11 the text is lost when its owner exits.
#[derive(Default)]
pub(super) struct Clipboard {
    system: Option<arboard::Clipboard>,
}

impl Clipboard {
    /// `out` is the terminal; `in_tmux` says whether tmux runs in between.
    pub(super) fn copy(&mut self, text: &str, out: &mut dyn Write, in_tmux: bool) -> CopiedTo {
        let sent = text.len() <= MOST_BYTES
            && out.write_all(sequence(text, in_tmux).as_bytes()).is_ok()
            && out.flush().is_ok();
        match (self.copy_to_system(text), sent) {
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

/// OSC 52 for `text`. tmux needs its pass-through wrapper, with every ESC doubled.
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
