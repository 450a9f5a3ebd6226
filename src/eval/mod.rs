//! Measures the recall of presets on records, compared with full attention on the same questions.
//!
//! Each document is prefilled once per preset, and all of its questions are answered. Answers are scored by the
//! record's metric. The table has each preset's score, its difference to `full` with an interval, and the cost of the
//! prefill. An interrupted run can be resumed from its results file. With [`Plan::shows_answers`] every answer is printed, too.
//!
//! Example: five records with one context of 30,000 tokens under `full` and `fastest` are two prefills and ten answers.
//!
//! The results say nothing about other models, lengths or tasks.

mod answers;
mod plan;
pub mod records;
mod results;
pub mod score;
mod table;

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use crate::chat::template::Error as PromptError;
use crate::chat::{ChatTemplate, Moment, PromptRequest, SystemPrompt, build_prompt, model_notes, why_not_whole};
use crate::engine::message::{
    CancelToken, Channel, Command, Event, Figures, Finish, JobId, Limits, ModelInfo, OutputMarkup, Prompt, Reread,
    SamplingPatch,
};
use crate::exit::ExitError;
use crate::failure::{Failure, FailureKind, Hint};
use crate::harmless;
use crate::session::asking::{self, Asked};
use crate::session::{ClientError, EngineClient, Stop, Unobserved};
use crate::swaa::preset::ChainOfThought;
use crate::swaa::selection::{self, PresetSelection};
use crate::swaa::{Preset, RecipeSpec};
use records::{Record, RecordsError, by_document};
pub use results::{ResultRow, Results, ResultsError, RowKey};
pub use table::{REFERENCE, Table};

/// What to measure.
#[derive(Debug, Clone)]
pub struct Plan {
    pub files: Vec<PathBuf>,
    /// The presets to compare, in this order.
    pub presets: Vec<Preset>,
    /// Decides what `auto` stands for.
    pub reading: PresetSelection,
    /// `None`: the one for reading where a record names a document, and none where it has its own text.
    pub system: Option<SystemPrompt>,
    pub cot: ChainOfThought,
    /// Each preset is measured with each of these.
    pub rereads: Vec<Reread>,
    /// Most records of each file, spread evenly over it.
    pub limit: Option<usize>,
    /// Only these tasks; empty means all.
    pub tasks: Vec<String>,
    /// Skips prompts with more tokens than this.
    pub max_prompt_tokens: Option<u32>,
    pub sampling: SamplingPatch,
    pub max_answer_tokens: u32,
    /// The results file.
    pub out: Option<PathBuf>,
    pub resume: bool,
    /// Print every answer.
    pub shows_answers: bool,
    /// The time that the model's template may print.
    pub now: Moment,
}

/// Why a run ended early. The answers so far are in the results file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error(transparent)]
    Results(#[from] ResultsError),
    #[error("no records to evaluate: {0}")]
    NothingToAsk(String),
    #[error(transparent)]
    Preset(#[from] selection::Error),
    #[error(transparent)]
    Engine(Failure),
    #[error(transparent)]
    Prompt(#[from] PromptError),
    #[error("stopped")]
    Stopped(Stop),
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Engine(failure) => failure.hint(),
            Self::Prompt(error) => error.hint(),
            Self::Stopped(_) => Some("use --resume to continue from the --out file".to_owned()),
            _ => None,
        }
    }
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Failed(failure) => Self::Engine(failure),
            ClientError::Stopped(stop) => Self::Stopped(stop),
        }
    }
}

impl From<Error> for ExitError {
    fn from(error: Error) -> Self {
        match error {
            Error::Engine(failure) => failure.into(),
            Error::Prompt(error) => error.into(),
            Error::Output(error) => error.into(),
            Error::Stopped(stop) => Self::Stopped(stop),
            Error::Records(_) | Error::NothingToAsk(_) => Failure::of(FailureKind::Input, &error).into(),
            Error::Preset(error) => error.into(),
            Error::Results(_) => Failure::of(FailureKind::Runtime, &error).into(),
        }
    }
}

/// A preset to measure, resolved for a document: its name, its recipe, and the recipe as text.
struct Contender {
    name: String,
    recipe: RecipeSpec,
    reread: Reread,
    written: String,
}

/// Runs `plan` on the engine of `client`. Writes progress to `log`, and the table as markdown to `out`.
///
/// Errors: bad records, before the model is used; [`Error::Stopped`] after a stop, which ends the current answer.
pub async fn run(
    plan: &Plan,
    client: &mut EngineClient,
    out: &mut dyn Write,
    log: &mut dyn Write,
) -> Result<Table, Error> {
    let run = run_to_end(plan, client, out, log).await;
    if let Err(error @ Error::Stopped(_)) = &run {
        writeln!(log, "{}", harmless::text(&format!("{error}; {}", error.hint().unwrap_or_default())))?;
    }
    run
}

