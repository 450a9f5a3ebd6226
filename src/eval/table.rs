//! Makes tables of results: one row per task and length, one column per preset, each with its difference to full attention.
//!
//! `81 (−5 [−9..−1])`: 81% of the gold strings, 5 points below full attention on the same questions, 95% interval −9 to
//! −1. `.310 (+.053 [+.011..+.094])`: the right answers have .31 nats a token, .053 more than under full attention.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use super::results::{Reading, ResultRow, Results};
use super::score::{Difference, DocumentScores, difference};

/// The preset that the others are compared with.
pub const REFERENCE: &str = "full";

/// One preset on one task, or on several.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    pub questions: usize,
    pub documents: usize,
    /// 0 to 100.
    pub score: f64,
    /// In points; `None` for the reference itself, or if the reference was not measured.
    pub difference: Option<Difference>,
    /// Of the right answers, per token; `None` if none was weighed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nats: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nats_difference: Option<Difference>,
    /// Of the questions with passages, how many had the right answers in them, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<f64>,
}

/// What a preset cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    pub documents: usize,
    /// Seconds to read a document, as if nothing of it had been there; `None` if most of each was.
    pub reading_s: Option<f64>,
    /// Seconds to read a question, and what is read again before it.
    pub question_s: f64,
    /// Share of the documents' tokens that were there from another preset.
    pub cached_share: f64,
}

/// Everything that the tables show.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    pub presets: Vec<String>,
    /// By length and task, as `32k needles`, then preset; `32k all` covers all tasks of a length, `all` everything.
    pub cells: BTreeMap<String, BTreeMap<String, Cell>>,
    /// By length, then preset.
    pub costs: BTreeMap<String, BTreeMap<String, Cost>>,
    /// The keys of `cells`, in the order of the rows.
    #[serde(skip)]
    rows: Vec<String>,
}

/// Covers all tasks.
pub(super) const ALL: &str = "all";

/// A figure of a cost, as text.
type CostFigure = fn(&Cost) -> Option<String>;

/// Rows of a length, or of a task of it. Empty: of any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Group<'a> {
    length: &'a str,
    task: &'a str,
}

impl Group<'_> {
    fn has(&self, row: &ResultRow) -> bool {
        (self.length.is_empty() || row.length == self.length) && (self.task.is_empty() || row.task == self.task)
    }

    fn label(&self) -> String {
        let task = if self.task.is_empty() { ALL } else { self.task };
        if self.length.is_empty() { task.to_owned() } else { format!("{} {task}", self.length) }
    }
}

/// The groups of `results`: of each length its tasks and all of them, and at last everything.
fn groups(results: &Results) -> Vec<Group<'_>> {
    let pairs: BTreeSet<(&str, &str)> = results.rows().map(|row| (row.length.as_str(), row.task.as_str())).collect();
    let mut lengths: Vec<&str> = pairs.iter().map(|(length, _)| *length).collect();
    lengths.dedup();
    // 8k comes before 16k.
    lengths.sort_by_key(|length| (length.len(), *length));
    let mut groups: Vec<Group<'_>> = Vec::new();
    for &length in &lengths {
        groups.extend(pairs.iter().filter(|pair| pair.0 == length).map(|&(length, task)| Group { length, task }));
        groups.extend((!length.is_empty()).then_some(Group { length, task: "" }));
    }
    if lengths.len() != 1 || lengths == [""] {
        groups.push(Group { length: "", task: "" });
    }
    groups
}

impl Table {
    /// Tabulates `results` for `presets`, in their order.
    #[must_use]
    pub fn new(results: &Results, presets: &[String]) -> Self {
        let groups = groups(results);
        let cells = groups.iter().map(|group| {
            let of_preset = |preset: &String| Some((preset.clone(), cell(results, *group, preset)?));
            (group.label(), presets.iter().filter_map(of_preset).collect())
        });
        let lengths: BTreeSet<&str> = results.rows().map(|row| row.length.as_str()).collect();
        let costs = lengths.iter().map(|length| {
            let of_preset = |preset: &String| Some((preset.clone(), cost(results, length, preset)?));
            ((*length).to_owned(), presets.iter().filter_map(of_preset).collect())
        });
        let rows = groups.iter().map(Group::label).collect();
        Self { presets: presets.to_vec(), cells: cells.collect(), costs: costs.collect(), rows }
    }

