//! The patched attention against its definition.
//!
//! Random models, small enough to be computed by hand, are read by llama.cpp and by a plain f32 forward pass whose mask is
//! [`lunette::swaa::weight`]; the logits of *every* token are compared, so that every row of the mask is. What decides is how
//! far the two are apart ([`distance`]): [`EXACT`] where both compute in f32, [`HALF`]
//! where keys and values are kept in half precision.
//!
//! The lengths are such that something is left out: views are cut at multiples of 256 cells, so that a gap needs more than 512 tokens.

#[path = "attention/far.rs"]
mod far;
#[path = "attention/gpu.rs"]
mod gpu;
#[path = "attention/hybrid.rs"]
mod hybrid;
#[path = "attention/locate.rs"]
mod locate;
#[path = "attention/ranges.rs"]
mod ranges;
mod support;
#[path = "attention/threads.rs"]
mod threads;
#[path = "attention/together.rs"]
mod together;

use lunette::swaa::Attention;
use support::comparing::{
    EXACT, HALF, IN_F16, IN_F32, LLAMA, QUANTISED, QWEN2, QWEN3, SHAPES, assert_near, assert_same, distance, read,
    read_afresh, sliding, sliding_but, tokens,
};
use support::gguf::Value;
use support::llama::{
    Context, F16, FREED, Model, Options, PATCH_STAMP, Q8_0, Rows, concat, free_at_exit, newest_context, stamp,
};
use support::pair::Pair;
use support::random_model::{GgufFace, RandomModel, Shape};
use support::reference::Reference;
use support::toys::Toy;

#[test]
fn full_attention_is_computed_as_the_reference_computes_it() {
    for shape in SHAPES {
        let weights = RandomModel::new(shape, 1);
        let text = tokens(0, 130, 0);
        let by_hand = Reference::new(&weights).read(&text, &Attention::Full);
        let model = Model::load(&weights);
        for (options, tolerance) in [(IN_F32, EXACT), (IN_F16, HALF)] {
            let ours = read_afresh(&model, options, &text, 130, &Attention::Full);
            assert_near(&ours, &by_hand, tolerance, &format!("{shape:?} {options:?}"));
        }
    }
}

/// Windows, sinks, tokens a ubatch, tokens in all.
const EDGES: [(u32, u32, u32, u32); 16] = [
    // A window of the query alone, with and without sinks.
    (1, 0, 64, 700),
    (1, 1, 64, 700),
    (2, 3, 32, 650),
    // The window against the ubatch: one less, the same, one more.
    (63, 5, 64, 700),
    (64, 5, 64, 700),
    (65, 5, 64, 700),
    // Sinks against the window: one less, the same, one more, far more.
    (20, 19, 32, 650),
    (20, 20, 32, 650),
    (20, 21, 32, 650),
    (20, 300, 32, 800),
    // The window against the text: one less, the same, one more.
    (129, 0, 64, 130),
    (130, 0, 64, 130),
    (131, 0, 64, 130),
    // The last ubatch holds one token.
    (40, 4, 64, 641),
    // The window against the blocks of 256 cells.
    (256, 0, 64, 833),
    (257, 256, 128, 900),
];

#[test]
fn every_edge_of_window_sinks_and_ubatch_is_as_defined() {
    // The mask knows nothing of shapes: the wide ones, which take long, meet every third edge.
    for (shape, step) in [(LLAMA, 1), (QWEN2, 3), (QWEN3, 3)] {
        let weights = RandomModel::new(shape, 2);
        let model = Model::load(&weights);
        for (window, sinks, ubatch, count) in EDGES.into_iter().step_by(step) {
            let attention = sliding(window, sinks);
            let text = tokens(0, count, 0);
            let by_hand = Reference::new(&weights).read(&text, &attention);
            let what = format!("{:?}: window {window}, sinks {sinks}, ubatch {ubatch}, {count} tokens", shape.family);

            let ours = read_afresh(&model, Options { ubatch, ..IN_F32 }, &text, count as usize, &attention);
            assert_near(&ours, &by_hand, EXACT, &what);
            let ours = read_afresh(&model, Options { ubatch, ..IN_F16 }, &text, count as usize, &attention);
            assert_near(&ours, &by_hand, HALF, &format!("{what}, half precision"));
        }
    }
}

