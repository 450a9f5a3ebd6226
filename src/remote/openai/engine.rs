//! The engine's thread, where the engine is somebody else's server: commands in, requests out, events back.
//!
//! ```text
//! GET  /v1/models            which model, whose server        Loaded
//! POST /tokenize             how long is the document?        Counted, Planned
//! POST /v1/chat/completions  the conversation, the answer     Piece …, Answered
//! ```
//!
//! A document is not read ahead of a question: it goes to the server with each one, and a server that keeps prefixes
//! (vLLM, llama-server) prefills it once. So a [`Command::Prefill`] only counts and checks that it fits, and ends with
//! nothing prefilled.
//!
//! What a server can't do (`weigh`, finding heads, reading presets ahead) fails with a sentence; what can only be ignored
//! (drafts, passages, a reasoning budget) is told once for each run, as a note.
//!
//! Cancelling closes the connection, by which such servers stop. What was written stays.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::answer::{Answering, Sent, UNKNOWN_COST};
use super::counting::Counter;
use super::facts;
use super::messages::Conversation;
use super::models::Kind;
use super::offer::{self, Found};
use super::patience::{self, NoAnswer};
use super::request::Dialect;
use super::stream::{EventReader, Item};
use super::tokenizer::Tokenizer;
use super::wire::{LONGEST_PREFILL, Wire};
use crate::engine::message::{
    CancelToken, Command, Counting, Drafting, Event, Figures, Finish, JobId, Memory, Plan, Prompt, Question, Threads,
    Timings, TokenCounts, ToldCounts, UNKNOWN_CONTEXT_TOKENS,
};
use crate::failure::{Failure, FailureKind};
use crate::fit::PromptTokens;
use crate::remote::http::{Client, Response};
use crate::remote::peer::Stranger;
use crate::settings::UsedServer;
use crate::swaa::{ModelLayers, RecipeSpec};
use crate::units::count;

/// How often a running request looks whether it is cancelled.
const LOOK: Duration = Duration::from_millis(20);
/// The longest silence within an answer.
const LONGEST_SILENCE: Duration = Duration::from_mins(2);
/// An estimate this many times over the context is refused; below, the server decides.
const SURELY_TOO_LONG: f64 = 1.5;
/// A server that has read less than this part of a prompt has cut it: of counted tokens, and of estimated ones.
const CUT_SHARES: (f64, f64) = (0.9, 0.6);
/// Shorter prompts are not looked at: a template may count for much in them.
const FEWEST_CUT_TOKENS: u32 = 500;

/// Carries out `commands` until they end. The first event is `Loaded`, or `LoadFailed`.
pub(in crate::remote) fn run(
    runtime: &Runtime,
    client: &Client,
    server: &UsedServer,
    stranger: Stranger,
    commands: Receiver<Command>,
    events: &UnboundedSender<Event>,
) {
    let inbox = Inbox::of(commands);
    runtime.block_on(async {
        match Remote::connect(client, server, stranger, inbox, events.clone()).await {
            Ok(mut remote) => remote.work().await,
            Err(Some(failure)) => drop(events.send(Event::LoadFailed(failure))),
            Err(None) => {}
        }
    });
}

/// Commands that have arrived. The last one is followed by `None`.
struct Inbox {
    commands: UnboundedReceiver<Command>,
    waiting: VecDeque<Command>,
}

impl Inbox {
    /// Passes the commands of `received` on from a thread of its own, which ends with its sender.
    fn of(received: Receiver<Command>) -> Self {
        let (sender, commands) = unbounded_channel();
        std::thread::Builder::new()
            .name("remote inbox".into())
            .spawn(move || received.into_iter().all(|command| sender.send(command).is_ok()))
            .expect("the system can start a thread");
        Self { commands, waiting: VecDeque::new() }
    }

    async fn next(&mut self) -> Option<Command> {
        match self.waiting.pop_front() {
            Some(command) => Some(command),
            None => self.commands.recv().await,
        }
    }

