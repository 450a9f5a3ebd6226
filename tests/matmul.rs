//! Products of a batch of tokens with quantised weights, against sums in f64.
//!
//! The tokens are whole numbers up to 127 times a power of two, with one of 127 in each block, so that quantising them to 8 bits
//! loses nothing: what is left between the two is the rounding of sums in f32.

#![allow(unsafe_code, reason = "the library's tensors, which the safe binding does not wrap")]
#![allow(clippy::cast_possible_wrap, reason = "sizes of small tensors")]

use std::{ptr, slice};

use llama_cpp_sys_2 as sys;
use proptest::prelude::*;

const BLOCK: usize = 32;

#[derive(Debug, Clone)]
struct Product {
    weights: sys::ggml_type,
    columns: usize,
    rows: usize,
    tokens: usize,
    threads: i32,
}

fn products() -> impl Strategy<Value = Product> {
    let types = prop::sample::select(vec![sys::GGML_TYPE_Q5_0, sys::GGML_TYPE_Q8_0, sys::GGML_TYPE_Q4_1]);
    (types, 1..12_usize, 1..100_usize, 1..40_usize, 1..4).prop_map(|(weights, blocks, rows, tokens, threads)| Product {
        weights,
        columns: blocks * BLOCK,
        rows,
        tokens,
        threads,
    })
}

/// A number that depends on its place alone.
fn scattered(index: usize) -> usize {
    index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40
}

fn token_number(index: usize) -> f32 {
    let whole = if index % BLOCK == 5 { 127.0 } else { (scattered(index) % 255) as f32 - 127.0 };
    whole / 64.0
}

fn weight(index: usize) -> f32 {
    (scattered(index + 1_000_003) % 2001) as f32 / 1000.0 - 1.0
}

/// The weights as the library quantised them, and its product of them with the tokens, a token after the other.
fn library(product: &Product) -> (Vec<f32>, Vec<f32>) {
    let Product { weights: kind, columns, rows, tokens, threads } = *product;
    let plain: Vec<f32> = (0..columns * rows).map(weight).collect();
    // SAFETY: the context owns all tensors and is freed after their last use; it has room for them in f32, twice, the graph and
    // its plan. `plain` holds a number for each of the weights, and so does `decoded`.
    unsafe {
        let mem_size = 8 * (columns * (rows + 2 * tokens) + rows * tokens) + (16 << 20);
        let ggml = sys::ggml_init(sys::ggml_init_params { mem_size, mem_buffer: ptr::null_mut(), no_alloc: false });
        let weights = sys::ggml_new_tensor_2d(ggml, kind, columns as i64, rows as i64);
        let packed = sys::ggml_get_data(weights);
        sys::ggml_quantize_chunk(kind, plain.as_ptr(), packed, 0, rows as i64, columns as i64, ptr::null());
        let mut decoded = vec![0.0; columns * rows];
        let decode = (*sys::ggml_get_type_traits(kind)).to_float.expect("a quantised type is decoded");
        decode(packed, decoded.as_mut_ptr(), (columns * rows) as i64);

        let batch = sys::ggml_new_tensor_2d(ggml, sys::GGML_TYPE_F32, columns as i64, tokens as i64);
        let numbers = slice::from_raw_parts_mut(sys::ggml_get_data_f32(batch), columns * tokens);
        numbers.iter_mut().enumerate().for_each(|(index, number)| *number = token_number(index));
        let result = sys::ggml_mul_mat(ggml, weights, batch);
        let graph = sys::ggml_new_graph(ggml);
        sys::ggml_build_forward_expand(graph, result);
        assert_eq!(sys::ggml_graph_compute_with_ctx(ggml, graph, threads), sys::GGML_STATUS_SUCCESS);
        let sums = slice::from_raw_parts(sys::ggml_get_data_f32(result), rows * tokens).to_vec();
        sys::ggml_free(ggml);
        (decoded, sums)
    }
}

/// The sum behind element `index` of a product, and that of its terms' sizes.
fn by_hand(product: &Product, decoded: &[f32], index: usize) -> (f64, f64) {
    let (token, row) = (index / product.rows, index % product.rows);
    let terms = (0..product.columns).map(|column| {
        f64::from(decoded[row * product.columns + column]) * f64::from(token_number(token * product.columns + column))
    });
    terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()))
}

proptest! {
    #[test]
    fn products_are_the_sums_that_they_stand_for(product in products()) {
        let (decoded, sums) = library(&product);
        for (index, &sum) in sums.iter().enumerate() {
            let (expected, size) = by_hand(&product, &decoded, index);
            prop_assert!((f64::from(sum) - expected).abs() <= 2e-6 * size, "element {index}: {sum}, by hand {expected}");
        }
    }

    /// What a token's product is does not depend on who is computed beside it, nor by how many: reuse by chunks stands on that.
    #[test]
    fn a_token_has_the_same_product_in_every_batch(product in products()) {
        let product = Product { tokens: product.tokens + 8, ..product };
        let (_, alone) = library(&Product { threads: 1, tokens: 8, ..product.clone() });
        let (_, among_others) = library(&product);
        prop_assert_eq!(&alone[..], &among_others[..alone.len()]);
    }
}