/// What the test above is worth: a window or sinks that are off by one lie far outside its tolerance.
#[test]
fn a_mask_that_is_off_by_one_key_would_be_noticed() {
    for shape in SHAPES {
        let weights = RandomModel::new(shape, 2);
        let text = tokens(0, 300, 0);
        let right = Reference::new(&weights).read(&text, &sliding(64, 5));
        for wrong in [sliding(63, 5), sliding(65, 5), sliding(64, 4), sliding(64, 6)] {
            let distance = distance(&Reference::new(&weights).read(&text, &wrong), &right);
            assert!(distance > 4.0 * HALF, "{wrong} differs by {distance} only");
        }
    }
}

#[test]
fn calls_may_end_anywhere_and_single_tokens_slide_too() {
    let weights = RandomModel::new(LLAMA, 3);
    let model = Model::load(&weights);
    let attention = sliding(50, 7);
    let text = tokens(0, 640, 0);
    let by_hand = Reference::new(&weights).read(&text, &attention);
    for call in [1, 50, 63, 65, 127, 639] {
        let ours = read_afresh(&model, IN_F16, &text, call, &attention);
        assert_near(&ours, &by_hand, HALF, &format!("calls of {call} tokens"));
    }
}

#[test]
fn a_window_as_wide_as_the_text_is_full_attention_bit_for_bit() {
    for shape in SHAPES {
        let model = Model::load(&RandomModel::new(shape, 4));
        let text = tokens(0, 700, 0);
        for options in [IN_F32, IN_F16] {
            let full = read_afresh(&model, options, &text, 700, &Attention::Full);
            for window in [700, 701, u32::MAX] {
                let ours = read_afresh(&model, options, &text, 700, &sliding(window, 0));
                assert_same(&ours, &full, &format!("{shape:?}, window {window}"));
            }
        }
    }
}

/// Where most lives at once, a token has its residual, its normed residual, its queries, its key and value, its row of the mask, and the
/// row that embeddings in place of tokens would be given in. Nothing else: queries are normed and rotated where they lie (patch 0014), and
/// rows for tokens and embeddings in one batch are for such batches (patch 0013).
#[test]
fn nothing_is_reserved_that_no_call_needs() {
    for shape in [QWEN2, QWEN3] {
        let shape = Shape { layers: 3, heads: 8, kv_heads: 1, head_dim: 128, embedding: 1024, ..shape };
        let options = Options { ubatch: 512, ..IN_F16 };
        let model = Model::load(&RandomModel::new(shape, 27));
        let bytes = Context::new(&model, options).memory().compute;

        let values = 3 * shape.embedding + shape.heads * shape.head_dim + 2 * shape.kv_heads * shape.head_dim;
        let mask_bytes = 2 * options.context_tokens as usize;
        // Token, position, where its key and value go.
        let numbers_bytes = 64;
        let wanted = options.ubatch as usize * (4 * values + mask_bytes + numbers_bytes);
        assert!(bytes <= wanted, "{:?}: {bytes} bytes are reserved, {wanted} are needed", shape.family);
    }
}

#[test]
fn configured_but_not_sliding_is_full_attention_bit_for_bit() {
    let model = Model::load(&RandomModel::new(QWEN3, 4));
    let text = tokens(0, 700, 0);
    for options in [IN_F32, IN_F16] {
        let full = read_afresh(&model, options, &text, 700, &Attention::Full);
        let mut context = Context::new(&model, options);
        context.configure(30, 5, &[1]).unwrap();
        assert_same(&read(&mut context, &text, 700, &Attention::Full), &full, "not switched on");
        context.remove(0, 0, 700);
        context.slide(true);
        context.configure(0, 0, &[]).unwrap();
        assert_same(&context.read(&text), &full, "switched off by a window of 0");
    }
}