    /// What came during job `running`: whether it should answer now, and whether nobody listens any more.
    fn look(&mut self, running: JobId) -> (bool, bool) {
        let mut answers_now = false;
        loop {
            match self.commands.try_recv() {
                Ok(Command::AnswerNow { job }) => answers_now |= job == running,
                Ok(command) => self.waiting.push_back(command),
                Err(tokio::sync::mpsc::error::TryRecvError::Empty) => return (answers_now, false),
                Err(tokio::sync::mpsc::error::TryRecvError::Disconnected) => return (answers_now, true),
            }
        }
    }
}

/// How waiting for something ended.
enum Waited<T> {
    Came(T),
    Stopped(Finish),
    /// Nothing came for so long.
    Silent(Duration),
}

/// A server that is connected to.
struct Remote {
    wire: Wire,
    dialect: Dialect,
    counter: Counter,
    /// Tokens of a prompt with its answer; `None`: the server doesn't say, and `-c` was not given.
    context_tokens: Option<u32>,
    inbox: Inbox,
    events: UnboundedSender<Event>,
    told: HashSet<&'static str>,
}

impl Remote {
    /// Asks the server for its models, and reports the chosen one. Errors: `None` if nobody waits for it any more.
    async fn connect(
        client: &Client,
        server: &UsedServer,
        stranger: Stranger,
        inbox: Inbox,
        events: UnboundedSender<Event>,
    ) -> Result<Self, Option<Failure>> {
        let began = Instant::now();
        let tokenizer = server.tokenizer.as_deref().map(Tokenizer::open).transpose().map_err(Some)?;
        let _ = events.send(Event::Loading { fraction: 0.0 });
        let asking = async {
            let Found { wire, offer } = offer::found(client, server, stranger, Some(&events)).await?;
            let counter = Counter::choose(tokenizer, &offer, &wire).await;
            Ok((wire, offer, counter))
        };
        let (wire, offer, counter) = tokio::select! {
            asked = asking => asked.map_err(Some)?,
            () = events.closed() => return Err(None),
        };
        let info = facts::info(&wire.name(), &offer, counter.counting(), began.elapsed());
        let _ = events.send(Event::Loaded(Box::new(info)));
        let context_tokens = offer.context_tokens;
        let dialect = Dialect { model: offer.id, kind: offer.kind, added: server.body.clone(), refused: Vec::new() };
        Ok(Self { wire, dialect, counter, context_tokens, inbox, events, told: HashSet::new() })
    }

    async fn work(&mut self) {
        while let Some(command) = self.inbox.next().await {
            match command {
                Command::Shutdown => return,
                command => self.obey(command).await,
            }
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Count { job, texts } => match self.count(job, &texts).await {
                Ok(tokens) => self.tell(Event::Counted { job, tokens }),
                Err(failure) => self.tell(Event::Failed { job, failure }),
            },
            Command::Forecast { job, prompt, recipe } => {
                match self.plan(job, &prompt, &recipe, &CancelToken::default()).await {
                    Planned::Plan(plan) => self.tell(Event::Forecast { job, plan }),
                    Planned::Stopped => {}
                    Planned::Failed(failure) => self.tell(Event::Failed { job, failure }),
                }
            }
            Command::Prefill { job, prompt, recipe, cancel } => self.check(job, &prompt, &recipe, &cancel).await,
            Command::Ask(question) => self.ask(&question).await,
            Command::Weigh { question, .. } => self.refuse(question.job, "how probable an answer is"),
            Command::ReadAhead(ahead) => self.refuse(ahead.job, "presets to be read ahead"),
            Command::FindHeads { job, .. } => self.refuse(job, "which heads point at passages"),
            // Nothing runs that could answer, a shutdown was handled before, and the context is the server's.
            Command::AnswerNow { .. } | Command::Shutdown | Command::AllowContext { .. } => {}
        }
    }

    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    fn tell_all(&self, events: Vec<Event>) {
        for event in events {
            self.tell(event);
        }
    }

