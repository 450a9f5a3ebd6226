//! Opens the screen: documents, model and presets become a chat, and the chat gets an engine.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lunette::chat::{Action, Asking, Chat, DocumentFacts, Effect, Input, Moment, Setup, update};
use lunette::document::Document;
use lunette::engine;
use lunette::engine::message::Event;
use lunette::exit::{Exit, Trouble};
use lunette::headless::{self, Beginning, Counter, Voice};
use lunette::settings::{Documents, Output, Settings};
use lunette::tui::{self, Ended, Options};
use tokio::sync::mpsc::unbounded_channel;

use crate::{asynchronously, let_go, listened_to, with_voice};

/// Opens the screen on what `settings` name, and returns when it is left.
pub fn open(settings: &Settings) -> Result<Exit, Trouble> {
    let mut thread = None;
    let opened = with_voice(Output::Text, settings.terminal, |voice| {
        let model = headless::model_file(settings, voice)?;
        let document = headless::read_documents(settings, &mut std::io::stdin().lock(), voice)?;
        let engine = engine::spawn(settings.engine.with_model(model));
        asynchronously(async {
            let listened = listened_to(engine, None, &mut thread);
            if settings.within.is_none() {
                return Ok((
                    listened.0,
                    facts(settings, &document, settings.parts.as_ref().map(|it| format!("parts {it}"))),
                ));
            }
            shortened(settings, &document, listened, voice).await
        })
    });
    let (counter, document) = opened?;
    let ended = show(settings, document, counter);
    let_go(thread);
    ended
}

/// Times the first part, and takes as many as there is time for.
async fn shortened(
    settings: &Settings,
    document: &Document,
    listened: (Counter, headless::Stops),
    voice: &mut Voice<'_>,
) -> Result<(Counter, DocumentFacts), Trouble> {
    voice.note("reading the first part, to see how fast this machine is");
    let Beginning { document, parts: (taken, all), counter, model } =
        headless::beginning(settings, document, listened, voice).await?;
    let part = (taken < all).then(|| format!("parts 1-{taken} of {all}"));
    Ok((told_again(counter, Event::Loaded(Box::new(model))), facts(settings, &document, part)))
}

/// A counter that tells `event` first: the chat waits for it, and it was told already.
fn told_again(counter: Counter, event: Event) -> Counter {
    let Counter { commands, mut events } = counter;
    let (sender, received) = unbounded_channel();
    let _ = sender.send(event);
    std::thread::spawn(move || {
        while let Some(event) = events.blocking_recv() {
            if sender.send(event).is_err() {
                return;
            }
        }
    });
    Counter { commands, events: received }
}

fn facts(settings: &Settings, document: &Document, part: Option<String>) -> DocumentFacts {
    let names: Vec<&str> = document.report.files.iter().map(|file| file.name.as_str()).collect();
    let title = match (&settings.documents, &names[..]) {
        (Documents::BundledBook, _) => "Pride and Prejudice".to_owned(),
        (_, []) => String::new(),
        (_, [one]) => (*one).to_owned(),
        (_, [first, others @ ..]) => format!("{first} and {} more", others.len()),
    };
    DocumentFacts { title, part, text: Arc::from(document.text.as_str()) }
}

fn show(settings: &Settings, document: DocumentFacts, counter: Counter) -> Result<Exit, Trouble> {
    let mut chat = Chat::new(Setup {
        document,
        reading: settings.reading.clone(),
        asking: Asking {
            system: settings.system_prompt.as_deref().map(Arc::from),
            sampling: settings.sampling,
            limits: settings.limits.clone(),
        },
        now: Moment::from(SystemTime::now()),
    });
    for question in &settings.questions {
        for effect in update(&mut chat, Duration::ZERO, Input::User(Action::Ask(question.clone()))) {
            if let Effect::Send(command) = effect {
                let _ = counter.commands.send(command);
            }
        }
    }
    let options = Options { color: settings.terminal.color };
    match tui::run(chat, counter.commands, counter.events, options) {
        Ok(Ended::ByUser) => Ok(Exit::Ok),
        Ok(Ended::BySignal(2)) => Ok(Exit::Interrupted),
        Ok(Ended::BySignal(_)) => Ok(Exit::Terminated),
        Err(error) => Err(Trouble::new(Exit::Runtime, error.to_string(), None)),
    }
}
