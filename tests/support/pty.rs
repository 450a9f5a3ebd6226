//! A terminal for the binary: a pseudo terminal, and behind it an emulator that knows what is on the screen.
//!
//! A bare pseudo terminal answers no question ("where is the cursor?", "what are you?"), and a program that asks waits in vain; this one
//! answers as xterm does. The binary runs in a folder of its own, with nothing of this machine's configuration.
//!
//! Each frame is looked at, also one that the next has overtaken by the time it is read: what shows for a moment is not missed.
#![allow(dead_code, reason = "each test file and each bench takes what it needs")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// What ends a frame: the end of a synchronised update, before which a terminal shows nothing of it.
const END_OF_FRAME: &[u8] = b"\x1b[?2026l";

/// A running binary and its screen.
pub(crate) struct Terminal {
    emulator: vt100::Parser,
    /// Whole frames that came.
    frames: usize,
    output: Receiver<Vec<u8>>,
    /// Came already and is not on the screen yet.
    unseen: Vec<u8>,
    input: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    started: Instant,
    /// All that came, and when.
    recorded: Vec<(Duration, Vec<u8>)>,
    home: tempfile::TempDir,
}

impl Terminal {
    /// Starts the binary with `arguments`, in a folder that holds `files`.
    pub(crate) fn open(columns: u16, rows: u16, files: &[(&str, &str)], arguments: &[&str]) -> Self {
        Self::open_with(columns, rows, files, arguments, &[])
    }

    /// As [`Terminal::open`], with `variables` in its environment.
    pub(crate) fn open_with(
        columns: u16,
        rows: u16,
        files: &[(&str, &str)],
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        Self::run(columns, rows, files, &binary(), arguments, variables)
    }

