//! A wire between a client and a server: it counts what the client sends, and may be long, or hide some of the server's paths.
#![allow(dead_code, reason = "each test file takes what it needs")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

const NOT_FOUND: &[u8] =
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 22\r\nConnection: close\r\n\r\n{\"detail\":\"Not Found\"}";

pub(crate) struct Proxy {
    pub(crate) address: String,
    sent: Arc<AtomicU64>,
}

impl Proxy {
    /// Everything to and from `server` takes `delay` each way.
    pub(crate) fn to(server: &str, delay: Duration) -> Self {
        Self::between(server, delay, None)
    }

    /// `server`, as if it had no path that begins with `path`.
    pub(crate) fn hiding(path: &'static str, server: &str) -> Self {
        Self::between(server, Duration::ZERO, Some(path))
    }

    fn between(server: &str, delay: Duration, hidden: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (server, sent) = (server.to_owned(), Arc::new(AtomicU64::new(0)));
        let counted = sent.clone();
        thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                if hidden.is_some_and(|path| asks_for(path, &client)) {
                    let _ = client.write_all(NOT_FOUND);
                    continue;
                }
                let Ok(server) = TcpStream::connect(&server) else { continue };
                pump(&client, &server, delay, counted.clone());
                pump(&server, &client, delay, Arc::default());
            }
        });
        Self { address, sent }
    }

    /// Bytes that clients have sent since this was asked last.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.swap(0, Ordering::SeqCst)
    }
}

/// Whether a request for a path that begins with `path` has come. What came stays to be read.
fn asks_for(path: &str, client: &TcpStream) -> bool {
    let mut beginning = [0; 256];
    let length = client.peek(&mut beginning).unwrap_or(0);
    let beginning = String::from_utf8_lossy(&beginning[..length]);
    beginning.split(' ').nth(1).is_some_and(|asked| asked.starts_with(path))
}

/// Passes on what `from` says when `delay` is over, in threads of their own: what comes meanwhile is on its way, too.
fn pump(from: &TcpStream, to: &TcpStream, delay: Duration, counted: Arc<AtomicU64>) {
    let (mut from, mut to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
    let (sender, on_the_way) = channel::<(Instant, Vec<u8>)>();
    let source = from.try_clone().expect("a socket");
    thread::spawn(move || {
        let mut some = [0; 16 << 10];
        while let Ok(length @ 1..) = from.read(&mut some) {
            counted.fetch_add(length as u64, Ordering::SeqCst);
            if sender.send((Instant::now() + delay, some[..length].to_vec())).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || {
        for (arrival, bytes) in on_the_way {
            thread::sleep(arrival.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
        let _ = source.shutdown(Shutdown::Read);
    });
}
