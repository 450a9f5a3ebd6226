//! The linked library: its start, its log, its version and patch stamp.
//!
//! llama.cpp reports the cause of a failed call only in its log, so the last complaints are kept for error messages.

use std::collections::VecDeque;
use std::ffi::{CStr, c_char, c_void};
use std::fs::File;
use std::io::Read as _;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::ptr::null_mut;
use std::sync::{LazyLock, Mutex, PoisonError};

use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_sys_2 as sys;

use crate::aborts;
use crate::engine::message::{Failure, FailureKind};
use crate::engine::trial::GAVE_UP;
use crate::harmless;

/// The exit code of [`crate::exit::Exit::Model`]: what fails an assertion is nearly always the model's file.
const GAVE_UP_CODE: i32 = 5;

/// The library's global state, one per process.
pub(super) static LIBRARY: LazyLock<LlamaBackend> = LazyLock::new(|| {
    listen_to_log();
    listen_to_aborts();
    #[cfg(feature = "portable")]
    load_backends_beside_program();
    LlamaBackend::init().expect("initialised only once, here")
});

/// Loads only the backends beside the program. ggml's own search includes the current folder, which may not be
/// trustworthy.
#[cfg(feature = "portable")]
fn load_backends_beside_program() {
    let program = std::env::current_exe().unwrap_or_default();
    let folder = program.parent().unwrap_or(Path::new("/")).as_os_str().as_encoded_bytes();
    let Ok(folder) = std::ffi::CString::new(folder) else { return };
    // SAFETY: `folder` is a C string that outlives the call.
    unsafe { sys::ggml_backend_load_all_from_path(folder.as_ptr()) };
}

/// The version of the linked llama.cpp, as the library reports it: `0.6.0-dev`.
#[must_use]
pub fn library_version() -> String {
    // SAFETY: the function returns a string literal of the library.
    unsafe { CStr::from_ptr(sys::llama_version()) }.to_string_lossy().into_owned()
}

/// The stamp of the patch series in the linked library.
#[must_use]
pub fn patch_stamp() -> String {
    // SAFETY: the function returns a string literal of the library.
    unsafe { CStr::from_ptr(sys::llama_swaa_stamp()) }.to_string_lossy().into_owned()
}

// --- the log ---------------------------------------------------------------------------------------------------------

/// Runs a callback of the library. Returns `fallback` if it panics, since a panic must not unwind through C.
pub(super) fn without_unwinding<T>(fallback: T, callback: impl FnOnce() -> T) -> T {
    std::panic::catch_unwind(AssertUnwindSafe(callback)).unwrap_or(fallback)
}

/// The last errors that the library logged: the evidence for a failure that returns no reason.
static COMPLAINTS: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

const COMPLAINTS_KEPT: usize = 8;
const MOST_COMPLAINT_CHARS: usize = 400;

fn listen_to_log() {
    // SAFETY: `log_line` has the callback's type, lives as long as the program and uses no user data.
    unsafe { sys::llama_log_set(Some(log_line), null_mut()) };
}

/// Log callback. A line that can't be logged is dropped.
unsafe extern "C" fn log_line(level: sys::ggml_log_level, text: *const c_char, _: *mut c_void) {
    if text.is_null() {
        return;
    }
    // SAFETY: llama.cpp passes a string that ends in 0 and outlives the call.
    let line = unsafe { CStr::from_ptr(text) };
    without_unwinding((), || log(level, line.to_string_lossy().trim_end()));
}

fn log(level: sys::ggml_log_level, line: &str) {
    match level {
        sys::GGML_LOG_LEVEL_ERROR => {
            remember_complaint(line);
            tracing::error!(target: "llama.cpp", "{line}");
        }
        sys::GGML_LOG_LEVEL_WARN => tracing::warn!(target: "llama.cpp", "{line}"),
        _ => tracing::debug!(target: "llama.cpp", "{line}"),
    }
}

// --- the end ---------------------------------------------------------------------------------------------------------

