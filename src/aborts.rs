//! The last words of a process that dies: the terminal is given back, and one sentence says why.
//!
//! llama.cpp ends the process where an assertion fails, and a damaged file can make any C code read where nothing is. Rust
//! runs nothing then: no destructor, no panic hook. What is left is a signal handler, which may do very little: it writes
//! bytes that lie ready and sets the terminal's modes.
//!
//! Example: a model file that is mapped is cut short by another program. The next read of it is a SIGBUS: the alternate
//! screen is left, echo is on again, and the shell's line follows `lunette: ended by SIGBUS …`.
//!
//! Rust's own handler, which tells an overflow of the stack, runs after this one. SIGKILL can't be heard.
//!
//! Does nothing outside of Unix.

#![allow(unsafe_code, reason = "signal handlers, and what they may call")]

#[cfg(unix)]
pub use unix::{end, give_back_terminal, hold_terminal, listen};

#[cfg(not(unix))]
mod other {
    /// See the module.
    pub fn listen() {}

    /// See the module.
    pub fn hold_terminal(_leaving: Vec<u8>) {}

    /// See the module.
    pub fn give_back_terminal() {}

    /// Writes `sentence` to standard error and ends the process.
    pub fn end(sentence: &str, code: i32) -> ! {
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "{sentence}");
        std::process::exit(code)
    }
}
#[cfg(not(unix))]
pub use other::{end, give_back_terminal, hold_terminal, listen};

