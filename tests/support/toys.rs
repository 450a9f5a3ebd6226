//! Models with random weights in the shapes of real families, one of each memory class: they show what a class does with
//! its cache, not what a model knows.
//!
//! Each has 8 layers of 64 numbers, a vocabulary of 256 bytes and two marks, and takes about a megabyte. What they
//! answer is noise, but the same noise for the same prompt.

#![allow(dead_code, reason = "each test file takes what it needs")]

use std::path::Path;

use lunette::swaa::{LayerSpec, RecipeSpec, WindowSpec};

use super::gguf::{Gguf, Numbers, Tensor, Value};

/// A window that hides something from the tokens of the documents that toys are asked about.
pub(crate) const SLIDING: RecipeSpec = RecipeSpec {
    window: WindowSpec::Tokens(256),
    sinks: 16,
    far: 0,
    full_layers: LayerSpec::FirstHalf,
    fa_decode: true,
    dense_tail: true,
    adapters: Vec::new(),
};

/// A family of models, named after what its memory is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Toy {
    /// Llama: every token on every layer.
    Plain,
    /// Qwen3.5: three of four layers are gated delta nets.
    DeltaNet,
    /// Qwen3.5 with experts, as Qwen3.6-35B-A3B: two of four for each token, and a shared one.
    DeltaExperts,
    /// LFM2: most layers are short convolutions.
    ShortConvolution,
    /// Granite 4 H: three of four layers are state spaces (Mamba 2).
    Granite,
    /// Falcon H1: every layer has attention and a state space.
    Falcon,
    /// Nemotron H: a layer is a state space, a feed-forward network or attention.
    Nemotron,
    /// Qwen2-VL: plain, with positions in sections (`M-RoPE`).
    Sections,
    /// Gemma 3: five of six layers see 64 tokens.
    Gemma,
    /// Gemma 4: the same, with other heads on the layers that see everything, and four layers that use the cache of earlier ones.
    Gemma4,
    /// gpt-oss: every other layer sees 64 tokens, with learned sinks and experts.
    GptOss,
    /// DeepSeek V2: compressed keys and values.
    Latent,
}

pub(crate) const ALL: [Toy; 12] = [
    Toy::Plain,
    Toy::Sections,
    Toy::DeltaNet,
    Toy::DeltaExperts,
    Toy::ShortConvolution,
    Toy::Granite,
    Toy::Falcon,
    Toy::Nemotron,
    Toy::Gemma,
    Toy::Gemma4,
    Toy::GptOss,
    Toy::Latent,
];

const LAYERS: usize = 8;
const WIDTH: usize = 64;
const FEED_FORWARD: usize = 128;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const HEAD: usize = 32;
const WINDOW: u32 = 64;
const EXPERTS: usize = 4;
const EXPERTS_USED: usize = 2;

/// The matrices of an expert: end of the name, columns, rows.
const OF_EXPERTS: [(&str, usize, usize); 3] =
    [("gate", WIDTH, FEED_FORWARD), ("up", WIDTH, FEED_FORWARD), ("down", FEED_FORWARD, WIDTH)];

/// Of the delta nets.
mod delta {
    pub(super) const STATE: usize = 16;
    pub(super) const GROUPS: usize = 2;
    pub(super) const HEADS: usize = 4;
    pub(super) const KERNEL: usize = 4;
}

/// Of the state spaces.
mod space {
    pub(super) const INNER: usize = 2 * super::WIDTH;
    pub(super) const STATE: usize = 16;
    pub(super) const GROUPS: usize = 2;
    pub(super) const HEADS: usize = 4;
    pub(super) const KERNEL: usize = 4;
}

/// Of the latent attention.
mod latent {
    pub(super) const QUERY_RANK: usize = 32;
    pub(super) const RANK: usize = 32;
    pub(super) const ROTATED: usize = 32;
    pub(super) const PLAIN: usize = 32;
}

/// Of Gemma 4.
mod gemma4 {
    /// Every fourth layer sees everything, with one KV head in place of two.
    pub(super) const fn sees_everything(layer: usize) -> bool {
        layer % 4 == 3
    }

