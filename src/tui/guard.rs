//! Takes the terminal, and gives it back on every way out.
//!
//! [`Guard`] gives it back when it is dropped: at the end, at an error, at SIGTERM and SIGHUP (the driver returns on these). A
//! panic gives it back before its message is printed, or the message would be lost with the alternate screen. A panic of
//! another thread (the engine's) leaves the terminal alone, as the screen goes on; its message goes to the log.

use std::io::{self, Write, stdout};
use std::panic::{self, PanicHookInfo};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ratatui::crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture, KeyboardEnhancementFlags,
    PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags,
};
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::crossterm::{cursor, execute};

use super::crash;

/// Whether the mouse is ours while the terminal is.
static MOUSE: AtomicBool = AtomicBool::new(false);

type Hook = Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// The terminal is ours as long as this lives.
pub(super) struct Guard {
    taken: Arc<AtomicBool>,
    earlier_hook: Hook,
}

impl Guard {
    /// Raw mode, the alternate screen, bracketed paste, the mouse if it is wished for, and Shift-Enter where the terminal can tell it.
    /// A crash is reported by a file in `reports`, about the program that `build` names.
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
    enable_raw_mode()?;
    execute!(
        stdout(),
        EnterAlternateScreen,
        EnableBracketedPaste,
        PushKeyboardEnhancementFlags(KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES),
    )?;
    if MOUSE.load(Ordering::SeqCst) {
        execute!(stdout(), EnableMouseCapture)?;
    }
    Ok(())
}

/// Gives the terminal to `other` for a while: an editor, or the shell that we were started from.
pub(super) fn lend<T>(other: impl FnOnce() -> T) -> io::Result<T> {
    leave();
    let told = other();
    enter()?;
    Ok(told)
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back(&self.taken);
        // A hook can't be changed by a thread that panics.
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
            tell_of_report(info, &reports, &build);
        }
    }
}

/// The terminal is plain again; what is told here stays on it.
#[allow(clippy::print_stderr, reason = "the screen is gone, and this is its last word")]
fn tell_of_report(info: &PanicHookInfo<'_>, folder: &Path, build: &str) {
    match crash::write(folder, build, &info.to_string()) {
        Ok(path) => eprintln!("a report is in {}", path.display()),
        Err(error) => eprintln!("no report could be written: {error}"),
    }
}

/// Once; what fails is passed over, as there is nobody left to tell.
fn give_back(taken: &AtomicBool) {
    if taken.swap(false, Ordering::SeqCst) {
        leave();
    }
}

fn leave() {
    let mut out = stdout();
    if MOUSE.load(Ordering::SeqCst) {
        let _ = execute!(out, DisableMouseCapture);
    }
    let _ = execute!(out, PopKeyboardEnhancementFlags, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
    let _ = disable_raw_mode();
    let _ = out.flush();
}

#[cfg(test)]
#[path = "../../tests/support/pty.rs"]
mod pty;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const REPORTS: &str = "LUNETTE_TEST_REPORTS";

    /// The program of the next test, and nothing without it: it takes the terminal, draws, and fails.
    #[test]
    #[allow(clippy::print_stdout, reason = "this is what it draws")]
    fn a_screen_that_fails() {
        let Some(reports) = std::env::var_os(REPORTS) else { return };
        let _guard = Guard::take(true, reports.into(), "lunette 0".to_owned()).expect("a terminal");
        print!("what was drawn");
        panic!("there is no such row");
    }

    #[test]
    fn a_panic_gives_the_terminal_back_and_its_message_stays_there() {
        let reports = tempfile::tempdir().expect("a folder");
        let this = std::env::current_exe().expect("the system knows what it runs");
        let arguments = ["--exact", "tui::guard::tests::a_screen_that_fails", "--nocapture"];
        let folder = reports.path().to_str().expect("a path in UTF-8");
        let mut terminal = pty::Terminal::run(80, 24, &[], &this, &arguments, &[(REPORTS, folder)]);
        assert_ne!(terminal.exit_code(Duration::from_secs(60)), 0);
        assert!(terminal.is_given_back(), "{}", terminal.screen());
        assert!(terminal.shows("there is no such row") && terminal.shows("a report is in"), "{}", terminal.screen());
        assert!(!terminal.shows("what was drawn"), "{}", terminal.screen());
        let report = std::fs::read_dir(Path::new(folder)).expect("a folder").next().expect("a report").expect("a file");
        let told = std::fs::read_to_string(report.path()).expect("text");
        assert!(told.contains("there is no such row"), "{told}");
    }
}
