//! What a chat starts from: the documents, the model, and how it was asked for.
//!
//! Who starts for the first time has neither named a document nor a model on this machine: the chat opens on the bundled book, with as much of
//! it as is read in a minute, and offers the model.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::documents::{Opened, bundled_book};
use super::error::Error;
use super::model::offered;
use super::working_set::WorkingSet;
use crate::chat::within::{Allowance, Within};
use crate::chat::{Action, Asking, Chat, DocumentFacts, Effect, Input, Moment, Setup, update};
use crate::document::Document;
use crate::models::Resolved;
use crate::settings::{Documents, EngineSettings, Settings};

/// How long the first run may read, as the demo does.
const FIRST_RUN_WITHIN: Duration = Duration::from_secs(60);

/// The parts of `documents` that the flags name. `--pick` takes a model that is here: without one, all parts are in use.
pub fn working_set<'settings>(
    settings: &'settings Settings,
    documents: Opened,
    model: &Resolved,
) -> Result<WorkingSet<'settings>, Error> {
    let documents = if is_first_run(settings, model) { bundled_book(settings)? } else { documents };
    let mut files = WorkingSet::new(settings, documents)?;
    if let Resolved::Found(path) = model {
        files.retrieve(path)?;
    }
    Ok(files)
}

/// The chat's beginning about what is in use of the documents.
#[must_use]
pub fn setup(settings: &Settings, files: &WorkingSet<'_>, model: &Resolved) -> Setup {
    let document = files.document();
    let within = settings.within.or(is_first_run(settings, model).then_some(FIRST_RUN_WITHIN));
    Setup {
        document: facts(settings, files),
        within: within.filter(|_| !document.text.is_empty()).map(|time| allowed(settings, &document, time)),
        reading: settings.reading.clone(),
        asking: Asking {
            system: settings.system_prompt.as_deref().map(Arc::from),
            sampling: settings.sampling,
            limits: settings.limits.clone(),
        },
        now: Moment::from(SystemTime::now()),
        absent: match model {
            Resolved::Found(_) => None,
            Resolved::Missing(entry) => Some(offered(entry)),
        },
    }
}

/// Asks the questions that the program was started with; they wait until the document is read.
#[must_use]
pub fn ask_ahead(chat: &mut Chat, questions: &[String]) -> Vec<Effect> {
    let ask = |question: &String| update(chat, Duration::ZERO, Input::User(Action::Ask(question.clone())));
    questions.iter().flat_map(ask).collect()
}

fn is_first_run(settings: &Settings, model: &Resolved) -> bool {
    let nothing_named = matches!(&settings.documents, Documents::Named(names) if names.is_empty());
    nothing_named && matches!(model, Resolved::Missing(_))
}

fn facts(settings: &Settings, files: &WorkingSet<'_>) -> DocumentFacts {
    let pages = settings.pages.as_ref().map(|pages| format!("pages {pages}"));
    let by_flags = settings.parts.as_ref().map(|parts| format!("parts {parts}")).or(pages);
    let retrieved = files.retrieved();
    DocumentFacts {
        title: title(&settings.documents, &files.document()),
        part: retrieved.map(|retrieved| retrieved.in_short()).or(by_flags),
        text: files.text(),
        choice: retrieved.map(|retrieved| retrieved.in_words()),
    }
}

/// `book.txt`, `src/ and 2 more`.
fn title(documents: &Documents, document: &Document) -> String {
    let names: Vec<&str> = document.report.files.iter().map(|file| file.name.as_str()).collect();
    match (documents, &names[..]) {
        (Documents::BundledBook, _) => "Pride and Prejudice".to_owned(),
        (_, []) => String::new(),
        (Documents::Named(named), _) if named.is_empty() => "Pride and Prejudice".to_owned(),
        (_, [one]) => (*one).to_owned(),
        (_, [first, others @ ..]) => format!("{first} and {} more", others.len()),
    }
}

fn allowed(settings: &Settings, document: &Document, time: Duration) -> Within {
    let EngineSettings { context, reserve_tokens, .. } = settings.engine;
    Within {
        allowance: Allowance { time, context, reserve_tokens },
        ends: document.parts().iter().map(|part| part.span.end).collect(),
        selected: settings.parts.clone(),
    }
}
