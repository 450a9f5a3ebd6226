//! A started engine, and the prompts that are asked of it.

#![allow(dead_code, reason = "each test file takes what it needs")]

use std::path::PathBuf;
use std::sync::Arc;

use lunette::engine::config::*;
use lunette::engine::message::*;
use lunette::engine::{EngineHandle, spawn};
use lunette::swaa::RecipeSpec;

pub(crate) fn config(model: PathBuf) -> EngineConfig {
    EngineConfig {
        model,
        settings: EngineSettings {
            context: ContextSize::Fit,
            reserve_tokens: 512,
            n_batch: Some(128),
            n_ubatch: Some(128),
            threads: Some(1),
            kv_dtype: KvDtype::F16,
            own_windows: OwnWindows::default(),
            flash_attention: true,
            offload: Offload::none(),
            resident_bytes: 1 << 28,
            device_snapshots: DEVICE_SNAPSHOTS,
            heads: None,
            speeds: None,
            disk_cache: None,
            first_use: None,
            adapters: Vec::new(),
            presets: Vec::new(),
            parallel: Parallel::ONE,
            rope: RopeScaling::default(),
        },
    }
}

/// A started engine.
pub(crate) struct Desk {
    pub(crate) engine: EngineHandle,
    pub(crate) model: ModelInfo,
    next_job: u64,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) figures: Figures,
    /// What the plan said before the work began.
    pub(crate) planned: u32,
}

impl Desk {
    pub(crate) fn start(config: EngineConfig) -> Self {
        let mut engine = spawn(config);
        loop {
            match engine.events.blocking_recv().expect("the engine says how loading went") {
                Event::Loaded(model) => return Self { engine, model: *model, next_job: 0 },
                Event::Loading { .. } => {}
                other => panic!("the model loads, got {other:?}"),
            }
        }
    }

    pub(crate) fn job(&mut self) -> JobId {
        self.next_job += 1;
        JobId(self.next_job)
    }

    pub(crate) fn ask(&mut self, prompt: &Prompt, recipe: &RecipeSpec) -> Answer {
        self.ask_sampled(prompt, recipe, Sampling::GREEDY)
    }

    /// An answer that was drawn: a small change of the logits gives another one.
    pub(crate) fn ask_drawn(&mut self, prompt: &Prompt, recipe: &RecipeSpec) -> Answer {
        self.ask_sampled(
            prompt,
            recipe,
            Sampling { temperature: 1.0, top_k: 0, top_p: 1.0, seed: 11, ..Sampling::GREEDY },
        )
    }

    fn ask_sampled(&mut self, prompt: &Prompt, recipe: &RecipeSpec, sampling: Sampling) -> Answer {
        let job = self.job();
        let question = Question {
            rereading: None,
            job,
            prompt: prompt.clone(),
            recipe: recipe.clone(),
            sampling,
            drafting: Drafting::Auto,
            limits: Limits { max_tokens: Some(16), repetition: Repetition::Allowed, ..Limits::default() },
            markup: Box::default(),
            schema: None,
            cancel: CancelToken::default(),
        };
        self.engine.commands.send(Command::Ask(question)).expect("the engine listens");
        let (mut text, mut planned) = (String::new(), 0);
        loop {
            match self.engine.events.blocking_recv().expect("a question is answered") {
                Event::Piece { text: piece, .. } => text.push_str(&piece),
                Event::Planned { plan, .. } => planned = plan.to_prefill_tokens,
                Event::Answered { figures, .. } => return Answer { text, figures: *figures, planned },
                Event::Prefilling { .. } | Event::Noted { .. } => {}
                other => panic!("an answer, got {other:?}"),
            }
        }
    }

    /// Why the engine doesn't read `prompt`.
    pub(crate) fn refusal(&mut self, prompt: &Prompt, recipe: &RecipeSpec) -> Failure {
        let job = self.job();
        let cancel = CancelToken::default();
        let command = Command::Prefill { job, prompt: prompt.clone(), recipe: recipe.clone(), cancel };
        self.engine.commands.send(command).expect("the engine listens");
        loop {
            match self.engine.events.blocking_recv().expect("a reading ends") {
                Event::Failed { failure, .. } => return failure,
                Event::Prefilled { .. } => panic!("it is refused"),
                _ => {}
            }
        }
    }

    /// Waits until the engine is gone, with all that it had to write.
    pub(crate) fn end(self) {
        let EngineHandle { commands, events, thread } = self.engine;
        drop((commands, events));
        thread.join().expect("the engine ends well");
    }

    pub(crate) fn read(&mut self, prompt: &Prompt, recipe: &RecipeSpec, cancel: &CancelToken) -> Figures {
        let job = self.job();
        let command = Command::Prefill { job, prompt: prompt.clone(), recipe: recipe.clone(), cancel: cancel.clone() };
        self.engine.commands.send(command).expect("the engine listens");
        loop {
            match self.engine.events.blocking_recv().expect("a reading ends") {
                Event::Prefilled { figures, .. } => return *figures,
                Event::Prefilling { .. } | Event::Planned { .. } | Event::Noted { .. } => {}
                other => panic!("a reading, got {other:?}"),
            }
        }
    }
}

fn part(text: &str, origin: Origin, segment: Segment) -> Part {
    Part { text: Arc::from(text), origin, segment }
}

/// A document, and turns between the marks of the toys' template. The last turn is a question.
pub(crate) fn prompt(document: &str, turns: &[&str]) -> Prompt {
    let mut parts = vec![part(document, Origin::Text, Segment::Document)];
    for pair in turns.chunks(2) {
        parts.push(part(pair[0], Origin::Text, Segment::Tail));
        parts.push(part("<|im_end|>\n<|im_start|>assistant\n", Origin::Template, Segment::Tail));
        if let Some(answer) = pair.get(1) {
            parts.push(part(answer, Origin::Text, Segment::Tail));
            parts.push(part("<|im_end|>\n<|im_start|>user\n", Origin::Template, Segment::Tail));
        }
    }
    Prompt { parts, ..Prompt::default() }
}

/// 1,140 tokens: more than one window of every toy, and more than is worth a snapshot.
pub(crate) fn book() -> String {
    "It is a truth universally acknowledged, that a man in possession of a fortune must be in want. ".repeat(12)
}

pub(crate) const REQUEST: u32 = 13;
