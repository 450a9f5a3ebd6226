//! `lunette`: parse → settings → front end → exit code.

mod commands;
mod launch;
mod logging;
mod process;

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use lunette::aborts;
use lunette::document::{READ_PDF, serve_pdf};
use lunette::engine::trial::TRY_MODEL;
use lunette::exit::{Exit, ExitError};
use lunette::failure::{Failure, FailureKind};
use lunette::harmless;
use lunette::sandbox::{self, Files};
use lunette::session::{Kept, trial};
use lunette::settings::{self, FrontEnd, LowArgs, Output, Settings, Surroundings, Terminal, argv};

fn main() -> ExitCode {
    aborts::listen();
    match std::env::args_os().nth(1) {
        Some(argument) if argument == READ_PDF => return read_pdf(),
        Some(argument) if argument == TRY_MODEL => return try_model(),
        _ => {}
    }
    let arguments = argv::rewrite(std::env::args_os());
    let output = if argv::wants_json(&arguments) { Output::Json } else { Output::Text };
    let exit = run(arguments, output).unwrap_or_else(|error| {
        process::with_reporter(output, Terminal::of_process(), |reporter| reporter.error(&error));
        error.exit()
    });
    exit.into()
}

/// Reads a PDF in a separate process, because the file may be malicious. Nothing else is set up, and nothing is logged.
fn read_pdf() -> ExitCode {
    sandbox::die_with_parent();
    sandbox::limit(sandbox::Limits::default());
    let _ = sandbox::seal(Files::None);
    match serve_pdf(&mut io::stdin().lock(), &mut io::stdout()) {
        Ok(()) => Exit::Ok.into(),
        Err(_) => Exit::Runtime.into(),
    }
}

/// Tries a model in a separate process, which may not survive it.
fn try_model() -> ExitCode {
    sandbox::die_with_parent();
    match trial::serve(&mut io::stdin().lock(), &mut io::stdout()) {
        Ok(()) => Exit::Ok.into(),
        Err(_) => Exit::Runtime.into(),
    }
}

/// Resolves the settings, then runs the front end that they name.
fn run(arguments: Vec<OsString>, output: Output) -> Result<Exit, ExitError> {
    let low = match LowArgs::try_parse_from(arguments) {
        Ok(low) => low,
        Err(error) => return help_or_refuse(&error, output),
    };
    process::check_room()?;
    let mut settings = Settings::resolve(low, Surroundings::of_process()?)?;
    logging::start(&settings);
    let kept = Kept::open(&mut settings)?;
    match &settings.front_end {
        FrontEnd::Screen => launch::screen(&settings, kept),
        FrontEnd::Plain => launch::plain(&settings, kept),
        FrontEnd::Headless(headless) => Ok(launch::headless(&settings, kept, *headless)),
        FrontEnd::Sessions(command) => commands::sessions(&settings, command),
        FrontEnd::Presets { json } => commands::presets(&settings, *json),
        FrontEnd::Inspect(shown) => commands::inspect(&settings, *shown),
        FrontEnd::Fit(how) => commands::fit(&settings, *how),
        FrontEnd::Paths { json } => commands::paths(&settings, *json),
        FrontEnd::Pull { name } => commands::pull(&settings, name.as_deref()),
        FrontEnd::Read(how) => commands::read(&settings, how),
        FrontEnd::Cache { task, json } => commands::cache(&settings, task, *json),
        FrontEnd::Doctor { json } => commands::doctor(&settings, *json),
        FrontEnd::Models { task, json } => commands::models(&settings, task, *json),
        FrontEnd::Calibrate { json } => commands::calibrate(&settings, *json),
        FrontEnd::Completions(shell) => commands::print(&settings::completions(*shell)),
        FrontEnd::Man => commands::print(&settings::man_page()),
        FrontEnd::Probe(how) => commands::probe(&settings, how),
        FrontEnd::Eval(args) => commands::evaluate(&settings, args),
        FrontEnd::Serve(serving) => launch::server(&settings, serving),
        FrontEnd::RpcServer { listen, offer } => commands::rpc_server(&settings, listen, offer),
    }
}

/// Prints help and version. Any other clap error is wrong usage, reported as text or JSON like all errors.
fn help_or_refuse(error: &clap::Error, output: Output) -> Result<Exit, ExitError> {
    if !error.use_stderr() {
        error.print()?;
        return Ok(Exit::Ok);
    }
    let rendered = error.render().to_string();
    if output == Output::Text {
        // It quotes arguments. Colours are for those that are harmless.
        match harmless::text(&rendered) {
            Cow::Borrowed(_) => error.print()?,
            Cow::Owned(shown) => io::stderr().write_all(shown.as_bytes())?,
        }
        return Ok(Exit::Usage);
    }
    let message = rendered.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    Err(Failure::new(FailureKind::Usage, message, Some("see lunette --help".to_owned())).into())
}