    /// Says something once in a run.
    fn note(&mut self, job: JobId, text: &'static str) {
        if self.told.insert(text) {
            self.tell(Event::Noted { job, text: text.to_owned() });
        }
    }

    fn refuse(&self, job: JobId, what: &str) {
        let message = format!("an OpenAI-compatible server can't be asked {what}");
        let hint = "run the model here (-m FILE), or connect to a Lunette server".to_owned();
        self.tell(Event::Failed { job, failure: Failure::new(FailureKind::Unsupported, message, Some(hint)) });
    }

    async fn count(&mut self, job: JobId, texts: &[Arc<str>]) -> Result<Vec<u32>, Failure> {
        let texts: Vec<&str> = texts.iter().map(|text| &**text).collect();
        let tokens = self.counter.count_each(&texts, &self.wire).await?;
        self.tell_if_it_guesses(job);
        Ok(tokens)
    }

    /// Counts a document, and checks that it fits. Nothing is sent to be read.
    async fn check(&mut self, job: JobId, prompt: &Prompt, recipe: &RecipeSpec, cancel: &CancelToken) {
        let plan = match self.plan(job, prompt, recipe, cancel).await {
            Planned::Plan(plan) => plan,
            Planned::Stopped => {
                let figures = Box::new(nothing_done(&nothing_sent(recipe)));
                return self.tell(Event::Prefilled { job, stopped: true, figures });
            }
            Planned::Failed(failure) => return self.tell(Event::Failed { job, failure }),
        };
        let (sent, tokens) = (sent(&plan, self.counter.counting()), tokens_of(&plan));
        self.tell(Event::Planned { job, plan });
        if let Some(failure) = self.refusal(tokens) {
            return self.tell(Event::Failed { job, failure });
        }
        let figures = Box::new(nothing_done(&sent));
        self.tell(Event::Prefilled { job, stopped: false, figures });
    }

    async fn plan(&mut self, job: JobId, prompt: &Prompt, recipe: &RecipeSpec, cancel: &CancelToken) -> Planned {
        let messages = Conversation::of(prompt).messages.len();
        let counted = self.counter.count_prompt(prompt, messages, &self.wire);
        let limits = Limits { cancel, deadline: None, longest: LONGEST_PREFILL };
        let tokens = match wait_for(counted, &limits, &mut self.inbox).await {
            Waited::Came(Ok(tokens)) => tokens,
            Waited::Came(Err(failure)) => return Planned::Failed(failure),
            Waited::Silent(time) => return Planned::Failed(silent(time)),
            Waited::Stopped(_) => return Planned::Stopped,
        };
        self.tell_if_it_guesses(job);
        Planned::Plan(Plan {
            recipe: recipe.resolve(tokens.document, &ModelLayers::All(0)),
            document_tokens: tokens.document,
            prompt_tokens: tokens.prompt,
            cached_tokens: 0,
            to_prefill_tokens: tokens.prompt,
            predicted: None,
            context_tokens: self.context_tokens.unwrap_or(UNKNOWN_CONTEXT_TOKENS),
            bounded_tokens: None,
        })
    }

    /// Says that counts are estimates from here on.
    fn tell_if_it_guesses(&mut self, job: JobId) {
        if let Some(why) = self.counter.why_it_guesses() {
            self.tell(Event::Noted { job, text: format!("token counts are estimates from here on: {}", why.message) });
        }
    }

    /// Why a prompt is not sent: it can't fit.
    fn refusal(&self, tokens: PromptTokens) -> Option<Failure> {
        let context = self.context_tokens?;
        let (about, limit) = match self.counter.counting() {
            Counting::Exact => ("", f64::from(context)),
            Counting::Estimated => ("about ", f64::from(context) * SURELY_TOO_LONG),
        };
        if f64::from(tokens.prompt) < limit {
            return None;
        }
        let message = format!(
            "the prompt has {about}{} tokens, but the server's context holds {}, including the answer",
            count(tokens.prompt),
            count(context)
        );
        let hint = "use fewer parts (--parts, --pick), or a model with a longer context".to_owned();
        Some(Failure::new(FailureKind::DoesNotFit, message, Some(hint)))
    }

