//! `lunette rpc-server`: lets other Lunettes compute layers with this machine's devices.
//!
//! ```text
//! listener ─> greeting (peers) ─┬─> answered and gone: `lunette doctor`, or before a model is loaded
//!                               └─> RPC (llama.cpp), in a thread of its own until the client is gone
//! ```
//!
//! Example: a model's layers 0 to 11 are here. For each token, 896 numbers come and 896 go.
//!
//! Each client has its own buffers, which are freed when it is gone. What llama.cpp asserts about what a client sends ends the process, and
//! with it the other clients' computations: RPC is for networks whose machines are trusted.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use super::config::PeerOffer;
use super::llama::patch_stamp;
use super::llama::rpc::{self, Offered};
use super::message::{Failure, FailureKind};
use super::peers::{self, PeerDevice, Wants};
use super::threads::Cores;

/// More clients than this share no machine well.
const MOST_CLIENTS: u32 = 16;
/// When no connection can be accepted because files or memory are short, others have to end first.
const PAUSE: Duration = Duration::from_millis(100);

/// What happens while it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Served {
    /// RPC begins.
    Begun(SocketAddr),
    /// The client is gone, and its memory free.
    Ended(SocketAddr),
    /// Something else came, or a client that is not let in: why.
    SentAway(SocketAddr, String),
    /// A device can't be used.
    Failed(SocketAddr),
}

/// A server that listens.
pub struct PeerServer {
    listener: TcpListener,
    offered: Offered,
    threads: u32,
}

impl PeerServer {
    /// Listens on `host` and `port`.
    ///
    /// Errors: the program is built without RPC, there is no such device, or nobody can listen there.
    pub fn bind(host: &str, port: u16, offer: &PeerOffer) -> Result<Self, Failure> {
        if !peers::BUILT {
            let message = "this program is built without RPC".to_owned();
            return Err(failure(FailureKind::Unsupported, message, Some(peers::HOW_TO_BUILD)));
        }
        let offered = Offered::named(&offer.devices)?;
        let listener = TcpListener::bind((host, port)).map_err(|error| {
            let hint = (error.kind() == io::ErrorKind::AddrInUse)
                .then_some("another program has this port; take another one: --listen HOST:PORT");
            failure(FailureKind::Runtime, format!("cannot listen on {host}, port {port}: {error}"), hint)
        })?;
        rpc::limit(offer.most_bytes);
        Ok(Self { listener, offered, threads: offer.threads.unwrap_or(Cores::here().allowed) })
    }

    /// Where it listens; the port is a real one.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What it computes with.
    #[must_use]
    pub fn devices(&self) -> Vec<PeerDevice> {
        self.offered.described()
    }

    /// Serves until the process ends, and tells what happens.
    #[must_use]
    pub fn serve(self) -> Receiver<Served> {
        let (events, told) = channel();
        let Self { listener, offered, threads } = self;
        let house = Arc::new(House { offered, threads, clients: AtomicU32::new(0) });
        thread::spawn(move || {
            loop {
                match listener.accept() {
                    Ok((stream, from)) => greet_aside(&house, stream, from, events.clone()),
                    Err(_) => thread::sleep(PAUSE),
                }
            }
        });
        told
    }
}

/// What clients share.
struct House {
    offered: Offered,
    threads: u32,
    clients: AtomicU32,
}

/// A client that says nothing keeps nobody else waiting.
fn greet_aside(house: &Arc<House>, stream: TcpStream, from: SocketAddr, events: Sender<Served>) {
    let house = house.clone();
    // Without a thread, the connection is closed.
    let _ = thread::Builder::new().name("rpc client".into()).spawn(move || receive(&house, stream, from, &events));
}

fn receive(house: &House, mut stream: TcpStream, from: SocketAddr, events: &Sender<Served>) {
    let clients = house.clients.fetch_add(1, Ordering::SeqCst) + 1;
    let full = format!("{MOST_CLIENTS} clients compute there already");
    let refused = (clients > MOST_CLIENTS).then_some(full.as_str());
    match peers::answer(&mut stream, &patch_stamp(), &house.offered.described(), refused) {
        Ok(Wants::Answer) => {}
        Ok(Wants::Compute) => {
            let _ = events.send(Served::Begun(from));
            let is_served = house.offered.serve(stream, house.threads);
            let _ = events.send(if is_served { Served::Ended(from) } else { Served::Failed(from) });
        }
        Err(why) => drop(events.send(Served::SentAway(from, why))),
    }
    house.clients.fetch_sub(1, Ordering::SeqCst);
}

fn failure(kind: FailureKind, message: String, hint: Option<&str>) -> Failure {
    Failure { kind, message, hint: hint.map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_without_rpc_serves_nobody() {
        let refused = PeerServer::bind("127.0.0.1", 0, &PeerOffer::default()).map(|_| ());
        if peers::BUILT {
            assert_eq!(refused, Ok(()));
        } else {
            assert_eq!(refused.expect_err("it can't").hint.as_deref(), Some(peers::HOW_TO_BUILD));
        }
    }
}
