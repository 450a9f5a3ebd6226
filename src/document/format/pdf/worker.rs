//! The reading process: limits itself, reads its request and the file from standard input, says what it finds on standard output.
//!
//! Its address space and processor time are limited by the system (`setrlimit`, Unix only), so that a file made to fill the memory ends this process
//! and no other. A panic in a library costs the page that it came from.

use std::io::{self, BufRead, Write};
use std::panic;
use std::thread;

use super::answer::SendMessage;
use super::protocol::{PdfEngine, ReaderMessage, Request};
use super::{extract, oxide};

/// Deep trees of objects are walked by recursion; an overflow ends the process, which costs a page.
const STACK_BYTES: usize = 64 << 20;

/// All of a reading process: `input` has the request and the file, what is found goes to `output`.
///
/// Errors: an input that is none of ours, or nobody who listens.
pub fn serve(input: &mut dyn BufRead, output: &mut (dyn Write + Send)) -> io::Result<()> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    let request: Request = serde_json::from_str(&line)?;
    limit(&request);
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    // Told as the reason of a page; standard error is nobody's.
    panic::set_hook(Box::new(|_| {}));
    let mut say = |said: ReaderMessage| {
        // The line end in front parts it from whatever a library may have printed.
        output.write_all(format!("\n{}\n", serde_json::to_string(&said)?).as_bytes())?;
        output.flush()
    };
    on_a_large_stack(|| work(&request, bytes, &mut say))
}

/// What cannot be limited stays as it is: the asking process kills this one when it says nothing for long.
#[cfg(unix)]
fn limit(request: &Request) {
    let _ = rlimit::setrlimit(rlimit::Resource::AS, request.memory_bytes, request.memory_bytes);
    let _ = rlimit::setrlimit(rlimit::Resource::CPU, request.cpu_s, request.cpu_s);
    let _ = rlimit::setrlimit(rlimit::Resource::CORE, 0, 0);
}

#[cfg(not(unix))]
fn limit(_request: &Request) {}

/// Runs `work` where deep recursion has room.
pub(super) fn on_a_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        thread.expect("there is room for one more thread").join().unwrap_or_else(|panic| panic::resume_unwind(panic))
    })
}

/// Answers `request` about the file `bytes`.
pub(super) fn work(request: &Request, bytes: Vec<u8>, say: SendMessage<'_>) -> io::Result<()> {
    match request.engine {
        PdfEngine::Oxide => oxide::read(request, bytes, say)?,
        PdfEngine::Extract => extract::read(request, &bytes, say)?,
    }
    say(ReaderMessage::Done)
}