    /// The last ones have no keys and values of their own: they take those of layers 2 and 3, one of each kind.
    pub(super) const SHARING: usize = 4;

    pub(super) const fn kv_heads(layer: usize) -> usize {
        if sees_everything(layer) { 1 } else { super::KV_HEADS }
    }
}

impl Toy {
    pub(crate) fn architecture(self) -> &'static str {
        match self {
            Self::Plain => "llama",
            Self::DeltaNet => "qwen35",
            Self::DeltaExperts => "qwen35moe",
            Self::ShortConvolution => "lfm2",
            Self::Granite => "granitehybrid",
            Self::Falcon => "falcon-h1",
            Self::Nemotron => "nemotron_h",
            Self::Sections => "qwen2vl",
            Self::Gemma => "gemma3",
            Self::Gemma4 => "gemma4",
            Self::GptOss => "gpt-oss",
            Self::Latent => "deepseek2",
        }
    }

    /// Writes the model.
    pub(crate) fn write_to(self, path: &Path) {
        self.gguf().write_to(path).expect("the temporary folder takes a small file");
    }

    /// Keys and tensors of the model.
    pub(crate) fn gguf(self) -> Gguf {
        let mut writer = Writer { toy: self, random: 7, gguf: Gguf { numbers: Numbers::F32, ..Gguf::default() } };
        writer.keys();
        writer.vocabulary();
        writer.tensors();
        writer.gguf
    }

    /// Query heads. Those of LFM2 and Qwen2-VL have no length of their own: they share the width.
    fn heads(self) -> usize {
        if matches!(self, Self::ShortConvolution | Self::Sections) { WIDTH / HEAD } else { HEADS }
    }

    fn has_attention(self, layer: usize) -> bool {
        match self {
            Self::DeltaNet | Self::DeltaExperts | Self::Granite | Self::Nemotron => (layer + 1).is_multiple_of(4),
            Self::ShortConvolution => layer % 4 == 2,
            _ => true,
        }
    }
}

struct Writer {
    toy: Toy,
    random: u64,
    gguf: Gguf,
}

impl Writer {
    fn key(&mut self, name: &str, value: Value) {
        let own = format!("{}.{name}", self.toy.architecture());
        self.gguf.keys.push((own, value));
    }

    fn number(&mut self, name: &str, number: usize) {
        self.key(name, Value::U32(number as u32));
    }

    fn keys(&mut self) {
        let text = |name: &str, value: &str| (name.to_owned(), Value::Text(value.to_owned()));
        let architecture = self.toy.architecture();
        self.gguf.keys.push(text("general.architecture", architecture));
        self.gguf.keys.push(text("general.name", &format!("Toy {architecture}")));
        let numbers = [
            ("block_count", LAYERS),
            ("context_length", 1 << 15),
            ("embedding_length", WIDTH),
            ("attention.head_count", self.toy.heads()),
        ];
        for (name, number) in numbers {
            self.number(name, number);
        }
        if self.toy == Toy::Nemotron {
            self.by_layer("feed_forward_length", |layer| if layer % 4 == 1 { FEED_FORWARD } else { 0 });
        } else {
            self.number("feed_forward_length", FEED_FORWARD);
        }
        self.key("attention.layer_norm_rms_epsilon", Value::F32(1e-6));
        self.key("rope.freq_base", Value::F32(1e6));
        match self.toy {
            Toy::Plain => self.heads(HEAD, HEAD),
            Toy::DeltaNet => self.delta_net_keys(),
            Toy::DeltaExperts => {
                self.delta_net_keys();
                self.expert_keys();
                self.number("expert_shared_feed_forward_length", FEED_FORWARD);
            }
            Toy::ShortConvolution => {
                self.kv_heads_by_layer();
                self.number("shortconv.l_cache", 3);
            }
            Toy::Sections => {
                self.heads(HEAD, HEAD);
                self.key("rope.dimension_sections", Value::U32List(vec![8, 4, 4, 0]));
            }
            Toy::Falcon => {
                self.heads(HEAD, HEAD);
                self.state_space_keys();
            }
            Toy::Granite | Toy::Nemotron => {
                self.kv_heads_by_layer();
                self.head_lengths(HEAD, HEAD);
                self.key("attention.layer_norm_epsilon", Value::F32(1e-6));
                self.state_space_keys();
            }
            Toy::Gemma => {
                self.heads(HEAD, HEAD);
                self.key("attention.sliding_window", Value::U32(WINDOW));
            }
            Toy::Gemma4 => self.gemma4_keys(),
            Toy::GptOss => {
                self.heads(HEAD, HEAD);
                self.key("attention.sliding_window", Value::U32(WINDOW));
                self.expert_keys();
            }
            Toy::Latent => self.latent_keys(),
        }
    }

