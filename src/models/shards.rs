//! A model in several files: `big-Q4_K_M-00001-of-00003.gguf` is the first of three, and llama.cpp finds the others by it.
//!
//! Knows names only: whether the files are there, or whole, is for others to say.

use std::path::{Path, PathBuf};

/// The base, the part and the number of parts of `base-00001-of-00003`.
pub(super) fn part_of(stem: &str) -> Option<(&str, &str, &str)> {
    let (rest, parts) = stem.rsplit_once("-of-")?;
    let (base, part) = rest.rsplit_once('-')?;
    let is_number = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(part) && is_number(parts)).then_some((base, part, parts))
}

/// The stem without `-00001-of-00003`, if it has that.
pub(super) fn base_of(stem: &str) -> &str {
    part_of(stem).map_or(stem, |(base, ..)| base)
}

/// Whether a file of this stem is a model of its own, or the first file of one.
pub(super) fn is_first(stem: &str) -> bool {
    part_of(stem).is_none_or(|(_, part, _)| part == "00001")
}

/// All files of the model whose first file is `first`, in their order.
pub(super) fn all_files(first: &Path) -> Vec<PathBuf> {
    let stem = first.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let Some((base, _, parts)) = part_of(stem) else { return vec![first.into()] };
    let count: u32 = parts.parse().unwrap_or(1);
    (1..=count).map(|part| first.with_file_name(format!("{base}-{part:05}-of-{parts}.gguf"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_model_follow_from_its_first() {
        assert_eq!(part_of("big-00001-of-00002"), Some(("big", "00001", "00002")));
        assert_eq!(part_of("one-of-many"), None);
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let two = ["a/big-00001-of-00002.gguf", "a/big-00002-of-00002.gguf"];
        assert_eq!(all_files(Path::new(two[0])), paths(&two));
        assert_eq!(all_files(Path::new("a/b.gguf")), paths(&["a/b.gguf"]));
        assert_eq!((is_first("big-00002-of-00002"), base_of("big-Q8_0-00002-of-00002")), (false, "big-Q8_0"));
    }
}
