//! llama.cpp's RPC backend: devices of other machines for this one's models, and this machine's devices for others.
//!
//! The backend registers itself where it was built, and its functions are looked up by name, as our patch 0030 exports them. So this file
//! compiles in every build. Connections are made here ([`peers`] says what is said first), also those that the backend asks for by itself:
//! it keeps one for as long as something is allocated on the peer.
//!
//! Example: of `--rpc 10.0.0.2:50052`, where two GPUs are, come the devices `RPC0` and `RPC1`.
//!
//! A connection that fails later is seen by asking [`lost`]; until then, reads of it gave zeros. One whose machine is gone without a word
//! fails within half a minute ([`watch`]).

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::net::TcpStream;
use std::ptr::NonNull;
use std::sync::LazyLock;

use llama_cpp_sys_2 as sys;

use super::devices::{self, Device};
use super::library::{LIBRARY, failure, patch_stamp, without_unwinding};
use crate::engine::message::{Failure, FailureKind};
use crate::engine::peers::{self, PeerDevice, Wants};

/// A device of a peer.
pub(super) struct Remote {
    pub(super) device: Device,
    /// `NVIDIA H200 at 10.0.0.2:50052`
    pub(super) label: String,
}

type Connect = unsafe extern "C" fn(*const c_char) -> c_int;
type SetConnect = unsafe extern "C" fn(Option<Connect>);
type AddServer = unsafe extern "C" fn(*const c_char) -> sys::ggml_backend_reg_t;
type IsLost = unsafe extern "C" fn(*const c_char) -> bool;
type SetLimit = unsafe extern "C" fn(usize);
type Serve = unsafe extern "C" fn(c_int, usize, usize, *mut sys::ggml_backend_dev_t) -> bool;

/// The backend's function `name`; `None` if there is no such backend.
fn function(name: &CStr) -> Option<NonNull<c_void>> {
    LazyLock::force(&LIBRARY);
    // SAFETY: both names are C strings, and backends live as long as the program.
    unsafe {
        let backend = sys::ggml_backend_reg_by_name(c"RPC".as_ptr());
        if backend.is_null() {
            None
        } else {
            NonNull::new(sys::ggml_backend_reg_get_proc_address(backend, name.as_ptr()))
        }
    }
}

/// SAFETY: `F` is the type of the backend's function `name`.
unsafe fn typed<F: Copy>(name: &CStr) -> Option<F> {
    const { assert!(size_of::<F>() == size_of::<NonNull<c_void>>()) };
    // SAFETY: see above; a function's address is a pointer.
    function(name).map(|function| unsafe { std::mem::transmute_copy(&function) })
}

// --- devices of others -----------------------------------------------------------------------------------------------

/// The devices of `peers`, in their order, each HOST:PORT.
///
/// Errors: this program can't, a peer can't be reached, or it is not of this version.
pub(super) fn devices_of_all(peers: &[String]) -> Result<Vec<Remote>, Failure> {
    let Some(first) = peers.first() else { return Ok(Vec::new()) };
    // SAFETY: the types are those of the patch's header.
    let (set_connect, add) = unsafe {
        (typed::<SetConnect>(c"ggml_backend_rpc_set_connect"), typed::<AddServer>(c"ggml_backend_rpc_add_server"))
    };
    let (Some(set_connect), Some(add)) = (set_connect, add) else { return Err(peers::not_built(first)) };
    // SAFETY: `connect` has the callback's type and lives as long as the program.
    unsafe { set_connect(Some(connect)) };
    let mut devices = Vec::new();
    for peer in peers {
        devices.extend(devices_of(peer, add)?);
    }
    Ok(devices)
}

