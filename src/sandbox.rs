//! What may a child process do that reads a stranger's file?
//!
//! PDFs are parsed, and models tried, in processes of their own, so that a file ends or hangs only them. This takes from
//! such a process what it doesn't need, should the file take it over:
//!
//! | what | how | where |
//! |---|---|---|
//! | memory, processor time, files, file sizes | [`limit`] (`setrlimit`) | Unix |
//! | outliving its parent | [`die_with_parent`] (`PR_SET_PDEATHSIG`) | Linux |
//! | opening files | [`seal`] (Landlock) | Linux 5.13 and later |
//! | sockets, other programs, other processes' memory | [`seal`] (seccomp: the calls fail with EPERM) | Linux on x86-64 and aarch64 |
//!
//! Example: the process that reads a PDF has its file and its answers in pipes. Sealed for [`Files::None`], it can open no
//! file, connect nowhere and start nothing; it can still compute, allocate and use what was open before.
//!
//! A kernel without these leaves the process as it was; [`Sealed`] says what is in force. It does not hide the machine: the
//! process still sees the time, its own memory and what it was given.

#![allow(unsafe_code, reason = "system calls that nix does not wrap")]

/// Which files a sealed process may open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    None,
    /// Any that its user may read; it can write and run none.
    Read,
}

/// What [`seal`] put in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sealed {
    /// Landlock: files.
    pub files: bool,
    /// seccomp: sockets, programs, other processes.
    pub calls: bool,
}

/// Limits on what a process may take; `None` leaves the one that it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Address space beyond what the process has already: libraries of a GPU take more than a gigabyte of it.
    pub memory_bytes: Option<u64>,
    pub cpu_s: Option<u64>,
}

/// Files that a process may have open at once: three pipes, a model in some pieces, and what the libraries look up.
const MOST_FILES: u64 = 256;

/// Limits this process. It can write no file (a pipe is none) and leaves no core dump, which could hold a document.
///
/// The limits can be raised again up to those that the process began with.
#[cfg(unix)]
pub fn limit(limits: Limits) {
    use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
    let set = |resource: Resource, wanted: u64| {
        let most = getrlimit(resource).map_or(RLIM_INFINITY, |(_, most)| most);
        // A limit that can't be set is not there: the parent process ends this one if it takes too long.
        let _ = setrlimit(resource, wanted.min(most), most);
    };
    set(Resource::RLIMIT_CORE, 0);
    set(Resource::RLIMIT_FSIZE, 0);
    set(Resource::RLIMIT_NOFILE, MOST_FILES);
    let beyond_now = |bytes: u64| bytes.saturating_add(address_space());
    set(Resource::RLIMIT_AS, limits.memory_bytes.map_or(RLIM_INFINITY, beyond_now));
    set(Resource::RLIMIT_CPU, limits.cpu_s.unwrap_or(RLIM_INFINITY));
}

/// Bytes of address space that this process has; 0 if unknown.
#[cfg(unix)]
fn address_space() -> u64 {
    memory_stats::memory_stats().map_or(0, |stats| stats.virtual_mem as u64)
}

/// There are no such limits here.
#[cfg(not(unix))]
pub fn limit(_limits: Limits) {}

/// From now on the end of the thread that started this process ends it, too.
#[cfg(target_os = "linux")]
pub fn die_with_parent() {
    // SAFETY: takes numbers only. It fails for no valid signal.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// There is no such signal here: a child ends when its pipes are closed.
#[cfg(not(target_os = "linux"))]
pub fn die_with_parent() {}

/// Takes from this process, for ever, what reading a file doesn't need. Threads that run already are not sealed.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[must_use]
pub fn seal(files: Files) -> Sealed {
    // SAFETY: takes numbers only. Both seals are refused without it.
    let is_ready = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } == 0;
    // Files first: the call for it is not among those that are denied, but the order costs nothing.
    Sealed { files: is_ready && landlock::seal(files), calls: is_ready && seccomp::seal() }
}

