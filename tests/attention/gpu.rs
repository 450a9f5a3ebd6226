//! The patched attention against its definition, on a GPU.
//!
//! The models and the f32 reference of the other tests, read by a model whose layers lie on the device. On Hopper batches of 16 tokens and
//! more attend by position (`ggml-patches`, patch 0007), elsewhere through views and masks: the answers are the same within half
//! precision. `make test-cuda` runs these; without a GPU there is nothing to test, and they fail with that sentence.

use crate::support::comparing::{
    HALF, IN_F16, LLAMA, QUANTISED, QWEN2, QWEN3, SHAPES, assert_near, assert_same, read, read_afresh, sliding,
    sliding_but, sliding_far, tokens,
};
use crate::support::gguf::Numbers;
use crate::support::llama::{Context, F16, Model, Options, Q4_0, Q8_0, gpu};
use crate::support::pair::Pair;
use crate::support::random_model::{RandomModel, Shape};
use crate::support::reference::Reference;
use lunette::swaa::Attention;

/// What else users' models look like: 4 and 8 query heads to a key head, two key heads.
const GROUPS_OF_4: Shape = Shape { heads: 8, kv_heads: 2, ..QWEN3 };
const GROUPS_OF_8: Shape = Shape { layers: 2, heads: 8, ..QWEN3 };
/// Heads of 256, as Qwen3.5 has them: 4 and 8 query heads to a key head (patch 0027).
const WIDE_GROUPS_OF_4: Shape = Shape { layers: 2, heads: 8, kv_heads: 2, head_dim: 256, ..QWEN3 };
const WIDE_GROUPS_OF_8: Shape = Shape { kv_heads: 1, ..WIDE_GROUPS_OF_4 };

const ON_DEVICE: Options = Options { ubatch: 256, context_tokens: 2048, ..IN_F16 };

/// The rounding of keys and values to 4 bits; 0.39 is what was met.
const QUANTISED_TO_4_BITS: f32 = 0.6;

/// Rounding of activations to bf16 before each product; 0.031 is what was met.
const BF16: f32 = 6e-2;

fn shapes() -> Vec<Shape> {
    [&SHAPES[..], &[GROUPS_OF_4, GROUPS_OF_8, WIDE_GROUPS_OF_4, WIDE_GROUPS_OF_8]].concat()
}

/// The device's name.
#[track_caller]
fn device() -> String {
    gpu().expect("there is no GPU here, or this build cannot use it")
}

/// A model on the device.
#[track_caller]
fn load(weights: &RandomModel) -> Model {
    device();
    Model::load_on_gpu(weights)
}

/// Whether the device has what only Hopper gets: attention by position, bf16 between products (patches 0007, 0009 and 0012).
fn is_hopper() -> bool {
    ["H100", "H200", "H800", "GH200"].iter().any(|hopper| device().contains(hopper))
}

#[test]
#[ignore = "needs a GPU"]
fn full_attention_is_computed_as_the_reference_computes_it() {
    for shape in shapes() {
        let weights = RandomModel::new(shape, 1);
        let text = tokens(0, 700, 0);
        let by_hand = Reference::new(&weights).read(&text, &Attention::Full);
        let model = load(&weights);
        for call in [700, 129, 17] {
            let ours = read_afresh(&model, ON_DEVICE, &text, call, &Attention::Full);
            assert_near(&ours, &by_hand, HALF, &format!("{shape:?}, calls of {call}"));
        }
    }
}

/// Windows, sinks, tokens a ubatch, tokens in all; tiles of keys hold 128 (80 of heads of 256), tiles of rows 128 divided by the heads of a
/// group.
const EDGES: [(u32, u32, u32, u32); 24] = [
    (79, 80, 64, 700),
    (79, 81, 64, 700),
    (80, 79, 256, 900),
    (80, 0, 64, 700),
    (81, 160, 128, 900),
    (81, 161, 128, 900),
    (1, 0, 64, 700),
    (1, 1, 64, 700),
    (2, 2, 32, 650),
    (63, 5, 64, 700),
    (64, 5, 64, 700),
    (65, 5, 64, 700),
    (127, 0, 256, 900),
    (128, 100, 256, 900),
    (129, 128, 256, 900),
    (129, 129, 300, 900),
    (20, 19, 32, 650),
    (20, 20, 32, 650),
    (20, 300, 32, 800),
    (129, 0, 64, 130),
    (130, 0, 64, 130),
    (40, 4, 64, 641),
    (256, 0, 64, 833),
    (257, 256, 128, 900),
];

