//! Lists the tensors of a model, over all its files, and how many of its parameters a token passes.
//!
//! A model with experts keeps those of a layer in one tensor with three dimensions (`blk.0.ffn_up_exps.weight`), and each token
//! passes a few of them. Example: Qwen3-30B-A3B has 30.5 billion parameters, of which 29.0 are in 128 experts to a layer. A token
//! passes 8 of them: 3.35 billion in all.
//!
//! Reads headers only.

use std::path::{Path, PathBuf};

use crate::gguf::{Header, Tensor};

/// What the headers of a model's files say.
#[derive(Debug, Default)]
pub(super) struct Tensors {
    tensors: Vec<Tensor>,
    /// Of all experts, those that a token passes: 8 of 128. `None` for a model without any.
    experts_used: Option<f64>,
}

impl Tensors {
    /// Of the model whose first file is `first`. A file whose header can't be read has none: llama.cpp says what is wrong with it.
    pub(super) fn of(first: &Path) -> Self {
        let headers: Vec<Header> = files(first).iter().filter_map(|file| Header::read(file).ok()).collect();
        let experts_used = headers.first().and_then(experts_used);
        Self { tensors: headers.into_iter().flat_map(|header| header.tensors).collect(), experts_used }
    }

    pub(super) fn all(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Of `parameters` parameters, those that a token passes.
    pub(super) fn active(&self, parameters: u64) -> u64 {
        let Some(used) = self.experts_used else { return parameters };
        let of_experts: u64 = self.tensors.iter().filter(|tensor| is_of_experts(tensor)).map(numbers).sum();
        parameters - ((1.0 - used) * of_experts.min(parameters) as f64) as u64
    }
}

/// Shared experts are called `_shexp`: every token passes those.
fn is_of_experts(tensor: &Tensor) -> bool {
    tensor.name.contains("_exps.")
}

fn numbers(tensor: &Tensor) -> u64 {
    tensor.lengths.iter().product()
}

fn experts_used(header: &Header) -> Option<f64> {
    let architecture = header.text("general.architecture")?;
    let number = |name: &str| header.u32(&format!("{architecture}.{name}")).filter(|number| *number > 0);
    let (all, used) = (number("expert_count")?, number("expert_used_count")?);
    Some(f64::from(used.min(all)) / f64::from(all))
}

/// `big-00001-of-00003.gguf` is the first of three.
fn files(first: &Path) -> Vec<PathBuf> {
    let stem = first.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let of = stem.rsplit_once("-00001-of-").and_then(|(base, count)| Some((base, count, count.parse::<u32>().ok()?)));
    let Some((base, written, count)) = of else { return vec![first.into()] };
    (1..=count).map(|part| first.with_file_name(format!("{base}-{part:05}-of-{written}.gguf"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tensor of which only the shape counts.
    fn tensor(name: &str, lengths: &[u64]) -> Tensor {
        Tensor { name: name.into(), lengths: lengths.into(), kind: 0, offset: 0, bytes: 0 }
    }

    /// The shape of Qwen3-30B-A3B: 48 layers of 2,048 with 32 and 4 heads of 128, and 128 experts of 768, of which a token passes 8.
    fn qwen3_30b_a3b() -> Tensors {
        let (width, vocabulary) = (2048, 151_936);
        let of_layer = |layer: u32| {
            [
                ("attn_q", vec![width, 4096]),
                ("attn_k", vec![width, 512]),
                ("attn_v", vec![width, 512]),
                ("attn_output", vec![4096, width]),
                ("attn_norm", vec![width]),
                ("ffn_norm", vec![width]),
                ("attn_q_norm", vec![128]),
                ("attn_k_norm", vec![128]),
                ("ffn_gate_inp", vec![width, 128]),
                ("ffn_gate_exps", vec![width, 768, 128]),
                ("ffn_up_exps", vec![width, 768, 128]),
                ("ffn_down_exps", vec![768, width, 128]),
            ]
            .map(|(name, lengths)| tensor(&format!("blk.{layer}.{name}.weight"), &lengths))
        };
        let whole = [
            ("token_embd", vec![width, vocabulary]),
            ("output", vec![width, vocabulary]),
            ("output_norm", vec![width]),
        ];
        let whole = whole.map(|(name, lengths)| tensor(&format!("{name}.weight"), &lengths));
        Tensors { tensors: (0..48).flat_map(of_layer).chain(whole).collect(), experts_used: Some(8.0 / 128.0) }
    }

    #[test]
    fn a_token_passes_the_experts_that_are_chosen_and_everything_else() {
        let tensors = qwen3_30b_a3b();
        let parameters: u64 = tensors.all().iter().map(numbers).sum();
        assert_eq!(parameters, 30_532_122_624, "30.5 billion, as its model card says");
        assert_eq!(tensors.active(parameters), 3_353_032_704, "3.3 billion, as its model card says");
    }

    #[test]
    fn without_experts_a_token_passes_everything() {
        assert_eq!(Tensors { experts_used: None, ..qwen3_30b_a3b() }.active(1_000), 1_000);
        assert_eq!(Tensors::default().active(1_000), 1_000);
    }

    #[test]
    fn a_model_in_several_files_is_read_whole() {
        let names =
            |first: &str| files(Path::new(first)).iter().map(|file| file.display().to_string()).collect::<Vec<_>>();
        assert_eq!(names("a/big-00001-of-00002.gguf"), ["a/big-00001-of-00002.gguf", "a/big-00002-of-00002.gguf"]);
        assert_eq!(names("a/one.gguf"), ["a/one.gguf"]);
    }
}
