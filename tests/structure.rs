//! Holds the sources to the map in `src/lib.rs`: who may use whom, and no circles.
//!
//! An arrow is a path from one file to an item of another, by `use` or inline, outside `#[cfg(test)]`. A parent that declares and
//! re-exports its child has no arrow to it by that. Three rules:
//!
//! 1. The map names every module, every arrow between modules is allowed by it, and every arrow that it allows is there.
//! 2. There is no circle between modules.
//! 3. There is no circle between files, except inside the folder of one document format.
//!
//! Example: `chat/state.rs` says `use crate::settings::Settings`. The map's row for `chat` doesn't list `settings`, so the test fails with the
//! file, the line and the path.
//!
//! Does not see method calls without a path, nor what macros expand to. It reads paths inside a macro's arguments as they are written.

#[path = "structure/arrows.rs"]
mod arrows;
#[path = "structure/circles.rs"]
mod circles;
#[path = "structure/map.rs"]
mod map;
#[path = "structure/sources.rs"]
mod sources;

use std::path::Path;

use arrows::Arrow;
use map::Map;
use sources::Sources;

/// What the three rules object to, one sentence each.
fn objections(sources: &Sources) -> Vec<String> {
    let map = Map::of(sources);
    let arrows = arrows::between_files(sources);
    let mut objections = map.objections(sources, &arrows);
    objections.extend(circles::between_modules(&arrows));
    objections.extend(circles::between_files(&arrows));
    objections
}

/// The crate's own sources.
fn own() -> Sources {
    Sources::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

/// A crate of three modules that keeps the rules.
fn sound() -> Vec<(&'static str, &'static str)> {
    vec![
        (
            "lib.rs",
            "//! | module | answers | may use |\n//! |---|---|---|\n//! | [`top`] | ? | `middle`, `low::plain` |\n\
             //! | [`middle`] | ? | `low` |\n//! | [`low`] | ? | |\npub mod low;\npub mod middle;\npub mod top;\n",
        ),
        ("top.rs", "use crate::low::plain::Plain;\nuse crate::middle;\nfn run(_: Plain) { middle::work(); }\n"),
        ("middle/mod.rs", "mod parts;\npub use parts::work;\n"),
        ("middle/parts.rs", "pub fn work() { let _ = matches!(1, crate::low::ONE); }\n"),
        ("low/mod.rs", "pub mod plain;\npub const ONE: u8 = 1;\n#[cfg(test)]\nmod tests { use crate::top; }\n"),
        ("low/plain.rs", "pub struct Plain;\n"),
    ]
}

/// What is said of the sound crate with one file replaced.
fn objections_with(file: &'static str, text: &'static str) -> Vec<String> {
    let mut files = sound();
    files.retain(|(name, _)| *name != file);
    files.push((file, text));
    objections(&Sources::of_texts(&files))
}

#[test]
fn the_sources_keep_to_the_map() {
    let objections = objections(&own());
    assert!(objections.is_empty(), "{} objections:\n{}", objections.len(), objections.join("\n"));
}

#[test]
fn arrows_are_seen_in_the_real_tree() {
    let arrows = arrows::between_files(&own());
    let between = |from: &str, to: &str| arrows.iter().any(|arrow| arrow.from == from && arrow.to == to);
    assert!(arrows.len() > 300, "only {} arrows", arrows.len());
    assert!(between("main.rs", "settings/resolve.rs"), "the binary uses the library");
    assert!(!between("chat/mod.rs", "chat/state.rs"), "a parent that re-exports its child has no arrow");
}

#[test]
fn a_sound_crate_has_no_objections() {
    assert_eq!(objections(&Sources::of_texts(&sound())), Vec::<String>::new());
}

#[test]
fn a_planted_arrow_is_found() {
    let by_use = objections_with("middle/parts.rs", "use crate::top::run;\npub fn work() { crate::low::ONE; }\n");
    let expected = "middle/parts.rs:1: crate::top::run leads to top.rs, and the map does not let `middle` use `top`";
    assert!(by_use.contains(&expected.to_owned()), "{by_use:?}");
    let inside = "pub fn work() { assert!(crate::top::run() == crate::low::ONE); }\n";
    assert!(objections_with("middle/parts.rs", inside)[0].contains("crate::top::run"), "paths in macros count");
}

#[test]
fn a_module_that_may_be_used_in_part_is_not_used_beyond_it() {
    let top = "use crate::low::plain::Plain;\nfn run(_: Plain) { crate::middle::work(crate::low::ONE); }\n";
    let expected = ["top.rs:2: crate::low::ONE leads to low/mod.rs, and the map does not let `top` use `low`"];
    assert_eq!(objections_with("top.rs", top), expected);
}

#[test]
fn a_planted_circle_between_files_is_found() {
    let objections = objections_with("low/plain.rs", "pub struct Plain;\nconst TWO: u8 = super::ONE + 1;\n");
    assert_eq!(objections, Vec::<String>::new(), "a child may use its parent");
    let mut files = sound();
    files.retain(|(name, _)| !name.starts_with("low/"));
    files.push(("low/mod.rs", "pub mod plain;\nuse plain::Plain;\npub const ONE: Plain = Plain;\n"));
    files.push(("low/plain.rs", "pub struct Plain;\nconst TWO: u8 = super::ONE;\n"));
    let found = self::objections(&Sources::of_texts(&files));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("a circle of files: low/mod.rs → low/plain.rs → low/mod.rs"), "{found:?}");
}

