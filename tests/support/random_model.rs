//! Language models with random weights: small enough to be computed by hand, shaped like real ones.
//!
//! The weights are such that every layer's output has a variance of about one and attention is neither flat nor pointed
//! at one key: a mask that is off by one key changes the logits by far more than rounding does. No vocabulary: tokens are numbers.

use std::path::Path;

use super::gguf::{Gguf, Numbers, Tensor, Value};

/// What differs between the models' families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Llama,
    /// Biases on queries, keys and values.
    Qwen2,
    /// Norms on queries and keys.
    Qwen3,
    /// A hybrid: norms on queries and keys, and every other layer, from the first on, is a short convolution.
    Lfm2,
}

/// The sizes of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) family: Family,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head_dim: usize,
    pub(crate) embedding: usize,
    pub(crate) feed_forward: usize,
    pub(crate) vocab: usize,
}

impl Shape {
    /// Whether a layer attends; the others of a hybrid keep a state.
    pub(crate) fn attends(&self, layer: usize) -> bool {
        self.family != Family::Lfm2 || layer % 2 == 1
    }
}

/// A gated convolution over the last tokens, channel by channel, in place of attention.
#[derive(Debug)]
pub(crate) struct Convolution {
    /// To the gate of what goes in, the gate of what comes out, and the input, one after the other.
    pub(crate) input: Tensor,
    /// By channel, the present token last.
    pub(crate) kernel: Tensor,
    pub(crate) output: Tensor,
}

/// How many tokens a convolution sees.
pub(crate) const CONVOLUTION_TOKENS: usize = 3;

/// The weights of a layer. Matrices map a vector of `columns` numbers to one of `rows`.
#[derive(Debug)]
pub(crate) struct Layer {
    /// In place of all that attention has.
    pub(crate) convolution: Option<Convolution>,
    pub(crate) attention_norm: Tensor,
    pub(crate) query: Tensor,
    pub(crate) key: Tensor,
    pub(crate) value: Tensor,
    /// Of query, key and value.
    pub(crate) biases: Option<[Tensor; 3]>,
    /// Of query and key.
    pub(crate) head_norms: Option<[Tensor; 2]>,
    pub(crate) output: Tensor,
    pub(crate) feed_forward_norm: Tensor,
    pub(crate) gate: Tensor,
    pub(crate) up: Tensor,
    pub(crate) down: Tensor,
}

/// A model with its weights.
#[derive(Debug)]
pub(crate) struct RandomModel {
    pub(crate) shape: Shape,
    /// In what its matrices are written; they hold no others.
    pub(crate) numbers: Numbers,
    pub(crate) embedding: Tensor,
    pub(crate) layers: Vec<Layer>,
    pub(crate) output_norm: Tensor,
    pub(crate) output: Tensor,
}

pub(crate) const NORM_EPSILON: f32 = 1e-5;
pub(crate) const ROPE_BASE: f32 = 10_000.0;

impl RandomModel {
    pub(crate) fn new(shape: Shape, seed: u64) -> Self {
        let mut random = Random(seed);
        Self {
            shape,
            numbers: Numbers::F32,
            embedding: random.matrix(shape.embedding, shape.vocab, 1.0),
            layers: (0..shape.layers).map(|layer| Layer::new(shape, layer, &mut random)).collect(),
            output_norm: random.norm(shape.embedding),
            output: random.matrix(shape.embedding, shape.vocab, 1.0),
        }
    }

    /// The same model with its matrices in the nearest numbers of another type.
    pub(crate) fn in_numbers(mut self, numbers: Numbers) -> Self {
        let layers = self.layers.iter_mut().flat_map(Layer::matrices);
        for tensor in layers.chain([&mut self.embedding, &mut self.output]) {
            tensor.data = numbers.nearest(&tensor.data);
        }
        Self { numbers, ..self }
    }

