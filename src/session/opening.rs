//! Makes the setup of a chat from settings, documents and model.
//!
//! On a first run (no document is named and the model is missing) the chat opens the bundled book, reads as much of it
//! as it can in a minute, and offers to fetch the model.

use std::time::{Duration, SystemTime};

use super::documents::{Opened, bundled_book};
use super::error::Error;
use super::kept::Kept;
use super::model::offered;
use super::references;
use super::setup::setup_about;
use super::suggestions::{read_within, suggested};
use super::working_set::WorkingSet;
use crate::chat::within::{Allowance, Within};
use crate::chat::{
    Action, Chat, DocumentFacts, Effect, Input, Moment, OpenedDocument, Setup, Source, Suggestions, update,
};
use crate::document::Document;
use crate::engine::config::EngineSettings;
use crate::fit::retrieval::RetrievedParts;
use crate::models::{Entry, ModelRef, Resolved};
use crate::settings::{Documents, Settings};

/// How long a first run may prefill, as in the demo.
const FIRST_RUN_WITHIN: Duration = Duration::from_mins(1);

/// The parts of `documents` that the flags select. Without a model on this machine `--pick` can't count tokens and is
/// left out.
pub fn working_set<'settings>(
    settings: &'settings Settings,
    documents: Opened,
    model: &Resolved,
    kept: &Kept,
) -> Result<WorkingSet<'settings>, Error> {
    let documents = if is_first_run(settings, model) { bundled_book(settings)? } else { documents };
    let mut files = kept.working_set(settings, documents)?;
    if let Resolved::Found(path) = model {
        files.retrieve(path)?;
    }
    Ok(files)
}

/// The setup of a chat about the parts in use.
#[must_use]
pub fn setup(settings: &Settings, files: &WorkingSet<'_>, model: &Resolved) -> Setup {
    let document = files.document();
    let within = settings.within.or(is_first_run(settings, model).then_some(FIRST_RUN_WITHIN));
    let absent = match model {
        Resolved::Found(_) => None,
        Resolved::Missing(entry) => Some(offered(entry, settings.places.machine)),
    };
    let suggestions = match (&settings.model, model) {
        (ModelRef::Default, Resolved::Missing(entry)) => suggestions(settings, &document, entry, within),
        _ => Suggestions::default(),
    };
    let within = within.filter(|_| !document.text.is_empty()).map(|time| allowed(settings, &document, time));
    let now = Moment::from(SystemTime::now());
    Setup { within, absent, suggestions, ..setup_about(settings, facts(settings, files), now) }
}

/// Asks the questions of the command line, with the parts and files that they name. They wait until the document is
/// prefilled.
#[must_use]
pub fn ask_ahead(chat: &mut Chat, whole: &Document, questions: &[String]) -> Vec<Effect> {
    let mut effects = Vec::new();
    for question in questions {
        for action in references::attach_all(chat, whole, question).into_iter().chain([Action::Ask(question.clone())]) {
            effects.extend(update(chat, Duration::ZERO, Input::User(action)));
        }
    }
    effects
}

/// What suits this machine and `document`, or as much of it as the model that is `offered` reads in time.
fn suggestions(settings: &Settings, document: &Document, offered: &Entry, within: Option<Duration>) -> Suggestions {
    let whole = document.text.len();
    suggested(settings, within.map_or(whole, |time| read_within(settings, whole, offered, time)))
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
        title: files.title(),
        part: retrieved.map(RetrievedParts::in_short).or(by_flags),
        text: files.text(),
        choice: retrieved.map(RetrievedParts::in_words),
    }
}

/// What a chat needs to know about a document that was opened during the session. The demo is limited in time.
#[must_use]
pub fn opened(settings: &Settings, files: &WorkingSet<'_>) -> OpenedDocument {
    let document = files.document();
    let facts = DocumentFacts { title: files.title(), part: None, text: files.text(), choice: None };
    let is_limited = *files.source() == Source::Demo;
    let within = is_limited.then(|| Within { selected: None, ..allowed(settings, &document, FIRST_RUN_WITHIN) });
    OpenedDocument { facts, within, restored: None }
}

