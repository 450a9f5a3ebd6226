//! E-mail: messages (`.eml`), mailboxes (mbox) and pages saved by browsers (MHTML).
//!
//! Of a message, the sender, recipients, date and subject are read, and its text; of text that is there as plain text
//! and as HTML, the plain one. Attachments are listed with name, kind and size, and not read. Each message of a mailbox
//! is an entry of the outline, named after its subject.
//!
//! [`mime`] takes messages apart and decodes them.

mod mime;

use std::fmt::Write as _;

use self::mime::{Entity, Header};
use super::flow::paged;
use super::html::text_of_page;
use super::interface::{FileText, Format};
use crate::controls::printable;
use crate::error::Error;
use crate::options::ReadOptions;
use crate::outline::{OutlineEntry, close_spans};
use crate::raw_file::RawFile;
use crate::report::{FileReport, counted};
use crate::span::ByteSpan;

const WHAT: &str = "an e-mail";

/// How much of a file is examined for the headers of a message.
const HEAD_BYTES: usize = 16 << 10;
/// Messages in messages in messages.
const DEEPEST: usize = 8;
/// Fewest headers of a message that a file without a telling name must begin with.
const FEWEST_HEADERS: usize = 3;

pub(super) struct Mail;

impl Format for Mail {
    fn name(&self) -> &'static str {
        "mail"
    }

    /// By the name, or by headers that only messages have.
    fn recognises(&self, file: &RawFile) -> bool {
        let head = &file.bytes[..file.bytes.len().min(HEAD_BYTES)];
        let is_mailbox = head.starts_with(b"From ");
        let headers = mime::headers(mime::skip_blank(if is_mailbox { after_line(head) } else { head }));
        let known =
            ["from", "date", "subject", "to", "received", "message-id", "mime-version", "return-path", "content-type"];
        let count = known.iter().filter(|name| headers.iter().any(|header| header.name == **name)).count();
        match file.extension().as_deref() {
            Some("eml" | "mht" | "mhtml" | "mbox" | "mbx") => count > 0,
            None | Some("txt" | "msg" | "mail") => {
                count >= FEWEST_HEADERS && headers.iter().any(|header| header.name == "from")
            }
            Some(_) => false,
        }
    }

    fn read(&self, file: RawFile, _options: &ReadOptions) -> Result<FileText, Error> {
        let RawFile { name, bytes, .. } = file;
        let mut report = FileReport { name, bytes: bytes.len() as u64, ..FileReport::default() };
        let messages = messages(&bytes);
        let is_mailbox = messages.len() > 1;
        let mut writer = Writer { is_mailbox_file: bytes.starts_with(b"From "), ..Writer::default() };
        for message in messages {
            writer.message(message, is_mailbox);
        }
        if writer.attachments > 0 {
            let attachments = counted(writer.attachments, "attachment");
            report.remarks.push(format!("{attachments} listed, not read"));
        }
        if writer.of_pages > 0 {
            let files = counted(writer.of_pages, "file");
            report.remarks.push(format!("{files} of its pages (pictures, fonts, styles) left out"));
        }
        let page = paged(&writer.text);
        let mut outline = writer.outline;
        outline.retain(|entry| entry.span.start < page.text.len());
        close_spans(&mut outline, page.text.len());
        FileText::of_flow(page, outline, report, WHAT)
    }
}

fn after_line(bytes: &[u8]) -> &[u8] {
    bytes.iter().position(|&byte| byte == b'\n').map_or(&[], |end| &bytes[end + 1..])
}

/// The messages of a mailbox, or the one message of a file.
fn messages(bytes: &[u8]) -> Vec<&[u8]> {
    if !bytes.starts_with(b"From ") {
        return vec![bytes];
    }
    let mut messages = Vec::new();
    let (mut start, mut at, mut was_blank) = (after_line(bytes).as_ptr() as usize - bytes.as_ptr() as usize, 0, true);
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        if at > 0 && was_blank && begins_message(line) {
            messages.push(&bytes[start..at]);
            start = at + line.len();
        }
        was_blank = line.trim_ascii().is_empty();
        at += line.len();
    }
    messages.push(&bytes[start.min(bytes.len())..]);
    messages
}

/// `From j@example.org Mon Nov 30 10:00:00 2026`; a sentence that begins with `From` has no weekday there.
fn begins_message(line: &[u8]) -> bool {
    const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.next() == Some(b"From") && words.nth(1).is_some_and(|day| DAYS.contains(&day))
}