/// The last call has 4 tokens: over 512 keys and more, of which only the mask has so many here, few tokens are added up together (patch 0025),
/// and differ by rounding.
#[test]
fn views_equal_the_mask_bit_for_bit() {
    let attentions = [sliding(40, 10), sliding(40, 0), sliding_but(40, 10, &[1]), sliding(100, 270)];
    let quantised = Options { kv_dtype: Q8_0, ..IN_F16 };
    let half_without_flash = Options { kv_dtype: F16, ..IN_F32 };
    let (all, usual) = (vec![IN_F32, IN_F16, quantised, half_without_flash], vec![IN_F16]);
    for (shape, options) in [(LLAMA, &all), (QWEN2, &usual), (QWEN3, &usual)] {
        let model = Model::load(&RandomModel::new(shape, 5));
        let text = tokens(0, 900, 0);
        for (attention, options) in attentions.iter().flat_map(|a| options.iter().map(move |&o| (a, o))) {
            let with_views = read_afresh(&model, options, &text, 900, attention);
            let mut context = Context::new(&model, options);
            context.set_views(false);
            let with_mask = read(&mut context, &text, 900, attention);
            let what = format!("{:?}, {attention}, {options:?}", shape.family);
            assert_same(&with_views[..896], &with_mask[..896], &what);
            assert_near(&with_views[896..], &with_mask[896..], HALF, &what);
        }
    }
}

#[test]
fn views_stay_narrow_however_deep_the_text_while_the_mask_grows() {
    let model = Model::load(&RandomModel::new(LLAMA, 6));
    let options = Options { context_tokens: 4096, ..IN_F16 };
    let attention = sliding_but(100, 10, &[0]);
    let mut context = Context::new(&model, options);
    let text = tokens(0, 4000, 0);
    let mut widths = Vec::new();
    for call in text.chunks(500) {
        read(&mut context, call, 500, &attention);
        widths.push(context.columns());
    }
    // 256 columns of sinks; the 163 columns of the last ubatch's windows meet 2 blocks of 256 at most.
    assert!(widths[2..].iter().all(|columns| (512..=768).contains(&columns.sliding)), "{widths:?}");
    assert_eq!(widths.last().unwrap().full, 4096, "full layers see everything");

    context.set_views(false);
    context.remove(0, 3990, 4000);
    read(&mut context, &text[3990..], 10, &attention);
    assert_eq!(context.columns().sliding, 4096, "the mask's columns");

    read(&mut context, &tokens(4000, 1, 0), 1, &Attention::Full);
    assert_eq!((context.columns().sliding, context.columns().full), (0, 4096), "nothing slides");
}

#[test]
fn quantised_keys_and_values_stay_close_to_the_definition() {
    let weights = RandomModel::new(LLAMA, 7);
    let attention = sliding(60, 8);
    let text = tokens(0, 700, 0);
    let by_hand = Reference::new(&weights).read(&text, &attention);
    let ours = read_afresh(&Model::load(&weights), Options { kv_dtype: Q8_0, ..IN_F16 }, &text, 700, &attention);
    assert_near(&ours, &by_hand, QUANTISED, "q8_0");
}

#[test]
fn interleaved_full_layers_see_everything() {
    for (shape, full_layers) in [(LLAMA, vec![0]), (LLAMA, vec![0, 1]), (QWEN3, vec![1, 3])] {
        let weights = RandomModel::new(shape, 8);
        let attention = sliding_but(33, 9, &full_layers);
        let text = tokens(0, 650, 0);
        let by_hand = Reference::new(&weights).read(&text, &attention);
        let ours = read_afresh(&Model::load(&weights), IN_F32, &text, 650, &attention);
        assert_near(&ours, &by_hand, EXACT, &format!("{:?}, full layers {full_layers:?}", shape.family));
    }
}

