//! The chat in plain lines, for screen readers and simple terminals: nothing moves or is overwritten, and each line
//! says one thing.
//!
//! ```text
//! loading the model
//! reading pride-and-prejudice.txt (accurate): 10%
//! pride-and-prejudice.txt is read. Ask, or /help.
//! > Who is Mr. Collins?
//! A clergyman …
//! (accurate, 40 tokens at 20.0 tok/s)
//! ```
//!
//! It uses the same [`crate::chat`], engine and [`crate::session::EffectRunner`] as the terminal interface. A typed
//! line is a question, which may refer to parts and files with `@`, or a command that begins with `/`. Answers are
//! written as they are generated. Ctrl-C ends the program. No terminal is needed: questions can come from a pipe, and
//! the program ends with them.
//!
//! | file | answers |
//! |---|---|
//! | [`conversation`] | when does it end, and with which exit code? |
//! | [`typed_line`] | what does a typed line ask for? |
//! | [`announcer`] | what is new, and how is it announced? |
//! | [`consent`] | may a missing model be fetched? |

mod announcer;
pub mod consent;
mod conversation;
mod typed_line;

#[cfg(test)]
pub(crate) use announcer::Announcer;
pub use conversation::{Audience, run};
