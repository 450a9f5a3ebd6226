//! The process that reads a PDF: request and file come from standard input, messages go to standard output.
//!
//! The process limits its own address space and processor time (`setrlimit`, Unix only), so that a hostile file ends
//! only this process. A panic in a library is the failure of one page.

use std::io::{self, BufRead, Write};
use std::panic;
use std::thread;

use super::answer::SendMessage;
use super::glyphs;
use super::protocol::{ReaderMessage, Request};

/// Libraries walk deep trees of objects by recursion. An overflow ends the process, which costs a page.
const STACK_BYTES: usize = 64 << 20;

/// Runs the whole process. `input` has the request and the file, messages go to `output`.
///
/// Fails if the request is invalid, or if `output` is closed.
pub fn serve(input: &mut dyn BufRead, output: &mut (dyn Write + Send)) -> io::Result<()> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    let request: Request = serde_json::from_str(&line)?;
    limit(&request);
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    // Panics become reasons of failed pages. Nobody reads standard error.
    panic::set_hook(Box::new(|_| {}));
    let mut send = |message: ReaderMessage| {
        // The line end before the message separates it from what a library may have printed.
        output.write_all(format!("\n{}\n", serde_json::to_string(&message)?).as_bytes())?;
        output.flush()
    };
    on_a_large_stack(|| work(&request, bytes, &mut send))
}

/// Ignores failures: the parent process kills this one if it sends nothing for long.
#[cfg(unix)]
fn limit(request: &Request) {
    use nix::sys::resource::{Resource, setrlimit};
    let _ = setrlimit(Resource::RLIMIT_AS, request.memory_bytes, request.memory_bytes);
    let _ = setrlimit(Resource::RLIMIT_CPU, request.cpu_s, request.cpu_s);
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
}

#[cfg(not(unix))]
fn limit(_request: &Request) {}

/// Runs `work` on a thread with a large stack.
pub(super) fn on_a_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        thread.expect("a thread can be started").join().unwrap_or_else(|panic| panic::resume_unwind(panic))
    })
}

/// Carries out `request` for the file `bytes`.
pub(super) fn work(request: &Request, bytes: Vec<u8>, send: SendMessage<'_>) -> io::Result<()> {
    glyphs::read(request, bytes, send)?;
    send(ReaderMessage::Done)
}
