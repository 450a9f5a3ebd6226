//! Finds the model's file, and fetches a missing model when that is allowed.
//!
//! `--pull` and `pull = "always"` allow it, `pull = "never"` forbids it, and otherwise the [`Observer`] decides. Where
//! it is not allowed, a missing model is an error whose hint names the command that fetches it.

use std::path::{Path, PathBuf};

use super::error::Error;
use super::observer::{Activity, Observer};
use super::suggestions::suggested;
use crate::chat::Offered;
use crate::engine::message::CancelToken;
use crate::models::{self, Catalogue, Entry, FoundModel, Machine, ModelRef, Resolved};
use crate::settings::{PullPolicy, Settings};
use crate::units::count;

/// The file of the model that the settings name. A missing model is fetched if that is allowed.
///
/// Errors: [`Error::ModelMissing`] if it is not.
pub fn find(settings: &Settings, observer: &mut dyn Observer) -> Result<PathBuf, Error> {
    let located = locate(settings, observer)?;
    if matches!((&located, &settings.model), (Resolved::Missing(_), ModelRef::Default)) {
        suggest(settings, observer);
    }
    match located {
        Resolved::Found(path) => Ok(path),
        Resolved::Missing(entry) if settings.pull == PullPolicy::Ask && observer.agrees_to_fetch(&entry) => {
            fetch(&entry, settings, observer)
        }
        Resolved::Missing(entry) => Err(Error::ModelMissing { entry }),
    }
}

/// Tells which models suit this machine, where none was named and none is here.
fn suggest(settings: &Settings, observer: &mut dyn Observer) {
    let suggestions = suggested(settings, 0);
    if suggestions.models.is_empty() {
        return;
    }
    observer.note(&format!("models that suit this machine, {}:", suggestions.heading()));
    for model in &suggestions.models {
        observer.note(&format!("{}: {} · {}", model.role.name(), model.name, model.facts()));
    }
}

/// As [`find`], but doesn't ask the observer: the caller offers the missing model to the user.
///
/// Errors: [`Error::ModelMissing`] if the settings forbid fetching it.
pub fn locate(settings: &Settings, observer: &mut dyn Observer) -> Result<Resolved, Error> {
    if let Some(server) = &settings.server {
        return Ok(Resolved::Found(server.model_place()));
    }
    if let Some(note) = too_many_threads(settings) {
        observer.note(&note);
    }
    let resolved = Catalogue::bundled().resolve(&settings.model, &settings.places)?;
    match (resolved, settings.pull) {
        (Resolved::Missing(entry), PullPolicy::Always) => Ok(Resolved::Found(fetch(&entry, settings, observer)?)),
        (Resolved::Missing(entry), PullPolicy::Never) => Err(Error::ModelMissing { entry }),
        (resolved, _) => Ok(resolved),
    }
}

/// Says that more threads are asked for than there are cores to run them.
fn too_many_threads(settings: &Settings) -> Option<String> {
    let cores = settings.places.machine.cores;
    let threads = settings.engine.threads.filter(|threads| *threads > cores)?;
    let has = if cores == 1 { "1 core".to_owned() } else { format!("{} cores", count(cores)) };
    Some(format!("-t {threads}: this machine has {has}, and threads that wait for one slow down all others"))
}

/// The file of the model called `name`, or of the default model. One that is missing or damaged is fetched.
pub fn pull(name: Option<&str>, settings: &Settings, observer: &mut dyn Observer) -> Result<PathBuf, Error> {
    let asked = name.map_or(ModelRef::Default, |name| ModelRef::Named(name.to_owned()));
    let catalogue = Catalogue::bundled();
    let known = match name {
        // A file of that name wins over the catalogue.
        Some(name) => catalogue.named(name).filter(|_| !Path::new(name).exists()),
        None => Some(catalogue.default_for(settings.places.machine)),
    };
    match (catalogue.resolve(&asked, &settings.places)?, known) {
        (Resolved::Missing(entry), _) => fetch(&entry, settings, observer),
        // Whoever pulls again doubts the file: it is checked, and fetched where it is damaged.
        (Resolved::Found(_), Some(entry)) => check_or_fetch(entry, settings, observer),
        (Resolved::Found(path), None) => Ok(path),
    }
}

