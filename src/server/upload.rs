//! Takes in a file that a client sends: reads the form, opens the document as `lunette inspect` does, counts its tokens, and keeps it.
//!
//! ```text
//! form ──> Upload ──> text (a PDF in a process of its own) ──> tokens, words, parts, notes ──> KeptFile
//! ```
//!
//! Example: a PDF of 40 pages as `file`, with the purpose `user_data`, gives `{"id": "file-…", "bytes": 812345, "filename": "report.pdf", …,
//! "lunette": {"kind": "pdf", "tokens": 21034, "words": 15120, "parts": 9, "notes": []}}`.
//!
//! What a file is called is a name to show and nothing else: no path is made of it, and nothing is written to disk.

use hyper::body::Bytes;
use serde_json::{Value, json};
use unicode_segmentation::UnicodeSegmentation;

use super::document_set::DocumentSet;
use super::error::ApiError;
use super::files::Upload;
use super::multipart::{Field, fields};
use super::shared::Server;
use crate::document::Document;
use crate::harmless;

/// Purposes of OpenAI's that a document to ask about can have.
const PURPOSES: [&str; 2] = ["user_data", "assistants"];
/// Those that it knows for something else.
const OTHER_PURPOSES: [&str; 4] = ["batch", "evals", "fine-tune", "vision"];
/// As OpenAI has them: from an hour to thirty days.
const EXPIRES_AFTER_S: std::ops::RangeInclusive<u64> = 3600..=30 * 24 * 3600;
/// Longer names than file systems have.
const LONGEST_NAME: usize = 255;

/// Keeps the file in `body`.
pub(super) fn keep_file(server: &Server, content_type: &str, body: Vec<u8>) -> Result<Value, ApiError> {
    let upload = read(content_type, &Bytes::from(body))?;
    server.files.check(upload.content.len())?;
    let (number, id) = server.files.new_id();
    let set = server.documents.open_upload(&id, &upload)?;
    let found = found(server, &set);
    let file = server.files.keep((number, id), upload, set.into(), found)?;
    Ok(file.to_json())
}

fn read(content_type: &str, body: &Bytes) -> Result<Upload, ApiError> {
    let fields = fields(content_type, body)?;
    let file = only(&fields, "file")?.ok_or_else(|| missing("file"))?;
    let filename = file.filename.as_deref().ok_or_else(|| {
        ApiError::invalid("file", "file has no filename, and the ending of a name says what a file is")
    })?;
    let purpose = purpose(only(&fields, "purpose")?.ok_or_else(|| missing("purpose"))?)?;
    let expires_after_s = expires_after(&fields)?;
    Ok(Upload { filename: bare_name(filename), purpose, content: body.slice_ref(file.content), expires_after_s })
}

fn missing(name: &str) -> ApiError {
    ApiError::invalid(name, format!("the form has no {name}"))
}

/// The field that is called `name`.
fn only<'a>(fields: &'a [Field<'a>], name: &str) -> Result<Option<&'a Field<'a>>, ApiError> {
    let mut called = fields.iter().filter(|field| field.name == name);
    match (called.next(), called.next()) {
        (_, Some(_)) => Err(ApiError::invalid(name, format!("the form has {name} twice; a request is about one file"))),
        (field, None) => Ok(field),
    }
}

fn text<'a>(field: &Field<'a>) -> Result<&'a str, ApiError> {
    std::str::from_utf8(field.content)
        .map_err(|_| ApiError::invalid(&*field.name, format!("{} is not UTF-8", field.name)))
}

