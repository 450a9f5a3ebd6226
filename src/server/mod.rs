//! `lunette serve`: answers requests of OpenAI's clients about documents that are read once.
//!
//! ```text
//! connection ─> access ─> request ─> asked ─> queue ─> desk ─> engine
//!                                                │        └─ updates ─> answering ─> answer, whole or in chunks
//! listener, socket, body: HTTP                   └─ one place per request, fair between machines
//!
//! file_requests ─> upload (multipart, the document) ─> files <─ documents: which a conversation is about
//! ```
//!
//! | file | answers |
//! |---|---|
//! | `listener`, `socket` | how do connections come in, and what serves them? |
//! | `access` | who may ask? |
//! | `routes` | which path is answered how? |
//! | `shared` | what do all requests share? |
//! | `body`, `replies` | how are bodies read, and how are answers sent by HTTP? |
//! | `fields`, `multipart` | how are JSON objects and forms read? |
//! | `request`, `conversation` | what does a request ask for, and which conversation does it bring? |
//! | `documents`, `document_set` | which documents is it about, and what is their text? |
//! | `asked` | how is a request laid out for the engine? |
//! | `queue` | whose turn is it? |
//! | `desk`, `work` | how are questions given to the engine, and what is told meanwhile? |
//! | `answering` | how is one request answered, from its turn to its end? |
//! | `answer`, `logprobs` | how do OpenAI's clients read an answer, and its tokens? |
//! | `native`, `props`, `tokens` | what do llama-server's own paths answer? |
//! | `error` | how do clients read an error? |
//! | `file_requests`, `upload`, `files` | how do clients bring files of their own, and how long are they kept? |
//! | `jobs`, `job_list`, `sent`, `texts` | what may other Lunettes send, which of their jobs wait or run, and which texts are here already? |
//! | `loading` | how far is the model? |
//! | `aside` | what runs beside the requests, because it takes long? |
//! | `account`, `log`, `metrics` | what is noted of a request, and where is it told? |
//!
//! Example: `lunette serve book.txt` reads the book once (161,000 tokens), and then each of
//!
//! ```text
//! curl localhost:8080/v1/chat/completions -d '{"messages": [{"role": "user", "content": "Who is Mr. Collins?"}]}'
//! ```
//!
//! prefills its own question alone: `"tokens": {"document": 161059, "cached": 161061, "prefilled": 21, …}`.
//!
//! One engine answers requests about the same documents together, and others one after the other. The server has no screen and keeps no conversation: each request brings its own. It does not
//! watch its documents for changes.

mod access;
mod account;
mod answer;
mod answering;
mod aside;
mod asked;
mod body;
mod conversation;
mod desk;
mod document_set;
mod documents;
mod error;
mod fields;
mod file_requests;
mod files;
#[cfg(test)]
pub(crate) mod fixtures;
mod job_list;
mod jobs;
mod listener;
mod loading;
mod log;
mod logprobs;
mod metrics;
mod multipart;
mod native;
mod props;
mod queue;
mod replies;
mod request;
mod routes;
mod sent;
mod shared;
mod socket;
#[cfg(test)]
mod stop_tests;
#[cfg(test)]
mod tests;
mod texts;
mod tokens;
mod upload;
mod work;

use std::io::{Read, Write};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::chat::record::rounded;
use crate::chat::{ChatTemplate, Moment, model_notes};
use crate::engine::message::MemoryClass;
use crate::exit::{Exit, ExitError};
use crate::failure::Failure;
use crate::session::client::ECHO;
use crate::session::{EngineClient, Observer, Signal, documents as opening};
use crate::settings::{Serving, Settings};
use asked::Loaded;
use desk::Desk;
use loading::Loading;
use log::Log;
use shared::Server;

/// Returns at the next signal that is none of those that came with the first.
async fn another(signals: &mut UnboundedReceiver<Signal>, first: Instant) {
    while signals.recv().await.is_some() {
        if first.elapsed() >= ECHO {
            return;
        }
    }
    std::future::pending::<()>().await;
}