async fn run_to_end(
    plan: &Plan,
    client: &mut EngineClient,
    out: &mut dyn Write,
    log: &mut dyn Write,
) -> Result<Table, Error> {
    let documents = documents(plan)?;
    let model = client.loaded(&mut Unobserved).await?;
    let template = ChatTemplate::of(&model, plan.now);
    for note in model_notes(&model, &template) {
        writeln!(log, "note: {}", harmless::text(&note))?;
    }
    let results = match (&plan.out, plan.resume) {
        (Some(path), true) => Results::load(path, &model.name)?,
        _ => Results::new(&model.name),
    };
    let mut run = Run { plan, client, model, template, results, asked: Vec::new() };
    for (number, document) in (1..).zip(&documents) {
        let mut endings = Endings::default();
        for preset in &plan.presets {
            for reread in &plan.rereads {
                let contender = run.contender(preset, *reread, &document[0]).await?;
                run.ask_document(document, &contender, &mut endings).await?;
            }
        }
        writeln!(log, "document {number} of {} ({}){endings}", documents.len(), harmless::line(&document[0].id))?;
    }
    let columns = |preset: &Preset| plan.rereads.iter().map(|reread| name(preset, *reread)).collect::<Vec<_>>();
    let names: Vec<String> = plan.presets.iter().flat_map(columns).collect();
    let asked = run.results.only(&run.asked);
    let table = Table::new(&asked, &names);
    run.save(Some(&table))?;
    if plan.shows_answers {
        writeln!(out, "{}", harmless::text(&answers::to_markdown(&documents, &asked, &names)))?;
    }
    write!(out, "{}", harmless::text(&table.to_markdown()))?;
    Ok(table)
}

