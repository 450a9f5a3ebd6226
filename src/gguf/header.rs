//! The header: version, keys, tensors.
//!
//! ```text
//! "GGUF" version:u32 tensors:u64 keys:u64
//! for each key:    name type:u32 value
//! for each tensor: name dimensions:u32 length:u64… type:u32 offset:u64
//! padding to the alignment, then the data
//! ```
//!
//! What breaks the layout is an error here: lengths beyond the end of the file, unknown types, names that occur twice,
//! tensors that overlap or lie outside. What the keys mean is checked by [`super::check`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::error::Error;
use super::source::Source;
use super::tensor_types::block;
use super::value::Value;

/// Headers have some megabytes.
const BUFFER_BYTES: usize = 1 << 20;
const MAGIC: &[u8; 4] = b"GGUF";
/// Those that llama.cpp reads.
const VERSIONS: [u32; 2] = [2, 3];
const ALIGNMENT_KEY: &str = "general.alignment";
const DEFAULT_ALIGNMENT: u64 = 32;
/// A name, a type and a value take at least this many bytes.
const LEAST_KEY_BYTES: u64 = 8 + 4 + 1;
/// A name, the number of dimensions, a type and an offset.
const LEAST_TENSOR_BYTES: u64 = 8 + 4 + 4 + 8;
/// ggml's `GGML_MAX_NAME`, with the zero at the end.
const MOST_NAME_BYTES: usize = 63;
/// ggml's `GGML_MAX_DIMS`.
const MOST_DIMENSIONS: u32 = 4;

/// What a model's file says before its weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub keys: BTreeMap<String, Value>,
    pub tensors: Vec<Tensor>,
    /// The sha256 of the header's bytes, in hexadecimal.
    pub sha256: String,
}

/// A tensor as the header lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    pub name: String,
    /// The dimension whose values lie side by side comes first; there are up to four.
    pub lengths: Vec<u64>,
    /// ggml's number for its type.
    pub kind: u32,
    /// From the beginning of the data.
    pub offset: u64,
    pub bytes: u64,
}

impl Header {
    /// Reads the header of the file at `path`.
    ///
    /// Errors: the file can't be read, or its layout is broken.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let file = File::open(path)?;
        let file_bytes = file.metadata()?.len();
        Self::read_from(BufReader::with_capacity(BUFFER_BYTES, file), file_bytes)
    }

    /// Reads the header of a file of `file_bytes` bytes.
    pub fn read_from(file: impl Read, file_bytes: u64) -> Result<Self, Error> {
        let mut source = Source::new(file, file_bytes);
        let (tensor_count, key_count) = read_counts(&mut source)?;
        let keys = read_keys(&mut source, key_count)?;
        let tensors = read_tensors(&mut source, tensor_count)?;
        check_places(&tensors, alignment(&keys)?, source.at(), source.file_bytes())?;
        Ok(Self { keys, tensors, sha256: source.sha256() })
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.keys.get(key)
    }

    /// The value of `key` as UTF-8, up to the first zero.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<String> {
        Some(String::from_utf8_lossy(self.get(key)?.text()?).into_owned())
    }

    /// The value of `key`, if it is a `u32`.
    #[must_use]
    pub fn u32(&self, key: &str) -> Option<u32> {
        self.get(key)?.u32()
    }
}

/// The numbers of tensors and of keys.
fn read_counts(source: &mut Source<'_>) -> Result<(u64, u64), Error> {
    let magic = source.bytes(4, "the first bytes")?;
    if magic != MAGIC {
        return Err(Error::damaged("the beginning", format!("{:?}", magic.escape_ascii().to_string()), "\"GGUF\""));
    }
    let version = source.u32("the version")?;
    if !VERSIONS.contains(&version) {
        return Err(Error::damaged("the version of the format", version, "2 or 3"));
    }
    let tensors = source.u64("the number of tensors")?;
    let keys = source.u64("the number of keys")?;
    source.check_count(keys, LEAST_KEY_BYTES, &format!("a list of {keys} keys"))?;
    source.check_count(tensors, LEAST_TENSOR_BYTES, &format!("a list of {tensors} tensors"))?;
    Ok((tensors, keys))
}

