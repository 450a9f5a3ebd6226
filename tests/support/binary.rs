//! The real binary in a home of its own: nothing of the machine's configuration, and a limit on how long it may take.
#![allow(dead_code, reason = "each test file takes what it needs")]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Longer than any refusal takes on a busy machine; whoever needs more is hung.
const HUNG: Duration = Duration::from_mins(1);

/// A folder that is both home and working directory, removed when it is dropped.
pub(crate) struct Home(tempfile::TempDir);

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) err: String,
    /// The exit code; -1 when a signal ended it.
    pub(crate) code: i32,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// Runs the binary without input.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_on(arguments, "")
    }

    pub(crate) fn run_on(&self, arguments: &[&str], stdin: &str) -> Ran {
        self.run_with(arguments, &[], stdin)
    }

    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)], stdin: &str) -> Ran {
        let mut child = self.start(arguments, variables);
        let mut input = child.stdin.take().expect("it is piped");
        // A program that has read enough closes its end.
        let _ = input.write_all(stdin.as_bytes());
        drop(input);
        finished(child, HUNG)
    }

    /// Runs the binary without input; what it says on standard output goes to `out`.
    pub(crate) fn run_into(&self, out: Stdio, arguments: &[&str]) -> Ran {
        let child = self.command(arguments).stdin(Stdio::null()).stdout(out).spawn().expect("it starts");
        finished(child, HUNG)
    }

    /// Starts the binary with everything piped.
    pub(crate) fn start(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Child {
        self.command(arguments).envs(variables.iter().copied()).spawn().expect("it starts")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("lunette"));
        command.args(arguments).current_dir(self.0.path()).env_clear().env("HOME", self.0.path());
        // Windows finds nothing without these; elsewhere they are absent.
        for name in ["PATH", "SystemRoot", "LD_LIBRARY_PATH"] {
            std::env::var_os(name).map(|value| command.env(name, value));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// Waits for the end of `child`; after `limit` it is killed, and that is a failure.
pub(crate) fn finished(child: Child, limit: Duration) -> Ran {
    let id = child.id();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(limit) else {
        signal("-KILL", id);
        panic!("it hung for {limit:?}");
    };
    let output = output.expect("its output can be read");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it writes UTF-8");
    Ran { out: text(output.stdout), err: text(output.stderr), code: output.status.code().unwrap_or(-1) }
}

/// Sends `name` (`-INT`) to a process that was started here.
pub(crate) fn signal(name: &str, id: u32) {
    let sent = Command::new("kill").args([name, &id.to_string()]).status().expect("kill is there");
    assert!(sent.success(), "{name} {id}");
}

/// The error's line: what failed, in one sentence.
pub(crate) fn sentence(err: &str) -> &str {
    err.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("no error is told: {err}"))
}
