//! `lunette probe`: asks for facts that were planted in a document, and prints which presets find them.
//!
//! ```text
//! 6 facts in Pride and Prejudice (30,120 tokens), Qwen2.5-Coder 0.5B · Q4_K_M on CPU
//!
//! preset                 found  beginning to end     reading  question
//! fastest                4/6    ●○●○●●                  42 s     0.8 s
//! fastest, reread on     6/6    ●●●●●●                  42 s     3.9 s
//! ```

use std::fmt::Write as _;
use std::time::Duration;

use super::Reporter;
use crate::chat::record::rounded;
use crate::eval::Plan;
use crate::eval::probe::{Findings, PresetFindings, Probed, probe as find};
use crate::exit::ExitError;
use crate::session::EngineClient;
use crate::units::{count, counted, time};

/// Probes a document with the engine of `client`. A run that is stopped prints what it has found.
pub async fn probe(
    plan: &Plan,
    probed: &Probed,
    mut client: EngineClient,
    json: bool,
    reporter: &mut Reporter<'_>,
) -> Result<(), ExitError> {
    let findings = find(plan, probed, &mut client, reporter).await?;
    if json {
        reporter.object(&with_rounded(findings))?;
    } else {
        reporter.data(&in_words(&findings))?;
    }
    client.stopped().map_or(Ok(()), |stop| Err(ExitError::Stopped(stop)))
}

fn with_rounded(mut findings: Findings) -> Findings {
    findings.facts.iter_mut().for_each(|fact| fact.position = rounded(fact.position));
    for preset in &mut findings.presets {
        preset.nats = preset.nats.map(rounded);
        preset.reading_s = preset.reading_s.map(rounded);
        preset.question_s = rounded(preset.question_s);
    }
    findings
}

fn in_words(findings: &Findings) -> String {
    let Findings { document, document_tokens, model, place, facts, presets, stopped, .. } = findings;
    let facts = counted(facts.len(), "fact");
    let mut text = format!("{facts} in {document} ({} tokens), {model} on {place}\n\n", count(*document_tokens));
    let widest = presets.iter().map(|preset| preset.preset.chars().count()).max().unwrap_or(0).max("preset".len());
    let places = findings.facts.len().max("beginning to end".len());
    let _ = writeln!(text, "{:widest$}  found  {:places$}     reading  question", "preset", "beginning to end");
    for preset in presets {
        let marks: String = preset.facts.iter().map(|found| mark(*found)).collect();
        let found = format!("{}/{}", preset.found, preset.asked);
        let seconds = |seconds: f64| time(Duration::from_secs_f64(seconds));
        let reading = preset.reading_s.map_or_else(|| "–".to_owned(), seconds);
        let question = seconds(preset.question_s);
        let name = &preset.preset;
        let _ = writeln!(text, "{name:widest$}  {found:<5}  {marks:places$}  {reading:>10}  {question:>8}");
    }
    text += "\nA fact is found if the model would answer with it, word by word.\n";
    match findings.best() {
        _ if *stopped => text += "Stopped before everything was asked.\n",
        Some(best) => text += &advice(best),
        None => text += "No preset finds any: this model does not answer such questions, whatever it sees.\n",
    }
    text
}

fn mark(found: Option<bool>) -> char {
    match found {
        Some(true) => '●',
        Some(false) => '○',
        None => '·',
    }
}

fn advice(best: &PresetFindings) -> String {
    let flags = match best.preset.split_once(", reread ") {
        Some((preset, reread)) => format!("--preset {preset} --reread={reread}"),
        None => format!("--preset {}", best.preset),
    };
    format!("The quickest that finds the most: {flags}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::probe::PlantedFact;

    fn preset(name: &str, facts: &[Option<bool>], reading_s: f64) -> PresetFindings {
        PresetFindings {
            preset: name.into(),
            found: facts.iter().filter(|found| **found == Some(true)).count(),
            asked: facts.iter().flatten().count(),
            facts: facts.to_vec(),
            nats: Some(0.25),
            reading_s: Some(reading_s),
            question_s: 0.75,
        }
    }

    fn findings(stopped: bool) -> Findings {
        let fact = PlantedFact { fact: "One is 1.".into(), question: "What is one?".into(), position: 0.25 };
        let last = if stopped { None } else { Some(true) };
        Findings {
            document: "log.txt".into(),
            document_tokens: 31_204,
            model: "Toy".into(),
            place: "CPU".into(),
            facts: vec![fact; 3],
            presets: vec![
                preset("full", &[Some(true); 3], 240.0),
                preset("fastest", &[Some(false), Some(false), Some(true)], 41.5),
                preset("fastest, reread on", &[Some(true), Some(true), last], 41.5),
            ],
            stopped,
        }
    }

    #[test]
    fn a_line_for_each_preset_tells_which_facts_it_finds() {
        insta::assert_snapshot!(in_words(&findings(false)));
    }

    #[test]
    fn what_was_not_asked_is_told() {
        let text = in_words(&findings(true));
        assert!(text.contains("2/2    ●●·") && text.ends_with("Stopped before everything was asked.\n"), "{text}");
    }
}
