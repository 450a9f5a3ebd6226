//! The hand: a plain f32 forward pass whose mask is [`lunette::swaa::weight`]. Slow, short, and the judge.
//!
//! It keeps keys with and without their rotation, so that an entry that moves is rotated anew and not twice.

use std::ops::Range;

use lunette::swaa::{Attention, weight};

use super::gguf::Tensor;
use super::random_model::{
    CONVOLUTION_TOKENS, Convolution, Family, Layer, NORM_EPSILON, ROPE_BASE, RandomModel, Shape,
};

/// One token at its place in a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) id: u32,
    pub(crate) position: u32,
    pub(crate) sequence: u32,
}

/// What a layer remembers of a token. Of a convolution, the key is its gated input, and there is nothing else.
#[derive(Debug, Clone)]
struct Entry {
    position: u32,
    sequence: u32,
    key: Vec<f32>,
    rotated_key: Vec<f32>,
    value: Vec<f32>,
}

/// A model with what it has read.
pub(crate) struct Reference<'model> {
    model: &'model RandomModel,
    /// By layer.
    entries: Vec<Vec<Entry>>,
    lookout: Option<Lookout>,
}

/// Which tokens tell what they attend to, and what they have told.
#[derive(Debug, Clone)]
struct Lookout {
    keys: u32,
    rows: Range<u32>,
    /// By layer, head and key.
    sums: Vec<Vec<Vec<f32>>>,
}

impl<'model> Reference<'model> {
    pub(crate) fn new(model: &'model RandomModel) -> Self {
        Self { model, entries: vec![Vec::new(); model.layers.len()], lookout: None }
    }

    /// From now on the tokens at the positions `rows` tell what they attend to among the positions `0..keys`.
    pub(crate) fn look_out(&mut self, keys: u32, rows: Range<u32>) {
        let sums = vec![vec![vec![0.0; keys as usize]; self.model.shape.heads]; self.model.layers.len()];
        self.lookout = Some(Lookout { keys, rows, sums });
    }

    /// The attention of a head to each key, added up over the rows that were read.
    pub(crate) fn seen(&self, layer: usize, head: usize) -> &[f32] {
        &self.lookout.as_ref().expect("the reference looks out").sums[layer][head]
    }

    /// Reads `tokens` under `attention`. Returns the logits of each.
    pub(crate) fn read(&mut self, tokens: &[Token], attention: &Attention) -> Vec<Vec<f32>> {
        let model = self.model;
        let mut hidden: Vec<Vec<f32>> = tokens.iter().map(|token| row(&model.embedding, token.id as usize)).collect();
        for index in 0..model.layers.len() {
            self.run_layer(index, tokens, attention, &mut hidden);
        }
        hidden.iter().map(|state| product(&model.output, &norm(state, &model.output_norm.data))).collect()
    }

    /// Forgets the positions `from..to` of a sequence.
    pub(crate) fn remove(&mut self, sequence: u32, from: u32, to: u32) {
        for entries in &mut self.entries {
            entries.retain(|entry| entry.sequence != sequence || !(from..to).contains(&entry.position));
        }
    }

    /// Moves the positions `from..` of a sequence down by `by`.
    pub(crate) fn move_down(&mut self, sequence: u32, from: u32, by: u32) {
        let shape = &self.model.shape;
        for entry in self.entries.iter_mut().flatten() {
            if entry.sequence == sequence && entry.position >= from {
                entry.position -= by;
                entry.rotated_key = rotate(shape, &entry.key, entry.position);
            }
        }
    }

    /// Gives all that a sequence has read to another one as well.
    pub(crate) fn copy(&mut self, from: u32, to: u32) {
        for entries in &mut self.entries {
            let copies = entries.iter().filter(|entry| entry.sequence == from).cloned();
            let copies: Vec<Entry> = copies.map(|entry| Entry { sequence: to, ..entry }).collect();
            entries.extend(copies);
        }
    }

