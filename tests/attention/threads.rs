//! What does not depend on the number of threads: the logits, and that a reading ends.

use std::sync::mpsc::channel;
use std::time::Duration;

use lunette::swaa::Attention;

use super::support::comparing::{IN_F16, IN_F32, LLAMA, QWEN2, QWEN3, sliding, tokens};
use super::support::llama::{Context, Model, Options, Q8_0};
use super::support::random_model::{RandomModel, Shape};

/// From here on, llama.cpp splits the keys of a single token.
const SPLIT_KEYS: u32 = 512;

/// Reads more tokens than that in calls of 64, then some in calls of five and some one by one. Returns the logits' bits.
fn read_with(model: &Model, options: Options, attention: &Attention, threads: i32) -> Vec<u32> {
    let mut context = Context::new(model, Options { context_tokens: 2048, ..options });
    context.set_threads(threads);
    context.attend(attention).expect("the model can slide");
    let text = tokens(0, SPLIT_KEYS + 400, 0);
    let (prompt, answer) = text.split_at(text.len() - 24);
    let (drafts, answer) = answer.split_at(15);
    let calls = prompt.chunks(64).chain(drafts.chunks(5)).chain(answer.chunks(1));
    let logits = calls.flat_map(|call| context.read(call)).flatten();
    logits.map(f32::to_bits).collect()
}

#[test]
fn logits_are_the_same_with_any_number_of_threads() {
    let usual = [(IN_F16, Attention::Full), (IN_F16, sliding(300, 40))];
    let others = [IN_F32, Options { flash_attention: true, ..IN_F32 }, Options { kv_dtype: Q8_0, ..IN_F16 }];
    let all = [&usual[..], &others.map(|options| (options, Attention::Full))].concat();
    for (shape, cases) in [(LLAMA, &all[..]), (QWEN2, &usual[..1]), (QWEN3, &usual[..1])] {
        let model = Model::load(&RandomModel::new(shape, 5));
        for (options, attention) in cases.iter().cloned() {
            let alone = read_with(&model, options, &attention, 1);
            for threads in [2, 3] {
                let together = read_with(&model, options, &attention, threads);
                assert!(alone == together, "{:?} {options:?} {attention:?}: {threads} threads", shape.family);
            }
        }
    }
}

/// Several times as many threads as any machine's cores that runs tests.
const READERS: u64 = 6;
const THREADS: i32 = 8;
/// Sleeping threads end in seconds on 2 cores; one that nobody wakes never does.
const PATIENCE: Duration = Duration::from_mins(5);

#[test]
fn a_reading_ends_with_far_more_threads_than_cores() {
    let shape = Shape { layers: 4, ..LLAMA };
    let (done, readings) = channel();
    for seed in 0..READERS {
        let done = done.clone();
        std::thread::spawn(move || {
            let model = Model::load(&RandomModel::new(shape, seed));
            let [alone, together] = [1, THREADS].map(|threads| read_with(&model, IN_F16, &Attention::Full, threads));
            // Nobody listens any more if another reader was too slow.
            let _ = done.send((seed, alone == together));
        });
    }
    for _ in 0..READERS {
        let (seed, same) = readings.recv_timeout(PATIENCE).expect("no thread waits at a barrier that all have reached");
        assert!(same, "reader {seed}");
    }
}
