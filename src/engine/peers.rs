//! Two Lunettes check each other before one computes layers for the other: what is said before llama.cpp's RPC begins.
//!
//! RPC sends graphs by the numbers of their operations, and our patches change what some of them do. So both sides must have the same
//! stamp. One line each way says so, on every connection:
//!
//! ```text
//! → {"lunette_rpc":1,"stamp":"0.1.161-5d41402abc4b2a76","wants":"compute"}
//! ← {"lunette_rpc":1,"stamp":"0.1.161-5d41402abc4b2a76","devices":[{"description":"NVIDIA H200", "is_gpu":true, …}]}
//! → RPC …
//! ```
//!
//! Example: of two machines, one was updated yesterday. The other says "10.0.0.2:50052 (--rpc) has llama.cpp 0.1.161-5d41402abc4b2a76, and this
//! program 0.1.161-0cc175b9c0f1b6a8", before it loads anything.
//!
//! Protects from mistakes, not from people: nothing is encrypted, and there is no key. llama.cpp's RPC is for networks whose machines are
//! trusted.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::message::{Failure, FailureKind};
use crate::units::bytes;

/// Whether llama.cpp was built with its RPC backend.
pub const BUILT: bool = cfg!(all(feature = "rpc", unix));
/// What to do where it wasn't.
pub const HOW_TO_BUILD: &str = "build it with the feature rpc: cargo build --release --features rpc";

/// The version of what is said before RPC begins.
const GREETING: u32 = 1;
/// How long a machine may take to accept a connection and to say its line.
const PATIENCE: Duration = Duration::from_secs(5);
/// A line of some hundred devices.
const MOST_LINE_BYTES: usize = 64 << 10;
/// How much is shown of what something else answers.
const SHOWN_CHARS: usize = 60;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wants {
    /// Only the answer.
    Answer,
    /// RPC follows.
    Compute,
}

/// A device that a peer computes with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerDevice {
    /// ggml's name: `CUDA0`, `CPU`.
    pub name: String,
    pub description: String,
    pub is_gpu: bool,
    pub free_bytes: u64,
    pub total_bytes: u64,
}

impl PeerDevice {
    /// What is shown of it where devices are listed: `NVIDIA H200 at 10.0.0.2:50052`, `CPU at 10.0.0.3:50052`.
    #[must_use]
    pub fn at(&self, peer: &str) -> String {
        format!("{} at {peer}", if self.is_gpu { &self.description } else { "CPU" })
    }