#[test]
fn attention_switches_from_one_call_to_the_next() {
    for shape in SHAPES {
        let weights = RandomModel::new(shape, 9);
        let model = Model::load(&weights);
        for decoding in [Attention::Full, sliding(48, 6)] {
            Pair::new(&weights, &model, IN_F32, EXACT).read_and_answer(&sliding(48, 6), &decoding);
        }
    }
}

#[test]
fn another_window_takes_over_what_was_read_under_the_first() {
    let weights = RandomModel::new(LLAMA, 10);
    let model = Model::load(&weights);
    let mut pair = Pair::new(&weights, &model, IN_F32, EXACT);
    for (first, attention) in [(0, sliding(20, 0)), (300, sliding(90, 12)), (600, sliding_but(5, 5, &[1]))] {
        pair.read(&tokens(first, 300, 0), 300, &attention);
    }
}

#[test]
fn removed_and_shifted_cells_are_seen_where_they_now_stand() {
    for (shape, views) in SHAPES.into_iter().flat_map(|shape| [(shape, true), (shape, false)]) {
        let weights = RandomModel::new(shape, 11);
        let model = Model::load(&weights);
        let mut pair = Pair::new(&weights, &model, IN_F32, EXACT);
        pair.context.set_views(views);
        pair.read_between_cuts(&sliding(70, 8));
    }
}

#[test]
fn a_hole_in_the_text_is_no_reason_to_see_further() {
    let weights = RandomModel::new(QWEN2, 12);
    let model = Model::load(&weights);
    let attention = sliding(70, 8);
    let mut pair = Pair::new(&weights, &model, IN_F32, EXACT);
    pair.read(&tokens(0, 600, 0), 600, &attention);
    // Nothing moves up: positions 550..580 are simply missing, and their cells are taken by later tokens.
    pair.remove(0, 550, 580);
    pair.read(&tokens(600, 200, 0), 64, &attention);
}

#[test]
fn two_sequences_do_not_see_each_other() {
    let weights = RandomModel::new(LLAMA, 13);
    let model = Model::load(&weights);
    for unified in [true, false] {
        for (numbers, tolerance) in [(IN_F16, HALF), (IN_F32, EXACT)] {
            let options = Options { context_tokens: 2048, sequences: 2, unified, ..numbers };
            Pair::new(&weights, &model, options, tolerance).read_two_sequences(&sliding(45, 6));
        }
    }
}

/// Two questions to one document: its cells belong to both sequences.
#[test]
fn a_document_that_two_sequences_share_is_seen_by_both() {
    let weights = RandomModel::new(QWEN2, 22);
    let model = Model::load(&weights);
    let attention = sliding(45, 6);
    let options = Options { context_tokens: 2048, sequences: 2, ..IN_F32 };
    let mut pair = Pair::new(&weights, &model, options, EXACT);
    pair.read(&tokens(0, 600, 0), 600, &attention);
    pair.copy(0, 1);
    for sequence in [0, 1] {
        pair.read(&tokens(600, 70, sequence), 70, &attention);
    }
}

/// Cells of two sequences by turns: the worst case for stretches, which the mask must carry.
#[test]
fn cells_that_lie_scattered_are_found_by_their_positions() {
    let weights = RandomModel::new(LLAMA, 14);
    let model = Model::load(&weights);
    let options = Options { context_tokens: 2048, sequences: 2, ..IN_F32 };
    let mut pair = Pair::new(&weights, &model, options, EXACT);
    for first in (0..660).step_by(66) {
        for sequence in [0, 1] {
            pair.read(&tokens(first, 66, sequence), 66, &sliding(45, 6));
        }
    }
}

