//! Opens the screen: documents, model and presets become a chat, and the chat gets an engine.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, SystemTime};

use lunette::chat::within::{Allowance, Within};
use lunette::chat::{Action, Asking, Chat, DocumentFacts, Effect, Input, Moment, Setup, update};
use lunette::document::Document;
use lunette::engine::message::{Command, Event};
use lunette::engine::{self, EngineHandle};
use lunette::exit::{Exit, Trouble};
use lunette::headless;
use lunette::settings::{Documents, EngineSettings, Output, Settings};
use lunette::tui::{self, Ended, Options};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::{let_go, with_voice};

/// Opens the screen on what `settings` name, and returns when it is left.
pub fn open(settings: &Settings) -> Result<Exit, Trouble> {
    let (model, document) = with_voice(Output::Text, settings.terminal, |voice| {
        let model = headless::model_file(settings, voice)?;
        Ok::<_, Trouble>((model, headless::read_documents(settings, &mut std::io::stdin().lock(), voice)?))
    })?;
    let chat = Chat::new(setup(settings, &document));
    let EngineHandle { commands, events, thread } = engine::spawn(settings.engine.with_model(model));
    let ended = show(chat, settings, commands, events);
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

fn show(
    mut chat: Chat,
    settings: &Settings,
    commands: Sender<Command>,
    events: UnboundedReceiver<Event>,
) -> Result<Exit, Trouble> {
    for question in &settings.questions {
        for effect in update(&mut chat, Duration::ZERO, Input::User(Action::Ask(question.clone()))) {
            if let Effect::Send(command) = effect {
                let _ = commands.send(command);
            }
        }
    }
    let options = Options { color: settings.terminal.color };
    match tui::run(chat, commands, events, options) {
        Ok(Ended::ByUser) => Ok(Exit::Ok),
        Ok(Ended::BySignal(2)) => Ok(Exit::Interrupted),
        Ok(Ended::BySignal(_)) => Ok(Exit::Terminated),
        Err(error) => Err(Trouble::new(Exit::Runtime, error.to_string(), None)),
    }
}