#[cfg(unix)]
mod unix {
    use std::fs::{File, OpenOptions};
    use std::mem::MaybeUninit;
    use std::os::fd::{AsRawFd, IntoRawFd};
    use std::ptr::{null, null_mut};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicPtr, Ordering};

    use libc::{SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, c_int, c_void, sigaction, siginfo_t, termios};

    /// The signals by which a process dies of itself, and what is said.
    const DEADLY: [(c_int, &[u8]); 5] = [
        (SIGABRT, b"lunette: ended by SIGABRT: a library gave up; the log says more (`lunette paths` shows where it is)\n"),
        (SIGSEGV, b"lunette: ended by SIGSEGV: a library read where nothing is; the log says more (`lunette paths` shows where it is)\n"),
        (SIGBUS, b"lunette: ended by SIGBUS: a file that was being read was cut short, or its disk failed; was the model's file changed?\n"),
        (SIGILL, b"lunette: ended by SIGILL: it was built for another processor\n"),
        (SIGFPE, b"lunette: ended by SIGFPE: a library divided by zero; the log says more (`lunette paths` shows where it is)\n"),
    ];

    /// What gives the terminal back.
    struct Held {
        terminal: c_int,
        modes: termios,
        /// Written before the modes are set.
        leaving: Vec<u8>,
    }

    /// Null while no terminal is held. What it points to is never freed, as a handler may be reading it: some hundred
    /// bytes each time the screen is opened.
    static HELD: AtomicPtr<Held> = AtomicPtr::new(null_mut());

    /// What was to happen at each of [`DEADLY`] before [`listen`].
    static BEFORE: OnceLock<[sigaction; DEADLY.len()]> = OnceLock::new();

    /// From now on a deadly signal gives the terminal back and is told, before it ends the process as it would have. Call it
    /// before other threads start.
    pub fn listen() {
        // ggml starts a debugger, which writes to standard output, where nobody catches a C++ exception.
        // SAFETY: both are C strings, and no other thread reads the environment yet.
        unsafe { libc::setenv(c"GGML_NO_BACKTRACE".as_ptr(), c"1".as_ptr(), 1) };
        let before = DEADLY.map(|(signal, _)| {
            let mut before = MaybeUninit::<sigaction>::zeroed();
            // SAFETY: asks only; the answer is written to `before`, for which all zeros are valid.
            unsafe {
                libc::sigaction(signal, null(), before.as_mut_ptr());
                before.assume_init()
            }
        });
        if BEFORE.set(before).is_err() {
            return;
        }
        for (signal, _) in DEADLY {
            // SAFETY: all zeros are a valid `sigaction`; the handler has the type that SA_SIGINFO asks for, lives as long
            // as the program and calls only what a handler may call.
            unsafe {
                let mut ours: sigaction = std::mem::zeroed();
                let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = dying;
                ours.sa_sigaction = handler as usize;
                ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
                libc::sigemptyset(&raw mut ours.sa_mask);
                libc::sigaction(signal, &raw const ours, null_mut());
            }
        }
    }

    /// From now on a death gives the terminal back: it writes `leaving` and sets the modes that the terminal has now.
    /// Call it before the modes are changed.
    pub fn hold_terminal(leaving: Vec<u8>) {
        let Ok(terminal) = OpenOptions::new().read(true).write(true).open("/dev/tty") else { return };
        let Some(modes) = modes_of(&terminal) else { return };
        let held = Box::new(Held { terminal: terminal.into_raw_fd(), modes, leaving });
        HELD.store(Box::into_raw(held), Ordering::SeqCst);
    }

    fn modes_of(terminal: &File) -> Option<termios> {
        let mut modes = MaybeUninit::<termios>::zeroed();
        // SAFETY: the file is open; the modes are written to `modes`, for which all zeros are valid.
        unsafe { (libc::tcgetattr(terminal.as_raw_fd(), modes.as_mut_ptr()) == 0).then(|| modes.assume_init()) }
    }

    /// The terminal was given back by other means.
    pub fn give_back_terminal() {
        let held = HELD.swap(null_mut(), Ordering::SeqCst);
        if !held.is_null() {
            // SAFETY: it came from a box that is never freed; its file is open and used by nobody else.
            unsafe { libc::close((*held).terminal) };
        }
    }

    /// Gives the terminal back, writes `sentence` to standard error, and ends the process at once, without destructors.
    pub fn end(sentence: &str, code: i32) -> ! {
        restore();
        write_all(2, sentence.as_bytes());
        write_all(2, b"\n");
        // SAFETY: it takes a number and does not return.
        unsafe { libc::_exit(code) }
    }

    /// Calls only what POSIX lets a handler call: `write`, `tcsetattr`, `sigaction`, `raise`.
    extern "C" fn dying(signal: c_int, info: *mut siginfo_t, _: *mut c_void) {
        restore();
        // SAFETY: the system passes a valid `info`.
        let was_sent = unsafe { !info.is_null() && (*info).si_code <= 0 };
        if let Some(at) = DEADLY.iter().position(|(deadly, _)| *deadly == signal) {
            write_all(2, DEADLY[at].1);
            // SAFETY: all zeros are the default of every signal.
            let default: sigaction = unsafe { std::mem::zeroed() };
            // A fault happens again when this returns: the handler from before may know more, as Rust's does of stacks.
            let next = BEFORE.get().filter(|_| !was_sent).map_or(&default, |before| &before[at]);
            // SAFETY: it is what the system gave for this signal, or the default.
            unsafe { libc::sigaction(signal, std::ptr::from_ref(next), null_mut()) };
        }
        // What somebody sent does not come again.
        if was_sent {
            // SAFETY: it takes a number; the signal waits until this returns.
            unsafe { libc::raise(signal) };
        }
    }

    fn restore() {
        let held = HELD.swap(null_mut(), Ordering::SeqCst);
        if held.is_null() {
            return;
        }
        // SAFETY: it came from a box that is never freed.
        let held = unsafe { &*held };
        write_all(held.terminal, &held.leaving);
        // SAFETY: the file is open, and the modes are those that it once had.
        unsafe { libc::tcsetattr(held.terminal, libc::TCSANOW, &raw const held.modes) };
    }

    /// Gives up at the first error: there is nobody left to tell.
    fn write_all(file: c_int, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            // SAFETY: the bytes are there; a file that is closed is an error.
            let written = unsafe { libc::write(file, bytes.as_ptr().cast::<c_void>(), bytes.len()) };
            let Ok(written @ 1..) = usize::try_from(written) else { return };
            bytes = &bytes[written..];
        }
    }
}
