//! Why an answer ended, in the same words in every front end.

use crate::engine::message::Finish;

/// Why an answer is incomplete: what cut it off, or that it is empty. `None` if the model ended it.
///
/// `answer` is the text so far, which may be only white space.
#[must_use]
pub fn why_not_whole(finish: Finish, answer: &str) -> Option<&'static str> {
    match finish {
        Finish::EndOfGeneration | Finish::StopString => {
            answer.trim().is_empty().then_some("the model returned an empty answer")
        }
        Finish::TokenLimit => Some("cut off: token limit reached"),
        Finish::TimeLimit => Some("cut off: --timeout reached"),
        Finish::ContextFull => Some("cut off: the context is full"),
        Finish::Cancelled => Some("stopped"),
    }
}
