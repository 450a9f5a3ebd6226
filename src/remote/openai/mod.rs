//! Somebody else's server as the engine: anything that answers `/v1/chat/completions`.
//!
//! | file | answers |
//! |---|---|
//! | `engine` | how is a command carried out? requests, cancelling, what can't be done |
//! | `wire` | what becomes of a request? an answer, a refusal, JSON |
//! | `offer`, `models` | which models are there, whose server is it, which one is asked? |
//! | `facts` | what do front ends know about the model? |
//! | `messages` | how does a prompt become messages again? |
//! | `request` | what does a request say, to which kind of server? |
//! | `stream` | what do the lines of an answer say? |
//! | `answer` | what becomes of them? pieces, finish, figures |
//! | `refusal`, `patience` | what does a server's error say, and is it asked again? |
//! | `counting`, `tokenizer`, `estimate`, `survey` | how many tokens has a text? |
//!
//! Example: vLLM at `http://gpu-box:8000`. `/v1/models` has one model of 32,768 tokens, `/tokenize` counts the book, and the first
//! question sends the book with it; vLLM prefills it, and finds it in its cache for the second.
//!
//! [`super::connect`] and [`super::Counter`] lead here, where a server does not greet as a Lunette does.
//!
//! It can't choose attention, predict, read ahead, look into the KV cache, or weigh an answer: those need an engine that is
//! ours.

mod answer;
mod counting;
mod engine;
mod estimate;
mod facts;
#[cfg(test)]
mod fixtures;
mod messages;
mod models;
mod offer;
mod patience;
mod refusal;
mod request;
mod stream;
mod survey;
#[cfg(test)]
mod tests;
mod tokenizer;
mod wire;

pub(super) use engine::run;
pub(super) use survey::{Survey, described};
