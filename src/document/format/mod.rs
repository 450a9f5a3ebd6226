//! The formats that can be read, one file each, and the registry that picks one by what is in the file.
//!
//! A new format is a file here that implements [`Format`], a line in [`FORMATS`], and a line less in [`super::sniff`].

mod archive;
mod charset;
mod docx;
mod epub;
mod flow;
mod html;
mod interface;
mod markdown;
pub(super) mod pdf;
mod text;
mod xml;

pub(super) use self::interface::FileText;

use self::interface::Format;
use super::error::Error;
use super::options::ReadOptions;
use super::raw_file::RawFile;
use super::sniff;

/// Asked in this order; the last recognises everything.
const FORMATS: &[&dyn Format] = &[&pdf::Pdf, &docx::Docx, &epub::Epub, &html::Html, &markdown::Markdown, &text::Text];

/// Reads `file` as what it is.
pub(super) fn read(file: RawFile, options: &ReadOptions) -> Result<FileText, Error> {
    if let Some(unsupported) = sniff::unsupported(&file.bytes) {
        return Err(Error::from_unsupported(file.name, unsupported));
    }
    let format = FORMATS.iter().find(|format| format.recognises(&file)).expect("plain text recognises everything");
    let mut text = format.read(file, options)?;
    text.report.format = format.name();
    Ok(text)
}
