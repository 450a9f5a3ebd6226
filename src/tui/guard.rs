//! Takes the terminal and restores it on every way out.
//!
//! [`Guard`] restores it when dropped: at the end, after an error, on SIGTERM, SIGHUP and SIGQUIT (the driver returns on
//! these).
//! A panic restores it before its message is printed, or the message would vanish with the alternate screen. A panic on
//! another thread, such as the engine's, leaves the terminal alone because the interface goes on; its message goes to
//! the log. A death by a signal (an assertion of llama.cpp, a file that is cut short) restores it by [`crate::aborts`].

use std::io::{self, Write, stdout};
use std::panic::{self, PanicHookInfo};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ratatui::crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, KeyboardEnhancementFlags, PopKeyboardEnhancementFlags,
    PushKeyboardEnhancementFlags,
};
use ratatui::crossterm::style::Print;
use ratatui::crossterm::terminal::{
    DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{cursor, execute};

use super::crash;
use crate::aborts;

/// Presses and the wheel (1000), with columns beyond 223 (1006). crossterm would also ask for every movement, which
/// nothing here uses: a terminal then sends hundreds of reports a second.
const CAPTURE_MOUSE: &str = "\x1b[?1000h\x1b[?1006h";
const RELEASE_MOUSE: &str = "\x1b[?1006l\x1b[?1000l";

/// Whether mouse events are captured while the terminal is taken.
static MOUSE: AtomicBool = AtomicBool::new(false);

type Hook = Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// Holds the terminal until it is dropped.
pub(super) struct Guard {
    taken: Arc<AtomicBool>,
    earlier_hook: Hook,
}

impl Guard {
    /// Enables raw mode, the alternate screen without line wrap, bracketed paste, the mouse if wanted, and Shift-Enter where the terminal
    /// supports it. A crash writes a report into `reports` that begins with `build`.
    pub(super) fn take(mouse: bool, reports: PathBuf, build: String) -> io::Result<Self> {
        MOUSE.store(mouse, Ordering::SeqCst);
        let taken = Arc::new(AtomicBool::new(true));
        let earlier_hook: Hook = Arc::from(panic::take_hook());
        let guard = Self { taken: taken.clone(), earlier_hook: earlier_hook.clone() };
        panic::set_hook(Box::new(hook(taken, earlier_hook, reports, build)));
        enter()?;
        Ok(guard)
    }
}

fn enter() -> io::Result<()> {
    aborts::hold_terminal(leaving());
    enable_raw_mode()?;
    execute!(
        stdout(),
        EnterAlternateScreen,
        DisableLineWrap,
        EnableBracketedPaste,
        PushKeyboardEnhancementFlags(KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES),
    )?;
    if MOUSE.load(Ordering::SeqCst) {
        execute!(stdout(), Print(CAPTURE_MOUSE))?;
    }
    Ok(())
}

/// Lends the terminal to `other`: an editor, or the shell that started this program.
pub(super) fn lend<T>(other: impl FnOnce() -> T) -> io::Result<T> {
    leave();
    let result = other();
    enter()?;
    Ok(result)
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back(&self.taken);
        // A panicking thread must not change the hook.
        if !thread::panicking() {
            let earlier = self.earlier_hook.clone();
            panic::set_hook(Box::new(move |info| earlier(info)));
        }
    }
}

fn hook(taken: Arc<AtomicBool>, earlier: Hook, reports: PathBuf, build: String) -> impl Fn(&PanicHookInfo<'_>) {
    let screen = thread::current().id();
    move |info| {
        if thread::current().id() == screen {
            give_back(&taken);
        }
        if taken.load(Ordering::SeqCst) {
            tracing::error!(panic = %info, "a thread panicked");
        } else {
            earlier(info);
            print_report_path(info, &reports, &build);
        }
    }
}

/// The terminal is restored, so this stays visible.
#[allow(clippy::print_stderr, reason = "the screen is gone, and this is its last word")]
fn print_report_path(info: &PanicHookInfo<'_>, folder: &Path, build: &str) {
    match crash::write(folder, build, &info.to_string()) {
        Ok(path) => eprintln!("crash report: {}", path.display()),
        Err(error) => eprintln!("cannot write a crash report: {error}"),
    }
}

/// Restores the terminal once. Errors are ignored: there is no way left to report them.
fn give_back(taken: &AtomicBool) {
    if taken.swap(false, Ordering::SeqCst) {
        leave();
    }
}

