//! A model as the user names it.
//!
//! Example: `-hf Qwen/Qwen3-4B-GGUF:Q8_0` is the file of that quantisation in that repository of the hub.
//!
//! Does not know where a model is; [`super::reference`] does.

use std::str::FromStr;

use super::error::Error;

/// A model as the user named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelRef {
    /// Not at all: the best of the catalogue for this machine.
    Default,
    /// `-m`: a file, or a name of the catalogue.
    Named(String),
    /// `-hf`
    Hub(HubName),
}

/// `user/repo` or `user/repo:QUANT`, as llama.cpp writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubName {
    pub repo: String,
    pub quant: Option<String>,
}

impl FromStr for HubName {
    type Err = Error;

    fn from_str(written: &str) -> Result<Self, Error> {
        let (repo, quant) = written.split_once(':').map_or((written, None), |(repo, quant)| (repo, Some(quant)));
        let is_word = |word: &str| {
            let allowed = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.');
            !word.is_empty() && !word.starts_with('.') && word.chars().all(allowed)
        };
        let is_repo = repo.split_once('/').is_some_and(|(user, name)| is_word(user) && is_word(name));
        if !is_repo || !quant.is_none_or(is_word) {
            return Err(Error::NoRepository { written: written.into() });
        }
        Ok(Self { repo: repo.into(), quant: quant.map(str::to_owned) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_written_as_llama_cpp_does() {
        let name = |repo: &str, quant: Option<&str>| HubName { repo: repo.into(), quant: quant.map(str::to_owned) };
        assert_eq!("a/b".parse::<HubName>().expect("a name"), name("a/b", None));
        assert_eq!("a/b-GGUF:Q8_0".parse::<HubName>().expect("a name"), name("a/b-GGUF", Some("Q8_0")));
        for written in ["a", "a/b/c", "a/", "/b", "a/..", "a/b:", "a/b c"] {
            let error = written.parse::<HubName>().expect_err(written);
            assert_eq!(error.to_string(), format!("`{written}` is no repository of the hub"));
        }
    }
}
