//! Copies text to the system clipboard and, through the terminal, to the clipboard of the machine the user sits at.
//!
//! OSC 52 is an escape sequence that carries the text in base64, and it also works over SSH. No terminal says whether it
//! took the text, so nothing is claimed for it. tmux does: `tmux load-buffer` fills its paste buffer and offers the text
//! to the terminal around it, whatever tmux is told about OSC 52. Where that command is missing, as on a machine reached
//! from a tmux elsewhere, both forms of the sequence are sent: plain, which tmux takes under `set-clipboard on`, and
//! wrapped, which it hands on under `allow-passthrough on`.
//!
//! Under Wayland the program `wl-copy` is given the text where it is installed: the libraries that speak the protocol would take
//! 35 s of a processor to compile (one core of 2026). Elsewhere, and under Wayland without it, the text goes to X11's clipboard.

use std::io::Write;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Most bytes of an OSC 52 sequence that a common terminal accepts; xterm accepts fewer.
const MOST_BYTES: usize = 74_994;

/// Where a text went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CopiedTo {
    Clipboard,
    /// The paste buffer of tmux.
    Tmux,
    /// The terminal was given it, and may have ignored it.
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
        let in_buffer = in_tmux && fill_buffer(text, || Command::new("tmux"));
        let forms: &[Form] = match (in_tmux, in_buffer) {
            (false, _) => &[Form::Plain],
            // tmux would make a second buffer of the plain one.
            (true, true) => &[Form::ThroughTmux],
            (true, false) => &[Form::Plain, Form::ThroughTmux],
        };
        let sent = text.len() <= MOST_BYTES && forms.iter().all(|form| send(out, &form.sequence(text)));
        match (self.copy_to_system(text), in_buffer, sent) {
            (true, ..) => CopiedTo::Clipboard,
            (false, true, _) => CopiedTo::Tmux,
            (false, false, true) => CopiedTo::Terminal,
            (false, false, false) => CopiedTo::Nowhere,
        }
    }

    fn copy_to_system(&mut self, text: &str) -> bool {
        if takes(text, Command::new("wl-copy")) {
            return true;
        }
        if self.system.is_none() {
            self.system = arboard::Clipboard::new().ok();
        }
        self.system.as_mut().is_some_and(|clipboard| clipboard.set_text(text).is_ok())
    }
}

fn send(out: &mut dyn Write, sequence: &str) -> bool {
    out.write_all(sequence.as_bytes()).is_ok() && out.flush().is_ok()
}

/// How OSC 52 is written.
#[derive(Debug, Clone, Copy)]
enum Form {
    Plain,
    /// In tmux's pass-through wrapper, with every ESC doubled.
    ThroughTmux,
}

impl Form {
    fn sequence(self, text: &str) -> String {
        let plain = format!("\x1b]52;c;{}\x07", BASE64.encode(text));
        match self {
            Self::Plain => plain,
            Self::ThroughTmux => format!("\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b")),
        }
    }
}

/// Fills the paste buffer of tmux with `text`. Returns whether tmux has it. `-w` also offers it to the terminal around
/// tmux; versions before 3.2 don't know that.
fn fill_buffer(text: &str, tmux: impl Fn() -> Command) -> bool {
    [&["load-buffer", "-w", "-"][..], &["load-buffer", "-"]].into_iter().any(|arguments| {
        let mut command = tmux();
        command.args(arguments);
        takes(text, command)
    })
}

/// Whether `program` read all of `text` from its standard input and succeeded. It fails where it is not installed, and `wl-copy`
/// where no Wayland compositor runs.
fn takes(text: &str, mut program: Command) -> bool {
    program.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = program.spawn() else { return false };
    let given = child.stdin.take().is_some_and(|mut input| input.write_all(text.as_bytes()).is_ok());
    child.wait().is_ok_and(|status| status.success()) && given
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn tmux_gets_a_sequence_to_hand_on() {
        assert_eq!(Form::Plain.sequence("f"), "\x1b]52;c;Zg==\x07");
        assert_eq!(Form::ThroughTmux.sequence("f"), "\x1bPtmux;\x1b\x1b]52;c;Zg==\x07\x1b\\");
    }

    /// A tmux that runs `script`.
    fn scripted(script: &str) -> impl Fn() -> Command {
        let script = script.to_owned();
        move || {
            let mut command = Command::new("sh");
            command.args(["-c", &script, "tmux"]);
            command
        }
    }

    #[test]
    fn what_tmux_took_is_known() {
        let folder = tempfile::tempdir().expect("a folder");
        let buffer = folder.path().join("buffer");
        let keeps = format!("[ \"$*\" = 'load-buffer -w -' ] && cat > '{}'", buffer.display());
        assert!(fill_buffer("a clergyman\n", scripted(&keeps)));
        assert_eq!(fs::read_to_string(&buffer).expect("kept"), "a clergyman\n");
        let is_old = format!("[ \"$*\" = 'load-buffer -' ] && cat > '{}'", buffer.display());
        assert!(fill_buffer("an heir", scripted(&is_old)));
        assert_eq!(fs::read_to_string(&buffer).expect("kept"), "an heir");
    }

    #[test]
    fn a_tmux_that_is_missing_or_refuses_took_nothing() {
        assert!(!fill_buffer("text", || Command::new("/nowhere/tmux")));
        assert!(!fill_buffer("text", scripted("cat > /dev/null; exit 1")));
        assert!(!fill_buffer(&"text".repeat(100_000), scripted("exit 0")), "it ended before it had the text");
    }
}
