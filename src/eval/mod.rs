//! Measures the recall of presets on records, compared with full attention on the same questions.
//!
//! Each document is read once per preset, and all of its questions are answered. Answers are scored by the record's metric.
//! Where the record says what the right answer is word by word, it is measured how probable the model finds it, too: that tells
//! recipes apart that give the same right and wrong answers. The table has each preset's score, its difference to `full` with an
//! interval, and what reading cost. An interrupted run prints the table of what it has, and can be resumed from its results file.
//! With [`Plan::shows_answers`] every answer is printed, too.
//!
//! | file | answers |
//! |---|---|
//! | [`records`] | what is asked, and what is right? |
//! | `plan` | what is measured? |
//! | `error` | why did a run end early? |
//! | `run` | how are the questions about a document asked under a preset? |
//! | `gold` | what do the weights of a right answer say? |
//! | [`score`] | is an answer right, and how sure is a difference? |
//! | `results` | what was answered so far? |
//! | `table`, `answers`, [`svg`] | how are results shown? |
//! | [`points`] | which preset is worth its seconds? |
//! | [`probe`] | which presets find facts in one's own document? |
//! | [`draws`] | which random draws are the same in each run? |
//!
//! Example: five records with one context of 30,000 tokens under `full` and `fastest` are two readings and ten answers.
//!
//! The results say nothing about other models, lengths or tasks.

mod answers;
pub mod draws;
mod error;
mod gold;
mod plan;
pub mod points;
pub mod probe;
pub mod records;
mod results;
mod run;
pub mod score;
pub mod svg;
mod table;

use std::fs;
use std::io::Write;

use crate::chat::{ChatTemplate, model_notes};
use crate::failure::{Failure, FailureKind, Hint};
use crate::harmless;
use crate::session::{EngineClient, Unobserved};
use crate::swaa::Preset;
pub use error::Error;
pub use plan::Plan;
use records::{Record, by_document};
pub use results::{Reading, RereadRow, ResultRow, Results, ResultsError, RowKey};
use run::{Endings, Run, manners, name};
pub use table::{REFERENCE, Table};

/// Runs `plan` on the engine of `client`. Writes progress to `log`, and the table as markdown to `out`.
///
/// Errors: bad records, before the model is used; [`Error::Stopped`] after a stop, which ends the current answer, and then the
/// table has what was answered before.
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
    if model.server.is_some() {
        return Err(Error::Engine(nothing_to_compare()));
    }
    let template = ChatTemplate::of(&model, plan.now);
    for note in model_notes(&model, &template) {
        writeln!(log, "note: {}", harmless::text(&note))?;
    }
    let results = match (&plan.out, plan.resume) {
        (Some(path), true) => Results::load(path, &model.name)?,
        _ => Results::new(&model.name),
    };
    let mut nobody = Unobserved;
    let mut run = Run::new(plan, client, &mut nobody, model, template, results);
    let ended = ask_all(&mut run, &documents, log).await;
    finish(&run, &documents, ended, out)
}

/// Somebody else's server tells neither what a reading took nor what it kept, and has no presets.
fn nothing_to_compare() -> Failure {
    let message = "an OpenAI-compatible server has no presets to compare: it decides about attention itself";
    let hint = "run the model here (-m FILE), or connect to a Lunette server".to_owned();
    Failure::new(FailureKind::Unsupported, message, Some(hint))
}

/// Asks everything that was not answered before.
async fn ask_all(run: &mut Run<'_>, documents: &[Vec<Record>], log: &mut dyn Write) -> Result<(), Error> {
    for (number, document) in (1..).zip(documents) {
        let mut endings = Endings::default();
        run.ask_document(document, &mut endings).await?;
        writeln!(log, "document {number} of {} ({}){endings}", documents.len(), harmless::line(&document[0].id))?;
    }
    Ok(())
}

/// Saves and prints what was answered, also of a run that was stopped.
fn finish(
    run: &Run<'_>,
    documents: &[Vec<Record>],
    ended: Result<(), Error>,
    out: &mut dyn Write,
) -> Result<Table, Error> {
    let plan = run.plan;
    let columns = |preset: &Preset| manners(plan).into_iter().map(|how| name(preset, how)).collect::<Vec<_>>();
    let names: Vec<String> = plan.presets.iter().flat_map(columns).collect();
    let asked = run.answered();
    let table = Table::new(&asked, &names);
    run.save(Some(&table))?;
    if let Some(path) = &plan.svg {
        let picture = svg::picture(&run.title(), &table.points());
        fs::write(path, picture).map_err(|source| Error::Picture { path: path.clone(), source })?;
    }
    if !matches!(ended, Ok(()) | Err(Error::Stopped(_))) || asked.rows().next().is_none() {
        return ended.map(|()| table);
    }
    if plan.shows_answers {
        writeln!(out, "{}", harmless::text(&answers::to_markdown(documents, &asked, &names)))?;
    }
    write!(out, "{}", harmless::text(&table.to_markdown()))?;
    ended.map(|()| table)
}

/// The documents to ask about, each with its records.
fn documents(plan: &Plan) -> Result<Vec<Vec<Record>>, Error> {
    let mut chosen = Vec::new();
    for file in &plan.files {
        let mut records = records::read(file, &plan.read)?;
        records.retain(|record| plan.tasks.is_empty() || plan.tasks.contains(&record.task));
        chosen.extend(spread(records, plan.limit));
    }
    let has_gold = |record: &Record| record.right_answer().is_some();
    if plan.max_answer_tokens == 0
        && let Some(record) = chosen.iter().find(|record| !has_gold(record))
    {
        return Err(Error::NothingToWeigh(record.id.clone()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::records::{Metric, fixtures};

    #[test]
    fn a_limit_takes_records_evenly_over_the_file() {
        let record = |n: usize| Record { id: n.to_string(), ..fixtures::record(Metric::ContainsAll, &["a"]) };
        let taken = |limit| -> Vec<String> {
            spread((0..10).map(record).collect(), limit).into_iter().map(|record| record.id).collect()
        };
        assert_eq!(taken(Some(3)), ["3", "6", "9"]);
        assert_eq!(taken(None).len(), 10);
        assert_eq!(taken(Some(99)).len(), 10);
    }
}
