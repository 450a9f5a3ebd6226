//! Makes the cache shorter, as far as the model's memory allows, and takes the checkpoints that this needs.
//!
//! A cache of keys and values is cut where the prompts differ. One with a state of fixed size goes back to the last
//! checkpoint before that place, and what lies between is prefilled again. Without a checkpoint it is emptied: the next
//! prompt is then read from its beginning, and its plan says so before that starts.
//!
//! Where checkpoints are taken, for a document of 30,000 tokens under a window of 4,096 with 100 sinks: at 2,048, 4,096,
//! 4,196, 8,192 and 16,384; at 30,000; where each turn begins; where the template asks for the answer; and before each
//! decode call, since a call that is interrupted leaves the state half changed. So a prompt that differs inside of the
//! document starts at no less than half of what it shares. Those inside of a document and at its end go to disk with its
//! blocks.
//!
//! Up to 4,196 the document is the same under this window and under full attention, the states of recurrent layers
//! included. So that a switch between presets starts there, whichever of them was read first, a checkpoint is taken where
//! the window of each preset begins to hide something.
//!
//! A cache in which cells were dropped is cut behind the gap as far as the window there stays whole, or among the sinks.
//!
//! Doesn't decide how much of a cache is wanted (`worker` does).

use super::checkpoints::Place;
use super::machine::Machine;
use super::message::Failure;
use super::tokenized_prompt::TokenizedPrompt;
use super::worker::Worker;
use crate::swaa::RecipeSpec;

/// The first checkpoint inside of a document; the others are at twice, four times, … as many tokens.
const FIRST_WITHIN_TOKENS: u32 = 2048;

/// Where the calls of a prefill end so that checkpoints can be taken there: the first such place after `start`. In `presets`
/// is how many tokens each preset sees whole.
fn next_stop(tokenized: &TokenizedPrompt, presets: &[u32], start: u32) -> u32 {
    let power = (start + 1).max(FIRST_WITHIN_TOKENS).next_power_of_two();
    let within = [power, tokenized.recipe.reading.seen_whole()].into_iter().chain(presets.iter().copied());
    let of_document = within.map(|stop| stop.min(tokenized.document_tokens));
    let stops = of_document.chain([tokenized.answer_request]);
    stops.filter(|&stop| stop > start).min().unwrap_or(u32::MAX)
}

/// What a checkpoint at `position` would be good for; the prefill of `tokenized` began at `first`.
fn place_at(tokenized: &TokenizedPrompt, presets: &[u32], position: u32, first: u32) -> Place {
    let document = tokenized.document_tokens;
    let is_stop = next_stop(tokenized, presets, position - 1) == position;
    match position {
        _ if position == document => Place::Document,
        _ if position > document && (position == first || is_stop) => Place::Turn,
        _ if is_stop => Place::Within,
        _ => Place::Passing,
    }
}

impl<M: Machine> Worker<M> {
    /// Cuts the cache to `len` positions, or, where that can't be done, to fewer.
    pub(super) fn cut(&mut self, len: u32) {
        let len = self.checkpoints.cut_position(self.machine.cuts_anywhere(), &self.kv, self.kv.nearest_cut(len));
        if len < self.kv.len() {
            self.shorten(len);
        }
    }

    /// Makes the cache whole again after a decode call that was interrupted or failed.
    pub(super) fn recover(&mut self) {
        let before = self.kv.len();
        let len = if self.machine.cuts_anywhere() { before } else { self.checkpoints.last_position(&self.kv, before) };
        self.shorten(len);
    }

    /// Cuts the cache to what its index holds.
    pub(super) fn cut_draft(&mut self) {
        self.shorten(self.kv.len());
    }

    /// Shortens to a position that can be gone back to. If the library fails in it, nothing that the cache holds can be
    /// trusted, so it is emptied: the conversation goes on and costs more.
    fn shorten(&mut self, len: u32) {
        let cut = self.try_to_shorten(len);
        self.kv.truncate(len);
        if let Err(failure) = cut {
            tracing::warn!(len, message = failure.message, "the cache could not be cut and is emptied");
            self.machine.forget();
            self.kv.truncate(0);
        }
    }

    fn try_to_shorten(&mut self, len: u32) -> Result<(), Failure> {
        if self.machine.cuts_anywhere() {
            return self.machine.truncate(len);
        }
        if let Some(state) = self.checkpoints.state_at(&self.kv, len) {
            return self.machine.rewind(state, len);
        }
        self.machine.forget();
        Ok(())
    }

