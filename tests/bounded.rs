//! Bounded memory in llama.cpp itself, with a toy of random weights: `stream` and its like read any length in a cache of one size, and answer as
//! with a whole cache. `bounded_memory.rs` watches the memory.

#![allow(unsafe_code, reason = "the system's clock of processor time")]
#![allow(clippy::print_stdout, reason = "figures for those who run it by hand")]

#[path = "support/bounded.rs"]
mod bounded;
#[path = "support/desk.rs"]
mod desk;
#[path = "support/gguf.rs"]
mod gguf;
#[path = "support/models.rs"]
mod models;
#[path = "../benches/support/processor_time.rs"]
mod processor_time;
#[path = "support/toys.rs"]
mod toys;

use std::path::{Path, PathBuf};

use bounded::{BOUNDED, CELLS, Shelf, text};
use desk::{Desk, config, prompt};
use lunette::engine::config::*;
use lunette::engine::message::*;
use lunette::swaa::{Presets, RecipeSpec, WindowSpec};

/// The same, with every token kept.
fn keeping_everything(mut config: EngineConfig) -> EngineConfig {
    config.settings.own_windows = OwnWindows::Whole;
    config
}

/// The toy turns a small difference into another answer, since it draws from scores that mean nothing.
#[test]
fn answers_are_those_of_a_cache_that_keeps_everything_for_every_cache_type() {
    let shelf = Shelf::new();
    let kinds = [(KvDtype::F16, true), (KvDtype::Q8_0, true), (KvDtype::F32, false)];
    for (kv_dtype, flash_attention) in kinds {
        let mut config = shelf.config(8, 1 << 15);
        config.settings.kv_dtype = kv_dtype;
        config.settings.flash_attention = flash_attention;
        for tokens in [200, 1_270, 6_000] {
            let asked = |config: EngineConfig| {
                let mut desk = Desk::start(config);
                let document = text(tokens);
                let first = desk.ask_drawn(&prompt(&document, &["Who is she?"]), &BOUNDED);
                let turns = ["Who is she?", &first.text, "And he?"];
                let second = desk.ask_drawn(&prompt(&document, &turns), &BOUNDED);
                let again = desk.ask_drawn(&prompt(&document, &["Who is he?"]), &BOUNDED);
                (desk, [first, second, again])
            };
            let (desk, answers) = asked(config.clone());
            let (_, whole) = asked(keeping_everything(config.clone()));
            for (answer, whole) in answers.iter().zip(&whole) {
                assert_eq!(answer.text, whole.text, "{kv_dtype:?}, {tokens} tokens");
                assert_eq!(answer.figures.tokens.prefilled, whole.figures.tokens.prefilled, "{kv_dtype:?}, {tokens}");
                assert_eq!(answer.figures.context_tokens, CELLS);
                assert_eq!(answer.figures.memory.kv_bytes, desk.model.cache.bytes(CELLS), "as predicted");
            }
        }
    }
}

/// The probabilities of the tokens of an answer behind `document`.
fn weights(config: EngineConfig, document: &str, recipe: &RecipeSpec) -> Vec<f64> {
    weighed(config, document, "Who is she?", "She is the heroine of another story.", recipe)
}

/// The same, of an answer to a question.
fn weighed(config: EngineConfig, document: &str, question: &str, answer: &str, recipe: &RecipeSpec) -> Vec<f64> {
    let mut desk = Desk::start(config);
    let question = Question {
        job: desk.job(),
        prompt: prompt(document, &[question]),
        rereading: None,
        recipe: recipe.clone(),
        sampling: Sampling::GREEDY,
        drafting: Drafting::Off,
        limits: Limits::default(),
        markup: Box::default(),
        schema: None,
        cancel: CancelToken::default(),
    };
    let command = Command::Weigh { question, answer: answer.into() };
    desk.engine.commands.send(command).expect("the engine listens");
    loop {
        match desk.engine.events.blocking_recv().expect("an answer is weighed") {
            Event::Weighed { tokens, .. } => {
                return tokens.iter().map(|token| token.weight.log_probability).collect();
            }
            Event::Failed { failure, .. } => panic!("it is weighed, got {failure:?}"),
            _ => {}
        }
    }
}

/// The largest difference between two lists of the same length.
fn difference(one: &[f64], other: &[f64]) -> f64 {
    assert!(one.len() == other.len() && one.len() > 20, "{one:?} and {other:?}");
    one.iter().zip(other).map(|(one, other)| (one - other).abs()).fold(0.0, f64::max)
}

