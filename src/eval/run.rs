//! Asks the questions about documents, under every preset, with and without passages that are read again.
//!
//! A document is read first, and timed; then each of its questions is asked, which costs its own tokens only. What was answered
//! before is not asked again, and a document of which everything was is not read.
//!
//! Example: 9 questions about 31,000 tokens under `fastest`, with `--reread off,on`: one reading, 18 questions. With `--question-first on` there is a
//! reading for each question.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::Error;
use super::gold::Weighed;
use super::plan::Plan;
use super::records::Record;
use super::results::{Reading, RereadRow, ResultRow, Results, RowKey};
use super::score;
use super::table::Table;
use crate::chat::record::finish_name;
use crate::chat::{ChatTemplate, PromptRequest, ReadyQuestion, SystemPrompt, Texts, build_prompt, why_not_whole};
use crate::engine::message::{
    CancelToken, Command, Drafting, Event, Figures, Finish, JobId, Limits, ModelInfo, Origin, OutputMarkup, Part,
    Prompt, ReadAgain, Reread, Segment,
};
use crate::failure::{Failure, FailureKind};
use crate::session::asking;
use crate::session::{Activity, EngineClient, Observer};
use crate::swaa::preset::RecipePatch;
use crate::swaa::selection::PresetSelection;
use crate::swaa::{Preset, RecipeSpec};

/// How often the results file is written: with thousands of answers, writing it after each takes longer than asking.
const SAVED_EVERY: Duration = Duration::from_secs(5);

/// A preset to measure, resolved for a document: its name, its recipe, and the recipe as text.
struct Contender {
    name: String,
    recipe: RecipeSpec,
    how: Manner,
    written: String,
}

/// How a question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manner {
    /// It stands before the document, too.
    question_first: bool,
    reread: Reread,
}

/// Each way in which a plan asks, those that share a reading first.
pub(super) fn manners(plan: &Plan) -> Vec<Manner> {
    let with = |&question_first: &bool| plan.rereads.iter().map(move |&reread| Manner { question_first, reread });
    plan.questions_first.iter().flat_map(with).collect()
}

/// Why answers are incomplete or missing, each reason with the number of answers: `; 2 answers: cut off: token limit reached`.
#[derive(Debug, Default)]
pub(super) struct Endings(Vec<(&'static str, usize)>);

const DOES_NOT_FIT: &str = "not asked: the prompt does not fit";

impl Endings {
    fn add(&mut self, why: &'static str, count: usize) {
        match self.0.iter_mut().find(|(known, _)| *known == why) {
            Some((_, answers)) => *answers += count,
            None => self.0.push((why, count)),
        }
    }
}

impl fmt::Display for Endings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(why, answers)| {
            let answers = if *answers == 1 { "1 answer".to_owned() } else { format!("{answers} answers") };
            write!(f, "; {answers}: {why}")
        })
    }
}

/// What a preset is called in the table: `fastest`, or `fastest, question first, reread on`.
pub(super) fn name(preset: &Preset, how: Manner) -> String {
    format!("{}{how}", preset.name)
}

impl fmt::Display for Manner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.question_first {
            f.write_str(", question first")?;
        }
        if self.reread == Reread::Off { Ok(()) } else { write!(f, ", reread {}", self.reread) }
    }
}

/// The recipe as one line, which changes whenever the recipe does.
fn written(recipe: &RecipeSpec, how: Manner, answers: Answers) -> String {
    let RecipeSpec { window, sinks, far, full_layers, fa_decode, dense_tail, adapters } = recipe;
    let adapters: String = adapters.iter().map(|adapter| format!(", adapter {}", adapter.written())).collect();
    // Runs from before there were far keys go on.
    let far = if *far > 0 { format!("far {far}, ") } else { String::new() };
    let answers = if answers == Answers::Written { "" } else { ", answers weighed only" };
    format!(
        "window {window}, sinks {sinks}, {far}full layers {full_layers}, fa_decode {fa_decode}, dense_tail {dense_tail}{adapters}{how}{answers}"
    )
}

