//! Reads all inputs into one document.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::content::Document;
use super::error::Error;
use super::format::{self, FileText};
use super::git::Clone;
use super::input::Input;
use super::options::ReadOptions;
use super::packed::{self, Unpacked};
use super::progress::FileOf;
use super::raw_file::RawFile;
use super::report::{SkipReason, Skipped};
use super::{assemble, folder};

/// Reads all inputs, in order, into one document. Reads `stdin` if an input is [`Input::Stdin`].
///
/// If a file that was given by name cannot be read, the whole load fails, so that no question is answered from half of
/// the documents. Files of a folder that cannot be read are skipped and listed in the report. So are empty files among
/// several (source trees are full of empty `__init__.py`).
pub fn load(inputs: &[Input], options: &ReadOptions, stdin: &mut dyn Read) -> Result<Document, Error> {
    let mut loaded = LoadedFiles { named: named(inputs), ..LoadedFiles::default() };
    for input in inputs {
        match input.folder() {
            Some(folder) => loaded.read_folder(folder, options)?,
            None if matches!(input, Input::Repository(_)) => loaded.read_repository(&input.name(), options)?,
            None => loaded.read_named(input, inputs.len() > 1, options, stdin)?,
        }
    }
    loaded.document(inputs)
}

/// The files that are named by themselves; those of a folder that are among them are read once.
fn named(inputs: &[Input]) -> HashSet<PathBuf> {
    let file = |input: &Input| match input {
        Input::Path(path) if !path.is_dir() => path.canonicalize().ok(),
        _ => None,
    };
    inputs.iter().filter_map(file).collect()
}

/// What has been read so far.
#[derive(Default)]
struct LoadedFiles {
    named: HashSet<PathBuf>,
    texts: Vec<FileText>,
    skipped: Vec<Skipped>,
    /// The last empty file that was given by name.
    empty: Option<Error>,
}

impl LoadedFiles {
    fn read_named(
        &mut self,
        input: &Input,
        has_others: bool,
        options: &ReadOptions,
        stdin: &mut dyn Read,
    ) -> Result<(), Error> {
        options.progress.begin_file(&input.name(), None);
        match input.read(stdin).and_then(|file| self.read_unpacked(file, options)) {
            Ok(()) => {}
            Err(error @ Error::Empty { .. }) if has_others => {
                self.skipped.extend(error.name().map(Skipped::empty));
                self.empty = Some(error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Reads a file, or the files of an archive.
    fn read_unpacked(&mut self, file: RawFile, options: &ReadOptions) -> Result<(), Error> {
        let name = file.name.clone();
        match packed::unpack(file, &options.wanted)? {
            Unpacked::File(file) => self.texts.push(read_told(file, options)?),
            Unpacked::Files(files, skipped) => {
                self.skipped.extend(skipped);
                let before = self.texts.len();
                for (file, among) in counted(files) {
                    options.progress.begin_file(&file.name, Some(among));
                    match read_whole(file, options) {
                        Ok(text) => self.texts.push(text),
                        Err(skipped) => self.skipped.push(skipped),
                    }
                }
                if self.texts.len() == before {
                    return Err(Error::NothingIn { name, skipped: self.skipped.len() });
                }
            }
        }
        Ok(())
    }

    fn read_repository(&mut self, address: &str, options: &ReadOptions) -> Result<(), Error> {
        let clone = Clone::of(address)?;
        let (before, skipped) = (self.texts.len(), self.skipped.len());
        self.read_folder(&clone.path(), options)?;
        for text in &mut self.texts[before..] {
            text.report.name = clone.told(&text.report.name);
        }
        for skipped in &mut self.skipped[skipped..] {
            skipped.name = clone.told(&skipped.name);
        }
        if self.texts.len() == before {
            return Err(Error::NothingIn { name: address.into(), skipped: self.skipped.len() });
        }
        Ok(())
    }

    fn read_folder(&mut self, folder: &Path, options: &ReadOptions) -> Result<(), Error> {
        let found = folder::walk(folder, &options.wanted)?;
        self.skipped.extend(found.skipped);
        for (path, among) in counted(found.files) {
            let is_named = !self.named.is_empty() && path.canonicalize().is_ok_and(|path| self.named.contains(&path));
            if is_named {
                self.skipped.push(Skipped { name: Input::Path(path).name(), reason: SkipReason::NamedToo });
                continue;
            }
            match read_member(path, among, options) {
                Ok(text) => self.texts.push(text),
                Err(skipped) => self.skipped.push(skipped),
            }
        }
        Ok(())
    }

    fn document(self, inputs: &[Input]) -> Result<Document, Error> {
        if !self.texts.is_empty() {
            return Ok(assemble::assemble(self.texts, self.skipped));
        }
        let folder = inputs.iter().find(|input| input.folder().is_some());
        let nothing_in = folder.map(|folder| Error::NothingIn { name: folder.name(), skipped: self.skipped.len() });
        Err(self.empty.or(nothing_in).unwrap_or(Error::NothingNamed))
    }
}

/// Reads a file, and says where redirects led.
fn read_told(file: RawFile, options: &ReadOptions) -> Result<FileText, Error> {
    let moved_to = file.served.as_ref().and_then(|served| served.moved_to.clone());
    let mut text = format::read(file, options)?;
    text.report.remarks.extend(moved_to.map(|address| format!("the address led to {address}")));
    Ok(text)
}

/// Reads a file of a folder, or returns why it is skipped.
fn read_member(path: PathBuf, among: FileOf, options: &ReadOptions) -> Result<FileText, Skipped> {
    let input = Input::Path(path);
    options.progress.begin_file(&input.name(), Some(among));
    read_whole(input.read(&mut std::io::empty())?, options)
}

/// `files`, each with its place among them.
fn counted<T>(files: Vec<T>) -> impl Iterator<Item = (T, FileOf)> {
    let total = files.len();
    files.into_iter().zip((1..).map(move |number| FileOf { number, total }))
}

/// Reads a file among others, or returns why it is skipped.
fn read_whole(file: RawFile, options: &ReadOptions) -> Result<FileText, Skipped> {
    let file = packed::gunzipped(file)?;
    if options.wanted.include.is_empty() && folder::says_it_is_generated(&file.bytes) {
        return Err(Skipped { name: file.name, reason: SkipReason::Generated("marked as generated") });
    }
    Ok(format::read(file, options)?)
}