#[test]
#[ignore = "needs a GPU"]
fn every_edge_of_window_sinks_and_ubatch_is_as_defined() {
    for (nth, shape) in shapes().into_iter().enumerate() {
        let weights = RandomModel::new(shape, 2);
        let model = load(&weights);
        for (window, sinks, ubatch, count) in EDGES.into_iter().skip(nth % 2).step_by(if nth == 0 { 1 } else { 2 }) {
            let attention = sliding(window, sinks);
            let text = tokens(0, count, 0);
            let by_hand = Reference::new(&weights).read(&text, &attention);
            let ours = read_afresh(&model, Options { ubatch, ..ON_DEVICE }, &text, count as usize, &attention);
            let what = format!("{shape:?}: window {window}, sinks {sinks}, ubatch {ubatch}, {count} tokens");
            assert_near(&ours, &by_hand, HALF, &what);
        }
    }
}

/// Windows, sinks, strides, tokens a ubatch, tokens in all.
const FAR_EDGES: [(u32, u32, u32, u32, u32); 8] = [
    (40, 10, 16, 64, 900),
    (40, 0, 2, 256, 1400),
    (1, 1, 3, 64, 700),
    (64, 8, 16, 32, 1400),
    (64, 9, 16, 300, 1400),
    (64, 200, 7, 128, 1400),
    (100, 5, 1000, 64, 1400),
    (257, 129, 32, 256, 1500),
];

#[test]
#[ignore = "needs a GPU"]
fn far_keys_are_as_defined() {
    for (nth, shape) in shapes().into_iter().enumerate() {
        let weights = RandomModel::new(shape, 2);
        let model = load(&weights);
        for (window, sinks, far, ubatch, count) in FAR_EDGES.into_iter().skip(nth % 2).step_by(2) {
            let attention = sliding_far(window, sinks, far);
            let text = tokens(0, count, 0);
            let by_hand = Reference::new(&weights).read(&text, &attention);
            let mut context = Context::new(&model, Options { ubatch, ..ON_DEVICE });
            let what = format!("{shape:?}: {attention}, ubatch {ubatch}, {count} tokens");
            assert_near(&read(&mut context, &text, count as usize, &attention), &by_hand, HALF, &what);
            context.remove(0, 0, count);
            context.set_views(false);
            assert_near(
                &read(&mut context, &text, count as usize, &attention),
                &by_hand,
                HALF,
                &format!("{what}, mask"),
            );
        }
    }
}

#[test]
#[ignore = "needs a GPU"]
fn a_window_as_wide_as_the_text_is_full_attention_bit_for_bit() {
    for shape in shapes() {
        let model = load(&RandomModel::new(shape, 4));
        let text = tokens(0, 700, 0);
        let full = read_afresh(&model, ON_DEVICE, &text, 700, &Attention::Full);
        for window in [700, 701, u32::MAX] {
            let ours = read_afresh(&model, ON_DEVICE, &text, 700, &sliding(window, 0));
            assert_same(&ours, &full, &format!("{shape:?}, window {window}"));
        }
    }
}

/// Attention by position, or views, against the mask over everything.
#[test]
#[ignore = "needs a GPU"]
fn the_mask_gives_the_same() {
    for shape in shapes() {
        let model = load(&RandomModel::new(shape, 5));
        let text = tokens(0, 900, 0);
        for attention in [Attention::Full, sliding(40, 10), sliding_but(40, 10, &[1]), sliding(100, 270)] {
            let ours = read_afresh(&model, ON_DEVICE, &text, 900, &attention);
            let mut context = Context::new(&model, ON_DEVICE);
            context.set_views(false);
            let with_mask = read(&mut context, &text, 900, &attention);
            assert_near(&ours, &with_mask, HALF, &format!("{shape:?}, {attention}"));
        }
    }
}

#[test]
#[ignore = "needs a GPU"]
fn the_width_does_not_grow_with_depth() {
    let model = load(&RandomModel::new(LLAMA, 6));
    let mut context = Context::new(&model, Options { context_tokens: 4096, ..ON_DEVICE });
    let attention = sliding_but(100, 10, &[0]);
    let widths: Vec<_> = tokens(0, 4000, 0)
        .chunks(500)
        .map(|call| {
            read(&mut context, call, 500, &attention);
            context.columns()
        })
        .collect();
    assert!(widths[2..].iter().all(|columns| (1..=1024).contains(&columns.sliding)), "{widths:?}");
    assert_eq!(widths.last().unwrap().full, 4096, "full layers see everything");
    if is_hopper() {
        // The last ubatch of a call has 244 tokens: its first query sees 10 sinks and 100 keys, its last one 243 keys further on.
        assert!(widths[2..].iter().all(|columns| columns.sliding == 10 + 100 + 243), "{widths:?}");
    }
}

