//! Changes a GGUF file in every way that its format allows: each number, text, list, name, type, length and offset.
//!
//! Nothing here knows what a key means, so that a key which is new tomorrow is changed, too. Example: `llama.block_count`, a `u32` of 1,
//! gives ten files with other numbers, twelve with another type, one without the key.
//!
//! Changed files share the weights of the base in memory.

use std::fs;
use std::path::Path;
use std::sync::Arc;

/// A changed file: what was changed, and its bytes.
pub(crate) struct Damaged {
    pub(crate) what: String,
    head: Vec<u8>,
    data: Arc<[u8]>,
}

impl Damaged {
    fn whole(what: String, bytes: Vec<u8>) -> Self {
        Self { what, head: bytes, data: Arc::default() }
    }

    pub(crate) fn write_to(&self, path: &Path) {
        fs::write(path, [&self.head[..], &self.data].concat()).expect("the temporary folder takes a small file");
    }
}

const U32: u32 = 4;
const F32: u32 = 6;
const TEXT: u32 = 8;
const LIST: u32 = 9;
/// All types of the format, and two that it doesn't have.
const TYPES: [u32; 15] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 255];
/// ggml's types, with those that are gone and one that isn't there.
const TENSOR_TYPES: [u32; 14] = [0, 1, 2, 4, 8, 12, 14, 16, 31, 36, 39, 42, 43, u32::MAX];
/// Files with bytes changed at random.
const RANDOM: u64 = 60;
const CUTS: usize = 40;

#[derive(Debug, Clone)]
struct Key {
    name: Vec<u8>,
    kind: u32,
    value: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Tensor {
    name: Vec<u8>,
    lengths: Vec<u64>,
    kind: u32,
    offset: u64,
}

/// A file in pieces that can be put together again in another way.
#[derive(Debug, Clone)]
struct Model {
    keys: Vec<Key>,
    tensors: Vec<Tensor>,
    data: Arc<[u8]>,
}

/// Every change of the file at `base`.
pub(crate) fn all(base: &Path) -> Vec<Damaged> {
    let bytes = fs::read(base).expect("the base can be read");
    let model = Model::parse(&bytes);
    let header = model.header().len();
    assert_eq!([&model.padded_header()[..], &model.data].concat(), bytes, "a file that is not changed is the same");
    let mut all = Vec::new();
    all.extend(counts(&bytes));
    all.extend(changed_keys(&model));
    all.extend(changed_tensors(&model));
    all.extend(changed_weights(&model));
    all.extend(cuts(&bytes, header));
    all.extend((0..RANDOM).map(|seed| at_random(&bytes, header, seed)));
    all
}

// --- the pieces ------------------------------------------------------------------------------------------------------

/// Reads what is known to be sound.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().expect("four bytes"))
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take(8).try_into().expect("eight bytes"))
    }

    fn text(&mut self) -> &'a [u8] {
        let count = self.u64() as usize;
        self.take(count)
    }

    /// The bytes of a value.
    fn value(&mut self, kind: u32) -> &'a [u8] {
        let before = self.0;
        match kind {
            TEXT => _ = self.text(),
            LIST => {
                let (kind, count) = (self.u32(), self.u64());
                (0..count).for_each(|_| _ = self.value(kind));
            }
            number => _ = self.take(number_bytes(number)),
        }
        &before[..before.len() - self.0.len()]
    }
}

fn number_bytes(kind: u32) -> usize {
    match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        _ => 8,
    }
}

fn text_bytes(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text].concat()
}

impl Model {
    fn parse(bytes: &[u8]) -> Self {
        let mut reader = Reader(bytes);
        reader.take(8);
        let (tensors, keys) = (reader.u64(), reader.u64());
        let keys = (0..keys).map(|_| {
            let name = reader.text().to_vec();
            let kind = reader.u32();
            Key { name, kind, value: reader.value(kind).to_vec() }
        });
        let keys = keys.collect();
        let tensors = (0..tensors).map(|_| {
            let name = reader.text().to_vec();
            let dimensions = reader.u32();
            let lengths = (0..dimensions).map(|_| reader.u64()).collect();
            Tensor { name, lengths, kind: reader.u32(), offset: reader.u64() }
        });
        let tensors = tensors.collect();
        let at = bytes.len() - reader.0.len();
        Self { keys, tensors, data: bytes[at.next_multiple_of(32)..].into() }
    }

