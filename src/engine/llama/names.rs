//! What a model is called, as far as its file says: by programs, by people, and how it is quantised.
//!
//! The header of a file has `general.name`, which converters fill with anything (`Smollm2 135M 8k Lc100K Mix1 Ep2`), and often a base name
//! and a size, which people use: `SmolLM2 135M`, `Q4_1`. Doesn't know the catalogue.

use std::path::Path;

use llama_cpp_2::model::LlamaModel;

use crate::engine::message;

/// What a model is called, by its file.
pub(super) struct Names {
    /// `general.name`, or the file's name.
    pub(super) name: String,
    pub(super) called: Option<String>,
    pub(super) quantisation: Option<String>,
}

impl Names {
    pub(super) fn of(model: &LlamaModel, file: &Path) -> Self {
        let meta = |key: &str| model.meta_val_str(key).ok().filter(|value| !value.is_empty());
        let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Self {
            called: called(meta("general.basename"), meta("general.size_label"), &stem),
            quantisation: meta("general.file_type").and_then(|number| quantisation(&number)),
            name: meta("general.name").unwrap_or(stem),
        }
    }

    pub(super) fn title(&self) -> String {
        message::title(&self.name, self.called.as_deref(), self.quantisation.as_deref())
    }
}

/// `qwen2.5-coder` and `0.5B` are `Qwen2.5-coder 0.5B`. A base without capitals is spelled as in the file's name, if that
/// has it: `smollm2` in `SmolLM2-135M-Instruct.Q4_1` is `SmolLM2`.
fn called(base: Option<String>, size: Option<String>, stem: &str) -> Option<String> {
    let base = base?;
    let spelled = stem.to_ascii_lowercase().find(&base).and_then(|at| stem.get(at..at + base.len()));
    let base = spelled.map_or(base.clone(), str::to_owned);
    let mut letters = base.chars();
    let first: String = letters.next()?.to_uppercase().collect();
    let base = first + letters.as_str();
    Some(
        size.filter(|size| !base.contains(size.as_str())).map_or_else(|| base.clone(), |size| format!("{base} {size}")),
    )
}

/// The names of `llama_ftype`, by their numbers in files.
fn quantisation(number: &str) -> Option<String> {
    let name = match number.parse().ok()? {
        0_u32 => "F32",
        1 => "F16",
        2 => "Q4_0",
        3 => "Q4_1",
        7 => "Q8_0",
        8 => "Q5_0",
        9 => "Q5_1",
        10 => "Q2_K",
        11 => "Q3_K_S",
        12 => "Q3_K_M",
        13 => "Q3_K_L",
        14 => "Q4_K_S",
        15 => "Q4_K_M",
        16 => "Q5_K_S",
        17 => "Q5_K_M",
        18 => "Q6_K",
        19 => "IQ2_XXS",
        20 => "IQ2_XS",
        21 => "Q2_K_S",
        22 => "IQ3_XS",
        23 => "IQ3_XXS",
        24 => "IQ1_S",
        25 => "IQ4_NL",
        26 => "IQ3_S",
        27 => "IQ3_M",
        28 => "IQ2_S",
        29 => "IQ2_M",
        30 => "IQ4_XS",
        31 => "IQ1_M",
        32 => "BF16",
        36 => "TQ1_0",
        37 => "TQ2_0",
        38 => "MXFP4",
        _ => return None,
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_called_as_people_call_them() {
        let some = |text: &str| Some(text.to_owned());
        let cases = [
            ("Qwen2.5-Coder", Some("0.5B"), "qwen2.5-coder-0.5b-instruct-q4_k_m", "Qwen2.5-Coder 0.5B"),
            ("smollm2", Some("135M"), "SmolLM2-135M-Instruct.Q4_1", "SmolLM2 135M"),
            ("smollm2", Some("135M"), "model", "Smollm2 135M"),
            ("Phi-3.5-mini", None, "", "Phi-3.5-mini"),
            ("Llama-8B", Some("8B"), "Llama-8B", "Llama-8B"),
        ];
        for (base, size, stem, expected) in cases {
            assert_eq!(called(some(base), size.map(str::to_owned), stem).as_deref(), Some(expected));
        }
        assert_eq!((called(None, some("8B"), ""), quantisation("99"), quantisation("x")), (None, None, None));
        assert_eq!(quantisation("15").as_deref(), Some("Q4_K_M"));
    }
}
