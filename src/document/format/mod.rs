//! The registry of supported formats. It picks the format of a file by its content.
//!
//! To add a format, write a file here that implements [`Format`], add it to [`FORMATS`], and remove its kind from
//! [`super::sniff`].

mod archive;
mod charset;
mod composed;
mod docx;
mod dtd;
mod epub;
mod flow;
mod html;
mod interface;
mod mail;
mod manual;
mod markdown;
mod markup;
mod notebook;
mod office;
pub(super) mod pdf;
mod raised;
mod rtf;
mod subtitles;
mod text;
mod xml;
mod xml_book;

#[cfg(test)]
pub(super) use self::archive::zipped;
pub(super) use self::interface::FileText;

use self::interface::Format;
use super::error::Error;
use super::options::ReadOptions;
use super::raw_file::RawFile;
use super::sniff;

/// Tried in this order. The last recognises everything.
const FORMATS: &[&dyn Format] = &[
    &pdf::Pdf,
    &docx::Docx,
    &epub::Epub,
    &office::Office,
    &rtf::Rtf,
    &notebook::Notebook,
    &xml_book::XmlBook,
    &html::Html,
    &mail::Mail,
    &manual::Manual,
    &subtitles::Subtitles,
    &markdown::Markdown,
    &markup::Markup,
    &text::Text,
];

/// Reads `file` in the format that recognises it.
pub(super) fn read(file: RawFile, options: &ReadOptions) -> Result<FileText, Error> {
    if let Some(unsupported) = sniff::unsupported(&file.bytes) {
        return Err(Error::from_unsupported(file.name, unsupported));
    }
    let format = FORMATS.iter().find(|format| format.recognises(&file)).expect("plain text recognises everything");
    let mut text = format.read(file, options)?;
    text.report.format = format.name();
    Ok(text)
}
