//! The engine with a real model (SmolLM2-135M): what only a model shows. Slow: `make test` runs it.

#![allow(clippy::print_stdout, reason = "figures for those who run it by hand")]

#[path = "support/models.rs"]
mod models;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lunette::chat::{ChatTemplate, Moment, PromptRequest, SystemPrompt, Turn, build_prompt};
use lunette::engine::config::*;
use lunette::engine::message::*;
use lunette::engine::{EngineHandle, spawn};
use lunette::swaa::preset::ChainOfThought;
use lunette::swaa::{Presets, RecipeSpec, WindowSpec};

const SMALL: &str = "smollm2-135m";

fn config(model: PathBuf) -> EngineConfig {
    EngineConfig {
        model,
        settings: EngineSettings {
            context: ContextSize::Fit,
            reserve_tokens: 512,
            n_batch: Some(256),
            n_ubatch: Some(256),
            threads: Some(2),
            kv_dtype: KvDtype::F16,
            own_windows: OwnWindows::default(),
            flash_attention: true,
            offload: Offload::none(),
            resident_bytes: 1 << 30,
            device_snapshots: DEVICE_SNAPSHOTS,
            speeds: None,
            disk_cache: None,
            first_use: None,
            adapters: Vec::new(),
            presets: Vec::new(),
            parallel: Parallel::ONE,
            rope: RopeScaling::default(),
            heads: None,
        },
    }
}

/// A started engine and what is needed to talk to it.
struct Desk {
    engine: EngineHandle,
    model: ModelInfo,
    template: ChatTemplate,
    next_job: u64,
}

/// What a question brought.
#[derive(Debug)]
struct Answer {
    text: String,
    finish: Finish,
    figures: Figures,
    chunks: Vec<Progress>,
}

/// An answer's tokens and counts.
#[derive(Debug, Default)]
struct Scored {
    tokens: Vec<ScoredToken>,
    counts: Option<TokenCounts>,
}

impl Scored {
    /// How much less or more likely the same tokens are in `other`, at most, up to where the answers differ; and how much less likely the
    /// second token was than the first where they do.
    fn differs_from(&self, other: &Self) -> (f64, f64) {
        let mut most: f64 = 0.0;
        for (own, others) in self.tokens.iter().zip(&other.tokens) {
            if own.token.bytes != others.token.bytes {
                return (most, own.likeliest[0].log_probability - own.likeliest[1].log_probability);
            }
            most = most.max((own.token.log_probability - others.token.log_probability).abs());
        }
        (most, 0.0)
    }
}

impl Desk {
    fn start(config: EngineConfig) -> Self {
        let mut engine = spawn(config);
        loop {
            match engine.events.blocking_recv().expect("the engine says how loading went") {
                Event::Loaded(model) => {
                    let template = ChatTemplate::of(&model, Moment(0));
                    return Self { engine, model: *model, template, next_job: 0 };
                }
                Event::Loading { .. } => {}
                other => panic!("the model loads, got {other:?}"),
            }
        }
    }

    fn job(&mut self) -> JobId {
        self.next_job += 1;
        JobId(self.next_job)
    }

    fn prompt(&self, document: &Arc<str>, turns: &[Turn], question: Option<&str>) -> Prompt {
        let question: Option<Arc<str>> = question.map(Arc::from);
        let request = PromptRequest {
            template: &self.template,
            system: &SystemPrompt::Absent,
            title: "",
            document,
            front: None,
            turns,
            question: question.as_ref(),
            cot: ChainOfThought::Off,
        };
        build_prompt(&request).expect("the model's template renders").0
    }

    fn ask(&mut self, prompt: Prompt, recipe: &RecipeSpec, tokens: u32) -> Answer {
        let job = self.job();
        let question = Question {
            job,
            prompt,
            rereading: None,
            recipe: recipe.clone(),
            sampling: Sampling::GREEDY,
            drafting: Drafting::Auto,
            limits: Limits { max_tokens: Some(tokens), ..Limits::default() },
            markup: Box::default(),
            schema: None,
            cancel: CancelToken::default(),
        };
        self.engine.commands.send(Command::Ask(question)).expect("the engine listens");
        let (mut text, mut chunks) = (String::new(), Vec::new());
        loop {
            match self.engine.events.blocking_recv().expect("a question is answered") {
                Event::Piece { text: piece, .. } => text.push_str(&piece),
                Event::Prefilling { progress, .. } => chunks.push(progress),
                Event::Answered { finish, figures, .. } => return Answer { text, finish, figures: *figures, chunks },
                Event::Planned { .. } => {}
                other => panic!("an answer, got {other:?}"),
            }
        }
    }