    /// The tables as markdown: scores and costs, and nats if there are any.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = self.heading("task");
        self.cells_as_rows(&mut text, |cell| Some(show_score(cell)));
        self.write_half_widths(&mut text);
        self.write_costs(&mut text);
        if self.cells.values().flat_map(BTreeMap::values).any(|cell| cell.nats.is_some()) {
            text += "\n";
            text += &self.heading("nats per token");
            self.cells_as_rows(&mut text, |cell| cell.nats.map(|nats| show_nats(nats, cell.nats_difference.as_ref())));
        }
        if self.cells.values().flat_map(BTreeMap::values).any(|cell| cell.found.is_some()) {
            text += "\n";
            text += &self.heading("right answer among the passages");
            self.cells_as_rows(&mut text, |cell| cell.found.map(|found| format!("{found:.0}%")));
        }
        text
    }

    fn heading(&self, title: &str) -> String {
        format!("| {title} | n | {} |\n|---|---|{}\n", self.presets.join(" | "), "---|".repeat(self.presets.len()))
    }

    fn cells_as_rows(&self, text: &mut String, show: impl Fn(&Cell) -> Option<String>) {
        for row in &self.rows {
            let cells = &self.cells[row];
            let questions = cells.values().map(|cell| cell.questions).max().unwrap_or(0);
            self.write_row(text, row, &questions.to_string(), |preset| cells.get(preset).and_then(&show));
        }
    }

    fn write_half_widths(&self, text: &mut String) {
        let half_width = |cell: &Cell| Some(format!("±{:.0}", cell.difference?.half_width()));
        for row in self.rows.iter().filter(|row| row.ends_with(ALL)) {
            let cells = &self.cells[row];
            if cells.values().any(|cell| cell.difference.is_some()) {
                let label = format!("{row}: half of the interval");
                self.write_row(text, &label, "", |preset| cells.get(preset).and_then(half_width));
            }
        }
    }

    fn write_costs(&self, text: &mut String) {
        let mut of_lengths: Vec<_> = self.costs.iter().collect();
        of_lengths.sort_by_key(|(length, _)| (length.len(), *length));
        for (length, costs) in of_lengths {
            let figures: [(&str, CostFigure); 3] = [
                ("reading, s a document", |cost| cost.reading_s.map(|seconds| format!("{seconds:.2}"))),
                ("question, s", |cost| Some(format!("{:.2}", cost.question_s))),
                ("document's tokens reused", |cost| Some(format!("{:.0}%", cost.cached_share * 100.0))),
            ];
            for (name, figure) in figures {
                let label = if length.is_empty() { name.to_owned() } else { format!("{length}: {name}") };
                self.write_row(text, &label, "", |preset| costs.get(preset).and_then(figure));
            }
        }
    }

    fn write_row(&self, text: &mut String, label: &str, count: &str, shown: impl Fn(&str) -> Option<String>) {
        let shown = self.presets.iter().map(|preset| shown(preset).unwrap_or_else(|| "–".to_owned()));
        let _ = writeln!(text, "| {label} | {count} | {} |", shown.collect::<Vec<_>>().join(" | "));
    }
}

/// A true minus sign, and no "−0".
fn signed(value: f64) -> String {
    match value.round() {
        0.0 => "0".to_owned(),
        rounded if rounded < 0.0 => format!("−{}", -rounded),
        rounded => format!("+{rounded}"),
    }
}

fn show_score(cell: &Cell) -> String {
    match &cell.difference {
        None => format!("{:.0}", cell.score),
        Some(Difference { mean, low, high }) => {
            format!("{:.0} ({} [{}..{}])", cell.score, signed(*mean), signed(*low), signed(*high))
        }
    }
}

/// Three digits, without the 0 before them.
fn thousandths(value: f64) -> String {
    format!("{value:.3}").replacen("0.", ".", usize::from(value.abs() < 1.0)).replace('-', "−")
}

