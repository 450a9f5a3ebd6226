//! What all requests share.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::access::Access;
use super::answer::{Form, Heading};
use super::asked::{Defaults, Loaded};
use super::documents::ServedDocuments;
use super::error::ApiError;
use super::files::Files;
use super::job_list::Jobs;
use super::log::Log;
use super::metrics::{Metrics, Now};
use super::queue::Queue;
use super::texts::Texts;
use super::work::Turn;
use crate::engine::Vocabulary;
use crate::engine::message::ModelInfo;
use crate::failure::Failure;
use crate::remote::wire::{Greeting, Hello, Model, PROTOCOL, TextHash};
use crate::session::documents::Opened;
use crate::settings::{Serving, Settings};

/// How many files of clients are read at the same time. What is packed may have 256 MiB of text.
const MOST_OPENINGS: usize = 2;
/// What [`Server::loading`] is at the end.
const LOADED: u32 = 1000;

/// A server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) serving: Serving,
    pub(super) access: Access,
    pub(super) defaults: Defaults,
    pub(super) documents: ServedDocuments,
    /// What clients have uploaded.
    pub(super) files: Files,
    /// A permit for each file that may be read at the same time.
    pub(super) openings: Arc<Semaphore>,
    pub(super) queue: Arc<Queue<Turn>>,
    /// What other Lunettes have sent.
    pub(super) texts: Texts,
    pub(super) jobs: Arc<Jobs>,
    /// In thousandths, while the model is loading.
    pub(super) loading: AtomicU32,
    /// A permit for each connection that may be open.
    pub(super) connections: Arc<Semaphore>,
    pub(super) metrics: Metrics,
    pub(super) log: Log,
    model_file: PathBuf,
    model: OnceLock<Arc<Loaded>>,
    vocabulary: OnceLock<Result<Tables, Failure>>,
    began: SystemTime,
    answers: AtomicU64,
}

/// The vocabulary, which has nothing to show.
struct Tables(Vocabulary);

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tables")
    }
}

impl Server {
    pub(super) fn new(settings: &Settings, serving: &Serving, opened: Opened, model_file: PathBuf, log: Log) -> Self {
        Self {
            serving: serving.clone(),
            access: Access::of(serving),
            defaults: Defaults::of(settings),
            documents: ServedDocuments::new(settings, opened),
            files: Files::for_requests_of(serving.most_body_bytes),
            openings: Arc::new(Semaphore::new(MOST_OPENINGS)),
            queue: Arc::new(Queue::new(serving.most_waiting as usize)),
            texts: Texts::for_requests_of(serving.most_body_bytes),
            jobs: Arc::default(),
            loading: AtomicU32::new(0),
            connections: Arc::new(Semaphore::new(serving.most_connections as usize)),
            metrics: Metrics::default(),
            log,
            model_file,
            model: OnceLock::new(),
            vocabulary: OnceLock::new(),
            began: SystemTime::now(),
            answers: AtomicU64::new(0),
        }
    }

    /// From now on questions can be asked.
    pub(super) fn set_model(&self, loaded: Loaded) -> Arc<Loaded> {
        self.model.get_or_init(|| Arc::new(loaded)).clone()
    }

    /// Errors: it is being loaded.
    pub(super) fn model(&self) -> Result<Arc<Loaded>, ApiError> {
        self.model.get().cloned().ok_or_else(ApiError::loading)
    }

    /// The model's tables. The first time takes as long as to read them.
    pub(super) fn vocabulary(&self) -> Result<&Vocabulary, ApiError> {
        let tables = self.vocabulary.get_or_init(|| Vocabulary::open(&self.model_file).map(Tables));
        tables.as_ref().map(|tables| &tables.0).map_err(|failure| failure.clone().into())
    }

    /// What the model is called in requests and answers: its file's name without the ending.
    pub(super) fn model_id(&self) -> Arc<str> {
        self.model_file.file_stem().unwrap_or_default().to_string_lossy().into()
    }

    /// The model's file, without where it lies.
    pub(super) fn model_file_name(&self) -> String {
        self.model_file.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// What answers.
    pub(super) fn fingerprint(&self) -> String {
        let build = self.model.get().map_or("", |loaded| &loaded.info.patch_stamp);
        format!("build-{build}")
    }

    /// The heading of the next answer.
    pub(super) fn heading(&self, form: Form) -> Heading {
        let number = self.answers.fetch_add(1, Ordering::Relaxed) + 1;
        Heading::new(form, number, self.began, self.model_id(), self.fingerprint().into())
    }

    pub(super) fn now(&self) -> Now {
        let most = self.serving.most_connections as usize;
        Now {
            waiting: self.queue.waiting(),
            answering: self.queue.answering(),
            connections: most - self.connections.available_permits().min(most),
            is_loaded: self.model.get().is_some(),
        }
    }

    /// What another Lunette has to know.
    pub(super) fn hello(&self) -> Hello {
        let model = self.model.get().map(|loaded| {
            let file = self.model_file.file_name().unwrap_or_default();
            let info = ModelInfo { path: file.into(), ..loaded.info.clone() };
            Model { stamp: self.stamp(&loaded.info), info: Box::new(info) }
        });
        let loading = self.loading.load(Ordering::Relaxed) as f32 / LOADED as f32;
        let greeting = Greeting { lunette: env!("CARGO_PKG_VERSION").to_owned(), protocol: PROTOCOL };
        Hello { greeting, loading, model }
    }

    /// The model's file is loaded up to `fraction`.
    pub(super) fn set_loading(&self, fraction: f32) {
        self.loading.store((fraction * LOADED as f32) as u32, Ordering::Relaxed);
    }

    /// Tells one model from another: what prompts and counts depend on.
    pub(super) fn stamp(&self, info: &ModelInfo) -> String {
        let told = json!([
            info.name,
            info.architecture,
            info.layers,
            info.vocab_tokens,
            info.model_bytes,
            info.chat_template,
            info.patch_stamp,
            self.model_id(),
        ]);
        TextHash::of(&told.to_string()).to_string()
    }

    /// The one model, with what a client may want to know: as OpenAI has it, as llama-server has it in `meta`, and ours.
    pub(super) fn models(&self) -> Result<Value, ApiError> {
        let loaded = self.model()?;
        let info = &loaded.info;
        let created = self.began.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let presets: Vec<Value> = self
            .defaults
            .reading
            .presets
            .iter()
            .map(|preset| json!({ "name": preset.name, "summary": preset.summary }))
            .collect();
        let model = json!({
            "id": &*self.model_id(),
            "object": "model",
            "created": created,
            "owned_by": "lunette",
            "meta": {
                "n_vocab": info.vocab_tokens, "n_ctx_train": info.train_context_tokens, "n_layer": info.layers.count(),
                "size": info.model_bytes,
            },
            "lunette": {
                "version": env!("CARGO_PKG_VERSION"), "title": info.title(), "devices": info.devices,
                "preset": self.defaults.reading.preset, "presets": presets, "documents": self.documents.names(),
            },
        });
        Ok(json!({ "object": "list", "data": [model] }))
    }
}
