//! Exports a conversation as markdown for reading or as JSON for further processing.
//!
//! Questions and answers are exported as their source text; all figures were measured. Markdown is read in terminals, so
//! characters that a terminal would obey become visible signs there.

use serde_json::{Value, json};

use super::attached::Attached;
use super::exchange::{Exchange, ExchangeState};
use super::state::{Chat, Model};
use super::transcript::Entry;
use crate::citations::Verdict;
use crate::harmless;

/// The shown transcript as markdown: a heading for each question, reasoning folded away in a `<details>`.
#[must_use]
pub fn as_markdown(chat: &Chat) -> String {
    let mut parts = vec![format!("# {}\n", chat.name.as_deref().unwrap_or(&chat.document.title))];
    parts.extend(chat.name.as_ref().map(|_| format!("{}\n", chat.document.title)));
    parts.extend(chat.document.part.as_ref().map(|part| format!("{part}\n")));
    let (number, all) = (chat.branches.shown() + 1, chat.branches.count());
    parts.extend((all > 1).then(|| format!("branch {number} of {all}\n")));
    for exchange in chat.exchanges() {
        parts.push(format!("## {}\n", exchange.question.trim().replace('\n', "\n\n")));
        let attached: Vec<&str> = exchange.attached.iter().map(|attached| &*attached.name).collect();
        parts.extend((!attached.is_empty()).then(|| format!("*refers to {}*\n", attached.join(", "))));
        let reasoning = Some(exchange.reasoning.text.trim()).filter(|text| !text.is_empty());
        parts.extend(reasoning.map(|text| format!("<details><summary>Reasoning</summary>\n\n{text}\n\n</details>\n")));
        let answer = Some(exchange.answer.trim()).filter(|text| !text.is_empty());
        parts.extend(answer.map(|text| format!("{text}\n")));
        parts.extend(told(exchange).map(|told| format!("*{told}*\n")));
    }
    harmless::text(&parts.join("\n")).into_owned()
}

/// The line below an answer: its preset, or why there is no answer.
fn told(exchange: &Exchange) -> Option<String> {
    match &exchange.state {
        ExchangeState::Failed(failure) => Some(failure.message.clone()),
        ExchangeState::Withdrawn | ExchangeState::Waiting => Some("not answered".to_owned()),
        _ => exchange.preset.as_ref().map(|preset| format!("preset {preset}")),
    }
}

/// The shown transcript as JSON: `{"document", "model", "branch", "turns": [{"question", "answer", "reasoning",
/// "preset", "figures", "citations"}]}`.
#[must_use]
pub fn as_json(chat: &Chat) -> String {
    let model = match &chat.model {
        Model::Ready { info, .. } => json!({ "name": info.name, "file": info.path }),
        _ => Value::Null,
    };
    let turns: Vec<Value> = chat.transcript.iter().filter_map(turn).collect();
    let document = json!({ "title": chat.document.title, "part": chat.document.part });
    let branch = json!({ "number": chat.branches.shown() + 1, "of": chat.branches.count() });
    let all = json!({ "document": document, "model": model, "branch": branch, "turns": turns });
    serde_json::to_string_pretty(&all).expect("strings and numbers can be written") + "\n"
}

fn turn(entry: &Entry) -> Option<Value> {
    let Entry::Exchange(exchange) = entry else { return None };
    let figures = exchange.figures.as_ref().map(|figures| {
        json!({
            "tokens": {
                "prompt": figures.tokens.prompt,
                "cached": figures.tokens.cached,
                "prefilled": figures.tokens.prefilled,
                "generated": figures.tokens.generated,
                "reasoning": figures.tokens.reasoning,
            },
            "first_token_s": figures.timings.first_token.as_secs_f64(),
            "decode_tokens_per_s": figures.timings.decode_tokens_per_s,
        })
    });
    Some(json!({
        "question": *exchange.question,
        "attached": exchange.attached.iter().map(attached).collect::<Vec<_>>(),
        "answer": exchange.answer,
        "reasoning": exchange.reasoning.text,
        "preset": exchange.preset.as_deref(),
        "state": state(&exchange.state),
        "figures": figures,
        "quotes": exchange.citations.iter().map(|citation| verdict(exchange, citation)).collect::<Vec<_>>(),
    }))
}

fn attached(attached: &Attached) -> Value {
    json!({ "name": *attached.name, "goes_along": attached.enclosed().is_some(), "tokens": attached.tokens })
}

fn state(state: &ExchangeState) -> String {
    match state {
        ExchangeState::Waiting => "waiting".to_owned(),
        ExchangeState::Running => "running".to_owned(),
        ExchangeState::Answered(finish) => format!("{finish:?}"),
        ExchangeState::Failed(failure) => format!("failed: {}", failure.message),
        ExchangeState::Withdrawn => "withdrawn".to_owned(),
    }
}

fn verdict(exchange: &Exchange, citation: &crate::citations::Citation) -> Value {
    let verdict = match citation.verdict {
        Verdict::Verified(_) => "verified",
        Verdict::Repaired { .. } => "repaired",
        Verdict::NotFound => "not found",
    };
    let bytes = citation.verdict.passage().map(|passage| [passage.start, passage.end]);
    json!({ "text": exchange.answer[citation.span.start..citation.span.end], "verdict": verdict, "document_bytes": bytes })
}

/// The code of the last fenced block of `answer`, as it was written.
#[must_use]
pub fn last_code_block(answer: &str) -> Option<String> {
    use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
    let (mut block, mut last) = (None, None);
    for event in Parser::new(answer) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => block = Some(String::new()),
            Event::Text(text) => block.iter_mut().for_each(|block| block.push_str(&text)),
            Event::End(TagEnd::CodeBlock) => last = block.take().or(last),
            _ => {}
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::fixtures::Session;

    fn talk() -> Chat {
        let mut session = Session::with_document_read("accurate");
        session.ask("Who is\nMr. Collins?");
        session.answer("A **clergyman**.");
        session.chat
    }

    #[test]
    fn markdown_has_questions_as_headings_and_answers_as_they_were_written() {
        let expected = "# Pride and Prejudice\n\nchapters 1-12 of 61\n\n## Who is\n\nMr. Collins?\n\nA **clergyman**.\n\n*preset accurate*\n";
        assert_eq!(as_markdown(&talk()), expected);
    }

    #[test]
    fn json_has_every_turn_with_its_figures() {
        let all: Value = serde_json::from_str(&as_json(&talk())).expect("JSON");
        assert_eq!(all["turns"][0]["answer"], "A **clergyman**.");
        assert_eq!(all["turns"][0]["figures"]["tokens"]["generated"], 40);
        assert_eq!(all["turns"][0]["state"], "EndOfGeneration");
    }

    #[test]
    fn code_is_taken_from_the_source_of_the_answer() {
        let answer = "One:\n```\na\n```\nTwo:\n```rust\nfn x() {\n    y();\n}\n```\n";
        assert_eq!(last_code_block(answer).as_deref(), Some("fn x() {\n    y();\n}\n"));
        assert_eq!(last_code_block("none"), None);
    }
}