    /// Asks all questions at once. Returns the tokens of their answers with their scores, and their counts, in that order.
    fn ask_together(&mut self, prompts: &[Prompt], recipe: &RecipeSpec, tokens: u32) -> Vec<Scored> {
        let jobs: Vec<JobId> = prompts.iter().map(|_| self.job()).collect();
        for (prompt, job) in prompts.iter().zip(&jobs) {
            let question = Question {
                job: *job,
                prompt: prompt.clone(),
                rereading: None,
                recipe: recipe.clone(),
                sampling: Sampling { n_probs: Some(2), ..Sampling::GREEDY },
                drafting: Drafting::Off,
                limits: Limits { max_tokens: Some(tokens), ..Limits::default() },
                markup: Box::default(),
                schema: None,
                cancel: CancelToken::default(),
            };
            self.engine.commands.send(Command::Ask(question)).expect("the engine listens");
        }
        let mut answers: Vec<Scored> = jobs.iter().map(|_| Scored::default()).collect();
        while answers.iter().any(|answer| answer.counts.is_none()) {
            let event = self.engine.events.blocking_recv().expect("all are answered");
            let answer = jobs.iter().position(|job| event.job() == Some(*job)).map(|index| &mut answers[index]);
            match (answer, event) {
                (Some(answer), Event::Scored { tokens, .. }) => answer.tokens.extend(tokens),
                (Some(answer), Event::Answered { figures, .. }) => answer.counts = Some(figures.tokens),
                (_, Event::Failed { failure, .. }) => panic!("an answer, got {failure:?}"),
                _ => {}
            }
        }
        answers
    }

    fn read(&mut self, prompt: Prompt, recipe: &RecipeSpec, cancel: &CancelToken) -> (bool, Figures) {
        let job = self.job();
        let command = Command::Prefill { job, prompt, recipe: recipe.clone(), cancel: cancel.clone() };
        self.engine.commands.send(command).expect("the engine listens");
        loop {
            match self.engine.events.blocking_recv().expect("a reading ends") {
                Event::Prefilled { stopped, figures, .. } => return (stopped, *figures),
                // After the second chunk the test has seen enough.
                Event::Prefilling { progress, .. } if progress.done_tokens >= 512 => cancel.cancel(),
                Event::Prefilling { .. } | Event::Planned { .. } => {}
                other => panic!("a reading, got {other:?}"),
            }
        }
    }
}

fn preset(name: &str) -> RecipeSpec {
    let presets = Presets::built_in();
    let found = presets.get(name).expect("a built-in preset");
    found.recipe.clone().expect("a preset with a recipe of its own")
}

/// A window that is narrow for the text below, so that sliding is really in force.
fn narrow(name: &str) -> RecipeSpec {
    let mut spec = preset(name);
    if spec.window != WindowSpec::Full {
        spec.window = WindowSpec::Tokens(256);
        spec.sinks = 32;
    }
    spec
}

/// About 1,500 tokens of a real book.
fn document() -> Arc<str> {
    let book = include_str!("../assets/pride-and-prejudice.txt");
    Arc::from(book.get(2_000..8_000).expect("the book is ASCII and longer than that"))
}

#[test]
#[ignore = "needs a model"]
fn a_second_turn_prefills_the_new_tokens_only_under_every_preset() {
    let mut desk = Desk::start(config(models::model(SMALL)));
    let document = document();
    for name in ["full", "accurate", "balanced", "quick", "fastest", "stream", "paper", "naive"] {
        let recipe = narrow(name);
        let question = "Who has taken Netherfield Park?";
        let first = desk.ask(desk.prompt(&document, &[], Some(question)), &recipe, 24);
        let turns = [Turn { question: question.into(), answer: first.text.as_str().into() }];
        let second = desk.ask(desk.prompt(&document, &turns, Some("And what is he worth?")), &recipe, 8);
        let held_tokens = first.figures.tokens.prompt + first.figures.tokens.generated
            - u32::from(first.finish == Finish::TokenLimit);
        assert_eq!(second.figures.tokens.cached, held_tokens, "{name}: everything read and said before is reused");
        assert_eq!(second.figures.tokens.prefilled, second.figures.tokens.prompt - held_tokens, "{name}");
        assert!(
            second.figures.tokens.prefilled < 60,
            "{name}: a short question is {} tokens",
            second.figures.tokens.prefilled
        );
    }
}

#[test]
#[ignore = "needs a model"]
fn questions_asked_together_share_one_reading_and_are_answered_as_alone_but_for_rounding() {
    let one = config(models::model(SMALL));
    let mut several = one.clone();
    several.settings.parallel = Parallel { answers: 4, tokens_each: 512 };
    let (mut together, mut alone) = (Desk::start(several), Desk::start(one));
    let questions = [
        "Who has taken Netherfield Park?",
        "What does Mr. Bennet say about his daughters?",
        "Why does Mrs. Bennet want her husband to visit Mr. Bingley?",
        "Describe Mr. Bennet in one sentence.",
        "Who is Lizzy?",
        "How did Mrs. Long know of it?",
    ];
    for name in ["full", "quick"] {
        let recipe = narrow(name);
        let prompts = questions.map(|question| together.prompt(&document(), &[], Some(question)));
        let answers = together.ask_together(&prompts, &recipe, 16);
        let expected = prompts.map(|prompt| alone.ask_together(&[prompt], &recipe, 16).remove(0));
        for (answer, expected) in answers.iter().zip(&expected).skip(1) {
            let counts = answer.counts.expect("it has ended");
            assert!(counts.cached >= counts.document && counts.prefilled < 60, "{name}: {counts:?}");
            let (most, between) = expected.differs_from(answer);
            println!(
                "{name}: tokens are {most:.3} more or less likely at most; where answers part, two were {between:.3} apart"
            );
            assert!(most < 0.25 && between < 0.5, "{name}: {answer:?} {expected:?}");
        }
    }
}