    /// Up to the padding.
    fn header(&self) -> Vec<u8> {
        let mut out = b"GGUF\x03\0\0\0".to_vec();
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.keys.len() as u64).to_le_bytes());
        for key in &self.keys {
            out.extend(text_bytes(&key.name));
            out.extend(key.kind.to_le_bytes());
            out.extend(&key.value);
        }
        for tensor in &self.tensors {
            out.extend(text_bytes(&tensor.name));
            out.extend((tensor.lengths.len() as u32).to_le_bytes());
            out.extend(tensor.lengths.iter().flat_map(|length| length.to_le_bytes()));
            out.extend(tensor.kind.to_le_bytes());
            out.extend(tensor.offset.to_le_bytes());
        }
        out
    }

    fn padded_header(&self) -> Vec<u8> {
        let mut out = self.header();
        out.resize(out.len().next_multiple_of(32), 0);
        out
    }

    /// The file after `change`.
    fn with(&self, what: String, change: impl FnOnce(&mut Self)) -> Damaged {
        let mut model = self.clone();
        change(&mut model);
        Damaged { what, head: model.padded_header(), data: model.data }
    }
}

// --- the changes -----------------------------------------------------------------------------------------------------

fn with_bytes(bytes: &[u8], what: String, at: usize, new: &[u8]) -> Damaged {
    let mut bytes = bytes.to_vec();
    bytes[at..at + new.len()].copy_from_slice(new);
    Damaged::whole(what, bytes)
}

/// Version, number of tensors, number of keys.
fn counts(bytes: &[u8]) -> Vec<Damaged> {
    let versions = [0, 1, 2, 4, 99, 0x0300_0000_u32];
    let mut all: Vec<Damaged> =
        versions.iter().map(|v| with_bytes(bytes, format!("version {v}"), 4, &v.to_le_bytes())).collect();
    for (name, at) in [("tensors", 8), ("keys", 16)] {
        let real = Reader(&bytes[at..]).u64();
        for count in [0, 1, real - 1, real + 1, 1_000_000_000, 1 << 32, u64::MAX / 2, u64::MAX] {
            all.push(with_bytes(bytes, format!("{count} {name}"), at, &count.to_le_bytes()));
        }
    }
    all
}

fn changed_keys(model: &Model) -> Vec<Damaged> {
    let mut all = Vec::new();
    for (index, key) in model.keys.iter().enumerate() {
        let name = String::from_utf8_lossy(&key.name).into_owned();
        all.push(model.with(format!("without {name}"), |model| _ = model.keys.remove(index)));
        all.push(model.with(format!("{name} twice"), |model| model.keys.push(key.clone())));
        let mut put = |what: String, kind: u32, value: Vec<u8>| {
            let change = |model: &mut Model| (model.keys[index].kind, model.keys[index].value) = (kind, value);
            all.push(model.with(format!("{name}: {what}"), change));
        };
        for kind in TYPES.into_iter().filter(|kind| *kind != key.kind) {
            put(format!("type {kind}, the same bytes"), kind, key.value.clone());
        }
        for (what, kind, value) in other_values(key) {
            put(what, kind, value);
        }
    }
    all.extend(more_keys(model));
    all
}

/// Other values that a key may have.
fn other_values(key: &Key) -> Vec<(String, u32, Vec<u8>)> {
    let mut reader = Reader(&key.value);
    match key.kind {
        U32 => {
            let real = reader.u32();
            let others =
                [0, 1, 2, real.wrapping_sub(1), real + 1, 513, 65_537, 1 << 24, i32::MAX as u32, 1 << 31, u32::MAX];
            let put = |other: u32| (other.to_string(), U32, other.to_le_bytes().to_vec());
            let of_each_layer = |other: u32| {
                let list = [&U32.to_le_bytes()[..], &1_u64.to_le_bytes(), &other.to_le_bytes()].concat();
                (format!("a list of {other}"), LIST, list)
            };
            others.map(put).into_iter().chain([of_each_layer(0), of_each_layer(7)]).collect()
        }
        F32 => {
            let others = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -1.0, f32::MIN_POSITIVE, f32::MAX];
            others.map(|other| (other.to_string(), F32, other.to_le_bytes().to_vec())).into()
        }
        TEXT => {
            let long = "N".repeat(1 << 20);
            let others: [&[u8]; 9] = [
                b"",
                b"none",
                b"nonsense",
                b"llama",
                b"bert",
                b"\xff\xfe",
                b"ab\0cd",
                b"\x1b]0;PWNED\x07",
                long.as_bytes(),
            ];
            let shown =
                |other: &[u8]| String::from_utf8_lossy(&other[..other.len().min(12)]).escape_debug().to_string();
            let mut all: Vec<_> = others.map(|other| (shown(other), TEXT, text_bytes(other))).into();
            for length in [0, 1 << 40, u64::MAX / 2 + 1, u64::MAX] {
                let lie = [&length.to_le_bytes()[..], &key.value[8..]].concat();
                all.push((format!("says that it has {length} bytes"), TEXT, lie));
            }
            all
        }
        LIST => other_lists(&key.value),
        _ => vec![("all ones".to_owned(), key.kind, vec![0xff; key.value.len()])],
    }
}