fn devices_of(peer: &str, add: AddServer) -> Result<Vec<Remote>, Failure> {
    // The backend would only say that there is no connection, and not why.
    let (_, told) = peers::ask(peer, &patch_stamp(), Wants::Answer)?;
    let endpoint = CString::new(peer).expect("it was parsed as an address");
    // SAFETY: a C string that outlives the call.
    let registered = NonNull::new(unsafe { add(endpoint.as_ptr()) });
    let registered = registered.ok_or_else(|| peers::lost(peer, FailureKind::Model))?.as_ptr();
    // SAFETY: what was registered lives as long as the program, and indices below the count are valid.
    let device = |index| Device(unsafe { sys::ggml_backend_reg_dev_get(registered, index) });
    // SAFETY: as above.
    let count = unsafe { sys::ggml_backend_reg_dev_count(registered) };
    if count != told.len() {
        let message = format!("{peer} (--rpc) had {count} devices before, and has {} now", told.len());
        return Err(failure(FailureKind::Model, message, Some("start this program again")));
    }
    Ok((0..count).map(device).zip(told).map(|(device, told)| Remote { device, label: told.at(peer) }).collect())
}

/// Callback: a connection on which RPC may begin, or -1.
unsafe extern "C" fn connect(endpoint: *const c_char) -> c_int {
    // SAFETY: the backend passes a C string that outlives the call.
    let peer = unsafe { CStr::from_ptr(endpoint) }.to_string_lossy();
    without_unwinding(-1, || match peers::ask(&peer, &patch_stamp(), Wants::Compute) {
        Ok((stream, _)) => handed_over(stream),
        Err(failure) => {
            tracing::error!("{}", failure.message);
            -1
        }
    })
}

/// Whether the connection to one of `peers` has failed: then what was computed or read is of no use.
pub(super) fn lost(peers: &[String], kind: FailureKind) -> Option<Failure> {
    if peers.is_empty() {
        return None;
    }
    // SAFETY: the type is that of the patch's header.
    let is_lost = unsafe { typed::<IsLost>(c"ggml_backend_rpc_is_lost") }?;
    let gone = peers.iter().find(|peer| {
        // SAFETY: a C string that outlives the call.
        CString::new(peer.as_str()).is_ok_and(|endpoint| unsafe { is_lost(endpoint.as_ptr()) })
    });
    gone.map(|peer| peers::lost(peer, kind))
}

// --- this machine's devices ------------------------------------------------------------------------------------------

/// Devices of this machine that compute for others.
pub(in crate::engine) struct Offered(Vec<Device>);

impl Offered {
    /// Those of these names; without names, the GPUs or, if there is none, the CPU.
    ///
    /// Errors: there is no such device; the error lists those that there are.
    pub(in crate::engine) fn named(names: &[String]) -> Result<Self, Failure> {
        let all = devices::all();
        if names.is_empty() {
            let of_kind = |is_wanted: fn(Device) -> bool| all.iter().copied().filter(move |&device| is_wanted(device));
            let gpus: Vec<Device> = of_kind(Device::is_gpu).collect();
            return Ok(Self(if gpus.is_empty() { of_kind(Device::is_cpu).collect() } else { gpus }));
        }
        let find = |wanted: &String| {
            all.iter().copied().find(|device| device.name().eq_ignore_ascii_case(wanted)).ok_or_else(|| {
                let names: Vec<String> = all.iter().map(|device| device.name()).collect();
                let hint = format!("devices: {}", names.join(", "));
                failure(FailureKind::Unsupported, format!("there is no device {wanted}"), Some(&hint))
            })
        };
        names.iter().map(find).collect::<Result<_, _>>().map(Self)
    }

    /// As they are now.
    pub(in crate::engine) fn described(&self) -> Vec<PeerDevice> {
        self.0.iter().map(|&device| described(device)).collect()
    }

    /// Computes for the client behind `stream` until it is gone. False if a device can't be used.
    pub(in crate::engine) fn serve(&self, stream: TcpStream, threads: u32) -> bool {
        let mut devices: Vec<sys::ggml_backend_dev_t> = self.0.iter().map(|device| device.0).collect();
        // SAFETY: the type is that of the patch's header.
        let Some(serve) = (unsafe { typed::<Serve>(c"ggml_backend_rpc_serve") }) else { return false };
        // SAFETY: the socket is handed over; the list outlives the call.
        unsafe { serve(handed_over(stream), threads as usize, devices.len(), devices.as_mut_ptr()) }
    }
}

