//! Opens the front ends that a person or a script talks to: documents, model and presets become a chat, and the chat gets an engine.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::time::Instant;

use lunette::chat::{Chat, Effect, Fetched};
use lunette::engine::config::EngineSettings;
use lunette::engine::message::CancelToken;
use lunette::exit::{Exit, ExitError};
use lunette::failure::{Failure, FailureKind};
use lunette::headless::{self, Started, Voice};
use lunette::models::{self, Entry, PullProgress, Resolved};
use lunette::plain::{self, consent::Consent};
use lunette::session::retriever::Retriever;
use lunette::session::{EngineThread, Observer, ReloadRequest, TokenCounter, WorkingSet, documents, model, opening};
use lunette::settings::{Headless, Output, ScreenSettings, Settings};
use lunette::tui::{self, Ended, Engine, Keymap, Options, Shelf, Shown, Starter};

use crate::process::{block_on, engine, with_voice};

/// Opens the screen on what `settings` name, and returns when it is left.
pub fn screen(settings: &Settings) -> Result<Exit, ExitError> {
    let options = options(settings)?;
    let (mut files, model) = with_voice(Output::Text, settings.terminal, |voice| {
        let documents = documents::open(settings, &mut io::stdin().lock(), voice)?;
        let model = model::locate(settings, voice)?;
        Ok::<_, ExitError>((opening::working_set(settings, documents, &model)?, model))
    })?;
    let chat = Chat::new(opening::setup(settings, &files, &model));
    let thread = EngineThread::default();
    let engine = match model {
        Resolved::Found(model) => running(settings, model, &thread),
        Resolved::Missing(entry) => later(settings, *entry, &thread),
    };
    let (document, shelf) = (files.document(), shelf(settings, &files));
    let look = Box::new(move |request: ReloadRequest<'_>| files.reload(request));
    let ended = show(Shown { chat, document, shelf, look }, settings, &options, engine);
    thread.wait();
    ended
}

/// The same chat in plain lines. A model that is missing is asked about in a line, too.
pub fn plain(settings: &Settings) -> Result<Exit, ExitError> {
    let (files, model) = with_voice(Output::Text, settings.terminal, |voice| {
        let documents = documents::open(settings, &mut io::stdin().lock(), voice)?;
        let model = Resolved::Found(find_or_ask(settings, voice)?);
        Ok::<_, ExitError>((opening::working_set(settings, documents, &model)?, model))
    })?;
    let mut chat = Chat::new(opening::setup(settings, &files, &model));
    let Resolved::Found(model) = model else { unreachable!("it was found above") };
    let thread = EngineThread::default();
    let (commands, events) = thread.start(settings.engine.with_model(model));
    for effect in opening::ask_ahead(&mut chat, &settings.questions) {
        if let Effect::Send(command) = effect {
            let _ = commands.send(command);
        }
    }
    let ended = plain::run(chat, &commands, events, &mut io::stdout().lock());
    drop(commands);
    thread.wait();
    Ok(ended?)
}

/// Answers the questions of a run without a screen.
pub fn headless(settings: &Settings, how: Headless) -> Exit {
    let deadline = settings.timeout.map(|time| Instant::now() + time);
    with_voice(how.output, settings.terminal, |voice| {
        let start = |voice: &mut Voice<'_>| {
            let model = model::find(settings, voice)?;
            // It loads while parts are looked for.
            let client = engine(settings, &model, deadline);
            let retriever = Retriever::for_model(settings, &model)?;
            Ok(Started { client, model, retriever })
        };
        block_on(headless::run(settings, how, &mut io::stdin().lock(), start, voice))
    })
}

/// The model's file; one that is missing is asked about where a person can answer.
fn find_or_ask(settings: &Settings, observer: &mut dyn Observer) -> Result<PathBuf, ExitError> {
    if !settings.terminal.is_interactive() {
        return Ok(model::find(settings, observer)?);
    }
    let (mut input, mut output) = (io::stdin().lock(), io::stderr());
    Ok(model::find(settings, &mut Consent { observer, input: &mut input, output: &mut output })?)
}

fn shelf(settings: &Settings, files: &WorkingSet<'_>) -> Shelf {
    let EngineSettings { context, reserve_tokens, .. } = settings.engine;
    let scales = TokenCounter::new(settings);
    Shelf { whole: files.whole(), taken: files.parts().to_vec(), context, reserve_tokens, scales }
}

fn running(settings: &Settings, model: PathBuf, thread: &EngineThread) -> Engine {
    let (commands, events) = thread.start(settings.engine.with_model(model));
    Engine::Running { commands, events }
}

fn later(settings: &Settings, entry: Entry, thread: &EngineThread) -> Engine {
    let (places, engine, thread) = (settings.places.clone(), settings.engine.clone(), thread.clone());
    let fetch = move |told: &mut dyn FnMut(Fetched), cancel: &CancelToken| {
        let mut progress = |progress| fetched(&progress).into_iter().for_each(&mut *told);
        models::pull(&entry, &places, &mut progress, cancel).map_err(|error| Failure::of(FailureKind::Model, &error))
    };
    let start = move |model: PathBuf| thread.start(engine.with_model(model));
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

/// What the screen is told; keys that can't be had are told before anything is loaded.
fn options(settings: &Settings) -> Result<Options, ExitError> {
    let ScreenSettings { theme, mouse, keys, keys_file, variables } = &settings.screen;
    let keymap = Keymap::with(keys_file, keys).map_err(|error| Failure::of(FailureKind::Usage, &error))?;
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

fn show(mut shown: Shown<'_>, settings: &Settings, options: &Options, engine: Engine) -> Result<Exit, ExitError> {
    for effect in opening::ask_ahead(&mut shown.chat, &settings.questions) {
        if let (Effect::Send(command), Engine::Running { commands, .. }) = (effect, &engine) {
            let _ = commands.send(command);
        }
    }
    match tui::run(shown, engine, options) {
        Ok(Ended::ByUser) => Ok(Exit::Ok),
        Ok(Ended::BySignal(2)) => Ok(Exit::Interrupted),
        Ok(Ended::BySignal(_)) => Ok(Exit::Terminated),
        Err(error) => Err(Failure::new(FailureKind::Runtime, error.to_string(), None).into()),
    }
}
