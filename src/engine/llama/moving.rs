//! Drops cells in the middle of a context's KV cache, and moves the positions behind them.
//!
//! The cells behind what was dropped close up: the sequence is copied out, and put back into an empty cache, where it lies in the order of its
//! positions. Attention then finds what it needs in two stretches of cells, as in a whole cache (`llama-swaa.h` in the patches).
//!
//! Moving only marks the cells: their keys are rotated when the next decode call begins.

use std::ptr::NonNull;

use llama_cpp_2::context::session::LlamaStateSeqFlags;
use llama_cpp_sys_2 as sys;

use super::{ranges, states};

type Raw = NonNull<sys::llama_context>;

/// Positions from `from` on are `by` lower for the library than in the text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moved {
    pub from: u32,
    pub by: u32,
}

impl Moved {
    /// A text's position, as the library counts it.
    pub(super) const fn of_library(self, position: u32) -> u32 {
        if position >= self.from { position - self.by } else { position }
    }

    /// What is left of it if the cache is cut to `len`.
    pub(super) fn cut(self, len: u32) -> Self {
        if len <= self.from { Self::default() } else { self }
    }
}

/// Removes positions `start..end`, as the library counts them, and closes up the cells behind them. False if the library fails in it.
pub(super) fn drop_range(context: Raw, sequence: i32, start: u32, end: u32) -> bool {
    // SAFETY: callers pass the pointer of a context that is alive, so its memory is, too.
    let memory = unsafe { sys::llama_get_memory(context.as_ptr()) };
    // SAFETY: as above.
    if !unsafe { sys::llama_memory_seq_rm(memory, sequence, start.cast_signed(), end.cast_signed()) } {
        return false;
    }
    let Some(rest) = states::copy(context, sequence, LlamaStateSeqFlags::empty()) else { return false };
    // SAFETY: as above.
    unsafe { sys::llama_memory_clear(memory, false) };
    states::put_back(context, sequence, &rest)
}

/// The position of the next token; `None` if the sequence is empty.
pub(super) fn end(context: Raw, sequence: i32) -> Option<u32> {
    // SAFETY: callers pass the pointer of a context that is alive, so its memory is, too.
    let last = unsafe { sys::llama_memory_seq_pos_max(sys::llama_get_memory(context.as_ptr()), sequence) };
    u32::try_from(last).ok().map(|last| last + 1)
}

/// Whether cached keys of this type can be rotated to other positions. The library does that with quantised keys only where they are stored turned
/// (`k_rot`), which needs heads of a multiple of 64 numbers; with others it reads where nothing is.
fn can_be_rotated(context: Raw, is_quantised: bool) -> bool {
    // SAFETY: callers pass the pointer of a context that is alive, so its memory is, too.
    let can_shift = unsafe { sys::llama_memory_can_shift(sys::llama_get_memory(context.as_ptr())) };
    let is_turned = || ranges::layout(context).is_ok_and(|layout| !layout.contains("k_rot 0,"));
    can_shift && (!is_quantised || is_turned())
}

/// Lowers the positions from `start` on by `by`; their keys then wait to be rotated. Returns the position of the next token; `None` if this model's
/// keys can't be rotated.
pub(super) fn lower(context: Raw, sequence: i32, start: u32, by: u32, is_quantised: bool) -> Option<i32> {
    if !can_be_rotated(context, is_quantised) {
        return None;
    }
    // SAFETY: callers pass the pointer of a context that is alive, so its memory is, too.
    unsafe {
        let memory = sys::llama_get_memory(context.as_ptr());
        sys::llama_memory_seq_add(memory, sequence, start.cast_signed(), -1, -by.cast_signed());
        Some(sys::llama_memory_seq_pos_max(memory, sequence) + 1)
    }
}