    fn expert_keys(&mut self) {
        self.number("expert_count", EXPERTS);
        self.number("expert_used_count", EXPERTS_USED);
        self.number("expert_feed_forward_length", FEED_FORWARD);
    }

    fn gemma4_keys(&mut self) {
        self.by_layer("attention.head_count_kv", gemma4::kv_heads);
        self.head_lengths(HEAD, HEAD);
        self.by_layer("attention.sliding_window_pattern", |layer| usize::from(!gemma4::sees_everything(layer)));
        self.key("attention.sliding_window", Value::U32(WINDOW));
        let numbers = [
            ("attention.key_length_swa", HEAD),
            ("attention.value_length_swa", HEAD),
            ("rope.dimension_count_swa", HEAD),
            ("attention.shared_kv_layers", gemma4::SHARING),
            ("embedding_length_per_layer_input", 0),
        ];
        for (name, number) in numbers {
            self.number(name, number);
        }
    }

    fn by_layer(&mut self, name: &str, of: impl Fn(usize) -> usize) {
        self.key(name, Value::U32List((0..LAYERS).map(|layer| of(layer) as u32).collect()));
    }

    fn kv_heads_by_layer(&mut self) {
        let toy = self.toy;
        self.by_layer("attention.head_count_kv", |layer| if toy.has_attention(layer) { KV_HEADS } else { 0 });
    }

    fn heads(&mut self, head: usize, rotated: usize) {
        self.number("attention.head_count_kv", KV_HEADS);
        self.head_lengths(head, rotated);
    }

    fn head_lengths(&mut self, head: usize, rotated: usize) {
        self.number("attention.key_length", head);
        self.number("attention.value_length", head);
        self.number("rope.dimension_count", rotated);
    }

    fn state_space_keys(&mut self) {
        let numbers = [
            ("ssm.conv_kernel", space::KERNEL),
            ("ssm.inner_size", space::INNER),
            ("ssm.state_size", space::STATE),
            ("ssm.time_step_rank", space::HEADS),
            ("ssm.group_count", space::GROUPS),
        ];
        for (name, number) in numbers {
            self.number(name, number);
        }
    }

    fn delta_net_keys(&mut self) {
        self.heads(HEAD, 16);
        self.key("rope.dimension_sections", Value::U32List(vec![3, 3, 2, 0]));
        let numbers = [
            ("ssm.conv_kernel", delta::KERNEL),
            ("ssm.inner_size", delta::HEADS * delta::STATE),
            ("ssm.state_size", delta::STATE),
            ("ssm.time_step_rank", delta::HEADS),
            ("ssm.group_count", delta::GROUPS),
            ("full_attention_interval", 4),
        ];
        for (name, number) in numbers {
            self.number(name, number);
        }
    }

    fn latent_keys(&mut self) {
        let numbers = [
            ("attention.head_count_kv", 1),
            ("attention.key_length", latent::RANK + latent::ROTATED),
            ("attention.value_length", latent::RANK),
            ("attention.key_length_mla", latent::PLAIN + latent::ROTATED),
            ("attention.value_length_mla", latent::PLAIN),
            ("attention.q_lora_rank", latent::QUERY_RANK),
            ("attention.kv_lora_rank", latent::RANK),
            ("rope.dimension_count", latent::ROTATED),
            ("leading_dense_block_count", LAYERS),
            ("expert_feed_forward_length", FEED_FORWARD),
            ("expert_shared_count", 1),
        ];
        for (name, number) in numbers {
            self.number(name, number);
        }
    }