/// What [`seal`] could put in force here.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[must_use]
pub fn available() -> Sealed {
    // SAFETY: asks only. A kernel without seccomp gives an error.
    let calls = unsafe { libc::prctl(libc::PR_GET_SECCOMP) } >= 0;
    Sealed { files: landlock::version() >= 1, calls }
}

/// There are no such seals here.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[must_use]
pub fn available() -> Sealed {
    Sealed::default()
}

/// There are no such seals here.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[must_use]
pub fn seal(_files: Files) -> Sealed {
    Sealed::default()
}

/// Landlock, by its three system calls: `Documentation/userspace-api/landlock.rst` of the kernel.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod landlock {
    use super::Files;

    /// `struct landlock_ruleset_attr`. Kernels that know fewer fields are given fewer bytes.
    #[repr(C)]
    struct Rules {
        files: u64,
        network: u64,
        scoped: u64,
    }

    const VERSION: u32 = 1;
    const EXECUTE: u64 = 1;
    const READ_FILE: u64 = 1 << 2;
    const READ_FOLDER: u64 = 1 << 3;
    /// Everything that the first version of Landlock can deny.
    const FIRST: u64 = (1 << 13) - 1;
    const REFER: u64 = 1 << 13;
    const TRUNCATE: u64 = 1 << 14;
    const DEVICE_CONTROL: u64 = 1 << 15;
    /// Binding and connecting TCP sockets.
    const NETWORK: u64 = 0b11;
    /// Abstract sockets and signals of processes outside.
    const SCOPED: u64 = 0b11;

    /// Denies all that `files` does not name. Returns whether it is denied now.
    pub(super) fn seal(files: Files) -> bool {
        let version = version();
        if version < 1 {
            return false;
        }
        let rules = rules(files, version);
        let size = match version {
            ..4 => 8,
            4 | 5 => 16,
            _ => size_of::<Rules>(),
        };
        // SAFETY: `rules` is at least `size` bytes long and lives through the call; the result is a file or an error.
        unsafe {
            let ruleset = libc::syscall(libc::SYS_landlock_create_ruleset, &raw const rules, size, 0);
            if ruleset < 0 {
                return false;
            }
            let sealed = libc::syscall(libc::SYS_landlock_restrict_self, ruleset, 0) == 0;
            libc::close(ruleset as libc::c_int);
            sealed
        }
    }

    /// The kernel's version of Landlock; below 1 without it.
    pub(super) fn version() -> i64 {
        // SAFETY: asks for the version only, as the null pointer and the flag say.
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0, 0, VERSION) }
    }

    fn rules(files: Files, version: i64) -> Rules {
        let mut denied = FIRST;
        denied |= if version >= 2 { REFER } else { 0 };
        denied |= if version >= 3 { TRUNCATE } else { 0 };
        // Devices of GPUs are asked by it.
        denied |= if version >= 5 && files == Files::None { DEVICE_CONTROL } else { 0 };
        if files == Files::Read {
            denied &= !(READ_FILE | READ_FOLDER);
        }
        debug_assert!(denied & EXECUTE != 0, "no sealed process runs a program");
        Rules { files: denied, network: NETWORK, scoped: SCOPED }
    }
}

