//! Computes a plan from the request and the estimator: tokens, bytes, seconds and obstacles.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::estimator::Estimator;
use super::plan::{Error, Fit, Obstacle, PartCost, PlanRequest, PresetCost, PromptTokens, WithinTime};
use super::retrieval::retrieve;
use super::room::{Room, too_many};
use crate::chat::titles::title;
use crate::chat::within::{Allowance, Search};
use crate::chat::{ChatTemplate, PromptRequest, build_prompt};
use crate::document::{ByteSpan, Document, Part};
use crate::engine::bounded::{Allowed, Bounded};
use crate::engine::config::{ContextSize, EngineSettings, OwnWindows};
use crate::engine::message::Plan;
use crate::swaa::preset::RecipePatch;
use crate::swaa::selection::{PresetSelection, ResolvedPreset, why_refused};
use crate::swaa::{ChainOfThought, Preset, Recipe};

/// A document that is shorter is always counted: it takes two seconds.
const MOST_COUNTED_BYTES: usize = 4 << 20;
/// A document with more bytes per token of the context does not fit: no text has so long tokens.
const CERTAINLY_TOO_LONG: usize = 16;
/// The tokens of such a document are estimated from so many samples of this size.
const SAMPLES: usize = 64;
const SAMPLE_BYTES: usize = 4 << 10;

/// Computes plans for one request on one model.
pub(super) struct Planner<'a> {
    pub(super) wish: &'a PlanRequest<'a>,
    pub(super) known: &'a dyn Estimator,
    template: ChatTemplate,
}

/// A plan without proposals, and the data that proposals are made from.
pub(super) struct Draft<'a> {
    pub fit: Fit,
    /// The selected parts, before `--pick`.
    pub document: Cow<'a, Document>,
    /// Tokens of the prompt outside the document.
    pub frame: u32,
}

impl<'a> Planner<'a> {
    pub(super) fn new(wish: &'a PlanRequest<'a>, known: &'a dyn Estimator) -> Self {
        Self { wish, known, template: ChatTemplate::of(known.info(), wish.now) }
    }

