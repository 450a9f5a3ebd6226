//! Plans a session as plain data, before anything is loaded or prefilled: does it fit, and what would it take?
//!
//! The plan has the tokens and the KV cache bytes of every part of the document, the limits (context, memory), and the
//! prefill time under each preset, predicted from measurements on this machine. If the document does not fit, it has
//! proposals: which parts to leave out, a smaller cache type, another context size.
//!
//! Example: *Pride and Prejudice* is 162,000 tokens for a 0.5B that holds 32,768. It does not fit; parts 1 to 12 do,
//! and so do the 30,000 tokens that BM25 finds nearest to the question ([`retrieval`]).
//!
//! Every proposal is tried first: its parts are joined, counted and checked against context and memory.
//!
//! On the screen the user ticks parts in a tree ([`ticks`]); their tokens are counted in batches ([`count_parts()`]), and [`room`] says whether they fit.
//!
//! Doesn't print (`headless` does), draw, or read a clock. The KV cache has the same size under every preset, since all
//! of it is kept; so no preset is ever proposed to save memory.

mod count_parts;
mod estimator;
mod part_numbers;
mod plan;
mod planner;
mod proposals;
pub mod retrieval;
pub mod room;
#[cfg(test)]
mod tests;
pub mod ticks;
pub mod tree;

pub use count_parts::count_parts;
pub use estimator::Estimator;
pub use part_numbers::{part_in_words, written};
pub use plan::{Error, Fit, Obstacle, PartCost, PlanRequest, PresetCost, PromptTokens, Proposal, WithinTime};

use planner::Planner;

/// Makes the plan, with proposals if it does not fit.
pub fn plan(wish: &PlanRequest, known: &dyn Estimator) -> Result<Fit, Error> {
    let planner = Planner::new(wish, known);
    let draft = planner.draft()?;
    let proposals = if draft.fit.fits() { Vec::new() } else { planner.proposals(&draft)? };
    Ok(Fit { proposals, ..draft.fit })
}
