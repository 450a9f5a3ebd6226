//! What is in these files: path → text, spans that lead back to the file, outline, report.
//!
//! The picture: a book on a desk with tabs in it. The text is the book; the outline is the tabs, one a chapter; the sources are the
//! shelf marks, which say for every line where it was found; the report says which pages could not be read.
//!
//! Example: `pride-and-prejudice.txt` is 684,768 bytes. [`load`] gives that text, one source, and 61 outline entries, so
//! [`Document::parts`] has 61 parts, the title page counted into the first. `select("3-7,9")` keeps six of them, and
//! [`Document::locate`] on any byte of the result still names the line of the file.
//!
//! How a file becomes text: [`input`] gives bytes → [`sniff`] refuses what is no text yet, by its first bytes → one [`mod@format`]
//! of the registry reads it ([`decode`] is the only door from bytes to text) → [`assemble`] joins the files.
//!
//! [`Watched`] says whether it has changed since.
//!
//! What it does not do: count tokens or draw. Look next at `chat` for how a document is put in front of a model.

mod assemble;
mod chapters;
mod content;
mod controls;
mod decode;
mod encoding;
mod error;
mod folder;
mod format;
mod input;
mod load;
mod options;
mod outline;
mod parts;
mod position;
mod raw_file;
mod report;
mod select;
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
pub use options::{PdfReader, ReadOptions};
pub use outline::OutlineEntry;
pub use parts::Part;
pub use position::{Position, SourceSpan};
pub use raw_file::Served;
pub use report::{FileReport, PageFound, PageReport, Report, SkipReason, Skipped};
pub use span::ByteSpan;
pub use watch::Watched;
pub use web::WebProgress;

#[cfg(test)]
mod tests;