    async fn ask(&mut self, question: &Question) {
        let job = question.job;
        self.note_what_is_ignored(question);
        let plan = match self.plan(job, &question.prompt, &question.recipe, &question.cancel).await {
            Planned::Plan(plan) => plan,
            Planned::Stopped => {
                let figures = Box::new(nothing_done(&nothing_sent(&question.recipe)));
                return self.tell(Event::Answered { job, finish: Finish::Cancelled, figures });
            }
            Planned::Failed(failure) => return self.tell(Event::Failed { job, failure }),
        };
        let (sent, tokens) = (sent(&plan, self.counter.counting()), tokens_of(&plan));
        self.tell(Event::Planned { job, plan });
        if let Some(failure) = self.refusal(tokens) {
            return self.tell(Event::Failed { job, failure });
        }
        let mut answering = Answering::new(question);
        match self.answer(question, &mut answering).await {
            Ok(finish) => {
                self.look_at_usage(job, &answering, tokens);
                let figures = Box::new(answering.figures(&sent));
                self.tell(Event::Answered { job, finish, figures });
            }
            Err(failure) => self.tell(Event::Failed { job, failure }),
        }
    }

    fn note_what_is_ignored(&mut self, question: &Question) {
        if question.rereading.is_some() {
            self.note(question.job, "no passages are read again: the model runs on a server");
        }
        if question.drafting != Drafting::Off {
            self.note(question.job, "nothing is drafted: the model runs on a server");
        }
        if question.limits.reasoning_tokens.is_some_and(|most| most > 0) {
            self.note(question.job, "the reasoning budget is not held: the server can't be told one");
        }
    }

    /// Sends the question, and passes its answer on. Errors: there is none, or it broke off.
    async fn answer(&mut self, question: &Question, answering: &mut Answering) -> Result<Finish, Failure> {
        let conversation = Conversation::of(&question.prompt);
        if conversation.goes_on && !matches!(self.dialect.kind, Kind::Vllm | Kind::LlamaServer) {
            self.note(question.job, "whether the answer goes on where it ended is up to the server");
        }
        let began = Instant::now();
        let deadline = question.limits.time.map(|time| began + time);
        let limits = Limits { cancel: &question.cancel, deadline, longest: LONGEST_PREFILL };
        let mut times = 0;
        loop {
            times += 1;
            let body = self.dialect.body(&conversation, question);
            let opened = wait_for(self.wire.open(&body), &limits, &mut self.inbox).await;
            let why = match opened {
                Waited::Stopped(finish) => return Ok(finish),
                Waited::Silent(time) => return Err(silent(time)),
                Waited::Came(Ok(response)) => match self.read(response, question, answering, began, deadline).await {
                    Read::Ended(finish) => return Ok(finish),
                    Read::Failed(failure) => return Err(failure),
                    Read::NotBegun(why) => why,
                },
                Waited::Came(Err(why)) => why,
            };
            if let Some(dropped) = self.dropped(&why, &body) {
                self.tell(Event::Noted { job: question.job, text: dropped });
                times -= 1;
                continue;
            }
            let Some(pause) = patience::wait(&why, times) else { return Err(why.failure()) };
            self.tell(Event::Noted { job: question.job, text: again_in(&why, pause) });
            let slept = async { tokio::time::sleep(pause).await };
            if let Waited::Stopped(finish) = wait_for(slept, &limits, &mut self.inbox).await {
                return Ok(finish);
            }
        }
    }

    /// The sentence about a field that the server refuses and is asked without.
    fn dropped(&mut self, why: &NoAnswer, body: &serde_json::Value) -> Option<String> {
        let NoAnswer::Refused(refusal) = why else { return None };
        Some(self.dialect.drop_refused(refusal, body)?.note())
    }