    /// `CUDA0: NVIDIA H200, 139 GB of 150 GB free`
    #[must_use]
    pub fn in_words(&self) -> String {
        let Self { name, description, free_bytes, total_bytes, .. } = self;
        format!("{name}: {description}, {} of {} free", bytes(*free_bytes), bytes(*total_bytes))
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Greeting {
    lunette_rpc: u32,
    stamp: String,
    wants: Wants,
}

#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    lunette_rpc: u32,
    stamp: String,
    #[serde(default)]
    devices: Vec<PeerDevice>,
    /// Why RPC does not follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

// --- the side that asks ----------------------------------------------------------------------------------------------

/// Connects to `peer`, which is HOST:PORT, and says what the connection is for. Returns it with the peer's devices.
///
/// Errors: the peer can't be reached, is something else, has another stamp than `stamp`, or refuses.
pub fn ask(peer: &str, stamp: &str, wants: Wants) -> Result<(TcpStream, Vec<PeerDevice>), Failure> {
    let mut stream = connect(peer).map_err(|error| unreached(peer, &error))?;
    let greeting = Greeting { lunette_rpc: GREETING, stamp: stamp.to_owned(), wants };
    let line = write_line(&mut stream, &greeting).and_then(|()| read_line(&mut stream, Instant::now() + PATIENCE));
    let answer = understood(peer, line)?;
    if answer.stamp != stamp || answer.lunette_rpc != GREETING {
        return Err(other_version(peer, &answer.stamp, stamp));
    }
    match answer.refused {
        Some(why) => Err(failure(format!("{} refuses: {why}", told(peer)), None)),
        None => Ok((stream, answer.devices)),
    }
}

/// Tries each address of the host.
fn connect(peer: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "it has no address");
    for address in peer.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn understood(peer: &str, line: io::Result<String>) -> Result<Answer, Failure> {
    let hint = "start `lunette rpc-server` there, of the same version as this program";
    match line {
        Ok(line) => serde_json::from_str(&line).map_err(|_| {
            let shown: String = line.chars().take(SHOWN_CHARS).collect();
            failure(format!("{} is not `lunette rpc-server`: it answers {shown:?}", told(peer)), Some(hint))
        }),
        Err(error) if is_late(&error) => {
            let message = format!("{} accepts the connection, and says nothing", told(peer));
            Err(failure(message, Some(hint)))
        }
        Err(_) => {
            let message = format!("{} is not `lunette rpc-server`: it closes the connection", told(peer));
            Err(failure(message, Some(hint)))
        }
    }
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// `10.0.0.2:50052 (--rpc)`
fn told(peer: &str) -> String {
    format!("{peer} (--rpc)")
}

fn unreached(peer: &str, error: &io::Error) -> Failure {
    let why = match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        _ if is_late(error) => "no answer".to_owned(),
        _ => error.to_string(),
    };
    let hint = format!("start it there: lunette rpc-server --listen {peer}");
    failure(format!("cannot reach {}: {why}", told(peer)), Some(&hint))
}

fn other_version(peer: &str, theirs: &str, ours: &str) -> Failure {
    let message = format!("{} has llama.cpp {theirs}, and this program {ours}", told(peer));
    failure(message, Some("use the same version of Lunette on both machines"))
}

/// Nothing can be computed by `peer`, because this program can't.
#[must_use]
pub fn not_built(peer: &str) -> Failure {
    let message = format!("{} computes layers, and this program is built without RPC", told(peer));
    Failure { kind: FailureKind::Unsupported, message, hint: Some(HOW_TO_BUILD.to_owned()) }
}

/// A connection failed while it was needed.
#[must_use]
pub(super) fn lost(peer: &str, kind: FailureKind) -> Failure {
    let message = format!("the connection to {} is lost", told(peer));
    let hint = "its `lunette rpc-server` has ended, or the network failed; start this again when it is back";
    Failure { kind, message, hint: Some(hint.to_owned()) }
}

/// Without its peer, the model can't be loaded.
fn failure(message: String, hint: Option<&str>) -> Failure {
    Failure { kind: FailureKind::Model, message, hint: hint.map(str::to_owned) }
}

// --- the side that is asked ------------------------------------------------------------------------------------------

/// Answers who has connected: with `devices`, unless the stamps differ or there is a reason to refuse. Returns what the connection is
/// for.
///
/// Errors: a sentence about what came instead.
pub fn answer(
    stream: &mut TcpStream,
    stamp: &str,
    devices: &[PeerDevice],
    refused: Option<&str>,
) -> Result<Wants, String> {
    let prepared = stream.set_nodelay(true).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
    let line = prepared.and_then(|()| read_line(stream, Instant::now() + PATIENCE));
    let line = line.map_err(|error| format!("no greeting came: {error}"))?;
    let greeting = serde_json::from_str::<Greeting>(&line);
    let refused = match &greeting {
        Err(_) => Some("this is `lunette rpc-server`, and that was no greeting of a Lunette".to_owned()),
        Ok(greeting) if greeting.stamp != stamp || greeting.lunette_rpc != GREETING => {
            Some(format!("this is llama.cpp {stamp}, and that {}", greeting.stamp))
        }
        Ok(Greeting { wants: Wants::Compute, .. }) => refused.map(str::to_owned),
        Ok(_) => None,
    };
    let answer =
        Answer { lunette_rpc: GREETING, stamp: stamp.to_owned(), devices: devices.to_vec(), refused: refused.clone() };
    write_line(stream, &answer).map_err(|error| format!("it left before it was answered: {error}"))?;
    match (greeting, refused) {
        (Ok(greeting), None) => Ok(greeting.wants),
        (_, refused) => Err(refused.unwrap_or_default()),
    }
}

// --- lines -----------------------------------------------------------------------------------------------------------

fn write_line(stream: &mut TcpStream, object: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_string(object)?;
    line.push('\n');
    stream.write_all(line.as_bytes())
}

/// Reads byte by byte: what follows the line is RPC's. Without an end until `deadline`, that is an error.
fn read_line(stream: &mut TcpStream, deadline: Instant) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        stream.read_exact(&mut byte)?;
        match byte[0] {
            b'\n' => break,
            _ if line.len() == MOST_LINE_BYTES => return Err(io::ErrorKind::InvalidData.into()),
            byte => line.push(byte),
        }
    }
    // A prefill may take any time; that the other machine is gone is seen by other means.
    stream.set_read_timeout(None)?;
    stream.set_write_timeout(None)?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn device() -> PeerDevice {
        PeerDevice {
            name: "CUDA0".into(),
            description: "NVIDIA H200".into(),
            is_gpu: true,
            free_bytes: 139_000_000_000,
            total_bytes: 150_000_000_000,
        }
    }

