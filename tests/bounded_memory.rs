//! How much memory a long reading takes under a recipe that is bounded everywhere. Alone in its process, so that nothing else is counted.
//!
//! `a_million_tokens_take_the_memory_of_the_first_window` is run by hand (CONTRIBUTING.md).

#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "figures for those who run it by hand")]

#[path = "support/bounded.rs"]
mod bounded;
#[path = "support/desk.rs"]
mod desk;
#[path = "support/gguf.rs"]
mod gguf;
#[path = "support/toys.rs"]
mod toys;

use bounded::{BOUNDED, Shelf, text};
use desk::{Desk, prompt};
use lunette::engine::message::*;
use lunette::swaa::{Presets, RecipeSpec};

/// How much memory this process has now.
fn resident_kb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Reads, and returns the resident memory after each call once the cache is full.
fn watched(desk: &mut Desk, document: &str, recipe: &RecipeSpec) -> Vec<f64> {
    let job = desk.job();
    let prompt = prompt(document, &[]);
    let command = Command::Prefill { job, prompt, recipe: recipe.clone(), cancel: CancelToken::default() };
    desk.engine.commands.send(command).expect("the engine listens");
    let mut resident = Vec::new();
    loop {
        match desk.engine.events.blocking_recv().expect("a reading ends") {
            Event::Prefilling { progress, .. } if progress.done_tokens > 10_000 => {
                resident.push(resident_kb());
                if resident.len().is_multiple_of(100) {
                    println!("{} tokens, {:.0} kB", progress.done_tokens, resident_kb());
                }
            }
            Event::Prefilled { figures, .. } => {
                println!("{:?}", figures.timings);
                assert_eq!(figures.tokens.prefilled as usize, document.len());
                assert_eq!(figures.memory.kv_bytes, desk.model.cache.bytes(figures.context_tokens));
                return resident;
            }
            Event::Failed { failure, .. } => panic!("it is read, got {failure:?}"),
            _ => {}
        }
    }
}

/// By how much memory grew, as a share of what there was when the cache was full.
fn growth(resident: &[f64]) -> f64 {
    let most = resident.iter().copied().fold(0.0, f64::max);
    most / resident[0] - 1.0
}

/// The whole cache would take 123 MB.
#[test]
fn sixty_thousand_tokens_take_the_memory_of_the_first_window() {
    let shelf = Shelf::new();
    let mut desk = Desk::start(shelf.config(8, 4_096));
    let resident = watched(&mut desk, &text(60_000), &BOUNDED);
    assert!(resident.len() > 300 && growth(&resident) < 0.05, "{resident:?}");
    let answer = desk.ask(&prompt(&text(60_000), &["Who is she?"]), &BOUNDED);
    assert_eq!(answer.figures.tokens.cached, 60_000, "a question goes on from there");
}

/// `stream` as it is, in calls of 512 and with one layer. The whole cache would take 256 MB.
#[test]
#[ignore = "minutes"]
fn a_million_tokens_take_the_memory_of_the_first_window() {
    let shelf = Shelf::new();
    let mut config = shelf.config(1, 32_768);
    config.settings.n_batch = Some(512);
    config.settings.n_ubatch = Some(512);
    config.settings.threads = Some(2);
    let presets = Presets::built_in();
    let stream = presets.get("stream").ok().and_then(|preset| preset.recipe.as_ref()).expect("it is built in");
    let resident = watched(&mut Desk::start(config), &text(1_000_000), stream);
    println!("grew by {:.2}% after the first 10,000 tokens", 100.0 * growth(&resident));
    assert!(growth(&resident) < 0.05);
}