    /// As [`Terminal::open_with`], for any program.
    pub(crate) fn run(
        columns: u16,
        rows: u16,
        files: &[(&str, &str)],
        program: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(home.path().join(name), text).expect("a file");
        }
        let pair = native_pty_system().openpty(size(columns, rows)).expect("the system has pseudo terminals");
        let mut command = at_home(home.path(), program);
        command.args(arguments);
        for (name, value) in variables {
            command.env(name, value);
        }
        let started = Instant::now();
        let child = pair.slave.spawn_command(command).expect("the binary starts");
        let reader = pair.master.try_clone_reader().expect("its output can be read");
        Self {
            emulator: vt100::Parser::new(rows, columns, 0),
            frames: 0,
            output: pumped(reader),
            unseen: Vec::new(),
            input: pair.master.take_writer().expect("it can be written to"),
            master: pair.master,
            child,
            started,
            recorded: Vec::new(),
            home,
        }
    }

    /// The emulator's screen, with its colours.
    pub(crate) fn emulator(&self) -> &vt100::Screen {
        self.emulator.screen()
    }

    /// What is on the screen, line by line.
    pub(crate) fn screen(&self) -> String {
        self.emulator.screen().contents()
    }

    /// What the terminal was sent so far, in pieces, each with the time since the start.
    pub(crate) fn recorded(&self) -> &[(Duration, Vec<u8>)] {
        &self.recorded
    }

    /// Types `keys`, as the bytes that a terminal sends.
    pub(crate) fn press(&mut self, keys: &str) {
        self.input.write_all(keys.as_bytes()).expect("the binary listens");
        self.input.flush().expect("the binary listens");
    }

    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.emulator.screen_mut().set_size(rows, columns);
        self.master.resize(size(columns, rows)).expect("a pseudo terminal can be resized");
    }

    /// The screen as one line, every run of blanks and line ends a blank: in it sentences are found however they are wrapped.
    pub(crate) fn unwrapped(&self) -> String {
        self.screen().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn shows(&self, text: &str) -> bool {
        self.unwrapped().contains(text)
    }

    /// Waits until `text` is on the screen. Returns how long the binary has run by then.
    pub(crate) fn wait_for(&mut self, text: &str, limit: Duration) -> Duration {
        self.wait_until(&format!("{text:?}"), limit, |terminal| terminal.shows(text))
    }

    /// Waits until the first frame is whole. Returns how long the binary has run by then.
    pub(crate) fn wait_for_frame(&mut self, limit: Duration) -> Duration {
        self.wait_until("frame", limit, |terminal| terminal.frames > 0)
    }

    /// Waits until `is_seen`, which is `what`. Returns how long the binary has run by then.
    pub(crate) fn wait_until(&mut self, what: &str, limit: Duration, is_seen: impl Fn(&Self) -> bool) -> Duration {
        let deadline = Instant::now() + limit;
        while !is_seen(self) {
            match self.next_frame(deadline.saturating_duration_since(Instant::now())) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => panic!("no {what} within {limit:?} on\n{}", self.screen()),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended without {what} on\n{}", self.screen()),
            }
        }
        self.started.elapsed()
    }

    /// Takes what comes for `time`, whatever it is.
    pub(crate) fn watch(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            match self.next_frame(left) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => panic!("it ended on\n{}", self.screen()),
            }
        }
    }

    /// Whether `text` stands reversed on the screen, as the preset in force does.
    pub(crate) fn is_reversed(&self, text: &str) -> bool {
        let screen = self.emulator.screen();
        let (rows, columns) = screen.size();
        let reversed_row = |row: u16| -> String {
            let cells = (0..columns).filter_map(|column| screen.cell(row, column));
            cells.filter(|cell| cell.inverse()).map(vt100::Cell::contents).collect()
        };
        (0..rows).any(|row| reversed_row(row).contains(text))
    }

    /// Whole frames so far.
    pub(crate) fn frames(&self) -> usize {
        self.frames
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.process_id().expect("it runs")
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&mut self) {
        send_signal("TERM", &self.process_id().to_string());
    }

    /// Sends the signal `name` to the process that wrote its number to `file` in its folder.
    pub(crate) fn signal_writer_of(&self, file: &str, name: &str) {
        let id = std::fs::read_to_string(self.home.path().join(file)).expect("the number of a process");
        send_signal(name, id.trim());
    }

    /// Waits for its end, and takes what it still had to say.
    pub(crate) fn exit_code(&mut self, limit: Duration) -> u32 {
        let deadline = Instant::now() + limit;
        while self.next_frame(deadline.saturating_duration_since(Instant::now())).is_ok() {}
        ended(&mut *self.child, deadline)
            .unwrap_or_else(|| panic!("it did not end within {limit:?}:\n{}", self.screen()))
    }

    /// The first screen is back, the cursor is seen, a paste is plain again, and lines are edited by the terminal.
    pub(crate) fn is_given_back(&self) -> bool {
        let screen = self.emulator.screen();
        let plain = !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste();
        plain && self.master.get_termios().is_none_or(|termios| format!("{:?}", termios.local_flags).contains("ICANON"))
    }

    /// Draws what came to the end of its first frame, or as far as it goes; when nothing did, waits for it.
    fn next_frame(&mut self, limit: Duration) -> Result<(), RecvTimeoutError> {
        if self.drawable() == 0 {
            self.unseen.extend(self.output.recv_timeout(limit)?);
        }
        let bytes: Vec<u8> = self.unseen.drain(..self.drawable()).collect();
        self.frames += usize::from(bytes.ends_with(END_OF_FRAME));
        self.emulator.process(&bytes);
        self.answer(&bytes);
        self.recorded.push((self.started.elapsed(), bytes));
        Ok(())
    }

    /// So many bytes can be drawn: one frame, or all but what may be half of a frame's end.
    fn drawable(&self) -> usize {
        let end = self.unseen.windows(END_OF_FRAME.len()).position(|window| window == END_OF_FRAME);
        let half = (1..END_OF_FRAME.len()).rev().find(|&count| self.unseen.ends_with(&END_OF_FRAME[..count]));
        end.map_or(self.unseen.len() - half.unwrap_or(0), |start| start + END_OF_FRAME.len())
    }

    /// Answers what is asked in `bytes`.
    fn answer(&mut self, bytes: &[u8]) {
        let asked = |question: &[u8]| bytes.windows(question.len()).any(|window| window == question);
        if asked(b"\x1b[6n") {
            let (row, column) = self.emulator.screen().cursor_position();
            let answer = format!("\x1b[{};{}R", row + 1, column + 1);
            let _ = self.input.write_all(answer.as_bytes());
        }
        if asked(b"\x1b[c") {
            let _ = self.input.write_all(b"\x1b[?62;22c");
        }
    }
}