    /// Writes the weights under the name of an architecture, with the keys that this one wants.
    pub(crate) fn write_as(&self, path: &Path, face: &GgufFace) {
        let mut tensors = self.tensors();
        tensors.retain(|(name, _)| !face.without.iter().any(|end| is_named(name, end)));
        let gguf = Gguf { numbers: self.numbers, keys: self.keys(face), tensors };
        gguf.write_to(path).expect("the temporary folder takes a small file");
    }

    fn keys(&self, face: &GgufFace) -> Vec<(String, Value)> {
        let shape = &self.shape;
        let numbers = [
            ("block_count", shape.layers),
            ("context_length", 1 << 17),
            ("embedding_length", shape.embedding),
            ("feed_forward_length", shape.feed_forward),
            ("attention.head_count", shape.heads),
            ("attention.key_length", shape.head_dim),
            ("attention.value_length", shape.head_dim),
            ("rope.dimension_count", shape.head_dim),
            ("vocab_size", shape.vocab),
        ];
        let own = |name: &str| format!("{}.{name}", face.architecture);
        let text = |name: &str, value: &str| (name.to_owned(), Value::Text(value.to_owned()));
        let mut keys = vec![text("general.architecture", face.architecture), text("tokenizer.ggml.model", "none")];
        keys.extend(numbers.map(|(name, number)| (own(name), Value::U32(number as u32))));
        keys.push((own("attention.head_count_kv"), self.kv_heads()));
        keys.push((own("attention.layer_norm_rms_epsilon"), Value::F32(NORM_EPSILON)));
        keys.push((own("rope.freq_base"), Value::F32(ROPE_BASE)));
        keys.extend(face.more_keys.iter().map(|(name, value)| (own(name), value.clone())));
        keys
    }

    /// One number where all layers attend.
    fn kv_heads(&self) -> Value {
        let of = |layer| if self.shape.attends(layer) { self.shape.kv_heads as u32 } else { 0 };
        match self.shape.family {
            Family::Lfm2 => Value::U32List((0..self.shape.layers).map(of).collect()),
            _ => Value::U32(self.shape.kv_heads as u32),
        }
    }

    fn tensors(&self) -> Vec<(String, Tensor)> {
        let output_norm = if self.shape.family == Family::Lfm2 { "token_embd_norm" } else { "output_norm" };
        let mut tensors = vec![
            ("token_embd.weight".to_owned(), self.embedding.clone()),
            (format!("{output_norm}.weight"), self.output_norm.clone()),
            ("output.weight".to_owned(), self.output.clone()),
        ];
        for (index, layer) in self.layers.iter().enumerate() {
            let named = layer.tensors().into_iter();
            tensors.extend(named.map(|(name, tensor)| (format!("blk.{index}.{name}"), tensor.clone())));
        }
        tensors
    }
}

/// `blk.0.ffn_norm.weight` ends with the whole name `ffn_norm.weight`, `attn_output.weight` does not end with `output.weight`.
fn is_named(name: &str, end: &str) -> bool {
    name.strip_suffix(end).is_some_and(|front| front.is_empty() || front.ends_with('.'))
}

