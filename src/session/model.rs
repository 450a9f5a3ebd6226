//! Finds the model's file, and fetches it when that is wanted.
//!
//! A download is never silent: a missing model is an error that names the command that fetches it, unless `--pull` or `pull = "always"` was
//! said, or the [`Observer`] agrees to fetch it.

use std::path::PathBuf;

use super::error::Error;
use super::observer::{Activity, Observer};
use crate::chat::Offered;
use crate::engine::message::CancelToken;
use crate::models::{self, Catalogue, Entry, ModelRef, Resolved};
use crate::settings::{PullPolicy, Settings};

/// The file of the model that was asked for, fetched first when it is missing and that is wanted.
///
/// Errors: [`Error::ModelMissing`] when it is not.
pub fn find(settings: &Settings, observer: &mut dyn Observer) -> Result<PathBuf, Error> {
    match locate(settings, observer)? {
        Resolved::Found(path) => Ok(path),
        Resolved::Missing(entry) if settings.pull == PullPolicy::Ask && observer.agrees_to_fetch(&entry) => {
            fetch(&entry, settings, observer)
        }
        Resolved::Missing(entry) => Err(Error::ModelMissing { entry }),
    }
}

/// As [`find`], for a front end that offers a missing model itself: it is fetched here only with `--pull` or `pull = "always"`.
///
/// Errors: [`Error::ModelMissing`] when it must not be fetched.
pub fn locate(settings: &Settings, observer: &mut dyn Observer) -> Result<Resolved, Error> {
    let resolved = Catalogue::bundled().resolve(&settings.model, &settings.places)?;
    match (resolved, settings.pull) {
        (Resolved::Missing(entry), PullPolicy::Always) => Ok(Resolved::Found(fetch(&entry, settings, observer)?)),
        (Resolved::Missing(entry), PullPolicy::Never) => Err(Error::ModelMissing { entry }),
        (resolved, _) => Ok(resolved),
    }
}

/// Fetches the model called `name` (the default when there is none) unless it is here, and returns its file.
pub fn pull(name: Option<&str>, settings: &Settings, observer: &mut dyn Observer) -> Result<PathBuf, Error> {
    let asked = name.map_or(ModelRef::Default, |name| ModelRef::Named(name.to_owned()));
    match Catalogue::bundled().resolve(&asked, &settings.places)? {
        Resolved::Found(path) => Ok(path),
        Resolved::Missing(entry) => fetch(&entry, settings, observer),
    }
}

/// A model that can be fetched, as a chat shows it.
#[must_use]
pub fn offered(entry: &Entry) -> Offered {
    Offered { title: entry.title.clone(), bytes: entry.bytes, license: entry.license.clone() }
}

fn fetch(entry: &Entry, settings: &Settings, observer: &mut dyn Observer) -> Result<PathBuf, Error> {
    observer.progress(Activity::ModelFetchBegins(entry));
    let mut progress = |progress| observer.progress(Activity::FetchingModel(&progress));
    Ok(models::pull(entry, &settings.places, &mut progress, &CancelToken::default())?)
}
