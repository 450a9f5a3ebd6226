//! Exports a conversation as markdown for reading or as JSON for further processing.
//!
//! Questions and answers are exported as their source text; all figures were measured. Both are read in terminals, so
//! characters that a terminal would obey become visible signs in markdown, and are escaped in JSON.
//!
//! The turns of the JSON are [`Record`]s, as `--json` prints them.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::code::open_fence;
use super::ending::endings;
use super::exchange::{AnsweringModel, Exchange, ExchangeState};
use super::record::{Record, SCHEMA};
use super::state::Chat;
use super::transcript::Entry;
use crate::citations::Citation;
use crate::harmless;

/// The shown transcript as markdown: a heading for each question, reasoning folded away in a `<details>`, and below each
/// answer its preset and where its quotes are.
#[must_use]
pub fn as_markdown(chat: &Chat) -> String {
    let mut parts = vec![format!("# {}\n", chat.name.as_deref().unwrap_or(&chat.document.title))];
    parts.extend(chat.name.as_ref().map(|_| format!("{}\n", chat.document.title)));
    parts.extend(chat.document.part.as_ref().map(|part| format!("{part}\n")));
    parts.push(format!("*{}*\n", origin(chat)));
    let (number, all) = (chat.branches.shown() + 1, chat.branches.count());
    parts.extend((all > 1).then(|| format!("branch {number} of {all}\n")));
    for exchange in chat.exchanges() {
        parts.push(heading(&exchange.question));
        let attached: Vec<&str> = exchange.attached.iter().map(|attached| &*attached.name).collect();
        parts.extend((!attached.is_empty()).then(|| format!("*refers to {}*\n", attached.join(", "))));
        let reasoning = Some(exchange.reasoning.text.trim()).filter(|text| !text.is_empty());
        parts.extend(reasoning.map(|text| format!("<details><summary>Reasoning</summary>\n\n{text}\n\n</details>\n")));
        let answer = Some(exchange.answer.trim()).filter(|text| !text.is_empty());
        parts.extend(answer.map(|text| format!("{}\n", with_closed_fence(text))));
        parts.extend(told(exchange).map(|told| format!("*{told}*\n")));
        parts.extend(verdicts(exchange));
    }
    harmless::text(&parts.join("\n")).into_owned()
}

/// `Qwen2.5-Coder-0.5B · 2026-11-30 09:41 UTC`: the model, and when the conversation began.
fn origin(chat: &Chat) -> String {
    let began = chat.started.strftime("%F %H:%M UTC");
    match model(chat) {
        Some(model) => format!("{} · {began}", harmless::line(&model.name)),
        None => began,
    }
}

/// The model in use; of a conversation that is not open, the one that answered last.
fn model(chat: &Chat) -> Option<Arc<AnsweringModel>> {
    chat.answering_model().or_else(|| chat.exchanges().filter_map(|exchange| exchange.model.clone()).last())
}

/// The first line of `question` as a heading. The others follow as text: a `#` in front of one makes no heading.
fn heading(question: &str) -> String {
    let mut lines = question.trim().lines();
    let first = lines.next().unwrap_or_default();
    let others = lines.map(|line| {
        if line.trim_start().starts_with('#') { format!("\\{}", line.trim_start()) } else { line.to_owned() }
    });
    others.fold(format!("## {first}\n"), |heading, line| format!("{heading}\n{line}\n"))
}

/// `answer` with an end for the code block that it stopped in, so that what follows is not part of it.
fn with_closed_fence(answer: &str) -> String {
    match open_fence(answer) {
        Some(fence) => format!("{answer}\n{fence}"),
        None => answer.to_owned(),
    }
}

/// The line below an answer: its preset and what is unusual about its end, or why there is no answer.
fn told(exchange: &Exchange) -> Option<String> {
    let preset = exchange.preset.as_ref().map(|preset| match &exchange.until {
        Some(until) => format!("preset {preset}, asked up to {}", until.words),
        None => format!("preset {preset}"),
    });
    match &exchange.state {
        ExchangeState::Failed(failure) => Some(failure.message.clone()),
        ExchangeState::Withdrawn | ExchangeState::Waiting => Some("not answered".to_owned()),
        ExchangeState::Answered(finish) => {
            let ends = endings(*finish, exchange).into_iter().map(str::to_owned);
            let told: Vec<String> = preset.into_iter().chain(ends).collect();
            Some(told.join(" · ")).filter(|told| !told.is_empty())
        }
        ExchangeState::Running => preset,
    }
}

/// Where the quotes of an answer are, as a list; `None` if it has none.
fn verdicts(exchange: &Exchange) -> Option<String> {
    let line = |citation: &Citation| format!("- {}\n", citation.in_words(&exchange.answer));
    Some(exchange.citations.iter().map(line).collect::<String>()).filter(|lines| !lines.is_empty())
}