    /// Reads the stream to its end.
    async fn read(
        &mut self,
        mut response: Response,
        question: &Question,
        answering: &mut Answering,
        began: Instant,
        deadline: Option<Instant>,
    ) -> Read {
        let mut reader = EventReader::default();
        loop {
            let longest = if answering.has_begun() { LONGEST_SILENCE } else { LONGEST_PREFILL };
            let limits = Limits { cancel: &question.cancel, deadline, longest };
            let line = match wait_for(response.line(), &limits, &mut self.inbox).await {
                Waited::Stopped(finish) => return self.stopped(answering, finish, began),
                Waited::Silent(time) => return Read::Failed(silent(time)),
                Waited::Came(line) => line,
            };
            let item = match line {
                Ok(Some(line)) => reader.take(&self.wire.without_key(line)),
                Ok(None) => match reader.finish() {
                    None => return self.ended(answering, began, None),
                    item => item,
                },
                Err(why) => return self.ended(answering, began, Some(why.into())),
            };
            match item {
                None => {}
                Some(Item::Done) => return self.ended(answering, began, None),
                Some(Item::Chunk(chunk)) => {
                    let (events, finish) = answering.take(*chunk, began.elapsed());
                    self.tell_all(events);
                    if let Some(finish) = finish {
                        return self.stopped(answering, finish, began);
                    }
                }
                Some(Item::Failed(refusal)) if !answering.has_begun() => {
                    return Read::NotBegun(NoAnswer::Refused(refusal));
                }
                Some(Item::Failed(refusal)) => return self.broke(answering, began, refusal.failure()),
                Some(Item::Unreadable(data)) => {
                    return self.broke(answering, began, NoAnswer::not_json(&data).failure());
                }
            }
            if self.inbox.look(question.job).0 {
                self.note(question.job, "the server can't be told to answer now: its model goes on reasoning");
            }
        }
    }

    /// The answer was ended here: by a stop string, a limit, a loop or the user.
    fn stopped(&self, answering: &mut Answering, finish: Finish, began: Instant) -> Read {
        self.tell_all(answering.flush(began.elapsed()));
        Read::Ended(finish)
    }

    /// The stream is at its end; `why`: it was cut off.
    fn ended(&self, answering: &mut Answering, began: Instant, why: Option<NoAnswer>) -> Read {
        self.tell_all(answering.flush(began.elapsed()));
        match (answering.ended_by_server(), why) {
            _ if answering.is_withheld() => Read::Failed(withheld()),
            (Some(finish), _) => Read::Ended(finish),
            (None, why) if !answering.has_begun() => Read::NotBegun(
                why.unwrap_or_else(|| NoAnswer::Empty("the server ended the connection without an answer".to_owned())),
            ),
            (None, why) => Read::Failed(broken(why.as_ref())),
        }
    }

    fn broke(&self, answering: &mut Answering, began: Instant, failure: Failure) -> Read {
        self.tell_all(answering.flush(began.elapsed()));
        Read::Failed(failure)
    }

    /// Learns from the server's count, and says if it has cut the prompt.
    fn look_at_usage(&mut self, job: JobId, answering: &Answering, tokens: PromptTokens) {
        let Some(usage) = answering.usage() else { return };
        let (counted, estimated) = CUT_SHARES;
        let (share, about) = match self.counter.counting() {
            Counting::Exact => (counted, ""),
            Counting::Estimated => (estimated, "about "),
        };
        let is_cut = f64::from(usage.prompt) < f64::from(tokens.prompt) * share;
        if is_cut && tokens.prompt >= FEWEST_CUT_TOKENS && usage.prompt > 0 {
            let text = format!(
                "the server read {} of {about}{} tokens: it has cut the prompt, and the answer is about a part of it; give the server a larger context",
                count(usage.prompt),
                count(tokens.prompt)
            );
            return self.tell(Event::Noted { job, text });
        }
        self.counter.learn(tokens.prompt, usage.prompt);
    }
}

