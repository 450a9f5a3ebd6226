//! How much fits: how long a prompt may be, and what its KV cache takes. Plans, and the selection of parts on the screen, ask this.
//!
//! Example: a model that was trained for 32,768 tokens, and `-c 65536`. A prompt of 32,768 tokens is 1 token too long, as one token of an answer must
//! fit, too. A cache of 65,536 tokens is made for it all the same.
//!
//! It does not know how much memory is free.

use crate::engine::config::ContextSize;
use crate::engine::message::ModelInfo;

/// The room that a model has for a prompt.
#[derive(Debug, Clone, Copy)]
pub struct Room<'a> {
    pub info: &'a ModelInfo,
    pub context: ContextSize,
    /// Kept free behind the prompt, if the context is made for it.
    pub reserve_tokens: u32,
}

impl Room<'_> {
    /// Max tokens of a prompt and its answer together.
    #[must_use]
    pub const fn limit(self) -> u32 {
        self.context.useful_limit(self.info.train_context_tokens)
    }

    /// What the KV cache takes for a prompt, if memory is not bounded to some cells: the context that is made for it. A prompt that is too long is not
    /// cut: this is what it would take.
    #[must_use]
    pub fn kv_bytes(self, prompt_tokens: u32, bounded_tokens: Option<u32>) -> u64 {
        let context = || self.context.made_for(prompt_tokens, self.reserve_tokens, self.limit()).max(prompt_tokens);
        self.info.cache.bytes(bounded_tokens.unwrap_or_else(context))
    }
}

/// By how many tokens a prompt is too long for `limit`; `None` if it fits. One token of an answer must fit; more of them are only desirable.
#[must_use]
pub fn too_many(prompt_tokens: u32, limit: u32) -> Option<u32> {
    (prompt_tokens >= limit).then(|| prompt_tokens + 1 - limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::fixtures::model;

    #[test]
    fn what_is_beyond_the_training_makes_no_room_and_takes_memory() {
        let info = model();
        let trained = info.train_context_tokens;
        let room = |context| Room { info: &info, context, reserve_tokens: 2_048 };
        let (large, small) = (room(ContextSize::Tokens(2 * trained)), room(ContextSize::Tokens(1_024)));
        assert_eq!([large.limit(), small.limit(), room(ContextSize::Fit).limit()], [trained, 1_024, trained]);
        assert_eq!(large.kv_bytes(100, None), info.cache.bytes(2 * trained));
        assert_eq!(large.kv_bytes(100, Some(512)), info.cache.bytes(512));
        assert_eq!(small.kv_bytes(5_000, None), info.cache.bytes(5_000), "it is not cut");
    }

    #[test]
    fn one_token_of_an_answer_must_fit() {
        assert_eq!([too_many(1_023, 1_024), too_many(1_024, 1_024)], [None, Some(1)]);
    }
}