fn read_keys(source: &mut Source<'_>, count: u64) -> Result<BTreeMap<String, Value>, Error> {
    let mut keys = BTreeMap::new();
    for number in 1..=count {
        let what = format!("the name of key {number}");
        let name = String::from_utf8_lossy(&source.text(&what)?).into_owned();
        if name.is_empty() {
            return Err(Error::damaged(what, "empty", "a text"));
        }
        let value = Value::read(source, &name)?;
        if keys.insert(name.clone(), value).is_some() {
            return Err(Error::damaged(what, format!("{name}, as before"), "a name of its own"));
        }
    }
    Ok(keys)
}

fn alignment(keys: &BTreeMap<String, Value>) -> Result<u64, Error> {
    let Some(value) = keys.get(ALIGNMENT_KEY) else { return Ok(DEFAULT_ALIGNMENT) };
    let stated = value.u32().filter(|bytes| bytes.is_power_of_two());
    stated.map(u64::from).ok_or_else(|| Error::key(ALIGNMENT_KEY, value.described(), "a power of two"))
}

fn read_tensors(source: &mut Source<'_>, count: u64) -> Result<Vec<Tensor>, Error> {
    let mut names = BTreeSet::new();
    let mut tensors = Vec::new();
    for number in 1..=count {
        let tensor = read_tensor(source, number)?;
        if !names.insert(tensor.name.clone()) {
            let found = format!("{}, as before", tensor.name);
            return Err(Error::damaged(format!("the name of tensor {number}"), found, "a name of its own"));
        }
        tensors.push(tensor);
    }
    Ok(tensors)
}

fn read_tensor(source: &mut Source<'_>, number: u64) -> Result<Tensor, Error> {
    let what = format!("the name of tensor {number}");
    let name = source.text(&what)?;
    if name.len() > MOST_NAME_BYTES {
        let expected = format!("at most {MOST_NAME_BYTES} bytes");
        return Err(Error::damaged(what, format!("{} bytes long", name.len()), expected));
    }
    let name = String::from_utf8_lossy(&name).into_owned();
    let what = format!("tensor {name}");
    let dimensions = source.u32(&what)?;
    if dimensions > MOST_DIMENSIONS {
        let expected = format!("at most {MOST_DIMENSIONS}");
        return Err(Error::damaged(format!("the number of dimensions of {what}"), dimensions, expected));
    }
    let lengths: Vec<u64> = (0..dimensions).map(|_| source.u64(&what)).collect::<Result<_, _>>()?;
    let kind = source.u32(&what)?;
    let offset = source.u64(&what)?;
    let bytes = tensor_bytes(&what, &lengths, kind)?;
    Ok(Tensor { name, lengths, kind, offset, bytes })
}

fn tensor_bytes(what: &str, lengths: &[u64], kind: u32) -> Result<u64, Error> {
    let (values, bytes) =
        block(kind).ok_or_else(|| Error::damaged(format!("the type of {what}"), kind, "one that ggml has"))?;
    let row = lengths.first().copied().unwrap_or(1);
    if row % values != 0 {
        let expected = format!("a multiple of {values}, as its type wants");
        return Err(Error::damaged(format!("the row length of {what}"), row, expected));
    }
    let count = lengths.iter().try_fold(1_u64, |count, length| count.checked_mul(*length));
    let size =
        count.filter(|count| i64::try_from(*count).is_ok()).and_then(|count| (count / values).checked_mul(bytes));
    size.ok_or_else(|| Error::damaged(format!("the size of {what}"), format!("{lengths:?}"), "below 2^63 values"))
}

/// Each tensor begins where the one before it ends, padded, and the last ends within the file.
fn check_places(tensors: &[Tensor], alignment: u64, header_bytes: u64, file_bytes: u64) -> Result<(), Error> {
    let outside = |tensor: &Tensor| Error::Ends {
        what: format!("tensor {}", tensor.name),
        at: tensor.offset,
        need: tensor.bytes,
        have: file_bytes,
    };
    let data = header_bytes.next_multiple_of(alignment);
    let mut end = 0_u64;
    for tensor in tensors {
        if tensor.offset != end {
            return Err(Error::damaged(
                format!("the offset of tensor {}", tensor.name),
                tensor.offset,
                end.to_string(),
            ));
        }
        let last = data.checked_add(end).and_then(|start| start.checked_add(tensor.bytes));
        if last.is_none_or(|last| last > file_bytes) {
            return Err(outside(tensor));
        }
        end = end
            .checked_add(tensor.bytes)
            .and_then(|end| end.checked_next_multiple_of(alignment))
            .ok_or_else(|| outside(tensor))?;
    }
    Ok(())
}