/// In a model of one layer, what is cached of a token depends on the token and its position alone. So a cache whose positions were moved must be
/// what a new one is that reads sinks and window at the positions to which they were moved.
///
/// Trained for 1,500, it moves positions before token 1,372. The window of this token begins with 1,073, in the fifth block of 256; three blocks are
/// dropped then, since the sinks have one for themselves.
#[test]
fn moved_positions_are_those_of_a_text_without_what_was_dropped() {
    let shelf = Shelf::new();
    let document = text(1_572);
    let rest = format!("{}{}", &document[..4], &document[4 + 3 * 256..]);
    for kv_dtype in [KvDtype::F32, KvDtype::F16] {
        let config = |trained: u32| {
            let mut config = shelf.config(1, trained);
            config.settings.kv_dtype = kv_dtype;
            config
        };
        let moved = weights(config(1_500), &document, &BOUNDED);
        let read_there = weights(keeping_everything(config(1 << 15)), &rest, &BOUNDED);
        let not_moved = weights(keeping_everything(config(1 << 15)), &document, &BOUNDED);
        let (same, other) = (difference(&moved, &read_there), difference(&moved, &not_moved));
        // A key that is rotated twice is rounded twice.
        let most = if kv_dtype == KvDtype::F32 { 1e-4 } else { 2e-3 };
        assert!(same < most, "{kv_dtype:?}: {same} from the text without it");
        assert!(other > 5.0 * same, "{kv_dtype:?}: {other} from the whole text, so the test can tell them apart");
    }
}

/// llama.cpp rotates quantised keys only in heads of a multiple of 64 numbers, and the toy's have 32.
#[test]
fn a_model_whose_keys_cannot_be_moved_reads_up_to_its_context_and_says_so() {
    let shelf = Shelf::new();
    let mut config = shelf.config(1, 1_500);
    config.settings.kv_dtype = KvDtype::Q8_0;
    let mut desk = Desk::start(config);
    let failure = desk.refusal(&prompt(&text(3_000), &[]), &BOUNDED);
    assert_eq!(failure.message, "this model can't read on beyond its context: its cached keys can't be moved");
    assert_eq!(failure.hint.as_deref(), Some("keep them in half precision (-ctk f16 -ctv f16)"));
    let answer = desk.ask(&prompt(&text(1_000), &["Who is she?"]), &BOUNDED);
    assert_eq!(answer.figures.tokens.cached, 0, "what could not be moved is gone, and the engine goes on");
}

/// With a real model, of which greedy answers are the same too.
#[test]
#[ignore = "needs SmolLM2-135M"]
fn a_real_model_answers_as_with_a_cache_that_keeps_everything() {
    let recipe = RecipeSpec { window: WindowSpec::Tokens(1024), sinks: 100, ..BOUNDED };
    let document = std::fs::read_to_string("assets/pride-and-prejudice.txt").expect("it is in the repository");
    let document = &document[..document.floor_char_boundary(20_000)];
    for kv_dtype in [KvDtype::F16, KvDtype::Q8_0] {
        let mut config = config(models::model("smollm2-135m"));
        config.settings.kv_dtype = kv_dtype;
        config.settings.threads = Some(2);
        let asked = |config: EngineConfig| {
            let mut desk = Desk::start(config);
            let first = desk.ask(&prompt(document, &["Who is she?"]), &recipe);
            let second = desk.ask(&prompt(document, &["Who is she?", &first.text, "And he?"]), &recipe);
            let figures = (first.figures.tokens.prompt, first.figures.context_tokens);
            println!("{kv_dtype:?}: {figures:?}, {} · {}", first.text, second.text);
            (figures, [first.text, second.text])
        };
        let ((tokens, bounded_context), answers) = asked(config.clone());
        let ((_, context), whole) = asked(keeping_everything(config));
        assert_eq!(answers, whole, "{kv_dtype:?}");
        assert!(bounded_context < tokens && tokens < context, "{bounded_context} < {tokens} < {context}");
    }
}

