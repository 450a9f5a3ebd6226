//! What can be done about a conversation that has filled its context.
//!
//! Every question is asked with all earlier turns, so a long conversation ends up longer than the context. Then nothing is
//! dropped silently: the chat lists the ways out ([`FullContext`]), and the user takes one ([`super::Action::MakeRoom`]).
//!
//! Example: a context of 4,096 tokens, a document of 18 and twelve turns of 340 tokens each. The thirteenth question needs
//! 4,120 tokens. The oldest two turns have 680: without them there is room for it and an answer.
//!
//! It does not count tokens; sizes of turns are differences of what the engine measured.

use super::exchange::Exchange;
use crate::engine::config::CONTEXT_STEP_TOKENS;
use crate::units::{bytes, count};

/// Kept free for the answer when turns are left out.
const ROOM_FOR_AN_ANSWER_TOKENS: u32 = 512;

/// A conversation that has filled its context, and the ways out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullContext {
    /// The entry that could not be answered, or whose answer was cut off.
    pub entry: usize,
    /// Most convenient first; at least one.
    pub ways: Vec<WayOut>,
}

/// A way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayOut {
    /// Ask in a new conversation about the same document.
    NewConversation,
    /// Leave the oldest turns out of later prompts.
    LeaveOut { turns: usize },
    /// Continue from an earlier answer on a new branch; the user chooses which.
    Branch,
    /// Allow the context this many tokens, whose KV cache takes `kv_bytes`.
    Enlarge { tokens: u32, kv_bytes: u64 },
}

impl WayOut {
    /// What it does, as the end of a sentence.
    #[must_use]
    pub fn in_words(self) -> String {
        match self {
            Self::NewConversation => "ask in a new conversation; this one stays as a branch".to_owned(),
            Self::LeaveOut { turns: 1 } => "leave out the oldest turn; it stays on the screen".to_owned(),
            Self::LeaveOut { turns } => {
                format!("leave out the oldest {turns} turns; they stay on the screen")
            }
            Self::Branch => "continue from an earlier answer on a new branch".to_owned(),
            Self::Enlarge { tokens, kv_bytes } => {
                format!("enlarge the context to {} tokens ({} of KV cache)", count(tokens), bytes(kv_bytes))
            }
        }
    }
}

/// How many of the oldest `turns` have to be left out to free `missing` tokens and some for an answer; all if that is not
/// enough. `document_tokens` come before the first turn, and `limit` is the size of the context.
pub(super) fn oldest_to_leave_out(turns: &[&Exchange], document_tokens: u32, missing: u32, limit: u32) -> usize {
    let wanted = missing.saturating_add(ROOM_FOR_AN_ANSWER_TOKENS.min(limit / 8));
    let mut before = document_tokens;
    let mut freed = 0_u32;
    for (index, exchange) in turns.iter().enumerate() {
        let Some(figures) = &exchange.figures else { continue };
        let end = figures.tokens.prompt + figures.tokens.generated;
        // After turns were left out, a later prompt is shorter than an earlier one.
        let own = end.checked_sub(before).unwrap_or(figures.tokens.generated);
        (before, freed) = (end, freed.saturating_add(own));
        if freed >= wanted {
            return index + 1;
        }
    }
    turns.len()
}

/// A larger context for a prompt of `prompt_tokens`, for a model trained on `train_context_tokens`; `None` if there is
/// none.
pub(super) fn larger(now: u32, prompt_tokens: u32, train_context_tokens: u32) -> Option<u32> {
    let wished = prompt_tokens.max(now).saturating_mul(2).next_multiple_of(CONTEXT_STEP_TOKENS);
    let tokens = wished.min(train_context_tokens);
    (tokens > now && tokens > prompt_tokens).then_some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_grows_to_twice_its_size_but_not_beyond_what_the_model_was_trained_for() {
        assert_eq!(larger(4_096, 4_200, 32_768), Some(9_216));
        assert_eq!(larger(20_000, 20_100, 32_768), Some(32_768));
        assert_eq!((larger(32_768, 33_000, 32_768), larger(4_096, 9_000, 8_192)), (None, None));
    }
}
