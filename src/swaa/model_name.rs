//! Whether a model's file is of a model that we know: names are written in many ways.

/// Whether `general.name` of a file has `known`, which is in lower case with `-` between the words, in it:
/// `Meta Llama 3.1 8B` is called `llama-3-1-8b`.
pub(super) fn is_called(name: &str, known: &str) -> bool {
    let words = name.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_ascii_lowercase().contains(known)
}

#[cfg(test)]
mod tests {
    use super::is_called;

    #[test]
    fn names_differ_in_all_but_letters_and_digits() {
        assert!(is_called("Meta Llama 3.1 8B Instruct", "llama-3-1-8b"));
        assert!(is_called("qwen2.5-coder-1.5b-instruct", "qwen2-5-coder-1-5b-instruct"));
        assert!(!is_called("Qwen2.5-Coder-0.5B-Instruct", "qwen2-5-coder-1-5b-instruct"));
    }
}
