//! `lunette sessions`: lists, prints, searches and changes saved conversations.
//!
//! ```text
//! $ lunette sessions ls
//!    12  today        3 questions  pride-and-prejudice.txt
//!     9  5 days ago   1 question   review (src/ · 22 files)
//! ```

use std::io;
use std::path::Path;

use serde::Serialize;

use super::Reporter;
use crate::chat::export;
use crate::exit::{Exit, ExitError};
use crate::failure::{Failure, FailureKind};
use crate::harmless;
use crate::session::Recorder;
use crate::session::earlier::{Error, Found, ago, called, found, listed, now_s, saved_chat};
use crate::settings::{SessionsCommand, Settings};
use crate::store::file::write_new;

/// A conversation in a list.
#[derive(Debug, Serialize)]
struct Row<'a> {
    number: i64,
    name: Option<&'a str>,
    /// The document's.
    title: &'a str,
    part: Option<&'a str>,
    /// Paths from the root on, and addresses.
    documents: &'a [String],
    questions: usize,
    last_question: &'a str,
    model: Option<&'a str>,
    preset: Option<&'a str>,
    /// Seconds since 1970 (UTC).
    began_s: i64,
    used_s: i64,
}

/// A text that was found.
#[derive(Debug, Serialize)]
struct HitRow<'a> {
    session: i64,
    called: &'a str,
    /// Both from 1.
    branch: usize,
    turn: usize,
    /// `question`, `answer` or `thoughts`.
    place: &'static str,
    question: &'a str,
    words: &'a str,
}

/// Does what `command` says.
pub fn sessions(
    settings: &Settings,
    command: &SessionsCommand,
    reporter: &mut Reporter<'_>,
) -> Result<Exit, ExitError> {
    let (mut recorder, told) = Recorder::open(settings);
    match (told, recorder.is_on()) {
        (Some(failure), false) => return Err(Error::NothingKept(failure).into()),
        (Some(failure), true) => reporter.note(&failure.message),
        (None, _) => {}
    }
    match command {
        SessionsCommand::Ls { json } => list(&mut recorder, *json, reporter)?,
        SessionsCommand::Show { session, json } => show(settings, &mut recorder, session, *json, reporter)?,
        SessionsCommand::Export { session, file } => export_to(settings, &mut recorder, session, file, reporter)?,
        SessionsCommand::Search { text, json } => search(&mut recorder, &text.join(" "), *json, reporter)?,
        SessionsCommand::Rename { session, name } => rename(&mut recorder, session, name.as_deref(), reporter)?,
        SessionsCommand::Fork { session, name } => fork(&mut recorder, session, name.as_deref(), reporter)?,
        SessionsCommand::Rm { sessions } => remove(&mut recorder, sessions, reporter)?,
    }
    Ok(Exit::Ok)
}

fn list(recorder: &mut Recorder, json: bool, reporter: &mut Reporter<'_>) -> Result<(), ExitError> {
    let all = listed(recorder)?;
    if all.is_empty() && !json {
        reporter.note("no conversation is saved yet");
    }
    for session in &all {
        let head = &session.head;
        let row = Row {
            number: session.id,
            name: head.name.as_deref(),
            title: &head.title,
            part: head.part.as_deref(),
            documents: &session.documents.names,
            questions: session.questions,
            last_question: &session.last_question,
            model: head.model.as_deref(),
            preset: head.preset.as_deref(),
            began_s: session.began_s,
            used_s: session.used_s,
        };
        if json { reporter.object(&row)? } else { reporter.data(&line(&row))? }
    }
    Ok(())
}

fn line(row: &Row<'_>) -> String {
    let title = match row.title {
        "" => "no document",
        title => title,
    };
    let what = row.name.map_or_else(|| title.to_owned(), |name| format!("{name} ({title})"));
    let noun = if row.questions == 1 { "question " } else { "questions" };
    let when = ago(row.used_s, now_s());
    format!("{:>6}  {when:<12} {:>3} {noun}  {}\n", row.number, row.questions, harmless::line(&what))
}

fn show(
    settings: &Settings,
    recorder: &mut Recorder,
    session: &str,
    json: bool,
    reporter: &mut Reporter<'_>,
) -> Result<(), ExitError> {
    let chat = saved_chat(settings, recorder, session)?;
    let text = if json { export::as_json(&chat) } else { export::as_markdown(&chat) };
    Ok(reporter.data(&text)?)
}

fn export_to(
    settings: &Settings,
    recorder: &mut Recorder,
    session: &str,
    file: &Path,
    reporter: &mut Reporter<'_>,
) -> Result<(), ExitError> {
    let chat = saved_chat(settings, recorder, session)?;
    let is_json = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let text = if is_json { export::as_json(&chat) } else { export::as_markdown(&chat) };
    write_new(file, &text).map_err(|error| not_written(file, &error))?;
    reporter.note(&format!("written to {}", file.display()));
    Ok(())
}

fn not_written(file: &Path, error: &io::Error) -> Failure {
    let hint = (error.kind() == io::ErrorKind::AlreadyExists).then(|| "choose another name".to_owned());
    Failure::new(FailureKind::Usage, format!("cannot write {}: {error}", file.display()), hint)
}

fn search(recorder: &mut Recorder, query: &str, json: bool, reporter: &mut Reporter<'_>) -> Result<(), ExitError> {
    let hits = found(recorder, query)?;
    if hits.is_empty() && !json {
        reporter.note(&format!("nothing is found of {}", harmless::line(query)));
    }
    for hit in &hits {
        let Found { session, called, branch, position, question, place, words } = hit;
        if json {
            let (branch, turn, place) = (branch + 1, position + 1, place.name());
            reporter.object(&HitRow { session: *session, called, branch, turn, place, question, words })?;
        } else {
            let of = if place.name() == "question" {
                String::new()
            } else {
                format!(" of “{}”", harmless::line(question))
            };
            let words = harmless::line(words);
            reporter.data(&format!("{session:>6}  {}: {}{of}: {words}\n", harmless::line(called), place.name()))?;
        }
    }
    Ok(())
}

fn rename(
    recorder: &mut Recorder,
    session: &str,
    name: Option<&str>,
    reporter: &mut Reporter<'_>,
) -> Result<(), ExitError> {
    let name = name.map(str::trim).filter(|name| !name.is_empty());
    let session = called(recorder, session)?;
    recorder.rename(session.id, name).map_err(Error::from)?;
    reporter.note(&match name {
        Some(name) => format!("{} is called {}", session.id, harmless::line(name)),
        None => format!("{} has no name", session.id),
    });
    Ok(())
}

fn fork(
    recorder: &mut Recorder,
    session: &str,
    name: Option<&str>,
    reporter: &mut Reporter<'_>,
) -> Result<(), ExitError> {
    let session = called(recorder, session)?;
    let copy = recorder.fork(session.id, name).map_err(Error::from)?;
    reporter.note(&format!("{copy} is a copy of {}", session.id));
    Ok(())
}

/// All of them, or none: a name that is misspelt removes nothing.
fn remove(recorder: &mut Recorder, sessions: &[String], reporter: &mut Reporter<'_>) -> Result<(), ExitError> {
    let found = sessions.iter().map(|session| called(recorder, session)).collect::<Result<Vec<_>, _>>()?;
    for session in found {
        recorder.remove(session.id).map_err(Error::from)?;
        reporter.note(&format!("removed {} ({})", session.id, harmless::line(&session.head.title)));
    }
    Ok(())
}
