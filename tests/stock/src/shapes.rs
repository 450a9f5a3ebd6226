//! Models with random weights in the shapes of real ones: for speed, which does not depend on what the weights say.
//!
//! 4 billion weights are written in seconds, because they are stretches of one pool of 8 million, taken at random.
//! They have no vocabulary: tokens are numbers.

use std::ffi::CString;
use std::fs::OpenOptions;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::ptr::null;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use llama_cpp_sys_2 as sys;

#[derive(Clone, Copy, ValueEnum)]
pub enum ShapeName {
    /// 36 layers of 2,560, 32 heads of 128, 8 of keys.
    #[value(name = "qwen3-4b")]
    Qwen3Of4B,
    /// 24 layers of 896, 14 heads of 64, 2 of keys.
    #[value(name = "qwen2.5-0.5b")]
    Qwen2Of05B,
    /// 32 layers of 4,096, 32 heads of 128, 8 of keys.
    #[value(name = "llama-8b")]
    LlamaOf8B,
    /// A hybrid: 32 layers of 2,560, of which every fourth attends, 16 heads of 256, 4 of keys.
    #[value(name = "qwen3.5-4b")]
    Qwen35Of4B,
    /// A hybrid of experts: 40 layers of 2,048, of which every fourth attends, 16 heads of 256, 2 of keys; 8 of 256 experts and a shared one.
    #[value(name = "qwen3.6-35b-a3b")]
    Qwen36Of35B,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Weights {
    Bf16,
    #[value(name = "q8_0")]
    Q8,
    /// Matrices in `Q4_K`, embeddings in `Q6_K`, as most of a `Q4_K_M` file.
    #[value(name = "q4_k_m")]
    Q4KM,
}

struct Shape {
    architecture: &'static str,
    layers: u32,
    width: i64,
    feed_forward: i64,
    heads: i64,
    kv_heads: i64,
    head: i64,
    vocab: i64,
    head_norms: bool,
    biases: bool,
    delta_net: Option<DeltaNet>,
    experts: Option<Experts>,
}

/// In place of attention in all but every fourth layer; queries of the others come with a gate.
#[derive(Clone, Copy)]
struct DeltaNet {
    /// Tokens that its convolution sees.
    kernel: i64,
    head: i64,
    key_heads: i64,
    value_heads: i64,
}

/// In place of one feed-forward layer.
#[derive(Clone, Copy)]
struct Experts {
    count: i64,
    used: i64,
    /// Of one of them, and of the shared one.
    feed_forward: i64,
}

/// One layer in this many attends.
const HYBRID_INTERVAL: u32 = 4;

impl ShapeName {
    fn shape(self) -> Shape {
        let qwen3 = Shape {
            architecture: "qwen3",
            layers: 36,
            width: 2560,
            feed_forward: 9728,
            heads: 32,
            kv_heads: 8,
            head: 128,
            vocab: 151_936,
            head_norms: true,
            biases: false,
            delta_net: None,
            experts: None,
        };
        let qwen35 = Shape {
            architecture: "qwen35",
            layers: 32,
            feed_forward: 9216,
            heads: 16,
            kv_heads: 4,
            head: 256,
            vocab: 248_320,
            delta_net: Some(DeltaNet { kernel: 4, head: 128, key_heads: 16, value_heads: 32 }),
            ..qwen3
        };
        match self {
            Self::Qwen3Of4B => qwen3,
            Self::Qwen2Of05B => Shape {
                architecture: "qwen2",
                layers: 24,
                width: 896,
                feed_forward: 4864,
                heads: 14,
                kv_heads: 2,
                head: 64,
                head_norms: false,
                biases: true,
                ..qwen3
            },
            Self::LlamaOf8B => Shape {
                architecture: "llama",
                layers: 32,
                width: 4096,
                feed_forward: 14_336,
                vocab: 128_256,
                head_norms: false,
                ..qwen3
            },
            Self::Qwen35Of4B => qwen35,
            Self::Qwen36Of35B => Shape {
                architecture: "qwen35moe",
                layers: 40,
                width: 2048,
                kv_heads: 2,
                experts: Some(Experts { count: 256, used: 8, feed_forward: 512 }),
                ..qwen35
            },
        }
    }
}

/// A tensor's name and dimensions, the contiguous one first.
struct Planned {
    name: String,
    columns: i64,
    rows: i64,
    /// More than one for experts.
    slices: i64,
    filled: Filled,
}

#[derive(Clone, Copy, PartialEq)]
enum Filled {
    /// In the number type of the model.
    Weights,
    /// With one number, in f32: a norm's ones, a bias's zeros.
    Number(f32),
}

fn matrix(name: String, columns: i64, rows: i64) -> Planned {
    Planned { name, columns, rows, slices: 1, filled: Filled::Weights }
}

fn vector(name: String, columns: i64) -> Planned {
    let number = if name.contains("norm") { 1.0 } else { 0.0 };
    filled(name, columns, 1, number)
}

fn filled(name: String, columns: i64, rows: i64, number: f32) -> Planned {
    Planned { name, columns, rows, slices: 1, filled: Filled::Number(number) }
}

impl Shape {
    fn tensors(&self) -> Vec<Planned> {
        let mut all = vec![
            matrix("token_embd.weight".into(), self.width, self.vocab),
            vector("output_norm.weight".into(), self.width),
        ];
        for layer in 0..self.layers {
            let own = |name: &str| format!("blk.{layer}.{name}");
            let feed_forward_norm =
                if self.delta_net.is_some() { "post_attention_norm.weight" } else { "ffn_norm.weight" };
            all.extend([vector(own("attn_norm.weight"), self.width), vector(own(feed_forward_norm), self.width)]);
            match self.delta_net {
                Some(delta_net) if (layer + 1) % HYBRID_INTERVAL != 0 => {
                    self.delta_net_tensors(delta_net, &own, &mut all);
                }
                _ => self.attention_tensors(&own, &mut all),
            }
            match self.experts {
                Some(experts) => self.expert_tensors(experts, &own, &mut all),
                None => self.feed_forward_tensors(&own, &mut all),
            }
        }
        all
    }

