//! Proposals for what fits if the whole does not. Each one is tried, and has its tokens and bytes.
//!
//! Example: a book of 61 chapters and 162,000 tokens, and a model that holds 32,768. It tries the longest beginning
//! (chapters 1 to 12), the book without its few longest chapters (still too long, so not proposed), and, if there is a
//! question, the parts nearest to it by BM25.

use std::cmp::Reverse;

use super::part_numbers::written;
use super::plan::{Error, Fit, PartCost, PromptTokens, Proposal};
use super::planner::{Draft, Planner};
use super::retrieval::retrieve;
use super::tree::{self, Folder};
use crate::engine::config::{CONTEXT_STEP_TOKENS, ContextSize, KvDtype};
use crate::swaa::selection::ResolvedPreset;
use crate::units::counted;

/// Never proposes to leave out more parts than this: a beginning of the document is simpler.
const FEW_PARTS: usize = 8;

/// A selection of parts: the flags for it, a description, and the numbers of the parts.
struct Fewer {
    flags: String,
    what: String,
    kept: Vec<usize>,
}

impl Planner<'_> {
    /// All proposals that fit.
    pub(super) fn proposals(&self, draft: &Draft) -> Result<Vec<Proposal>, Error> {
        let Fit { tokens, parts, chosen, .. } = &draft.fit;
        if draft.fit.bounded_tokens.is_some() {
            // Only memory can be short, and a shorter document would take as much of it.
            return Ok(self.other_cache(*tokens, draft.fit.kv_bytes).into_iter().collect());
        }
        let fits_in_context = tokens.prompt.saturating_add(self.answer_tokens()) <= self.limit();
        let other_cache = self.other_cache(*tokens, draft.fit.kv_bytes).filter(|_| fits_in_context);
        let mut proposals: Vec<Proposal> = [self.other_context(*tokens), other_cache].into_iter().flatten().collect();
        if self.wish.pick.is_none() {
            proposals.extend(self.other_parts(parts, *tokens, chosen)?);
        }
        proposals.extend(self.picked(draft)?);
        Ok(proposals)
    }

    /// Whether a prompt fits with its answer, in the context and in memory.
    fn has_room_for(&self, prompt_tokens: u32) -> bool {
        let needed = prompt_tokens.saturating_add(self.answer_tokens());
        needed <= self.limit() && self.memory_missing(self.kv_bytes(prompt_tokens)).is_none()
    }

    /// Max tokens of a prompt that fits.
    fn room(&self) -> u32 {
        let (mut fits, mut too_many) = (0, self.limit().saturating_add(1));
        while too_many - fits > 1 {
            let middle = u32::midpoint(fits, too_many);
            if self.has_room_for(middle) { fits = middle } else { too_many = middle }
        }
        fits
    }

    /// Another `-c`, if the given one is too small, or too large for the memory.
    fn other_context(&self, tokens: PromptTokens) -> Option<Proposal> {
        let ContextSize::Tokens(asked) = self.wish.engine.context else { return None };
        let info = self.known.info();
        let needed = tokens.prompt.saturating_add(self.answer_tokens());
        let context = needed.next_multiple_of(CONTEXT_STEP_TOKENS).min(info.train_context_tokens.max(needed));
        let kv_bytes = info.cache.bytes(context);
        let is_possible = needed <= info.train_context_tokens && self.memory_missing(kv_bytes).is_none();
        (is_possible && context != asked).then(|| Proposal {
            flags: format!("-c {context}"),
            what: "the context that prompt and answer need".to_owned(),
            tokens: tokens.prompt,
            kv_bytes,
            parts: None,
        })
    }

    /// A smaller cache type in place of one of `now_bytes`, if only memory is short.
    fn other_cache(&self, tokens: PromptTokens, now_bytes: u64) -> Option<Proposal> {
        let engine = self.wish.engine;
        let now = match engine.kv_dtype {
            KvDtype::F16 | KvDtype::Bf16 => 64,
            KvDtype::F32 => 128,
            KvDtype::Q8_0 | KvDtype::Q4_0 => return None,
        };
        // 32 values take 34 bytes in q8_0.
        let state_bytes = self.known.info().cache.state_bytes;
        let kv_bytes = (now_bytes - state_bytes) * 34 / now + state_bytes;
        let fits = engine.flash_attention && self.memory_missing(kv_bytes).is_none();
        fits.then(|| Proposal {
            flags: "-ctk q8_0 -ctv q8_0".to_owned(),
            what: "8-bit KV cache".to_owned(),
            tokens: tokens.prompt,
            kv_bytes,
            parts: None,
        })
    }

    /// Fewer parts: without one folder, only one folder, without the few longest parts, or the longest beginning.
    fn other_parts(
        &self,
        parts: &[PartCost],
        tokens: PromptTokens,
        chosen: &ResolvedPreset,
    ) -> Result<Vec<Proposal>, Error> {
        let fewer =
            [self.without_a_folder(parts, tokens), self.only_a_folder(parts), self.without_the_longest(parts, tokens)];
        let mut proposals = Vec::new();
        for fewer in fewer.into_iter().flatten() {
            proposals.extend(self.tried(fewer, chosen)?);
        }
        match self.longest_beginning(parts, tokens, chosen)? {
            Some(beginning) => proposals.push(beginning),
            None => proposals.extend(self.longest_part(parts, chosen)?),
        }
        Ok(proposals)
    }

    /// The longest part that fits by itself. Tried from the longest down, a few times only: the frame around it is
    /// small.
    fn longest_part(&self, parts: &[PartCost], chosen: &ResolvedPreset) -> Result<Option<Proposal>, Error> {
        let room = self.room();
        let mut fitting: Vec<&PartCost> = parts.iter().filter(|part| part.tokens < room).collect();
        fitting.sort_by_key(|part| (Reverse(part.tokens), part.part.number));
        for part in fitting.into_iter().filter(|_| parts.len() > 1).take(FEW_PARTS) {
            let number = part.part.number;
            let (flags, what) = (format!("--parts {number}"), format!("only part {number} of {}", parts.len()));
            let proposal = self.tried(Fewer { flags, what, kept: vec![number] }, chosen)?;
            if proposal.is_some() {
                return Ok(proposal);
            }
        }
        Ok(None)
    }

    /// The document without the smallest folder that is large enough to matter.
    fn without_a_folder(&self, parts: &[PartCost], tokens: PromptTokens) -> Option<Fewer> {
        let missing = tokens.prompt.saturating_sub(self.room());
        let large = self.inner_folders(parts).into_iter().filter(|folder| folder.tokens >= missing);
        let Folder { path, files, .. } = large.min_by_key(|folder| folder.tokens)?;
        let inside = path[self.wish.folder?.len()..].trim_start_matches('/');
        let kept = numbers(parts, |part| !part.part.title.starts_with(&path));
        let (flags, what) =
            (format!("--exclude '/{inside}'"), format!("without the {} in {inside}", counted(files, "file")));
        (!kept.is_empty()).then_some(Fewer { flags, what, kept })
    }

    /// The largest folder that fits, in place of the whole.
    fn only_a_folder(&self, parts: &[PartCost]) -> Option<Fewer> {
        let room = self.room();
        let small = self.inner_folders(parts).into_iter().filter(|folder| folder.tokens < room);
        let Folder { path, files, .. } = small.max_by_key(|folder| folder.tokens)?;
        let kept = numbers(parts, |part| part.part.title.starts_with(&path));
        let path = path.trim_end_matches('/').to_owned();
        Some(Fewer { what: format!("only this folder, {}", counted(files, "file")), flags: path, kept })
    }

    /// The folders inside the one that the user gave.
    fn inner_folders(&self, parts: &[PartCost]) -> Vec<Folder> {
        let Some(root) = self.wish.folder else { return Vec::new() };
        let names: Vec<(&str, u32)> = parts.iter().map(|part| (part.part.title.as_str(), part.tokens)).collect();
        let mut folders = tree::folders(&names);
        folders.retain(|folder| folder.path.starts_with(root) && folder.path.len() > root.len() + 1);
        folders
    }

    /// The document without its longest parts: as few as possible.
    fn without_the_longest(&self, parts: &[PartCost], tokens: PromptTokens) -> Option<Fewer> {
        let missing = tokens.prompt.saturating_sub(self.room());
        let mut longest: Vec<&PartCost> = parts.iter().collect();
        longest.sort_by_key(|part| Reverse(part.tokens));
        let mut sum = 0;
        let is_needed = |part: &&PartCost| {
            let is_needed = sum < missing;
            sum += part.tokens;
            is_needed
        };
        let left_out: Vec<&PartCost> = longest.into_iter().take_while(is_needed).collect();
        let kept = numbers(parts, |part| left_out.iter().all(|other| other.part.number != part.part.number));
        let names: Vec<&str> = left_out.iter().map(|part| part.part.title.as_str()).collect();
        let (flags, what) = (format!("--parts {}", written(&kept)), format!("without {}", names.join(", ")));
        (left_out.len() <= FEW_PARTS && !kept.is_empty()).then_some(Fewer { flags, what, kept })
    }

    /// As many parts, from the first on, as fit.
    fn longest_beginning(
        &self,
        parts: &[PartCost],
        tokens: PromptTokens,
        chosen: &ResolvedPreset,
    ) -> Result<Option<Proposal>, Error> {
        let room = self.room();
        let mut sum = tokens.prompt - parts.iter().map(|part| part.tokens).sum::<u32>().min(tokens.prompt);
        let has_room = |part: &&PartCost| {
            sum = sum.saturating_add(part.tokens);
            sum <= room
        };
        let fitting = parts.iter().take_while(has_room).count();
        // The sign for parts left out also takes a few tokens.
        for count in (1..=fitting.min(parts.len() - 1)).rev() {
            let kept: Vec<usize> = parts[..count].iter().map(|part| part.part.number).collect();
            let all = parts.len();
            let what = match count {
                1 => format!("only the first of {all} parts"),
                _ => format!("the first {count} of {all} parts"),
            };
            let proposal = self.tried(Fewer { flags: format!("--parts {}", written(&kept)), what, kept }, chosen)?;
            if proposal.is_some() {
                return Ok(proposal);
            }
        }
        Ok(None)
    }

    /// The parts nearest to the question by BM25, as many as fit; without a question, those nearest to one to come.
    fn picked(&self, draft: &Draft) -> Result<Option<Proposal>, Error> {
        // In units of 1,024, like the `k` of `--pick`.
        let room = self.room().saturating_sub(draft.frame) / 1024 * 1024;
        let is_new = self.wish.pick.is_none() && room > 0;
        let question = match self.wish.question {
            None => return Ok(is_new.then(|| self.pick_later("--pick NUMBERk -p QUESTION", room, draft.frame))),
            Some(_) if draft.fit.is_estimate => {
                return Ok(is_new.then(|| self.pick_later("--pick NUMBERk", room, draft.frame)));
            }
            Some(question) => question,
        };
        let picked = retrieve(&draft.document, question, room, |texts| self.known.count_each(texts));
        let Some(picked) = picked else { return Ok(None) };
        let tokens = self.prompt_tokens(&picked.document, &draft.fit.chosen)?.prompt;
        let what = format!("{}, the nearest to the question (BM25)", picked.in_short());
        let flags = format!("--pick {}k", room / 1024);
        let proposal = Proposal { flags, what, tokens, kv_bytes: self.kv_bytes(tokens), parts: None };
        Ok(self.has_room_for(tokens).then_some(proposal))
    }

    /// What `--pick` takes has at most `room` tokens, whatever is asked and wherever it is found.
    fn pick_later(&self, flags: &str, room: u32, frame: u32) -> Proposal {
        let tokens = room + frame;
        Proposal {
            flags: flags.replace("NUMBER", &(room / 1024).to_string()),
            what: "the passages nearest to a question (BM25), at most".to_owned(),
            tokens,
            kv_bytes: self.kv_bytes(tokens),
            parts: None,
        }
    }

    /// Tries these parts: returns the proposal with its tokens and bytes, or `None` if it does not fit either.
    fn tried(&self, fewer: Fewer, chosen: &ResolvedPreset) -> Result<Option<Proposal>, Error> {
        let Fewer { flags, what, kept } = fewer;
        let document = self.wish.whole.taking(&kept);
        let tokens = self.prompt_tokens(&document, chosen)?.prompt;
        let kv_bytes = self.kv_bytes(tokens);
        Ok(self.has_room_for(tokens).then_some(Proposal { flags, what, tokens, kv_bytes, parts: Some(kept) }))
    }
}

/// The numbers of the parts that stay.
fn numbers(parts: &[PartCost], stays: impl Fn(&PartCost) -> bool) -> Vec<usize> {
    parts.iter().filter(|part| stays(part)).map(|part| part.part.number).collect()
}