fn purpose(field: &Field<'_>) -> Result<&'static str, ApiError> {
    let given = text(field)?;
    if let Some(purpose) = PURPOSES.into_iter().find(|purpose| *purpose == given) {
        return Ok(purpose);
    }
    let allowed = PURPOSES.join(" or ");
    if OTHER_PURPOSES.contains(&given) {
        return Err(ApiError::not_offered("purpose", format!("the purpose {given} is not offered, only {allowed}")));
    }
    Err(ApiError::invalid("purpose", format!("purpose is {allowed}, not {given:?}")))
}

/// After how many seconds the file is deleted, if the client says so.
fn expires_after(fields: &[Field<'_>]) -> Result<Option<u64>, ApiError> {
    const ANCHOR: &str = "expires_after[anchor]";
    const SECONDS: &str = "expires_after[seconds]";
    match (only(fields, ANCHOR)?, only(fields, SECONDS)?) {
        (None, None) => Ok(None),
        (Some(anchor), _) if text(anchor)? != "created_at" => {
            Err(ApiError::invalid(ANCHOR, format!("{ANCHOR} is created_at, not {:?}", text(anchor)?)))
        }
        (None, Some(_)) => Err(missing(ANCHOR)),
        (Some(_), None) => Err(missing(SECONDS)),
        (Some(_), Some(seconds)) => {
            let given = text(seconds)?;
            let seconds = given.parse().ok().filter(|seconds| EXPIRES_AFTER_S.contains(seconds));
            let told = || format!("{SECONDS} is a number from 3600 to 2592000, not {given:?}");
            seconds.map(Some).ok_or_else(|| ApiError::invalid(SECONDS, told()))
        }
    }
}

/// What is behind the last slash of `name`, on one line and not too long.
fn bare_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown = harmless::line(last);
    let short = shown.trim();
    // The ending stays, as it says what the file is.
    let short = &short[short.ceil_char_boundary(short.len().saturating_sub(LONGEST_NAME))..];
    if short.trim_matches('.').is_empty() { "file".to_owned() } else { short.to_owned() }
}

/// What `lunette inspect` would say about it, in short.
fn found(server: &Server, set: &DocumentSet) -> Value {
    let parts = set.document.parts();
    let spans = parts.iter().map(|part| part.span.start..part.span.end);
    // Without the model's tables there are no answers, either, and they say why.
    let tokens = server.vocabulary().ok().map(|vocabulary| vocabulary.count_spans(&set.text, spans));
    json!({
        "kind": kind(&set.document),
        "tokens": tokens.map(|tokens| tokens.into_iter().map(u64::from).sum::<u64>()),
        "words": set.text.unicode_words().count(),
        "parts": parts.len(),
        "notes": set.document.report.notes(),
    })
}

/// The format of its files, if all have one.
fn kind(document: &Document) -> &'static str {
    let mut formats = document.report.files.iter().map(|file| file.format);
    let first = formats.next().unwrap_or("text");
    if formats.all(|format| format == first) { first } else { "archive" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Result<Upload, ApiError> {
        let part = |(head, content): &(&str, &str)| {
            format!("--X\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
        };
        let body: String = fields.iter().map(part).chain(["--X--\r\n".to_owned()]).collect();
        read("multipart/form-data; boundary=X", &Bytes::from(body))
    }

    const FILE: (&str, &str) = ("name=\"file\"; filename=\"book.txt\"", "It is red.\n");
    const PURPOSE: (&str, &str) = ("name=\"purpose\"", "user_data");

    fn told(fields: &[(&str, &str)]) -> String {
        form(fields).expect_err("it is refused").message.clone()
    }

    #[test]
    fn a_form_has_a_file_with_a_purpose_and_perhaps_an_end() {
        let expected = Upload {
            filename: "book.txt".to_owned(),
            purpose: "user_data",
            content: Bytes::from_static(b"It is red.\n"),
            expires_after_s: None,
        };
        assert_eq!(form(&[PURPOSE, FILE]), Ok(expected.clone()));
        let anchor = ("name=\"expires_after[anchor]\"", "created_at");
        let expiring = form(&[FILE, anchor, ("name=\"expires_after[seconds]\"", "3600"), PURPOSE]);
        assert_eq!(expiring, Ok(Upload { expires_after_s: Some(3600), ..expected }));
        assert_eq!(told(&[FILE, PURPOSE, anchor]), "the form has no expires_after[seconds]");
        assert_eq!(
            told(&[FILE, PURPOSE, anchor, ("name=\"expires_after[seconds]\"", "5")]),
            "expires_after[seconds] is a number from 3600 to 2592000, not \"5\""
        );
        assert_eq!(
            told(&[FILE, PURPOSE, ("name=\"expires_after[anchor]\"", "now")]),
            "expires_after[anchor] is created_at, not \"now\""
        );
    }

    #[test]
    fn what_is_missing_or_not_offered_is_named() {
        assert_eq!(told(&[PURPOSE]), "the form has no file");
        assert_eq!(told(&[FILE]), "the form has no purpose");
        assert_eq!(told(&[FILE, FILE, PURPOSE]), "the form has file twice; a request is about one file");
        assert_eq!(
            told(&[("name=\"file\"", "text"), PURPOSE]),
            "file has no filename, and the ending of a name says what a file is"
        );
        assert_eq!(
            told(&[FILE, ("name=\"purpose\"", "fine-tune")]),
            "the purpose fine-tune is not offered, only user_data or assistants"
        );
        assert_eq!(told(&[FILE, ("name=\"purpose\"", "fun")]), "purpose is user_data or assistants, not \"fun\"");
    }

    #[test]
    fn a_name_is_no_path_and_does_nothing_to_a_terminal() {
        let names = [
            ("book.txt", "book.txt"),
            ("/etc/passwd", "passwd"),
            ("..\\..\\a b.pdf", "a b.pdf"),
            ("../..", "file"),
            ("", "file"),
            ("a/", "file"),
        ];
        for (given, expected) in names {
            assert_eq!(bare_name(given), expected, "{given}");
        }
        let shown = bare_name("a\u{1b}[2J\nb.txt");
        assert!(!shown.contains(['\u{1b}', '\n']) && shown.ends_with("b.txt"), "{shown}");
        let long = bare_name(&format!("{}.txt", "é".repeat(300)));
        assert!(long.len() <= LONGEST_NAME && long.ends_with("é.txt"), "{long}");
    }
}