/// A copy of `model`, a Llama, whose file says that it was trained for `trained` tokens.
fn trained_for(model: &Path, trained: u32, copy: &Path) {
    const KEY: &[u8] = b"llama.context_length";
    let mut bytes = std::fs::read(model).expect("the model is there");
    let key = bytes.windows(KEY.len()).position(|window| window == KEY).expect("it is a Llama");
    // Its type, then its value.
    let value = key + KEY.len() + 4;
    bytes[value..value + 4].copy_from_slice(&trained.to_le_bytes());
    std::fs::write(copy, bytes).expect("the temporary folder takes a small model");
}

/// Moved positions change what a real model makes of a text: keys are rounded twice, and the sinks seem nearer. How much is told by how probable it
/// finds the book's own next words, in nats per token. Trained for 2,048 by its file, it moves positions about every 600 tokens.
#[test]
#[ignore = "needs SmolLM2-135M; minutes"]
fn moved_positions_cost_a_real_model_next_to_nothing() {
    let recipe = RecipeSpec { window: WindowSpec::Tokens(1024), sinks: 100, ..BOUNDED };
    let book = std::fs::read_to_string("assets/pride-and-prejudice.txt").expect("it is in the repository");
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("short.gguf");
    trained_for(&models::model("smollm2-135m"), 2_048, &copy);
    let config = |model: PathBuf| {
        let mut config = config(model);
        config.settings.threads = Some(2);
        config
    };
    let (mut moved, mut whole) = (Vec::new(), Vec::new());
    for at in [12_000, 16_000, 20_000] {
        let (document, rest) = book.split_at(book.floor_char_boundary(at));
        let next = &rest[..rest.floor_char_boundary(900)];
        let read = |config| weighed(config, document, "Go on.", next, &recipe);
        moved.extend(read(config(copy.clone())));
        whole.extend(read(keeping_everything(config(models::model("smollm2-135m")))));
    }
    let nats = |weights: &[f64]| -weights.iter().sum::<f64>() / weights.len() as f64;
    println!("{} tokens: {:.4} nats per token moved, {:.4} not moved", moved.len(), nats(&moved), nats(&whole));
    assert!(difference(&moved, &whole) > 1e-4, "positions were moved");
    assert!((nats(&moved) - nats(&whole)).abs() < 0.05, "{} and {}", nats(&moved), nats(&whole));
}

/// What dropping costs: processor seconds of the same tokens at the same depth under `stream`, with and without.
#[test]
#[ignore = "needs SmolLM2-135M; minutes"]
fn dropping_costs_next_to_nothing() {
    let document = std::fs::read_to_string("assets/pride-and-prejudice.txt").expect("it is in the repository");
    let document = &document[..document.floor_char_boundary(32_000)];
    let presets = Presets::built_in();
    let stream = presets.get("stream").ok().and_then(|preset| preset.recipe.as_ref()).expect("it is built in");
    let mut config = config(models::model("smollm2-135m"));
    (config.settings.n_batch, config.settings.n_ubatch, config.settings.threads) = (Some(512), Some(512), Some(2));
    let seconds_behind_the_window = |config: EngineConfig| {
        let mut desk = Desk::start(config);
        let (job, prompt) = (desk.job(), prompt(document, &[]));
        let command = Command::Prefill { job, prompt, recipe: stream.clone(), cancel: CancelToken::default() };
        desk.engine.commands.send(command).expect("the engine listens");
        let mut marks = Vec::new();
        loop {
            match desk.engine.events.blocking_recv().expect("a reading ends") {
                Event::Prefilling { progress, .. } if (5_120..=7_168).contains(&progress.done_tokens) => {
                    marks.push((progress.done_tokens, processor_time::cpu_seconds()));
                }
                Event::Prefilled { .. } => break,
                Event::Failed { failure, .. } => panic!("it is read, got {failure:?}"),
                _ => {}
            }
        }
        let ((first, begun), (last, ended)) = (marks[0], marks[marks.len() - 1]);
        assert_eq!((first, last), (5_120, 7_168));
        ended - begun
    };
    let (mut bounded, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        bounded.push(seconds_behind_the_window(config.clone()));
        whole.push(seconds_behind_the_window(keeping_everything(config.clone())));
    }
    let least = |seconds: &[f64]| seconds.iter().copied().fold(f64::INFINITY, f64::min);
    let ratio = least(&bounded) / least(&whole);
    println!("tokens 5,120 to 7,168: {bounded:.2?} s with dropping, {whole:.2?} s without, {ratio:.3} times");
    assert!(ratio < 1.1, "{ratio}");
}
