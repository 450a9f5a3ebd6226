//! Far keys against their definition, [`lunette::swaa::weight`]: one key in so many beyond the window, weighed for all of them.
//!
//! While a text lies in the cache in its order, far keys get columns of their own as soon as that is narrower than the cache, from 1,281
//! tokens on with most windows of these tests. Before, and for scattered cells, a mask over everything weighs them. Both are met here.

use crate::support::comparing::{
    EXACT, HALF, IN_F16, IN_F32, LLAMA, QUANTISED, QWEN2, QWEN3, SHAPES, assert_near, assert_same, distance, read,
    read_afresh, sliding, sliding_far, tokens,
};
use crate::support::llama::{Context, F16, Model, Options, Q4_0, Q8_0};
use crate::support::pair::Pair;
use crate::support::random_model::RandomModel;
use crate::support::reference::Reference;
use lunette::swaa::{Attention, LayerSet};

/// The rounding of keys and values to 4 bits.
const QUANTISED_TO_4_BITS: f32 = 0.6;

const DEEP_IN_F32: Options = Options { context_tokens: 2048, ..IN_F32 };
const DEEP_IN_F16: Options = Options { context_tokens: 2048, ..IN_F16 };

/// Windows, sinks, strides, tokens a ubatch, tokens in all.
const EDGES: [(u32, u32, u32, u32, u32); 12] = [
    (40, 10, 16, 64, 1345),
    // Without sinks; a window of the query alone.
    (40, 0, 16, 64, 1345),
    (1, 1, 3, 64, 1601),
    // Sinks that end just before, at and behind a far key.
    (64, 8, 16, 32, 1345),
    (64, 9, 16, 32, 1345),
    (64, 200, 16, 128, 1700),
    // The densest stride there is, and an odd one.
    (30, 4, 2, 64, 1800),
    (30, 4, 7, 64, 1345),
    // One far key in all, and none that fits.
    (100, 5, 1000, 64, 1345),
    (100, 5, 4000, 64, 1345),
    // All through the mask: the cache is no wider than what is needed of it.
    (300, 20, 5, 64, 900),
    // The last ubatch holds one token.
    (50, 6, 32, 64, 1345),
];

#[test]
fn every_edge_of_the_stride_is_as_defined() {
    // The mask knows nothing of shapes: the wide ones, which take long, meet some edges only.
    for (shape, step) in [(LLAMA, 1), (QWEN2, 6), (QWEN3, 12)] {
        let weights = RandomModel::new(shape, 2);
        let model = Model::load(&weights);
        for (window, sinks, far, ubatch, count) in EDGES.into_iter().step_by(step) {
            let attention = sliding_far(window, sinks, far);
            let text = tokens(0, count, 0);
            let by_hand = Reference::new(&weights).read(&text, &attention);
            let what = format!("{:?}: {attention}, ubatch {ubatch}, {count} tokens", shape.family);

            let ours = read_afresh(&model, Options { ubatch, ..DEEP_IN_F32 }, &text, count as usize, &attention);
            assert_near(&ours, &by_hand, EXACT, &what);
            let ours = read_afresh(&model, Options { ubatch, ..DEEP_IN_F16 }, &text, count as usize, &attention);
            assert_near(&ours, &by_hand, HALF, &format!("{what}, half precision"));
        }
    }
}

/// What the test above is worth: a stride, window or sinks that are off by one, and far keys that do not count at all.
#[test]
fn far_keys_that_are_off_by_one_would_be_noticed() {
    let weights = RandomModel::new(LLAMA, 2);
    let text = tokens(0, 400, 0);
    let right = Reference::new(&weights).read(&text, &sliding_far(40, 10, 8));
    for wrong in [
        sliding_far(40, 10, 7),
        sliding_far(40, 10, 9),
        sliding_far(41, 10, 8),
        sliding_far(40, 13, 8),
        sliding(40, 10),
    ] {
        let distance = distance(&Reference::new(&weights).read(&text, &wrong), &right);
        assert!(distance > 2.0 * HALF, "{wrong} differs by {distance} only");
    }
}

