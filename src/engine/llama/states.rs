//! Copies of a sequence's state in host memory: of the whole cache, or of the part of it that can't be cut (recurrent states, and what layers
//! with windows of their own keep).
//!
//! The binding has the same functions, but hides the bytes, which a store on disk has to write and read.

use std::ptr::NonNull;

use llama_cpp_2::context::session::LlamaStateSeqFlags;
use llama_cpp_sys_2 as sys;

type Raw = NonNull<sys::llama_context>;

/// A copy, and what it is of.
#[derive(Debug, Clone)]
pub(in crate::engine) struct SeqState {
    bytes: Vec<u8>,
    flags: LlamaStateSeqFlags,
}

impl SeqState {
    /// From the bytes of an earlier copy. Others are refused when they are put back.
    pub(super) fn of(bytes: Vec<u8>, flags: LlamaStateSeqFlags) -> Self {
        Self { bytes, flags }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Copies what `flags` name of `sequence`; `None` if the library fails in it.
pub(super) fn copy(context: Raw, sequence: i32, flags: LlamaStateSeqFlags) -> Option<SeqState> {
    // SAFETY: callers pass the pointer of a context that is alive.
    let size = unsafe { sys::llama_state_seq_get_size_ext(context.as_ptr(), sequence, flags.bits()) };
    let mut bytes = Vec::<u8>::with_capacity(size);
    // SAFETY: the library writes at most `size` bytes, which `bytes` has room for, and returns how many it wrote.
    let written = unsafe {
        sys::llama_state_seq_get_data_ext(context.as_ptr(), bytes.as_mut_ptr(), size, sequence, flags.bits())
    };
    if written != size || size == 0 {
        return None;
    }
    // SAFETY: `written` bytes are initialised now, and that is the capacity asked for.
    unsafe { bytes.set_len(written) };
    Some(SeqState { bytes, flags })
}

/// Puts `state` in the place of what it is of; false if the library refuses it.
pub(super) fn put_back(context: Raw, sequence: i32, state: &SeqState) -> bool {
    let SeqState { bytes, flags } = state;
    // SAFETY: callers pass the pointer of a context that is alive; the library reads at most `bytes.len()` bytes during the call, and checks
    // them against the shape of its memory.
    let read = unsafe {
        sys::llama_state_seq_set_data_ext(context.as_ptr(), bytes.as_ptr(), bytes.len(), sequence, flags.bits())
    };
    read == bytes.len()
}