#[test]
#[ignore = "needs a GPU"]
fn quantised_keys_and_values_stay_close_to_the_definition() {
    for (kv_dtype, tolerance) in [(Q8_0, QUANTISED), (Q4_0, QUANTISED_TO_4_BITS)] {
        for shape in [LLAMA, GROUPS_OF_4, WIDE_GROUPS_OF_8] {
            let weights = RandomModel::new(shape, 7);
            let model = load(&weights);
            for attention in [Attention::Full, sliding(60, 8), sliding_but(60, 200, &[1]), sliding_far(60, 8, 16)] {
                let text = tokens(0, 1400, 0);
                let by_hand = Reference::new(&weights).read(&text, &attention);
                let ours = read_afresh(&model, Options { kv_dtype, ..ON_DEVICE }, &text, 900, &attention);
                assert_near(&ours, &by_hand, tolerance, &format!("{shape:?}, type {kv_dtype}, {attention}"));
            }
        }
    }
}

/// How many tokens a call has that decodes, or has a draft verified. At least 1,024 tokens deep they have a kernel of their own on Hopper
/// (patch 0023): of 16 rows a block, of 32, and of several blocks.
const DECODED: [usize; 5] = [1, 2, 4, 8, 15];

#[test]
#[ignore = "needs a GPU"]
fn few_tokens_behind_many_are_as_defined() {
    let many_heads = Shape { layers: 2, heads: 16, ..QWEN3 };
    for shape in [&shapes()[..], &[many_heads]].concat() {
        let weights = RandomModel::new(shape, 28);
        let model = load(&weights);
        let text = tokens(0, 1260, 0);
        for (attention, kv_dtypes) in [
            (Attention::Full, &[(F16, HALF), (Q8_0, QUANTISED), (Q4_0, QUANTISED_TO_4_BITS)][..]),
            (sliding(1100, 8), &[(F16, HALF)]),
        ] {
            let by_hand = Reference::new(&weights).read(&text, &attention);
            for &(kv_dtype, tolerance) in kv_dtypes {
                for call in DECODED {
                    let mut context = Context::new(&model, Options { kv_dtype, ..ON_DEVICE });
                    read(&mut context, &text[..1200], 1200, &attention);
                    let ours = read(&mut context, &text[1200..], call, &attention);
                    let what = format!("{shape:?}, type {kv_dtype}, {attention}, {call} tokens a call");
                    assert_near(&ours, &by_hand[1200..], tolerance, &what);
                }
            }
        }
    }
}

/// Both sequences lie behind each other in a cache that they share, and one above the other where each has its own.
#[test]
#[ignore = "needs a GPU"]
fn two_deep_sequences_are_continued_at_once() {
    let weights = RandomModel::new(GROUPS_OF_4, 29);
    let model = load(&weights);
    for unified in [true, false] {
        let options = Options { sequences: 2, unified, context_tokens: 4096, ..ON_DEVICE };
        let mut pair = Pair::new(&weights, &model, options, HALF);
        let one_of_each = [tokens(1200, 1, 0), tokens(1100, 1, 1)].concat();
        for text in [tokens(0, 1200, 0), tokens(0, 1100, 1), one_of_each] {
            pair.read(&text, text.len(), &Attention::Full);
        }
    }
}

#[test]
#[ignore = "needs a GPU"]
fn attention_switches_from_one_call_to_the_next() {
    for shape in shapes() {
        let weights = RandomModel::new(shape, 9);
        let model = load(&weights);
        for (reading, decoding) in [(sliding(48, 6), Attention::Full), (sliding_but(48, 6, &[1]), sliding(48, 6))] {
            Pair::new(&weights, &model, ON_DEVICE, HALF).read_and_answer(&reading, &decoding);
        }
    }
}

#[test]
#[ignore = "needs a GPU"]
fn removed_and_shifted_cells_are_seen_where_they_now_stand() {
    for shape in shapes() {
        let weights = RandomModel::new(shape, 11);
        let model = load(&weights);
        Pair::new(&weights, &model, ON_DEVICE, HALF).read_between_cuts(&sliding(70, 8));
    }
}

