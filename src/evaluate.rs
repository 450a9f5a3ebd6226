//! `lunette eval`: from flags to a plan, and from the plan's end to an exit code.

use std::io;
use std::thread;
use std::time::SystemTime;

use lunette::chat::Moment;
use lunette::engine::EngineHandle;
use lunette::engine::message::CancelToken;
use lunette::eval::{self, Error, Plan};
use lunette::exit::{Exit, Trouble};
use lunette::settings::{EvalArgs, Settings};
use lunette::swaa::selection::PresetSelection;
use lunette::swaa::{Preset, WindowSpec};

use crate::{asynchronously, let_go, stops};

/// Runs a plan on an engine that loads its model. The table goes to standard output.
pub fn evaluate(plan: &Plan, mut engine: EngineHandle) -> Result<Exit, Trouble> {
    let cancel = CancelToken::default();
    cancel_on_signal(cancel.clone());
    let ran = eval::run(plan, &mut engine, &cancel, &mut io::stdout(), &mut io::stderr());
    let EngineHandle { commands, events, thread } = engine;
    drop((commands, events));
    let_go(Some(thread));
    ran.map(|_| Exit::Ok).map_err(trouble)
}

/// The plan that `args` make.
pub fn plan(settings: &Settings, args: &EvalArgs) -> Result<Plan, Trouble> {
    Ok(Plan {
        files: args.files.clone(),
        presets: presets(&settings.reading, &args.presets)?,
        limit: args.limit,
        tasks: args.tasks.clone(),
        max_prompt_tokens: args.max_context_tokens,
        sampling: settings.sampling,
        max_answer_tokens: args.predict,
        out: args.out.clone(),
        resume: args.resume,
        now: Moment::from(SystemTime::now()),
    })
}

/// The presets by name. Fields given as flags change those that slide: full attention is the reference and stays what it is.
fn presets(reading: &PresetSelection, names: &[String]) -> Result<Vec<Preset>, Trouble> {
    let mut presets = Vec::new();
    for name in names {
        let mut preset = reading.presets.get(name).map_err(lunette::settings::Error::from)?.clone();
        if let Some(recipe) = preset.recipe.as_mut().filter(|recipe| recipe.window != WindowSpec::Full) {
            *recipe = reading.changes.over(recipe);
            recipe.check().map_err(lunette::settings::Error::from)?;
        }
        presets.push(preset);
    }
    Ok(presets)
}

/// The first signal ends the run after the question that is being answered; a second one doesn't wait.
fn cancel_on_signal(cancel: CancelToken) {
    let listen = async move {
        let mut signals = stops::signals();
        while let Some(exit) = signals.recv().await {
            if cancel.is_cancelled() {
                std::process::exit(exit.code().into());
            }
            cancel.cancel();
        }
    };
    thread::spawn(|| asynchronously(listen));
}

fn trouble(error: Error) -> Trouble {
    match error {
        Error::Engine(failure) => failure.into(),
        Error::Prompt(error) => error.into(),
        Error::Output(error) => error.into(),
        Error::EngineGone => Trouble::engine_gone(),
        Error::Stopped => Trouble::new(Exit::Interrupted, "stopped", Some("--resume goes on from --out".to_owned())),
        Error::Records(_) | Error::NothingToAsk(_) => Trouble::new(Exit::Input, error.to_string(), None),
        Error::NoRecipe(_) => Trouble::new(Exit::Usage, error.to_string(), None),
        Error::Results(_) => Trouble::new(Exit::Runtime, error.to_string(), None),
    }
}
