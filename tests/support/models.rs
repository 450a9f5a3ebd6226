//! Real models for tests that are ignored by default: where `lunette pull` puts them.
//!
//! Nothing is fetched here, so that a test never waits for a network: `make test` pulls first.

use std::path::PathBuf;

use lunette::models::{Catalogue, HubVariables, ModelRef, Places, Resolved};
use lunette::settings::Directories;

/// The file of a model of the catalogue: `smollm2-135m`, or `qwen2.5-coder-0.5b`.
pub(crate) fn model(name: &str) -> PathBuf {
    let directories = Directories::of_system().expect("a home directory");
    let places = Places::new(&directories.cache, None, HubVariables::default());
    match Catalogue::bundled().resolve(&ModelRef::Named(name.into()), &places) {
        Ok(Resolved::Found(path)) => path,
        Ok(Resolved::Missing(entry)) => panic!("{} is not here: run `lunette pull {}`", entry.file, entry.name),
        Err(error) => panic!("{error}"),
    }
}
