//! Reads forms with files, as HTTP clients send them: `multipart/form-data`, RFC 7578.
//!
//! ```text
//! --X                                                                   X is the boundary, which the header names
//! Content-Disposition: form-data; name="purpose"
//!
//! user_data
//! --X
//! Content-Disposition: form-data; name="file"; filename="book.txt"
//!
//! It is a truth …
//! --X--
//! ```
//!
//! has the field `purpose` with nine bytes, and the field `file` that is called `book.txt`.
//!
//! It is strict: what the RFC does not have is refused and not guessed at, so that nobody reads a form in another way than this does. The
//! body is in memory already, so a field is a stretch of it. That is why this is no library: those that we know read a stream piece by
//! piece, and bring a dozen crates for it.
//!
//! It neither makes names harmless nor knows what the fields are for: [`super::upload`] does.

use super::error::ApiError;

/// A file and what is said about it are some fields.
const MOST_FIELDS: usize = 32;
/// The lines before a field's content.
const LONGEST_HEAD: usize = 8 << 10;
/// RFC 2046.
const LONGEST_BOUNDARY: usize = 70;

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) name: String,
    /// If it is a file: what the client calls it.
    pub(super) filename: Option<String>,
    pub(super) content: &'a [u8],
}

/// The fields of `body`, in their order. `content_type` is the header of the request.
pub(super) fn fields<'a>(content_type: &str, body: &'a [u8]) -> Result<Vec<Field<'a>>, ApiError> {
    let delimiter = format!("\r\n--{}", boundary(content_type)?).into_bytes();
    // There is no line before the first one.
    let first = body.strip_prefix(&delimiter[2..]);
    let mut rest = first.ok_or_else(|| broken("it does not begin with its boundary"))?;
    let mut fields = Vec::new();
    loop {
        match rest {
            b"--" | b"--\r\n" => return Ok(fields),
            _ if fields.len() == MOST_FIELDS => {
                return Err(broken(&format!("it has more than {MOST_FIELDS} fields")));
            }
            _ => {}
        }
        let part = rest.strip_prefix(b"\r\n").ok_or_else(|| broken("a boundary has no line of its own"))?;
        let end = find(part, &delimiter).ok_or_else(|| broken("it breaks off"))?;
        fields.push(field(&part[..end])?);
        rest = &part[end + delimiter.len()..];
    }
}

fn broken(why: &str) -> ApiError {
    ApiError::malformed(format!("the form can't be read: {why}"))
}

/// The boundary that `multipart/form-data; boundary=X` names.
fn boundary(content_type: &str) -> Result<String, ApiError> {
    let Some((kind, parameters)) = parsed(content_type) else {
        return Err(broken("its Content-Type is not in the form that HTTP has for it"));
    };
    if !kind.eq_ignore_ascii_case("multipart/form-data") {
        return Err(ApiError::no_form(&kind));
    }
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    let is_sound = |text: &String| {
        (1..=LONGEST_BOUNDARY).contains(&text.len()) && text.bytes().all(is_allowed) && !text.ends_with(' ')
    };
    let boundary = value_of("boundary", parameters);
    boundary.filter(is_sound).ok_or_else(|| broken("its Content-Type names no boundary of 1 to 70 letters"))
}

fn field(part: &[u8]) -> Result<Field<'_>, ApiError> {
    const GAP: &[u8] = b"\r\n\r\n";
    let within = &part[..part.len().min(LONGEST_HEAD + GAP.len())];
    let gap = find(within, GAP).ok_or_else(|| broken("a field has no blank line before its content"))?;
    let head = std::str::from_utf8(&part[..gap]).map_err(|_| broken("a field's head is not UTF-8"))?;
    let (name, filename) = named(head)?;
    Ok(Field { name, filename, content: &part[gap + GAP.len()..] })
}

/// What the lines before a content say: the field's name, and the file's.
fn named(head: &str) -> Result<(String, Option<String>), ApiError> {
    let mut disposition = None;
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(':').ok_or_else(|| broken("a line of a field's head has no colon"))?;
        match name.to_ascii_lowercase().as_str() {
            "content-disposition" if disposition.is_none() => disposition = parsed(value),
            "content-disposition" => return Err(broken("a field has two names")),
            "content-transfer-encoding" if !is_plain(value) => {
                return Err(broken("a field is encoded, and only 8bit and binary are offered"));
            }
            _ => {}
        }
    }
    let (kind, parameters) = disposition.ok_or_else(|| broken("a field has no Content-Disposition"))?;
    if !kind.eq_ignore_ascii_case("form-data") {
        return Err(broken("a field's Content-Disposition is not form-data"));
    }
    let extended = value_of("filename*", parameters.clone()).and_then(|value| decoded(&value));
    let filename = extended.or_else(|| value_of("filename", parameters.clone()));
    let name = value_of("name", parameters).ok_or_else(|| broken("a field has no name"))?;
    Ok((name, filename))
}

