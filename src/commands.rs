//! The subcommands that print and end: `presets`, `inspect`, `fit`, `paths`, `pull` and `eval`.

use std::io;
use std::thread;

use lunette::engine::message::CancelToken;
use lunette::engine::{self, EngineHandle, Survey};
use lunette::eval::{self, Plan};
use lunette::exit::{Exit, Trouble};
use lunette::headless::{self, Counted, Voice};
use lunette::models::ModelRef;
use lunette::session::{EngineThread, documents, model};
use lunette::settings::{EvalArgs, FitAs, Output, Settings, Shown};

use crate::process::{block_on, started, stop_signals, with_voice};

/// With `-m` the presets are explained for that model.
pub fn presets(settings: &Settings, json: bool) -> Result<Exit, Trouble> {
    let thread = EngineThread::default();
    let listed = with_voice(text_or_json(json), settings.terminal, |voice| {
        block_on(async {
            let engine = match settings.model {
                ModelRef::Default => None,
                _ => Some(started(settings, None, &thread, voice)?),
            };
            headless::list_presets(&settings.reading, engine, json, voice).await
        })
    });
    thread.wait();
    listed.map(|()| Exit::Ok)
}

/// With `-m` the tokens of each part are counted by that model's vocabulary. Nothing is noted: what is odd is part of what is shown.
pub fn inspect(settings: &Settings, shown: Shown) -> Result<Exit, Trouble> {
    with_voice(text_or_json(shown == Shown::Json), settings.terminal, |voice| {
        let document = documents::load(settings, &mut io::stdin().lock(), voice)?;
        let counted = match settings.model {
            ModelRef::Default => None,
            _ => Some(Counted::by_model(&model::find(settings, voice)?, &document)?),
        };
        headless::inspect(&document, counted.as_ref(), shown, voice)?;
        Ok(Exit::Ok)
    })
}

/// A plan needs no weights; to measure how fast this machine reads needs them.
pub fn fit(settings: &Settings, how: FitAs) -> Result<Exit, Trouble> {
    with_voice(text_or_json(how.json), settings.terminal, |voice| {
        let document = documents::open(settings, &mut io::stdin().lock(), voice)?.whole;
        let config = settings.engine.with_model(model::find(settings, voice)?);
        let mut survey = Survey::of(&config)?;
        if how.measure && survey.measured().is_none() {
            measure(settings, voice)?;
            survey = Survey::of(&config)?;
        }
        headless::fit(settings, how, &document, &survey, voice)
    })
}

fn measure(settings: &Settings, voice: &mut Voice<'_>) -> Result<(), Trouble> {
    let thread = EngineThread::default();
    let measured = block_on(async {
        let (counter, stops) = started(settings, None, &thread, voice)?;
        headless::measure(counter, stops, voice).await
    });
    thread.wait();
    measured
}

/// Prints where things are kept.
pub fn paths(settings: &Settings, json: bool) -> Result<Exit, Trouble> {
    with_voice(text_or_json(json), settings.terminal, |voice| {
        Ok(headless::paths(&settings.directories, &settings.places.own, json, voice).map(|()| Exit::Ok)?)
    })
}

/// Fetches a model.
pub fn pull(settings: &Settings, name: Option<&str>) -> Result<Exit, Trouble> {
    with_voice(Output::Text, settings.terminal, |voice| headless::pull(name, settings, voice).map(|()| Exit::Ok))
}

/// Measures presets. The table goes to standard output.
pub fn evaluate(settings: &Settings, args: &EvalArgs) -> Result<Exit, Trouble> {
    let plan = Plan::new(settings, args)?;
    let file = with_voice(Output::Text, settings.terminal, |voice| model::find(settings, voice))?;
    let mut engine = engine::spawn(settings.engine.with_model(file));
    let cancel = CancelToken::default();
    cancel_on_signal(cancel.clone());
    let ran = eval::run(&plan, &mut engine, &cancel, &mut io::stdout(), &mut io::stderr());
    let EngineHandle { commands, events, thread } = engine;
    drop((commands, events));
    EngineThread::of(thread).wait();
    Ok(ran.map(|_| Exit::Ok)?)
}

/// The first signal ends the run after the question that is being answered; a second one doesn't wait.
fn cancel_on_signal(cancel: CancelToken) {
    let listen = async move {
        let mut signals = stop_signals();
        while let Some(signal) = signals.recv().await {
            if cancel.is_cancelled() {
                std::process::exit(Exit::from(signal).code().into());
            }
            cancel.cancel();
        }
    };
    thread::spawn(|| block_on(listen));
}

fn text_or_json(json: bool) -> Output {
    if json { Output::Json } else { Output::Text }
}