/// Whether answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    Written,
    /// Only the right ones are weighed.
    Weighed,
}

/// How a job ended.
struct Ended {
    event: Event,
    text: String,
    read_again: Option<ReadAgain>,
}

/// A run in progress.
pub(super) struct Run<'a> {
    pub(super) plan: &'a Plan,
    client: &'a mut EngineClient,
    /// Is told how far a document is read.
    observer: &'a mut dyn Observer,
    model: ModelInfo,
    template: ChatTemplate,
    results: Results,
    /// What this run is about, answered now or before.
    asked: Vec<RowKey>,
    saved: Instant,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        client: &'a mut EngineClient,
        observer: &'a mut dyn Observer,
        model: ModelInfo,
        template: ChatTemplate,
        results: Results,
    ) -> Self {
        Self { plan, client, observer, model, template, results, asked: Vec::new(), saved: Instant::now() }
    }

    /// What this run is about and is answered.
    pub(super) fn answered(&self) -> Results {
        self.results.only(&self.asked)
    }

    /// Which model it is, and where it runs.
    pub(super) fn title(&self) -> String {
        format!("{} on {}", self.model.title(), self.model.place())
    }

    pub(super) fn save(&self, table: Option<&Table>) -> Result<(), Error> {
        match &self.plan.out {
            Some(path) => Ok(self.results.save(path, table)?),
            None => Ok(()),
        }
    }

    fn save_now_and_then(&mut self) -> Result<(), Error> {
        if self.saved.elapsed() >= SAVED_EVERY {
            self.save(None)?;
            self.saved = Instant::now();
        }
        Ok(())
    }

    /// Asks the questions about one document that have not been answered yet, under every preset.
    pub(super) async fn ask_document(&mut self, document: &[Record], endings: &mut Endings) -> Result<(), Error> {
        for preset in &self.plan.presets {
            let recipe = self.recipe(preset, &document[0]).await?;
            let contenders: Vec<Contender> =
                manners(self.plan).into_iter().map(|how| self.contender(preset, &recipe, how)).collect();
            self.ask_under(document, &contenders, endings).await?;
        }
        Ok(())
    }

    async fn ask_under(
        &mut self,
        document: &[Record],
        contenders: &[Contender],
        endings: &mut Endings,
    ) -> Result<(), Error> {
        let mut reading = None;
        for contender in contenders {
            let question_first = contender.how.question_first;
            for (index, record) in document.iter().enumerate() {
                if question_first {
                    reading = None;
                }
                let key = self.key(record, contender);
                self.asked.push(key.clone());
                if self.results.row(&key).is_some() {
                    continue;
                }
                if reading.is_none() {
                    reading = self.read(record, contender).await?;
                }
                let answer = if reading.is_some() { self.ask(record, contender).await? } else { None };
                let Some(answer) = answer else {
                    // The others are as long.
                    endings.add(DOES_NOT_FIT, document.len() - index);
                    break;
                };
                if let Some(why) = answer.why_not_whole() {
                    endings.add(why, 1);
                }
                self.results.insert(answer.into_row(record, &document[0].id, key, reading));
                self.save_now_and_then()?;
            }
        }
        Ok(())
    }

    /// The recipe of `preset` for the document of `record`.
    async fn recipe(&mut self, preset: &Preset, record: &Record) -> Result<RecipeSpec, Error> {
        if preset.recipe.is_some() {
            return self.named(preset);
        }
        let (prompt, _) = self.prompt(record, false)?;
        let (reading, model) = (&self.plan.reading, &self.model);
        let (resolved, _) = asking::resolve::<Error>(self.client, reading, preset, model, &prompt).await?;
        Ok(resolved.recipe)
    }

    /// The recipe of a preset that needs no forecast: its fields as the plan has them, its layers as the model has them.
    fn named(&self, preset: &Preset) -> Result<RecipeSpec, Error> {
        let reading = PresetSelection { changes: RecipePatch::default(), ..self.plan.reading.clone() };
        let (resolved, _) = reading.choose(preset, &self.model.facts(), 0)?;
        Ok(resolved.recipe)
    }

    fn contender(&self, preset: &Preset, recipe: &RecipeSpec, how: Manner) -> Contender {
        let written = written(recipe, how, self.answers());
        Contender { name: name(preset, how), written, recipe: recipe.clone(), how }
    }

    fn answers(&self) -> Answers {
        if self.plan.max_answer_tokens == 0 { Answers::Weighed } else { Answers::Written }
    }

    fn key(&self, record: &Record, contender: &Contender) -> RowKey {
        RowKey {
            id: record.id.clone(),
            preset: contender.name.clone(),
            recipe: contender.written.clone(),
            system_prompt: self.system(record).text(true).map_or_else(String::new, |text| text.to_string()),
            cot: self.plan.cot.to_string(),
        }
    }

    /// Records with their own text bring their own instructions, too.
    fn system(&self, record: &Record) -> SystemPrompt {
        let usual = || if record.title.is_empty() { SystemPrompt::Absent } else { SystemPrompt::Reading };
        self.plan.system.clone().unwrap_or_else(usual)
    }

    /// The prompt, with what the answer begins with behind it.
    fn prompt(&self, record: &Record, question_first: bool) -> Result<(Prompt, OutputMarkup), Error> {
        let (mut prompt, markup) = build_prompt(&PromptRequest {
            template: &self.template,
            system: &self.system(record),
            title: &record.title,
            document: &record.context,
            front: question_first.then_some(record.question.as_str()),
            turns: &[],
            question: Some(&Arc::from(record.question.as_str())),
            cot: self.plan.cot,
        })?;
        if !record.lead.is_empty() {
            let text = record.lead.as_str().into();
            prompt.parts.push(Part { text, origin: Origin::Text, segment: Segment::Tail });
        }
        Ok((prompt, markup))
    }

    /// Reads the document of `record`, and times it. `None` if the prompt exceeds the plan's limit or does not fit.
    async fn read(&mut self, record: &Record, contender: &Contender) -> Result<Option<Reading>, Error> {
        let (prompt, _) = self.prompt(record, contender.how.question_first)?;
        let recipe = &contender.recipe;
        if let Some(limit) = self.plan.max_prompt_tokens
            && self.client.forecast(prompt.clone(), recipe.clone()).await?.prompt_tokens > limit
        {
            return Ok(None);
        }
        let recipe = recipe.clone();
        let read = |job, cancel| Command::Prefill { job, prompt, recipe, cancel };
        let Some(Ended { event: Event::Prefilled { figures, .. }, .. }) = self.run_job(read).await? else {
            return Ok(None);
        };
        let (tokens, timings) = (figures.tokens, figures.timings);
        let seconds = timings.prefill.as_secs_f64();
        Ok(Some(Reading { tokens: tokens.document, cached_tokens: tokens.cached, seconds }))
    }

    /// The answer, or `None` if the prompt does not fit.
    async fn ask(&mut self, record: &Record, contender: &Contender) -> Result<Option<Answer>, Error> {
        match (self.answers(), &record.gold) {
            (Answers::Written, None) => self.write(record, contender).await,
            (Answers::Written, Some(gold)) => {
                let Some(Answer { weighed, .. }) = self.weigh(record, contender, gold).await? else { return Ok(None) };
                Ok(self.write(record, contender).await?.map(|answer| Answer { weighed, ..answer }))
            }
            (Answers::Weighed, _) => {
                let right = record.right_answer().ok_or_else(|| Error::NothingToWeigh(record.id.clone()))?;
                self.weigh(record, contender, &right).await
            }
        }
    }

    /// Weighs the right answer.
    async fn weigh(
        &mut self,
        record: &Record,
        contender: &Contender,
        right: &Arc<str>,
    ) -> Result<Option<Answer>, Error> {
        let (asked, recipe) = (self.asked(record, contender.how)?, contender.recipe.clone());
        let weigh = |job, cancel| Command::Weigh { question: asked.under(recipe, job, cancel), answer: right.clone() };
        let Some(ended) = self.run_job(weigh).await? else { return Ok(None) };
        let Event::Weighed { tokens, figures, .. } = ended.event else { return Err(gone()) };
        let weighed = Weighed::of(record, right, &tokens);
        let reread = ended.read_again;
        Ok(Some(Answer { text: String::new(), finish: None, figures: *figures, reread, weighed }))
    }

    /// Has an answer written.
    async fn write(&mut self, record: &Record, contender: &Contender) -> Result<Option<Answer>, Error> {
        let (asked, recipe) = (self.asked(record, contender.how)?, contender.recipe.clone());
        let ask = |job, cancel| asked.command(recipe, job, cancel);
        let Some(ended) = self.run_job(ask).await? else { return Ok(None) };
        let Event::Answered { finish, figures, .. } = ended.event else { return Err(gone()) };
        let (text, reread) = (ended.text, ended.read_again);
        Ok(Some(Answer { text, finish: Some(finish), figures: *figures, reread, weighed: None }))
    }

    fn asked(&self, record: &Record, how: Manner) -> Result<ReadyQuestion, Error> {
        let (prompt, markup) = self.prompt(record, how.question_first)?;
        Ok(ReadyQuestion {
            prompt,
            markup,
            question: record.question.as_str().into(),
            document: record.context.clone(),
            cot: self.plan.cot,
            reread: how.reread,
            given: None,
            begun: None,
            sampling: self.model.sampling_with(&self.plan.sampling),
            // Presets are compared token by token: the size of calls is to make no difference.
            drafting: Drafting::Off,
            limits: Limits { max_tokens: Some(self.plan.max_answer_tokens), ..Limits::default() },
            schema: None,
        })
    }

    /// Runs a job to its end; `None` if its prompt does not fit.
    async fn run_job(&mut self, command: impl FnOnce(JobId, CancelToken) -> Command) -> Result<Option<Ended>, Error> {
        let (mut text, mut read_again) = (String::new(), None);
        // An evaluation looks at the answer alone.
        let (mut reasoning, mut may_be_reasoning) = (String::new(), false);
        let observer = &mut *self.observer;
        let mut listen = |event: &Event| {
            let mut texts =
                Texts { reasoning: &mut reasoning, answer: &mut text, may_be_reasoning: &mut may_be_reasoning };
            match event {
                Event::Piece { channel, text: piece, .. } => texts.take(*channel, piece),
                Event::WasReasoning { .. } => texts.turn_into_reasoning(),
                Event::Prefilling { progress, .. } => observer.progress(Activity::Prefilling(progress)),
                Event::ReadAgain { read_again: told, .. } => read_again = Some((**told).clone()),
                _ => {}
            }
            Ok::<_, Error>(())
        };
        let ended = self.client.run(command, &mut listen).await;
        match (ended, self.client.stopped()) {
            (Ok(_), Some(stop)) => Err(Error::Stopped(stop)),
            (Ok(event), None) => Ok(Some(Ended { event, text, read_again })),
            (Err(Error::Engine(failure)), _) if failure.kind == FailureKind::DoesNotFit => Ok(None),
            (Err(error), _) => Err(error),
        }
    }
}

