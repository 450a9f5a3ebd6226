//! The committed series: complete, explained, pinned.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::patch;
use crate::series::Series;
use crate::source::{Pin, locked_checksum, package_folder};

const FIELDS: [&str; 7] = ["Why:", "Touches:", "Switch:", "Source:", "Upstream:", "Remove when:", "Test:"];

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn committed() -> Series {
    Series::load(here()).expect("the series is readable")
}

fn pin() -> Pin {
    let text = fs::read_to_string(here().join("upstream")).expect("the pin is readable");
    Pin::parse(&text).expect("the pin is well formed")
}

#[test]
fn series_names_every_patch_file_once_and_no_other() {
    let mut listed: Vec<_> = committed().patches.into_iter().map(|(name, _)| name).collect();
    listed.sort();
    let files = fs::read_dir(here()).unwrap().map(|entry| entry.unwrap().path());
    let patches = files.filter(|path| path.extension().is_some_and(|extension| extension == "patch"));
    let mut there: Vec<_> = patches.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    there.sort();
    assert_eq!(listed, there);
}

/// The value of a field in the commit message at the top of `text`, with the lines that continue it; empty without one.
fn field(text: &str, name: &str) -> String {
    let message = text.split("\ndiff --git ").next().unwrap_or_default();
    let mut lines = message.lines().skip_while(|line| !line.starts_with(name));
    let first = lines.next().map(|line| line[name.len()..].trim());
    let more = lines.take_while(|line| line.starts_with(' ')).map(str::trim);
    first.into_iter().chain(more).collect::<Vec<_>>().join(" ")
}

/// The words of a field's value without the punctuation around them.
fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split([' ', ',', ';', '(', ')']).filter(|word| !word.is_empty())
}

#[test]
fn every_patch_says_why_it_is_there_and_names_the_files_that_it_touches_and_no_others() {
    for (name, text) in committed().patches {
        for wanted in FIELDS {
            assert!(!field(&text, wanted).is_empty(), "{name}: the header lacks `{wanted}`");
        }
        let touched: BTreeSet<_> = patch::parse(&text).unwrap().into_iter().map(|file| file.path).collect();
        let named = field(&text, "Touches:");
        let named: BTreeSet<_> = words(&named).filter(|word| word.contains('/')).map(str::to_owned).collect();
        assert_eq!(named, touched, "{name}: `Touches:`, and what it does touch");
    }
}

#[test]
fn the_tests_that_headers_name_exist() {
    let root = here().join("..");
    for (name, text) in committed().patches {
        let value = field(&text, "Test:");
        let (files, others): (Vec<_>, Vec<_>) = words(&value).partition(|word| word.contains('/'));
        let read =
            |file: &&str| fs::read_to_string(root.join(file)).unwrap_or_else(|why| panic!("{name}: {file}: {why}"));
        let sources: String = files.iter().map(read).collect();
        for test in others.into_iter().filter(|word| word.contains('_')) {
            assert!(sources.contains(&format!("fn {test}()")), "{name}: there is no test {test} in {files:?}");
        }
    }
}

#[test]
fn the_pin_is_this_crates_version_and_the_root_asks_for_it() {
    assert_eq!((pin().name.as_str(), pin().version.as_str()), (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")));
    let root = fs::read_to_string(here().join("../Cargo.toml")).unwrap();
    let requirement = format!("llama-cpp-sys-2 = {{ version = \"={}\"", pin().version);
    assert!(root.contains(&requirement), "Cargo.toml lacks `{requirement}`");
}

#[test]
fn a_pin_of_another_form_is_refused() {
    assert!(Pin::parse("# a comment\nllama-cpp-sys-2 0.1.161\n").is_err());
    let full = Pin { name: "a".into(), version: "1".into(), sha256: "ff".into() };
    assert_eq!(Pin::parse("# a comment\na 1 ff\n"), Ok(full));
}

#[test]
fn the_checksum_is_read_from_the_package_that_is_meant() {
    let lock = "version = 4\n\n[[package]]\nname = \"a\"\nchecksum = \"11\"\n\n[[package]]\nname = \"ab\"\nchecksum = \"22\"\n";
    assert_eq!(locked_checksum(lock, "ab"), Some("22"));
    assert_eq!(locked_checksum(lock, "a"), Some("11"));
    assert_eq!(locked_checksum(lock, "b"), None);
}

#[test]
fn the_folder_is_read_from_the_package_that_is_meant() {
    let metadata = r#"{"packages":[{"name":"a","version":"1","manifest_path":"/other/Cargo.toml"},"#.to_owned()
        + r#"{"name":"a","version":"2","dependencies":[{"name":"b"}],"manifest_path":"/the one/a-2/Cargo.toml"}]}"#;
    let pin = |version: &str| Pin { name: "a".into(), version: version.into(), sha256: String::new() };
    assert_eq!(package_folder(&metadata, &pin("2")).as_deref(), Some(Path::new("/the one/a-2")));
    assert_eq!(package_folder(&metadata, &pin("3")), None);
}

#[test]
fn the_stamp_follows_names_texts_and_order() {
    let series = |patches: &[(&str, &str)]| {
        let patches = patches.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Series { patches }.stamp("1.2.3")
    };
    let stamp = series(&[("a", "x"), ("b", "y")]);
    assert!(stamp.starts_with("1.2.3-") && stamp.len() == "1.2.3-".len() + 16, "{stamp}");
    assert_eq!(stamp, series(&[("a", "x"), ("b", "y")]));
    for other in [series(&[("b", "y"), ("a", "x")]), series(&[("a", "x"), ("b", "z")]), series(&[("a", "x\nb\n1\ny")])]
    {
        assert_ne!(stamp, other);
    }
    assert_eq!(series(&[]), "1.2.3-unpatched");
}

#[test]
fn the_crate_was_built_with_the_series_as_it_is() {
    assert_eq!(llama_cpp_sys_2::PATCH_STAMP, committed().stamp(env!("CARGO_PKG_VERSION")));
}