    /// The address of a listener whose first connection is given to `serve`.
    fn listening(serve: impl FnOnce(TcpStream) + Send + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        thread::spawn(move || serve(listener.accept().expect("a connection").0));
        address
    }

    /// A peer with `stamp` that refuses for `refused`.
    fn peer(stamp: &'static str, refused: Option<&'static str>) -> String {
        listening(move |mut stream| {
            if answer(&mut stream, stamp, &[device()], refused) == Ok(Wants::Compute) {
                stream.write_all(b"RPC").expect("the other side waits for it");
            }
        })
    }

    fn refused(peer: &str, wants: Wants) -> String {
        let failure = ask(peer, "1-a", wants).map(|_| ()).expect_err("it is refused");
        assert_eq!(failure.kind, FailureKind::Model);
        failure.message.replace(peer, "PEER")
    }

    #[test]
    fn equal_stamps_are_let_through_and_what_follows_the_line_is_untouched() {
        let (mut stream, devices) = ask(&peer("1-a", None), "1-a", Wants::Compute).expect("they are equal");
        let mut rest = String::new();
        stream.read_to_string(&mut rest).expect("UTF-8");
        assert_eq!((devices, rest.as_str()), (vec![device()], "RPC"));
    }

    #[test]
    fn other_stamps_are_told_with_both() {
        let said = refused(&peer("1-b", None), Wants::Answer);
        assert_eq!(said, "PEER (--rpc) has llama.cpp 1-b, and this program 1-a");
    }

    #[test]
    fn a_full_peer_still_answers_who_only_asks() {
        let full = Some("16 clients are computing");
        assert_eq!(refused(&peer("1-a", full), Wants::Compute), "PEER (--rpc) refuses: 16 clients are computing");
        assert!(ask(&peer("1-a", full), "1-a", Wants::Answer).is_ok());
    }

    #[test]
    fn something_else_is_told_by_what_it_says() {
        let http = listening(|mut stream| {
            let _ = read_line(&mut stream, Instant::now() + PATIENCE);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        });
        let said = refused(&http, Wants::Compute);
        assert_eq!(said, "PEER (--rpc) is not `lunette rpc-server`: it answers \"HTTP/1.1 400 Bad Request\\r\"");
        // As llama.cpp's own server does with what is no command of its protocol.
        let closing = listening(|mut stream| drop(read_line(&mut stream, Instant::now() + PATIENCE)));
        let said = refused(&closing, Wants::Compute);
        assert_eq!(said, "PEER (--rpc) is not `lunette rpc-server`: it closes the connection");
        let silent = listening(|stream| {
            thread::sleep(PATIENCE * 2);
            drop(stream);
        });
        assert_eq!(refused(&silent, Wants::Compute), "PEER (--rpc) accepts the connection, and says nothing");
    }

    #[test]
    fn nobody_is_told_with_what_to_start() {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let failure = ask(&free.to_string(), "1-a", Wants::Answer).map(|_| ()).expect_err("nobody listens");
        assert_eq!(failure.message, format!("cannot reach {free} (--rpc): nothing listens there"));
        assert_eq!(failure.hint, Some(format!("start it there: lunette rpc-server --listen {free}")));
    }

    #[test]
    fn whoever_connects_with_something_else_is_sent_away() {
        let address = peer("1-a", None);
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream.write_all(b"GET / HTTP/1.1\n").expect("it reads");
        let mut said = String::new();
        stream.read_to_string(&mut said).expect("UTF-8");
        assert!(said.contains("that was no greeting of a Lunette"), "{said}");
    }

    #[test]
    fn devices_are_told_with_their_machine() {
        let cpu = PeerDevice { is_gpu: false, name: "CPU".into(), description: "Xeon".into(), ..device() };
        assert_eq!(cpu.at("10.0.0.3:50052"), "CPU at 10.0.0.3:50052");
        assert_eq!(device().at("10.0.0.2:50052"), "NVIDIA H200 at 10.0.0.2:50052");
        assert_eq!(device().in_words(), "CUDA0: NVIDIA H200, 139 GB of 150 GB free");
    }
}
