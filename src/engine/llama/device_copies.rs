//! Copies of a whole sequence in the memory of the devices that hold its cache, by the functions of our patch 0032.
//!
//! Going back to such a copy moves no bytes between device and host: 32,768 tokens of a 1.5B are 940 MB.
//!
//! Doesn't copy a cache that lies in host memory ([`super::states`] does), nor states that can't be cut.

use std::ptr::NonNull;

use llama_cpp_sys_2 as sys;

type Raw = NonNull<sys::llama_context>;

/// Positions `0..n` of a sequence. Freed when it is dropped.
pub(super) struct DeviceCopy(NonNull<sys::llama_swaa_copy>);

impl Drop for DeviceCopy {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `llama_swaa_copy_take` and is freed only here.
        unsafe { sys::llama_swaa_copy_free(self.0.as_ptr()) };
    }
}

impl DeviceCopy {
    pub(super) fn bytes(&self) -> usize {
        // SAFETY: the copy lives as long as `self`.
        unsafe { sys::llama_swaa_copy_size(self.0.as_ptr()) }
    }

    /// The same bytes in host memory: those of a range ([`super::ranges`]). `None` if the library fails in it.
    pub(super) fn read(&self) -> Option<Vec<u8>> {
        let size = self.bytes();
        let mut bytes = Vec::<u8>::with_capacity(size);
        // SAFETY: the copy is alive; the library writes at most `size` bytes, which `bytes` has room for, and returns how many it wrote.
        let written = unsafe { sys::llama_swaa_copy_read(self.0.as_ptr(), bytes.as_mut_ptr().cast(), size) };
        if written != size {
            return None;
        }
        // SAFETY: `written` bytes are initialised now, and that is the capacity asked for.
        unsafe { bytes.set_len(written) };
        Some(bytes)
    }
}

/// Whether the devices have memory for a copy of `positions`, with an eighth of it left free.
pub(super) fn fits(context: Raw, positions: u32) -> bool {
    // SAFETY: callers pass the pointer of a context that is alive.
    unsafe { sys::llama_swaa_copy_fits(context.as_ptr(), positions) }
}

/// Copies positions `0..positions` of `sequence`; `None` if they are not all there, or don't fit.
pub(super) fn take(context: Raw, sequence: i32, positions: u32) -> Option<DeviceCopy> {
    // SAFETY: callers pass the pointer of a context that is alive. The result belongs to the caller.
    let copy = unsafe { sys::llama_swaa_copy_take(context.as_ptr(), sequence, positions) };
    NonNull::new(copy).map(DeviceCopy)
}

/// Appends `copy` to `sequence`, which must be empty; false if the library refuses it.
pub(super) fn put(context: Raw, sequence: i32, copy: &DeviceCopy) -> bool {
    // SAFETY: callers pass the pointer of a context that is alive; the copy is alive as well.
    unsafe { sys::llama_swaa_copy_put(context.as_ptr(), sequence, copy.0.as_ptr()) }
}
