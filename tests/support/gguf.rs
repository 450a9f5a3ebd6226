//! Writes GGUF files: the format's version 3; vectors in f32, matrices in f32, bf16 or blocks of 8-bit numbers.
//!
//! Layout: header, keys, table of tensors, padding to 32 bytes, the tensors, each padded to 32 bytes.

#![allow(dead_code, reason = "each test file takes what it needs")]

use std::io::{self, Write};
use std::path::Path;

const VERSION: u32 = 3;
const ALIGNMENT: usize = 32;

/// In what numbers matrices are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Numbers {
    #[default]
    F32,
    Bf16,
    /// Blocks of 32 numbers of 8 bits with one scale in half precision.
    Q8_0,
}

/// Numbers in a block of `Q8_0`.
const BLOCK: usize = 32;

impl Numbers {
    /// The format's number for the type.
    fn id(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::Q8_0 => 8,
            Self::Bf16 => 30,
        }
    }

    fn bytes(self, numbers: &[f32]) -> Vec<u8> {
        match self {
            Self::F32 => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Self::Bf16 => numbers.iter().flat_map(|number| ((number.to_bits() >> 16) as u16).to_le_bytes()).collect(),
            Self::Q8_0 => numbers.chunks(BLOCK).flat_map(q8_0_block).collect(),
        }
    }

    /// The nearest number that can be written, so that writing loses nothing.
    pub(crate) fn nearest(self, numbers: &[f32]) -> Vec<f32> {
        match self {
            Self::F32 => numbers.to_vec(),
            Self::Bf16 => numbers.iter().map(|number| f32::from_bits(number.to_bits() & 0xffff_0000)).collect(),
            Self::Q8_0 => numbers.chunks(BLOCK).flat_map(nearest_in_block).collect(),
        }
    }
}

/// A power of two, so that half precision holds it: the least with which the greatest number fits 8 bits.
fn q8_0_scale(numbers: &[f32]) -> f32 {
    let greatest = numbers.iter().fold(f32::MIN_POSITIVE, |greatest, number| greatest.max(number.abs()));
    (greatest / 127.0).log2().ceil().exp2()
}

fn nearest_in_block(numbers: &[f32]) -> Vec<f32> {
    let scale = q8_0_scale(numbers);
    numbers.iter().map(|number| (number / scale).round() * scale).collect()
}

/// The scale in half precision, then the numbers in parts of it.
fn q8_0_block(numbers: &[f32]) -> Vec<u8> {
    let scale = q8_0_scale(numbers);
    let exponent = scale.log2() as i32 + 15;
    assert!((1..31).contains(&exponent), "{scale} is a normal number of half precision");
    let mut bytes = ((exponent as u16) << 10).to_le_bytes().to_vec();
    bytes.extend(numbers.iter().map(|number| (number / scale).round() as i8 as u8));
    bytes
}

/// A key's value, with the format's number for its type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    U32(u32),
    F32(f32),
    Text(String),
    U32List(Vec<u32>),
    I32List(Vec<i32>),
    TextList(Vec<String>),
}

/// `slices` matrices of `rows` rows of `columns` numbers; a vector has one row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tensor {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    pub(crate) slices: usize,
    pub(crate) data: Vec<f32>,
}

/// Keys and tensors, in the order in which they are written.
#[derive(Debug, Default)]
pub(crate) struct Gguf {
    /// Of the matrices.
    pub(crate) numbers: Numbers,
    pub(crate) keys: Vec<(String, Value)>,
    pub(crate) tensors: Vec<(String, Tensor)>,
}

impl Gguf {
    pub(crate) fn write_to(&self, path: &Path) -> io::Result<()> {
        let mut head = Vec::new();
        head.extend(b"GGUF");
        head.extend(VERSION.to_le_bytes());
        head.extend((self.tensors.len() as u64).to_le_bytes());
        head.extend((self.keys.len() as u64).to_le_bytes());
        for (name, value) in &self.keys {
            put_text(&mut head, name);
            put_value(&mut head, value);
        }
        let mut offset = 0;
        for (name, tensor) in &self.tensors {
            put_text(&mut head, name);
            put_tensor_info(&mut head, tensor, self.numbers_of(tensor), offset);
            offset += padded(self.numbers_of(tensor).bytes(&tensor.data).len()) as u64;
        }
        head.resize(padded(head.len()), 0);

        let mut file = io::BufWriter::new(std::fs::File::create(path)?);
        file.write_all(&head)?;
        for (_, tensor) in &self.tensors {
            let mut bytes = self.numbers_of(tensor).bytes(&tensor.data);
            bytes.resize(padded(bytes.len()), 0);
            file.write_all(&bytes)?;
        }
        file.flush()
    }

    fn numbers_of(&self, tensor: &Tensor) -> Numbers {
        if is_vector(tensor) { Numbers::F32 } else { self.numbers }
    }
}

fn is_vector(tensor: &Tensor) -> bool {
    tensor.rows == 1 && tensor.slices == 1
}

fn padded(len: usize) -> usize {
    len.next_multiple_of(ALIGNMENT)
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::U32(number) => {
            out.extend(4u32.to_le_bytes());
            out.extend(number.to_le_bytes());
        }
        Value::F32(number) => {
            out.extend(6u32.to_le_bytes());
            out.extend(number.to_le_bytes());
        }
        Value::Text(text) => {
            out.extend(8u32.to_le_bytes());
            put_text(out, text);
        }
        Value::U32List(numbers) => {
            put_list(out, 4, numbers.len());
            out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        }
        Value::I32List(numbers) => {
            put_list(out, 5, numbers.len());
            out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        }
        Value::TextList(texts) => {
            put_list(out, 8, texts.len());
            for text in texts {
                put_text(out, text);
            }
        }
    }
}

/// The type of a list, the type of its values and their number.
fn put_list(out: &mut Vec<u8>, kind: u32, count: usize) {
    out.extend(9u32.to_le_bytes());
    out.extend(kind.to_le_bytes());
    out.extend((count as u64).to_le_bytes());
}

/// Dimensions come with the contiguous one first. A single row is written as a vector.
fn put_tensor_info(out: &mut Vec<u8>, tensor: &Tensor, numbers: Numbers, offset: u64) {
    let mut dimensions = vec![tensor.columns, tensor.rows, tensor.slices];
    dimensions.truncate(if is_vector(tensor) { 1 } else { 2 + usize::from(tensor.slices > 1) });
    out.extend((dimensions.len() as u32).to_le_bytes());
    out.extend(dimensions.iter().flat_map(|&length| (length as u64).to_le_bytes()));
    out.extend(numbers.id().to_le_bytes());
    out.extend(offset.to_le_bytes());
}
