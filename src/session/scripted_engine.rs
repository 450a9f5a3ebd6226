//! An engine that follows a script, for tests of front ends.
//!
//! It loads at once, prefills 100 tokens a second, caches what it has prefilled, and answers every question as the
//! [`Script`] says. A token is four bytes of text.

use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::client::{EngineChannels, EngineClient, Stops};
use super::signals::Signal;
use crate::engine::message::{
    CacheShape, Channel, Command, Event, Figures, Finish, JobId, Memory, ModelInfo, Plan, Progress, Prompt, Question,
    SamplingPatch, ScoredToken, Threads, Timings, TokenCounts, TokenScore, WeighedToken, Weight,
};
use crate::failure::{Failure, FailureKind};
use crate::swaa::cost::PrefillCost;
use crate::swaa::{ModelLayers, RecipeSpec};

/// How the engine answers a question.
#[derive(Clone)]
pub(crate) enum Script {
    Says(Vec<(Channel, &'static str)>, Finish),
    Fails(FailureKind, &'static str),
    /// Sends a piece, then waits until it is cancelled.
    UntilCancelled(&'static str),
    /// Sends a piece, then nothing more, whatever happens.
    Deaf(&'static str),
}

pub(crate) fn says(answer: &'static str) -> Script {
    Script::Says(vec![(Channel::Answer, answer)], Finish::EndOfGeneration)
}

/// One token per four bytes.
pub(crate) fn tokens_of(text: &str) -> u32 {
    text.len() as u32 / 4
}

/// The engine's state.
pub(crate) struct ScriptedEngine {
    script: Script,
    events: UnboundedSender<Event>,
    /// Tokens that were prefilled.
    cached: u32,
}

impl ScriptedEngine {
    /// Starts it with [`model`]: a model with a template, on its intended device.
    pub(crate) fn start(script: Script) -> EngineChannels {
        Self::with_model(model(), script)
    }

    pub(crate) fn with_model(model: ModelInfo, script: Script) -> EngineChannels {
        let (commands, received) = channel();
        let (events, heard) = unbounded_channel();
        let mut engine = Self { script, events, cached: 0 };
        std::thread::spawn(move || {
            engine.tell(Event::Loading { fraction: 1.0 });
            engine.tell(Event::Loaded(Box::new(model)));
            received
                .into_iter()
                .take_while(|command| *command != Command::Shutdown)
                .for_each(|command| engine.obey(command));
        });
        EngineChannels { commands, events: heard, thread: None }
    }

    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Count { job, texts } => {
                self.tell(Event::Counted { job, tokens: texts.iter().map(|text| tokens_of(text)).collect() });
            }
            Command::Forecast { job, prompt, recipe } => {
                let plan = self.plan(&prompt, &recipe);
                self.tell(Event::Forecast { job, plan });
            }
            Command::Prefill { job, prompt, recipe, .. } => {
                let figures = self.read(job, &prompt, &recipe);
                self.tell(Event::Prefilled { job, stopped: false, figures: Box::new(figures) });
            }
            Command::ReadAhead(ahead) => {
                let figures = self.read(ahead.job, &ahead.prompt, &ahead.recipe);
                self.tell(Event::Prefilled { job: ahead.job, stopped: false, figures: Box::new(figures) });
            }
            Command::Ask(question) => self.answer(&question),
            Command::Weigh { question, answer } => self.weigh(&question, &answer),
            Command::FindHeads { job, .. } => {
                self.tell(Event::HeadsFound { job, stopped: false, heads: Vec::new() });
            }
            Command::AnswerNow { .. } | Command::AllowContext { .. } | Command::Shutdown => {}
        }
    }

    fn plan(&self, prompt: &Prompt, recipe: &RecipeSpec) -> Plan {
        let prompt_tokens = prompt.parts.iter().map(|part| tokens_of(&part.text)).sum();
        let cached_tokens = self.cached.min(prompt_tokens);
        Plan {
            recipe: recipe.resolve(prompt_tokens, &ModelLayers::All(LAYERS)),
            document_tokens: prompt_tokens,
            prompt_tokens,
            cached_tokens,
            to_prefill_tokens: prompt_tokens - cached_tokens,
            predicted: (self.cached > 0).then(|| Duration::from_millis(u64::from(prompt_tokens - cached_tokens) * 10)),
            context_tokens: 8192,
            bounded_tokens: None,
        }
    }

    fn read(&mut self, job: JobId, prompt: &Prompt, recipe: &RecipeSpec) -> Figures {
        let plan = self.plan(prompt, recipe);
        let progress = Progress {
            done_tokens: plan.prompt_tokens,
            total_tokens: plan.prompt_tokens,
            cached_tokens: plan.cached_tokens,
            elapsed: Duration::from_secs(1),
            tokens_per_s: 100.0,
            remaining: Some(Duration::ZERO),
        };
        let figures = Figures {
            recipe: plan.recipe.clone(),
            tokens: TokenCounts {
                document: plan.document_tokens,
                prompt: plan.prompt_tokens,
                cached: plan.cached_tokens,
                prefilled: plan.to_prefill_tokens,
                ..TokenCounts::default()
            },
            timings: Timings {
                prefill: Duration::from_millis(u64::from(plan.to_prefill_tokens) * 10),
                prefill_tokens_per_s: 100.0,
                ..Timings::default()
            },
            memory: Memory { kv_bytes: 4096, ..Memory::default() },
            threads: Threads { count: 2, cores: 2, busy_cores: None },
            reasoning_end: None,
            prefill_cost: PrefillCost { pairs_per_token: 1_500.0, token_s: Some(0.01) },
            context_tokens: 8192,
        };
        self.cached = plan.prompt_tokens;
        self.tell(Event::Planned { job, plan });
        self.tell(Event::Prefilling { job, progress });
        figures
    }

    /// What it says is certain, and nothing else likely.
    fn weigh(&mut self, question: &Question, answer: &str) {
        let figures = Box::new(self.read(question.job, &question.prompt, &question.recipe));
        let is_said = matches!(&self.script, Script::Says(pieces, _) if pieces.iter().any(|(_, said)| said.contains(answer.trim())));
        let log_probability = if is_said { 0.0 } else { -4.0 };
        let weight = Weight { log_probability, is_likeliest: is_said };
        let tokens = vec![WeighedToken { bytes: answer.len(), weight }];
        self.tell(Event::Weighed { job: question.job, stopped: false, tokens, figures });
    }

    fn answer(&mut self, question: &Question) {
        let job = question.job;
        let mut figures = self.read(job, &question.prompt, &question.recipe);
        let piece = |channel, text: &str| Event::Piece { job, channel, text: text.to_owned() };
        let finish = match self.script.clone() {
            Script::Fails(kind, message) => {
                let failure = Failure { kind, message: message.to_owned(), hint: Some("take less".to_owned()) };
                return self.tell(Event::Failed { job, failure });
            }
            Script::Says(pieces, finish) => {
                figures.tokens.generated = pieces.len() as u32;
                for (channel, text) in &pieces {
                    if question.sampling.n_probs.is_some() {
                        self.tell(Event::Scored { job, channel: *channel, tokens: vec![certain(text)] });
                    }
                    self.tell(piece(*channel, text));
                }
                finish
            }
            Script::UntilCancelled(text) => {
                self.tell(piece(Channel::Answer, text));
                while !question.cancel.is_cancelled() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Finish::Cancelled
            }
            Script::Deaf(text) => return self.tell(piece(Channel::Answer, text)),
        };
        self.tell(Event::Answered { job, finish, figures: Box::new(figures) });
    }
}

/// A token that is certain, and the likeliest one therefore.
fn certain(text: &str) -> ScoredToken {
    let token = TokenScore { id: 7, bytes: text.as_bytes().to_vec(), log_probability: 0.0 };
    ScoredToken { likeliest: vec![token.clone()], token }
}

/// A client whose user interrupts the first prefill.
pub(crate) fn interrupted() -> EngineClient {
    let (commands, received) = channel();
    let (events, heard) = unbounded_channel();
    let (signals, signalled) = unbounded_channel();
    let mut engine = ScriptedEngine { script: says(""), events, cached: 0 };
    std::thread::spawn(move || {
        engine.tell(Event::Loaded(Box::new(model())));
        for command in received {
            if let Command::Prefill { cancel, .. } = &command {
                let _ = signals.send(Signal::Interrupt);
                while !cancel.is_cancelled() {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            engine.obey(command);
        }
    });
    let channels = EngineChannels { commands, events: heard, thread: None };
    EngineClient::new(channels, Stops { signals: signalled, deadline: None })
}

const LAYERS: u32 = 24;
const CHATML: &str = "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n\
                      {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

pub(crate) fn model() -> ModelInfo {
    ModelInfo {
        path: PathBuf::from("toy.gguf"),
        name: "Toy".to_owned(),
        called: None,
        quantisation: None,
        architecture: "qwen2".to_owned(),
        layers: ModelLayers::All(LAYERS),
        train_context_tokens: 8192,
        stretched_from: None,
        vocab_tokens: 100,
        cache: CacheShape::plain(1024),
        model_bytes: 1_000_000,
        repacked_bytes: 0,
        load_time: Duration::from_millis(250),
        chat_template: Some(CHATML.to_owned()),
        turn_marks: crate::engine::message::TurnMarks::default(),
        bos_text: String::new(),
        eos_text: "<|im_end|>".to_owned(),
        sliding_refused: None,
        sampling: SamplingPatch::default(),
        without_gpu: None,
        prefill_cost: PrefillCost { pairs_per_token: 1_500.0, token_s: None },
        patch_stamp: "test".to_owned(),
        devices: vec!["CPU".to_owned()],
        offloaded_layers: 0,
        server: None,
        context: crate::engine::config::ContextSize::Fit,
        heads: crate::engine::message::HeadsKnown::default(),
        runs_on: None,
    }
}