    /// The plan without proposals.
    pub(super) fn draft(&self) -> Result<Draft<'a>, Error> {
        let (wish, info) = (self.wish, self.known.info());
        let all = wish.whole.parts();
        let selected = wish.whole.parts_by_flag(wish.parts)?;
        let within = wish.within.map(|time| self.within(time, &selected)).transpose()?;
        let numbers = &selected[..within.map_or(selected.len(), |within| within.parts)];
        let (parts, whole_tokens) = self.count_parts(&all, numbers);
        let is_endless = |document: &Document| self.is_endless(&document.text);
        let chosen_parts = wish.whole.taking(numbers);
        let picked = match wish.pick.zip(wish.question) {
            None => None,
            Some((room, question)) => {
                let picked = retrieve(&chosen_parts, question, room, |texts| self.known.count_each(texts));
                Some(picked.ok_or(Error::NothingPicked { room })?)
            }
        };
        let (document, document_tokens) = match &picked {
            Some(picked) => (&picked.document, picked.tokens),
            None if matches!(chosen_parts, Cow::Borrowed(_)) => (wish.whole, whole_tokens),
            None if is_endless(&chosen_parts) => (&*chosen_parts, parts.iter().map(|part| part.tokens).sum()),
            None => (&*chosen_parts, self.known.count(&chosen_parts.text)),
        };
        let is_estimate = is_endless(document);
        let title = match &picked {
            Some(picked) => self.title(&picked.document),
            // A run has a title before it knows how much it can read within a time.
            None => self.title(&wish.whole.taking(&selected)),
        };
        let (chosen, tokens) = self.chosen(|cot| {
            if is_estimate {
                // The frame of a prompt without a document is another one.
                let stub = "x\n";
                let more_tokens = document_tokens.saturating_sub(self.known.count(stub));
                return Ok(self.tokens_of(stub, &title, wish.question, cot)?.with(more_tokens));
            }
            self.tokens_of(&document.text, &title, wish.question, cot)
        })?;
        let recipe = chosen.recipe.resolve(tokens.document, &info.layers).behind_front(tokens.front);
        let bounded_tokens = self.bounded_tokens(&recipe);
        let kv_bytes = self.kv_bytes_under(&recipe, tokens.prompt);
        let fit = Fit {
            parts_in_all: all.len(),
            is_estimate,
            within,
            picked,
            needed_tokens: tokens.prompt.saturating_add(self.answer_tokens()),
            limit_tokens: self.limit(),
            bounded_tokens,
            kv_bytes,
            cache: info.cache,
            model_bytes: info.weights_bytes(),
            repacked_bytes: info.repacked_bytes,
            beyond_training: self.beyond_training(),
            free_bytes: self.known.free_bytes(),
            presets: self.presets(tokens),
            predicted: self.predict(&recipe, tokens),
            measured: self.known.measured(),
            parts,
            tokens,
            chosen,
            recipe,
            obstacles: self.obstacles(tokens.prompt, bounded_tokens, kv_bytes),
            proposals: Vec::new(),
        };
        Ok(Draft { fit, document: chosen_parts, frame: tokens.prompt - document_tokens })
    }

    /// Whether `text` is so many times too long that counting all of its tokens is a waste: a log of 68 MB takes a
    /// minute.
    fn is_endless(&self, text: &str) -> bool {
        text.len() > MOST_COUNTED_BYTES && text.len() / CERTAINLY_TOO_LONG > self.limit() as usize
    }

    /// Tokens per byte of `text`, estimated from samples of it.
    fn density(&self, text: &str) -> f64 {
        let sample = |index: usize| {
            let start = text.floor_char_boundary(text.len() / SAMPLES * index);
            &text[start..text.floor_char_boundary(start + SAMPLE_BYTES)]
        };
        let samples: Vec<&str> = (0..SAMPLES).map(sample).collect();
        let bytes: usize = samples.iter().map(|sample| sample.len()).sum();
        f64::from(self.known.count_each(&samples).into_iter().sum::<u32>()) / bytes as f64
    }

    /// As many of these parts, from the first on, as a run would read within `time`; see [`crate::chat::within`].
    fn within(&self, time: Duration, numbers: &[usize]) -> Result<WithinTime, Error> {
        let EngineSettings { context, reserve_tokens, .. } = *self.wish.engine;
        let allowance = Allowance { time, context, reserve_tokens };
        let trained = self.known.info().train_context_tokens;
        let title = self.title(&self.wish.whole.taking(numbers));
        let mut search = Search::new(numbers.len());
        while let Some(parts) = search.next() {
            let document = self.wish.whole.taking(&numbers[..parts]);
            let is_allowed = !self.is_endless(&document.text)
                && allowance.allows(&self.prefill_of(&document.text, &title)?, Duration::ZERO, trained);
            search = search.told(parts, is_allowed);
        }
        let is_predicted = self.known.info().prefill_cost.token_s.is_some();
        Ok(WithinTime { time, parts: search.found(), of: numbers.len(), is_predicted })
    }

    /// The preset for a prompt, of which `tokens_with` tells the tokens by how the model reasons, and these tokens. `auto` chooses by those before the
    /// question, as in a run ([`PresetSelection::sizing`]).
    fn chosen(
        &self,
        tokens_with: impl Fn(ChainOfThought) -> Result<PromptTokens, Error>,
    ) -> Result<(ResolvedPreset, PromptTokens), Error> {
        let reading = self.wish.reading;
        let cot = reading.cot_of(reading.asked());
        let tokens = tokens_with(cot)?;
        let (chosen, _) = reading.choose(reading.asked(), &self.known.info().facts(), tokens.document)?;
        let tokens = if chosen.cot == cot { tokens } else { tokens_with(chosen.cot)? };
        Ok((chosen, tokens))
    }

    /// The prefill of a document before a question is asked.
    fn prefill_of(&self, text: &str, title: &str) -> Result<Plan, Error> {
        let info = self.known.info();
        let (chosen, tokens) = self.chosen(|cot| self.tokens_of(text, title, None, cot))?;
        let recipe = chosen.recipe.resolve(tokens.document, &info.layers).behind_front(tokens.front);
        Ok(Plan {
            predicted: self.predict(&recipe, tokens),
            bounded_tokens: self.bounded_tokens(&recipe),
            recipe,
            document_tokens: tokens.document,
            prompt_tokens: tokens.prompt,
            cached_tokens: 0,
            to_prefill_tokens: tokens.prompt,
            context_tokens: self.limit(),
        })
    }

    /// What a run calls `document`, which consists of parts of the whole.
    fn title(&self, document: &Document) -> String {
        title(self.wish.source, self.wish.whole, document)
    }

    /// The costs of the parts with these `numbers`, and the tokens of the whole document. Tokenises once for both, or
    /// estimates both.
    fn count_parts(&self, all: &[Part], numbers: &[usize]) -> (Vec<PartCost>, u32) {
        let text = &self.wish.whole.text;
        let whole = ByteSpan { start: 0, end: text.len() };
        let spans: Vec<ByteSpan> = all.iter().map(|part| part.span).chain([whole]).collect();
        let counts: Vec<u32> = if self.is_endless(text) {
            let density = self.density(text);
            spans.iter().map(|span| (span.len() as f64 * density).ceil() as u32).collect()
        } else {
            self.known.count_spans(text, &spans)
        };
        let kv = self.known.info().cache.bytes_per_token;
        let cost = |&number: &usize| {
            let tokens = counts[number - 1];
            PartCost { part: all[number - 1].clone(), tokens, kv_bytes: u64::from(tokens) * kv }
        };
        (numbers.iter().map(cost).collect(), counts[all.len()])
    }

    /// Tokens of the first question's prompt about `document`.
    pub(super) fn prompt_tokens(&self, document: &Document, chosen: &ResolvedPreset) -> Result<PromptTokens, Error> {
        self.tokens_of(&document.text, &self.title(document), self.wish.question, chosen.cot)
    }

    fn tokens_of(
        &self,
        text: &str,
        title: &str,
        question: Option<&str>,
        cot: ChainOfThought,
    ) -> Result<PromptTokens, Error> {
        let asked: Option<Arc<str>> = question.map(Arc::from);
        let request = PromptRequest {
            template: &self.template,
            system: self.wish.system,
            title,
            document: &Arc::from(text),
            front: question.filter(|_| self.wish.question_first),
            turns: &[],
            question: asked.as_ref(),
            cot,
        };
        Ok(self.known.count_prompt(&build_prompt(&request)?.0))
    }

    fn presets(&self, tokens: PromptTokens) -> Vec<PresetCost> {
        let (preset_entries, _) = self.wish.reading.preset_entries();
        preset_entries
            .iter()
            .filter(|preset_entry| preset_entry.recipe.is_some())
            .map(|preset_entry| self.preset(preset_entry, tokens))
            .collect()
    }

    fn preset(&self, preset: &Preset, tokens: PromptTokens) -> PresetCost {
        let info = self.known.info();
        // Changes by flags have a preset entry of their own, `custom`.
        let plain = PresetSelection { changes: RecipePatch::default(), ..self.wish.reading.clone() };
        let (spec, refused) = match plain.choose(preset, &info.facts(), tokens.document) {
            Ok((chosen, _)) => (chosen.recipe, None),
            Err(error) => {
                (preset.recipe.clone().expect("only presets with a recipe are passed in"), Some(error.to_string()))
            }
        };
        let refused = refused.or_else(|| why_refused(&spec, &info.facts()).map(str::to_owned));
        let recipe = spec.resolve(tokens.document, &info.layers).behind_front(tokens.front);
        let predicted = self.predict(&recipe, tokens).filter(|_| refused.is_none());
        PresetCost {
            name: preset.name.clone(),
            kv_bytes: self.kv_bytes_under(&recipe, tokens.prompt),
            bounded_tokens: self.bounded_tokens(&recipe),
            predicted,
            recipe,
            refused,
        }
    }

    fn predict(&self, recipe: &Recipe, tokens: PromptTokens) -> Option<Duration> {
        let tail = tokens.prompt - tokens.document;
        let segments = [(tokens.document, &recipe.reading), (tail, recipe.tail())];
        let info = self.known.info();
        info.prefill_cost.time(0, &segments, info.layers.attending_count())
    }

    fn room_of_model(&self) -> Room<'_> {
        let EngineSettings { context, reserve_tokens, .. } = *self.wish.engine;
        Room { info: self.known.info(), context, reserve_tokens }
    }

    /// Max tokens of a prompt and its answer together.
    pub(super) fn limit(&self) -> u32 {
        self.room_of_model().limit()
    }

    /// `-c`, if the model was trained for less.
    fn beyond_training(&self) -> Option<u32> {
        match self.wish.engine.context {
            ContextSize::Tokens(tokens) if tokens > self.known.info().train_context_tokens => Some(tokens),
            _ => None,
        }
    }

    pub(super) fn answer_tokens(&self) -> u32 {
        self.wish.answer_tokens.unwrap_or(self.wish.engine.reserve_tokens)
    }

    /// The cells that memory is bounded to under `recipe`; `None`: every token is kept.
    fn bounded_tokens(&self, recipe: &Recipe) -> Option<u32> {
        let (info, engine) = (self.known.info(), self.wish.engine);
        let allowed = Allowed {
            drops_anywhere: info.drops_anywhere() && engine.own_windows == OwnWindows::Short,
            train_context_tokens: info.train_context_tokens,
            context: engine.context,
            batch_tokens: engine.clone().for_device(info.has_gpu()).batch_tokens(),
        };
        Bounded::of(recipe, allowed).map(Bounded::cells)
    }

    /// What the KV cache takes under `recipe`.
    fn kv_bytes_under(&self, recipe: &Recipe, prompt_tokens: u32) -> u64 {
        self.room_of_model().kv_bytes(prompt_tokens, self.bounded_tokens(recipe))
    }

    /// What the KV cache takes if every token is kept.
    pub(super) fn kv_bytes(&self, prompt_tokens: u32) -> u64 {
        self.room_of_model().kv_bytes(prompt_tokens, None)
    }

    fn obstacles(&self, prompt_tokens: u32, bounded_tokens: Option<u32>, kv_bytes: u64) -> Vec<Obstacle> {
        let too_many = too_many(prompt_tokens, self.limit()).filter(|_| bounded_tokens.is_none());
        let context = too_many.map(|too_many| Obstacle::Context { too_many });
        let memory = self.memory_missing(kv_bytes);
        context.into_iter().chain(memory).collect()
    }

    pub(super) fn memory_missing(&self, kv_bytes: u64) -> Option<Obstacle> {
        let free_bytes = self.known.free_bytes()?;
        let need_bytes = kv_bytes + self.known.info().weights_bytes();
        (need_bytes > free_bytes).then_some(Obstacle::Memory { need_bytes, free_bytes })
    }
}