/// seccomp with a list of calls that fail, in the kernel's packet filter language.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod seccomp {
    use libc::{BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter, sock_fprog};

    /// Where the call's number is in `struct seccomp_data`, and where the processor's kind.
    const NUMBER: u32 = 0;
    const MACHINE: u32 = 4;

    #[cfg(target_arch = "x86_64")]
    const THIS_MACHINE: u32 = 0xC000_003E;
    #[cfg(target_arch = "aarch64")]
    const THIS_MACHINE: u32 = 0xC000_00B7;
    /// Calls of x86-64's 32-bit dialect have numbers from here on.
    const OTHER_DIALECT: u32 = 0x4000_0000;

    /// Calls that fail with EPERM: the network, other programs, other processes, and doors into the kernel.
    const DENIED: [libc::c_long; 32] = [
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_sendto,
        libc::SYS_sendmsg,
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_getfd,
        libc::SYS_pidfd_send_signal,
        libc::SYS_kill,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_chroot,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_io_uring_setup,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_init_module,
        libc::SYS_kexec_load,
    ];

    /// Denies the calls. Returns whether they are denied now.
    pub(super) fn seal() -> bool {
        let filter = filter();
        let program = sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
        // SAFETY: the program lives through the call, which copies it, and has `len` instructions.
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0 }
    }

    fn filter() -> Vec<sock_filter> {
        let denied = libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned();
        let mut filter = vec![
            load(MACHINE),
            // Another machine's calls have other numbers: the process ends.
            unless(BPF_JEQ, THIS_MACHINE, 1),
            jump_over(1),
            answer(libc::SECCOMP_RET_KILL_PROCESS),
            load(NUMBER),
        ];
        filter.extend([unless(BPF_JGE, OTHER_DIALECT, 1), answer(denied)]);
        for call in DENIED {
            filter.extend([unless(BPF_JEQ, call as u32, 1), answer(denied)]);
        }
        filter.push(answer(libc::SECCOMP_RET_ALLOW));
        filter
    }

    fn load(offset: u32) -> sock_filter {
        sock_filter { code: (BPF_LD | BPF_W | BPF_ABS) as u16, jt: 0, jf: 0, k: offset }
    }

    /// Jumps over `skipped` instructions unless the number compares so with `with`.
    fn unless(compares: u32, with: u32, skipped: u8) -> sock_filter {
        sock_filter { code: (BPF_JMP | compares | BPF_K) as u16, jt: 0, jf: skipped, k: with }
    }

    fn jump_over(skipped: u32) -> sock_filter {
        sock_filter { code: (BPF_JMP | libc::BPF_JA) as u16, jt: 0, jf: 0, k: skipped }
    }

    fn answer(with: u32) -> sock_filter {
        sock_filter { code: (BPF_RET | BPF_K) as u16, jt: 0, jf: 0, k: with }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::File;
    use std::net::TcpStream;
    use std::process::Command;

    use super::*;

    const SEALED: &str = "LUNETTE_TEST_SEALED";

    /// The program that the next test runs: it seals itself and tries what a file that took it over would try. Without
    /// the variable it does nothing.
    #[test]
    fn a_process_that_is_sealed() {
        let Some(files) = std::env::var_os(SEALED) else { return };
        let files = if files == "none" { Files::None } else { Files::Read };
        let sealed = seal(files);
        let says = |what: &str, succeeded: bool| println!("{what}: {succeeded}");
        println!("sealed: {} {}", sealed.files, sealed.calls);
        says("read", File::open("/etc/passwd").is_ok());
        says("write", File::create(std::env::temp_dir().join("lunette-sealed")).is_ok());
        let refused = |error: &std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
        says("connect", !TcpStream::connect("127.0.0.1:9").is_err_and(|error| refused(&error)));
        says("run", Command::new("/bin/true").status().is_ok());
        says("thread", std::thread::spawn(|| vec![1; 1000].len()).join().is_ok());
    }

    fn tries(files: &str) -> String {
        let this = std::env::current_exe().expect("the system knows what it runs");
        let arguments = ["--exact", "sandbox::tests::a_process_that_is_sealed", "--nocapture"];
        let output = Command::new(this).args(arguments).env(SEALED, files).output().expect("it starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    #[test]
    #[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
    fn a_sealed_process_reaches_nothing() {
        for (files, can_read) in [("none", false), ("read", true)] {
            let said = tries(files);
            let is_sealed = |what: &str| said.contains(what);
            if is_sealed("sealed: false") {
                eprintln!("SKIPPED: this kernel has no Landlock; nothing keeps a child process from opening files");
            } else {
                assert!(said.contains(&format!("read: {can_read}")) && said.contains("write: false"), "{said}");
            }
            if said.contains("sealed: true false") || said.contains("sealed: false false") {
                eprintln!("SKIPPED: this kernel has no seccomp; nothing keeps a child process from the network");
            } else {
                assert!(said.contains("connect: false") && said.contains("run: false"), "{said}");
            }
            assert!(said.contains("thread: true"), "{said}");
        }
    }
}