    /// The 256 bytes as GPT-2 writes them, one merged token (a vocabulary without merges is refused), and two marks.
    fn vocabulary(&mut self) {
        let mut tokens: Vec<String> = byte_letters().map(String::from).to_vec();
        tokens.push("ab".to_owned());
        let mut kinds = vec![1; tokens.len()];
        for mark in ["<|im_start|>", "<|im_end|>"] {
            tokens.push(mark.to_owned());
            kinds.push(3);
        }
        let end = tokens.len() as u32 - 1;
        let text = |value: &str| Value::Text(value.to_owned());
        let template = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}\
                        {% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
        let keys = [
            ("tokenizer.ggml.model", text("gpt2")),
            ("tokenizer.ggml.pre", text("qwen2")),
            ("tokenizer.ggml.tokens", Value::TextList(tokens)),
            ("tokenizer.ggml.token_type", Value::I32List(kinds)),
            ("tokenizer.ggml.merges", Value::TextList(vec!["a b".to_owned()])),
            ("tokenizer.ggml.eos_token_id", Value::U32(end)),
            ("tokenizer.ggml.bos_token_id", Value::U32(end)),
            ("tokenizer.ggml.padding_token_id", Value::U32(end)),
            ("tokenizer.chat_template", text(template)),
        ];
        self.gguf.keys.extend(keys.map(|(name, value)| (name.to_owned(), value)));
    }

    fn tensors(&mut self) {
        let vocab = 256 + 3;
        self.matrix("token_embd.weight", WIDTH, vocab);
        if self.toy == Toy::ShortConvolution {
            self.ones("token_embd_norm.weight", WIDTH);
        } else {
            self.ones("output_norm.weight", WIDTH);
        }
        self.matrix("output.weight", WIDTH, vocab);
        if self.toy == Toy::Gemma4 {
            self.ones("rope_freqs.weight", HEAD / 2);
        }
        for layer in 0..LAYERS {
            self.ones(&format!("blk.{layer}.attn_norm.weight"), WIDTH);
            match self.toy {
                Toy::Latent => self.latent_attention(layer),
                Toy::DeltaNet | Toy::DeltaExperts if !self.toy.has_attention(layer) => self.delta_net(layer),
                Toy::ShortConvolution if !self.toy.has_attention(layer) => self.short_convolution(layer),
                Toy::Nemotron if layer % 4 == 1 => self.plain_feed_forward(layer),
                Toy::Granite | Toy::Nemotron if !self.toy.has_attention(layer) => self.state_space(layer),
                Toy::Falcon => {
                    self.attention(layer);
                    self.state_space(layer);
                }
                _ => self.attention(layer),
            }
            if self.toy != Toy::Nemotron {
                self.feed_forward(layer);
            }
        }
    }

    fn attention(&mut self, layer: usize) {
        let name = |end: &str| format!("blk.{layer}.{end}");
        let heads = self.toy.heads();
        // Qwen3.5's queries come with a gate.
        let is_gated = matches!(self.toy, Toy::DeltaNet | Toy::DeltaExperts);
        let kv_heads = if self.toy == Toy::Gemma4 { gemma4::kv_heads(layer) } else { KV_HEADS };
        self.matrix(&name("attn_q.weight"), WIDTH, if is_gated { 2 } else { 1 } * heads * HEAD);
        self.matrix(&name("attn_k.weight"), WIDTH, kv_heads * HEAD);
        self.matrix(&name("attn_v.weight"), WIDTH, kv_heads * HEAD);
        self.matrix(&name("attn_output.weight"), heads * HEAD, WIDTH);
        if is_gated || matches!(self.toy, Toy::ShortConvolution | Toy::Gemma | Toy::Gemma4) {
            self.ones(&name("attn_q_norm.weight"), HEAD);
            self.ones(&name("attn_k_norm.weight"), HEAD);
        }
        if self.toy == Toy::GptOss {
            self.ones(&name("attn_sinks.weight"), HEADS);
            self.zeros(&name("attn_output.bias"), WIDTH);
        }
    }

