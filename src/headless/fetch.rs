//! Finds the model's file, and fetches it when that is wanted.
//!
//! A download is never silent: without a terminal a missing model is exit code 5 and the command that fetches it, unless `--pull` or
//! `pull = "always"` was said. Before the screen opens it is offered.

use std::io::{self, BufRead};
use std::path::PathBuf;

use super::Voice;
use super::report::bytes;
use crate::engine::message::CancelToken;
use crate::exit::{Exit, Trouble};
use crate::models::{self, Catalogue, Entry, ModelRef, Resolved};
use crate::settings::{FrontEnd, PullPolicy, Settings};

/// The file of the model that was asked for; fetched first when it is not there and that is wanted.
///
/// Errors: [`Exit::Model`] with the command that fetches it.
pub fn model_file(settings: &Settings, voice: &mut Voice) -> Result<PathBuf, Trouble> {
    match Catalogue::bundled().resolve(&settings.model, &settings.places)? {
        Resolved::Found(path) => Ok(path),
        Resolved::Missing(entry) if may_fetch(settings, &entry, voice) => fetch(&entry, settings, voice),
        Resolved::Missing(entry) => Err(missing(&entry)),
    }
}

/// Fetches the model called `name` (the default when there is none), checks it, and prints where it is.
pub fn pull(name: Option<&str>, settings: &Settings, voice: &mut Voice) -> Result<(), Trouble> {
    let asked = name.map_or(ModelRef::Default, |name| ModelRef::Named(name.to_owned()));
    let path = match Catalogue::bundled().resolve(&asked, &settings.places)? {
        Resolved::Found(path) => path,
        Resolved::Missing(entry) => fetch(&entry, settings, voice)?,
    };
    Ok(voice.data(&format!("{}\n", path.display()))?)
}

fn fetch(entry: &Entry, settings: &Settings, voice: &mut Voice) -> Result<PathBuf, Trouble> {
    let license = entry.license.as_ref().map_or(String::new(), |license| format!(", {license}"));
    voice.note(&format!("fetching {} ({}{license})", entry.title, bytes(entry.bytes)));
    let mut progress = |progress| voice.fetching(&progress);
    Ok(models::pull(entry, &settings.places, &mut progress, &CancelToken::default())?)
}

fn may_fetch(settings: &Settings, entry: &Entry, voice: &mut Voice) -> bool {
    match settings.pull {
        PullPolicy::Always => true,
        PullPolicy::Never => false,
        PullPolicy::Ask => {
            matches!(settings.front_end, FrontEnd::Screen | FrontEnd::Plain)
                && settings.terminal.is_interactive()
                && agreed(entry, voice)
        }
    }
}

fn agreed(entry: &Entry, voice: &mut Voice) -> bool {
    voice.note(&format!("{} is not here yet. Fetch it ({})? [Y/n]", entry.title, bytes(entry.bytes)));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok_and(|length| length > 0) && matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes")
}

fn missing(entry: &Entry) -> Trouble {
    let message = format!("the model {} is not on this machine", entry.name);
    let hint = format!("lunette pull {} fetches it ({}), and so does --pull", entry.name, bytes(entry.bytes));
    Trouble::new(Exit::Model, message, Some(hint))
}
