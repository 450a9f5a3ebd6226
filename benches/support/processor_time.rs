//! How much processor time this process has taken, which a busy machine disturbs less than the clock.

/// Processor seconds of all threads of this process.
pub(crate) fn cpu_seconds() -> f64 {
    let mut clock = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `clock` is a place for the answer.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut clock) };
    assert_eq!(status, 0, "the system has this clock");
    clock.tv_sec as f64 + clock.tv_nsec as f64 * 1e-9
}
