//! Chooses and orders the files of a folder.
//!
//! The files are those that `rg --files` lists: `.gitignore`, `.ignore`, git's excludes and hidden files count as they
//! do for ripgrep. Lock files, minified code, vendored folders ([`machine_made`]) and files above [`MOST_BYTES`] are
//! skipped and reported; books ([`is_book`]) may be of any size. Hidden files are reported, too, and ignored ones that git
//! has. `--include '*.lock'` reads exactly what it matches, whatever these rules say. `--exclude` skips more.
//!
//! In each folder, the README comes first, then the other files by name, then the folders by name:
//!
//! ```text
//! tool/README.md   tool/Cargo.toml   tool/src/lib.rs   tool/src/walk/mod.rs      skipped: tool/Cargo.lock (a lock file)
//! ```
//!
//! Files are not opened: only names and sizes count, except in [`says_it_is_generated`]. Symbolic links are not
//! followed: one that leaves the folder would add files that nobody asked for, and one to a parent would never end.
//! They are reported.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};

use ignore::overrides::{Override, OverrideBuilder};
use ignore::{DirEntry, WalkBuilder};

use super::controls::printable;
use super::error::Error;
use super::git_index;
use super::report::{SkipReason, Skipped};

/// Larger files in a folder are more often data than text, unless they are books.
const MOST_BYTES: u64 = 1 << 20;
/// Generated files say so near their top.
const HEAD_BYTES: usize = 1 << 10;

/// Globs that select files of folders, in the syntax of `.gitignore`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// If not empty, only these files.
    pub include: Vec<String>,
    pub exclude: Vec<String>,
}

/// The files of a folder.
#[derive(Debug, Default)]
pub(super) struct FolderFiles {
    /// In reading order.
    pub files: Vec<PathBuf>,
    pub skipped: Vec<Skipped>,
}