fn is_plain(encoding: &str) -> bool {
    ["binary", "8bit", "7bit"].iter().any(|plain| encoding.trim().eq_ignore_ascii_case(plain))
}

type Parameters = Vec<(String, String)>;

fn value_of(name: &str, parameters: Parameters) -> Option<String> {
    parameters.into_iter().find(|(given, _)| given == name).map(|(_, value)| value)
}

/// The first word of a header's value, and its parameters by their names in lower case: `form-data; name="a"`. `None` if it is none, or has
/// one of them twice.
fn parsed(value: &str) -> Option<(String, Parameters)> {
    let (kind, mut rest) = value.split_once(';').unwrap_or((value, ""));
    let mut parameters: Parameters = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        if rest.is_empty() {
            return Some((kind.trim().to_owned(), parameters));
        }
        let (name, value) = rest.split_once('=')?;
        let name = name.trim().to_ascii_lowercase();
        let (value, behind) = match value.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => value
                .split_once(';')
                .map_or((value.trim().to_owned(), ""), |(value, rest)| (value.trim().to_owned(), rest)),
        };
        if name.is_empty() || parameters.iter().any(|(given, _)| *given == name) {
            return None;
        }
        parameters.push((name, value));
        rest = behind;
    }
}

/// A text up to its closing quote, and what is behind that. Clients write `\"` for a quote in it; a lone backslash is one.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => {
                let rest = text[at + 1..].trim_start_matches([' ', '\t']);
                return (rest.is_empty() || rest.starts_with(';')).then_some((value, rest));
            }
            '\\' => match letters.next_if(|(_, next)| ['"', '\\'].contains(next)) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            letter => value.push(letter),
        }
    }
    None
}