fn other_lists(value: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
    let mut reader = Reader(value);
    let (kind, count) = (reader.u32(), reader.u64());
    let values: Vec<&[u8]> = (0..count).map(|_| reader.value(kind)).collect();
    let list = |kind: u32, count: u64, values: &[&[u8]]| {
        [&kind.to_le_bytes()[..], &count.to_le_bytes(), &values.concat()].concat()
    };
    let half = &values[..values.len() / 2];
    let mut all = vec![
        ("empty".to_owned(), LIST, list(kind, 0, &[])),
        ("one value".to_owned(), LIST, list(kind, 1, &values[..1])),
        ("half".to_owned(), LIST, list(kind, half.len() as u64, half)),
        ("half, twice".to_owned(), LIST, list(kind, 2 * half.len() as u64, &[half, half].concat())),
        ("every value the first".to_owned(), LIST, list(kind, count, &vec![values[0]; values.len()])),
    ];
    for wrong in [count - 1, count + 1, 1 << 40, u64::MAX] {
        all.push((format!("says that it has {wrong} values"), LIST, list(kind, wrong, &values)));
    }
    for wrong in TYPES.into_iter().filter(|wrong| *wrong != kind) {
        all.push((format!("values of type {wrong}"), LIST, list(wrong, count, &values)));
    }
    if kind == TEXT {
        all.extend(other_texts(&values));
    } else if number_bytes(kind) == 4 {
        for (what, four) in [("all ones", [0xff; 4]), ("all zeros", [0; 4]), ("all sixes", [6, 0, 0, 0])] {
            all.push((format!("every value {what}"), LIST, list(kind, count, &vec![&four[..]; values.len()])));
        }
    }
    all
}

fn other_texts(values: &[&[u8]]) -> Vec<(String, u32, Vec<u8>)> {
    let each = |what: &str, change: &dyn Fn(&[u8]) -> Vec<u8>| {
        let texts: Vec<u8> = values.iter().flat_map(|value| text_bytes(&change(&value[8..]))).collect();
        let list = [&TEXT.to_le_bytes()[..], &(values.len() as u64).to_le_bytes(), &texts].concat();
        (what.to_owned(), LIST, list)
    };
    vec![
        each("every text empty", &|_| Vec::new()),
        each("every text begins with a zero", &|text| [b"\0", text].concat()),
        each("every text is no UTF-8", &|text| [b"\xff\xfe", text].concat()),
        each("every text has an escape", &|text| [b"\x1b[31m", text].concat()),
        each("every text without its spaces", &|text| text.iter().copied().filter(|byte| *byte != b' ').collect()),
        each("every text long", &|text| [text, &[b'x'; 4096]].concat()),
    ]
}

