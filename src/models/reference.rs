//! What the user wrote for a model → a file, or an entry to fetch.

use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use super::catalogue::{Catalogue, Entry};
use super::error::Error;
use super::lookup;
use super::names::{HubName, ModelRef};
use super::places::Places;

/// Where a model is, or what would have to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    Found(PathBuf),
    Missing(Box<Entry>),
}

impl Catalogue {
    /// The file that `model` means, or the entry that would have to be fetched for it.
    ///
    /// The hub is asked for one thing only: which files an unlisted repository (`-hf`) has, when no cache has one.
    pub fn resolve(&self, model: &ModelRef, places: &Places) -> Result<Resolved, Error> {
        match model {
            ModelRef::Default => Ok(found_or_missing(self.default_for(places.machine), places)),
            ModelRef::Named(written) => self.resolve_named(written, places),
            ModelRef::Hub(name) => self.resolve_hub(name, places),
        }
    }

    /// A file wins over a name, so that a path always means what it says.
    fn resolve_named(&self, written: &str, places: &Places) -> Result<Resolved, Error> {
        let path = Path::new(written);
        if path.is_dir() {
            return Err(Error::Folder { path: path.into() });
        }
        if path.exists() {
            return Ok(Resolved::Found(path.into()));
        }
        if let Some(entry) = self.named(written) {
            return Ok(found_or_missing(entry, places));
        }
        let on_disk = places.models_on_disk(self).into_iter();
        if let Some(found) = on_disk.into_iter().find(|found| found.name.eq_ignore_ascii_case(written)) {
            return Ok(Resolved::Found(found.path));
        }
        if written.contains(['/', MAIN_SEPARATOR]) || path.extension().is_some_and(|it| it.eq_ignore_ascii_case("gguf"))
        {
            return Err(Error::NoFile { path: path.into() });
        }
        let known = self.entries().iter().map(|entry| entry.name.clone()).collect();
        Err(Error::Unknown { written: written.into(), known })
    }

    fn resolve_hub(&self, name: &HubName, places: &Places) -> Result<Resolved, Error> {
        let listed = |entry: &&Entry| {
            let is_repo = entry.repo.eq_ignore_ascii_case(&name.repo);
            is_repo && name.quant.as_ref().is_none_or(|quant| lookup::is_quant(&entry.file, quant))
        };
        if let Some(entry) = self.entries().iter().find(listed) {
            return Ok(found_or_missing(entry, places));
        }
        if let Some(path) = lookup::in_caches(name, places) {
            return Ok(Resolved::Found(path));
        }
        Ok(found_or_missing(&lookup::on_hub(name, places)?, places))
    }
}

fn found_or_missing(entry: &Entry, places: &Places) -> Resolved {
    places.find(entry).map_or_else(|| Resolved::Missing(Box::new(entry.clone())), Resolved::Found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Hint;
    use crate::models::HubVariables;

    /// Places below a folder of the test, with nothing of the machine in it.
    fn places(folder: &Path) -> Places {
        Places::new(folder, Some(folder), HubVariables::default())
    }

    fn named(written: &str, places: &Places) -> Result<Resolved, Error> {
        Catalogue::bundled().resolve(&ModelRef::Named(written.into()), places)
    }

    /// A file of that many bytes that takes no room.
    fn sparse_file(path: &Path, bytes: u64) {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::File::create(path).and_then(|file| file.set_len(bytes)).expect("a file");
    }

    #[test]
    fn the_default_is_missing_until_a_file_of_its_size_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let places = places(folder.path());
        let entry = Catalogue::bundled().default_for(places.machine);
        let resolve = || Catalogue::bundled().resolve(&ModelRef::Default, &places).expect("it is known");
        assert_eq!(resolve(), Resolved::Missing(Box::new(entry.clone())));
        sparse_file(&places.own_path(entry), entry.bytes - 1);
        assert_eq!(resolve(), Resolved::Missing(Box::new(entry.clone())), "one byte short");
        sparse_file(&places.own_path(entry), entry.bytes);
        assert_eq!(resolve(), Resolved::Found(places.own_path(entry)));
    }

    #[test]
    fn a_copy_in_another_tools_cache_is_used() {
        let entry = Catalogue::bundled().named("qwen2.5-coder-0.5b").expect("it is listed");
        let hugging_face = "huggingface/hub/models--Qwen--Qwen2.5-Coder-0.5B-Instruct-GGUF/snapshots/abc";
        let llama = "llama.cpp/Qwen_Qwen2.5-Coder-0.5B-Instruct-GGUF_qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";
        for there in [&format!("{hugging_face}/{}", entry.file), llama] {
            let folder = tempfile::tempdir().expect("a folder");
            let copy = folder.path().join(".cache").join(there);
            sparse_file(&copy, entry.bytes);
            assert_eq!(named("Qwen2.5-Coder-0.5B", &places(folder.path())).expect("known"), Resolved::Found(copy));
        }
    }

    #[test]
    fn a_file_wins_and_a_wrong_name_is_told_from_a_wrong_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let places = places(folder.path());
        let file = folder.path().join("mine.gguf");
        sparse_file(&file, 8);
        assert_eq!(named(&file.to_string_lossy(), &places).expect("there"), Resolved::Found(file));
        let error = named("nowhere/x.gguf", &places).expect_err("no such file");
        assert_eq!(error.to_string(), "there is no model nowhere/x.gguf: no such file");
        let error = named("qwen9", &places).expect_err("unknown");
        assert_eq!(error.to_string(), "there is no model called `qwen9`, and no such file");
        assert!(error.hint().expect("a hint").contains("smollm2-135m"));
    }

    #[test]
    fn a_listed_repository_needs_no_question_to_the_hub() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut places = places(folder.path());
        places.hub.offline = true;
        let name = "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF:q4_k_m".parse().expect("a name");
        let resolved = Catalogue::bundled().resolve(&ModelRef::Hub(name), &places).expect("listed");
        assert!(matches!(resolved, Resolved::Missing(entry) if entry.name == "qwen2.5-coder-0.5b"));
    }

    #[test]
    fn an_unlisted_repository_is_found_in_the_cache_while_offline() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut places = places(folder.path());
        places.hub.offline = true;
        let snapshot = folder.path().join(".cache/huggingface/hub/models--a--b/snapshots/abc");
        sparse_file(&snapshot.join("b-Q8_0.gguf"), 8);
        let resolve =
            |written: &str| Catalogue::bundled().resolve(&ModelRef::Hub(written.parse().expect("a name")), &places);
        assert_eq!(resolve("a/b:Q8_0").expect("cached"), Resolved::Found(snapshot.join("b-Q8_0.gguf")));
        let error = resolve("a/b:Q4_0").expect_err("not cached");
        assert_eq!(error.to_string(), "a/b:Q4_0 is not on this machine, and nothing is fetched while offline");
    }
}