    fn delta_net(&mut self, layer: usize) {
        let name = |end: &str| format!("blk.{layer}.{end}");
        let (keys, values) = (delta::STATE * delta::GROUPS, delta::STATE * delta::HEADS);
        self.matrix(&name("attn_qkv.weight"), WIDTH, 2 * keys + values);
        self.matrix(&name("attn_gate.weight"), WIDTH, values);
        self.matrix(&name("ssm_conv1d.weight"), delta::KERNEL, 2 * keys + values);
        self.zeros(&name("ssm_dt.bias"), delta::HEADS);
        self.vector(&name("ssm_a"), &[-1.0; delta::HEADS]);
        self.matrix(&name("ssm_beta.weight"), WIDTH, delta::HEADS);
        self.matrix(&name("ssm_alpha.weight"), WIDTH, delta::HEADS);
        self.ones(&name("ssm_norm.weight"), delta::STATE);
        self.matrix(&name("ssm_out.weight"), values, WIDTH);
    }

    fn state_space(&mut self, layer: usize) {
        let name = |end: &str| format!("blk.{layer}.{end}");
        let convolved = space::INNER + 2 * space::GROUPS * space::STATE;
        self.matrix(&name("ssm_in.weight"), WIDTH, space::INNER + convolved + space::HEADS);
        self.matrix(&name("ssm_conv1d.weight"), space::KERNEL, convolved);
        self.zeros(&name("ssm_conv1d.bias"), convolved);
        self.zeros(&name("ssm_dt.bias"), space::HEADS);
        self.column(&name("ssm_a"), &[-1.0; space::HEADS]);
        self.column(&name("ssm_d"), &[1.0; space::HEADS]);
        let of_group = space::INNER / space::GROUPS;
        let norm = Tensor { columns: of_group, rows: space::GROUPS, slices: 1, data: vec![1.0; space::INNER] };
        self.gguf.tensors.push((name("ssm_norm.weight"), norm));
        self.matrix(&name("ssm_out.weight"), space::INNER, WIDTH);
    }

    /// Without a gate.
    fn plain_feed_forward(&mut self, layer: usize) {
        self.matrix(&format!("blk.{layer}.ffn_up.weight"), WIDTH, FEED_FORWARD);
        self.matrix(&format!("blk.{layer}.ffn_down.weight"), FEED_FORWARD, WIDTH);
    }

    fn short_convolution(&mut self, layer: usize) {
        self.matrix(&format!("blk.{layer}.shortconv.conv.weight"), 3, WIDTH);
        self.matrix(&format!("blk.{layer}.shortconv.in_proj.weight"), WIDTH, 3 * WIDTH);
        self.matrix(&format!("blk.{layer}.shortconv.out_proj.weight"), WIDTH, WIDTH);
    }

    fn latent_attention(&mut self, layer: usize) {
        let name = |end: &str| format!("blk.{layer}.{end}");
        self.matrix(&name("attn_q_a.weight"), WIDTH, latent::QUERY_RANK);
        self.ones(&name("attn_q_a_norm.weight"), latent::QUERY_RANK);
        self.matrix(&name("attn_q_b.weight"), latent::QUERY_RANK, HEADS * (latent::PLAIN + latent::ROTATED));
        self.matrix(&name("attn_kv_a_mqa.weight"), WIDTH, latent::RANK + latent::ROTATED);
        self.ones(&name("attn_kv_a_norm.weight"), latent::RANK);
        self.matrices(&name("attn_k_b.weight"), [latent::PLAIN, latent::RANK, HEADS]);
        self.matrices(&name("attn_v_b.weight"), [latent::RANK, latent::PLAIN, HEADS]);
        self.matrix(&name("attn_output.weight"), HEADS * latent::PLAIN, WIDTH);
    }

