//! The engine with an adapter on a toy: it does what it says, its readings are readings of their own, and what does not fit is refused
//! in words.

#[path = "support/desk.rs"]
mod desk;
#[path = "support/gguf.rs"]
mod gguf;
#[path = "support/toys.rs"]
mod toys;

use std::path::PathBuf;

use desk::{Desk, book, config, prompt};
use gguf::{Gguf, Numbers, Tensor, Value};
use lunette::engine::config::{AdapterFile, DiskCacheSettings, EngineConfig, Keeps};
use lunette::engine::message::{CancelToken, Event, Failure};
use lunette::engine::{Survey, spawn};
use lunette::swaa::{Adapter, RecipeSpec};
use toys::Toy;

const RANK: usize = 4;
/// Of the toys' last matrix of a feed-forward layer.
const COLUMNS: usize = 128;
const ROWS: usize = 64;
const CHANGED: [&str; 2] = ["blk.0.ffn_down.weight", "blk.3.ffn_down.weight"];
const QUESTION: &str = "Who is she?";

/// A folder with models and adapters, which is gone with it.
struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room for a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A toy's configuration with these adapters loaded.
    fn config(&self, toy: Toy, adapters: &[&str]) -> EngineConfig {
        let model = self.path(toy.architecture());
        toy.write_to(&model);
        let mut config = config(model);
        config.settings.adapters =
            adapters.iter().map(|name| AdapterFile { path: self.path(name), is_required: true }).collect();
        config
    }

    /// Writes an adapter for these matrices of a model of this architecture.
    fn adapter(&self, name: &str, architecture: &str, matrices: &[&str]) {
        let text = |key: &str, value: &str| (key.to_owned(), Value::Text(value.to_owned()));
        let keys = vec![
            text("general.architecture", architecture),
            text("general.type", "adapter"),
            text("adapter.type", "lora"),
            ("adapter.lora.alpha".to_owned(), Value::F32(RANK as f32)),
        ];
        let tensors = matrices.iter().flat_map(|matrix| {
            let (a, b) = (factor(COLUMNS, RANK), factor(RANK, ROWS));
            [(format!("{matrix}.lora_a"), a), (format!("{matrix}.lora_b"), b)]
        });
        let file = Gguf { numbers: Numbers::F32, keys, tensors: tensors.collect() };
        file.write_to(&self.path(name)).expect("the temporary folder takes a small file");
    }

    fn recipe(&self, adapters: &[&str]) -> RecipeSpec {
        let named =
            |written: &&str| -> Adapter { self.path(written).to_string_lossy().parse().expect("a file with a scale") };
        RecipeSpec { adapters: adapters.iter().map(named).collect(), ..RecipeSpec::FULL }
    }
}

/// Numbers of up to 0.5 that differ.
fn factor(columns: usize, rows: usize) -> Tensor {
    let data = (0..columns * rows).map(|at| ((at * 37 + rows) % 41) as f32 / 41.0 - 0.5).collect();
    Tensor { columns, rows, slices: 1, data }
}

/// The toy with `scale` times the adapter's product added to its matrices.
fn merged(toy: Toy, scale: f32) -> Gguf {
    let mut gguf = toy.gguf();
    let (a, b) = (factor(COLUMNS, RANK), factor(RANK, ROWS));
    for (_, matrix) in gguf.tensors.iter_mut().filter(|(name, _)| CHANGED.contains(&name.as_str())) {
        for (at, weight) in matrix.data.iter_mut().enumerate() {
            let (row, column) = (at / COLUMNS, at % COLUMNS);
            let product: f32 = (0..RANK).map(|rank| b.data[row * RANK + rank] * a.data[rank * COLUMNS + column]).sum();
            *weight += scale * product;
        }
    }
    gguf
}

fn load_failure(config: EngineConfig) -> Failure {
    let mut engine = spawn(config);
    loop {
        match engine.events.blocking_recv().expect("the engine says how loading went") {
            Event::LoadFailed(failure) => return failure,
            Event::Loading { .. } => {}
            other => panic!("the adapter is refused, got {other:?}"),
        }
    }
}

#[test]
fn an_adapter_does_to_a_model_what_it_says() {
    let scene = Scene::new();
    scene.adapter("a", "llama", &CHANGED);
    let asked = prompt(&book(), &[QUESTION]);
    let mut desk = Desk::start(scene.config(Toy::Plain, &["a"]));
    let mut said = |adapters: &[&str]| desk.ask_drawn(&asked, &scene.recipe(adapters)).text;
    let (none, half, whole) = (said(&[]), said(&["a:0.5"]), said(&["a"]));
    assert!(none != half && half != whole && none != whole, "{none:?} {half:?} {whole:?}");
    for (scale, expected) in [(0.5, half), (1.0, whole)] {
        let model = scene.path("merged");
        merged(Toy::Plain, scale).write_to(&model).expect("the temporary folder takes a small file");
        let text = Desk::start(config(model)).ask_drawn(&asked, &RecipeSpec::FULL).text;
        assert_eq!(text, expected, "a model that has {scale} of it in its weights says the same");
    }
}