#[test]
#[ignore = "needs a model"]
fn going_back_to_a_preset_reads_nothing_and_answers_the_same() {
    let mut desk = Desk::start(config(models::model(SMALL)));
    let prompt = desk.prompt(&document(), &[], Some("Who has taken Netherfield Park?"));
    let (quick, full) = (narrow("quick"), preset("full"));
    let first = desk.ask(prompt.clone(), &quick, 16);
    let between = desk.ask(prompt.clone(), &full, 16);
    let back = desk.ask(prompt, &quick, 16);
    assert!(between.figures.tokens.prefilled > 1_000, "full attention has to read: {:?}", between.figures.tokens);
    // Only the question is computed again, and in the same call as before: so the answer is the same to the letter.
    let question = first.figures.tokens.prompt - first.figures.tokens.document;
    assert_eq!((back.figures.tokens.prefilled, &back.text), (question, &first.text));
    assert!(back.figures.memory.resident_bytes > 0, "the other reading is on the shelf");
}

#[test]
#[ignore = "needs a model"]
fn a_cancelled_reading_keeps_its_chunks_and_the_question_resumes_it() {
    let mut desk = Desk::start(config(models::model(SMALL)));
    let document = document();
    let (stopped, figures) = desk.read(desk.prompt(&document, &[], None), &preset("full"), &CancelToken::default());
    assert!(
        stopped && figures.tokens.prefilled >= 512 && figures.tokens.prefilled < figures.tokens.prompt,
        "got {:?}",
        figures.tokens
    );
    let answer = desk.ask(desk.prompt(&document, &[], Some("Who is it about?")), &preset("full"), 4);
    assert_eq!(answer.figures.tokens.cached, figures.tokens.prefilled);
}

#[test]
#[ignore = "needs a model"]
fn progress_counts_tokens_and_figures_are_measured() {
    let mut desk = Desk::start(config(models::model(SMALL)));
    let answer = desk.ask(desk.prompt(&document(), &[], Some("Who?")), &preset("full"), 8);
    let done: Vec<u32> = answer.chunks.iter().map(|progress| progress.done_tokens).collect();
    assert!(done.len() > 4 && done.is_sorted_by(|a, b| a < b), "one step a chunk, got {done:?}");
    assert_eq!(done.last().copied(), Some(answer.figures.tokens.prompt));
    let (timings, memory) = (answer.figures.timings, answer.figures.memory);
    assert!(timings.prefill > Duration::ZERO && timings.first_token >= timings.prefill, "got {timings:?}");
    assert_eq!(memory.kv_bytes, desk.model.cache.bytes(answer.figures.context_tokens));
    assert!(memory.kv_used_bytes > 0 && memory.kv_used_bytes < memory.kv_bytes, "got {memory:?}");
    assert!(memory.rss_bytes > memory.kv_bytes && memory.model_bytes > 90_000_000, "got {memory:?}");
}

#[test]
#[ignore = "needs a model"]
fn the_same_seed_draws_the_same_answer() {
    let mut desk = Desk::start(config(models::model(SMALL)));
    let prompt = desk.prompt(&document(), &[], Some("Tell me a story."));
    let mut draw = |seed| {
        let job = desk.job();
        let sampling = Sampling { temperature: 1.2, seed, ..Sampling::GREEDY };
        let limits = Limits { max_tokens: Some(16), ..Limits::default() };
        let (prompt, recipe, cancel) = (prompt.clone(), preset("full"), CancelToken::default());
        let question = Question {
            job,
            prompt,
            rereading: None,
            recipe,
            sampling,
            drafting: Drafting::Auto,
            limits,
            markup: Box::default(),
            schema: None,
            cancel,
        };
        desk.engine.commands.send(Command::Ask(question)).expect("the engine listens");
        let mut text = String::new();
        loop {
            match desk.engine.events.blocking_recv().expect("an answer") {
                Event::Piece { text: piece, .. } => text.push_str(&piece),
                Event::Answered { .. } => return text,
                _ => {}
            }
        }
    };
    let (first, again, other) = (draw(7), draw(7), draw(8));
    assert_eq!(first, again);
    assert_ne!(first, other);
}
