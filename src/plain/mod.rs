//! The chat in plain lines, for screen readers and simple terminals: nothing moves, nothing is drawn over, one line says one thing.
//!
//! ```text
//! loading the model
//! reading pride-and-prejudice.txt by accurate: 10%
//! pride-and-prejudice.txt is read. Ask, or /help.
//! > Who is Mr. Collins?
//! A clergyman …
//! (accurate, 40 tokens at 20.0 tok/s)
//! ```
//!
//! The same [`crate::chat`] and engine as the screen has, and the same [`crate::session::EffectRunner`] beside them. What a person types is a
//! question, which may refer to parts and files with `@`, or a command that begins with `/`. An answer is written as it comes, in whole
//! words of the model; Ctrl-C ends the program, as everywhere. No terminal is needed: questions from a pipe are answered, and where they
//! end the program does.
//!
//! | file | answers |
//! |---|---|
//! | [`conversation`] | what happens until it is over, and with which exit code does it end? |
//! | [`typed_line`] | what does a typed line ask for? |
//! | [`announcer`] | what is new, and in which words is it told? |
//! | [`consent`] | may a missing model be fetched? |

mod announcer;
pub mod consent;
mod conversation;
mod typed_line;

#[cfg(test)]
pub(crate) use announcer::Announcer;
pub use conversation::{Audience, run};