#[test]
#[ignore = "needs a GPU"]
fn two_sequences_do_not_see_each_other() {
    let weights = RandomModel::new(GROUPS_OF_4, 13);
    let model = load(&weights);
    for unified in [true, false] {
        let options = Options { sequences: 2, unified, ..ON_DEVICE };
        Pair::new(&weights, &model, options, HALF).read_two_sequences(&sliding(45, 6));
    }
}

/// A race would give other bits now and then.
#[test]
#[ignore = "needs a GPU"]
fn the_same_text_gives_the_same_bits_each_time() {
    for shape in [QWEN2, GROUPS_OF_4, WIDE_GROUPS_OF_8] {
        for numbers in [Numbers::F32, Numbers::Bf16, Numbers::Q8_0] {
            let model = load(&RandomModel::new(shape, 23).in_numbers(numbers));
            let text = tokens(0, 1600, 0);
            for attention in [Attention::Full, sliding(200, 50)] {
                let options = Options { ubatch: 1024, ..ON_DEVICE };
                let first = read_afresh(&model, options, &text, 1600, &attention);
                for _ in 0..5 {
                    let again = read_afresh(&model, options, &text, 1600, &attention);
                    assert_same(&again, &first, &format!("{shape:?}, {numbers:?}, {attention}"));
                }
            }
        }
    }
}

/// Batches of 256 tokens and more hand bf16 from one operation to the next; smaller ones convert before each product.
#[test]
#[ignore = "needs a GPU"]
fn activations_in_bf16_change_nothing_but_rounding() {
    for shape in shapes() {
        let weights = RandomModel::new(shape, 24).in_numbers(Numbers::Bf16);
        let model = load(&weights);
        let text = tokens(0, 1000, 0);
        let by_hand = Reference::new(&weights).read(&text, &sliding(100, 10));
        let [many, few] = [1000, 200]
            .map(|ubatch| read_afresh(&model, Options { ubatch, ..ON_DEVICE }, &text, 1000, &sliding(100, 10)));
        assert_near(&many, &by_hand, BF16, &format!("{shape:?}, 1000 tokens"));
        assert_near(&few, &by_hand, BF16, &format!("{shape:?}, 200 tokens"));
        assert_near(&many, &few, BF16, &format!("{shape:?}, against each other"));
    }
}

/// From 768 tokens on weights are turned into bf16, below they are multiplied as integers.
#[test]
#[ignore = "needs a GPU"]
fn quantised_weights_give_the_same_by_either_product() {
    for shape in shapes() {
        let weights = RandomModel::new(shape, 25).in_numbers(Numbers::Q8_0);
        let model = load(&weights);
        let text = tokens(0, 1000, 0);
        let by_hand = Reference::new(&weights).read(&text, &sliding(100, 10));
        for ubatch in [1000, 500] {
            let ours = read_afresh(&model, Options { ubatch, ..ON_DEVICE }, &text, 1000, &sliding(100, 10));
            assert_near(&ours, &by_hand, BF16, &format!("{shape:?}, {ubatch} tokens"));
        }
    }
}

/// Gate and up lie in the compute buffer as bf16 (patch 0012), their product where gate was: 2 x 2 bytes a value, not 3 x 4.
#[test]
#[ignore = "needs a GPU"]
fn gate_and_up_take_a_third_of_the_memory_where_weights_are_bf16() {
    if !is_hopper() {
        eprintln!("left out: bf16 between products is for Hopper, and this is {}", device());
        return;
    }
    let shape = Shape { layers: 1, feed_forward: 8192, ..QWEN3 };
    let options = Options { ubatch: 1024, ..ON_DEVICE };
    let [in_bf16, in_f32] = [Numbers::Bf16, Numbers::F32].map(|numbers| {
        let model = load(&RandomModel::new(shape, 26).in_numbers(numbers));
        let mut context = Context::new(&model, options);
        let _ = read(&mut context, &tokens(0, 1024, 0), 1024, &Attention::Full);
        context.memory().compute
    });
    let value_bytes = u64::from(options.ubatch) * 8192;
    let saved = (in_f32 - in_bf16) as u64;
    assert!((7 * value_bytes..=9 * value_bytes).contains(&saved), "{in_f32} bytes in f32, {in_bf16} in bf16");
}