    fn attention_tensors(&self, own: &impl Fn(&str) -> String, all: &mut Vec<Planned>) {
        let (queries, keys) = (self.heads * self.head, self.kv_heads * self.head);
        let gated = if self.delta_net.is_some() { 2 } else { 1 };
        all.extend([
            matrix(own("attn_q.weight"), self.width, gated * queries),
            matrix(own("attn_k.weight"), self.width, keys),
            matrix(own("attn_v.weight"), self.width, keys),
            matrix(own("attn_output.weight"), queries, self.width),
        ]);
        if self.head_norms {
            all.extend(["attn_q_norm.weight", "attn_k_norm.weight"].map(|name| vector(own(name), self.head)));
        }
        if self.biases {
            all.extend(
                [("attn_q.bias", queries), ("attn_k.bias", keys), ("attn_v.bias", keys)]
                    .map(|(name, n)| vector(own(name), n)),
            );
        }
    }

    fn delta_net_tensors(&self, delta_net: DeltaNet, own: &impl Fn(&str) -> String, all: &mut Vec<Planned>) {
        let (keys, values) = (delta_net.key_heads * delta_net.head, delta_net.value_heads * delta_net.head);
        all.extend([
            matrix(own("attn_qkv.weight"), self.width, 2 * keys + values),
            matrix(own("attn_gate.weight"), self.width, values),
            filled(own("ssm_conv1d.weight"), delta_net.kernel, 2 * keys + values, 0.25),
            filled(own("ssm_dt.bias"), delta_net.value_heads, 1, 0.0),
            filled(own("ssm_a"), delta_net.value_heads, 1, -1.0),
            matrix(own("ssm_beta.weight"), self.width, delta_net.value_heads),
            matrix(own("ssm_alpha.weight"), self.width, delta_net.value_heads),
            vector(own("ssm_norm.weight"), delta_net.head),
            matrix(own("ssm_out.weight"), values, self.width),
        ]);
    }

    fn feed_forward_tensors(&self, own: &impl Fn(&str) -> String, all: &mut Vec<Planned>) {
        all.extend([
            matrix(own("ffn_gate.weight"), self.width, self.feed_forward),
            matrix(own("ffn_up.weight"), self.width, self.feed_forward),
            matrix(own("ffn_down.weight"), self.feed_forward, self.width),
        ]);
    }