/// Lists the files of `folder`. Folders that cannot be searched are among the skipped.
pub(super) fn walk(folder: &Path, wanted: &Wanted) -> Result<FolderFiles, Error> {
    let chosen = overrides(folder, wanted)?;
    let skipped = Arc::new(Mutex::new(Vec::new()));
    let mut walker = WalkBuilder::new(folder);
    walker.overrides(chosen).sort_by_file_path(Path::cmp);
    if wanted.include.is_empty() {
        let skipped = Arc::clone(&skipped);
        // Hidden files are filtered here rather than by the walker, so that they are reported.
        walker.hidden(false).filter_entry(move |entry| !is_vendored(entry, &skipped) && !is_hidden(entry, &skipped));
    }
    let mut found = FolderFiles::default();
    for entry in walker.build() {
        match entry {
            Ok(entry) => found.add(&entry, wanted),
            Err(error) => found.skip(&error.to_string(), SkipReason::Unreadable("the folder can't be searched".into())),
        }
    }
    found.files.sort_by(|one, other| in_reading_order(one, other));
    found.skipped.append(&mut skipped.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    if wanted.include.is_empty() {
        found.add_tracked(folder);
    }
    found.skipped.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// The globs as ripgrep's `-g` takes them: an include overrides every ignore file.
fn overrides(folder: &Path, wanted: &Wanted) -> Result<Override, Error> {
    let mut builder = OverrideBuilder::new(folder);
    let excludes = wanted.exclude.iter().map(|glob| format!("!{glob}"));
    for glob in wanted.include.iter().cloned().chain(excludes) {
        builder.add(&glob).map_err(|error| Error::BadGlob { glob: glob.clone(), reason: error.to_string() })?;
    }
    builder.build().map_err(|error| Error::BadGlob { glob: wanted.include.join(" "), reason: error.to_string() })
}

impl FolderFiles {
    fn add(&mut self, entry: &DirEntry, wanted: &Wanted) {
        let (path, kind) = (entry.path(), entry.file_type());
        let name = path.to_string_lossy();
        if kind.is_some_and(|kind| kind.is_symlink()) {
            self.skip(&name, SkipReason::SymbolicLink);
        } else if kind.is_some_and(|kind| kind.is_file()) {
            let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
            match machine_made(path).filter(|_| wanted.include.is_empty()) {
                Some(rule) => self.skip(&name, SkipReason::Generated(rule)),
                None if is_too_large(path, bytes) && wanted.include.is_empty() => {
                    self.skip(&name, SkipReason::Large { bytes });
                }
                None => self.files.push(path.to_owned()),
            }
        }
    }

    /// Adds the files that git has and that were left out by `.gitignore`.
    fn add_tracked(&mut self, folder: &Path) {
        let listed: HashSet<PathBuf> = self.files.iter().cloned().collect();
        let skipped: Vec<String> = self.skipped.iter().map(|skipped| skipped.name.clone()).collect();
        for path in git_index::tracked_in(folder) {
            let name = printable(&path.to_string_lossy());
            let is_told =
                skipped.iter().any(|told| name == *told || told.ends_with('/') && name.starts_with(told.as_str()));
            if !listed.contains(&path) && !is_told && path.is_file() {
                self.skipped.push(Skipped { name, reason: SkipReason::TrackedButIgnored });
            }
        }
    }

    fn skip(&mut self, name: &str, reason: SkipReason) {
        self.skipped.push(Skipped { name: printable(name), reason });
    }
}

/// Folders of code that somebody else wrote.
const VENDORED: [&str; 6] =
    ["node_modules", "bower_components", "vendor", "third_party", "__pycache__", "site-packages"];

/// What becomes of a file.
pub(super) enum Choice {
    Read,
    Skip(SkipReason),
    /// The globs leave it out, which is not reported.
    Unwanted,
}

/// Decides about files that are not on disk, in archives, by the same rules.
pub(super) struct Chooser {
    globs: Override,
    has_include: bool,
}

impl Chooser {
    pub(super) fn new(wanted: &Wanted) -> Result<Self, Error> {
        Ok(Self { globs: overrides(Path::new("/"), wanted)?, has_include: !wanted.include.is_empty() })
    }

    /// Whether the file at `path` is read.
    pub(super) fn choose(&self, path: &Path, bytes: u64) -> Choice {
        let matched = self.globs.matched(Path::new("/").join(path), false);
        if matched.is_ignore() {
            return Choice::Unwanted;
        }
        if self.has_include {
            return Choice::Read;
        }
        let names = || path.components().map(|part| part.as_os_str().to_string_lossy());
        let folders = path.parent().into_iter().flat_map(Path::components);
        let mut folders = folders.map(|part| part.as_os_str().to_string_lossy().into_owned());
        let reason = if names().any(|name| name.starts_with('.')) {
            SkipReason::Hidden
        } else if folders.any(|name| VENDORED.contains(&name.as_str())) {
            SkipReason::Generated("vendored code")
        } else if let Some(rule) = machine_made(path) {
            SkipReason::Generated(rule)
        } else if is_too_large(path, bytes) {
            SkipReason::Large { bytes }
        } else {
            return Choice::Read;
        };
        Choice::Skip(reason)
    }
}

/// Whether the file is larger than source code is, and no book.
fn is_too_large(path: &Path, bytes: u64) -> bool {
    bytes > MOST_BYTES && !is_book(path)
}

/// Whether a file of this name is a document, which may be large, rather than source code or data.
fn is_book(path: &Path) -> bool {
    const BOOKS: [&str; 26] = [
        "pdf", "epub", "docx", "odt", "odp", "ods", "pptx", "xlsx", "rtf", "fb2", "txt", "text", "md", "markdown",
        "rst", "adoc", "org", "tex", "html", "htm", "xhtml", "eml", "mbox", "mht", "mhtml", "ipynb",
    ];
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_some_and(|extension| BOOKS.contains(&extension.as_str()))
}

/// Whether `entry` is hidden. Adds it to `skipped` if so, except for what git keeps for itself.
fn is_hidden(entry: &DirEntry, skipped: &Mutex<Vec<Skipped>>) -> bool {
    let name = entry.file_name().to_string_lossy();
    let is_hidden = entry.depth() > 0 && name.starts_with('.');
    let is_of_git =
        matches!(&*name, ".git" | ".gitignore" | ".gitattributes" | ".gitmodules" | ".ignore" | ".DS_Store");
    if is_hidden && !is_of_git {
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        let name = format!("{}{}", printable(&entry.path().to_string_lossy()), if is_folder { "/" } else { "" });
        let mut skipped = skipped.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        skipped.push(Skipped { name, reason: SkipReason::Hidden });
    }
    is_hidden
}

/// Whether `entry` is a folder of vendored code. Adds it to `skipped` if so.
fn is_vendored(entry: &DirEntry, skipped: &Mutex<Vec<Skipped>>) -> bool {
    let is_folder = entry.depth() > 0 && entry.file_type().is_some_and(|kind| kind.is_dir());
    let is_vendored = is_folder && VENDORED.iter().any(|name| entry.file_name() == *name);
    if is_vendored {
        let name = format!("{}/", printable(&entry.path().to_string_lossy()));
        let mut skipped = skipped.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        skipped.push(Skipped { name, reason: SkipReason::Generated("a folder of vendored code") });
    }
    is_vendored
}

/// Why a file of this name was probably not written by hand.
fn machine_made(path: &Path) -> Option<&'static str> {
    const LOCKS: [&str; 12] = [
        "Cargo.lock",
        "package-lock.json",
        "npm-shrinkwrap.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "bun.lock",
        "poetry.lock",
        "uv.lock",
        "Pipfile.lock",
        "composer.lock",
        "Gemfile.lock",
        "go.sum",
    ];
    let name = path.file_name()?.to_string_lossy();
    if LOCKS.contains(&&*name) {
        return Some("a lock file");
    }
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&[".min.js", ".min.css", ".min.mjs", "-min.js"]) {
        return Some("minified code");
    }
    if ends(&[".js.map", ".css.map", ".pb.go", "_pb2.py", ".designer.cs"]) {
        return Some("a generated file");
    }
    None
}

