//! Opens the screen: documents, model and presets become a chat, and the chat gets an engine.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, SystemTime};

use lunette::chat::within::{Allowance, Within};
use lunette::chat::{Action, Asking, Chat, DocumentFacts, Effect, Input, Moment, NewText, News, Setup, update};
use lunette::document::{Document, Watched};
use lunette::engine::message::{Command, Event};
use lunette::engine::{self, EngineHandle, Vocabulary};
use lunette::exit::{Exit, Trouble};
use lunette::fit;
use lunette::fit::pick::{Picked, pick_now};
use lunette::headless;
use lunette::settings::{Documents, EngineSettings, Output, Settings};
use lunette::tui::{self, Ended, Options};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::{let_go, with_voice};

/// Opens the screen on what `settings` name, and returns when it is left.
pub fn open(settings: &Settings) -> Result<Exit, Trouble> {
    let (model, (watched, document)) = with_voice(Output::Text, settings.terminal, |voice| {
        let model = headless::model_file(settings, voice)?;
        Ok::<_, Trouble>((model, headless::open_documents(settings, &mut std::io::stdin().lock(), voice)?))
    })?;
    let picker = Picker::of(settings, &model)?;
    let (document, picked) = picker.apply(document)?;
    let mut setup = setup(settings, &document);
    if let Some(picked) = picked {
        setup.document.part = Some(picked.in_short());
        setup.document.choice = Some(picked.in_words());
    }
    let before = setup.document.text.clone();
    let chat = Chat::new(setup);
    let EngineHandle { commands, events, thread } = engine::spawn(settings.engine.with_model(model));
    let ended = show(chat, settings, commands, events, looking(settings, watched, picker, before));
    let_go(Some(thread));
    ended
}

fn setup(settings: &Settings, document: &Document) -> Setup {
    Setup {
        document: facts(settings, document),
        within: settings.within.filter(|_| !document.text.is_empty()).map(|time| within(settings, document, time)),
        reading: settings.reading.clone(),
        asking: Asking {
            system: settings.system_prompt.as_deref().map(Arc::from),
            sampling: settings.sampling,
            limits: settings.limits.clone(),
        },
        now: Moment::from(SystemTime::now()),
    }
}

fn facts(settings: &Settings, document: &Document) -> DocumentFacts {
    let names: Vec<&str> = document.report.files.iter().map(|file| file.name.as_str()).collect();
    let title = match (&settings.documents, &names[..]) {
        (Documents::BundledBook, _) => "Pride and Prejudice".to_owned(),
        (_, []) => String::new(),
        (_, [one]) => (*one).to_owned(),
        (_, [first, others @ ..]) => format!("{first} and {} more", others.len()),
    };
    let pages = settings.pages.as_ref().map(|pages| format!("pages {pages}"));
    let part = settings.parts.as_ref().map(|parts| format!("parts {parts}")).or(pages);
    DocumentFacts { title, part, text: Arc::from(document.text.as_str()), choice: None }
}

fn within(settings: &Settings, document: &Document, time: Duration) -> Within {
    let EngineSettings { context, reserve_tokens, .. } = settings.engine;
    Within {
        allowance: Allowance { time, context, reserve_tokens },
        ends: document.parts().iter().map(|part| part.span.end).collect(),
        selected: settings.parts.clone(),
    }
}

/// `--pick`: takes what is nearest to the questions that the screen is opened with.
struct Picker<'a> {
    room_and_vocabulary: Option<(u32, Vocabulary)>,
    settings: &'a Settings,
}

impl<'a> Picker<'a> {
    fn of(settings: &'a Settings, model: &Path) -> Result<Self, Trouble> {
        let room_and_vocabulary = match settings.pick {
            Some(room) => Some((room, Vocabulary::open(model)?)),
            None => None,
        };
        Ok(Self { room_and_vocabulary, settings })
    }

    fn apply(&self, document: Document) -> Result<(Document, Option<Picked>), Trouble> {
        let Some((room, vocabulary)) = &self.room_and_vocabulary else { return Ok((document, None)) };
        let questions = self.settings.questions.join("\n");
        let picked = pick_now(&document, &questions, *room, |texts| {
            vocabulary.count_each(texts).into_iter().map(|tokens| tokens as u32).collect()
        });
        let picked = picked.ok_or(fit::Error::NothingPicked { room: *room })?;
        Ok((picked.document.clone(), Some(picked)))
    }
}

/// Looks at the files, and tells what is another than `before`.
fn looking(
    settings: &Settings,
    mut watched: Watched,
    picker: Picker,
    mut before: Arc<str>,
) -> impl FnMut() -> Option<News> {
    move || {
        let document = match watched.changed() {
            Ok(None) => return None,
            Ok(Some(document)) => {
                headless::chosen_parts(settings, document).and_then(|document| picker.apply(document))
            }
            Err(error) => return Some(News::Unreadable(error.to_string())),
        };
        let (document, _) = match document {
            Ok(document) => document,
            Err(trouble) => return Some(News::Unreadable(trouble.message)),
        };
        let place = headless::place(&document, &before);
        before = Arc::from(document.text.as_str());
        let ends = document.parts().iter().map(|part| part.span.end).collect();
        Some(News::Changed(NewText { text: before.clone(), ends, place }))
    }
}

fn show(
    mut chat: Chat,
    settings: &Settings,
    commands: Sender<Command>,
    events: UnboundedReceiver<Event>,
    look: impl FnMut() -> Option<News>,
) -> Result<Exit, Trouble> {
    for question in &settings.questions {
        for effect in update(&mut chat, Duration::ZERO, Input::User(Action::Ask(question.clone()))) {
            if let Effect::Send(command) = effect {
                let _ = commands.send(command);
            }
        }
    }
    let options = Options { color: settings.terminal.color };
    match tui::run(chat, commands, events, look, options) {
        Ok(Ended::ByUser) => Ok(Exit::Ok),
        Ok(Ended::BySignal(2)) => Ok(Exit::Interrupted),
        Ok(Ended::BySignal(_)) => Ok(Exit::Terminated),
        Err(error) => Err(Trouble::new(Exit::Runtime, error.to_string(), None)),
    }
}