/// How many bytes all clients together may take; `None`: what the devices have.
pub(in crate::engine) fn limit(bytes: Option<u64>) {
    // SAFETY: the type is that of the patch's header.
    if let Some(set_limit) = unsafe { typed::<SetLimit>(c"ggml_backend_rpc_set_limit") } {
        // SAFETY: takes a number.
        unsafe { set_limit(usize::try_from(bytes.unwrap_or(0)).unwrap_or(usize::MAX)) };
    }
}

fn described(device: Device) -> PeerDevice {
    let (free_bytes, total_bytes) = device.memory();
    let description = device.description().trim().to_owned();
    PeerDevice { name: device.name(), description, is_gpu: device.is_gpu(), free_bytes, total_bytes }
}

// --- sockets ---------------------------------------------------------------------------------------------------------

/// Gives the connection to the backend, which closes it.
#[cfg(unix)]
fn handed_over(stream: TcpStream) -> c_int {
    use std::os::fd::IntoRawFd as _;
    watch(&stream);
    stream.into_raw_fd()
}

#[cfg(not(unix))]
fn handed_over(_: TcpStream) -> c_int {
    -1
}

/// Seconds of silence after which the system asks whether the other machine is there, seconds between its questions, and how many it
/// asks before the connection fails.
#[cfg(unix)]
const SILENCE: [c_int; 3] = [10, 5, 4];

/// Has the connection fail when the other machine is gone without a word: its power, or a cable. A computation that takes minutes is no
/// such silence, because the other system answers.
#[cfg(unix)]
fn watch(stream: &TcpStream) {
    use std::os::fd::AsRawFd as _;
    #[cfg(target_os = "macos")]
    const IDLE: c_int = libc::TCP_KEEPALIVE;
    #[cfg(not(target_os = "macos"))]
    const IDLE: c_int = libc::TCP_KEEPIDLE;
    let set = |level: c_int, option: c_int, value: c_int| {
        // SAFETY: the socket is open, and the value has the size that is given.
        unsafe {
            libc::setsockopt(
                stream.as_raw_fd(),
                level,
                option,
                (&raw const value).cast(),
                size_of::<c_int>() as libc::socklen_t,
            )
        }
    };
    // What a system doesn't know, it refuses, and the connection works all the same.
    set(libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1);
    for (option, value) in [IDLE, libc::TCP_KEEPINTVL, libc::TCP_KEEPCNT].into_iter().zip(SILENCE) {
        set(libc::IPPROTO_TCP, option, value);
    }
    // What was sent and nobody takes is no silence, and is given up after as long.
    #[cfg(target_os = "linux")]
    set(libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, 30_000);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_peers_nothing_is_looked_for_or_lost() {
        assert_eq!(devices_of_all(&[]).map(|devices| devices.len()), Ok(0));
        assert_eq!(lost(&[], FailureKind::Runtime), None);
    }

    #[test]
    fn a_program_without_rpc_says_how_to_build_it() {
        if peers::BUILT {
            return;
        }
        let refused = devices_of_all(&["127.0.0.1:1".to_owned()]).map(|devices| devices.len());
        assert_eq!(refused, Err(peers::not_built("127.0.0.1:1")));
    }

    #[test]
    fn a_device_that_is_not_there_is_told_with_those_that_are() {
        let refused = Offered::named(&["CUDA9".to_owned()]).map(|_| ()).expect_err("there is none");
        assert_eq!(refused.message, "there is no device CUDA9");
        assert!(refused.hint.is_some_and(|hint| hint.contains("CPU")), "every machine has one");
        let offered = Offered::named(&["cpu".to_owned()]).expect("every machine has one").described();
        assert!(!offered[0].is_gpu && offered[0].total_bytes > 0, "{offered:?}");
    }
}