/// llama.cpp's own last words are a debugger's backtrace on standard output.
fn listen_to_aborts() {
    // SAFETY: `gave_up` has the callback's type and lives as long as the program.
    unsafe { sys::ggml_set_abort_callback(Some(gave_up)) };
}

/// An assertion failed. The process ends here, with a sentence and the terminal given back.
unsafe extern "C" fn gave_up(message: *const c_char) {
    // SAFETY: ggml passes a string that ends in 0 and outlives the call.
    let message = unsafe { CStr::from_ptr(message) }.to_string_lossy();
    without_unwinding((), || tracing::error!(target: "llama.cpp", "{message}"));
    aborts::end(&format!("{GAVE_UP}{}", harmless::line(&assertion(&message))), GAVE_UP_CODE);
}

/// `/…/llama-model.cpp:1330: GGML_ASSERT(a) failed` as `GGML_ASSERT(a) failed (llama-model.cpp:1330)`.
fn assertion(message: &str) -> String {
    match message.split_once(": ") {
        Some((place, what)) => format!("{what} ({})", place.rsplit(['/', '\\']).next().unwrap_or(place)),
        None => message.to_owned(),
    }
}

fn remember_complaint(line: &str) {
    let mut complaints = COMPLAINTS.lock().unwrap_or_else(PoisonError::into_inner);
    if complaints.len() == COMPLAINTS_KEPT {
        complaints.pop_front();
    }
    complaints.push_back(in_one_line(line));
}

/// Complaints quote the file, which may hold megabytes in place of a word.
fn in_one_line(line: &str) -> String {
    match line.char_indices().nth(MOST_COMPLAINT_CHARS) {
        Some((end, _)) => format!("{} … ({} bytes)", &line[..end], line.len()),
        None => line.to_owned(),
    }
}

/// Returns the first complaint since the last call, which usually names the cause, and clears all of them.
pub(super) fn take_complaints() -> Option<String> {
    let mut complaints = COMPLAINTS.lock().unwrap_or_else(PoisonError::into_inner);
    let first = complaints.iter().find(|line| !line.is_empty()).cloned();
    complaints.clear();
    first
}

pub(super) fn failure(kind: FailureKind, message: String, hint: Option<&str>) -> Failure {
    Failure { kind, message, hint: hint.map(str::to_owned) }
}

/// Checks the first four bytes. llama.cpp's own message for other files names no cause.
pub(super) fn check_is_gguf(path: &Path) -> Result<(), Failure> {
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    let name = path.display();
    match read {
        Ok(()) if magic == *b"GGUF" => Ok(()),
        Ok(()) => {
            let message = format!("{name} is not a GGUF file: it starts with {:?}", magic.escape_ascii().to_string());
            Err(failure(FailureKind::Model, message, Some("models must be in llama.cpp's GGUF format")))
        }
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(failure(FailureKind::Model, format!("{name} is not a GGUF file: it is shorter than 4 bytes"), None))
        }
        Err(error) => Err(failure(FailureKind::Model, format!("cannot read model {name}: {error}"), None)),
    }
}

#[cfg(test)]
mod tests {
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;

    /// A log that fails at every line.
    struct Panics;

    impl Subscriber for Panics {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, _: &Event<'_>) {
            panic!("the log is broken");
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn an_assertion_is_told_before_its_place() {
        let said = "/home/ada/llama.cpp/src/llama-model.cpp:1330: GGML_ASSERT(n_layer > 0) failed";
        assert_eq!(assertion(said), "GGML_ASSERT(n_layer > 0) failed (llama-model.cpp:1330)");
        assert_eq!(assertion("no place"), "no place");
    }

    #[test]
    fn a_panic_in_the_log_does_not_reach_the_library() {
        tracing::subscriber::with_default(Panics, || {
            // SAFETY: the text is a C string that outlives the call.
            unsafe { log_line(sys::GGML_LOG_LEVEL_WARN, c"a warning".as_ptr(), null_mut()) };
        });
    }
}