/// How reading a stream ended.
enum Read {
    Ended(Finish),
    Failed(Failure),
    /// Before anything was written.
    NotBegun(NoAnswer),
}

/// How a prompt would go there.
enum Planned {
    Plan(Plan),
    Stopped,
    Failed(Failure),
}

/// What ends waiting.
struct Limits<'a> {
    cancel: &'a CancelToken,
    /// The job's time is over.
    deadline: Option<Instant>,
    /// Nothing came for so long.
    longest: Duration,
}

/// Waits for `what`, unless a limit is reached, or nobody listens any more.
async fn wait_for<T>(what: impl Future<Output = T>, limits: &Limits<'_>, inbox: &mut Inbox) -> Waited<T> {
    let silent_from = Instant::now() + limits.longest;
    tokio::pin!(what);
    loop {
        tokio::select! {
            biased;
            came = &mut what => return Waited::Came(came),
            () = tokio::time::sleep(LOOK) => {}
        }
        if limits.cancel.is_cancelled() || inbox.commands.is_closed() {
            return Waited::Stopped(Finish::Cancelled);
        }
        let now = Instant::now();
        if limits.deadline.is_some_and(|deadline| now >= deadline) {
            return Waited::Stopped(Finish::TimeLimit);
        }
        if now >= silent_from {
            return Waited::Silent(limits.longest);
        }
    }
}

fn tokens_of(plan: &Plan) -> PromptTokens {
    PromptTokens { document: plan.document_tokens, front: 0, prompt: plan.prompt_tokens }
}

/// What is known of a prompt that was not even counted.
fn nothing_sent(recipe: &RecipeSpec) -> Sent {
    let recipe = recipe.resolve(0, &ModelLayers::All(0));
    Sent { recipe, document_tokens: 0, prompt_tokens: 0, context_tokens: 0, counting: Counting::Estimated }
}

fn sent(plan: &Plan, counting: Counting) -> Sent {
    Sent {
        recipe: plan.recipe.clone(),
        document_tokens: plan.document_tokens,
        prompt_tokens: plan.prompt_tokens,
        context_tokens: plan.context_tokens,
        counting,
    }
}

/// The figures of a document that was counted.
fn nothing_done(sent: &Sent) -> Figures {
    Figures {
        recipe: sent.recipe.clone(),
        tokens: TokenCounts {
            document: sent.document_tokens,
            prompt: sent.prompt_tokens,
            told: Some(ToldCounts {
                document: (sent.counting == Counting::Exact).then_some(sent.document_tokens),
                ..ToldCounts::default()
            }),
            ..TokenCounts::default()
        },
        timings: Timings::default(),
        memory: Memory::default(),
        threads: Threads::default(),
        reasoning_end: None,
        prefill_cost: UNKNOWN_COST,
        context_tokens: sent.context_tokens,
    }
}

fn again_in(why: &NoAnswer, pause: Duration) -> String {
    format!("{}; trying again in {} s", why.failure().message, pause.as_secs().max(1))
}

fn silent(time: Duration) -> Failure {
    let message = format!("the server has said nothing for {} minutes", time.as_secs() / 60);
    Failure::new(FailureKind::Runtime, message, Some("ask again, or look at the server's log".to_owned()))
}

fn broken(why: Option<&NoAnswer>) -> Failure {
    let why = why.map_or_else(|| "the server ended it without saying why".to_owned(), |why| why.failure().message);
    let message = format!("the connection broke in the middle of the answer: {why}");
    Failure::new(FailureKind::Runtime, message, Some("what was written stays; ask again for the rest".to_owned()))
}

fn withheld() -> Failure {
    let message = "the server withholds the rest of the answer (content_filter)";
    Failure::new(
        FailureKind::Runtime,
        message,
        Some("its provider's rules decide; ask otherwise, or another model".to_owned()),
    )
}
