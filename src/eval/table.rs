//! Makes a table of results: one row per task, one column per preset, each score with its difference to full attention.
//!
//! `81 (−5 [−9..−1])`: 81% of the gold strings, 5 points below full attention on the same questions, 95% interval −9 to
//! −1.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use super::results::{ResultRow, Results};
use super::score::{Difference, DocumentScores, difference};

/// The preset that the others are compared with.
pub const REFERENCE: &str = "full";

/// One preset on one task, or on all of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    pub questions: usize,
    /// 0 to 100.
    pub score: f64,
    /// In points; `None` for the reference itself, or if the reference was not measured.
    pub difference: Option<Difference>,
}

/// What prefill under a preset cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    pub documents: usize,
    /// Seconds of prefill per document, including its questions.
    pub prefill_s: f64,
    /// Share of the prompt tokens that were already cached.
    pub cached_share: f64,
}

/// Everything that the table shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    pub presets: Vec<String>,
    /// By task, then preset; the task `all` covers all tasks.
    pub cells: BTreeMap<String, BTreeMap<String, Cell>>,
    pub costs: BTreeMap<String, Cost>,
}

const ALL: &str = "all";

impl Table {
    /// Tabulates `results` for `presets`, in their order.
    #[must_use]
    pub fn new(results: &Results, presets: &[String]) -> Self {
        let tasks: BTreeSet<&str> = results.rows().map(|row| row.task.as_str()).collect();
        let mut cells = BTreeMap::new();
        for task in tasks.into_iter().chain([ALL]) {
            let of_task = |row: &&ResultRow| task == ALL || row.task == task;
            let reference = scores(results.rows().filter(of_task), REFERENCE);
            let row: BTreeMap<String, Cell> = presets
                .iter()
                .filter_map(|preset| {
                    let own = scores(results.rows().filter(of_task), preset);
                    cell(&own, (preset != REFERENCE).then_some(&reference)).map(|cell| (preset.clone(), cell))
                })
                .collect();
            cells.insert(task.to_owned(), row);
        }
        let costs = presets.iter().filter_map(|preset| Some((preset.clone(), cost(results, preset)?))).collect();
        Self { presets: presets.to_vec(), cells, costs }
    }

    /// The table as markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text =
            format!("| task | n | {} |\n|---|---|{}\n", self.presets.join(" | "), "---|".repeat(self.presets.len()));
        for (task, cells) in self.cells.iter().filter(|(task, _)| *task != ALL).chain(self.cells.get_key_value(ALL)) {
            let questions = cells.values().map(|cell| cell.questions).max().unwrap_or(0);
            let shown = self.presets.iter().map(|preset| cells.get(preset).map_or_else(|| "–".to_owned(), show_cell));
            let _ = writeln!(text, "| {task} | {questions} | {} |", shown.collect::<Vec<_>>().join(" | "));
        }
        for (name, figure) in [
            ("prefill, s per document", &(|cost: &Cost| format!("{:.1}", cost.prefill_s)) as &dyn Fn(&Cost) -> String),
            ("prompt tokens reused", &|cost| format!("{:.0}%", cost.cached_share * 100.0)),
        ] {
            let shown = self.presets.iter().map(|preset| self.costs.get(preset).map_or_else(|| "–".to_owned(), figure));
            let _ = writeln!(text, "| {name} | | {} |", shown.collect::<Vec<_>>().join(" | "));
        }
        text
    }
}

fn show_cell(cell: &Cell) -> String {
    // A true minus sign, and no "−0".
    let signed = |value: f64| match value.round() {
        0.0 => "0".to_owned(),
        rounded if rounded < 0.0 => format!("−{}", -rounded),
        rounded => format!("+{rounded}"),
    };
    match &cell.difference {
        None => format!("{:.0}", cell.score),
        Some(Difference { mean, low, high }) => {
            format!("{:.0} ({} [{}..{}])", cell.score, signed(*mean), signed(*low), signed(*high))
        }
    }
}

fn scores<'a>(rows: impl Iterator<Item = &'a ResultRow>, preset: &str) -> BTreeMap<String, DocumentScores> {
    let mut documents: BTreeMap<String, DocumentScores> = BTreeMap::new();
    for row in rows.filter(|row| row.preset == preset) {
        documents.entry(row.document.clone()).or_default().insert(row.id.clone(), row.score);
    }
    documents
}

fn cell(own: &BTreeMap<String, DocumentScores>, reference: Option<&BTreeMap<String, DocumentScores>>) -> Option<Cell> {
    let all: Vec<f64> = own.values().flat_map(BTreeMap::values).copied().collect();
    if all.is_empty() {
        return None;
    }
    let in_points = |d: Difference| Difference { mean: d.mean * 100.0, low: d.low * 100.0, high: d.high * 100.0 };
    Some(Cell {
        questions: all.len(),
        score: all.iter().sum::<f64>() / all.len() as f64 * 100.0,
        difference: reference.and_then(|reference| difference(own, reference)).map(in_points),
    })
}

fn cost(results: &Results, preset: &str) -> Option<Cost> {
    let rows: Vec<&ResultRow> = results.rows().filter(|row| row.preset == preset).collect();
    let documents = rows.iter().map(|row| &row.document).collect::<BTreeSet<_>>().len();
    let prompt: u64 = rows.iter().map(|row| u64::from(row.prompt_tokens)).sum();
    let cached: u64 = rows.iter().map(|row| u64::from(row.cached_tokens)).sum();
    (documents > 0).then(|| Cost {
        documents,
        prefill_s: rows.iter().map(|row| row.prefill_s).sum::<f64>() / documents as f64,
        cached_share: cached as f64 / prompt.max(1) as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, task: &str, preset: &str, score: f64) -> ResultRow {
        ResultRow {
            id: id.into(),
            document: id.into(),
            task: task.into(),
            preset: preset.into(),
            recipe: preset.into(),
            system_prompt: String::new(),
            cot: "off".into(),
            question: "q".into(),
            score,
            answer: String::new(),
            finish: "end".into(),
            prompt_tokens: 100,
            cached_tokens: 25,
            prefill_s: 2.0,
            decode_tok_s: 10.0,
        }
    }

    #[test]
    fn a_table_shows_scores_differences_and_costs() {
        let mut results = Results::new("model");
        for (id, task, full, quick) in [("a", "kv", 1.0, 0.0), ("b", "kv", 1.0, 1.0), ("c", "vt", 0.5, 0.5)] {
            results.insert(row(id, task, "full", full));
            results.insert(row(id, task, "quick", quick));
        }
        let table = Table::new(&results, &["full".into(), "quick".into(), "naive".into()]);
        insta::assert_snapshot!(table.to_markdown());
    }
}
