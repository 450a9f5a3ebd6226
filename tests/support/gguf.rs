//! Writes GGUF files: the format's version 3, f32 tensors only.
//!
//! Layout: header, keys, table of tensors, padding to 32 bytes, the tensors, each padded to 32 bytes.

use std::io::{self, Write};
use std::path::Path;

const VERSION: u32 = 3;
const ALIGNMENT: usize = 32;
const TENSOR_F32: u32 = 0;

/// A key's value, with the format's number for its type.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    U32(u32),
    F32(f32),
    Text(String),
    U32List(Vec<u32>),
}

/// A matrix of `rows` rows of `columns` numbers; a vector has one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    pub columns: usize,
    pub rows: usize,
    pub data: Vec<f32>,
}

/// Keys and tensors, in the order in which they are written.
#[derive(Debug, Default)]
pub struct Gguf {
    pub keys: Vec<(String, Value)>,
    pub tensors: Vec<(String, Tensor)>,
}

impl Gguf {
    pub fn write_to(&self, path: &Path) -> io::Result<()> {
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
            put_tensor_info(&mut head, tensor, offset);
            offset += padded(tensor.data.len() * 4) as u64;
        }
        head.resize(padded(head.len()), 0);

        let mut file = io::BufWriter::new(std::fs::File::create(path)?);
        file.write_all(&head)?;
        for (_, tensor) in &self.tensors {
            let mut bytes: Vec<u8> = tensor.data.iter().flat_map(|number| number.to_le_bytes()).collect();
            bytes.resize(padded(bytes.len()), 0);
            file.write_all(&bytes)?;
        }
        file.flush()
    }
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
            out.extend(9u32.to_le_bytes());
            out.extend(4u32.to_le_bytes());
            out.extend((numbers.len() as u64).to_le_bytes());
            out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        }
    }
}

/// Dimensions come with the contiguous one first. A single row is written as a vector.
fn put_tensor_info(out: &mut Vec<u8>, tensor: &Tensor, offset: u64) {
    let dimensions = if tensor.rows == 1 { vec![tensor.columns] } else { vec![tensor.columns, tensor.rows] };
    out.extend((dimensions.len() as u32).to_le_bytes());
    out.extend(dimensions.iter().flat_map(|&length| (length as u64).to_le_bytes()));
    out.extend(TENSOR_F32.to_le_bytes());
    out.extend(offset.to_le_bytes());
}
