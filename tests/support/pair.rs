//! llama.cpp and the reference side by side: what is done to one is done to the other, and whatever both read is compared.
//!
//! The readings that are the same on a processor and on a GPU are told here once; each names its model, options and tolerance.

use lunette::swaa::Attention;

use super::comparing::{assert_near, read, tokens};
use super::llama::{Context, Model, Options};
use super::random_model::RandomModel;
use super::reference::{Reference, Token};

pub(crate) struct Pair<'model> {
    reference: Reference<'model>,
    pub(crate) context: Context<'model>,
    tolerance: f32,
    what: String,
}

impl<'model> Pair<'model> {
    pub(crate) fn new(weights: &'model RandomModel, model: &'model Model, options: Options, tolerance: f32) -> Self {
        let what = format!("{:?}, {options:?}", weights.shape);
        Self { reference: Reference::new(weights), context: Context::new(model, options), tolerance, what }
    }

    /// Both read `text`, llama.cpp in calls of `call` tokens; the logits of every token are near.
    #[track_caller]
    pub(crate) fn read(&mut self, text: &[Token], call: usize, attention: &Attention) {
        let by_hand = self.reference.read(text, attention);
        let ours = read(&mut self.context, text, call, attention);
        let (count, first) = (text.len(), text[0].position);
        let what = format!("{count} tokens from {first} in calls of {call}, {attention}, {}", self.what);
        assert_near(&ours, &by_hand, self.tolerance, &what);
    }

    pub(crate) fn remove(&mut self, sequence: u32, from: u32, to: u32) {
        self.reference.remove(sequence, from, to);
        self.context.remove(sequence, from, to);
    }

    pub(crate) fn copy(&mut self, from: u32, to: u32) {
        self.reference.copy(from, to);
        self.context.copy(from, to);
    }

    /// Removes `from..to` of sequence 0; what follows moves up.
    pub(crate) fn cut(&mut self, from: u32, to: u32) {
        self.remove(0, from, to);
        self.reference.move_down(0, to, to - from);
        self.context.move_down(0, to, to - from);
    }

    /// The document under one attention, the question with all of it, five tokens of an answer one by one.
    #[track_caller]
    pub(crate) fn read_and_answer(&mut self, reading: &Attention, decoding: &Attention) {
        self.read(&tokens(0, 641, 0), 641, reading);
        self.read(&tokens(641, 20, 0), 20, &Attention::Full);
        self.read(&tokens(661, 5, 0), 1, decoding);
    }

    /// Cells and positions part ways: pieces are cut out, the rest moves up, new text goes on.
    #[track_caller]
    pub(crate) fn read_between_cuts(&mut self, attention: &Attention) {
        self.read(&tokens(0, 700, 0), 700, attention);
        for (from, to) in [(690, 700), (100, 640), (4, 6)] {
            self.cut(from, to);
        }
        self.read(&tokens(148, 300, 0), 300, attention);
    }

    /// One after the other, then both in one call, at different depths, then a token of each.
    #[track_caller]
    pub(crate) fn read_two_sequences(&mut self, attention: &Attention) {
        let both = [tokens(600, 40, 0), tokens(350, 40, 1)].concat();
        let one_of_each = [tokens(640, 1, 0), tokens(390, 1, 1)].concat();
        for text in [tokens(0, 600, 0), tokens(0, 350, 1), both, one_of_each] {
            self.read(&text, text.len(), attention);
        }
    }
}
