//! Sliding attention on the attention layers of hybrids, and over positions that come in sections (`M-RoPE`).
//!
//! A model in LFM2's shape, whose other layers are short convolutions, is computed by hand like the plain ones. The gated delta nets
//! of Qwen3.5 are not: there, what must not change anything is held against what it must not change.

use crate::support::comparing::{
    EXACT, HALF, IN_F16, IN_F32, LFM2, QWEN2, assert_near, assert_same, distance, read, read_afresh, sliding,
    sliding_but, sliding_far, tokens,
};
use crate::support::gguf::Value;
use crate::support::llama::{Context, F16, Model, Options, Q8_0};
use crate::support::pair::Pair;
use crate::support::random_model::{GgufFace, RandomModel};
use crate::support::reference::Reference;
use crate::support::toys::Toy;
use lunette::swaa::Attention;

/// Where both sides compute in f32, but round the rotation of a position in sections in different ways; 0.00093 is what was met.
const ROTATED: f32 = 2e-3;

/// Windows, sinks, tokens a ubatch, tokens in all.
const EDGES: [(u32, u32, u32, u32); 7] = [
    (1, 0, 64, 700),
    (2, 3, 32, 650),
    (63, 5, 64, 700),
    (20, 20, 32, 650),
    (20, 300, 32, 800),
    (40, 4, 64, 641),
    (257, 256, 128, 900),
];

#[test]
fn a_hybrid_is_computed_as_the_reference_computes_it() {
    let weights = RandomModel::new(LFM2, 31);
    let text = tokens(0, 130, 0);
    let by_hand = Reference::new(&weights).read(&text, &Attention::Full);
    let model = Model::load(&weights);
    for (options, tolerance) in [(IN_F32, EXACT), (IN_F16, HALF)] {
        let ours = read_afresh(&model, options, &text, 130, &Attention::Full);
        assert_near(&ours, &by_hand, tolerance, &format!("{options:?}"));
    }
}

#[test]
fn every_edge_of_a_hybrid_s_window_is_as_defined() {
    let weights = RandomModel::new(LFM2, 32);
    let model = Model::load(&weights);
    for (window, sinks, ubatch, count) in EDGES {
        let attention = sliding(window, sinks);
        let text = tokens(0, count, 0);
        let by_hand = Reference::new(&weights).read(&text, &attention);
        let what = format!("window {window}, sinks {sinks}, ubatch {ubatch}, {count} tokens");
        let ours = read_afresh(&model, Options { ubatch, ..IN_F32 }, &text, count as usize, &attention);
        assert_near(&ours, &by_hand, EXACT, &what);
        let ours = read_afresh(&model, Options { ubatch, ..IN_F16 }, &text, count as usize, &attention);
        assert_near(&ours, &by_hand, HALF, &format!("{what}, half precision"));
    }
}

/// What the test above is worth.
#[test]
fn a_hybrid_s_mask_that_is_off_by_one_key_would_be_noticed() {
    let weights = RandomModel::new(LFM2, 32);
    let text = tokens(0, 300, 0);
    let right = Reference::new(&weights).read(&text, &sliding(64, 5));
    for wrong in [sliding(63, 5), sliding(65, 5), sliding(64, 4), sliding(64, 6), sliding_but(64, 5, &[1])] {
        let distance = distance(&Reference::new(&weights).read(&text, &wrong), &right);
        // Half of the layers attend, so a wrong key changes less than in a plain model.
        assert!(distance > 3.0 * HALF, "{wrong} differs by {distance} only");
    }
}

#[test]
fn a_hybrid_keeps_chosen_attention_layers_full_and_sees_far_keys() {
    let weights = RandomModel::new(LFM2, 33);
    let model = Model::load(&weights);
    let options = Options { context_tokens: 2048, ..IN_F32 };
    for attention in
        [sliding_but(33, 9, &[1]), sliding_but(33, 9, &[3]), sliding_far(40, 10, 16), sliding_far(64, 9, 7)]
    {
        let text = tokens(0, 1345, 0);
        let by_hand = Reference::new(&weights).read(&text, &attention);
        let ours = read_afresh(&model, options, &text, 1345, &attention);
        assert_near(&ours, &by_hand, EXACT, &format!("{attention}"));
    }
    let text = tokens(0, 700, 0);
    let all_slide = read_afresh(&model, IN_F32, &text, 700, &sliding(33, 9));
    let states_named = read_afresh(&model, IN_F32, &text, 700, &sliding_but(33, 9, &[0, 2]));
    assert_same(&states_named, &all_slide, "layers that keep a state have nothing that could stay full");
}

