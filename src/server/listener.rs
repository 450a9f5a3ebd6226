//! Listens, and serves each connection in a task of its own.
//!
//! A connection has ten seconds for the head of a request, also for the next one; a client that sends a byte now and then keeps it no
//! longer. When every connection that may be open is, the next one gets 503 at once.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::routes::respond;
use super::shared::Server;
use super::socket::{Clock, Socket};
use crate::failure::{Failure, FailureKind};
use crate::settings::{Listen, Serving};

/// How long a client may take for the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// The largest head of a request.
const HEAD_BYTES: usize = 64 << 10;
/// When no connection is left because files or memory are short, others have to end first.
const PAUSE: Duration = Duration::from_millis(100);

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Type: application/json\r\nContent-Length: 133\r\n\
    Connection: close\r\n\r\n{\"error\": {\"message\": \"every connection is taken\", \"type\": \"server_error\", \"param\": null, \"code\": \"connections_full\", \"hint\": null}}\n";

/// Listens where `serving` says.
///
/// Errors: it can't, or other machines could reach a server without a key.
pub(super) async fn bind(serving: &Serving) -> Result<TcpListener, Failure> {
    let Listen { host, port } = &serving.listen;
    let failed = |why: String, hint: Option<&str>| Failure::new(FailureKind::Runtime, why, hint.map(str::to_owned));
    let listener = TcpListener::bind((host.as_str(), *port)).await.map_err(|error| {
        let hint = (error.kind() == io::ErrorKind::AddrInUse)
            .then_some("another program has this port; take another one: --port 8081");
        failed(format!("cannot listen on {host}, port {port}: {error}"), hint)
    })?;
    let is_open = listener.local_addr().is_ok_and(|address| !address.ip().is_loopback());
    if is_open && serving.api_key.is_none() {
        return Err(failed(
            format!("other machines can reach {host}, and there is no API key"),
            Some("listen on 127.0.0.1"),
        ));
    }
    Ok(listener)
}

/// Accepts connections for ever. `closing` asks those that are open to end.
pub(super) async fn accept(listener: TcpListener, server: Arc<Server>, closing: watch::Receiver<bool>) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        match server.connections.clone().try_acquire_owned() {
            Ok(permit) => drop(tokio::spawn(serve(stream, peer, server.clone(), closing.clone(), permit))),
            Err(_) => drop(tokio::spawn(turn_away(stream))),
        }
    }
}

async fn turn_away(stream: TcpStream) {
    // A new connection's buffer takes so little at once. What the client sends is read, or the answer would be lost with the connection.
    let _ = stream.try_write(FULL);
    let _ = tokio::time::timeout(PAUSE, stream.readable()).await;
    let _ = stream.try_read(&mut [0; 4096]);
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    server: Arc<Server>,
    mut closing: watch::Receiver<bool>,
    permit: OwnedSemaphorePermit,
) {
    // Pieces of an answer are small, and nobody wants to wait for the next one to fill a packet.
    let _ = stream.set_nodelay(true);
    let peer = peer.ip().to_canonical();
    let service = service_fn(move |request| {
        let answered = respond(server.clone(), peer, request);
        async move { Ok::<_, Infallible>(answered.await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(Clock).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES);
    let mut connection = pin!(builder.serve_connection(Socket::new(stream), service));
    let close = async {
        let _ = closing.wait_for(|is_closing| *is_closing).await;
    };
    // What goes wrong is the client's: it went away, or did not speak HTTP, and has been told so.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = close => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
    drop(permit);
}

/// The address for the log: `127.0.0.1:8080`.
pub(super) fn address(listener: &TcpListener) -> String {
    listener.local_addr().map_or_else(|_| String::new(), |address| address.to_string())
}