#[test]
fn a_restored_state_slides_on() {
    let weights = RandomModel::new(QWEN3, 15);
    let model = Model::load(&weights);
    let attention = sliding(45, 6);
    let mut first = Context::new(&model, IN_F16);
    read(&mut first, &tokens(0, 700, 0), 700, &attention);
    let mut second = Context::new(&model, IN_F16);
    second.restore(&first.save());
    let text = tokens(700, 100, 0);
    let on = read(&mut first, &text, 64, &attention);
    assert_same(&read(&mut second, &text, 64, &attention), &on, "restored");
}

#[test]
fn graphs_are_reused_while_the_stretches_stay_and_the_mask_follows() {
    let weights = RandomModel::new(LLAMA, 16);
    let model = Model::load(&weights);
    let attention = sliding(45, 6);
    let mut pair = Pair::new(&weights, &model, IN_F32, EXACT);
    pair.read(&tokens(0, 700, 0), 700, &attention);

    let before = pair.context.graphs_reused();
    pair.read(&tokens(700, 60, 0), 1, &attention);
    // The first builds a graph; the windows reach the next block of 256 cells at most twice on the way.
    let reused = pair.context.graphs_reused() - before;
    assert!(reused >= 57, "{reused} of 60 graphs were reused");
}

/// A mixed graph needs the most: both masks, and room to join sinks and window. All of it is there from the start.
#[test]
fn switching_between_sliding_and_full_reserves_nothing() {
    let model = Model::load(&RandomModel::new(LLAMA, 17));
    let mut context = Context::new(&model, Options { context_tokens: 8192, ..IN_F16 });
    let mixed = sliding_but(3000, 10, &[0]);
    let stock = context.memory().compute;
    context.configure(3000, 10, &[0]).unwrap();
    let reserved = context.memory().compute;
    assert!(reserved > stock, "{reserved} bytes are reserved, full attention alone has {stock}");
    for (first, count, attention) in [(0, 4000, &mixed), (4000, 300, &Attention::Full), (4300, 300, &mixed)] {
        read(&mut context, &tokens(first, count - 1, 0), 1000, attention);
        read(&mut context, &tokens(first + count - 1, 1, 0), 1, attention);
        assert_eq!(context.memory().compute, reserved, "after {attention} at {first}");
    }
}

#[test]
fn memory_is_what_the_backends_allocated() {
    let shape = QWEN2;
    let weights = RandomModel::new(shape, 18);
    let model = Model::load(&weights);
    let memory = Context::new(&model, IN_F16).memory();
    // Two bytes for each number of a key and a value, for each of 1024 cells.
    assert_eq!(memory.kv, 2 * 2 * shape.layers * shape.kv_heads * shape.head_dim * 1024);
    let written: usize = 4 * (2 * shape.vocab * shape.embedding);
    assert!(memory.model > written, "{} bytes of weights, the embeddings alone have {written}", memory.model);
    assert!(memory.compute > 0);
    assert_eq!(memory.device, 0, "nothing lies on a GPU here");
}

#[test]
fn models_that_cannot_slide_are_refused_with_a_sentence() {
    let weights = RandomModel::new(QWEN2, 19);
    let faces = [
        ("refact", vec![], vec![], "refact cannot slide: it encodes positions as attention bias (ALiBi)"),
        ("dream", vec![], vec![], "dream cannot slide: it keeps no KV cache"),
        (
            "cohere2",
            vec![
                ("attention.sliding_window", Value::U32(4096)),
                ("logit_scale", Value::F32(1.0)),
                ("attention.layer_norm_epsilon", Value::F32(1e-5)),
            ],
            vec!["output.weight", "ffn_norm.weight"],
            "cohere2 cannot slide: it has a sliding window of its own (4096 tokens)",
        ),
    ];
    for (architecture, more_keys, without, sentence) in faces {
        let model = Model::load_as(&weights, &GgufFace { architecture, more_keys, without });
        let mut context = Context::new(&model, IN_F16);
        assert_eq!(context.refusal().as_deref(), Some(sentence));
        assert_eq!(context.configure(64, 4, &[]), Err(sentence.to_owned()));
        assert_eq!(context.configure(0, 0, &[]), Ok(()), "{architecture}: full attention is for every model");
    }
    for (toy, sentence) in [
        (Toy::Gemma, "gemma3 cannot slide: it has a sliding window of its own (64 tokens)"),
        (Toy::Latent, "deepseek2 cannot slide: its attention is latent (MLA)"),
    ] {
        let model = Model::load_toy(toy);
        assert_eq!(Context::new(&model, IN_F16).refusal().as_deref(), Some(sentence));
    }
}