/// The shown transcript as JSON: `{"schema", "document", "model", "began", "branch", "turns"}`. Each turn is a
/// [`Record`], with the fields that it had before records were the same everywhere.
#[must_use]
pub fn as_json(chat: &Chat) -> String {
    let model = model(chat).map(|model| json!({ "name": model.name, "file": model.file }));
    let turns: Vec<Turn<'_>> =
        chat.transcript.iter().filter_map(Entry::exchange).map(|it| Turn::of(chat, it)).collect();
    let all = json!({
        "schema": SCHEMA,
        "document": { "title": chat.document.title, "part": chat.document.part },
        "model": model,
        "began": chat.started.strftime("%FT%TZ"),
        "branch": { "number": chat.branches.shown() + 1, "of": chat.branches.count() },
        "turns": turns,
    });
    harmless::json(&serde_json::to_string_pretty(&all).expect("strings and numbers can be written")).into_owned() + "\n"
}

/// A turn of the conversation. The fields beside its record are aliases.
#[derive(Debug, Serialize)]
struct Turn<'a> {
    #[serde(flatten)]
    record: Record<'a>,
    /// `finish` in other words.
    state: String,
    /// Some of `tokens` and `timings`.
    figures: Option<Value>,
    /// `citations`, with spans of the document's text.
    quotes: Vec<Value>,
}

impl<'a> Turn<'a> {
    fn of(chat: &'a Chat, exchange: &'a Exchange) -> Self {
        let mut record = Record::of(chat, exchange);
        record.documents = vec![chat.document.title.clone()];
        let quotes = exchange.citations.iter().map(|citation| quote(exchange, citation)).collect();
        Self { record, state: state(&exchange.state), figures: figures(exchange), quotes }
    }
}

fn figures(exchange: &Exchange) -> Option<Value> {
    let figures = exchange.figures.as_ref()?;
    let known = figures.tokens.known();
    Some(json!({
        "tokens": {
            "prompt": known.prompt,
            "cached": known.cached,
            "prefilled": figures.tokens.known_prefilled(),
            "generated": known.generated,
            "reasoning": known.reasoning,
        },
        "first_token_s": figures.timings.first_token.as_secs_f64(),
        "decode_tokens_per_s": figures.timings.decode_tokens_per_s,
    }))
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

fn quote(exchange: &Exchange, citation: &Citation) -> Value {
    let bytes = citation.verdict.passage().map(|passage| [passage.start, passage.end]);
    let text = &exchange.answer[citation.span.start..citation.span.end];
    json!({ "text": text, "verdict": citation.verdict.name().replace('_', " "), "document_bytes": bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Input;
    use crate::chat::described::objections;
    use crate::chat::fixtures::Session;
    use crate::citations;

    fn talk() -> Chat {
        let mut session = Session::with_document_read("accurate");
        session.ask("Who is\nMr. Collins?");
        session.answer("A **clergyman**.");
        session.chat
    }

    #[test]
    fn markdown_has_questions_as_headings_and_answers_as_they_were_written() {
        let expected = "# Pride and Prejudice\n\nchapters 1-12 of 61\n\n*Qwen2.5-Coder-0.5B · 1970-01-01 00:00 UTC*\n\n\
            ## Who is\n\nMr. Collins?\n\nA **clergyman**.\n\n*preset accurate*\n";
        assert_eq!(as_markdown(&talk()), expected);
    }

    #[test]
    fn json_has_every_turn_with_its_figures() {
        let all: Value = serde_json::from_str(&as_json(&talk())).expect("JSON");
        assert_eq!(all["turns"][0]["answer"], "A **clergyman**.");
        assert_eq!(all["turns"][0]["figures"]["tokens"]["generated"], 40);
        assert_eq!((&all["schema"], &all["turns"][0]["question"]), (&1.into(), &"Who is\nMr. Collins?".into()));
        assert_eq!(all["turns"][0]["tokens"]["generated"], 40);
        assert_eq!((&all["turns"][0]["finish"], &all["turns"][0]["state"]), (&"end".into(), &"EndOfGeneration".into()));
    }

    #[test]
    fn a_question_s_later_lines_are_no_headings_and_quotes_have_their_places() {
        let mut session = Session::with_document_read("accurate");
        session.ask("Is this so?\n# It begins");
        let answer = "\"a truth universally acknowledged\" and \"men should marry for love\"";
        session.answer(answer);
        let citations = citations::check(answer, &citations::Index::new(&session.chat.document.text), &[]);
        session.input(Input::Checked { entry: 0, answer: answer.into(), citations });
        let markdown = as_markdown(&session.chat);
        assert!(markdown.contains("## Is this so?\n\n\\# It begins\n"), "{markdown}");
        let verdicts = "- quoted from the document: \"a truth universally acknowledged\"\n\
                        - not in the document: \"men should marry for love\"\n";
        assert!(markdown.ends_with(verdicts), "{markdown}");
        let all: Value = serde_json::from_str(&as_json(&session.chat)).expect("JSON");
        assert_eq!(objections("conversation", &all), [""; 0]);
        let verdicts: Vec<&Value> = (0..2).map(|at| &all["turns"][0]["citations"][at]["verdict"]).collect();
        assert_eq!(verdicts, ["verified", "not_found"]);
    }
}
