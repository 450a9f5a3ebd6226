//! The real binary as a machine that computes layers for others.
#![allow(dead_code, reason = "each test file takes what it needs")]

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::binary::Home;

/// Longer than anything takes that is waited for here, on busy cores.
const PATIENCE: Duration = Duration::from_mins(2);

/// A `lunette rpc-server` that runs.
pub(crate) struct Peer {
    child: Child,
    pub(crate) address: String,
    /// Lines of its standard output.
    said: Receiver<String>,
}

impl Peer {
    /// On one thread, at a port that is free.
    pub(crate) fn start(home: &Home, arguments: &[&str]) -> Self {
        Self::at("127.0.0.1:0", home, arguments)
    }

    pub(crate) fn at(address: &str, home: &Home, arguments: &[&str]) -> Self {
        let line = [&["rpc-server", "--listen", address, "-t", "1"], arguments].concat();
        let mut child = home.start(&line, &[]);
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let (lines, said) = channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
        let first = said.recv_timeout(PATIENCE).expect("it says where it listens");
        let address = first.strip_prefix("listening on ").unwrap_or_else(|| panic!("{first}")).to_owned();
        Self { child, address, said }
    }

    /// Waits for a line with `part` in it.
    pub(crate) fn says(&self, part: &str) -> String {
        loop {
            let line = self.said.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it does not say {part:?}"));
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Ends it as a failing machine does: without a word.
    pub(crate) fn die(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it was started here");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
