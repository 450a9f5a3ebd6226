//! Copies ranges of positions out of a context's KV cache and appends such copies, by the functions of our patch 0022.

use std::ffi::{CStr, c_char};
use std::ptr::NonNull;

use llama_cpp_sys_2 as sys;

use super::library::{failure, take_complaints};
use crate::engine::message::{Failure, FailureKind};

type Raw = NonNull<sys::llama_context>;

/// Describes what the bytes of a range depend on beside the model.
///
/// Errors: why ranges of this context can't be copied.
pub(super) fn layout(context: Raw) -> Result<String, String> {
    // SAFETY: callers pass the pointer of a context that is alive. The library returns null or a string literal.
    let refusal = unsafe { sys::llama_swaa_range_refusal(context.as_ptr()) };
    if !refusal.is_null() {
        // SAFETY: as above.
        return Err(unsafe { CStr::from_ptr(refusal) }.to_string_lossy().into_owned());
    }
    // SAFETY: with a size of 0 nothing is written; the length of the whole text is returned.
    let length = unsafe { sys::llama_swaa_range_layout(context.as_ptr(), std::ptr::null_mut(), 0) };
    let mut text = vec![0_u8; length + 1];
    // SAFETY: `text` holds `length + 1` bytes, as many as the library may write.
    unsafe { sys::llama_swaa_range_layout(context.as_ptr(), text.as_mut_ptr().cast::<c_char>(), text.len()) };
    text.pop();
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Copies positions `start..end` of `sequence`.
pub(super) fn copy(context: Raw, sequence: i32, start: u32, end: u32) -> Result<Vec<u8>, Failure> {
    // SAFETY: callers pass the pointer of a context that is alive.
    let size = unsafe { sys::llama_swaa_range_size(context.as_ptr(), end - start) };
    let mut bytes = Vec::<u8>::with_capacity(size);
    let (first, behind) = (start.cast_signed(), end.cast_signed());
    // SAFETY: the library writes at most `size` bytes, which `bytes` has room for, and returns how many it wrote.
    let written = unsafe {
        let destination = bytes.as_mut_ptr().cast();
        sys::llama_swaa_range_get(context.as_ptr(), sequence, first, behind, destination, size)
    };
    if written != size || size == 0 {
        return Err(failed("copy", start, end));
    }
    // SAFETY: `written` bytes are initialised now, and that is the capacity asked for.
    unsafe { bytes.set_len(written) };
    Ok(bytes)
}

/// Appends positions `start..end` to `sequence`, which must end at `start`.
pub(super) fn append(context: Raw, sequence: i32, start: u32, end: u32, bytes: &[u8]) -> Result<(), Failure> {
    let (first, behind) = (start.cast_signed(), end.cast_signed());
    // SAFETY: callers pass the pointer of a context that is alive; the library reads the bytes during the call, and all of them only if they
    // are as many as the range has.
    let read = unsafe {
        sys::llama_swaa_range_append(context.as_ptr(), sequence, first, behind, bytes.as_ptr().cast(), bytes.len())
    };
    if read == bytes.len() && read > 0 { Ok(()) } else { Err(failed("append", start, end)) }
}

fn failed(what: &str, start: u32, end: u32) -> Failure {
    let reason = take_complaints().map_or_else(String::new, |reason| format!(": {reason}"));
    failure(FailureKind::Runtime, format!("cannot {what} tokens {start} to {end} of the KV cache{reason}"), None)
}