fn gone() -> Error {
    Error::Engine(Failure::engine_gone())
}

/// The answer to one question.
struct Answer {
    text: String,
    /// `None`: none was written.
    finish: Option<Finish>,
    figures: Figures,
    reread: Option<ReadAgain>,
    weighed: Option<Weighed>,
}

impl Answer {
    fn why_not_whole(&self) -> Option<&'static str> {
        why_not_whole(self.finish?, &self.text)
    }

    fn into_row(self, record: &Record, document: &str, key: RowKey, reading: Option<Reading>) -> ResultRow {
        let (tokens, timings) = (self.figures.tokens, self.figures.timings);
        let said = self.weighed.map(|weighed| weighed.said);
        ResultRow {
            id: record.id.clone(),
            document: document.to_owned(),
            task: record.task.clone(),
            preset: key.preset,
            recipe: key.recipe,
            system_prompt: key.system_prompt,
            cot: key.cot,
            question: record.question.clone(),
            length: record.length.clone(),
            score: if self.finish.is_some() { score::score(record, &self.text) } else { said.unwrap_or_default() },
            nats: self.weighed.map(|weighed| weighed.nats),
            said,
            answer: self.text,
            finish: self.finish.map_or("weighed", finish_name).to_owned(),
            prompt_tokens: tokens.prompt,
            cached_tokens: tokens.cached,
            prefill_s: timings.prefill.as_secs_f64(),
            decode_tok_s: timings.decode_tokens_per_s,
            reading,
            reread: self.reread.map(|read_again| RereadRow::of(record, &read_again)),
        }
    }
}

