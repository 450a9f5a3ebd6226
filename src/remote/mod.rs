//! The engine of a server in place of one on this machine: commands go out over HTTP, and events come back.
//!
//! ```text
//! front ends ── Command ──> connect's thread ── HTTP ──> lunette serve
//!            <─── Event ──                   <── lines ──
//! ```
//!
//! [`connect`] returns the channels that `engine::spawn` returns, so that nobody else needs to know where the engine is. The first events are
//! `Loading`, then `Loaded` or `LoadFailed`. Then a server that can't be reached fails single jobs, and the next one tries again.
//!
//! The server is a Lunette, which does everything that this machine's engine would, or anybody's that speaks OpenAI's protocol
//! ([`openai`]), which answers questions and not more. `GET /lunette` tells which.
//!
//! Example: `lunette --server http://gpu-box:8080 book.txt` sends the book with the first question, and its hash with those after it. Of a book
//! of 8.7 kB the second question sends less than 6 kB in all (`tests/remote.rs`).
//!
//! It opens no documents and lays out no prompts: a document is opened where its reader is.

pub mod counting;
pub mod http;
mod lunette;
mod openai;
mod peer;
mod refusal;
mod runtime;
pub mod wire;

use std::sync::mpsc::{Receiver, channel};
use std::thread;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

pub use self::counting::Counter;
use self::http::Client;
use self::peer::Peer;
use self::wire::Hello;
use crate::engine::EngineHandle;
use crate::engine::message::{Command, Event};
use crate::failure::Failure;
use crate::settings::UsedServer;

/// Starts the thread that talks to `server`, and returns immediately.
#[must_use]
pub fn connect(server: &UsedServer) -> EngineHandle {
    let (commands, received) = channel();
    let (sender, events) = unbounded_channel();
    let server = server.clone();
    let thread = thread::Builder::new()
        .name("remote".into())
        .spawn(move || run(&server, received, &sender))
        .expect("the system can start a thread");
    EngineHandle { commands, events, thread }
}

/// What `server` is, for people: `gpu-box:8080 runs Lunette 0.1.0 with Qwen2.5-Coder 0.5B · Q4_K_M on CPU`.
pub fn described(server: &UsedServer) -> Result<String, Failure> {
    let client = Client::new(server);
    runtime::small().block_on(async {
        match peer::found(&client).await? {
            Peer::Lunette(hello) => Ok(in_words(&client, &hello)),
            Peer::Other(stranger) => Ok(openai::described(&client, server, stranger).await?),
        }
    })
}

fn in_words(client: &Client, hello: &Hello) -> String {
    let program = format!("{} runs Lunette {}", client.name(), hello.greeting.lunette);
    let words = match &hello.model {
        Some(model) => format!("{program} with {} on {}", model.info.title(), model.info.place()),
        None => format!("{program}, which is loading its model ({:.0} %)", hello.loading * 100.0),
    };
    crate::harmless::line(&words).into_owned()
}

fn run(server: &UsedServer, commands: Receiver<Command>, events: &UnboundedSender<Event>) {
    let runtime = runtime::small();
    let client = Client::new(server);
    let found = async {
        tokio::select! {
            found = peer::found(&client) => Some(found),
            // The program ends.
            () = events.closed() => None,
        }
    };
    match runtime.block_on(found) {
        Some(Ok(Peer::Lunette(_))) => lunette::run(&runtime, &client, server, commands, events),
        Some(Ok(Peer::Other(stranger))) => openai::run(&runtime, &client, server, stranger, commands, events),
        Some(Err(failure)) => drop(events.send(Event::LoadFailed(failure))),
        None => {}
    }
}

#[cfg(test)]
mod tests;
