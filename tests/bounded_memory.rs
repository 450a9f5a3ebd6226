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

/// Resident memory of a reading, in kB.
struct Watched {
    /// After each call from the one on that filled the cache.
    reading: Vec<f64>,
    /// When it has ended: a copy of the cache is kept for another first question.
    at_the_end: f64,
    kv_bytes: u64,
}

/// Reads, and watches memory.
fn watched(desk: &mut Desk, document: &str, recipe: &RecipeSpec) -> Watched {
    let job = desk.job();
    let prompt = prompt(document, &[]);
    let command = Command::Prefill { job, prompt, recipe: recipe.clone(), cancel: CancelToken::default() };
    desk.engine.commands.send(command).expect("the engine listens");
    let mut reading = Vec::new();
    loop {
        match desk.engine.events.blocking_recv().expect("a reading ends") {
            Event::Prefilling { progress, .. }
                if (10_001..document.len()).contains(&(progress.done_tokens as usize)) =>
            {
                reading.push(resident_kb());
                if reading.len() % 100 == 1 {
                    println!("{} tokens, {:.0} kB", progress.done_tokens, resident_kb());
                }
            }
            Event::Prefilled { figures, .. } => {
                println!("{:?}", figures.timings);
                assert_eq!(figures.tokens.prefilled as usize, document.len());
                assert_eq!(figures.memory.kv_bytes, desk.model.cache.bytes(figures.context_tokens));
                return Watched { reading, at_the_end: resident_kb(), kv_bytes: figures.memory.kv_bytes };
            }
            Event::Failed { failure, .. } => panic!("it is read, got {failure:?}"),
            _ => {}
        }
    }
}

impl Watched {
    /// While it reads, memory grows by a number for each token, the list of what was read, and by less than 5% beside it. What the end adds is one copy
    /// of the cache and of that list, and the program's own.
    fn check(&self, tokens: usize) {
        let (first, last) = (self.reading[0], self.reading[self.reading.len() - 1]);
        let most = self.reading.iter().copied().fold(0.0, f64::max);
        let list_kb = 4.0 * tokens as f64 / 1024.0;
        let growth = (most - first - list_kb) / first;
        let (added_kb, most_added_kb) = (self.at_the_end - last, self.kv_bytes as f64 / 1024.0 + 2.0 * list_kb);
        println!(
            "after the first 10,000 tokens, {first:.0} kB grew by {:.0} kB; the list of tokens takes {list_kb:.0}",
            most - first
        );
        println!("the end added {added_kb:.0} kB, and may add {most_added_kb:.0}");
        assert!(growth < 0.05, "{first:.0} kB grew to {most:.0}");
        assert!(added_kb < most_added_kb, "{added_kb:.0} kB at the end");
    }
}

/// The whole cache would take 123 MB.
#[test]
fn sixty_thousand_tokens_take_the_memory_of_the_first_window() {
    let shelf = Shelf::new();
    let mut desk = Desk::start(shelf.config(8, 4_096));
    let watched = watched(&mut desk, &text(60_000), &BOUNDED);
    assert!(watched.reading.len() > 300, "{} calls", watched.reading.len());
    watched.check(60_000);
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
    watched(&mut Desk::start(config), &text(1_000_000), stream).check(1_000_000);
}