fn leave() {
    let mut out = stdout();
    let _ = out.write_all(&leaving());
    let _ = disable_raw_mode();
    let _ = out.flush();
    aborts::give_back_terminal();
}

/// What a terminal is sent when it is given back.
fn leaving() -> Vec<u8> {
    let mut bytes = Vec::new();
    if MOUSE.load(Ordering::SeqCst) {
        let _ = execute!(bytes, Print(RELEASE_MOUSE));
    }
    let _ = execute!(bytes, PopKeyboardEnhancementFlags, DisableBracketedPaste, EnableLineWrap);
    let _ = execute!(bytes, LeaveAlternateScreen, cursor::Show);
    bytes
}

#[cfg(test)]
#[path = "../../tests/support/pty.rs"]
mod pty;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const REPORTS: &str = "LUNETTE_TEST_REPORTS";

    /// The program that the next test runs: it takes the terminal, draws, and panics. Without the variable it does
    /// nothing.
    #[test]
    #[allow(clippy::print_stdout, reason = "this is what it draws")]
    fn a_screen_that_fails() {
        let Some(reports) = std::env::var_os(REPORTS) else { return };
        let _guard = Guard::take(true, reports.into(), "lunette 0".to_owned()).expect("a terminal");
        print!("what was drawn");
        panic!("there is no such row");
    }

    const DEATHS: &str = "LUNETTE_TEST_DEATHS";

    /// The program that the next test runs: it takes the terminal, draws, and dies. Without the variable it does nothing.
    #[test]
    #[allow(clippy::print_stdout, reason = "this is what it draws")]
    fn a_screen_that_dies() {
        let Ok(how) = std::env::var(DEATHS) else { return };
        aborts::listen();
        let _guard = Guard::take(true, PathBuf::new(), "lunette 0".to_owned()).expect("a terminal");
        print!("what was drawn");
        match how.as_str() {
            "abort" => std::process::abort(),
            "told" => aborts::end("error: llama.cpp gave up: GGML_ASSERT(a) failed", 5),
            signal => {
                let sent = std::process::Command::new("kill").args([signal, &std::process::id().to_string()]).status();
                assert!(sent.is_ok_and(|status| status.success()));
                thread::sleep(Duration::from_secs(30));
            }
        }
    }

    /// llama.cpp's assertions left the terminal in raw mode, on the alternate screen.
    #[test]
    fn a_death_gives_the_terminal_back_and_says_why() {
        let this = std::env::current_exe().expect("the system knows what it runs");
        let arguments = ["--exact", "tui::guard::tests::a_screen_that_dies", "--nocapture"];
        let cases = [
            ("abort", "lunette: ended by SIGABRT"),
            ("-SEGV", "lunette: ended by SIGSEGV"),
            ("-BUS", "lunette: ended by SIGBUS"),
            ("told", "GGML_ASSERT(a) failed"),
        ];
        for (how, said) in cases {
            let mut terminal = pty::Terminal::run(80, 24, &[], &this, &arguments, &[(DEATHS, how)]);
            assert_ne!(terminal.exit_code(Duration::from_mins(1)), 0, "{how}");
            assert!(terminal.is_given_back(), "{how}: {}", terminal.screen());
            assert!(terminal.shows(said), "{how}: {}", terminal.screen());
            assert!(!terminal.shows("what was drawn"), "{how}: {}", terminal.screen());
        }
    }

    #[test]
    fn a_panic_gives_the_terminal_back_and_its_message_stays_there() {
        let reports = tempfile::tempdir().expect("a folder");
        let this = std::env::current_exe().expect("the system knows what it runs");
        let arguments = ["--exact", "tui::guard::tests::a_screen_that_fails", "--nocapture"];
        let folder = reports.path().to_str().expect("a path in UTF-8");
        let mut terminal = pty::Terminal::run(80, 24, &[], &this, &arguments, &[(REPORTS, folder)]);
        assert_ne!(terminal.exit_code(Duration::from_mins(1)), 0);
        assert!(terminal.is_given_back(), "{}", terminal.screen());
        assert!(terminal.shows("there is no such row") && terminal.shows("crash report: "), "{}", terminal.screen());
        assert!(!terminal.shows("what was drawn"), "{}", terminal.screen());
        let report = std::fs::read_dir(Path::new(folder)).expect("a folder").next().expect("a report").expect("a file");
        let text = std::fs::read_to_string(report.path()).expect("text");
        assert!(text.contains("there is no such row"), "{text}");
    }
}
