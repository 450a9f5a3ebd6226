//! What chosen heads attend to while chosen tokens are read, against its definition: a softmax over the first keys alone, added
//! up over those tokens.

#![allow(clippy::cast_possible_wrap, reason = "layers and heads of small models")]

use std::ops::Range;

use crate::support::comparing::{
    HALF, IN_F16, IN_F32, LLAMA, QUANTISED, QWEN2, QWEN3, SHAPES, assert_same, read, sliding, tokens,
};
use crate::support::llama::{Context, F16, Model, Options, Q8_0};
use crate::support::random_model::{RandomModel, Shape};
use crate::support::reference::Reference;
use lunette::swaa::Attention;

/// Of the greatest difference of a head's attention, in parts of its greatest sum.
const NEAR_IN_F32: f32 = 1e-3;

fn all_heads(shape: &Shape) -> Vec<(i32, i32)> {
    (0..shape.layers as i32).flat_map(|layer| (0..shape.heads as i32).map(move |head| (layer, head))).collect()
}

#[track_caller]
fn assert_seen(
    context: &Context,
    reference: &Reference,
    heads: &[(i32, i32)],
    keys: u32,
    rows: u32,
    near: f32,
    what: &str,
) {
    let (seen, told) = context.seen(heads.len(), keys).expect("heads have told");
    assert_eq!(told, rows, "{what}");
    for (ours, &(layer, head)) in seen.iter().zip(heads) {
        let theirs = reference.seen(layer as usize, head as usize);
        let greatest = theirs.iter().copied().fold(0.0, f32::max);
        let apart = ours.iter().zip(theirs).map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f32::max);
        assert!(
            apart <= near * greatest,
            "{what}: layer {layer}, head {head}: {apart} apart, the greatest is {greatest}"
        );
        let sum: f32 = ours.iter().sum();
        assert!((sum - rows as f32).abs() < 0.01 * rows as f32, "{what}: {rows} rows add up to {sum}");
    }
}

/// Reads a document under `reading`, and then a question densely, of which `rows` tell.
fn read_with_lookout(
    weights: &RandomModel,
    options: Options,
    heads: &[(i32, i32)],
    reading: &Attention,
    (keys, end, rows): (u32, u32, Range<u32>),
    near: f32,
) {
    let what = format!("{:?}, {options:?}, {reading}, {heads:?}, {keys} keys, rows {rows:?}", weights.shape.family);
    let mut reference = Reference::new(weights);
    reference.look_out(keys, rows.clone());
    reference.read(&tokens(0, keys, 0), reading);
    reference.read(&tokens(keys, end - keys, 0), &Attention::Full);

    let model = Model::load(weights);
    let mut context = Context::new(&model, options);
    context.choose_heads(heads).expect("the model has them");
    context.look_out(keys, rows.clone());
    read(&mut context, &tokens(0, keys, 0), 100, reading);
    assert_eq!(context.seen(heads.len(), keys), None, "{what}: nothing is told about itself");
    read(&mut context, &tokens(keys, end - keys, 0), 500, &Attention::Full);
    assert_seen(&context, &reference, heads, keys, rows.len() as u32, near, &what);
}

#[test]
fn heads_tell_what_they_attend_to() {
    let some = |shape: &Shape| vec![(0, 0), (shape.layers as i32 - 1, shape.heads as i32 - 1)];
    for shape in SHAPES {
        let weights = RandomModel::new(shape, 4);
        let one = vec![(1, 1)];
        let pair = vec![(0, 0), (0, 1)];
        for heads in [one, pair, some(&shape), all_heads(&shape)] {
            // The rows lie in one ubatch, in several, and are all of a ubatch.
            for place in [(300, 340, 305..330), (300, 470, 310..460), (301, 365, 301..365)] {
                read_with_lookout(&weights, IN_F32, &heads, &Attention::Full, place, NEAR_IN_F32);
            }
        }
    }
}

#[test]
fn they_tell_it_of_a_document_behind_a_window_and_of_every_type_of_cache() {
    let half_without_flash = Options { kv_dtype: F16, ..IN_F32 };
    let quantised = Options { kv_dtype: Q8_0, ..IN_F16 };
    for shape in [LLAMA, QWEN2, QWEN3] {
        let weights = RandomModel::new(shape, 5);
        let heads = all_heads(&shape);
        for (options, near) in [
            (IN_F32, NEAR_IN_F32),
            (IN_F16, 4.0 * HALF),
            (half_without_flash, 4.0 * HALF),
            (quantised, 4.0 * QUANTISED),
        ] {
            read_with_lookout(&weights, options, &heads, &sliding(40, 10), (700, 760, 705..740), near);
            read_with_lookout(&weights, options, &heads[1..2], &sliding(40, 10), (700, 760, 705..740), near);
        }
    }
}

#[test]
fn the_results_stay_the_same_and_a_graph_is_used_again_only_for_the_same_rows() {
    let weights = RandomModel::new(QWEN2, 6);
    let model = Model::load(&weights);
    let text = tokens(0, 400, 0);
    let plain = read(&mut Context::new(&model, IN_F16), &text, 32, &Attention::Full);

    let mut reference = Reference::new(&weights);
    reference.look_out(200, 240..330);
    reference.read(&text, &Attention::Full);
    let mut context = Context::new(&model, IN_F16);
    context.choose_heads(&[(0, 1), (1, 0)]).expect("the model has them");
    context.look_out(200, 240..330);
    let watched = read(&mut context, &text, 32, &Attention::Full);
    assert_same(&watched, &plain, "with and without a lookout");
    assert_seen(
        &context,
        &reference,
        &[(0, 1), (1, 0)],
        200,
        90,
        4.0 * HALF,
        "calls of 32 tokens, rows from 240 to 330",
    );

    context.look_out(0, 0..0);
    assert_eq!(context.seen(2, 200), None, "what was told is forgotten");
}

#[test]
fn heads_that_are_not_there_are_refused_and_keys_out_of_order_tell_nothing() {
    let weights = RandomModel::new(LLAMA, 7);
    let model = Model::load(&weights);
    let mut context = Context::new(&model, IN_F16);
    for wrong in [[(0, 3)], [(2, 0)], [(-1, 0)], [(0, -1)]] {
        assert_eq!(context.choose_heads(&wrong), Err(-2), "{wrong:?}");
    }
    assert_eq!(context.choose_heads(&[(1, 0), (0, 0)]), Err(-2));
    assert_eq!(context.choose_heads(&[(1, 0), (1, 0)]), Err(-2));

    context.choose_heads(&[(0, 0)]).expect("the model has it");
    read(&mut context, &tokens(0, 100, 0), 100, &Attention::Full);
    context.remove(0, 20, 30);
    context.look_out(100, 100..120);
    read(&mut context, &tokens(100, 20, 0), 20, &Attention::Full);
    assert_eq!(context.seen(1, 100), None, "a hole among the keys");
}
