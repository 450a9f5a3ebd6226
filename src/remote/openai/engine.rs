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
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::answer::{Answering, Sent, UNKNOWN_COST};
use super::connection::Connection;
use super::counting::{Counter, PromptTokens};
use super::facts;
use super::messages::Conversation;
use super::models::{self, Kind, Offer};
use super::patience::{self, NoAnswer};
use super::request::Dialect;
use super::stream::{EventReader, Item};
use super::tokenizer::Tokenizer;
use super::wire::{Lines, Wire};
use crate::engine::EngineHandle;
use crate::engine::message::{
    CancelToken, Command, Counting, Drafting, Event, Figures, Finish, JobId, Memory, Plan, Prompt, Question, Threads,
    Timings, TokenCounts, UNKNOWN_CONTEXT_TOKENS,
};
use crate::failure::{Failure, FailureKind};
use crate::swaa::{ModelLayers, RecipeSpec};
use crate::units::count;

/// How often a running request looks whether it is cancelled.
const LOOK: Duration = Duration::from_millis(20);
/// The longest silence before an answer begins: a long document takes minutes to prefill.
const LONGEST_PREFILL: Duration = Duration::from_mins(30);
/// The longest silence within an answer.
const LONGEST_SILENCE: Duration = Duration::from_mins(2);
/// An estimate this many times over the context is refused; below, the server decides.
const SURELY_TOO_LONG: f64 = 1.5;
/// A server that has read less than this part of a prompt has cut it: of counted tokens, and of estimated ones.
const CUT_SHARES: (f64, f64) = (0.9, 0.6);
/// Shorter prompts are not looked at: a template may count for much in them.
const FEWEST_CUT_TOKENS: u32 = 500;

/// Starts the thread, and returns immediately. The first event is `Loaded`, or `LoadFailed`.
#[must_use]
pub fn spawn(connection: Connection) -> EngineHandle {
    let (commands, received) = channel();
    let (sender, events) = unbounded_channel();
    let thread = std::thread::Builder::new()
        .name("remote engine".into())
        .spawn(move || run(connection, received, &sender))
        .expect("the system can start a thread");
    EngineHandle { commands, events, thread }
}