#[test]
fn a_hybrid_switches_attention_from_one_call_to_the_next() {
    let weights = RandomModel::new(LFM2, 34);
    let model = Model::load(&weights);
    for decoding in [Attention::Full, sliding(48, 6)] {
        Pair::new(&weights, &model, IN_F32, EXACT).read_and_answer(&sliding(48, 6), &decoding);
    }
}

#[test]
fn two_sequences_of_a_hybrid_do_not_see_each_other() {
    let weights = RandomModel::new(LFM2, 35);
    let model = Model::load(&weights);
    for unified in [true, false] {
        let options = Options { context_tokens: 2048, sequences: 2, unified, ..IN_F32 };
        let mut pair = Pair::new(&weights, &model, options, EXACT);
        for text in [tokens(0, 600, 0), tokens(0, 350, 1), tokens(600, 40, 0), tokens(350, 40, 1)] {
            pair.read(&text, text.len(), &sliding(45, 6));
        }
    }
}

/// Qwen3.5 has both: recurrent layers, and positions in sections.
#[test]
fn a_window_that_hides_nothing_is_full_attention_bit_for_bit_in_a_hybrid() {
    let models = [Model::load(&RandomModel::new(LFM2, 36)), Model::load_toy(Toy::DeltaNet)];
    let text = tokens(0, 700, 0);
    for (model, options) in models.iter().flat_map(|model| [IN_F32, IN_F16].map(|options| (model, options))) {
        let full = read_afresh(model, options, &text, 700, &Attention::Full);
        for window in [700, 701, u32::MAX] {
            let ours = read_afresh(model, options, &text, 700, &sliding(window, 0));
            assert_same(&ours, &full, &format!("window {window}, {options:?}"));
        }
        let mut context = Context::new(model, options);
        context.configure(30, 5, &[]).unwrap();
        assert_same(&read(&mut context, &text, 700, &Attention::Full), &full, "configured, and not sliding");
    }
}

/// The mask is what the reference is held against; views must give the same.
#[test]
fn views_of_a_hybrid_s_cache_equal_the_mask_bit_for_bit() {
    let models = [Model::load(&RandomModel::new(LFM2, 37)), Model::load_toy(Toy::DeltaNet)];
    let half_without_flash = Options { kv_dtype: F16, ..IN_F32 };
    let quantised = Options { kv_dtype: Q8_0, ..IN_F16 };
    let text = tokens(0, 896, 0);
    for model in &models {
        for options in [IN_F32, IN_F16, half_without_flash, quantised] {
            let full = read_afresh(model, options, &text, 896, &Attention::Full);
            for attention in [sliding(40, 10), sliding(100, 270)] {
                let with_views = read_afresh(model, options, &text, 896, &attention);
                let mut context = Context::new(model, options);
                context.set_views(false);
                let what = format!("{attention}, {options:?}");
                assert_same(&with_views, &read(&mut context, &text, 896, &attention), &what);
                let apart = distance(&with_views, &full);
                assert!(apart > 4.0 * HALF, "{what}: the window hides something, and {apart} is all it changes");
            }
        }
    }
}

#[test]
fn views_of_a_hybrid_stay_narrow_and_its_graphs_are_used_again() {
    let model = Model::load(&RandomModel::new(LFM2, 38));
    let mut context = Context::new(&model, Options { context_tokens: 4096, ..IN_F16 });
    let attention = sliding_but(100, 10, &[1]);
    let mut widths = Vec::new();
    for call in tokens(0, 4000, 0).chunks(500) {
        read(&mut context, call, 500, &attention);
        widths.push(context.columns());
    }
    assert!(widths[2..].iter().all(|columns| (512..=768).contains(&columns.sliding)), "{widths:?}");
    assert_eq!(widths.last().unwrap().full, 4096, "the full layer sees everything");

    let before = context.graphs_reused();
    read(&mut context, &tokens(4000, 60, 0), 1, &attention);
    let reused = context.graphs_reused() - before;
    assert!(reused >= 57, "{reused} of 60 graphs were reused");
}

