//! Prints every answer, so that a person can judge what the score says.
//!
//! ```text
//! What colour was the horse? (judge: horse)
//! - right  full: The horse was black.
//! - wrong  fastest: The horse was brown.
//! ```
//!
//! Scores nothing: that is [`super::score`].

use std::fmt::Write as _;

use super::records::Record;
use super::results::{ResultRow, Results};

/// The questions in their order, each with its answer under every preset.
pub(super) fn to_markdown(documents: &[Vec<Record>], results: &Results, presets: &[String]) -> String {
    let mut text = String::new();
    for record in documents.iter().flatten() {
        let _ = writeln!(text, "{} ({}: {})", record.question, record.task, record.id);
        for preset in presets {
            let of_it = |row: &&ResultRow| row.id == record.id && row.preset == *preset;
            results.rows().filter(of_it).for_each(|row| text += &line(row));
        }
        text.push('\n');
    }
    text
}

fn line(row: &ResultRow) -> String {
    let verdict = match row.score {
        score if score >= 1.0 => "right".to_owned(),
        score if score <= 0.0 => "wrong".to_owned(),
        score => format!("{:.0}%", score * 100.0),
    };
    let said: Vec<&str> = row.answer.split_whitespace().collect();
    format!("- {verdict}  {}: {}\n", row.preset, if said.is_empty() { "(nothing)".to_owned() } else { said.join(" ") })
}