/// Whether the first lines say that the file was generated.
pub(super) fn says_it_is_generated(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD_BYTES)]);
    head.lines().take(5).any(|line| {
        let line = line.to_ascii_lowercase();
        line.contains("@generated")
            || line.contains("code generated by")
            || line.contains("do not edit") && line.contains("generated")
    })
}

/// Files before folders, the README before other files, otherwise by name.
pub(super) fn in_reading_order(one: &Path, other: &Path) -> Ordering {
    let (ones, others): (Vec<Component>, Vec<Component>) = (one.components().collect(), other.components().collect());
    let first_apart = ones.iter().zip(&others).position(|(one, other)| one != other);
    let Some(at) = first_apart else { return ones.len().cmp(&others.len()) };
    let rank = |components: &[Component]| {
        let name = components[at].as_os_str().to_string_lossy().into_owned();
        let is_folder = at + 1 < components.len();
        let is_readme = !is_folder && name.to_ascii_lowercase().starts_with("readme");
        (is_folder, !is_readme, name)
    };
    rank(&ones).cmp(&rank(&others))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn folder(files: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, format!("content of {file}\n")).expect("written");
        }
        folder
    }

    fn names(folder: &TempDir, paths: impl IntoIterator<Item = PathBuf>) -> Vec<String> {
        let inside = |path: PathBuf| path.strip_prefix(folder.path()).expect("inside").to_string_lossy().into_owned();
        paths.into_iter().map(inside).collect()
    }

    fn listed(folder: &TempDir, wanted: &Wanted) -> (Vec<String>, Vec<String>) {
        let found = walk(folder.path(), wanted).expect("a folder");
        let skipped = found.skipped.iter().map(|skipped| PathBuf::from(&skipped.name));
        let skipped: Vec<PathBuf> = skipped.collect();
        (names(folder, found.files), names(folder, skipped))
    }

    fn globs(include: &[&str], exclude: &[&str]) -> Wanted {
        let owned = |globs: &[&str]| globs.iter().map(|&glob| glob.to_owned()).collect();
        Wanted { include: owned(include), exclude: owned(exclude) }
    }

    #[test]
    fn a_reader_meets_the_readme_then_files_then_folders() {
        let folder = folder(&["src/z.rs", "src/a/mod.rs", "b.txt", "README.md", "A.txt", "src/README"]);
        let (files, _) = listed(&folder, &Wanted::default());
        assert_eq!(files, ["README.md", "A.txt", "b.txt", "src/README", "src/z.rs", "src/a/mod.rs"]);
    }

    #[test]
    fn what_nobody_wrote_is_left_out_and_named() {
        let folder =
            folder(&["Cargo.lock", "main.rs", "vendor/lib/lib.rs", "web/app.min.js", "node_modules/a/index.js"]);
        let (files, skipped) = listed(&folder, &Wanted::default());
        assert_eq!(files, ["main.rs"]);
        assert_eq!(skipped, ["Cargo.lock", "node_modules", "vendor", "web/app.min.js"]);
    }

    #[test]
    fn ignore_files_and_hidden_files_are_heeded() {
        let folder = folder(&["main.rs", "out/big.txt", ".hidden", "notes.tmp"]);
        fs::write(folder.path().join(".ignore"), "out/\n*.tmp\n").expect("written");
        assert_eq!(listed(&folder, &Wanted::default()), (vec!["main.rs".to_owned()], vec![".hidden".to_owned()]));
    }

    #[test]
    fn a_book_may_be_large() {
        let folder = folder(&["a.txt"]);
        fs::write(folder.path().join("whale.epub"), vec![b'1'; MOST_BYTES as usize + 1]).expect("written");
        assert_eq!(listed(&folder, &Wanted::default()).0, ["a.txt", "whale.epub"]);
    }

    #[test]
    fn an_include_outweighs_every_rule_and_an_exclude_adds_one() {
        let folder = folder(&["Cargo.lock", "main.rs", "tests/main.rs", "notes.md"]);
        assert_eq!(listed(&folder, &globs(&["*.lock"], &[])).0, ["Cargo.lock"]);
        assert_eq!(listed(&folder, &globs(&[], &["tests/"])).0, ["main.rs", "notes.md"]);
        assert_eq!(listed(&folder, &globs(&["*.rs"], &["tests/**"])).0, ["main.rs"]);
    }

    #[test]
    fn a_glob_that_is_none_is_named() {
        let folder = folder(&["a.txt"]);
        let error = walk(folder.path(), &globs(&["[a"], &[])).expect_err("an open bracket");
        assert!(error.to_string().contains("[a"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_named_and_not_followed_even_to_their_own_folder() {
        let folder = folder(&["a.txt"]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).expect("a link");
        assert_eq!(listed(&folder, &Wanted::default()), (vec!["a.txt".to_owned()], vec!["loop".to_owned()]));
    }

    #[test]
    fn files_above_a_megabyte_are_left_out_and_named() {
        let folder = folder(&["a.txt"]);
        fs::write(folder.path().join("data.csv"), vec![b'1'; MOST_BYTES as usize + 1]).expect("written");
        assert_eq!(listed(&folder, &Wanted::default()), (vec!["a.txt".to_owned()], vec!["data.csv".to_owned()]));
    }

    #[test]
    fn generated_files_say_so_near_their_top() {
        assert!(says_it_is_generated(b"// Code generated by protoc-gen-go. DO NOT EDIT.\npackage x\n"));
        assert!(says_it_is_generated(b"# This file is automatically @generated by Cargo.\n"));
        assert!(!says_it_is_generated(b"fn main() {}\n// please do not edit\n"));
    }
}
