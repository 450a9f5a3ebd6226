//! Ranges of positions, copied out of a KV cache and appended to another: every byte must be where it was.

use crate::support::comparing::{IN_F16, IN_F32, LLAMA, QWEN2, QWEN3, assert_same, read, sliding, tokens};
use crate::support::gguf::Value;
use crate::support::llama::{Context, Model, Options, Q4_0, Q8_0};
use crate::support::random_model::{GgufFace, RandomModel};
use lunette::swaa::Attention;

/// Number types, transposed V or not, and streams.
fn layouts() -> Vec<Options> {
    let quantised = |kv_dtype| Options { kv_dtype, ..IN_F16 };
    let transposed = Options { flash_attention: false, ..IN_F16 };
    let of_two = |unified, of: Options| Options { context_tokens: 2048, sequences: 2, unified, ..of };
    vec![
        IN_F32,
        IN_F16,
        quantised(Q8_0),
        quantised(Q4_0),
        transposed,
        of_two(true, IN_F16),
        of_two(false, IN_F16),
        of_two(false, transposed),
        of_two(false, IN_F32),
    ]
}

#[test]
fn a_range_is_appended_bit_for_bit_in_every_layout() {
    for shape in [LLAMA, QWEN2, QWEN3] {
        let weights = RandomModel::new(shape, 31);
        let model = Model::load(&weights);
        for options in layouts() {
            let attention = sliding(45, 6);
            let sequence = options.sequences - 1;
            let number = i32::try_from(sequence).expect("small");
            let mut first = Context::new(&model, options);
            read(&mut first, &tokens(0, 600, sequence), 600, &attention);
            let mut second = Context::new(&model, options);
            for (start, end) in [(0, 256), (256, 257), (257, 600)] {
                let block = first.copy_range(number, start, end).expect("it is there");
                assert!(second.append_range(number, start, end, &block), "{start}..{end} {options:?}");
                assert_eq!(second.copy_range(number, start, end), Some(block), "{start}..{end} {options:?}");
            }
            assert_eq!(second.range_layout(), first.range_layout());
            let text = tokens(600, 100, sequence);
            let on = read(&mut first, &text, 64, &attention);
            assert_same(&read(&mut second, &text, 64, &attention), &on, &format!("{shape:?} {options:?}"));
        }
    }
}

#[test]
fn another_layout_describes_itself_otherwise() {
    let weights = RandomModel::new(LLAMA, 32);
    let model = Model::load(&weights);
    let mut seen: Vec<String> =
        [IN_F32, IN_F16, Options { kv_dtype: Q8_0, ..IN_F16 }, Options { flash_attention: false, ..IN_F16 }]
            .into_iter()
            .map(|options| Context::new(&model, options).range_layout().expect("a plain cache"))
            .collect();
    assert!(seen[1].contains("f16 128 f16 128") && seen[1].contains("rope 10000"), "{}", seen[1]);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4, "{seen:?}");
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let weights = RandomModel::new(QWEN2, 33);
    let model = Model::load(&weights);
    let options = Options { context_tokens: 512, ..IN_F16 };
    let mut first = Context::new(&model, options);
    read(&mut first, &tokens(0, 300, 0), 300, &Attention::Full);
    let block = first.copy_range(0, 100, 300).expect("it is there");
    assert_eq!(first.copy_range(0, 200, 301), None, "position 300 is not there");
    assert_eq!((first.copy_range(0, 5, 5), first.copy_range(0, -1, 5)), (None, None));
    assert!(!first.append_range(0, 100, 300, &block), "it is there already");
    assert!(!first.append_range(0, 301, 501, &block), "a hole");
    assert!(!first.append_range(0, 300, 500, &block[1..]), "a byte is missing");
    assert!(!first.append_range(0, 300, 499, &block), "too many bytes");
    assert!(first.append_range(0, 300, 500, &block), "as many as there is room for");
    assert!(!first.append_range(0, 500, 700, &block), "no room");
    first.remove(0, 150, 160);
    assert_eq!(first.copy_range(0, 100, 300), None, "a hole");
    assert_eq!(first.copy_range(0, 300, 500), Some(block));
    // Without the second half it is as before.
    first.remove(0, 300, 500);
    let mut second = Context::new(&model, options);
    read(&mut second, &tokens(0, 300, 0), 300, &Attention::Full);
    second.remove(0, 150, 160);
    let text = tokens(300, 50, 0);
    let on = read(&mut second, &text, 50, &Attention::Full);
    assert_same(&read(&mut first, &text, 50, &Attention::Full), &on, "after refusals");
}

/// Cells of two sequences by turns.
#[test]
fn scattered_cells_are_found_by_their_positions() {
    let weights = RandomModel::new(LLAMA, 34);
    let model = Model::load(&weights);
    for options in [IN_F16, IN_F32] {
        let options = Options { context_tokens: 2048, sequences: 2, ..options };
        let attention = sliding(45, 6);
        let mut first = Context::new(&model, options);
        for from in (0..600).step_by(60) {
            for sequence in [0, 1] {
                read(&mut first, &tokens(from, 60, sequence), 60, &attention);
            }
        }
        let mut second = Context::new(&model, options);
        for (start, end) in [(0, 200), (200, 600)] {
            for sequence in [0, 1] {
                let block = first.copy_range(sequence, start, end).expect("it is there");
                assert!(second.append_range(sequence, start, end, &block), "{sequence} {start}..{end}");
                assert_eq!(second.copy_range(sequence, start, end), Some(block));
            }
        }
        for sequence in [0, 1] {
            let text = tokens(600, 50, sequence);
            let on = read(&mut first, &text, 50, &attention);
            // The cells lie elsewhere, so sums are added in another order.
            let again = read(&mut second, &text, 50, &attention);
            assert_eq!(again.len(), on.len());
            for (ours, theirs) in again.iter().zip(&on) {
                let apart = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
                assert!(apart < 0.05, "{apart}");
            }
        }
    }
}

#[test]
fn a_model_without_a_cache_is_refused() {
    let weights = RandomModel::new(QWEN2, 35);
    let face = GgufFace { architecture: "dream", more_keys: vec![], without: vec![] };
    let model = Model::load_as(&weights, &face);
    let mut context = Context::new(&model, IN_F16);
    assert_eq!(context.range_layout(), Err("it keeps no KV cache".to_owned()));
    assert_eq!(context.copy_range(0, 0, 1), None);
    assert!(!context.append_range(0, 0, 1, &[0; 64]));
}

/// Qwen2-VL and Qwen3.5 give each token several positions; those of text are all the same.
#[test]
fn text_with_several_positions_is_appended_bit_for_bit() {
    let weights = RandomModel::new(QWEN2, 35);
    let sections = ("rope.dimension_sections", Value::U32List(vec![16, 8, 8, 0]));
    let face = GgufFace { architecture: "qwen2vl", more_keys: vec![sections], without: vec![] };
    let model = Model::load_as(&weights, &face);
    for options in [IN_F32, IN_F16] {
        let mut first = Context::new(&model, options);
        read(&mut first, &tokens(0, 300, 0), 300, &Attention::Full);
        let mut second = Context::new(&model, options);
        for (start, end) in [(0, 256), (256, 300)] {
            let block = first.copy_range(0, start, end).expect("it is there");
            assert!(second.append_range(0, start, end, &block), "{start}..{end} {options:?}");
        }
        let text = tokens(300, 50, 0);
        let on = read(&mut first, &text, 50, &Attention::Full);
        assert_same(&read(&mut second, &text, 50, &Attention::Full), &on, &format!("{options:?}"));
    }
}
