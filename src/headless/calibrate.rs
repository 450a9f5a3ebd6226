//! `lunette calibrate`: finds the attention heads of a model that point at passages, and prints them.

use serde::Serialize;

use super::Reporter;
use crate::chat::record::rounded;
use crate::engine::message::Pointing;
use crate::exit::ExitError;
use crate::session::EngineClient;
use crate::session::calibrating::{Calibrated, calibrate as find};

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Found {
    questions: usize,
    heads: Vec<HeadRecord>,
}

/// A head, the share of the facts that it found, and that of its attention on them.
#[derive(Debug, Serialize)]
struct HeadRecord {
    layer: u32,
    head: u32,
    found: f64,
    share: f64,
}

/// Calibrates the model of `client`. The result is kept for later runs.
pub async fn calibrate(mut client: EngineClient, json: bool, reporter: &mut Reporter<'_>) -> Result<(), ExitError> {
    let found = find(&mut client, reporter).await?;
    if json {
        return Ok(reporter.object(&record(&found))?);
    }
    Ok(reporter.data(&in_words(&found))?)
}

fn record(found: &Calibrated) -> Found {
    let record = |pointing: &Pointing| HeadRecord {
        layer: pointing.head.layer,
        head: pointing.head.head,
        found: rounded(pointing.found.into()),
        share: rounded(pointing.share.into()),
    };
    Found { questions: found.questions, heads: found.heads.iter().map(record).collect() }
}

/// A line for each head, and what it is good for.
fn in_words(found: &Calibrated) -> String {
    if found.heads.is_empty() {
        let text = "no head of this model points at the facts that it is asked about";
        return format!("{text}: the words of a question will choose the passages to read again\n");
    }
    let line = |pointing: &Pointing| {
        let (layer, head) = (pointing.head.layer, pointing.head.head);
        let (found, share) = (pointing.found * 100.0, pointing.share * 100.0);
        format!("layer {layer:>3}  head {head:>3}  found {found:>3.0}%  attention {share:>3.0}%\n")
    };
    let heads: String = found.heads.iter().map(line).collect();
    format!("{heads}These heads look at the fact that a question is about, of {} facts.\n", found.questions)
}