fn run(connection: Connection, received: Receiver<Command>, events: &UnboundedSender<Event>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let failure = Failure::new(FailureKind::Runtime, format!("cannot start: {error}"), None);
            let _ = events.send(Event::LoadFailed(failure));
            return;
        }
    };
    let inbox = Inbox::of(received);
    runtime.block_on(async {
        match Remote::connect(connection, inbox, events.clone()).await {
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
        connection: Connection,
        inbox: Inbox,
        events: UnboundedSender<Event>,
    ) -> Result<Self, Option<Failure>> {
        let began = Instant::now();
        let _ = events.send(Event::Loading { fraction: 0.0 });
        let wire = connection.wire();
        let offer = tokio::select! {
            offer = offer(&wire, connection.model.as_deref()) => offer.map_err(Some)?,
            () = events.closed() => return Err(None),
        };
        let tokenizer = connection.tokenizer.as_deref().map(Tokenizer::open).transpose().map_err(Some)?;
        let counter = Counter::choose(tokenizer, &offer, &wire).await;
        let context_tokens = connection.context_tokens.or(offer.context_tokens);
        let info = facts::info(wire.host(), &offer, counter.counting(), context_tokens, began.elapsed());
        let _ = events.send(Event::Loaded(Box::new(info)));
        let dialect = Dialect { model: offer.id, kind: offer.kind, added: connection.added, refused: Vec::new() };
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
            Command::Count { job, texts } => {
                let mut tokens = Vec::with_capacity(texts.len());
                for text in &texts {
                    tokens.push(self.counter.count(text, &self.wire).await);
                }
                self.tell(Event::Counted { job, tokens });
            }
            Command::Forecast { job, prompt, recipe } => {
                let (plan, _) = self.plan(&prompt, &recipe).await;
                self.tell(Event::Forecast { job, plan });
            }
            Command::Prefill { job, prompt, recipe, cancel } => self.check(job, &prompt, &recipe, &cancel).await,
            Command::Ask(question) => self.ask(&question).await,
            Command::AllowContext { tokens } => self.context_tokens = Some(tokens),
            Command::Weigh { question, .. } => self.refuse(question.job, "how probable an answer is"),
            Command::ReadAhead(ahead) => self.refuse(ahead.job, "presets to be read ahead"),
            Command::FindHeads { job, .. } => self.refuse(job, "which heads point at passages"),
            // Nothing runs that could answer, and a shutdown was handled before.
            Command::AnswerNow { .. } | Command::Shutdown => {}
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

    /// Counts a document, and checks that it fits. Nothing is sent to be read.
    async fn check(&mut self, job: JobId, prompt: &Prompt, recipe: &RecipeSpec, cancel: &CancelToken) {
        let (plan, tokens) = self.plan(prompt, recipe).await;
        let sent = sent(&plan);
        self.tell(Event::Planned { job, plan });
        if let Some(failure) = self.refusal(tokens) {
            return self.tell(Event::Failed { job, failure });
        }
        let figures = Box::new(nothing_done(&sent));
        self.tell(Event::Prefilled { job, stopped: cancel.is_cancelled(), figures });
    }

    async fn plan(&mut self, prompt: &Prompt, recipe: &RecipeSpec) -> (Plan, PromptTokens) {
        let messages = Conversation::of(prompt).messages.len();
        let tokens = self.counter.count_prompt(prompt, messages, &self.wire).await;
        let plan = Plan {
            recipe: recipe.resolve(tokens.document, &ModelLayers::All(0)),
            document_tokens: tokens.document,
            prompt_tokens: tokens.all,
            cached_tokens: 0,
            to_prefill_tokens: tokens.all,
            predicted: None,
            context_tokens: self.context_tokens.unwrap_or(UNKNOWN_CONTEXT_TOKENS),
            bounded_tokens: None,
        };
        (plan, tokens)
    }

    /// Why a prompt is not sent: it can't fit.
    fn refusal(&self, tokens: PromptTokens) -> Option<Failure> {
        let context = self.context_tokens?;
        let (about, limit) = match self.counter.counting() {
            Counting::Exact => ("", f64::from(context)),
            Counting::Estimated => ("about ", f64::from(context) * SURELY_TOO_LONG),
        };
        if f64::from(tokens.all) < limit {
            return None;
        }
        let message = format!(
            "the prompt has {about}{} tokens, but the server's context holds {}, including the answer",
            count(tokens.all),
            count(context)
        );
        let hint = "use fewer parts (--parts), or a model with a longer context".to_owned();
        Some(Failure::new(FailureKind::DoesNotFit, message, Some(hint)))
    }

    async fn ask(&mut self, question: &Question) {
        let job = question.job;
        self.note_what_is_ignored(question);
        let (plan, tokens) = self.plan(&question.prompt, &question.recipe).await;
        let sent = sent(&plan);
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
        let mut times = 0;
        loop {
            times += 1;
            let body = self.dialect.body(&conversation, question);
            let opened = {
                let request = self.wire.open(&body);
                wait_for(request, question, deadline, LONGEST_PREFILL, &mut self.inbox).await
            };
            let why = match opened {
                Waited::Stopped(finish) => return Ok(finish),
                Waited::Silent(time) => return Err(silent(time)),
                Waited::Came(Ok(lines)) => match self.read(lines, question, answering, began, deadline).await {
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
            if let Waited::Stopped(finish) = wait_for(slept, question, deadline, LONGEST_PREFILL, &mut self.inbox).await
            {
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
        mut lines: Lines,
        question: &Question,
        answering: &mut Answering,
        began: Instant,
        deadline: Option<Instant>,
    ) -> Read {
        let mut reader = EventReader::default();
        loop {
            let longest = if answering.has_begun() { LONGEST_SILENCE } else { LONGEST_PREFILL };
            let line = match wait_for(lines.next(), question, deadline, longest, &mut self.inbox).await {
                Waited::Stopped(finish) => return self.stopped(answering, finish, began),
                Waited::Silent(time) => return Read::Failed(silent(time)),
                Waited::Came(line) => line,
            };
            let item = match line {
                Ok(Some(line)) => reader.take(&line),
                Ok(None) => match reader.finish() {
                    None => return self.ended(answering, began, None),
                    item => item,
                },
                Err(why) => return self.ended(answering, began, Some(&why)),
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
    fn ended(&self, answering: &mut Answering, began: Instant, why: Option<&str>) -> Read {
        self.tell_all(answering.flush(began.elapsed()));
        match (answering.ended_by_server(), why) {
            _ if answering.is_withheld() => Read::Failed(withheld()),
            (Some(finish), _) => Read::Ended(finish),
            (None, _) if !answering.has_begun() => Read::NotBegun(NoAnswer::NotReached(
                why.unwrap_or("the server ended the connection without an answer").to_owned(),
            )),
            (None, why) => Read::Failed(broken(why)),
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
        let is_cut = f64::from(usage.prompt) < f64::from(tokens.all) * share;
        if is_cut && tokens.all >= FEWEST_CUT_TOKENS && usage.prompt > 0 {
            let text = format!(
                "the server read {} of {about}{} tokens: it has cut the prompt, and the answer is about a part of it; give the server a larger context",
                count(usage.prompt),
                count(tokens.all)
            );
            return self.tell(Event::Noted { job, text });
        }
        self.counter.learn(tokens.all, usage.prompt);
    }
}

/// How reading a stream ended.
enum Read {
    Ended(Finish),
    Failed(Failure),
    /// Before anything was written.
    NotBegun(NoAnswer),
}

/// The model to ask. A server that is starting or busy is asked again.
pub(super) async fn offer(wire: &Wire, name: Option<&str>) -> Result<Offer, Failure> {
    let mut times = 0;
    let listing = loop {
        times += 1;
        match wire.get("v1/models").await {
            Ok(listing) => break listing,
            Err(why) => match patience::wait(&why, times) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(why.failure()),
            },
        }
    };
    let mut offer = models::choose(models::offers(&listing), name)?;
    if offer.kind == Kind::LlamaServer {
        let props = wire.get("props").await.ok();
        offer.context_tokens = props.as_ref().and_then(models::context_in_props).or(offer.context_tokens);
    }
    Ok(offer)
}

/// Waits for `what`, at most `longest`, unless the question is cancelled, its time is over, or nobody listens any more.
async fn wait_for<T>(
    what: impl Future<Output = T>,
    question: &Question,
    deadline: Option<Instant>,
    longest: Duration,
    inbox: &mut Inbox,
) -> Waited<T> {
    let silent_from = Instant::now() + longest;
    tokio::pin!(what);
    loop {
        tokio::select! {
            biased;
            came = &mut what => return Waited::Came(came),
            () = tokio::time::sleep(LOOK) => {}
        }
        if question.cancel.is_cancelled() || inbox.commands.is_closed() {
            return Waited::Stopped(Finish::Cancelled);
        }
        let now = Instant::now();
        if deadline.is_some_and(|deadline| now >= deadline) {
            return Waited::Stopped(Finish::TimeLimit);
        }
        if now >= silent_from {
            return Waited::Silent(longest);
        }
    }
}

fn sent(plan: &Plan) -> Sent {
    Sent {
        recipe: plan.recipe.clone(),
        document_tokens: plan.document_tokens,
        prompt_tokens: plan.prompt_tokens,
        context_tokens: plan.context_tokens,
    }
}

/// The figures of a document that was counted.
fn nothing_done(sent: &Sent) -> Figures {
    Figures {
        recipe: sent.recipe.clone(),
        tokens: TokenCounts { document: sent.document_tokens, prompt: sent.prompt_tokens, ..TokenCounts::default() },
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

fn broken(why: Option<&str>) -> Failure {
    let why = why.unwrap_or("the server ended it without saying why");
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
