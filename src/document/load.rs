//! Reads all inputs into one document.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::content::Document;
use super::error::Error;
use super::format::{self, FileText};
use super::input::Input;
use super::options::ReadOptions;
use super::raw_file::RawFile;
use super::report::{SkipReason, Skipped};
use super::{assemble, folder};

/// Reads all inputs, in order, into one document. Reads `stdin` if an input is [`Input::Stdin`].
///
/// If a file that was given by name cannot be read, the whole load fails, so that no question is answered from half of
/// the documents. Files of a folder that cannot be read are skipped and listed in the report. So are empty files among
/// several (source trees are full of empty `__init__.py`).
pub fn load(inputs: &[Input], options: &ReadOptions, stdin: &mut dyn Read) -> Result<Document, Error> {
    let mut loaded = LoadedFiles::default();
    for input in inputs {
        match input.folder() {
            Some(folder) => loaded.read_folder(folder, options)?,
            None => loaded.read_named(input, inputs.len() > 1, options, stdin)?,
        }
    }
    loaded.document(inputs)
}

/// What has been read so far.
#[derive(Default)]
struct LoadedFiles {
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
        match input.read(stdin).and_then(|file| read_told(file, options)) {
            Ok(text) => self.texts.push(text),
            Err(error @ Error::Empty { .. }) if has_others => {
                self.skipped.extend(error.name().map(Skipped::empty));
                self.empty = Some(error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn read_folder(&mut self, folder: &Path, options: &ReadOptions) -> Result<(), Error> {
        let found = folder::walk(folder, &options.wanted)?;
        self.skipped.extend(found.skipped);
        for path in found.files {
            match read_member(path, options) {
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
fn read_member(path: PathBuf, options: &ReadOptions) -> Result<FileText, Skipped> {
    let file = Input::Path(path).read(&mut std::io::empty())?;
    if options.wanted.include.is_empty() && folder::says_it_is_generated(&file.bytes) {
        return Err(Skipped { name: file.name, reason: SkipReason::Generated("marked as generated") });
    }
    Ok(format::read(file, options)?)
}