/// Whether a model's file has the sha256 `expected`. Reads all of it.
pub fn is_whole(found: &FoundModel, expected: &str, observer: &mut dyn Observer) -> Result<bool, Error> {
    let mut progress = |progress| observer.progress(Activity::FetchingModel(&progress));
    match models::check_sha256(&found.path, expected, found.bytes, &mut progress, &CancelToken::default()) {
        Err(models::Error::Checksum { .. }) => Ok(false),
        checked => Ok(checked.map(|()| true)?),
    }
}

/// What a chat shows about a model that can be fetched.
#[must_use]
pub fn offered(entry: &Entry, machine: Machine) -> Offered {
    Offered {
        name: entry.name.clone(),
        title: entry.title.clone(),
        bytes: entry.all_bytes(),
        license: entry.license().map(str::to_owned),
        speed: predicted_speed(entry, machine),
    }
}

/// How fast `machine` will read with a model that it doesn't have yet: `reads about 170 tokens/s on 4 cores (predicted)`.
#[must_use]
pub fn predicted_speed(entry: &Entry, machine: Machine) -> Option<String> {
    let tokens_per_s = entry.predicted_tokens_per_s(machine)?;
    let cores = if machine.cores == 1 { "1 core".to_owned() } else { format!("{} cores", machine.cores) };
    // Two digits: it was measured on another machine.
    let rounded = (tokens_per_s + 5) / 10 * 10;
    Some(format!("reads about {} tokens/s on {cores} (predicted)", count(rounded)))
}

fn check_or_fetch(entry: &Entry, settings: &Settings, observer: &mut dyn Observer) -> Result<PathBuf, Error> {
    let mut progress = |progress| observer.progress(Activity::FetchingModel(&progress));
    Ok(models::pull(entry, &settings.places, &mut progress, &CancelToken::default())?)
}