#[test]
fn a_layer_that_the_model_lacks_is_refused_and_nothing_changes() {
    let model = Model::load(&RandomModel::new(QWEN3, 20));
    let mut context = Context::new(&model, IN_F16);
    assert_eq!(context.refusal(), None);
    let text = tokens(0, 700, 0);
    let before = read(&mut context, &text, 700, &sliding(40, 4));
    for layer in [4, -1] {
        let sentence = format!("layer {layer} does not exist: this model has layers 0 to 3");
        assert_eq!(context.configure(99, 9, &[0, layer]), Err(sentence.clone()));
        assert_eq!(context.refusal(), Some(sentence));
    }
    context.remove(0, 0, 700);
    assert_same(&context.read(&text), &before, "the configuration from before");
    context.configure(40, 4, &[3]).unwrap();
    assert_eq!(context.refusal(), None);
}

/// What [`concat`] should give.
fn joined(columns: usize, rows: Rows) -> Vec<u16> {
    let in_memory = |row: usize, number: usize| if rows == Rows::Whole { 64 * row + number } else { 2 * number + row };
    let column =
        |first: usize| (0..2).flat_map(move |row| (0..64).map(move |number| (first + in_memory(row, number)) as u16));
    (0..columns).chain(0..2 * columns).flat_map(|index| column(128 * index)).collect()
}

/// Rows that lie together are copied whole, others number by number: two ways to one result. What that saves, benches/prefill.rs tells.
#[test]
fn sinks_and_window_are_joined_by_whole_rows() {
    for rows in [Rows::Whole, Rows::WithGaps] {
        assert!(concat(100, rows) == joined(100, rows), "{rows:?}");
    }
}

#[test]
fn the_library_tells_the_stamp_of_its_patches() {
    assert_eq!(stamp(), PATCH_STAMP);
}

#[test]
fn the_newest_context_is_found_until_it_is_freed() {
    let model = Model::load(&RandomModel::new(LLAMA, 21));
    assert!(newest_context().is_null());
    let first = Context::new(&model, IN_F16);
    assert!(first.is_newest());
    let second = Context::new(&model, IN_F16);
    assert!(second.is_newest() && !first.is_newest());
    // Freed elsewhere: this thread must learn of it.
    std::thread::scope(|scope| {
        scope.spawn(move || {
            assert!(newest_context().is_null(), "another thread has made none");
            drop(second);
        });
    });
    assert!(newest_context().is_null());
}

/// A program may keep its context in a static object, or free it on a thread that is still running when `main` returns. A child process
/// does so: the test calls itself.
#[test]
fn a_context_can_be_freed_after_main_has_returned() {
    const CHILD: &str = "LUNETTE_TEST_FREE_AT_EXIT";
    if std::env::var_os(CHILD).is_some() {
        free_at_exit(|| Context::new(Box::leak(Box::new(Model::load(&RandomModel::new(LLAMA, 23)))), IN_F16));
        return;
    }
    let program = std::env::current_exe().expect("a running program has a path");
    let mut child = std::process::Command::new(program);
    child.args(["--exact", "a_context_can_be_freed_after_main_has_returned"]).env(CHILD, "1");
    let ended = child.output().expect("the program starts again");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && told.contains(FREED), "{}: {told}", ended.status);
}