    /// Max tokens of the next decode call of a prefill from the cache's end.
    pub(super) fn tokens_to_next_stop(&self, tokenized: &TokenizedPrompt) -> u32 {
        if self.machine.cuts_anywhere() {
            return u32::MAX;
        }
        let start = self.kv.len();
        next_stop(tokenized, &self.seen_whole(tokenized), start) - start
    }

    /// How many tokens of a document each preset sees whole.
    fn seen_whole(&self, tokenized: &TokenizedPrompt) -> Vec<u32> {
        let layers = self.machine.layers();
        let resolved = |spec: &RecipeSpec| spec.resolve(tokenized.document_tokens, layers);
        let of = |spec| resolved(spec).behind_front(tokenized.front_tokens).reading.seen_whole();
        self.settings.presets.iter().map(of).collect()
    }

    /// Takes a checkpoint at the cache's end, if this cache needs any. The prefill began at `first`.
    pub(super) fn pass(&mut self, tokenized: &TokenizedPrompt, first: u32) {
        let position = self.kv.len();
        if position == 0 || self.machine.cuts_anywhere() {
            return;
        }
        let place = place_at(tokenized, &self.seen_whole(tokenized), position, first);
        if !self.checkpoints.holds(&self.kv, place) {
            self.take_checkpoint(place);
        }
        self.save_checkpoints(tokenized.document_tokens, Place::Within);
    }

    /// Takes a checkpoint at the cache's end.
    pub(super) fn take_checkpoint(&mut self, place: Place) {
        let position = self.kv.len();
        match self.machine.checkpoint() {
            Ok(state) => {
                let bytes = M::snapshot_size(&state).host_bytes + self.kv.bytes();
                let dropped = self.checkpoints.keep(self.kv.clone(), state, bytes, place);
                tracing::debug!(position, ?place, bytes, dropped, "checkpoint");
            }
            Err(failure) => tracing::warn!(position, message = failure.message, "no checkpoint"),
        }
    }

    /// Saves checkpoints of the live cache to disk that are not there yet, those at least as useful as `least`.
    pub(super) fn save_checkpoints(&mut self, document_tokens: u32, least: Place) {
        for (position, state) in self.checkpoints.of(&self.kv, least) {
            if self.disk.wants_state(position, document_tokens) {
                self.disk.save_state(position, M::checkpoint_bytes(state));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cache_index::{Token, TokenSequence};
    use crate::swaa::{Attention, ModelLayers, RecipeSpec, WindowSpec};

    /// A document of 30,000 tokens and a question of 40, of which the last 6 ask for the answer.
    fn asked(window: WindowSpec) -> TokenizedPrompt {
        let spec = RecipeSpec { window, sinks: 100, ..RecipeSpec::FULL };
        let recipe = spec.resolve(30_000, &ModelLayers::All(4));
        let mut sequence = TokenSequence::default();
        sequence.push(&vec![Token(1); 30_000], &recipe.reading);
        sequence.push(&[Token(2); 40], &Attention::Full);
        TokenizedPrompt {
            recipe,
            sequence,
            document_tokens: 30_000,
            front_tokens: 0,
            answer_request: 30_034,
            title: "".into(),
        }
    }

    fn stops(tokenized: &TokenizedPrompt) -> Vec<u32> {
        stops_with(tokenized, &[])
    }

    fn stops_with(tokenized: &TokenizedPrompt, presets: &[u32]) -> Vec<u32> {
        let next = |&start: &u32| Some(next_stop(tokenized, presets, start)).filter(|&stop| stop < u32::MAX);
        std::iter::successors(Some(0), next).skip(1).collect()
    }

    #[test]
    fn calls_end_where_checkpoints_are_taken() {
        let powers = [2048, 4096, 8192, 16_384, 30_000, 30_034];
        assert_eq!(stops(&asked(WindowSpec::Full)), powers);
        let with_window = [2048, 4096, 4196, 8192, 16_384, 30_000, 30_034];
        assert_eq!(stops(&asked(WindowSpec::Tokens(4096))), with_window);
    }

    #[test]
    fn calls_end_where_other_presets_begin_to_hide_something() {
        let presets = [1124, 2148, u32::MAX, 7600];
        let all = [1124, 2048, 2148, 4096, 7600, 8192, 16_384, 30_000, 30_034];
        assert_eq!(stops_with(&asked(WindowSpec::Full), &presets), all);
    }

    #[test]
    fn places_are_told_apart() {
        let tokenized = asked(WindowSpec::Full);
        let place = |position| place_at(&tokenized, &[2148], position, 30_010);
        let places = [2148, 4096, 4608, 30_000, 30_010, 30_034].map(place);
        assert_eq!(places, [Place::Within, Place::Within, Place::Passing, Place::Document, Place::Turn, Place::Turn]);
        assert_eq!(place(30_020), Place::Passing);
    }
}
