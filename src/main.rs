//! `lunette`: parse → settings → front end → exit code.

mod evaluate;
mod logging;
mod screen;
mod stops;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use clap::Parser;
use tokio::runtime;

use lunette::document::{Document, READ_PDF, serve_pdf};
use lunette::engine::{self, EngineHandle, Survey, Vocabulary};
use lunette::exit::{Exit, Trouble};
use lunette::headless::{self, Counted, Counter, Stops, Voice};
use lunette::models::ModelRef;
use lunette::settings::{
    EvalArgs, FitAs, FrontEnd, Headless, LowArgs, Output, Settings, Shown, Surroundings, Terminal, argv,
};

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == READ_PDF) {
        return read_pdf();
    }
    let arguments = argv::rewrite(std::env::args_os());
    let output = if argv::wants_json(&arguments) { Output::Json } else { Output::Text };
    let exit = run(arguments, output).unwrap_or_else(|trouble| {
        with_voice(output, Terminal::of_process(), |voice| voice.trouble(&trouble));
        trouble.exit
    });
    exit.into()
}

/// A process of its own for a PDF, which may be made to do harm: nothing is set up for it, and nothing logged.
fn read_pdf() -> ExitCode {
    match serve_pdf(&mut io::stdin().lock(), &mut io::stdout()) {
        Ok(()) => Exit::Ok.into(),
        Err(_) => Exit::Runtime.into(),
    }
}

/// Everything: what to do is settled first, then one front end does it.
fn run(arguments: Vec<OsString>, output: Output) -> Result<Exit, Trouble> {
    let low = match LowArgs::try_parse_from(arguments) {
        Ok(low) => low,
        Err(error) => return help_or_refuse(&error, output),
    };
    let settings = Settings::resolve(low, Surroundings::of_process()?)?;
    logging::start(&settings);
    match &settings.front_end {
        FrontEnd::Screen => screen::open(&settings),
        FrontEnd::Plain => screen::open_plain(&settings),
        FrontEnd::Headless(headless) => Ok(answer(&settings, *headless)),
        FrontEnd::Presets { json } => list_presets(&settings, *json),
        FrontEnd::Inspect(shown) => inspect(&settings, *shown),
        FrontEnd::Fit(how) => fit(&settings, *how),
        FrontEnd::Paths { json } => with_voice(output, settings.terminal, |voice| {
            Ok(headless::paths(&settings.directories, &settings.places.own, *json, voice).map(|()| Exit::Ok)?)
        }),
        FrontEnd::Pull { name } => with_voice(output, settings.terminal, |voice| {
            headless::pull(name.as_deref(), &settings, voice).map(|()| Exit::Ok)
        }),
        FrontEnd::Eval(args) => evaluate(&settings, args),
    }
}

/// Help and version are what was asked for; anything else from clap is wrong usage, told as everything else is told.
fn help_or_refuse(error: &clap::Error, output: Output) -> Result<Exit, Trouble> {
    if !error.use_stderr() {
        error.print()?;
        return Ok(Exit::Ok);
    }
    if output == Output::Text {
        error.print()?;
        return Ok(Exit::Usage);
    }
    let rendered = error.render().to_string();
    let message = rendered.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    Err(Trouble::new(Exit::Usage, message, Some("lunette --help".to_owned())))
}

fn answer(settings: &Settings, how: Headless) -> Exit {
    let timeout = settings.timeout.map(|time| tokio::time::Instant::now() + time);
    let mut thread = None;
    let exit = with_voice(how.output, settings.terminal, |voice| {
        let start = |voice: &mut Voice<'_>| {
            let engine = engine_for(settings, voice)?;
            Ok(listened_to(engine, timeout, &mut thread))
        };
        asynchronously(headless::run(settings, how, &mut io::stdin().lock(), start, voice))
    });
    let_go(thread);
    exit
}

/// With `-m` the presets are explained for that model.
fn list_presets(settings: &Settings, json: bool) -> Result<Exit, Trouble> {
    let output = if json { Output::Json } else { Output::Text };
    let mut thread = None;
    let listed = with_voice(output, settings.terminal, |voice| {
        asynchronously(async {
            let engine = match settings.model {
                ModelRef::Default => None,
                _ => Some(listened_to(engine_for(settings, voice)?, None, &mut thread)),
            };
            headless::list_presets(&settings.reading, engine, json, voice).await
        })
    });
    let_go(thread);
    listed.map(|()| Exit::Ok)
}