    fn expert_tensors(&self, experts: Experts, own: &impl Fn(&str) -> String, all: &mut Vec<Planned>) {
        let (inner, slices) = (experts.feed_forward, experts.count);
        all.extend([
            matrix(own("ffn_gate_inp.weight"), self.width, experts.count),
            Planned { slices, ..matrix(own("ffn_gate_exps.weight"), self.width, inner) },
            Planned { slices, ..matrix(own("ffn_up_exps.weight"), self.width, inner) },
            Planned { slices, ..matrix(own("ffn_down_exps.weight"), inner, self.width) },
            vector(own("ffn_gate_inp_shexp.weight"), self.width),
            matrix(own("ffn_gate_shexp.weight"), self.width, inner),
            matrix(own("ffn_up_shexp.weight"), self.width, inner),
            matrix(own("ffn_down_shexp.weight"), inner, self.width),
        ]);
    }

    fn numbers(&self) -> Vec<(&'static str, u32)> {
        let small = |number: i64| u32::try_from(number).expect("shapes are small");
        let mut all = vec![
            ("context_length", 262_144),
            ("embedding_length", small(self.width)),
            ("block_count", self.layers),
            ("feed_forward_length", small(self.feed_forward)),
            ("attention.head_count", small(self.heads)),
            ("attention.head_count_kv", small(self.kv_heads)),
            ("attention.key_length", small(self.head)),
            ("attention.value_length", small(self.head)),
            ("vocab_size", small(self.vocab)),
        ];
        if let Some(delta_net) = self.delta_net {
            all.extend([
                ("full_attention_interval", HYBRID_INTERVAL),
                ("rope.dimension_count", small(self.head / 4)),
                ("ssm.conv_kernel", small(delta_net.kernel)),
                ("ssm.inner_size", small(delta_net.value_heads * delta_net.head)),
                ("ssm.state_size", small(delta_net.head)),
                ("ssm.time_step_rank", small(delta_net.value_heads)),
                ("ssm.group_count", small(delta_net.key_heads)),
            ]);
        }
        if let Some(experts) = self.experts {
            all.extend([
                ("expert_count", small(experts.count)),
                ("expert_used_count", small(experts.used)),
                ("expert_feed_forward_length", small(experts.feed_forward)),
                ("expert_shared_feed_forward_length", small(experts.feed_forward)),
            ]);
        }
        all
    }
}

/// Of the 32 pairs that Qwen3.5 rotates, how many go by each of the four sections of a position.
const HYBRID_SECTIONS: [i32; 4] = [11, 11, 10, 0];

impl Weights {
    fn of(self, tensor: &Planned) -> sys::ggml_type {
        match self {
            _ if tensor.filled != Filled::Weights => sys::GGML_TYPE_F32,
            Self::Bf16 => sys::GGML_TYPE_BF16,
            // Rows of 896 are no whole number of Q4_K's blocks of 256.
            Self::Q4KM if tensor.columns % 256 != 0 => sys::GGML_TYPE_Q8_0,
            Self::Q4KM if tensor.name == "token_embd.weight" => sys::GGML_TYPE_Q6_K,
            Self::Q4KM => sys::GGML_TYPE_Q4_K,
            Self::Q8 => sys::GGML_TYPE_Q8_0,
        }
    }
}

/// Writes the model to `out`.
pub fn write(name: ShapeName, weights: Weights, out: &Path) -> anyhow::Result<u64> {
    let shape = name.shape();
    let tensors = shape.tensors();
    write_header(&shape, &tensors, weights, out)?;
    let file =
        OpenOptions::new().append(true).open(out).with_context(|| format!("cannot append to {}", out.display()))?;
    let mut file = BufWriter::with_capacity(1 << 22, file);
    let mut random = Random(7);
    let mut pools: Vec<(sys::ggml_type, Pool)> = Vec::new();
    for tensor in &tensors {
        let kind = weights.of(tensor);
        // SAFETY: a pure function of two numbers.
        let bytes = unsafe { sys::ggml_row_size(kind, tensor.columns) } * usize::try_from(tensor.rows * tensor.slices)?;
        if let Filled::Number(number) = tensor.filled {
            (0..tensor.columns * tensor.rows).try_for_each(|_| file.write_all(&number.to_le_bytes()))?;
        } else {
            if !pools.iter().any(|(known, _)| *known == kind) {
                pools.push((kind, Pool::of(kind)));
            }
            let pool = &pools.iter().find(|(known, _)| *known == kind).expect("it was just made").1;
            pool.write_some(&mut file, bytes, &mut random)?;
        }
        file.write_all(&[0; 32][..bytes.next_multiple_of(32) - bytes])?;
    }
    file.flush()?;
    Ok(std::fs::metadata(out)?.len())
}

fn write_header(shape: &Shape, tensors: &[Planned], weights: Weights, out: &Path) -> anyhow::Result<()> {
    let text = |text: &str| CString::new(text).expect("names hold no zero byte");
    let own = |name: &str| text(&format!("{}.{name}", shape.architecture));
    let path = CString::new(out.as_os_str().as_encoded_bytes())?;
    // SAFETY: the header and the tensors' context are made here, used by these calls and freed; names live through the calls that copy
    // them; without allocation the context holds descriptions only, for which it is large enough.
    let written = unsafe {
        let header = sys::gguf_init_empty();
        sys::gguf_set_val_str(header, text("general.architecture").as_ptr(), text(shape.architecture).as_ptr());
        sys::gguf_set_val_str(header, text("tokenizer.ggml.model").as_ptr(), text("no_vocab").as_ptr());
        for (name, number) in shape.numbers() {
            sys::gguf_set_val_u32(header, own(name).as_ptr(), number);
        }
        sys::gguf_set_val_f32(header, own("attention.layer_norm_rms_epsilon").as_ptr(), 1e-6);
        sys::gguf_set_val_f32(header, own("rope.freq_base").as_ptr(), 5e6);
        if shape.delta_net.is_some() {
            let sections = HYBRID_SECTIONS.as_ptr().cast();
            sys::gguf_set_arr_data(header, own("rope.dimension_sections").as_ptr(), sys::GGUF_TYPE_INT32, sections, 4);
        }
        let mem_size = sys::ggml_tensor_overhead() * (tensors.len() + 1);
        let context =
            sys::ggml_init(sys::ggml_init_params { mem_size, mem_buffer: std::ptr::null_mut(), no_alloc: true });
        for tensor in tensors {
            let kind = weights.of(tensor);
            // Trailing ones are left out of a tensor's description.
            let described = sys::ggml_new_tensor_3d(context, kind, tensor.columns, tensor.rows, tensor.slices);
            sys::ggml_set_name(described, text(&tensor.name).as_ptr());
            sys::gguf_add_tensor(header, described);
        }
        let written = sys::gguf_write_to_file(header, path.as_ptr(), true);
        sys::ggml_free(context);
        sys::gguf_free(header);
        written
    };
    ensure!(written, "cannot write {}", out.display());
    Ok(())
}

/// Eight million weights of standard deviation 0.02, in one number type.
struct Pool {
    bytes: Vec<u8>,
    block_bytes: usize,
}

impl Pool {
    const COLUMNS: usize = 4096;
    const ROWS: usize = 2048;