fn allowed(settings: &Settings, document: &Document, time: Duration) -> Within {
    let EngineSettings { context, reserve_tokens, .. } = settings.engine;
    Within {
        allowance: Allowance { time, context, reserve_tokens },
        ends: document.parts().iter().map(|part| part.span.end).collect(),
        selected: settings.parts.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;
    use crate::chat::{ExchangeState, Offered};
    use crate::models::{Catalogue, Machine};
    use crate::session::documents;
    use crate::session::fixtures::{Recorder, chapters, settings, write};
    use crate::session::retriever::Retriever;

    fn missing() -> Resolved {
        Resolved::Missing(Box::new(Catalogue::bundled().default_for(Machine::default()).clone()))
    }

    /// A model whose file is not opened, as long as nothing is to be picked.
    fn found() -> Resolved {
        Resolved::Found(PathBuf::from("model.gguf"))
    }

    /// A folder with a book of six chapters and another of one, and the settings of `line`, where `BOOK` and `OTHER`
    /// are their paths.
    fn scene(line: &[&str]) -> (TempDir, Settings) {
        let folder = tempfile::tempdir().expect("a folder");
        let book = write(folder.path(), "book.md", &chapters(6), 1_000).to_string_lossy().into_owned();
        let other = write(folder.path(), "other.md", &chapters(1), 1_000).to_string_lossy().into_owned();
        let named = |word: &&str| match *word {
            "BOOK" => book.clone(),
            "OTHER" => other.clone(),
            word => word.to_owned(),
        };
        let line: Vec<String> = line.iter().map(named).collect();
        let settings = settings(folder.path(), &line.iter().map(String::as_str).collect::<Vec<_>>());
        (folder, settings)
    }

    fn files<'a>(settings: &'a Settings, model: &Resolved) -> WorkingSet<'a> {
        let documents = documents::open(settings, &mut io::empty(), &mut Recorder::default()).expect("text");
        working_set(settings, documents, model, &Kept::nothing()).expect("parts")
    }

    fn setup_of(line: &[&str], model: &Resolved) -> Setup {
        let (_folder, settings) = scene(line);
        setup(&settings, &files(&settings, model), model)
    }

    #[test]
    fn a_first_run_opens_the_book_for_a_minute_and_offers_the_model() {
        let setup = setup_of(&[], &missing());
        let within = setup.within.expect("a minute");
        assert_eq!((setup.document.title.as_str(), within.ends.len()), ("Pride and Prejudice", 61));
        assert_eq!(within.allowance.time, Duration::from_mins(1));
        assert_eq!(setup.absent.map(|offered: Offered| offered.bytes), Some(1_117_320_768));
    }

    #[test]
    fn a_model_without_documents_gives_an_empty_chat() {
        let setup = setup_of(&["--within", "10s"], &found());
        let nothing = DocumentFacts { title: String::new(), part: None, text: "".into(), choice: None };
        assert_eq!((setup.document, setup.within, setup.absent), (nothing, None, None));
    }

    #[test]
    fn a_named_document_is_used_whole_while_the_model_is_missing() {
        let setup = setup_of(&["BOOK"], &missing());
        assert_eq!((setup.within, setup.absent.is_some()), (None, true));
        assert!(setup.document.title.ends_with("/book.md") && setup.document.text.contains("Text 6."));
    }

    #[test]
    fn title_part_and_limits_come_from_the_flags() {
        let setup = setup_of(&["--parts", "2-4", "--within", "10s", "-c", "8k", "BOOK", "OTHER"], &found());
        // The other document has part 7 only.
        assert!(setup.document.title.ends_with("/book.md"), "{}", setup.document.title);
        assert_eq!(setup.document.part.as_deref(), Some("parts 2-4"));
        let within = setup.within.expect("ten seconds");
        assert_eq!((within.ends.len(), within.selected.as_deref()), (3, Some("2-4")));
        assert_eq!(within.ends.last(), Some(&setup.document.text.len()));
        assert_eq!(within.allowance.context.limit(32_768), 8_192);
    }

    #[test]
    fn retrieved_parts_are_listed_with_their_titles() {
        let (_folder, settings) = scene(&["--pick", "20", "-p", "Text 4?", "BOOK"]);
        let mut files = files(&settings, &missing());
        assert_eq!(files.parts().len(), 6, "without a model nothing can be counted");
        let words = |texts: &[&str]| texts.iter().map(|text| text.split_whitespace().count() as u32 * 4).collect();
        files.retrieve_with(Retriever::counting_by(&settings, Box::new(words))).expect("a chapter");
        let DocumentFacts { part, choice, .. } = setup(&settings, &files, &missing()).document;
        let told = "selected 1 of 6 parts, 20 tokens: Chapter 4 (4)";
        assert_eq!((part.as_deref(), choice.as_deref()), (Some("1 of 6 parts"), Some(told)));
    }

    #[test]
    fn questions_asked_ahead_wait_for_the_document_with_what_they_refer_to() {
        let (_folder, settings) = scene(&["-p", "Who?", "-p", "Is @\"Chapter 2\" like @notes.txt?", "BOOK"]);
        let files = files(&settings, &found());
        let mut chat = Chat::new(setup(&settings, &files, &found()));
        let effects = ask_ahead(&mut chat, &files.whole(), &settings.questions);
        assert_eq!(effects, [Effect::ReadFile("notes.txt".into())]);
        let asked: Vec<_> = chat.exchanges().map(|exchange| (exchange.attached.len(), &exchange.state)).collect();
        assert_eq!(asked, [(0, &ExchangeState::Waiting), (2, &ExchangeState::Waiting)]);
    }
}