fn fetch(entry: &Entry, settings: &Settings, observer: &mut dyn Observer) -> Result<PathBuf, Error> {
    if let Some(speed) = predicted_speed(entry, settings.places.machine) {
        observer.note(&format!("{} {speed}", entry.title));
    }
    observer.progress(Activity::ModelFetchBegins(entry));
    let mut progress = |progress| observer.progress(Activity::FetchingModel(&progress));
    Ok(models::pull(entry, &settings.places, &mut progress, &CancelToken::default())?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::failure::Hint;
    use crate::session::Unobserved;
    use crate::session::fixtures::{Recorder, serve, settings};

    const MODEL: &[u8] = b"GGUF of few bytes";

    /// A hub with one repository of one small model.
    fn hub() -> String {
        let hexadecimal = |byte: &u8| format!("{byte:02x}");
        let sha256: String = Sha256::digest(MODEL).iter().map(hexadecimal).collect();
        let file = serde_json::json!({ "path": "tiny-q8_0.gguf", "lfs": { "oid": sha256, "size": MODEL.len() } });
        let listing = serde_json::json!([file]).to_string().into_bytes();
        serve(vec![
            ("/api/models/ada/tiny/tree/main?recursive=true".to_owned(), listing),
            ("/ada/tiny/resolve/main/tiny-q8_0.gguf".to_owned(), MODEL.to_vec()),
        ])
    }

    /// Settings that ask for the model of [`hub`].
    fn asking(home: &tempfile::TempDir, flags: &[&str]) -> Settings {
        let mut settings = settings(home.path(), &[&["-hf", "ada/tiny"], flags].concat());
        settings.places.hub.endpoint = hub();
        settings
    }

    #[test]
    fn a_model_on_this_machine_is_found_without_questions() {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("model.gguf");
        fs::write(&file, MODEL).expect("written");
        let mut observer = Recorder::agreeing();
        let settings = settings(home.path(), &["-m", &file.to_string_lossy()]);
        assert_eq!(find(&settings, &mut observer).expect("it is here"), file);
        assert_eq!(observer.heard, [""; 0]);
    }

    #[test]
    fn threads_without_a_core_are_told() {
        let home = tempfile::tempdir().expect("a folder");
        let told = |threads: &str, cores| {
            let mut settings = settings(home.path(), &["-t", threads]);
            settings.places.machine.cores = cores;
            too_many_threads(&settings)
        };
        let expected = "-t 500: this machine has 2 cores, and threads that wait for one slow down all others";
        assert_eq!(told("500", 2).as_deref(), Some(expected));
        assert_eq!([told("2", 2), told("-1", 1), told("0", 1)], [None, None, None]);
        assert!(told("2", 1).is_some_and(|told| told.contains("has 1 core,")));
    }

    #[test]
    fn a_missing_model_is_fetched_when_the_observer_agrees() {
        let home = tempfile::tempdir().expect("a folder");
        let mut observer = Recorder::agreeing();
        let file = find(&asking(&home, &[]), &mut observer).expect("it is fetched");
        assert_eq!(fs::read(file).expect("a file"), MODEL);
        assert_eq!(observer.heard, ["fetch ada/tiny?", "fetch ada/tiny", "model: 17 of 17"]);
    }

    #[test]
    fn refusing_a_download_gives_an_error_that_names_the_command_for_it() {
        let home = tempfile::tempdir().expect("a folder");
        let mut observer = Recorder::default();
        let error = find(&asking(&home, &[]), &mut observer).expect_err("it is not fetched");
        assert_eq!(error.to_string(), "the model ada/tiny is not on this machine");
        assert_eq!(
            error.hint().as_deref(),
            Some(
                "lunette pull ada/tiny downloads it (17 B), or pass --pull; `lunette models suggest DOCUMENT` names others for this machine"
            )
        );
        assert_eq!(observer.heard, ["fetch ada/tiny?"]);
    }

    #[test]
    fn an_observer_refuses_by_default() {
        let home = tempfile::tempdir().expect("a folder");
        assert!(matches!(find(&asking(&home, &[]), &mut Unobserved), Err(Error::ModelMissing { .. })));
    }

    #[test]
    fn settings_that_decide_leave_nothing_to_ask() {
        let home = tempfile::tempdir().expect("a folder");
        let mut observer = Recorder::agreeing();
        let never = Settings { pull: PullPolicy::Never, ..asking(&home, &[]) };
        assert!(matches!(find(&never, &mut observer), Err(Error::ModelMissing { .. })));
        assert!(matches!(locate(&never, &mut observer), Err(Error::ModelMissing { .. })));
        assert_eq!(observer.heard, [""; 0]);
        let mut observer = Recorder::default();
        find(&asking(&home, &["--pull"]), &mut observer).expect("it is fetched");
        assert_eq!(observer.heard, ["fetch ada/tiny", "model: 17 of 17"]);
    }

    #[test]
    fn a_speed_is_told_before_the_download_where_one_is_known() {
        let entry = Catalogue::bundled().named("qwen2.5-coder-1.5b").expect("it is listed");
        let told = |cores| predicted_speed(entry, Machine { cores, ..Machine::default() }).expect("it was measured");
        assert_eq!(told(1), "reads about 40 tokens/s on 1 core (predicted)");
        assert_eq!(told(32), "reads about 1,340 tokens/s on 32 cores (predicted)");
    }

    #[test]
    fn locate_leaves_a_missing_model_to_the_front_end() {
        let home = tempfile::tempdir().expect("a folder");
        let mut observer = Recorder::agreeing();
        let located = locate(&asking(&home, &[]), &mut observer).expect("it can be fetched");
        let Resolved::Missing(entry) = located else { panic!("{located:?}") };
        let (name, title) = ("ada/tiny".into(), "tiny-q8_0.gguf of ada/tiny".into());
        let expected = Offered { name, title, bytes: 17, license: None, speed: None };
        assert_eq!(offered(&entry, Machine::default()), expected);
        assert_eq!(observer.heard, [""; 0]);
    }
}