fn show_nats(nats: f64, difference: Option<&Difference>) -> String {
    let signed = |value: f64| if value < 0.0 { thousandths(value) } else { format!("+{}", thousandths(value)) };
    match difference {
        None => thousandths(nats),
        Some(Difference { mean, low, high }) => {
            format!("{} ({} [{}..{}])", thousandths(nats), signed(*mean), signed(*low), signed(*high))
        }
    }
}

/// The values of a preset's answers, by document and record.
fn values(
    results: &Results,
    group: Group<'_>,
    preset: &str,
    value: impl Fn(&ResultRow) -> Option<f64>,
) -> BTreeMap<String, DocumentScores> {
    let mut documents: BTreeMap<String, DocumentScores> = BTreeMap::new();
    for row in results.rows().filter(|row| row.preset == preset && group.has(row)) {
        if let Some(value) = value(row) {
            documents.entry(row.document.clone()).or_default().insert(row.id.clone(), value);
        }
    }
    documents
}

fn mean(values: &BTreeMap<String, DocumentScores>) -> Option<f64> {
    let all: Vec<f64> = values.values().flat_map(BTreeMap::values).copied().collect();
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
}

fn cell(results: &Results, group: Group<'_>, preset: &str) -> Option<Cell> {
    let of = |preset: &str, value: fn(&ResultRow) -> Option<f64>| values(results, group, preset, value);
    let compared = |value: fn(&ResultRow) -> Option<f64>| {
        (preset != REFERENCE).then(|| difference(&of(preset, value), &of(REFERENCE, value))).flatten()
    };
    let score: fn(&ResultRow) -> Option<f64> = |row| Some(row.score);
    let nats: fn(&ResultRow) -> Option<f64> = |row| row.nats;
    let own = of(preset, score);
    Some(Cell {
        questions: own.values().map(BTreeMap::len).sum(),
        documents: own.len(),
        score: mean(&own)? * 100.0,
        difference: compared(score).map(|difference| difference.times(100.0)),
        nats: mean(&of(preset, nats)),
        nats_difference: compared(nats),
        found: mean(&of(preset, |row| row.reread.as_ref().map(|reread| reread.has_answers))).map(|found| found * 100.0),
    })
}

fn cost(results: &Results, length: &str, preset: &str) -> Option<Cost> {
    let rows: Vec<&ResultRow> = results.rows().filter(|row| row.preset == preset && row.length == length).collect();
    let readings: BTreeMap<&String, Reading> =
        rows.iter().filter_map(|row| Some((&row.document, row.reading?))).collect();
    let whole: Vec<f64> = readings.values().filter_map(Reading::whole_s).collect();
    let tokens = |of: fn(&Reading) -> u32| readings.values().map(|reading| f64::from(of(reading))).sum::<f64>();
    (!rows.is_empty()).then(|| Cost {
        documents: readings.len(),
        reading_s: (!whole.is_empty()).then(|| whole.iter().sum::<f64>() / whole.len() as f64),
        question_s: rows.iter().map(|row| row.prefill_s).sum::<f64>() / rows.len() as f64,
        cached_share: tokens(|reading| reading.cached_tokens) / tokens(|reading| reading.tokens).max(1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::results::fixtures::row;

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

    #[test]
    fn lengths_have_rows_of_their_own_and_right_answers_nats() {
        let mut results = Results::new("model");
        for (id, length) in [("a", "8k"), ("b", "16k"), ("c", "16k")] {
            for (preset, nats) in [("full", 0.25), ("quick", 1.5)] {
                let row = row(id, "kv", preset, 1.0);
                results.insert(ResultRow { length: length.into(), nats: Some(nats), ..row });
            }
        }
        let table = Table::new(&results, &["full".into(), "quick".into()]);
        insta::assert_snapshot!(table.to_markdown());
    }

    #[test]
    fn thousandths_have_true_signs() {
        assert_eq!([0.25, -0.0514, 1.5, -2.0].map(thousandths), [".250", "−.051", "1.500", "−2.000"]);
    }
}