    fn feed_forward(&mut self, layer: usize) {
        let name = |end: &str| format!("blk.{layer}.{end}");
        match self.toy {
            Toy::DeltaNet => self.ones(&name("post_attention_norm.weight"), WIDTH),
            Toy::GptOss => return self.experts(layer),
            Toy::DeltaExperts => return self.experts_beside_a_shared_one(layer),
            // As llama.cpp names it for this one.
            Toy::Falcon => self.ones(&name("ffn_norm"), WIDTH),
            Toy::Gemma | Toy::Gemma4 => {
                self.ones(&name("ffn_norm.weight"), WIDTH);
                self.ones(&name("post_attention_norm.weight"), WIDTH);
                self.ones(&name("post_ffw_norm.weight"), WIDTH);
            }
            _ => self.ones(&name("ffn_norm.weight"), WIDTH),
        }
        self.matrix(&name("ffn_gate.weight"), WIDTH, FEED_FORWARD);
        self.matrix(&name("ffn_up.weight"), WIDTH, FEED_FORWARD);
        self.matrix(&name("ffn_down.weight"), FEED_FORWARD, WIDTH);
    }

    fn experts(&mut self, layer: usize) {
        let name = |end: &str| format!("blk.{layer}.{end}");
        self.ones(&name("post_attention_norm.weight"), WIDTH);
        self.matrix(&name("ffn_gate_inp.weight"), WIDTH, EXPERTS);
        self.zeros(&name("ffn_gate_inp.bias"), EXPERTS);
        for (end, columns, rows) in OF_EXPERTS {
            self.matrices(&name(&format!("ffn_{end}_exps.weight")), [columns, rows, EXPERTS]);
            self.matrix(&name(&format!("ffn_{end}_exps.bias")), rows, EXPERTS);
        }
    }

    fn experts_beside_a_shared_one(&mut self, layer: usize) {
        let name = |end: &str| format!("blk.{layer}.{end}");
        self.ones(&name("post_attention_norm.weight"), WIDTH);
        self.matrix(&name("ffn_gate_inp.weight"), WIDTH, EXPERTS);
        self.matrix(&name("ffn_gate_inp_shexp.weight"), WIDTH, 1);
        for (end, columns, rows) in OF_EXPERTS {
            self.matrices(&name(&format!("ffn_{end}_exps.weight")), [columns, rows, EXPERTS]);
            self.matrix(&name(&format!("ffn_{end}_shexp.weight")), columns, rows);
        }
    }

    fn matrix(&mut self, name: &str, columns: usize, rows: usize) {
        self.matrices(name, [columns, rows, 1]);
    }

    /// Uniform numbers that turn a vector of variance one into one of variance one.
    fn matrices(&mut self, name: &str, [columns, rows, slices]: [usize; 3]) {
        let scale = (3.0 / columns as f32).sqrt();
        let data = (0..columns * rows * slices).map(|_| scale * self.next()).collect();
        self.gguf.tensors.push((name.to_owned(), Tensor { columns, rows, slices, data }));
    }

    fn vector(&mut self, name: &str, data: &[f32]) {
        let tensor = Tensor { columns: data.len(), rows: 1, slices: 1, data: data.to_vec() };
        self.gguf.tensors.push((name.to_owned(), tensor));
    }

    /// A number to a row.
    fn column(&mut self, name: &str, data: &[f32]) {
        let tensor = Tensor { columns: 1, rows: data.len(), slices: 1, data: data.to_vec() };
        self.gguf.tensors.push((name.to_owned(), tensor));
    }

    fn ones(&mut self, name: &str, columns: usize) {
        self.vector(name, &vec![1.0; columns]);
    }

    fn zeros(&mut self, name: &str, columns: usize) {
        self.vector(name, &vec![0.0; columns]);
    }

    /// The next number of Knuth's linear congruential generator, in -1..1.
    fn next(&mut self) -> f32 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

/// GPT-2's letters for the 256 bytes: printable ones are themselves, the others follow from U+0100 on.
fn byte_letters() -> [char; 256] {
    let is_itself = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let mut others = (0x100u32..).map(|code| char::from_u32(code).expect("letters of the Latin extensions"));
    std::array::from_fn(|byte| {
        let byte = byte as u8;
        if is_itself(byte) { char::from(byte) } else { others.next().expect("there is no end") }
    })
}
