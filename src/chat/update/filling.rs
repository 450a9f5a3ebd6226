//! Notices a conversation that has filled its context, says so, and offers the ways out. See [`crate::chat::room`];
//! [`super::making_room`] takes one.

use crate::chat::exchange::Exchange;
use crate::chat::room::{FullContext, WayOut, larger, oldest_to_leave_out};
use crate::chat::state::{Chat, Model};
use crate::chat::transcript::Entry;
use crate::engine::config::ContextSize;
use crate::engine::message::{Plan, TokenCounts};
use crate::failure::{Failure, FailureKind};
use crate::units::count;

/// What the ways out have in common.
const HINT: &str = "start a new conversation, leave out the oldest turns, or continue from an earlier answer";

/// Rewords the failure of `entry` if the conversation, and not the document, is too long; then the ways out are offered.
pub(super) fn reworded(chat: &mut Chat, entry: usize, plan: Option<&Plan>, failure: Failure) -> Failure {
    let (Some(limit), Some(plan)) = (limit(chat), plan) else { return failure };
    let is_full = failure.kind == FailureKind::DoesNotFit && plan.prompt_tokens >= limit;
    if !is_full || told(chat, entry).is_empty() {
        return failure;
    }
    let missing = plan.prompt_tokens + 1 - limit;
    offer(chat, entry, plan.document_tokens, plan.prompt_tokens, missing);
    let message = format!(
        "the conversation has filled the context: with this question it has {} tokens, {} of them the document, and the \
         context holds {}, including the answer",
        count(plan.prompt_tokens),
        count(plan.document_tokens),
        count(limit)
    );
    Failure { message, hint: Some(HINT.to_owned()), ..failure }
}

/// Offers the ways out of a context that cut off the answer of `entry`, unless the context can still grow by itself.
pub(super) fn cut_off(chat: &mut Chat, entry: usize, context_tokens: u32, tokens: TokenCounts) {
    if limit(chat).is_some_and(|limit| context_tokens >= limit) {
        let used = tokens.prompt + tokens.generated;
        offer(chat, entry, tokens.document, used, 1);
    }
}

fn offer(chat: &mut Chat, entry: usize, document_tokens: u32, prompt_tokens: u32, missing: u32) {
    let (Some(limit), Model::Ready { info, .. }) = (limit(chat), &chat.model) else { return };
    if chat.asking.questions.is_script() {
        return;
    }
    let turns = told(chat, entry);
    let mut ways = vec![WayOut::NewConversation];
    if !turns.is_empty() {
        let turns = oldest_to_leave_out(&turns, document_tokens, missing, limit);
        ways.extend([WayOut::LeaveOut { turns }, WayOut::Branch]);
    }
    // A server's context is not this user's to enlarge.
    if let ContextSize::Tokens(now) = chat.context
        && info.runs_on.is_none()
        && let Some(tokens) = larger(now, prompt_tokens, info.train_context_tokens)
    {
        let kv_bytes = info.cache.bytes(tokens);
        ways.push(WayOut::Enlarge { tokens, kv_bytes });
    }
    chat.full = Some(FullContext { entry, ways });
}

/// The turns before `entry` that the model gets.
fn told(chat: &Chat, entry: usize) -> Vec<&Exchange> {
    let before = chat.transcript.iter().take(entry).filter_map(Entry::exchange);
    before.filter(|exchange| exchange.is_told()).collect()
}

/// The size of the context; `None` without a model.
fn limit(chat: &Chat) -> Option<u32> {
    let Model::Ready { info, .. } = &chat.model else { return None };
    Some(chat.context.limit(info.train_context_tokens))
}
