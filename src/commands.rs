//! The subcommands that print and end: `presets`, `inspect`, `fit`, `paths`, `pull` and `eval`.

use std::io;

use lunette::engine::Survey;
use lunette::eval::{self, Plan};
use lunette::exit::{Exit, ExitError};
use lunette::headless::{self, Counted, Voice};
use lunette::models::ModelRef;
use lunette::session::{documents, measuring, model};
use lunette::settings::{EvalArgs, FitAs, Output, Settings, Shown};

use crate::process::{block_on, engine, with_voice};

/// With `-m`, lists which layers each preset leaves full in that model.
pub fn presets(settings: &Settings, json: bool) -> Result<Exit, ExitError> {
    with_voice(text_or_json(json), settings.terminal, |voice| {
        block_on(async {
            let client = match settings.model {
                ModelRef::Default => None,
                _ => Some(engine(settings, &model::find(settings, voice)?, None)),
            };
            headless::list_presets(&settings.reading, client, json, voice).await?;
            Ok(Exit::Ok)
        })
    })
}

/// With `-m`, counts the tokens of each part with that model's vocabulary.
pub fn inspect(settings: &Settings, shown: Shown) -> Result<Exit, ExitError> {
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

/// Loads only the model's tables, except to measure how fast this machine prefills.
pub fn fit(settings: &Settings, how: FitAs) -> Result<Exit, ExitError> {
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

fn measure(settings: &Settings, voice: &mut Voice<'_>) -> Result<(), ExitError> {
    block_on(async {
        let mut client = engine(settings, &model::find(settings, voice)?, None);
        Ok(measuring::measure(&mut client, voice).await?)
    })
}

/// Prints where things are kept.
pub fn paths(settings: &Settings, json: bool) -> Result<Exit, ExitError> {
    with_voice(text_or_json(json), settings.terminal, |voice| {
        Ok(headless::paths(&settings.directories, &settings.places.own, json, voice).map(|()| Exit::Ok)?)
    })
}

/// Fetches a model.
pub fn pull(settings: &Settings, name: Option<&str>) -> Result<Exit, ExitError> {
    with_voice(Output::Text, settings.terminal, |voice| headless::pull(name, settings, voice).map(|()| Exit::Ok))
}

/// Measures presets. The table goes to standard output.
pub fn evaluate(settings: &Settings, args: &EvalArgs) -> Result<Exit, ExitError> {
    let plan = Plan::new(settings, args)?;
    let model = with_voice(Output::Text, settings.terminal, |voice| model::find(settings, voice))?;
    block_on(async {
        let mut client = engine(settings, &model, None);
        eval::run(&plan, &mut client, &mut io::stdout(), &mut io::stderr()).await?;
        Ok(Exit::Ok)
    })
}

fn text_or_json(json: bool) -> Output {
    if json { Output::Json } else { Output::Text }
}