impl RereadRow {
    fn of(record: &Record, read_again: &ReadAgain) -> Self {
        let passages = &read_again.passages;
        let text: Vec<&str> = passages.iter().filter_map(|passage| record.context.get(passage.span.clone())).collect();
        let chunks: Vec<f32> = read_again.heat.iter().map(|chunk| chunk.score).collect();
        let best = chunks.windows(CHUNKS_OF_PASSAGE).map(|chunks| chunks.iter().sum::<f32>());
        Self {
            found_by: read_again.found_by,
            passages: passages.len(),
            tokens: read_again.tokens,
            share: read_again.share,
            best_share: best.reduce(f32::max),
            has_answers: score::score(record, &text.join("\n")),
        }
    }
}

/// A passage of 256 tokens has four chunks of 64 (`crate::passages`).
const CHUNKS_OF_PASSAGE: usize = 4;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::eval::plan::fixtures::planned;
    use crate::eval::{Table, run};
    use crate::session::Stops;
    use crate::session::scripted_engine::{ScriptedEngine, interrupted, model, says};

    const RECORDS: [&str; 2] = [
        r#"{"id":"a","task":"kv","context":"one long text","question":"what?","answers":["blue"],"metric":"contains_all","lead":"It is","gold":" blue.","length":"1k"}"#,
        r#"{"id":"b","task":"kv","context":"one long text","question":"which?","answers":["red"],"metric":"contains_all"}"#,
    ];

    fn plan(folder: &Path, flags: &[&str]) -> Plan {
        std::fs::write(folder.join("records.jsonl"), RECORDS.join("\n")).expect("it can be written");
        let planned = planned(flags).expect("a plan");
        Plan { files: vec![folder.join("records.jsonl")], out: Some(folder.join("out.json")), ..planned }
    }

    /// An engine that says one thing.
    fn saying(answer: &'static str) -> EngineClient {
        EngineClient::new(ScriptedEngine::start(says(answer)), Stops::never())
    }

    async fn run_with(mut client: EngineClient, plan: &Plan) -> (Result<Table, Error>, String, String) {
        let (mut out, mut log) = (Vec::new(), Vec::new());
        let table = run(plan, &mut client, &mut out, &mut log).await;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (table, text(out), text(log))
    }

    fn rows(plan: &Plan) -> Vec<ResultRow> {
        let out = plan.out.as_ref().expect("there is a file");
        Results::load(out, "Toy").expect("it can be read").rows().cloned().collect()
    }

    #[tokio::test]
    async fn answers_are_written_and_right_ones_weighed_where_they_are_given() {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = plan(folder.path(), &["--presets", "full,quick"]);
        let (table, shown, log) = run_with(saying("It is blue."), &plan).await;
        let cell = &table.expect("a table").cells["1k kv"]["quick"];
        assert_eq!((cell.questions, cell.score, cell.nats), (1, 100.0, Some(0.0)));
        assert!(shown.contains("| 1k kv | 1 | 100 | 100 (0 [0..0]) |"), "{shown}");
        assert_eq!(log, "document 1 of 1 (a)\n");
        assert!(rows(&plan).iter().all(|row| row.finish == "end"), "as in --json");
        let told: Vec<_> =
            rows(&plan).into_iter().map(|row| (row.id, row.score, row.nats, row.said, row.answer)).collect();
        let answer = || "It is blue.".to_owned();
        let a = || ("a".to_owned(), 1.0, Some(0.0), Some(1.0), answer());
        let b = || ("b".to_owned(), 0.0, None, None, answer());
        assert_eq!(told, [a(), a(), b(), b()]);
    }

    /// It was measured with no full layers at all.
    #[tokio::test]
    async fn the_full_layers_of_the_model_are_those_of_its_family() {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = plan(folder.path(), &["--presets", "quick", "--full-layers", "model"]);
        let run_on = async |name: &str| {
            let info = ModelInfo { name: name.to_owned(), architecture: "qwen3".to_owned(), ..model() };
            let client = EngineClient::new(ScriptedEngine::with_model(info, says("It is blue.")), Stops::never());
            run_with(client, &plan).await.0
        };
        run_on("Qwen3 4B").await.expect("its family is known");
        let out = plan.out.as_ref().expect("there is a file");
        let results = Results::load(out, "Qwen3 4B").expect("it can be read");
        let recipes: Vec<_> = results.rows().filter(|row| row.preset == "quick").map(|row| &row.recipe).collect();
        assert!(recipes.iter().all(|recipe| recipe.contains("full layers odd")), "{recipes:?}");
        let unknown = run_on("Qwen3 0.6B").await.expect_err("nothing is known of it");
        assert_eq!(unknown.to_string(), "no full layers are known for Qwen3 0.6B");
    }

    #[tokio::test]
    async fn without_answers_the_right_ones_are_weighed() {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = plan(folder.path(), &["--presets", "full", "-n", "0"]);
        let (_, _, log) = run_with(saying("It is blue."), &plan).await;
        assert_eq!(log, "document 1 of 1 (a)\n");
        let told: Vec<_> = rows(&plan).into_iter().map(|row| (row.score, row.nats, row.answer, row.finish)).collect();
        let weighed = |score, nats| (score, Some(nats), String::new(), "weighed".to_owned());
        assert_eq!(told, [weighed(1.0, 0.0), weighed(0.0, 4.0)]);
    }

    #[tokio::test]
    async fn a_run_that_is_stopped_shows_what_it_has_and_goes_on_later() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = plan(folder.path(), &["--presets", "full"]);
        run_with(saying("It is blue."), &first).await.0.expect("a table");
        let both = plan(folder.path(), &["--presets", "full,quick", "--out", "out.json", "--resume"]);
        let (stopped, shown, log) = run_with(interrupted(), &both).await;
        assert!(matches!(stopped, Err(Error::Stopped(_))), "{stopped:?}");
        assert!(shown.contains("| 1k kv | 1 | 100 | – |"), "{shown}");
        assert!(log.contains("use --resume"), "{log}");
        assert_eq!(rows(&both).len(), 2);
        run_with(saying("It is red."), &both).await.0.expect("a table");
        let scores: Vec<_> = rows(&both).into_iter().map(|row| (row.id + &row.preset, row.score)).collect();
        let score = |name: &str, score| (name.to_owned(), score);
        assert_eq!(scores, [score("afull", 1.0), score("aquick", 0.0), score("bfull", 0.0), score("bquick", 1.0)]);
    }
}