/// Under which architecture weights are written. An architecture that has the same tensors as ours can be had by name.
#[derive(Debug)]
pub(crate) struct GgufFace {
    pub(crate) architecture: &'static str,
    /// Without the architecture in front.
    pub(crate) more_keys: Vec<(&'static str, Value)>,
    /// How the names of tensors end that this architecture does not have.
    pub(crate) without: Vec<&'static str>,
}

impl GgufFace {
    pub(crate) fn of(family: Family) -> Self {
        let architecture = match family {
            Family::Llama => "llama",
            Family::Qwen2 => "qwen2",
            Family::Qwen3 => "qwen3",
            Family::Lfm2 => "lfm2",
        };
        let tokens = ("shortconv.l_cache", Value::U32(CONVOLUTION_TOKENS as u32));
        let more_keys = if family == Family::Lfm2 { vec![tokens] } else { Vec::new() };
        Self { architecture, more_keys, without: Vec::new() }
    }
}

impl Layer {
    fn new(shape: Shape, index: usize, random: &mut Random) -> Self {
        let (width, queries, keys) = (shape.embedding, shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim);
        Self {
            convolution: (!shape.attends(index)).then(|| Convolution {
                input: random.matrix(width, 3 * width, 1.3),
                kernel: random.matrix(CONVOLUTION_TOKENS, width, 1.0),
                output: random.matrix(width, width, 1.3),
            }),
            attention_norm: random.norm(width),
            query: random.matrix(width, queries, 1.3),
            key: random.matrix(width, keys, 1.3),
            value: random.matrix(width, keys, 1.0),
            biases: (shape.family == Family::Qwen2)
                .then(|| [queries, keys, keys].map(|length| random.matrix(length, 1, 1.0))),
            head_norms: matches!(shape.family, Family::Qwen3 | Family::Lfm2)
                .then(|| [(); 2].map(|()| random.norm(shape.head_dim))),
            output: random.matrix(queries, width, 2.0),
            feed_forward_norm: random.norm(width),
            gate: random.matrix(width, shape.feed_forward, 1.0),
            up: random.matrix(width, shape.feed_forward, 1.0),
            down: random.matrix(shape.feed_forward, width, 1.0),
        }
    }

    fn matrices(&mut self) -> [&mut Tensor; 7] {
        [
            &mut self.query,
            &mut self.key,
            &mut self.value,
            &mut self.output,
            &mut self.gate,
            &mut self.up,
            &mut self.down,
        ]
    }

    fn tensors(&self) -> Vec<(&'static str, &Tensor)> {
        let mut tensors = vec![
            ("attn_norm.weight", &self.attention_norm),
            ("ffn_norm.weight", &self.feed_forward_norm),
            ("ffn_gate.weight", &self.gate),
            ("ffn_up.weight", &self.up),
            ("ffn_down.weight", &self.down),
        ];
        if let Some(Convolution { input, kernel, output }) = &self.convolution {
            tensors.extend([
                ("shortconv.in_proj.weight", input),
                ("shortconv.conv.weight", kernel),
                ("shortconv.out_proj.weight", output),
            ]);
            return tensors;
        }
        tensors.extend([
            ("attn_q.weight", &self.query),
            ("attn_k.weight", &self.key),
            ("attn_v.weight", &self.value),
            ("attn_output.weight", &self.output),
        ]);
        if let Some([query, key, value]) = &self.biases {
            tensors.extend([("attn_q.bias", query), ("attn_k.bias", key), ("attn_v.bias", value)]);
        }
        if let Some([query, key]) = &self.head_norms {
            tensors.extend([("attn_q_norm.weight", query), ("attn_k_norm.weight", key)]);
        }
        tensors
    }
}

/// The generator `SplitMix64`: enough for weights, and the same on every machine.
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in -1..1.
    fn number(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    /// A matrix that turns a vector of variance one into one of standard deviation `gain`.
    fn matrix(&mut self, columns: usize, rows: usize, gain: f32) -> Tensor {
        // A uniform number has variance 1/3. A single row is a bias, which is added and not multiplied.
        let terms = if rows == 1 { 1 } else { columns };
        let scale = gain * (3.0 / terms as f32).sqrt();
        Tensor { columns, rows, slices: 1, data: (0..columns * rows).map(|_| scale * self.number()).collect() }
    }

    /// Weights of a norm, around one.
    fn norm(&mut self, columns: usize) -> Tensor {
        Tensor { columns, rows: 1, slices: 1, data: (0..columns).map(|_| 1.0 + 0.2 * self.number()).collect() }
    }

    /// Tokens of a vocabulary.
    pub(crate) fn tokens(&mut self, count: usize, vocab: usize) -> Vec<u32> {
        (0..count).map(|_| (self.next() % vocab as u64) as u32).collect()
    }
}