#[derive(Default)]
struct Writer {
    text: String,
    outline: Vec<OutlineEntry>,
    attachments: u64,
    /// Pictures and styles of pages.
    of_pages: u64,
    /// In such a file, `>` stands before lines that begin with `From `.
    is_mailbox_file: bool,
}

impl Writer {
    fn message(&mut self, bytes: &[u8], is_mailbox: bool) {
        let entity = Entity::new(bytes);
        if is_mailbox {
            let subject = entity.header("subject").filter(|subject| !subject.trim().is_empty());
            let title = printable(subject.as_deref().unwrap_or("(no subject)"));
            let span = ByteSpan { start: self.text.len(), end: self.text.len() };
            self.outline.push(OutlineEntry { title, level: 1, span });
        }
        self.head(&entity);
        self.body(&entity, 0);
    }

    fn head(&mut self, entity: &Entity<'_>) {
        for name in ["From", "To", "Cc", "Date", "Subject"] {
            if let Some(value) = entity.header(&name.to_lowercase()) {
                let _ = writeln!(self.text, "{name}: {}", printable(&value));
            }
        }
        self.text.push('\n');
    }

    fn body(&mut self, entity: &Entity<'_>, depth: usize) {
        let kind = entity.media_type();
        // A message that was forwarded as an attachment is read, too.
        if entity.is_attachment() && kind != "message/rfc822" || depth > DEEPEST {
            return self.attachment(entity);
        }
        let parts = if kind.starts_with("multipart/") { entity.parts() } else { Vec::new() };
        match kind.as_str() {
            // The boundary is wrong or missing: what is there is read as it is.
            _ if kind.starts_with("multipart/") && parts.iter().all(Entity::is_empty) => {
                self.paragraph(&entity.text().replace("\r\n", "\n"));
            }
            // A saved page and its files; a message and the pictures in it.
            "multipart/related" => self.related(&parts, depth),
            "multipart/alternative" => {
                let plainest =
                    |kind: &str| parts.iter().find(|part| part.media_type() == kind && !part.text().trim().is_empty());
                if let Some(part) = plainest("text/plain").or_else(|| plainest("text/html")).or(parts.last()) {
                    self.body(part, depth + 1);
                }
            }
            kind if kind.starts_with("multipart/") => {
                for part in &parts {
                    self.body(part, depth + 1);
                }
            }
            "message/rfc822" => {
                let inner = entity.decoded();
                let inner = Entity::new(&inner);
                self.head(&inner);
                self.body(&inner, depth + 1);
            }
            "text/html" | "application/xhtml+xml" => {
                let page = text_of_page(&entity.text()).unwrap_or_default();
                self.paragraph(&page);
            }
            "message/delivery-status" => self.paragraph(&entity.text().replace("\r\n", "\n")),
            kind if kind.starts_with("text/") && kind != "text/css" && kind != "text/javascript" => {
                let text = entity.text().replace("\r\n", "\n");
                let text = if self.is_mailbox_file { unescaped(&text) } else { text };
                self.paragraph(&text);
            }
            _ => self.attachment(entity),
        }
    }

    /// The page, and after it what else is readable. Pictures and styles of the page are counted, unless they have a name.
    fn related(&mut self, parts: &[Entity<'_>], depth: usize) {
        for (index, part) in parts.iter().enumerate() {
            let kind = part.media_type();
            let is_of_page = kind.starts_with("image/") || kind.starts_with("font/") || kind == "text/css";
            if index > 0 && is_of_page && !part.is_named() {
                self.of_pages += 1;
            } else {
                self.body(part, depth + 1);
            }
        }
    }

    fn paragraph(&mut self, text: &str) {
        let text = text.trim();
        if !text.is_empty() {
            self.text += text;
            self.text += "\n\n";
        }
    }

    fn attachment(&mut self, entity: &Entity<'_>) {
        self.attachments += 1;
        let name = entity.file_name().unwrap_or_else(|| "without a name".into());
        let size = entity.decoded().len();
        self.paragraph(&format!(
            "[attachment: {}, {}, {size} bytes]",
            printable(&name),
            printable(&entity.media_type())
        ));
    }
}

/// `text` without the `>` that mailboxes put before lines such as `From here on` and `>From here on`.
fn unescaped(text: &str) -> String {
    let line = |line: &'_ str| -> usize {
        usize::from(line.starts_with('>') && line.trim_start_matches('>').starts_with("From "))
    };
    text.split_inclusive('\n').map(|part| &part[line(part)..]).collect()
}

/// The value of a header, for [`Entity`].
impl Header<'_> {
    fn value(&self) -> String {
        mime::words(&self.raw)
    }
}

#[cfg(test)]
mod tests;