/// How long answers may go on once the server is being stopped.
const GRACE: Duration = Duration::from_secs(10);

/// What a server needs besides its documents.
pub struct Started {
    /// Its engine is already loading the model. It has no stops of its own: the server handles signals.
    pub client: EngineClient,
    /// The model's file.
    pub model: PathBuf,
}

/// Serves the documents of `settings` until a signal comes. `start` finds the model and starts an engine with it; it is called after the
/// documents are read and the port is taken, so that a misspelt path is reported at once. The log goes to `out`.
///
/// The first signal stops it gracefully: nobody is let in, whoever waits is sent away, and the answers that are being written have
/// ten seconds. A second signal ends it at once.
///
/// Errors: documents or model can't be opened, the port is taken, or the engine has ended.
pub async fn serve(
    settings: &Settings,
    serving: &Serving,
    stdin: &mut dyn Read,
    start: impl FnOnce(&mut dyn Observer) -> Result<Started, ExitError>,
    mut signals: UnboundedReceiver<Signal>,
    out: impl Write + Send + 'static,
    observer: &mut dyn Observer,
) -> Result<Exit, ExitError> {
    let opened = opening::open(settings, stdin, observer)?;
    let listener = listener::bind(serving).await?;
    let Started { mut client, model } = start(observer)?;
    let log = Log::to(out);
    log.listening(&listener::address(&listener), serving.api_key.is_some());
    let server = Arc::new(Server::new(settings, serving, opened, model, log));
    run(&server, &mut client, listener, &mut signals, observer).await
}

async fn run(
    server: &Arc<Server>,
    client: &mut EngineClient,
    listener: TcpListener,
    signals: &mut UnboundedReceiver<Signal>,
    observer: &mut dyn Observer,
) -> Result<Exit, ExitError> {
    let (close, closing) = watch::channel(false);
    let mut working = pin!(work(server, client, observer));
    tokio::select! {
        ended = &mut working => return Err(ended.err().unwrap_or_else(Failure::engine_gone).into()),
        () = listener::accept(listener, server.clone(), closing) => {}
        Some(_) = signals.recv() => {}
    }
    let stopped = Instant::now();
    server.log.closing();
    server.queue.close();
    let _ = close.send(true);
    // An answer that is being written has its connection, and goes on meanwhile.
    let goes_on = async {
        let _ = working.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = goes_on => {}
        _ = server.connections.acquire_many(server.serving.most_connections) => {}
        () = tokio::time::sleep(GRACE) => {}
        () = another(signals, stopped) => {}
    }
    Ok(Exit::Ok)
}

/// Loads the model, reads the documents, and answers until the queue is closed.
///
/// Errors: the model can't be loaded, or the engine is gone.
async fn work(server: &Server, client: &mut EngineClient, observer: &mut dyn Observer) -> Result<(), Failure> {
    let info = client.loaded(&mut Loading { server, observer }).await.map_err(|error| match error {
        crate::session::ClientError::Failed(failure) => failure,
        crate::session::ClientError::Stopped(_) => Failure::engine_gone(),
    })?;
    let template = ChatTemplate::of(&info, Moment::from(SystemTime::now()));
    for note in model_notes(&info, &template) {
        observer.note(&note);
    }
    server.log.loaded(&info.title(), rounded(info.load_time.as_secs_f64()));
    let loaded = server.set_model(Loaded { info, template });
    // Others answer one after the other; who comes in the meantime is not to wait behind one that the engine has already.
    let takes_guests = loaded.info.cache.class == MemoryClass::Plain;
    let most = if takes_guests { server.serving.most_answers as usize } else { 1 };
    let mut desk = Desk { client, model: &loaded.info, most };
    let documents = server.documents.choose(None, &server.files).ok().filter(|documents| !documents.is_empty());
    if let Some(documents) = documents {
        match server.defaults.beginning(&documents, &loaded) {
            Ok(prompt) => desk.read_ahead(&server.defaults.reading, prompt, &server.log).await?,
            Err(failure) => server.log.failed(&failure),
        }
    }
    desk.answer_all(&server.queue).await
}