#[test]
fn a_planted_circle_between_modules_is_found() {
    let objections = objections_with("low/plain.rs", "pub struct Plain;\nfn up() { crate::top::run(); }\n");
    assert!(objections.iter().any(|said| said.starts_with("a circle of modules: low → top → low")), "{objections:?}");
}

#[test]
fn a_crate_of_the_workspace_is_a_module_with_paths_of_its_own() {
    let mut files = sound();
    files.retain(|(name, _)| !name.starts_with("low/") && *name != "lib.rs");
    let map = sound()[0].1.replace("pub mod low;", "pub use lunette_low as low;");
    files.push(("lib.rs", Box::leak(map.into_boxed_str())));
    files.push(("low/lib.rs", "pub mod plain;\npub const ONE: u8 = 1;\n"));
    files.push(("low/plain.rs", "pub struct Plain;\n"));
    assert_eq!(self::objections(&Sources::of_texts(&files)), Vec::<String>::new());
    files.push(("low/other.rs", "use crate::plain::Plain;\npub struct Other(Plain);\n"));
    files.retain(|(name, _)| *name != "low/lib.rs" && *name != "low/plain.rs");
    files.push(("low/lib.rs", "pub mod other;\npub mod plain;\npub const ONE: u8 = 1;\n"));
    files.push(("low/plain.rs", "pub struct Plain;\nconst OTHER: Option<crate::other::Other> = None;\n"));
    let found = self::objections(&Sources::of_texts(&files));
    assert!(found.iter().any(|said| said.starts_with("a circle of files: low/other.rs")), "{found:?}");
}

#[test]
fn a_circle_inside_the_folder_of_one_format_is_allowed() {
    let arrow =
        |from: &str, to: &str| Arrow { from: from.to_owned(), to: to.to_owned(), path: "x".to_owned(), line: 1 };
    let circle = |a: &str, b: &str| circles::between_files(&[arrow(a, b), arrow(b, a)]).len();
    assert_eq!(circle("document/format/pdf/worker.rs", "document/format/pdf/first.rs"), 0);
    assert_eq!(circle("document/format/pdf/mod.rs", "document/format/docx/mod.rs"), 1, "two formats");
    assert_eq!(circle("document/format/mod.rs", "document/format/text.rs"), 1, "no folder of a format");
}

#[test]
fn a_module_that_the_map_forgets_and_an_arrow_that_is_not_there_are_told() {
    let lib = "//! | module | answers | may use |\n//! |---|---|---|\n//! | [`top`] | ? | `middle`, `low` |\n\
               //! | [`middle`] | ? | `low` |\npub mod low;\npub mod middle;\npub mod top;\n";
    assert_eq!(objections_with("lib.rs", lib), ["the map does not name the module `low`"]);
    let unused = "fn run() { crate::middle::work(); }\n";
    assert_eq!(objections_with("top.rs", unused), ["the map lets `top` use `low::plain`, and no file does"]);
}
