//! Which presets find facts in one's own document, with this model, on this machine?
//!
//! Facts that no model knows are planted in the document at equal distances, and each is asked for under each preset, with and
//! without passages that are read again. No answer is written: a fact is found if each token of the right answer was the likeliest
//! one, so a question costs little more than reading it.
//!
//! Example: 12 facts in a contract of 31,000 tokens, five presets: five readings and 120 questions. `fastest` finds 7, all of them
//! in the last quarter or near the beginning; with passages it finds 12.
//!
//! Says nothing about questions for which a whole document has to be weighed.

use std::sync::Arc;

use serde::Serialize;

use super::error::Error;
use super::plan::Plan;
use super::records::{Metric, Record};
use super::results::{ResultRow, Results};
use super::run::{Endings, Run, manners, name};
use super::table::Table;
use crate::chat::{ChatTemplate, model_notes};
use crate::engine::message::ModelInfo;
use crate::failure::{Failure, FailureKind};
use crate::session::calibrating::{Fact, facts};
use crate::session::planting::plant;
use crate::session::{EngineClient, Observer};

/// Facts of each kind.
const PLACES: usize = 8;
const KINDS: usize = 3;
/// Most facts that can be planted.
pub const MOST_FACTS: usize = PLACES * KINDS;

/// A document to probe.
#[derive(Debug, Clone)]
pub struct Probed {
    pub title: String,
    pub text: String,
    /// How many facts are planted.
    pub facts: usize,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Findings {
    pub document: String,
    pub document_tokens: u32,
    pub model: String,
    /// The devices that computed.
    pub place: String,
    pub facts: Vec<PlantedFact>,
    pub presets: Vec<PresetFindings>,
    /// It was stopped before everything was asked.
    pub stopped: bool,
}

/// A fact, and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlantedFact {
    pub fact: String,
    pub question: String,
    /// Share of the document before it, 0 to 1.
    pub position: f64,
}

/// What a preset found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PresetFindings {
    /// With how passages are read again, unless they are not: `fastest, reread on`.
    pub preset: String,
    pub found: usize,
    pub asked: usize,
    /// Fact by fact; `null` where it was not asked.
    pub facts: Vec<Option<bool>>,
    /// Of the right answers, per token.
    pub nats: Option<f64>,
    /// To read the document, as if nothing had been there; `None` if most was.
    pub reading_s: Option<f64>,
    /// To read a question, and what is read again before it.
    pub question_s: f64,
}

impl Findings {
    /// The quickest of those that find at least as many facts as any other, and all were asked of.
    #[must_use]
    pub fn best(&self) -> Option<&PresetFindings> {
        let whole = || self.presets.iter().filter(|preset| preset.asked == self.facts.len());
        let most = whole().map(|preset| preset.found).max().filter(|most| *most > 0)?;
        let seconds = |preset: &PresetFindings| preset.reading_s.unwrap_or_default() + preset.question_s;
        whole().filter(|preset| preset.found == most).min_by(|one, other| seconds(one).total_cmp(&seconds(other)))
    }
}

/// Plants facts in `probed` and asks for them, under the presets of `plan`. A stop ends it early, with what was asked until then.
///
/// Errors: the document doesn't fit the model.
pub async fn probe(
    plan: &Plan,
    probed: &Probed,
    client: &mut EngineClient,
    observer: &mut dyn Observer,
) -> Result<Findings, Error> {
    let model = client.loaded(observer).await?;
    let template = ChatTemplate::of(&model, plan.now);
    for note in model_notes(&model, &template) {
        observer.note(&note);
    }
    let (records, facts) = planted(probed);
    let results = Results::new(&model.name);
    let mut run = Run::new(plan, client, observer, model.clone(), template, results);
    let ended = run.ask_document(&records, &mut Endings::default()).await;
    let stopped = matches!(ended, Err(Error::Stopped(_)));
    let answered = run.answered();
    if !stopped {
        ended?;
    }
    if answered.rows().next().is_none() && !stopped {
        return Err(Error::Engine(does_not_fit(&model)));
    }
    Ok(findings(plan, probed, &model, &answered, facts, stopped))
}

fn does_not_fit(model: &ModelInfo) -> Failure {
    let message = format!("the document and the questions about it do not fit {}", model.title());
    let hint = "probe some of its parts (--parts), or raise -c".to_owned();
    Failure::new(FailureKind::DoesNotFit, message, Some(hint))
}

/// The facts to plant: of all kinds in turn, so that those about one place are far apart.
fn chosen(count: usize) -> Vec<Fact> {
    let all = facts();
    let index = |number: usize| {
        let kind = number % KINDS;
        kind * PLACES + (number / KINDS + kind * KINDS) % PLACES
    };
    (0..count.min(MOST_FACTS)).map(|number| all[index(number)].clone()).collect()
}

