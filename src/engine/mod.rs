//! Everything that knows llama.cpp, on a thread of its own: commands in, events out.
//!
//! Front ends send a [`Command`] and get [`Event`]s back. The model, the context and the KV cache are locals of
//! [`spawn`]'s thread and never leave it.
//!
//! | file | answers |
//! |---|---|
//! | [`message`] | which commands and events are there? |
//! | [`config`] | which settings are fixed when the engine starts? |
//! | `worker` | how is a command executed? reuse, prefill in chunks, progress, cancelling |
//! | `generate` | how is an answer generated? |
//! | `lanes` | how are several questions answered at the same time? |
//! | `weigh` | how probable does the model find an answer that is given? |
//! | `verify` | how are several tokens of an answer computed in one call? |
//! | `draft` | how many tokens are worth guessing? |
//! | `ngrams` | where did the last tokens stand before? |
//! | `repetition` | does an answer repeat itself? |
//! | `tokenized_prompt` | which tokens is a prompt, and under which attention is each computed? |
//! | `cache_index` | what does the cache hold, and how much of it can be reused? |
//! | `snapshot_cache` | which other cache states are kept in memory? |
//! | `disk_cache` | which readings are kept on disk, and when are they used? |
//! | `block_chain` | which blocks on disk hold the beginning of a prompt? |
//! | `saver` | how are blocks written beside the reading? |
//! | `fingerprint` | which model is it, whatever its file is called? |
//! | [`cache_shape`] | what does a model keep of its tokens, and how many bytes is that? |
//! | [`bounded`], `dropping` | which cells of a reading can go, and how is memory bounded? |
//! | `checkpoints`, `rewind` | how does a cache go back that can't be cut? |
//! | `cost_model` | what does prefill cost on this machine, and how long will it take? |
//! | `calibration` | what did earlier runs measure? |
//! | [`survey`] | what is known about a model without its weights? |
//! | `first_use` | may this file be loaded? header, checksum, trial |
//! | [`trial`], `tried` | does a model survive its first token in a child process, and which ones did? |
//! | [`tokens`], `split_points` | which bytes make a token, and where can a text be split to tokenise it on all cores? |
//! | `split`, `utf8` | how do bytes become characters, and characters reasoning and answer? |
//! | `stopped` | what is told of a job that was stopped before anything was done for it? |
//! | `schema` | which tokens may follow, if the answer has to fit a JSON schema? |
//! | `offload` | how many layers go onto a GPU? |
//! | [`peers`], [`peer_server`] | how does another machine compute layers, and how does this one for others? |
//! | `threads`, `cpu_load` | how many threads compute, and how busy are the cores with other programs? |
//! | [`memory`] | how much memory may this process still take? |
//! | `reread` | which passages are read again before a question? |
//! | `heads` | which attention heads point at passages? |
//! | `head_search` | how are they found? |
//! | `machine` | what does the worker need from a model with a cache? |
//! | `llama` | the one module that imports the binding |
//!
//! Example: `Ask` with a prompt of 30,040 tokens, of which the cache holds 30,000, results in
//! `Planned { cached: 30000, to_prefill: 40, .. }`, one `Prefilling`, a `Piece` per token or two, and `Answered` with
//! figures.
//!
//! Doesn't lay out prompts (`chat` does) or know the names of presets.

mod block_chain;
pub mod bounded;
mod cache_index;
pub mod cache_shape;
mod calibration;
mod checkpoints;
pub mod config;
mod cost_model;
mod cpu_load;
mod disk_cache;
mod draft;
mod dropping;
mod fingerprint;
mod first_use;
mod generate;
mod head_search;
mod heads;
mod job;
mod lanes;
mod llama;
mod machine;
pub mod memory;
pub mod message;
mod ngrams;
mod offload;
pub mod peer_server;
pub mod peers;
mod repetition;
mod reread;
mod rewind;
mod saver;
mod schema;
mod scores;
mod snapshot_cache;
mod split;
mod split_points;
mod stopped;
pub mod survey;
mod threads;
mod tokenized_prompt;
pub mod tokens;
#[cfg(test)]
mod toy;
pub mod trial;
mod tried;
mod utf8;
mod verify;
mod weigh;
mod worker;
#[cfg(test)]
mod worker_tests;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use calibration::Calibration;
use config::{EngineConfig, EngineSettings, KvDtype};
use cost_model::{CostModel, Shape};
use cpu_load::SystemLoad;
use disk_cache::DiskCache;
use draft::CallCost;
use first_use::Use;
use heads::KnownHeads;
use message::{Command, Event, Failure, FailureKind, ModelInfo};
use threads::{Cores, ThreadChooser};
use worker::{Inbox, Worker};

use crate::store::blocks::About;

