//! What would fit, where the whole does not: each proposal was tried, and says what it comes to.
//!
//! Example: a book of 61 chapters and 162,000 tokens, a model that holds 32,768. Tried are the longest beginning (chapters 1 to 12), the book
//! without its few longest chapters (still too long: not proposed), and, with a question, the parts that BM25 finds nearest to it.

use super::pick::pick_now;
use super::{Error, PartCost, Planner, PromptTokens, tree};
use crate::engine::message::{ContextSize, KvType};
use crate::settings::Chosen;

/// Who has to leave out more parts than this would rather choose a beginning.
const FEW_PARTS: usize = 8;

/// Flags that make it fit, and what they come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// To be added to the command line, or to take the place of the same flags on it.
    pub flags: String,
    /// What that means, in words.
    pub what: String,
    /// Of the prompt.
    pub tokens: u32,
    pub kv_bytes: u64,
}

impl Planner<'_> {
    /// Everything that was tried and fits.
    pub(super) fn proposals(
        &self,
        parts: &[PartCost],
        tokens: PromptTokens,
        chosen: &Chosen,
    ) -> Result<Vec<Proposal>, Error> {
        let mut proposals: Vec<Proposal> =
            [self.other_context(tokens), self.other_cache(tokens)].into_iter().flatten().collect();
        proposals.extend(self.other_parts(parts, tokens, chosen)?);
        proposals.extend(self.picked(chosen)?);
        Ok(proposals)
    }

    /// Whether a prompt fits with its answer, in the context and in memory.
    fn has_room_for(&self, prompt_tokens: u32) -> bool {
        let needed = prompt_tokens.saturating_add(self.answer_tokens());
        needed <= self.limit() && self.memory_missing(self.kv_bytes(prompt_tokens)).is_none()
    }

    /// Most tokens of a prompt that have room.
    fn room(&self) -> u32 {
        let (mut fits, mut too_many) = (0, self.limit() + 1);
        while too_many - fits > 1 {
            let middle = u32::midpoint(fits, too_many);
            if self.has_room_for(middle) { fits = middle } else { too_many = middle }
        }
        fits
    }

    /// A `-c` that was chosen too small, or larger than there is memory for.
    fn other_context(&self, tokens: PromptTokens) -> Option<Proposal> {
        let ContextSize::Tokens(asked) = self.wish.engine.context else { return None };
        let info = self.known.info();
        let needed = tokens.prompt.saturating_add(self.answer_tokens());
        let context = needed.next_multiple_of(super::CONTEXT_STEP_TOKENS).min(info.train_context_tokens.max(needed));
        let kv_bytes = u64::from(context) * info.kv_bytes_per_token;
        let is_possible = needed <= info.train_context_tokens && self.memory_missing(kv_bytes).is_none();
        (is_possible && context != asked).then(|| Proposal {
            flags: format!("-c {context}"),
            what: "as much context as prompt and answer need".to_owned(),
            tokens: tokens.prompt,
            kv_bytes,
        })
    }

    /// Half the bytes for each key and value, where only memory is short.
    fn other_cache(&self, tokens: PromptTokens) -> Option<Proposal> {
        let engine = self.wish.engine;
        let now = match engine.kv_type {
            KvType::F16 | KvType::Bf16 => 64,
            KvType::F32 => 128,
            KvType::Q8_0 | KvType::Q4_0 => return None,
        };
        // 32 values take 34 bytes in q8_0.
        let kv_bytes = self.kv_bytes(tokens.prompt) * 34 / now;
        let needed = tokens.prompt.saturating_add(self.answer_tokens());
        let fits = engine.flash_attention && needed <= self.limit() && self.memory_missing(kv_bytes).is_none();
        fits.then(|| Proposal {
            flags: "-ctk q8_0 -ctv q8_0".to_owned(),
            what: "keys and values in 8 bits".to_owned(),
            tokens: tokens.prompt,
            kv_bytes,
        })
    }

    /// Fewer parts: without one folder, without the few longest, the longest beginning.
    fn other_parts(&self, parts: &[PartCost], tokens: PromptTokens, chosen: &Chosen) -> Result<Vec<Proposal>, Error> {
        let mut proposals = Vec::new();
        for (flags, what, kept) in
            self.without_a_folder(parts, tokens).into_iter().chain(self.without_the_longest(parts, tokens))
        {
            proposals.extend(self.tried(&kept, chosen)?.map(|(tokens, kv_bytes)| Proposal {
                flags,
                what,
                tokens,
                kv_bytes,
            }));
        }
        let room = self.room();
        let mut sum = tokens.prompt - parts.iter().map(|part| part.tokens).sum::<u32>().min(tokens.prompt);
        let fitting = parts
            .iter()
            .take_while(|part| {
                sum = sum.saturating_add(part.tokens);
                sum <= room
            })
            .count();
        // What stands before parts that were left out takes a few tokens, too.
        for count in (1..=fitting.min(parts.len() - 1)).rev() {
            let kept: Vec<usize> = parts[..count].iter().map(|part| part.part.number).collect();
            if let Some((tokens, kv_bytes)) = self.tried(&kept, chosen)? {
                let what = format!("the first {count} of {} parts", parts.len());
                proposals.push(Proposal { flags: format!("--parts {}", written(&kept)), what, tokens, kv_bytes });
                break;
            }
        }
        Ok(proposals)
    }

    /// The document without its smallest folder that is large enough to matter: flags, words, the parts that stay.
    fn without_a_folder(&self, parts: &[PartCost], tokens: PromptTokens) -> Option<(String, String, Vec<usize>)> {
        let root = self.wish.folder?;
        let missing = tokens.prompt.saturating_sub(self.room());
        let names: Vec<(&str, u32)> = parts.iter().map(|part| (part.part.title.as_str(), part.tokens)).collect();
        let folders = tree::folders(&names);
        let enough = folders.iter().filter(|folder| folder.tokens >= missing && folder.path.starts_with(root));
        let folder = enough.filter(|folder| folder.path.len() > root.len() + 1).min_by_key(|folder| folder.tokens)?;
        let kept: Vec<usize> = parts
            .iter()
            .filter(|part| !part.part.title.starts_with(&folder.path))
            .map(|part| part.part.number)
            .collect();
        let inside = folder.path[root.len()..].trim_start_matches('/');
        (!kept.is_empty()).then(|| {
            (format!("--exclude '/{inside}'"), format!("without the {} files in {inside}", folder.files), kept)
        })
    }

    /// The document without as few of its parts as possible.
    fn without_the_longest(&self, parts: &[PartCost], tokens: PromptTokens) -> Option<(String, String, Vec<usize>)> {
        let missing = tokens.prompt.saturating_sub(self.room());
        let mut longest: Vec<&PartCost> = parts.iter().collect();
        longest.sort_by_key(|part| std::cmp::Reverse(part.tokens));
        let mut sum = 0;
        let left_out: Vec<&PartCost> = longest
            .into_iter()
            .take_while(|part| {
                let is_needed = sum < missing;
                sum += part.tokens;
                is_needed
            })
            .collect();
        let kept: Vec<usize> = parts
            .iter()
            .map(|part| part.part.number)
            .filter(|number| left_out.iter().all(|part| part.part.number != *number))
            .collect();
        let names =
            |parts: &[&PartCost]| parts.iter().map(|part| part.part.title.clone()).collect::<Vec<_>>().join(", ");
        let is_sensible = left_out.len() <= FEW_PARTS && !kept.is_empty();
        is_sensible.then(|| (format!("--parts {}", written(&kept)), format!("without {}", names(&left_out)), kept))
    }

    /// What BM25 finds nearest to the question, as much as there is room for.
    fn picked(&self, chosen: &Chosen) -> Result<Option<Proposal>, Error> {
        let Some(question) = self.wish.question else { return Ok(None) };
        let frame = self.prompt_tokens("", 0, chosen)?.prompt;
        let budget = self.room().saturating_sub(frame) / 1000 * 1000;
        if budget == 0 {
            return Ok(None);
        }
        let picked = pick_now(self.wish.whole, question, budget, |text| self.known.count(text));
        let Some(picked) = picked else { return Ok(None) };
        let tokens = self.prompt_tokens(&picked.document.text, picked.tokens, chosen)?.prompt;
        let what = format!("the {} nearest to the question, by BM25", picked.in_short());
        let flags = format!("--pick {}k", budget / 1000);
        Ok(self.has_room_for(tokens).then(|| Proposal { flags, what, tokens, kv_bytes: self.kv_bytes(tokens) }))
    }

    /// Tokens of the prompt and bytes of the cache with these parts; `None` when that does not fit either.
    fn tried(&self, numbers: &[usize], chosen: &Chosen) -> Result<Option<(u32, u64)>, Error> {
        let document = self.taking(numbers);
        let tokens = self.prompt_tokens(&document.text, self.known.count(&document.text), chosen)?.prompt;
        Ok(self.has_room_for(tokens).then(|| (tokens, self.kv_bytes(tokens))))
    }
}

/// Ascending numbers as `--parts` takes them: `1-3,5`.
#[must_use]
pub fn written(numbers: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let range =
        |(first, last): (usize, usize)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    ranges.into_iter().map(range).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_ranges() {
        let cases: [(&[usize], &str); 4] =
            [(&[], ""), (&[4], "4"), (&[1, 2, 3], "1-3"), (&[1, 2, 4, 6, 7], "1-2,4,6-7")];
        for (numbers, expected) in cases {
            assert_eq!(written(numbers), expected);
        }
    }
}