/// Why answers are incomplete, each reason with the number of answers: `; 2 answers: cut off: token limit reached`.
#[derive(Debug, Default)]
struct Endings(Vec<(&'static str, usize)>);

impl Endings {
    fn add(&mut self, why: &'static str) {
        match self.0.iter_mut().find(|(known, _)| *known == why) {
            Some((_, answers)) => *answers += 1,
            None => self.0.push((why, 1)),
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

/// What a preset is called in the table: `fastest`, or `fastest, reread on`.
fn name(preset: &Preset, reread: Reread) -> String {
    match reread {
        Reread::Off => preset.name.clone(),
        reread => format!("{}, reread {reread}", preset.name),
    }
}

/// The recipe as one line, which changes whenever the recipe does.
fn written(recipe: &RecipeSpec, reread: Reread) -> String {
    let RecipeSpec { window, sinks, far, full_layers, fa_decode, dense_tail } = recipe;
    // Runs from before there were far keys go on.
    let far = if *far > 0 { format!("far {far}, ") } else { String::new() };
    let reread = if reread == Reread::Off { String::new() } else { format!(", reread {reread}") };
    format!(
        "window {window}, sinks {sinks}, {far}full layers {full_layers}, fa_decode {fa_decode}, dense_tail {dense_tail}{reread}"
    )
}

/// The documents to ask about, each with its records.
fn documents(plan: &Plan) -> Result<Vec<Vec<Record>>, Error> {
    let mut chosen = Vec::new();
    for file in &plan.files {
        let mut records = records::read(file)?;
        records.retain(|record| plan.tasks.is_empty() || plan.tasks.contains(&record.task));
        chosen.extend(spread(records, plan.limit));
    }
    if chosen.is_empty() {
        return Err(Error::NothingToAsk(format!("{} files, tasks {:?}", plan.files.len(), plan.tasks)));
    }
    Ok(by_document(chosen))
}

/// At most `limit` records, spread evenly over the file, because records are often sorted by task and length.
fn spread(records: Vec<Record>, limit: Option<usize>) -> Vec<Record> {
    let limit = limit.unwrap_or(records.len()).min(records.len());
    let total = records.len();
    let is_taken = |index: usize| index * limit / total != (index + 1) * limit / total;
    records.into_iter().enumerate().filter(|(index, _)| is_taken(*index)).map(|(_, record)| record).collect()
}

/// A run in progress.
struct Run<'a> {
    plan: &'a Plan,
    client: &'a mut EngineClient,
    model: ModelInfo,
    template: ChatTemplate,
    results: Results,
    /// What this run is about, answered now or before.
    asked: Vec<RowKey>,
}

impl Run<'_> {
    /// The recipe of `preset` for the document of `record`.
    async fn contender(&mut self, preset: &Preset, reread: Reread, record: &Record) -> Result<Contender, Error> {
        let recipe = match &preset.recipe {
            Some(recipe) => recipe.clone(),
            None => self.automatic(preset, record).await?,
        };
        Ok(Contender { name: name(preset, reread), written: written(&recipe, reread), recipe, reread })
    }

    /// What `auto` chooses for the document of `record`.
    async fn automatic(&mut self, preset: &Preset, record: &Record) -> Result<RecipeSpec, Error> {
        let (prompt, _) = self.prompt(record)?;
        let (reading, model) = (&self.plan.reading, &self.model);
        let (resolved, _) = asking::resolve::<Error>(self.client, reading, preset, model, &prompt).await?;
        Ok(resolved.recipe)
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

    fn prompt(&self, record: &Record) -> Result<(Prompt, OutputMarkup), Error> {
        Ok(build_prompt(&PromptRequest {
            template: &self.template,
            system: &self.system(record),
            title: &record.title,
            document: &record.context,
            turns: &[],
            question: Some(&Arc::from(record.question.as_str())),
            cot: self.plan.cot,
        })?)
    }

    /// Asks the questions about one document that have not been answered yet.
    async fn ask_document(
        &mut self,
        document: &[Record],
        contender: &Contender,
        endings: &mut Endings,
    ) -> Result<(), Error> {
        for record in document {
            let key = self.key(record, contender);
            self.asked.push(key.clone());
            if self.results.row(&key).is_some() {
                continue;
            }
            // A document that does not fit is skipped for every preset.
            let Some(answer) = self.ask(record, contender).await? else { return Ok(()) };
            if let Some(why) = why_not_whole(answer.finish, &answer.text) {
                endings.add(why);
            }
            self.results.insert(answer.into_row(record, &document[0].id, key));
            self.save(None)?;
        }
        Ok(())
    }

    /// The answer, or `None` if the prompt exceeds the plan's limit or does not fit.
    async fn ask(&mut self, record: &Record, contender: &Contender) -> Result<Option<Answer>, Error> {
        let (prompt, markup) = self.prompt(record)?;
        let (recipe, reread) = (contender.recipe.clone(), contender.reread);
        if let Some(limit) = self.plan.max_prompt_tokens
            && self.client.forecast(prompt.clone(), recipe.clone()).await?.prompt_tokens > limit
        {
            return Ok(None);
        }
        let asked = Asked {
            prompt,
            markup,
            question: record.question.as_str().into(),
            cot: self.plan.cot,
            reread,
            sampling: self.model.sampling_with(&self.plan.sampling),
            limits: Limits { max_tokens: Some(self.plan.max_answer_tokens), ..Limits::default() },
            schema: None,
        };
        self.answer(|job, cancel| asked.command(recipe, job, cancel)).await
    }

    async fn answer(&mut self, question: impl FnOnce(JobId, CancelToken) -> Command) -> Result<Option<Answer>, Error> {
        let mut text = String::new();
        let mut listen = |event: &Event| {
            match event {
                Event::Piece { channel: Channel::Answer, text: piece, .. } => text.push_str(piece),
                Event::WasReasoning { .. } => text.clear(),
                _ => {}
            }
            Ok::<_, Error>(())
        };
        let ended = self.client.run(question, &mut listen).await;
        match (ended, self.client.stopped()) {
            (Ok(_), Some(stop)) => Err(Error::Stopped(stop)),
            (Ok(Event::Answered { finish, figures, .. }), None) => Ok(Some(Answer { text, finish, figures: *figures })),
            (Ok(_), None) => Err(Error::Engine(Failure::engine_gone())),
            (Err(Error::Engine(failure)), _) if failure.kind == FailureKind::DoesNotFit => Ok(None),
            (Err(error), _) => Err(error),
        }
    }

    fn save(&self, table: Option<&Table>) -> Result<(), Error> {
        match &self.plan.out {
            Some(path) => Ok(self.results.save(path, table)?),
            None => Ok(()),
        }
    }
}

/// The answer to one question.
struct Answer {
    text: String,
    finish: Finish,
    figures: Figures,
}

impl Answer {
    fn into_row(self, record: &Record, document: &str, key: RowKey) -> ResultRow {
        let (tokens, timings) = (self.figures.tokens, self.figures.timings);
        ResultRow {
            id: record.id.clone(),
            document: document.to_owned(),
            task: record.task.clone(),
            preset: key.preset,
            recipe: key.recipe,
            system_prompt: key.system_prompt,
            cot: key.cot,
            question: record.question.clone(),
            score: score::score(record, &self.text),
            answer: self.text,
            finish: format!("{:?}", self.finish),
            prompt_tokens: tokens.prompt,
            cached_tokens: tokens.cached,
            prefill_s: timings.prefill.as_secs_f64(),
            decode_tok_s: timings.decode_tokens_per_s,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::records::Metric;

    #[test]
    fn a_limit_takes_records_evenly_over_the_file() {
        let record = |n: usize| Record {
            id: n.to_string(),
            task: "t".into(),
            context: "c".into(),
            title: String::new(),
            question: "q".into(),
            answers: vec!["a".into()],
            not: Vec::new(),
            metric: Metric::ContainsAll,
        };
        let taken = |limit| -> Vec<String> {
            spread((0..10).map(record).collect(), limit).into_iter().map(|record| record.id).collect()
        };
        assert_eq!(taken(Some(3)), ["3", "6", "9"]);
        assert_eq!(taken(None).len(), 10);
        assert_eq!(taken(Some(99)).len(), 10);
    }
}
