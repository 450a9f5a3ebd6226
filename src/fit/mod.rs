//! Does it fit, and what would it take? A plan of a session as plain data, before anything is loaded or prefilled.
//!
//! The plan has the tokens and the KV cache bytes of every part of the document, the limits (context, memory), the
//! prefill time under each preset by what was measured on this machine, and, where the whole does not fit, what would:
//! which parts to leave out, a smaller cache type, another context size.
//!
//! Example: *Pride and Prejudice* is 162,000 tokens for a 0.5B that holds 32,768. It does not fit; parts 1 to 12 do,
//! and so do the 30,000 tokens that BM25 finds nearest to the question ([`pick`]).
//!
//! Every proposal was tried before it is made: the parts were put together, counted and compared with context and
//! memory.
//!
//! On the screen the parts are ticked in a tree ([`ticks`]), with tokens counted batch by batch ([`count_parts()`]).
//!
//! What it does not do: print (`headless` does), draw, or look at a clock. The KV cache is the same under every preset,
//! since all of it is kept; no preset is ever proposed for its memory.

mod count_parts;
mod estimator;
mod part_numbers;
mod plan;
mod planner;
mod proposals;
pub mod retrieval;
#[cfg(test)]
mod tests;
pub mod ticks;
pub mod tree;

pub use count_parts::count_parts;
pub use estimator::Estimator;
pub use part_numbers::{part_in_words, written};
pub use plan::{Error, Fit, Obstacle, PartCost, PlanRequest, PresetCost, PromptTokens, Proposal};

use planner::Planner;

/// Makes the plan.
pub fn plan(wish: &PlanRequest, known: &dyn Estimator) -> Result<Fit, Error> {
    let planner = Planner::new(wish, known);
    let draft = planner.draft()?;
    let proposals = if draft.fit.fits() { Vec::new() } else { planner.proposals(&draft)? };
    Ok(Fit { proposals, ..draft.fit })
}