pub use calibration::Measured;
pub use cost_model::predicted_cost;
pub use llama::vocabulary::Vocabulary;
pub use llama::{Facts, facts, library_version, patch_stamp, try_model};
pub use repetition::RepetitionGuard;
pub use schema::{SchemaError, check_schema};
pub use split::{Output, Splitter, Stopped};
pub use survey::Survey;
pub use tokens::Tokens;

/// The front end's side of the engine.
pub struct EngineHandle {
    pub commands: Sender<Command>,
    pub events: UnboundedReceiver<Event>,
    /// Ends after [`Command::Shutdown`] or when `commands` is dropped.
    pub thread: JoinHandle<()>,
}

/// Starts the engine's thread and returns immediately. The first events are `Loading`, then `Loaded` or `LoadFailed`.
#[must_use]
pub fn spawn(config: EngineConfig) -> EngineHandle {
    spawn_after(None, config)
}

/// As [`spawn`]; loads the model only after the thread `former` has ended and freed its own.
#[must_use]
pub fn spawn_after(former: Option<JoinHandle<()>>, config: EngineConfig) -> EngineHandle {
    let (commands, command_receiver) = channel();
    let (event_sender, events) = unbounded_channel();
    let thread = std::thread::Builder::new()
        .name("engine".into())
        .spawn(move || {
            // If it panicked, that was reported as a failure.
            former.map(JoinHandle::join);
            run(config, command_receiver, &event_sender);
        })
        .expect("the system can start a thread");
    EngineHandle { commands, events, thread }
}

/// Runs the thread: loads the model, reports it, executes commands. A panic becomes a failure, so that no front end
/// waits forever.
fn run(config: EngineConfig, commands: Receiver<Command>, events: &UnboundedSender<Event>) {
    let work = std::panic::AssertUnwindSafe(|| load_and_work(config, commands, events));
    if let Err(panic) = std::panic::catch_unwind(work) {
        let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        let message = format!("the engine stopped unexpectedly: {}", said.unwrap_or("no reason given"));
        let hint = Some("please report this bug; the log file shows what led to it".to_owned());
        let _ = events.send(Event::LoadFailed(Failure { kind: FailureKind::Runtime, message, hint }));
    }
}

fn load_and_work(config: EngineConfig, commands: Receiver<Command>, events: &UnboundedSender<Event>) {
    let progress = events.clone();
    match first_use::check(&config, &mut || !events.is_closed()) {
        Ok(Use::Allowed) => {}
        Ok(Use::Cancelled) => return,
        Err(failure) => {
            let _ = events.send(Event::LoadFailed(failure));
            return;
        }
    }
    // A closed channel means that the program is exiting: it must not wait for a model, nor exit while a GPU loads one.
    let model = match llama::Model::load(&config, move |fraction| progress.send(Event::Loading { fraction }).is_ok()) {
        Ok(model) => model,
        Err(failure) => {
            let _ = events.send(Event::LoadFailed(failure));
            return;
        }
    };
    let calibration = Calibration::open(&config, model.info(), model.shape());
    let cost_model = CostModel::knowing(model.shape(), model.info().has_gpu(), calibration.sums());
    let heads = KnownHeads::open(&config);
    let info = ModelInfo { prefill_cost: cost_model.cost(), heads: heads.known(), ..model.info().clone() };
    let _ = events.send(Event::Loaded(Box::new(info)));
    let settings = config.settings.for_device(model.info().has_gpu());
    let disk = settings
        .disk_cache
        .as_ref()
        .map_or_else(DiskCache::off, |disk| DiskCache::begin(disk, about(model.info(), &settings)));
    let machine = llama::Llama::new(&model, &settings);
    let threads = ThreadChooser::new(settings.threads, Cores::here(), Box::<SystemLoad>::default());
    let inbox = Inbox::new(commands);
    let call_cost = call_cost(model.info(), &settings, model.shape());
    let worker = Worker::new(machine, cost_model, calibration, settings, threads, inbox, events.clone());
    worker.keeping(disk).knowing(heads).verifying_at(call_cost).run();
}

/// What decode calls with several tokens cost with this model.
fn call_cost(model: &ModelInfo, settings: &EngineSettings, shape: Shape) -> CallCost {
    let reads_keys_together = settings.flash_attention && matches!(settings.kv_dtype, KvDtype::F16 | KvDtype::F32);
    match model.has_gpu() {
        true => CallCost::GPU,
        false if reads_keys_together => CallCost::CPU,
        false => CallCost::CPU.with_keys_read_singly(shape.keys_as_weights_tokens()),
    }
}

/// What the blocks on disk are of.
fn about(model: &ModelInfo, settings: &EngineSettings) -> About {
    About {
        model: model.title(),
        file: model.path.clone(),
        cache_type: settings.kv_dtype.name().to_owned(),
        library: model.patch_stamp.clone(),
    }
}