#[test]
fn switching_a_hybrid_between_sliding_and_full_reserves_nothing() {
    let model = Model::load(&RandomModel::new(LFM2, 39));
    let mut context = Context::new(&model, Options { context_tokens: 8192, ..IN_F16 });
    let mixed = sliding_but(3000, 10, &[1]);
    context.configure(3000, 10, &[1]).unwrap();
    let reserved = context.memory().compute;
    for (first, count, attention) in [(0, 4000, &mixed), (4000, 300, &Attention::Full), (4300, 300, &mixed)] {
        read(&mut context, &tokens(first, count - 1, 0), 1000, attention);
        read(&mut context, &tokens(first + count - 1, 1, 0), 1, attention);
        assert_eq!(context.memory().compute, reserved, "after {attention} at {first}");
    }
}

#[test]
fn a_restored_state_of_a_hybrid_slides_on() {
    for model in [Model::load(&RandomModel::new(LFM2, 40)), Model::load_toy(Toy::DeltaNet)] {
        let attention = sliding(45, 6);
        let mut first = Context::new(&model, IN_F16);
        read(&mut first, &tokens(0, 700, 0), 700, &attention);
        let mut second = Context::new(&model, IN_F16);
        second.restore(&first.save());
        let text = tokens(700, 100, 0);
        let on = read(&mut first, &text, 64, &attention);
        assert_same(&read(&mut second, &text, 64, &attention), &on, "restored");
    }
}

#[test]
fn the_layers_of_a_hybrid_that_attend_are_told_and_only_their_heads_tell() {
    let weights = RandomModel::new(LFM2, 41);
    let model = Model::load(&weights);
    let mut context = Context::new(&model, IN_F32);
    assert_eq!(context.attending_layers(), [1, 3]);
    assert_eq!(Context::new(&Model::load(&RandomModel::new(QWEN2, 41)), IN_F16).attending_layers(), [0, 1]);
    assert_eq!(Context::new(&Model::load_toy(Toy::DeltaNet), IN_F16).attending_layers(), [3, 7]);
    assert_eq!(Context::new(&Model::load_toy(Toy::Gemma), IN_F16).attending_layers(), [0; 0]);

    assert_eq!(context.choose_heads(&[(0, 0)]), Err(-2), "a convolution has no heads");
    context.choose_heads(&[(1, 0), (3, 1)]).expect("the model has them");
    context.look_out(300, 305..330);
    let mut reference = Reference::new(&weights);
    reference.look_out(300, 305..330);
    for (text, attention) in [(tokens(0, 300, 0), sliding(40, 10)), (tokens(300, 40, 0), Attention::Full)] {
        read(&mut context, &text, 500, &attention);
        reference.read(&text, &attention);
    }
    let (seen, rows) = context.seen(2, 300).expect("heads have told");
    assert_eq!(rows, 25);
    for (ours, (layer, head)) in seen.iter().zip([(1, 0), (3, 1)]) {
        let theirs = reference.seen(layer, head);
        let apart = ours.iter().zip(theirs).map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f32::max);
        let greatest = theirs.iter().copied().fold(0.0, f32::max);
        assert!(apart <= 1e-3 * greatest, "layer {layer}: {apart} apart, the greatest is {greatest}");
    }
}

/// Of text, all sections of a position are the same, so the model computes what its plain sister does.
#[test]
fn positions_in_sections_slide_by_their_first() {
    let weights = RandomModel::new(QWEN2, 42);
    let more_keys = vec![("rope.dimension_sections", Value::U32List(vec![16, 8, 8, 0]))];
    let model = Model::load_as(&weights, &GgufFace { architecture: "qwen2vl", more_keys, without: Vec::new() });
    for attention in [Attention::Full, sliding(64, 5), sliding_but(20, 300, &[1]), sliding_far(40, 10, 16)] {
        let text = tokens(0, 900, 0);
        let by_hand = Reference::new(&weights).read(&text, &attention);
        for (options, tolerance) in [(IN_F32, ROTATED), (IN_F16, HALF)] {
            let ours = read_afresh(&model, options, &text, 900, &attention);
            assert_near(&ours, &by_hand, tolerance, &format!("{attention}, {options:?}"));
        }
    }
    Pair::new(&weights, &model, IN_F32, ROTATED).read_and_answer(&sliding(48, 6), &Attention::Full);
}