/// The text of `UTF-8''%C3%A9.txt` (RFC 5987). `None` for other encodings.
fn decoded(value: &str) -> Option<String> {
    let (encoding, rest) = value.split_once('\'')?;
    let (_, text) = rest.split_once('\'')?;
    if !encoding.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        if let (b'%', [high, low, behind @ ..]) = (first, behind) {
            let digits = [*high, *low];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            rest = behind;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Where `wanted` is, which begins with a CR.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|&byte| byte == b'\r') {
        if bytes[from + at..].starts_with(wanted) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=X";

    fn read(body: &str) -> Result<Vec<Field<'_>>, String> {
        fields(TYPE, body.as_bytes()).map_err(|error| error.message.clone())
    }

    fn told(body: &str) -> String {
        let told = read(body).expect_err("it is refused");
        told.strip_prefix("the form can't be read: ").unwrap_or(&told).to_owned()
    }

    fn part(head: &str, content: &str) -> String {
        format!("--X\r\n{head}\r\n\r\n{content}\r\n")
    }

    const NAMED: &str = "Content-Disposition: form-data; name=\"a\"";

    #[test]
    fn a_form_has_its_fields_in_their_order() {
        let purpose = part("Content-Disposition: form-data; name=\"purpose\"", "user_data");
        let file = part(
            "content-disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\" c:\\d.txt\"\r\nContent-Type: text/plain",
            "one\r\n--Y\r\n\r\ntwo\r\n",
        );
        let body = format!("{purpose}{file}{}--X--\r\n", part(NAMED, ""));
        let field = |name: &str, filename: Option<&str>, content: &'static str| Field {
            name: name.to_owned(),
            filename: filename.map(str::to_owned),
            content: content.as_bytes(),
        };
        let expected = [
            field("purpose", None, "user_data"),
            field("file", Some("a \"b\" c:\\d.txt"), "one\r\n--Y\r\n\r\ntwo\r\n"),
            field("a", None, ""),
        ];
        assert_eq!(read(&body).as_deref(), Ok(&expected[..]));
        assert_eq!(read("--X--"), Ok(Vec::new()));
    }

    #[test]
    fn a_name_in_another_alphabet_is_read_as_clients_write_it() {
        let named = |written: &str| {
            let body = format!("{}--X--", part(&format!("{NAMED}; {written}"), ""));
            fields(TYPE, body.as_bytes()).expect("a form")[0].filename.clone()
        };
        assert_eq!(named("filename=\"é.txt\"").as_deref(), Some("é.txt"));
        assert_eq!(named("filename*=UTF-8''%C3%A9%20a.txt").as_deref(), Some("é a.txt"));
        assert_eq!(named("filename=\"e.txt\"; filename*=utf-8'fr'%c3%a9.txt").as_deref(), Some("é.txt"));
        assert_eq!(named("filename=\"e.txt\"; filename*=latin1''%e9.txt").as_deref(), Some("e.txt"));
        assert_eq!(named("filename=e.txt").as_deref(), Some("e.txt"));
    }

    #[test]
    fn the_boundary_is_named_by_the_header() {
        let with = |content_type: &str, boundary: &str| {
            let body = format!("--{boundary}\r\n{NAMED}\r\n\r\n1\r\n--{boundary}--");
            fields(content_type, body.as_bytes()).map(|fields| fields.len()).map_err(|error| error.message.clone())
        };
        assert_eq!(with("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"", "a b"), Ok(1));
        let long = "x".repeat(71);
        for wrong in ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=é"] {
            assert!(with(wrong, "").is_err_and(|told| told.contains("names no boundary")), "{wrong}");
        }
        assert!(with(&format!("multipart/form-data; boundary={long}"), &long).is_err());
        assert!(with("multipart/form-data; boundary=a; boundary=b", "a").is_err(), "two boundaries");
        assert_eq!(
            with("application/json", "a"),
            Err("a file is sent as multipart/form-data, not as \"application/json\"".to_owned())
        );
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let whole = part(NAMED, "1");
        assert_eq!(told(""), "it does not begin with its boundary");
        assert_eq!(told("before\r\n--X--"), "it does not begin with its boundary");
        assert_eq!(told("--X"), "a boundary has no line of its own");
        assert_eq!(told("--Xyz\r\n"), "a boundary has no line of its own");
        assert_eq!(told(&whole), "it breaks off");
        assert_eq!(told(&format!("{whole}--X--\r\nmore")), "a boundary has no line of its own");
        assert_eq!(told(&format!("{whole}--X-")), "a boundary has no line of its own");
        assert_eq!(told("--X\r\n\r\n--X--"), "a field has no blank line before its content");
        assert_eq!(told("--X\r\nname\r\n\r\n1\r\n--X--"), "a line of a field's head has no colon");
        let refused = |head: &str| told(&format!("{}--X--", part(head, "1")));
        assert_eq!(refused("Content-Type: text/plain"), "a field has no Content-Disposition");
        assert_eq!(
            refused("Content-Disposition: attachment; name=\"a\""),
            "a field's Content-Disposition is not form-data"
        );
        assert_eq!(refused("Content-Disposition: form-data"), "a field has no name");
        assert_eq!(refused("Content-Disposition: form-data; name=\"a"), "a field has no Content-Disposition");
        assert_eq!(refused("Content-Disposition: form-data; name=\"a\"b"), "a field has no Content-Disposition");
        assert_eq!(refused(&format!("{NAMED}; name=\"b\"")), "a field has no Content-Disposition");
        assert_eq!(refused(&format!("{NAMED}\r\n{NAMED}")), "a field has two names");
        let encoded = format!("{NAMED}\r\nContent-Transfer-Encoding: base64");
        assert_eq!(refused(&encoded), "a field is encoded, and only 8bit and binary are offered");
        assert!(read(&format!("{}--X--", part(&encoded.replace("base64", "8bit"), "1"))).is_ok());
        let long = format!("{NAMED}\r\nX: {}", "x".repeat(LONGEST_HEAD));
        assert_eq!(refused(&long), "a field has no blank line before its content");
        assert_eq!(told(&format!("{}--X--", whole.repeat(MOST_FIELDS + 1))), "it has more than 32 fields");
    }

    proptest! {
        #[test]
        fn any_content_comes_back(content in prop::collection::vec(any::<u8>(), 0..200)) {
            let head = format!("--a-b_c\r\n{NAMED}\r\n\r\n");
            let body = [head.as_bytes(), &content, b"\r\n--a-b_c--\r\n"].concat();
            let read = fields("multipart/form-data; boundary=a-b_c", &body);
            prop_assert_eq!(read.map(|fields| fields[0].content.to_vec()), Ok(content));
        }

        #[test]
        fn no_bytes_break_it(body in "(--X|--|\r\n|\r|\n|Content-Disposition: form-data; name=|\"|;|=|\\\\|a|é){0,40}") {
            let _ = read(&body);
            let _ = parsed(&body);
        }
    }
}
