//! The subcommands that print and end: `presets`, `inspect`, `fit`, `paths`, `pull`, `read`, `cache`, `sessions`, `calibrate`, `completions`, `man`, `probe`, `eval` and `rpc-server`.

use std::io::{self, Write};

use lunette::engine::Survey;
use lunette::engine::config::PeerOffer;
use lunette::eval::probe::Probed;
use lunette::eval::{self, Plan};
use lunette::exit::{Exit, ExitError};
use lunette::failure::{Failure, FailureKind};
use lunette::headless::{self, Counted, Reporter};
use lunette::models::ModelRef;
use lunette::session::text_counter::{TextCounter, for_plans};
use lunette::session::{Observer, WorkingSet, documents, measuring, model};
use lunette::settings::{
    CacheTask, EvalArgs, FitAs, Listen, ModelsTask, Output, Probe, ReadAhead, SessionsCommand, Settings, Shown,
};
use lunette::store::blocks::Store;

use crate::process::{block_on, engine, stdin, with_reporter};

/// With `-m`, lists which layers each preset leaves full in that model.
pub(crate) fn presets(settings: &Settings, json: bool) -> Result<Exit, ExitError> {
    with_reporter(text_or_json(json), settings.terminal, |reporter| {
        block_on(async {
            let client = match settings.model {
                ModelRef::Default if settings.server.is_none() => None,
                _ => Some(engine(settings, &model::find(settings, reporter)?, None)),
            };
            headless::list_presets(&settings.reading, client, json, reporter).await?;
            Ok(Exit::Ok)
        })
    })
}

/// With `-m`, counts the tokens of each part with that model's vocabulary.
pub(crate) fn inspect(settings: &Settings, shown: Shown) -> Result<Exit, ExitError> {
    with_reporter(text_or_json(shown == Shown::Json), settings.terminal, |reporter| {
        let document = documents::load(settings, &mut io::stdin().lock(), reporter)?;
        let counted = match (&settings.server, &settings.model) {
            (None, ModelRef::Default) => None,
            (server, _) => {
                let counter = TextCounter::open(server.as_ref(), &model::find(settings, reporter)?)?;
                Some(Counted::by(&counter, &document)?)
            }
        };
        headless::inspect(&document, counted.as_ref(), shown, reporter)?;
        Ok(Exit::Ok)
    })
}

/// Loads only the model's tables, except to measure how fast this machine prefills.
pub(crate) fn fit(settings: &Settings, how: FitAs) -> Result<Exit, ExitError> {
    with_reporter(text_or_json(how.json), settings.terminal, |reporter| {
        let document = documents::open(settings, &mut *stdin(settings), reporter)?.whole;
        let config = settings.engine.with_model(model::find(settings, reporter)?);
        let mut known = for_plans(settings.server.as_ref(), &config)?;
        // The settings refuse to measure a server.
        if how.measure && known.measured().is_none() {
            measure(settings, reporter)?;
            known = for_plans(settings.server.as_ref(), &config)?;
        }
        headless::fit(settings, how, &document, &*known, reporter)
    })
}

fn measure(settings: &Settings, reporter: &mut Reporter<'_>) -> Result<(), ExitError> {
    block_on(async {
        let mut client = engine(settings, &model::find(settings, reporter)?, None);
        Ok(measuring::measure(&mut client, reporter).await?)
    })
}

/// Prints the folders that Lunette uses.
pub(crate) fn paths(settings: &Settings, json: bool) -> Result<Exit, ExitError> {
    with_reporter(text_or_json(json), settings.terminal, |reporter| {
        Ok(headless::paths(&settings.directories, &settings.places, json, reporter).map(|()| Exit::Ok)?)
    })
}

/// Reads documents ahead.
pub(crate) fn read(settings: &Settings, how: &ReadAhead) -> Result<Exit, ExitError> {
    with_reporter(how.output, settings.terminal, |reporter| {
        let start = |reporter: &mut Reporter<'_>| {
            let model = model::find(settings, reporter)?;
            Ok((engine(settings, &model, None), model))
        };
        block_on(headless::read_ahead(settings, how, &mut *stdin(settings), start, reporter))
    })
}

/// Lists, checks or removes what is kept on disk.
pub(crate) fn cache(settings: &Settings, task: &CacheTask, json: bool) -> Result<Exit, ExitError> {
    let store = Store::at(settings.directories.kv_folder());
    with_reporter(text_or_json(json), settings.terminal, |reporter| headless::cache(&store, task, json, reporter))
}

/// Looks at the machine.
pub(crate) fn doctor(settings: &Settings, json: bool) -> Result<Exit, ExitError> {
    with_reporter(text_or_json(json), settings.terminal, |reporter| headless::doctor(settings, json, reporter))
}