#[test]
fn none_of_an_adapter_is_the_model_itself() {
    let scene = Scene::new();
    for toy in [Toy::Plain, Toy::DeltaNet, Toy::Gemma] {
        scene.adapter("a", toy.architecture(), &CHANGED);
        let mut desk = Desk::start(scene.config(toy, &["a"]));
        let asked = prompt(&book(), &[QUESTION]);
        let plain = desk.ask_drawn(&asked, &RecipeSpec::FULL);
        let none = desk.ask_drawn(&asked, &scene.recipe(&["a:0"]));
        assert_eq!(none.text, plain.text, "{toy:?}");
        assert!(none.figures.tokens.cached >= 1140, "{toy:?}: its reading is the model's own");
        let without = Desk::start(scene.config(toy, &[])).ask_drawn(&asked, &RecipeSpec::FULL);
        assert_eq!(plain.text, without.text, "{toy:?}: an adapter that is only loaded changes nothing");
    }
}

#[test]
fn readings_with_and_without_are_kept_apart_in_memory() {
    let scene = Scene::new();
    for toy in [Toy::Plain, Toy::DeltaNet, Toy::Gemma] {
        scene.adapter("a", toy.architecture(), &CHANGED);
        let document = prompt(&book(), &[]);
        let mut desk = Desk::start(scene.config(toy, &["a"]));
        let mut read =
            |adapters: &[&str]| desk.read(&document, &scene.recipe(adapters), &CancelToken::default()).tokens.prefilled;
        let counts = [read(&[]), read(&["a"]), read(&["a:0.5"]), read(&[]), read(&["a"]), read(&["a:0.5"])];
        assert_eq!(counts, [1140, 1140, 1140, 0, 0, 0], "{toy:?}: each is read once, and comes back from a snapshot");
        let asked = prompt(&book(), &[QUESTION]);
        let after = desk.ask_drawn(&asked, &scene.recipe(&["a"])).text;
        let alone = Desk::start(scene.config(toy, &["a"])).ask_drawn(&asked, &scene.recipe(&["a"])).text;
        assert_eq!(after, alone, "{toy:?}");
    }
}

#[test]
fn readings_with_and_without_are_kept_apart_on_disk() {
    let scene = Scene::new();
    scene.adapter("a", "llama", &CHANGED);
    let document = prompt(&book(), &[]);
    let start = || {
        let mut config = scene.config(Toy::Plain, &["a"]);
        config.settings.disk_cache =
            Some(DiskCacheSettings { folder: scene.path("kv"), most_bytes: None, keeps: Keeps::Documents });
        Desk::start(config)
    };
    let from_disk = |adapters: &[&str]| {
        let mut desk = start();
        let figures = desk.read(&document, &scene.recipe(adapters), &CancelToken::default());
        desk.end();
        figures.tokens.from_disk
    };
    let came = [from_disk(&["a"]), from_disk(&[]), from_disk(&["a:0.5"]), from_disk(&["a"]), from_disk(&[])];
    assert_eq!(came[..3], [0, 0, 0], "what was read with an adapter is of no use without, or with half of it");
    assert!(came[3] >= 1024 && came[4] >= 1024, "{came:?}");
}

#[test]
fn what_is_no_adapter_of_this_model_is_refused_with_a_reason() {
    let scene = Scene::new();
    scene.adapter("other", "qwen2", &CHANGED);
    scene.adapter("names", "llama", &["blk.99.ffn_down.weight"]);
    scene.adapter("shape", "llama", &["blk.0.attn_q.weight"]);
    Toy::Plain.write_to(&scene.path("model"));
    std::fs::write(scene.path("text"), "not a GGUF file").expect("written");
    let reasons = [
        ("other", "its general.architecture is qwen2, not llama"),
        ("names", "LoRA tensor 'blk.99.ffn_down.weight' does not exist in base model"),
        ("shape", "tensor 'blk.0.attn_q.weight' has incorrect shape"),
        ("model", "its general.type is nothing, not adapter"),
        ("text", "GGUF"),
        ("nowhere", "No such file"),
    ];
    for (name, reason) in reasons {
        let failure = load_failure(scene.config(Toy::Plain, &[name]));
        let beginning = format!("the adapter {} can't be used: ", scene.path(name).display());
        assert!(failure.message.starts_with(&beginning), "{name}: {}", failure.message);
        assert!(failure.message.contains(reason), "{name}: {}", failure.message);
    }
    let mut config = scene.config(Toy::Plain, &["other"]);
    config.settings.adapters[0].is_required = false;
    let mut desk = Desk::start(config);
    assert!(
        !desk.ask(&prompt(&book(), &[QUESTION]), &RecipeSpec::FULL).text.is_empty(),
        "it belongs to another preset"
    );
    let told = desk.refusal(&prompt(&book(), &[QUESTION]), &scene.recipe(&["other"]));
    assert!(told.message.contains("its general.architecture is qwen2, not llama"), "{}", told.message);
    let told = Survey::of(&scene.config(Toy::Plain, &["other"])).err().expect("a plan tells it, too");
    assert!(told.message.contains("qwen2"), "{}", told.message);
}