    fn run_layer(&mut self, index: usize, tokens: &[Token], attention: &Attention, hidden: &mut [Vec<f32>]) {
        let (layer, shape) = (&self.model.layers[index], &self.model.shape);
        let normed: Vec<_> = hidden.iter().map(|state| norm(state, &layer.attention_norm.data)).collect();
        let entries = &mut self.entries[index];
        entries.extend(tokens.iter().zip(&normed).map(|(token, state)| remember(layer, shape, *token, state)));

        for ((token, state), normed) in tokens.iter().zip(hidden).zip(&normed) {
            if let Some(convolution) = &layer.convolution {
                add(state, &convolve(convolution, *token, normed, entries));
                let fed = feed_forward(layer, &norm(state, &layer.feed_forward_norm.data));
                add(state, &fed);
                continue;
            }
            let query = project(&layer.query, layer, shape, Head::Query, normed);
            if let Some(lookout) = self.lookout.as_mut().filter(|lookout| lookout.rows.contains(&token.position)) {
                lookout.look(index, shape, &rotate(shape, &query, token.position), entries);
            }
            let counted = entries.iter().map(|entry| (entry, count(attention, index, *token, entry)));
            let seen: Vec<(&Entry, u32)> = counted.filter(|&(_, count)| count > 0).collect();
            let mixed = attend(shape, &query, token.position, &seen);
            add(state, &product(&layer.output, &mixed));
            let fed = feed_forward(layer, &norm(state, &layer.feed_forward_norm.data));
            add(state, &fed);
        }
    }
}

impl Lookout {
    /// Adds the softmax over the keys alone, head by head.
    fn look(&mut self, layer: usize, shape: &Shape, query: &[f32], entries: &[Entry]) {
        let group = shape.heads / shape.kv_heads;
        let scale = 1.0 / (shape.head_dim as f32).sqrt();
        let keys: Vec<&Entry> = entries.iter().filter(|entry| entry.position < self.keys).collect();
        for (head, query) in query.chunks(shape.head_dim).enumerate() {
            let part = (head / group) * shape.head_dim..(head / group + 1) * shape.head_dim;
            let scores: Vec<f32> = keys.iter().map(|key| dot(query, &key.rotated_key[part.clone()]) * scale).collect();
            let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let total: f32 = scores.iter().map(|score| (score - highest).exp()).sum();
            for (score, key) in scores.iter().zip(&keys) {
                self.sums[layer][head][key.position as usize] += (score - highest).exp() / total;
            }
        }
    }
}

/// How many keys `key` counts for; 0 if it is not seen.
fn count(attention: &Attention, layer: usize, query: Token, key: &Entry) -> u32 {
    let (window, sinks, far) = match attention {
        Attention::Sliding { window, sinks, far, full_layers } if !full_layers.as_slice().contains(&(layer as u32)) => {
            (*window, *sinks, *far)
        }
        _ => (u32::MAX, 0, 0),
    };
    if query.sequence == key.sequence { weight(query.position, key.position, window, sinks, far) } else { 0 }
}

fn remember(layer: &Layer, shape: &Shape, token: Token, normed: &[f32]) -> Entry {
    if let Some(convolution) = &layer.convolution {
        let [into, _, input] = gates(convolution, normed);
        let key = into.iter().zip(&input).map(|(gate, value)| gate * value).collect();
        let Token { position, sequence, .. } = token;
        return Entry { position, sequence, key, rotated_key: Vec::new(), value: Vec::new() };
    }
    let key = project(&layer.key, layer, shape, Head::Key, normed);
    let value = project(&layer.value, layer, shape, Head::Value, normed);
    let rotated_key = rotate(shape, &key, token.position);
    Entry { position: token.position, sequence: token.sequence, key, rotated_key, value }
}

/// The gate of what goes into a convolution, the gate of what comes out, and the input.
fn gates(convolution: &Convolution, normed: &[f32]) -> [Vec<f32>; 3] {
    let all = product(&convolution.input, normed);
    let width = all.len() / 3;
    [0, 1, 2].map(|part| all[part * width..][..width].to_vec())
}

/// The gated sum over the last tokens, weighed by the kernel.
fn convolve(convolution: &Convolution, token: Token, normed: &[f32], entries: &[Entry]) -> Vec<f32> {
    let [_, out, _] = gates(convolution, normed);
    let mut sums = vec![0.0; out.len()];
    let seen = entries.iter().filter(|entry| entry.sequence == token.sequence && entry.position <= token.position);
    for (back, entry) in seen.map(|entry| ((token.position - entry.position) as usize, entry)) {
        let Some(column) = (CONVOLUTION_TOKENS - 1).checked_sub(back) else { continue };
        for ((sum, weights), value) in
            sums.iter_mut().zip(convolution.kernel.data.chunks(CONVOLUTION_TOKENS)).zip(&entry.key)
        {
            *sum += weights[column] * value;
        }
    }
    let gated: Vec<f32> = out.iter().zip(&sums).map(|(gate, sum)| gate * sum).collect();
    product(&convolution.output, &gated)
}