/// What can be done with models.
pub(crate) fn models(settings: &Settings, task: &ModelsTask, json: bool) -> Result<Exit, ExitError> {
    with_reporter(text_or_json(json), settings.terminal, |reporter| match task {
        ModelsTask::List => headless::list_models(&settings.places, json, reporter),
        ModelsTask::Suggest => {
            let document = documents::open(settings, &mut *stdin(settings), reporter)?.whole;
            headless::suggest_models(settings, &document, json, reporter)
        }
        ModelsTask::Pull(name) => headless::pull(name.as_deref(), settings, reporter).map(|()| Exit::Ok),
        ModelsTask::Remove(name) => headless::remove_model(name, &settings.places, json, reporter),
        ModelsTask::Info => {
            let path = model::find(settings, reporter)?;
            let survey = Survey::of(&settings.engine.with_model(path.clone()))?;
            headless::model_info(&path, survey.info(), json, reporter)
        }
        ModelsTask::Verify(name) => headless::verify_model(name, settings, json, reporter),
    })
}

/// Finds the heads that point at passages.
pub(crate) fn calibrate(settings: &Settings, json: bool) -> Result<Exit, ExitError> {
    if let Some(server) = &settings.server {
        let message = format!("heads are found where the model runs, and {} is elsewhere", server.url);
        let hint = "run `lunette calibrate` there, before `lunette serve`".to_owned();
        return Err(Failure::new(FailureKind::Unsupported, message, Some(hint)).into());
    }
    with_reporter(text_or_json(json), settings.terminal, |reporter| {
        block_on(async {
            let client = engine(settings, &model::find(settings, reporter)?, None);
            headless::calibrate(client, json, reporter).await?;
            Ok(Exit::Ok)
        })
    })
}

/// Prints what was generated for a shell, as it is.
pub(crate) fn print(generated: &[u8]) -> Result<Exit, ExitError> {
    let mut out = io::stdout();
    out.write_all(generated).and_then(|()| out.flush())?;
    Ok(Exit::Ok)
}

/// Lists, prints or changes saved conversations.
pub(crate) fn sessions(settings: &Settings, command: &SessionsCommand) -> Result<Exit, ExitError> {
    let json = matches!(
        command,
        SessionsCommand::Ls { json: true }
            | SessionsCommand::Show { json: true, .. }
            | SessionsCommand::Search { json: true, .. }
    );
    with_reporter(text_or_json(json), settings.terminal, |reporter| headless::sessions(settings, command, reporter))
}

/// Fetches a model.
pub(crate) fn pull(settings: &Settings, name: Option<&str>) -> Result<Exit, ExitError> {
    with_reporter(Output::Text, settings.terminal, |reporter| {
        headless::pull(name, settings, reporter).map(|()| Exit::Ok)
    })
}

/// Measures presets. The table goes to standard output.
pub(crate) fn evaluate(settings: &Settings, args: &EvalArgs) -> Result<Exit, ExitError> {
    let plan = Plan::new(settings, args)?;
    let model = with_reporter(Output::Text, settings.terminal, |reporter| {
        note_times(settings, reporter);
        model::find(settings, reporter)
    })?;
    block_on(async {
        let mut client = engine(settings, &model, None);
        eval::run(&plan, &mut client, &mut io::stdout(), &mut io::stderr()).await?;
        Ok(Exit::Ok)
    })
}

/// Computes layers for others until the process is ended.
pub(crate) fn rpc_server(settings: &Settings, listen: &Listen, offer: &PeerOffer) -> Result<Exit, ExitError> {
    with_reporter(Output::Text, settings.terminal, |reporter| headless::rpc_server(listen, offer, reporter))
}

/// Plants facts in a document and asks for them.
pub(crate) fn probe(settings: &Settings, how: &Probe) -> Result<Exit, ExitError> {
    let plan = Plan::for_probe(settings, how)?;
    with_reporter(text_or_json(how.json), settings.terminal, |reporter| {
        note_times(settings, reporter);
        let files = WorkingSet::new(settings, documents::open(settings, &mut io::stdin().lock(), reporter)?)?;
        let probed = Probed { title: files.title(), text: files.text().to_string(), facts: how.facts };
        block_on(async {
            let client = engine(settings, &model::find(settings, reporter)?, None);
            headless::probe(&plan, &probed, client, how.json, reporter).await?;
            Ok(Exit::Ok)
        })
    })
}

/// Says what the times of a measurement are where a server computes.
fn note_times(settings: &Settings, reporter: &mut Reporter<'_>) {
    if let Some(server) = &settings.server {
        let what = "what it holds of a text already is not read again";
        Observer::note(
            reporter,
            &format!("the times are those of {}, which may serve others meanwhile; {what}", server.url),
        );
    }
}

fn text_or_json(json: bool) -> Output {
    if json { Output::Json } else { Output::Text }
}
