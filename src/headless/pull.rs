//! `lunette pull`: fetches a model, checks it, and prints where it is.

use super::Reporter;
use crate::exit::ExitError;
use crate::session::model;
use crate::settings::Settings;

/// Fetches the model `name`, or the default model, unless it is on this machine.
pub fn pull(name: Option<&str>, settings: &Settings, reporter: &mut Reporter) -> Result<(), ExitError> {
    let path = model::pull(name, settings, reporter)?;
    Ok(reporter.data(&format!("{}\n", path.display()))?)
}
