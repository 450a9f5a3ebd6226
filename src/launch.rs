//! Starts the front ends that have a conversation: opens documents and model, makes a chat, and connects it to an
//! engine.

use std::io;
use std::path::PathBuf;

use tokio::time::Instant;

use lunette::chat::Chat;
use lunette::engine;
use lunette::exit::{Exit, ExitError};
use lunette::failure::{Failure, FailureKind};
use lunette::headless::{self, Reporter, Started};
use lunette::models::Resolved;
use lunette::plain::{self, Audience, consent::Consent};
use lunette::server;
use lunette::session::documents::Opened;
use lunette::session::retriever::Retriever;
use lunette::session::{EffectRunner, EngineClient, Kept, Observer, Signal, Stop, Stops, model, opening, signals};
use lunette::settings::{Headless, Output, ScreenSettings, Serving, Settings, argv};
use lunette::tui::{self, Ended, Keymap, Options, ScreenExit};

use crate::process::{self, block_on, with_reporter};

/// Runs the terminal interface.
pub(crate) fn screen(settings: &Settings, mut kept: Kept) -> Result<Exit, ExitError> {
    let options = options(settings)?;
    let (documents, model) = with_reporter(Output::Text, settings.terminal, |reporter| {
        let documents = kept.documents(settings, &mut io::stdin().lock(), reporter)?;
        Ok::<_, ExitError>((documents, model::locate(settings, reporter)?))
    })?;
    // The engine's threads start in there.
    let run = || converse(settings, kept, documents, model, |chat, effects| tui::run(chat, effects, &options));
    match tui::with_stops_held(run)? {
        Ok(Ended { exit: ScreenExit::ByUser, farewell }) => {
            let farewell = farewell.as_deref().unwrap_or_default();
            if !farewell.is_empty() {
                with_reporter(Output::Text, settings.terminal, |reporter| reporter.note(farewell));
            }
            Ok(Exit::Ok)
        }
        Ok(Ended { exit: ScreenExit::BySignal(signal), .. }) => Ok(Stop::Signal(signal).into()),
        Err(error) => Err(Failure::new(FailureKind::Runtime, error.to_string(), None).into()),
    }
}

/// Runs the same chat in plain lines. If the model is missing, the user is asked about it first.
pub(crate) fn plain(settings: &Settings, mut kept: Kept) -> Result<Exit, ExitError> {
    let (documents, model) = with_reporter(Output::Text, settings.terminal, |reporter| {
        let documents = kept.documents(settings, &mut io::stdin().lock(), reporter)?;
        Ok::<_, ExitError>((documents, Resolved::Found(find_or_ask(settings, reporter)?)))
    })?;
    let audience = if settings.terminal.stdin { Audience::Person } else { Audience::Script };
    let run = |chat, effects: EffectRunner<'_>| plain::run(chat, effects, audience, &mut io::stdout().lock());
    Ok(converse(settings, kept, documents, model, run)??)
}

/// Runs `front_end` on a chat about `documents`. The questions of the command line are asked first.
fn converse<T>(
    settings: &Settings,
    mut kept: Kept,
    documents: Opened,
    model: Resolved,
    front_end: impl FnOnce(Chat, EffectRunner<'_>) -> T,
) -> Result<T, ExitError> {
    let files = opening::working_set(settings, documents, &model, &kept)?;
    let (mut chat, mut begun) = kept.chat(settings, &files, opening::setup(settings, &files, &model))?;
    begun.extend(opening::ask_ahead(&mut chat, &files.whole(), &settings.questions));
    let mut effects = EffectRunner::new(settings, files, model).recorded_by(kept.recorder);
    for effect in begun {
        effects.run(effect);
    }
    Ok(front_end(chat, effects))
}

/// Runs headless: answers the questions of the command line.
pub(crate) fn headless(settings: &Settings, kept: Kept, how: Headless) -> Exit {
    let deadline = settings.timeout.map(|time| Instant::now() + time);
    with_reporter(how.output, settings.terminal, |reporter| {
        let start = |reporter: &mut Reporter<'_>| {
            let model = model::find(settings, reporter)?;
            // The model loads while parts are retrieved.
            let client = process::engine(settings, &model, deadline);
            let retriever = Retriever::for_model(settings, &model)?;
            Ok(Started { client, model, retriever })
        };
        block_on(headless::run(settings, how, kept, &mut *process::stdin(settings), start, reporter))
    })
}

/// Runs the server until a signal comes.
pub(crate) fn server(settings: &Settings, serving: &Serving) -> Result<Exit, ExitError> {
    with_reporter(Output::Text, settings.terminal, |reporter| {
        block_on(async {
            let signals = signals::listen(&[Signal::Interrupt, Signal::Terminate, Signal::HangUp]);
            let start = |observer: &mut dyn Observer| {
                let model = model::find(settings, observer)?;
                let client = EngineClient::starting(settings, model.clone(), Stops::never());
                Ok(server::Started { client, model })
            };
            server::serve(settings, serving, &mut *process::stdin(settings), start, signals, io::stdout(), reporter)
                .await
        })
    })
}

/// The model's file. The user is asked about a missing model if there is a terminal to ask in.
fn find_or_ask(settings: &Settings, observer: &mut dyn Observer) -> Result<PathBuf, ExitError> {
    if !settings.terminal.is_interactive() {
        return Ok(model::find(settings, observer)?);
    }
    let (mut input, mut output) = (io::stdin().lock(), io::stderr());
    Ok(model::find(
        settings,
        &mut Consent { observer, machine: settings.places.machine, input: &mut input, output: &mut output },
    )?)
}

/// Fails on invalid key bindings before anything is loaded.
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
        home: settings.home.clone(),
        in_tmux: variables.in_tmux,
        reserve_tokens: settings.engine.reserve_tokens,
        given: argv::given_flags(&argv::rewrite(std::env::args_os())),
        build: build(),
    })
}

/// The first lines of a crash report.
fn build() -> String {
    format!(
        "lunette {} on {} {}\nllama.cpp {} {}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        engine::library_version(),
        engine::patch_stamp()
    )
}