#[test]
fn calls_may_end_anywhere_and_single_tokens_see_far_keys_too() {
    let weights = RandomModel::new(LLAMA, 3);
    let model = Model::load(&weights);
    let attention = sliding_far(50, 7, 16);
    let text = tokens(0, 1400, 0);
    let by_hand = Reference::new(&weights).read(&text, &attention);
    for call in [1, 63, 200, 1399] {
        for ubatch in [64, 256] {
            let ours = read_afresh(&model, Options { ubatch, ..DEEP_IN_F16 }, &text, call, &attention);
            assert_near(&ours, &by_hand, HALF, &format!("calls of {call} tokens, ubatch {ubatch}"));
        }
    }
}

#[test]
fn columns_of_their_own_equal_the_mask() {
    let half_without_flash = Options { kv_dtype: F16, ..DEEP_IN_F32 };
    let options = [DEEP_IN_F32, DEEP_IN_F16, half_without_flash];
    let quantised = [Q8_0, Q4_0].map(|kv_dtype| Options { kv_dtype, ..DEEP_IN_F16 });
    let full_layer =
        Attention::Sliding { window: 40, sinks: 10, far: 8, full_layers: [1].into_iter().collect::<LayerSet>() };
    for shape in [LLAMA, QWEN2] {
        let model = Model::load(&RandomModel::new(shape, 5));
        let text = tokens(0, 1500, 0);
        for attention in [sliding_far(40, 10, 16), sliding_far(40, 0, 6), full_layer.clone()] {
            for options in options.iter().chain(&quantised) {
                let mut context = Context::new(&model, *options);
                let ours = read(&mut context, &text, 1500, &attention);
                let narrow = context.columns().sliding;
                context.remove(0, 0, 1500);
                context.set_views(false);
                let with_mask = read(&mut context, &text, 1500, &attention);
                let wide = context.columns().sliding;
                assert!(narrow < wide, "{narrow} columns, the mask has {wide}");
                let tolerance = if options.kv_dtype == DEEP_IN_F32.kv_dtype { EXACT } else { HALF };
                assert_near(&ours, &with_mask, tolerance, &format!("{:?}, {attention}, {options:?}", shape.family));
            }
        }
    }
}

#[test]
fn quantised_keys_and_values_stay_close_to_the_definition() {
    let weights = RandomModel::new(LLAMA, 7);
    let attention = sliding_far(60, 8, 16);
    let text = tokens(0, 1600, 0);
    let by_hand = Reference::new(&weights).read(&text, &attention);
    for (kv_dtype, tolerance) in [(Q8_0, QUANTISED), (Q4_0, QUANTISED_TO_4_BITS)] {
        let ours = read_afresh(&Model::load(&weights), Options { kv_dtype, ..DEEP_IN_F16 }, &text, 1600, &attention);
        assert_near(&ours, &by_hand, tolerance, &format!("type {kv_dtype}"));
    }
}

#[test]
fn one_key_in_one_is_full_attention_and_one_in_none_is_the_window_bit_for_bit() {
    for shape in SHAPES {
        let model = Model::load(&RandomModel::new(shape, 4));
        let text = tokens(0, 700, 0);
        for options in [IN_F32, IN_F16] {
            let full = read_afresh(&model, options, &text, 700, &Attention::Full);
            let every = read_afresh(&model, options, &text, 700, &sliding_far(40, 10, 1));
            assert_same(&every, &full, &format!("{shape:?}, every key"));

            let windowed = read_afresh(&model, options, &text, 700, &sliding(40, 10));
            let mut context = Context::new(&model, options);
            context.configure(40, 10, &[]).unwrap();
            context.slide(true);
            assert_same(&context.read(&text), &windowed, &format!("{shape:?}, no far key"));
        }
    }
}

#[test]
fn the_width_grows_by_the_stride() {
    let model = Model::load(&RandomModel::new(LLAMA, 6));
    let mut context = Context::new(&model, Options { context_tokens: 8192, ubatch: 256, ..IN_F16 });
    let attention = sliding_far(100, 10, 32);
    let mut widths = Vec::new();
    for call in tokens(0, 8000, 0).chunks(2000) {
        read(&mut context, call, 2000, &attention);
        widths.push(context.columns().sliding);
    }
    // 32 far keys to 1,000 tokens; sinks fill the sum up to a multiple of 256; windows and ubatch meet 3 blocks of 256 at most.
    let most = |tokens: u32| (tokens / 32 + 10).next_multiple_of(256) + 3 * 256;
    let told = widths.iter().zip([2000, 4000, 6000, 8000]).all(|(&columns, tokens)| columns <= most(tokens));
    assert!(told, "{widths:?}");
}

