//! Opens the screen: documents, model and presets become a chat, and the chat gets an engine.

mod desk;
mod scales;

use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use lunette::chat::within::{Allowance, Within};
use lunette::chat::{Action, Asking, Chat, DocumentFacts, Effect, Fetched, Input, Moment, Offered, Setup, update};
use lunette::document::{self, Document, Input as DocumentInput, Watched};
use lunette::engine::config::EngineSettings;
use lunette::engine::message::{CancelToken, Command, Failure, FailureKind};
use lunette::engine::{self, EngineHandle};
use lunette::exit::{Exit, Trouble};
use lunette::headless::{self, Voice};
use lunette::models::{self, Catalogue, Entry, PullProgress, Resolved};
use lunette::plain;
use lunette::settings::{Documents, Output, PullPolicy, ScreenSettings, Settings};
use lunette::tui::{self, Ended, Engine, Keymap, Options, Shelf, Shown, Starter};

use self::desk::{Desk, Picker, Taken};
use crate::{let_go, with_voice};

/// Who comes for the first time reads for so long, as in the demo.
const FIRST_RUN_WITHIN: Duration = Duration::from_secs(60);

/// Opens the screen on what `settings` name, and returns when it is left.
pub fn open(settings: &Settings) -> Result<Exit, Trouble> {
    let options = options(settings)?;
    let found = with_voice(Output::Text, settings.terminal, |voice| found(settings, voice))?;
    let (watched, whole) = with_voice(Output::Text, settings.terminal, |voice| read(settings, &found, voice))?;
    let (model, absent) = match &found {
        Resolved::Found(model) => (Some(model.as_path()), None),
        Resolved::Missing(entry) => (None, Some(offered(entry))),
    };
    let (mut desk, taken) = Desk::new(settings, watched, whole, Picker::of(settings, model)?)?;
    let Taken { document, parts, nearest } = taken;
    let within = settings.within.or(is_first_run(settings, &found).then_some(FIRST_RUN_WITHIN));
    let mut setup = Setup { absent, ..setup(settings, &document, within) };
    if let Some(nearest) = nearest {
        setup.document.part = Some(nearest.in_short());
        setup.document.choice = Some(nearest.in_words());
    }
    let EngineSettings { context, reserve_tokens, .. } = settings.engine;
    let shelf = Shelf { whole: desk.whole(), taken: parts, context, reserve_tokens, scales: scales::of(settings) };
    let chat = Chat::new(setup);
    let thread = Arc::default();
    let engine = match found {
        Resolved::Found(model) => running(settings, model, &thread),
        Resolved::Missing(entry) => later(settings, *entry, &thread),
    };
    let look = Box::new(move |look: tui::Look<'_>| desk.look(look));
    let ended = show(Shown { chat, document: Arc::new(document), shelf, look }, settings, &options, engine);
    let_go(thread.lock().expect("nobody panics with it").take());
    ended
}

/// The same chat in plain lines. A model that is missing is asked about in a line, too.
pub fn open_plain(settings: &Settings) -> Result<Exit, Trouble> {
    let (model, (_, document)) = with_voice(Output::Text, settings.terminal, |voice| {
        let model = headless::model_file(settings, voice)?;
        Ok::<_, Trouble>((model, headless::open_documents(settings, &mut std::io::stdin().lock(), voice)?))
    })?;
    let (document, _) = Picker::of(settings, Some(&model))?.apply(document)?;
    let mut chat = Chat::new(setup(settings, &document, settings.within));
    let EngineHandle { commands, events, thread } = engine::spawn(settings.engine.with_model(model));
    ask_ahead(&mut chat, &settings.questions, Some(&commands));
    let ended = plain::run(chat, &commands, events, &mut std::io::stdout().lock());
    drop(commands);
    let_go(Some(thread));
    Ok(ended?)
}

/// Asks what the program was started with.
fn ask_ahead(chat: &mut Chat, questions: &[String], commands: Option<&Sender<Command>>) {
    for question in questions {
        for effect in update(chat, Duration::ZERO, Input::User(Action::Ask(question.clone()))) {
            if let (Effect::Send(command), Some(commands)) = (effect, commands) {
                let _ = commands.send(command);
            }
        }
    }
}

/// Where the engine's thread is kept, to be waited for at the end.
type Thread = Arc<Mutex<Option<JoinHandle<()>>>>;

/// The model, or what can be fetched in its place; on the screen where that is to be asked, before it otherwise.
fn found(settings: &Settings, voice: &mut Voice<'_>) -> Result<Resolved, Trouble> {
    if settings.pull == PullPolicy::Ask
        && let Resolved::Missing(entry) = Catalogue::bundled().resolve(&settings.model, &settings.places)?
    {
        return Ok(Resolved::Missing(entry));
    }
    Ok(Resolved::Found(headless::model_file(settings, voice)?))
}

/// The documents that were named, before parts are chosen; who comes without any, and without a model, is shown the bundled book.
fn read(settings: &Settings, found: &Resolved, voice: &mut Voice<'_>) -> Result<(Watched, Document), Trouble> {
    if is_first_run(settings, found) {
        let book = document::load(&[DocumentInput::bundled_book()], &settings.read, &mut std::io::empty())?;
        return Ok((Watched::nothing(), book));
    }
    let (watched, whole) = headless::open_whole(settings, &mut std::io::stdin().lock(), voice)?;
    let whole = headless::chosen_pages(settings, whole)?;
    whole.report.notes().iter().for_each(|note| voice.note(&format!("note: {note}")));
    Ok((watched, whole))
}

fn is_first_run(settings: &Settings, found: &Resolved) -> bool {
    let nothing_named = matches!(&settings.documents, Documents::Named(names) if names.is_empty());
    nothing_named && matches!(found, Resolved::Missing(_))
}

fn offered(entry: &Entry) -> Offered {
    Offered { title: entry.title.clone(), bytes: entry.bytes, license: entry.license.clone() }
}

fn running(settings: &Settings, model: PathBuf, thread: &Thread) -> Engine {
    let EngineHandle { commands, events, thread: started } = engine::spawn(settings.engine.with_model(model));
    *thread.lock().expect("nobody panics with it") = Some(started);
    Engine::Running { commands, events }
}

fn later(settings: &Settings, entry: Entry, thread: &Thread) -> Engine {
    let (places, engine, thread) = (settings.places.clone(), settings.engine.clone(), thread.clone());
    let fetch = move |told: &mut dyn FnMut(Fetched), cancel: &CancelToken| {
        let mut progress = |progress| fetched(&progress).into_iter().for_each(&mut *told);
        models::pull(&entry, &places, &mut progress, cancel).map_err(|error| failure(&error))
    };
    let start = move |model: PathBuf| {
        let handle = engine::spawn(engine.with_model(model));
        *thread.lock().expect("nobody panics with it") = Some(handle.thread);
        (handle.commands, handle.events)
    };
    Engine::Later(Starter { fetch: Arc::new(fetch), start: Box::new(start) })
}

/// What is shown of it: the log has the rest.
fn fetched(progress: &PullProgress) -> Option<Fetched> {
    match *progress {
        PullProgress::Checking { done, total } => Some(Fetched { done, total, checking: true }),
        PullProgress::Fetching { done, total } => Some(Fetched { done, total, checking: false }),
        _ => None,
    }
}

fn failure(error: &models::Error) -> Failure {
    Failure { kind: FailureKind::Model, message: error.to_string(), hint: error.hint() }
}

/// What the screen is told; keys that can't be had are told before anything is loaded.
fn options(settings: &Settings) -> Result<Options, Trouble> {
    let ScreenSettings { theme, mouse, keys, keys_file, variables } = &settings.screen;
    let keymap =
        Keymap::with(keys_file, keys).map_err(|error| Trouble::new(Exit::Usage, error.to_string(), error.hint()))?;
    Ok(Options {
        theme: *theme,
        true_color: variables.true_color,
        keymap,
        mouse: *mouse,
        state: settings.directories.state.clone(),
        exports: settings.directories.data.join("exports"),
        config: variables.config.clone().unwrap_or_else(|| settings.directories.config_file()),
        editor: variables.editor.clone(),
        read: settings.read.clone(),
        in_tmux: variables.in_tmux,
    })
}

fn setup(settings: &Settings, document: &Document, within: Option<Duration>) -> Setup {
    Setup {
        document: facts(settings, document),
        within: within.filter(|_| !document.text.is_empty()).map(|time| allowed(settings, document, time)),
        reading: settings.reading.clone(),
        asking: Asking {
            system: settings.system_prompt.as_deref().map(Arc::from),
            sampling: settings.sampling,
            limits: settings.limits.clone(),
        },
        now: Moment::from(SystemTime::now()),
        absent: None,
    }
}

fn facts(settings: &Settings, document: &Document) -> DocumentFacts {
    let names: Vec<&str> = document.report.files.iter().map(|file| file.name.as_str()).collect();
    let title = match (&settings.documents, &names[..]) {
        (Documents::BundledBook, _) => "Pride and Prejudice".to_owned(),
        (_, []) => String::new(),
        (Documents::Named(names), _) if names.is_empty() => "Pride and Prejudice".to_owned(),
        (_, [one]) => (*one).to_owned(),
        (_, [first, others @ ..]) => format!("{first} and {} more", others.len()),
    };
    let pages = settings.pages.as_ref().map(|pages| format!("pages {pages}"));
    let part = settings.parts.as_ref().map(|parts| format!("parts {parts}")).or(pages);
    DocumentFacts { title, part, text: Arc::from(document.text.as_str()), choice: None }
}

fn allowed(settings: &Settings, document: &Document, time: Duration) -> Within {
    let EngineSettings { context, reserve_tokens, .. } = settings.engine;
    Within {
        allowance: Allowance { time, context, reserve_tokens },
        ends: document.parts().iter().map(|part| part.span.end).collect(),
        selected: settings.parts.clone(),
    }
}

fn show(mut shown: Shown<'_>, settings: &Settings, options: &Options, engine: Engine) -> Result<Exit, Trouble> {
    let commands = match &engine {
        Engine::Running { commands, .. } => Some(commands),
        Engine::Later(_) => None,
    };
    ask_ahead(&mut shown.chat, &settings.questions, commands);
    match tui::run(shown, engine, options) {
        Ok(Ended::ByUser) => Ok(Exit::Ok),
        Ok(Ended::BySignal(2)) => Ok(Exit::Interrupted),
        Ok(Ended::BySignal(_)) => Ok(Exit::Terminated),
        Err(error) => Err(Trouble::new(Exit::Runtime, error.to_string(), None)),
    }
}
