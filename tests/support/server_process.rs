//! Starts `lunette serve` and waits until it has read its documents.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;

/// The process that `command` starts, and its address.
///
/// Panics: it can't be started, or ends before it has read its documents.
pub(crate) fn start_and_read(mut command: Command) -> (Child, String) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    let mut log = BufReader::new(child.stdout.take().expect("it is piped"));
    let (mut address, mut line) = (String::new(), String::new());
    while !line.contains("\"event\":\"read\"") {
        line.clear();
        assert!(log.read_line(&mut line).expect("UTF-8") > 0, "the server ended");
        if let Some((_, rest)) = line.split_once("\"address\":\"") {
            rest.split('"').next().unwrap_or_default().clone_into(&mut address);
        }
    }
    // Its log has to be read, or it would fill the pipe.
    thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    (child, address)
}
