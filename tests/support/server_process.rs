//! Starts `lunette serve` and waits until its log has a line of a kind.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;

/// The process that `command` starts, and its address, once it has told of `event`: `read` when it has read its documents, `loaded` when
/// it has its model.
///
/// Panics: it can't be started, or ends before that.
pub(crate) fn start_until(event: &str, mut command: Command) -> (Child, String) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    let mut log = BufReader::new(child.stdout.take().expect("it is piped"));
    let (mut address, mut line) = (String::new(), String::new());
    let told = format!("\"event\":\"{event}\"");
    while !line.contains(&told) {
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