#[test]
fn switching_between_far_keys_and_full_reserves_nothing() {
    let model = Model::load(&RandomModel::new(LLAMA, 17));
    let mut context = Context::new(&model, Options { context_tokens: 8192, ..IN_F16 });
    let attention = sliding_far(1000, 10, 8);
    context.configure_far(1000, 10, 8, &[]).unwrap();
    let reserved = context.memory().compute;
    for (first, count, attention) in [(0, 6000, &attention), (6000, 300, &Attention::Full), (6300, 1700, &attention)] {
        read(&mut context, &tokens(first, count - 1, 0), 1000, attention);
        read(&mut context, &tokens(first + count - 1, 1, 0), 1, attention);
        assert_eq!(context.memory().compute, reserved, "after {attention} at {first}");
    }
}

#[test]
fn another_stride_takes_over_what_was_read_under_the_first() {
    let weights = RandomModel::new(LLAMA, 10);
    let model = Model::load(&weights);
    let mut pair = Pair::new(&weights, &model, DEEP_IN_F32, EXACT);
    let readings = [
        (600, sliding_far(20, 3, 16)),
        (600, sliding(90, 12)),
        (200, sliding_far(20, 3, 5)),
        (100, Attention::Full),
        (100, sliding_far(20, 3, 16)),
    ];
    let mut first = 0;
    for (count, attention) in readings {
        pair.read(&tokens(first, count, 0), 300, &attention);
        first += count;
    }
}

#[test]
fn document_question_and_answer_may_each_see_far_keys() {
    for shape in [LLAMA, QWEN2] {
        let weights = RandomModel::new(shape, 9);
        let model = Model::load(&weights);
        for decoding in [Attention::Full, sliding_far(48, 6, 8)] {
            Pair::new(&weights, &model, IN_F32, EXACT).read_and_answer(&sliding_far(48, 6, 8), &decoding);
        }
    }
}

/// Cells and positions part ways: the far keys are those of the positions.
#[test]
fn removed_and_shifted_cells_are_far_keys_where_they_now_stand() {
    for views in [true, false] {
        let weights = RandomModel::new(LLAMA, 11);
        let model = Model::load(&weights);
        let mut pair = Pair::new(&weights, &model, DEEP_IN_F32, EXACT);
        pair.context.set_views(views);
        let attention = sliding_far(70, 8, 8);
        pair.read(&tokens(0, 1500, 0), 1500, &attention);
        for (from, to) in [(1490, 1500), (1100, 1440), (4, 6)] {
            pair.cut(from, to);
        }
        pair.read(&tokens(1148, 300, 0), 300, &attention);
    }
}

#[test]
fn two_sequences_have_far_keys_of_their_own() {
    let weights = RandomModel::new(LLAMA, 13);
    let model = Model::load(&weights);
    for unified in [true, false] {
        let options = Options { context_tokens: 2048, sequences: 2, unified, ..IN_F32 };
        Pair::new(&weights, &model, options, EXACT).read_two_sequences(&sliding_far(45, 6, 8));
    }
}

#[test]
fn a_restored_state_has_its_far_keys() {
    let weights = RandomModel::new(QWEN2, 15);
    let model = Model::load(&weights);
    let attention = sliding_far(45, 6, 16);
    let mut first = Context::new(&model, DEEP_IN_F16);
    read(&mut first, &tokens(0, 1500, 0), 1500, &attention);
    let mut second = Context::new(&model, DEEP_IN_F16);
    second.restore(&first.save());
    let text = tokens(1500, 100, 0);
    let on = read(&mut first, &text, 64, &attention);
    assert_same(&read(&mut second, &text, 64, &attention), &on, "restored");
}

/// Single tokens reuse their graph until the next far key comes into sight.
#[test]
fn graphs_are_reused_between_far_keys() {
    let weights = RandomModel::new(LLAMA, 16);
    let model = Model::load(&weights);
    let attention = sliding_far(45, 6, 16);
    let mut pair = Pair::new(&weights, &model, DEEP_IN_F32, EXACT);
    pair.read(&tokens(0, 1500, 0), 1500, &attention);
    let before = pair.context.graphs_reused();
    pair.read(&tokens(1500, 64, 0), 1, &attention);
    // The first builds a graph, so does each of 4 or 5 far keys, and a block of 256 cells at each end of the window.
    let reused = pair.context.graphs_reused() - before;
    assert!(reused >= 64 - 1 - 5 - 3, "{reused} of 64 graphs were reused");
}
