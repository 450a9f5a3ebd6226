//! Reads documents: paths become one text, with spans that lead back to the files, an outline and a report.
//!
//! Example: `pride-and-prejudice.txt` is 684,768 bytes. [`load()`] returns that text, one source and 61 outline
//! entries, so [`Document::parts`] has 61 parts; the title page belongs to the first. `select("3-7,9")` keeps six of
//! them, and [`Document::locate`] still finds the line in the file for any byte of the result.
//!
//! How a file becomes text: [`input`] gets the bytes, [`sniff`] refuses kinds that are not supported, one
//! [`mod@format`] of the registry reads the file, and [`assemble`] joins the files. [`Watched`] tells whether a
//! document has changed since.
//!
//! This crate does not count tokens and does not draw. It uses nothing of the program, which brings it in as its module
//! `document`. So it is compiled beside llama.cpp, and `fuzz/` compiles it alone. `chat` decides how a document is put in front of a model.

mod assemble;
mod code_page;
mod content;
mod controls;
mod decode;
mod encoding;
mod error;
mod folder;
mod format;
mod git;
mod git_index;
mod headings;
mod input;
mod load;
mod numerals;
mod options;
mod outline;
mod packed;
mod parts;
mod position;
mod progress;
mod raw_file;
mod report;
mod select;
mod sized;
mod sniff;
mod span;
mod watch;
mod web;

pub use content::{Document, Place};
pub use encoding::{Found, Sureness};
pub use error::{Error, SelectError};
pub use folder::Wanted;
pub use format::pdf::{READ_PDF, serve as serve_pdf};
pub use input::{Input, PRIDE_AND_PREJUDICE, fetch};
pub use load::load;
pub use options::{Ocr, PdfReader, ReadOptions};
pub use outline::OutlineEntry;
pub use parts::{Part, PartNode};
pub use position::{Position, SourceSpan};
pub use progress::{FileOf, LoadPlace, LoadProgress, PageStep};
pub use raw_file::Served;
pub use report::{DroppedLine, FileReport, PageFound, PageReport, Report, SkipReason, Skipped};
pub use span::ByteSpan;
pub use watch::Watched;
pub use web::{WebProgress, without_password};

#[cfg(test)]
mod tests;