    fn of(kind: sys::ggml_type) -> Self {
        let mut random = Random(1234);
        let numbers: Vec<f32> = (0..Self::COLUMNS * Self::ROWS).map(|_| 0.02 * random.normal()).collect();
        // SAFETY: the target has the size that ggml tells for so many rows of the type; no importance matrix is given, which these types allow.
        unsafe {
            let row_bytes = sys::ggml_row_size(kind, 4096);
            let mut bytes = vec![0; row_bytes * Self::ROWS];
            sys::ggml_quantize_chunk(kind, numbers.as_ptr(), bytes.as_mut_ptr().cast(), 0, 2048, 4096, null());
            Self { bytes, block_bytes: sys::ggml_type_size(kind) }
        }
    }

    fn write_some(&self, out: &mut impl std::io::Write, mut left: usize, random: &mut Random) -> anyhow::Result<()> {
        let blocks = self.bytes.len() / self.block_bytes;
        while left > 0 {
            let from = usize::try_from(random.next() % (blocks as u64 / 2))? * self.block_bytes;
            let some = left.min(self.bytes.len() - from);
            out.write_all(&self.bytes[from..from + some])?;
            left -= some;
        }
        Ok(())
    }
}

/// `SplitMix64`: the same weights on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Nearly normal: twelve uniform numbers of variance 1/12 each.
    #[allow(clippy::cast_precision_loss, reason = "24 bits of it")]
    fn normal(&mut self) -> f32 {
        (0..12).map(|_| (self.next() >> 40) as f32 / (1u64 << 24) as f32 - 0.5).sum()
    }
}