/// Keys that the base doesn't have, and that llama.cpp looks for.
fn more_keys(model: &Model) -> Vec<Damaged> {
    let numbers = [
        ("llama.expert_count", 8),
        ("llama.expert_count", 1 << 31),
        ("llama.expert_used_count", 3),
        ("llama.expert_group_count", 3),
        ("llama.nextn_predict_layers", 9),
        ("llama.pooling_type", 99),
        ("llama.attention.sliding_window", 1),
        ("llama.attention.sliding_window", u32::MAX),
        ("general.alignment", 0),
        ("general.alignment", 3),
        ("general.alignment", 1 << 31),
        ("llama.attention.key_length", 1 << 31),
        ("tokenizer.ggml.unknown_token_id", u32::MAX),
        ("tokenizer.ggml.padding_token_id", 259),
        ("llama.rope.scaling.original_context_length", u32::MAX),
        ("llama.leading_dense_block_count", 99),
    ];
    let texts =
        [("llama.rope.scaling.type", "nonsense"), ("llama.rope.scaling.type", ""), ("llama.rope.scaling.type", "yarn")];
    let add = |name: &str, what: String, kind: u32, value: Vec<u8>| {
        let name = name.to_owned();
        model.with(format!("also {name} = {what}"), move |model| {
            model.keys.retain(|key| key.name != name.as_bytes());
            model.keys.push(Key { name: name.into_bytes(), kind, value });
        })
    };
    let numbers =
        numbers.map(|(name, number): (&str, u32)| add(name, number.to_string(), U32, number.to_le_bytes().into()));
    let texts = texts.map(|(name, text)| add(name, text.to_owned(), TEXT, text_bytes(text.as_bytes())));
    numbers.into_iter().chain(texts).collect()
}

fn changed_tensors(model: &Model) -> Vec<Damaged> {
    let mut all = Vec::new();
    for (index, tensor) in model.tensors.iter().enumerate() {
        let name = String::from_utf8_lossy(&tensor.name).into_owned();
        let mut put = |what: String, change: &dyn Fn(&mut Tensor)| {
            all.push(model.with(format!("{name}: {what}"), |model| change(&mut model.tensors[index])));
        };
        for length in [0, 1, tensor.lengths[0] + 1, tensor.lengths[0] * 2, 1 << 32, 1 << 62, u64::MAX] {
            put(format!("first length {length}"), &|tensor| tensor.lengths[0] = length);
        }
        for dimensions in [0, 1, 3, 4, 5] {
            put(format!("{dimensions} dimensions"), &|tensor| tensor.lengths.resize(dimensions, 1));
        }
        for kind in TENSOR_TYPES.into_iter().filter(|kind| *kind != tensor.kind) {
            put(format!("type {kind}"), &|tensor| tensor.kind = kind);
        }
        for offset in [1, tensor.offset + 32, 1_000_000_000, 1 << 63, u64::MAX - 31] {
            put(format!("offset {offset}"), &|tensor| tensor.offset = offset);
        }
        for (what, other) in
            [("no name", ""), ("a long name", "x".repeat(200).as_str()), ("an escape", "\x1b]0;PWNED\x07")]
        {
            put(what.to_owned(), &|tensor| tensor.name = other.as_bytes().to_vec());
        }
        put("another's name".to_owned(), &|tensor| tensor.name = b"output_norm.weight".to_vec());
        all.push(model.with(format!("without {name}"), |model| _ = model.tensors.remove(index)));
    }
    all
}

fn changed_weights(model: &Model) -> Vec<Damaged> {
    let every = |what: &str, four: [u8; 4]| {
        model.with(format!("every weight {what}"), |model| {
            model.data = four.iter().copied().cycle().take(model.data.len()).collect();
        })
    };
    vec![
        every("NaN", f32::NAN.to_le_bytes()),
        every("infinite", f32::INFINITY.to_le_bytes()),
        every("zero", [0; 4]),
        every("huge", f32::MAX.to_le_bytes()),
    ]
}

/// The beginning of the file, of many lengths.
fn cuts(bytes: &[u8], header: usize) -> Vec<Damaged> {
    let in_header = (0..CUTS).map(|n| n * header / CUTS);
    let in_data = (0..CUTS).map(|n| header + n * (bytes.len() - header) / CUTS);
    let cut = |length: usize| Damaged::whole(format!("its first {length} bytes"), bytes[..length].to_vec());
    in_header.chain([1, 3, 4, 5, 8, 20, 23, 24, bytes.len() - 1]).chain(in_data).map(cut).collect()
}

/// Up to eight bytes of the header, others each time and the same for the same seed.
fn at_random(bytes: &[u8], header: usize, seed: u64) -> Damaged {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut bytes = bytes.to_vec();
    for _ in 0..=next() % 8 {
        let (at, byte) = (next() as usize % header, [0, 1, 0x7f, 0x80, 0xff, next() as u8][next() as usize % 6]);
        bytes[at] = byte;
    }
    Damaged::whole(format!("bytes changed at random, {seed}"), bytes)
}
