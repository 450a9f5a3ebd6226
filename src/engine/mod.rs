//! Everything that knows llama.cpp, on a thread of its own: commands in, events out.
//!
//! The picture: a reading room with a counter. Front ends hand a [`Command`] over the counter and get [`Event`]s back; the
//! model, the context and the KV cache never leave the room ([`spawn`]'s thread owns them as locals).
//!
//! | file | answers |
//! |---|---|
//! | [`message`] | what can be said over the counter? |
//! | [`config`] | what is settled when the engine starts? |
//! | `worker` | what is done with a command? reuse, prefill in chunks, progress, cancel |
//! | `generate` | how is an answer written? |
//! | `wanted` | which tokens is a prompt, and how is each to be read? |
//! | `kv_log` | what does the cache hold, and how much of that is wanted again? |
//! | `readings` | which other readings are kept in memory? |
//! | `forecast` | how long will it take? |
//! | `speeds` | what was this machine measured to read in earlier runs? |
//! | [`survey`] | what is known of a model without its weights? |
//! | [`tokens`], `cuts` | which bytes is a token, and where can a text be cut to be tokenised on all cores? |
//! | `split`, `utf8` | bytes to characters to reasoning and answer |
//! | `offload` | which layers lie on a GPU? |
//! | `machine` | what must a model with a cache be able to do? |
//! | `llama` | the one module that imports the binding |
//!
//! Example: `Ask` with a prompt of 30,040 tokens of which the cache holds 30,000 gives `Planned { cached: 30000, to_prefill: 40, .. }`,
//! one `Prefilling`, a `Piece` per token or two, and `Answered` with figures.
//!
//! What it does not do: lay out prompts (`chat` does), or know what a preset is called.

pub mod config;
mod cuts;
mod forecast;
mod generate;
mod job;
mod kv_log;
mod llama;
mod machine;
pub mod message;
mod offload;
mod readings;
mod speeds;
mod split;
pub mod survey;
pub mod tokens;
#[cfg(test)]
mod toy;
mod utf8;
mod wanted;
mod worker;
#[cfg(test)]
mod worker_tests;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use config::EngineConfig;
use forecast::Forecaster;
use message::{Command, Event, Failure, FailureKind, ModelInfo};
use speeds::Ledger;
use worker::{Inbox, Worker};

pub use llama::vocabulary::Vocabulary;
pub use llama::{library_version, patch_stamp};
pub use speeds::Measured;
pub use survey::Survey;
pub use tokens::Tokens;

/// The front end's side of the counter.
pub struct EngineHandle {
    pub commands: Sender<Command>,
    pub events: UnboundedReceiver<Event>,
    /// Ends after [`Command::Shutdown`], or when `commands` is dropped.
    pub thread: JoinHandle<()>,
}

/// Starts the engine's thread and returns at once. The first events are `Loading`, then `Loaded` or `LoadFailed`.
#[must_use]
pub fn spawn(config: EngineConfig) -> EngineHandle {
    let (commands, command_receiver) = channel();
    let (event_sender, events) = unbounded_channel();
    let thread = std::thread::Builder::new()
        .name("engine".into())
        .spawn(move || run(config, command_receiver, &event_sender))
        .expect("the system can start a thread");
    EngineHandle { commands, events, thread }
}

/// The thread: loads, says so, works. A panic inside is told as a failure, so that no front end waits for ever.
fn run(config: EngineConfig, commands: Receiver<Command>, events: &UnboundedSender<Event>) {
    let work = std::panic::AssertUnwindSafe(|| load_and_work(config, commands, events));
    if let Err(panic) = std::panic::catch_unwind(work) {
        let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        let message = format!("the engine stopped: {}", said.unwrap_or("no reason was given"));
        let hint = Some("the log file has what led to it; please report it".to_owned());
        let _ = events.send(Event::LoadFailed(Failure { kind: FailureKind::Runtime, message, hint }));
    }
}

fn load_and_work(config: EngineConfig, commands: Receiver<Command>, events: &UnboundedSender<Event>) {
    let progress = events.clone();
    // Nobody listens any more: the program ends, and must not wait for a model, nor end while a GPU still loads one.
    let model = match llama::Model::load(&config, move |fraction| progress.send(Event::Loading { fraction }).is_ok()) {
        Ok(model) => model,
        Err(failure) => {
            let _ = events.send(Event::LoadFailed(failure));
            return;
        }
    };
    let ledger = Ledger::open(&config, model.info());
    let forecaster = Forecaster::knowing(model.shape(), model.info().has_gpu(), ledger.sums());
    let info = ModelInfo { prefill_cost: forecaster.cost(), ..model.info().clone() };
    let _ = events.send(Event::Loaded(Box::new(info)));
    let settings = config.settings.for_device(model.info().has_gpu());
    let machine = llama::Llama::new(&model, &settings);
    Worker::new(machine, forecaster, ledger, settings, Inbox::new(commands), events.clone()).run();
}