#[derive(Clone, Copy)]
enum Head {
    Query,
    Key,
    Value,
}

/// Queries, keys or values of all heads, with the family's bias and norm; not rotated.
fn project(matrix: &Tensor, layer: &Layer, shape: &Shape, head: Head, normed: &[f32]) -> Vec<f32> {
    let mut projected = product(matrix, normed);
    if let Some(biases) = &layer.biases {
        add(&mut projected, &biases[head as usize].data);
    }
    if let (Some(norms), Head::Query | Head::Key) = (&layer.head_norms, head) {
        let weights = &norms[head as usize].data;
        projected = projected.chunks(shape.head_dim).flat_map(|values| norm(values, weights)).collect();
    }
    projected
}

/// Softmax over the seen keys, each as many times as it counts, head by head: `[heads * head_dim]`.
fn attend(shape: &Shape, query: &[f32], position: u32, seen: &[(&Entry, u32)]) -> Vec<f32> {
    let query = rotate(shape, query, position);
    let group = shape.heads / shape.kv_heads;
    let mut mixed = vec![0.0; query.len()];
    for (head, (query, mixed)) in query.chunks(shape.head_dim).zip(mixed.chunks_mut(shape.head_dim)).enumerate() {
        let part = (head / group) * shape.head_dim..(head / group + 1) * shape.head_dim;
        let scale = 1.0 / (shape.head_dim as f32).sqrt();
        let scores: Vec<f32> =
            seen.iter().map(|(entry, _)| dot(query, &entry.rotated_key[part.clone()]) * scale).collect();
        let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let counted = scores.iter().zip(seen);
        let weights: Vec<f32> = counted.map(|(score, (_, count))| *count as f32 * (score - highest).exp()).collect();
        let total: f32 = weights.iter().sum();
        for (weight, (entry, _)) in weights.iter().zip(seen) {
            for (sum, value) in mixed.iter_mut().zip(&entry.value[part.clone()]) {
                *sum += weight / total * value;
            }
        }
    }
    mixed
}

/// Rotary position embedding. Llama pairs neighbours, Qwen pairs the halves of a head.
fn rotate(shape: &Shape, vector: &[f32], position: u32) -> Vec<f32> {
    let half = shape.head_dim / 2;
    let mut rotated = vector.to_vec();
    for head in rotated.chunks_mut(shape.head_dim) {
        for pair in 0..half {
            let (first, second) = match shape.family {
                Family::Llama => (2 * pair, 2 * pair + 1),
                Family::Qwen2 | Family::Qwen3 | Family::Lfm2 => (pair, pair + half),
            };
            let angle = position as f32 * ROPE_BASE.powf(-(pair as f32) / half as f32);
            let (sin, cos) = angle.sin_cos();
            let (x, y) = (head[first], head[second]);
            head[first] = x * cos - y * sin;
            head[second] = x * sin + y * cos;
        }
    }
    rotated
}

/// The feed-forward network, gated (`SwiGLU`).
fn feed_forward(layer: &Layer, normed: &[f32]) -> Vec<f32> {
    let gate = product(&layer.gate, normed);
    let up = product(&layer.up, normed);
    let gated: Vec<f32> = gate.iter().zip(&up).map(|(gate, up)| gate / (1.0 + (-gate).exp()) * up).collect();
    product(&layer.down, &gated)
}

/// Root mean square norm.
fn norm(vector: &[f32], weights: &[f32]) -> Vec<f32> {
    let mean_square = dot(vector, vector) / vector.len() as f32;
    let scale = 1.0 / (mean_square + NORM_EPSILON).sqrt();
    vector.iter().zip(weights).map(|(value, weight)| value * scale * weight).collect()
}

fn product(matrix: &Tensor, vector: &[f32]) -> Vec<f32> {
    matrix.data.chunks(matrix.columns).map(|row| dot(row, vector)).collect()
}

fn row(matrix: &Tensor, index: usize) -> Vec<f32> {
    matrix.data[index * matrix.columns..][..matrix.columns].to_vec()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn add(sum: &mut [f32], term: &[f32]) {
    for (sum, term) in sum.iter_mut().zip(term) {
        *sum += term;
    }
}
