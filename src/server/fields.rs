//! Reads the fields of a JSON object, each with its name in the error.
//!
//! Example: `{"top_p": 2}` read by `parsed("top_p", share)` gives 400, param `top_p`, "a number from 0 to 1, not 2".
//!
//! A field that is null is one that is not there, as OpenAI's clients send it. A number is read as a flag's value would be, so that both
//! have the same range.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::ApiError;

/// Values outside of texts. A request for an answer has some hundreds; 16 MB of `[[],[],…` would take half a gigabyte to read.
const MOST_VALUES: usize = 200_000;
/// How much of a wrong value is repeated.
const LONGEST_GOT: usize = 60;

/// The object of a request.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let text = std::str::from_utf8(body).map_err(|_| ApiError::malformed("the request is not UTF-8"))?;
    if has_too_many_values(text) {
        return Err(ApiError::malformed(format!("a request has {MOST_VALUES} values at most")));
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(ApiError::malformed("the request is not a JSON object")),
        Err(error) => Err(ApiError::malformed(format!("the request is not JSON: {error}"))),
    }
}

/// What another Lunette sends, which has its fields or is refused.
pub(super) fn typed<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let text = std::str::from_utf8(body).map_err(|_| ApiError::malformed("the request is not UTF-8"))?;
    if has_too_many_values(text) {
        return Err(ApiError::malformed(format!("a request has {MOST_VALUES} values at most")));
    }
    serde_json::from_str(text).map_err(|error| ApiError::malformed(format!("the request is not understood: {error}")))
}

fn has_too_many_values(text: &str) -> bool {
    let (mut in_text, mut is_escaped, mut values) = (false, false, 0_usize);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => values += 1,
            _ => {}
        }
    }
    values > MOST_VALUES
}

/// The fields of an object, and where it is.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    fields: &'a Map<String, Value>,
    /// Before each field's name: `response_format.`.
    place: String,
}

impl<'a> Fields<'a> {
    pub(super) fn of(fields: &'a Map<String, Value>) -> Self {
        Self { fields, place: String::new() }
    }

    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// Where the field is.
    pub(super) fn path(&self, name: &str) -> String {
        format!("{}{name}", self.place)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, ApiError> {
        self.typed(name, Value::as_str, "a text")
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        Ok(self.typed(name, Value::as_bool, "true or false")?.unwrap_or(false))
    }

    /// A list of texts, or one text.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<&'a str>>, ApiError> {
        let texts = |value: &'a Value| match value {
            Value::String(text) => Some(vec![text.as_str()]),
            Value::Array(values) => values.iter().map(Value::as_str).collect(),
            _ => None,
        };
        self.typed(name, texts, "a text or a list of texts")
    }

    pub(super) fn list(&self, name: &str) -> Result<Option<&'a [Value]>, ApiError> {
        self.typed(name, |value| value.as_array().map(Vec::as_slice), "a list")
    }

    /// The fields of the object that is called `name`.
    pub(super) fn object(&self, name: &str) -> Result<Option<Fields<'a>>, ApiError> {
        let fields = self.typed(name, Value::as_object, "an object")?;
        Ok(fields.map(|fields| Fields { fields, place: format!("{}.", self.path(name)) }))
    }

    /// A number, as a flag's value is read.
    pub(super) fn parsed<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ApiError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let number = value.as_number().map(|number| parse(&number.to_string()));
        let allowed = number.unwrap_or_else(|| Err("a number".to_owned()));
        allowed.map(Some).map_err(|allowed| self.wrong(name, &allowed, value))
    }

    fn typed<T>(
        &self,
        name: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
        what: &str,
    ) -> Result<Option<T>, ApiError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| self.wrong(name, what, value))
    }

    /// `name` has a value that it can't have.
    pub(super) fn wrong(&self, name: &str, allowed: &str, got: &Value) -> ApiError {
        let got = got.to_string();
        let short = &got[..got.floor_char_boundary(LONGEST_GOT)];
        let more = if short.len() < got.len() { "…" } else { "" };
        ApiError::invalid(self.path(name), format!("{} is {allowed}, not {short}{more}", self.path(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::share;

    fn told<T: std::fmt::Debug>(read: Result<T, ApiError>) -> String {
        read.expect_err("it is refused").message.clone()
    }

    #[test]
    fn a_body_is_one_json_object() {
        assert!(object(b"{}").is_ok());
        assert_eq!(told(object(b"[1]")), "the request is not a JSON object");
        assert_eq!(told(object(b"\xff")), "the request is not UTF-8");
        assert!(told(object(b"{\"a\": }")).starts_with("the request is not JSON: expected value at line 1"));
        assert!(told(object(&[b'['; 500])).contains("recursion limit"));
        assert_eq!(told(object("[".repeat(MOST_VALUES + 1).as_bytes())), "a request has 200000 values at most");
        let text = format!("{{\"a\": \"{}\\\"{}\"}}", ",".repeat(MOST_VALUES), ",".repeat(MOST_VALUES));
        assert!(object(text.as_bytes()).is_ok(), "commas of a text are no values");
    }

    #[test]
    fn a_field_of_the_wrong_kind_is_named_with_what_it_is() {
        let body =
            object(br#"{"n": null, "top_p": 2, "stop": ["a", 1], "response_format": {"type": 3}}"#).expect("JSON");
        let fields = Fields::of(&body);
        assert_eq!(fields.parsed("n", share), Ok(None));
        assert_eq!(told(fields.parsed("top_p", share)), "top_p is a number from 0 to 1, not 2");
        assert_eq!(told(fields.texts("stop")), "stop is a text or a list of texts, not [\"a\",1]");
        let format = fields.object("response_format").expect("an object").expect("it is there");
        assert_eq!(told(format.text("type")), "response_format.type is a text, not 3");
        let long = object(format!("{{\"stream\": \"{}\"}}", "é".repeat(100)).as_bytes()).expect("JSON");
        assert!(told(Fields::of(&long).flag("stream")).ends_with('…'));
    }
}