/// A question for each fact, about the document with all of them.
fn planted(probed: &Probed) -> (Vec<Record>, Vec<PlantedFact>) {
    let facts = chosen(probed.facts);
    let (text, spans) = plant(&probed.text, facts.iter().map(|fact| fact.sentence.as_str()));
    let context: Arc<str> = text.into();
    let record = |(number, fact): (usize, &Fact)| Record {
        id: id(number),
        task: "fact".to_owned(),
        context: context.clone(),
        title: if probed.title.is_empty() { "Document".to_owned() } else { probed.title.clone() },
        question: fact.question.clone(),
        answers: vec![fact.answer.to_owned()],
        not: Vec::new(),
        metric: Metric::ContainsAll,
        lead: fact.lead.clone(),
        gold: Some(format!(" {}", fact.answer).into()),
        length: String::new(),
    };
    let records = facts.iter().enumerate().map(record).collect();
    let placed = facts.iter().zip(&spans).map(|(fact, span)| PlantedFact {
        fact: fact.sentence.clone(),
        question: fact.question.clone(),
        position: span.start as f64 / context.len().max(1) as f64,
    });
    (records, placed.collect())
}

fn id(number: usize) -> String {
    format!("fact-{number:02}")
}

fn findings(
    plan: &Plan,
    probed: &Probed,
    model: &ModelInfo,
    answered: &Results,
    facts: Vec<PlantedFact>,
    stopped: bool,
) -> Findings {
    let columns = |preset| manners(plan).into_iter().map(move |how| name(preset, how));
    let names: Vec<String> = plan.presets.iter().flat_map(columns).collect();
    let table = Table::new(answered, &names);
    let presets = names.iter().filter_map(|name| of_preset(name, &table, answered, facts.len())).collect();
    let tokens = answered.rows().filter_map(|row| row.reading).map(|reading| reading.tokens).max();
    Findings {
        document: probed.title.clone(),
        document_tokens: tokens.unwrap_or_default(),
        model: model.title(),
        place: model.place(),
        facts,
        presets,
        stopped,
    }
}

/// `None` if nothing was asked under it.
fn of_preset(preset: &str, table: &Table, answered: &Results, count: usize) -> Option<PresetFindings> {
    let rows: Vec<&ResultRow> = answered.rows().filter(|row| row.preset == preset).collect();
    let cost = table.costs.get("")?.get(preset)?;
    let found = |number: usize| rows.iter().find(|row| row.id == id(number)).map(|row| row.score >= 1.0);
    let facts: Vec<Option<bool>> = (0..count).map(found).collect();
    Some(PresetFindings {
        preset: preset.to_owned(),
        found: facts.iter().filter(|found| **found == Some(true)).count(),
        asked: rows.len(),
        facts,
        nats: table.cells.get(super::table::ALL)?.get(preset)?.nats,
        reading_s: cost.reading_s,
        question_s: cost.question_s,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::plan::fixtures::planned;
    use crate::session::Stops;
    use crate::session::fixtures::Recorder;
    use crate::session::scripted_engine::{ScriptedEngine, interrupted, says};

    fn document() -> Probed {
        Probed { title: "Log".into(), text: "It rained.\n\nIt snowed.\n\n".repeat(100), facts: 6 }
    }

    #[tokio::test]
    async fn a_preset_finds_the_facts_of_which_it_says_the_answer() {
        let plan = planned(&["--presets", "full,fastest", "--reread", "off,on", "-n", "0"]).expect("a plan");
        let mut client = EngineClient::new(ScriptedEngine::start(says("48213 and Old Barnaby")), Stops::never());
        let findings = probe(&plan, &document(), &mut client, &mut Recorder::default()).await.expect("findings");
        let found: Vec<(&str, usize, usize)> =
            findings.presets.iter().map(|preset| (preset.preset.as_str(), preset.found, preset.asked)).collect();
        assert_eq!(found, [("full", 1, 6), ("full, reread on", 1, 6), ("fastest", 1, 6), ("fastest, reread on", 1, 6)]);
        assert_eq!(findings.presets[0].facts[0], Some(true));
        assert!(findings.best().is_some() && !findings.stopped);
        let positions: Vec<f64> = findings.facts.iter().map(|fact| (fact.position * 10.0).round()).collect();
        assert_eq!(positions, [1.0, 3.0, 4.0, 6.0, 7.0, 9.0]);
    }

    #[tokio::test]
    async fn a_probe_that_is_stopped_tells_what_it_has() {
        let plan = planned(&["--presets", "full", "-n", "8"]).expect("a plan");
        let mut client = interrupted();
        let findings = probe(&plan, &document(), &mut client, &mut Recorder::default()).await.expect("findings");
        assert!(findings.stopped && findings.presets.is_empty() && findings.best().is_none(), "{findings:?}");
    }

    #[test]
    fn all_facts_are_different_and_their_questions_have_one_answer() {
        let mut facts: Vec<String> = chosen(MOST_FACTS).into_iter().map(|fact| fact.sentence).collect();
        facts.sort();
        facts.dedup();
        assert_eq!(facts.len(), MOST_FACTS);
        for fact in chosen(MOST_FACTS) {
            assert!(fact.sentence.contains(fact.answer), "{fact:?}");
        }
    }
}
