//! How llama.cpp's logits are held against the reference's: models, readings, and how far apart is too far.

use lunette::swaa::{Attention, LayerSet};

use super::llama::{Context, F16, F32, Model, Options};
use super::random_model::{Family, Random, Shape};
use super::reference::Token;

/// Tolerance where both sides compute in f32; 0.00005 is what was met.
pub(crate) const EXACT: f32 = 5e-4;
/// Tolerance where keys and values are kept in half precision; 0.010 is what was met, 0.19 a mask that is off by one key.
pub(crate) const HALF: f32 = 2e-2;
/// Tolerance where they are kept in blocks of 8-bit numbers; 0.043 is what was met.
pub(crate) const QUANTISED: f32 = 1e-1;

/// Three query heads to a key head, 64 wide.
pub(crate) const LLAMA: Shape = Shape {
    family: Family::Llama,
    layers: 2,
    heads: 3,
    kv_heads: 1,
    head_dim: 64,
    embedding: 64,
    feed_forward: 64,
    vocab: 61,
};
/// One query head to a key head, 64 wide.
pub(crate) const QWEN2: Shape = Shape { family: Family::Qwen2, heads: 2, kv_heads: 2, embedding: 128, ..LLAMA };
/// Seven query heads to a key head, 128 wide.
pub(crate) const QWEN3: Shape = Shape { family: Family::Qwen3, layers: 4, heads: 7, head_dim: 128, ..LLAMA };

/// A hybrid: of four layers, the second and the fourth attend, two query heads to two key heads, 64 wide.
pub(crate) const LFM2: Shape = Shape { family: Family::Lfm2, layers: 4, ..QWEN2 };

pub(crate) const SHAPES: [Shape; 3] = [LLAMA, QWEN2, QWEN3];

/// Everything in f32: the sharpest comparison.
pub(crate) const IN_F32: Options =
    Options { context_tokens: 1024, ubatch: 64, flash_attention: false, kv_dtype: F32, sequences: 1, unified: true };
/// As Lunette runs.
pub(crate) const IN_F16: Options = Options { flash_attention: true, kv_dtype: F16, ..IN_F32 };

pub(crate) fn sliding(window: u32, sinks: u32) -> Attention {
    sliding_but(window, sinks, &[])
}

pub(crate) fn sliding_but(window: u32, sinks: u32, full_layers: &[u32]) -> Attention {
    Attention::Sliding { window, sinks, far: 0, full_layers: full_layers.iter().copied().collect::<LayerSet>() }
}

/// Sliding with far keys, one in `far`.
pub(crate) fn sliding_far(window: u32, sinks: u32, far: u32) -> Attention {
    Attention::Sliding { window, sinks, far, full_layers: LayerSet::default() }
}

/// `count` tokens of a sequence from position `first` on. The same position has the same token in every call.
pub(crate) fn tokens(first: u32, count: u32, sequence: u32) -> Vec<Token> {
    let ids = Random(u64::from(sequence) + 7).tokens((first + count) as usize, LLAMA.vocab);
    (first..first + count).map(|position| Token { id: ids[position as usize], position, sequence }).collect()
}

/// How far two lists of logits are apart: the root mean square of the difference in parts of that of the logits, at the token
/// where it is greatest. One token that sees a wrong key counts as much as if all did.
pub(crate) fn distance(ours: &[Vec<f32>], theirs: &[Vec<f32>]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let squares = |numbers: &mut dyn Iterator<Item = f32>| numbers.map(|number| number * number).sum::<f32>();
    let of_token = |(our, their): (&Vec<f32>, &Vec<f32>)| {
        let apart = squares(&mut our.iter().zip(their).map(|(our, their)| our - their));
        (apart / squares(&mut their.iter().copied())).sqrt()
    };
    ours.iter().zip(theirs).map(of_token).fold(0.0, f32::max)
}

/// Reads `tokens` in calls of `call` tokens under one attention.
pub(crate) fn read(context: &mut Context, tokens: &[Token], call: usize, attention: &Attention) -> Vec<Vec<f32>> {
    context.attend(attention).expect("the model can slide");
    tokens.chunks(call).flat_map(|part| context.read(part)).collect()
}

/// What llama.cpp computes in a fresh context, in calls of `call` tokens.
pub(crate) fn read_afresh(
    model: &Model,
    options: Options,
    tokens: &[Token],
    call: usize,
    attention: &Attention,
) -> Vec<Vec<f32>> {
    read(&mut Context::new(model, options), tokens, call, attention)
}

#[track_caller]
pub(crate) fn assert_near(ours: &[Vec<f32>], theirs: &[Vec<f32>], tolerance: f32, what: &str) {
    let distance = distance(ours, theirs);
    assert!(distance <= tolerance, "{what}: logits differ by {distance}, allowed are {tolerance}");
}

#[track_caller]
pub(crate) fn assert_same(ours: &[Vec<f32>], theirs: &[Vec<f32>], what: &str) {
    assert!(ours == theirs, "{what}: logits differ by {}, allowed is nothing", distance(ours, theirs));
}