/// Opens the binary, types for `typing`, takes its terminal away in the middle of that, and waits for its end. Returns its exit code.
pub(crate) fn exit_code_without_terminal(typing: Duration, limit: Duration) -> u32 {
    let home = tempfile::tempdir().expect("a folder");
    let pair = native_pty_system().openpty(size(80, 24)).expect("the system has pseudo terminals");
    let mut child = pair.slave.spawn_command(at_home(home.path(), &binary())).expect("the binary starts");
    let terminal = unwaiting(&*pair.master);
    drop(pair);
    type_from_the_first_frame_on(terminal, typing);
    let code = ended(&mut *child, Instant::now() + limit);
    if code.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    code.unwrap_or_else(|| panic!("it did not end within {limit:?}"))
}

/// Faster than it is read: something is left when the terminal goes, which is when this returns.
fn type_from_the_first_frame_on(mut terminal: File, typing: Duration) {
    let mut buffer = [0; 8192];
    let mut came = Vec::new();
    let mut first_frame = None;
    while first_frame.is_none_or(|first: Instant| first.elapsed() < typing) {
        match terminal.read(&mut buffer) {
            Ok(count) => came.extend_from_slice(&buffer[..count]),
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
        if first_frame.is_some() {
            let _ = terminal.write(b"words and more ");
        } else if came.windows(END_OF_FRAME.len()).any(|window| window == END_OF_FRAME) {
            first_frame = Some(Instant::now());
        }
    }
}

/// The exit code, once there is one; `None`: there was none until `deadline`.
fn ended(child: &mut dyn Child, deadline: Instant) -> Option<u32> {
    loop {
        if let Some(status) = child.try_wait().expect("its state is known") {
            return Some(status.exit_code());
        }
        if Instant::now() > deadline {
            return None;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// `program`, with nothing of this machine's configuration.
fn at_home(home: &Path, program: &Path) -> CommandBuilder {
    let mut command = CommandBuilder::new(program);
    command.cwd(home);
    command.env_clear();
    command.env("HOME", home);
    command.env("TERM", "xterm-256color");
    command.env("PATH", std::env::var("PATH").unwrap_or_default());
    command
}

/// The terminal's side of it, neither read nor written to longer than a moment.
#[allow(unsafe_code, reason = "portable-pty lends a bare descriptor")]
fn unwaiting(master: &dyn MasterPty) -> File {
    let descriptor = master.as_raw_fd().expect("it has a descriptor");
    // SAFETY: the descriptor is open; the copy belongs to the file alone.
    unsafe {
        let copy = libc::dup(descriptor);
        assert_ne!(libc::fcntl(copy, libc::F_SETFL, libc::O_NONBLOCK), -1, "it can be told not to wait");
        File::from_raw_fd(copy)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tests and benches are told where it is; an example lies beside it.
pub(crate) fn binary() -> PathBuf {
    if let Some(path) = option_env!("CARGO_BIN_EXE_lunette") {
        return path.into();
    }
    let here = std::env::current_exe().expect("the system knows what it runs");
    let folder = here.parent().and_then(|examples| examples.parent()).expect("target/release/examples");
    folder.join("lunette")
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn send_signal(name: &str, id: &str) {
    let killed =
        std::process::Command::new("kill").args([&format!("-{name}"), id]).status().expect("kill is everywhere");
    assert!(killed.success(), "kill -{name} {id}");
}

/// What `reader` gives, as it comes.
fn pumped(mut reader: Box<dyn Read + Send>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}