/// With `-m` the tokens of each part are counted by that model's vocabulary. Nothing is noted: what is odd is part of what is shown.
fn inspect(settings: &Settings, shown: Shown) -> Result<Exit, Trouble> {
    let output = if shown == Shown::Json { Output::Json } else { Output::Text };
    with_voice(output, settings.terminal, |voice| {
        let document = headless::load_documents(settings, &mut io::stdin().lock(), voice)?;
        let counted = match settings.model {
            ModelRef::Default => None,
            _ => Some(count(settings, &document, voice)?),
        };
        headless::inspect(&document, counted.as_ref(), shown, voice)?;
        Ok(Exit::Ok)
    })
}

fn count(settings: &Settings, document: &Document, voice: &mut Voice<'_>) -> Result<Counted, Trouble> {
    let file = headless::model_file(settings, voice)?;
    let parts = document.parts();
    let spans = parts.iter().map(|part| part.span.start..part.span.end);
    let counts = Vocabulary::open(&file)?.count_spans(&document.text, spans);
    let tokens = counts.into_iter().map(|tokens| tokens as usize).collect();
    Ok(Counted { model: file.file_stem().unwrap_or_default().to_string_lossy().into_owned(), tokens })
}

/// A plan needs no weights; to measure how fast this machine reads needs them.
fn fit(settings: &Settings, how: FitAs) -> Result<Exit, Trouble> {
    let output = if how.json { Output::Json } else { Output::Text };
    with_voice(output, settings.terminal, |voice| {
        let (_, whole) = headless::open_whole(settings, &mut io::stdin().lock(), voice)?;
        let document = headless::chosen_pages(settings, whole)?;
        document.report.notes().iter().for_each(|note| voice.note(&format!("note: {note}")));
        let config = settings.engine.with_model(headless::model_file(settings, voice)?);
        let mut survey = Survey::of(&config)?;
        if how.measure && survey.measured().is_none() {
            measure(settings, voice)?;
            survey = Survey::of(&config)?;
        }
        headless::fit(settings, how, &document, &survey, voice)
    })
}

fn measure(settings: &Settings, voice: &mut Voice<'_>) -> Result<(), Trouble> {
    let mut thread = None;
    let measured = asynchronously(async {
        let (counter, stops) = listened_to(engine_for(settings, voice)?, None, &mut thread);
        headless::measure(counter, stops, voice).await
    });
    let_go(thread);
    measured
}

fn evaluate(settings: &Settings, args: &EvalArgs) -> Result<Exit, Trouble> {
    let plan = evaluate::plan(settings, args)?;
    let engine = with_voice(Output::Text, settings.terminal, |voice| engine_for(settings, voice))?;
    evaluate::evaluate(&plan, engine)
}

/// An engine that has begun to load the model that was asked for.
fn engine_for(settings: &Settings, voice: &mut Voice<'_>) -> Result<EngineHandle, Trouble> {
    let model: PathBuf = headless::model_file(settings, voice)?;
    Ok(engine::spawn(settings.engine.with_model(model)))
}

/// The engine's counter, and an ear for signals from now on: until here they end the process as usual.
fn listened_to(
    engine: EngineHandle,
    deadline: Option<tokio::time::Instant>,
    keep: &mut Option<JoinHandle<()>>,
) -> (Counter, Stops) {
    let EngineHandle { commands, events, thread } = engine;
    *keep = Some(thread);
    (Counter { commands, events }, Stops { signals: stops::signals(), deadline })
}

/// Lets the engine give back what it holds, now that nobody can tell it anything; who wants to leave at once waits two seconds at most.
///
/// A GPU has to be given back before the process ends: its driver is gone then, and what is still computing or freeing aborts.
fn let_go(thread: Option<JoinHandle<()>>) {
    let Some(thread) = thread else { return };
    for _ in 0..200 {
        if thread.is_finished() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn with_voice<T>(output: Output, terminal: Terminal, speak: impl FnOnce(&mut Voice<'_>) -> T) -> T {
    let (mut out, mut err) = (io::stdout(), io::stderr());
    speak(&mut Voice::new(&mut out, &mut err, output, terminal))
}

fn asynchronously<T>(work: impl Future<Output = T>) -> T {
    runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system has timers and signals")
        .block_on(work)
}
