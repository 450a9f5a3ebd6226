//! How an engine's commands and events are written for another machine.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `GET /lunette` | | [`Hello`]: version, protocol, model |
//! | `POST /lunette/texts` | texts ([`bundle`]) | |
//! | `POST /lunette/jobs` | [`Job`]: a [`Command`] | one [`Event`](crate::engine::message::Event) per line; an empty line now and then |
//! | `POST /lunette/jobs/ID/stop`, `…/answer-now` | | |
//! | `POST /lunette/counts` | [`CountJob`] | [`Counts`] |
//!
//! Texts travel once. A long one stands in a job as its hash; a server that does not have it names it in its refusal ([`Missing`]), and gets
//! it. Example: after the first question a book of 700 kB stands in a job as a hash of 64 letters.
//!
//! It neither sends nor checks anything: `remote::lunette` and `server` do.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::engine::message::{Command, ModelInfo, Prompt};

/// Raised with every change that the other side would misunderstand.
pub const PROTOCOL: u32 = 2;
/// Shorter texts travel with each job.
pub const LONG_TEXT_BYTES: usize = 1024;

/// The length of a text has fewer digits than this.
const LONGEST_LENGTH: usize = 20;

/// Where a server says what it is.
pub const HELLO: &str = "/lunette";
pub const TEXTS: &str = "/lunette/texts";
pub const JOBS: &str = "/lunette/jobs";
pub const STOP: &str = "/stop";
pub const ANSWER_NOW: &str = "/answer-now";
pub const COUNTS: &str = "/lunette/counts";

/// Codes of refusals that a client acts on.
pub const CODE_MISSING_TEXTS: &str = "missing_texts";
pub const CODE_OTHER_MODEL: &str = "other_model";
pub const CODE_LOADING: &str = "loading";

/// What can be read of every version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// The version of Lunette.
    pub lunette: String,
    pub protocol: u32,
}

/// What a server says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    #[serde(flatten)]
    pub greeting: Greeting,
    /// What is loaded of the model's file, 0.0 to 1.0.
    pub loading: f32,
    /// `None` while it is loading.
    pub model: Option<Model>,
}

/// A server's model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Tells one model from another, also after a server has been started anew.
    pub stamp: String,
    /// Its path is the file's name.
    pub info: Box<ModelInfo>,
}

/// A command on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub protocol: u32,
    /// Chosen by the client, and hard to guess: whoever knows it can stop the job.
    pub id: String,
    /// The model that the prompt was laid out for.
    pub model: String,
    /// Without its texts.
    pub command: Command,
    /// In the order of [`texts_of`].
    pub texts: Vec<WireText>,
}

/// A text, or the hash of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WireText {
    Here(Arc<str>),
    Known(TextHash),
}

/// A text's sha256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TextHash([u8; 32]);

/// What a server lacks for a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    pub texts: Vec<TextHash>,
}

/// What is to be counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CountJob {
    pub protocol: u32,
    pub what: Counted,
    pub texts: Vec<WireText>,
}

/// Whose tokens are counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Each text.
    Each,
    /// The one text's stretches, in bytes.
    Spans(Vec<Range<usize>>),
    /// A prompt: its document, and all of it. Without its texts.
    Prompt(Prompt),
}

/// As many counts as things to count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub tokens: Vec<u32>,
}

/// Why a job can't be put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incomplete {
    Missing(Missing),
    /// Not as many texts as the command has places for them.
    Uneven,
}

impl TextHash {
    /// The hash of `text`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

impl fmt::Display for TextHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TextHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for TextHash {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "a hash has 64 hexadecimal digits";
        if text.len() != 64 || !text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(WRONG);
        }
        let mut hash = [0; 32];
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| WRONG)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| WRONG)?;
        }
        Ok(Self(hash))
    }
}

impl TryFrom<String> for TextHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TextHash> for String {
    fn from(hash: TextHash) -> Self {
        hash.to_string()
    }
}

impl Job {
    /// `command` for a server, and the long texts that it may have to be sent.
    #[must_use]
    pub fn of(command: &Command, id: String, model: String) -> (Self, HashMap<TextHash, Arc<str>>) {
        let mut command = command.clone();
        let (texts, long) = taken_out(texts_of(&mut command));
        (Self { protocol: PROTOCOL, id, model, command, texts }, long)
    }

    /// The command with its texts. `known` has those that were sent before.
    pub fn command(self, known: impl Fn(&TextHash) -> Option<Arc<str>>) -> Result<Command, Incomplete> {
        let Self { mut command, texts, .. } = self;
        put_in(texts_of(&mut command), texts, known)?;
        Ok(command)
    }
}

impl CountJob {
    /// What is to be counted, for a server, and the long texts that it may have to be sent.
    #[must_use]
    pub fn of(mut what: Counted, texts: &[Arc<str>]) -> (Self, HashMap<TextHash, Arc<str>>) {
        let mut texts = texts.to_vec();
        let places = match &mut what {
            Counted::Prompt(prompt) => texts_of_prompt(prompt),
            Counted::Each | Counted::Spans(_) => texts.iter_mut().collect(),
        };
        let (texts, long) = taken_out(places);
        (Self { protocol: PROTOCOL, what, texts }, long)
    }

    /// What is to be counted, with the texts that do not stand in a prompt.
    pub fn whole(self, known: impl Fn(&TextHash) -> Option<Arc<str>>) -> Result<(Counted, Vec<Arc<str>>), Incomplete> {
        let Self { mut what, texts, .. } = self;
        if let Counted::Prompt(prompt) = &mut what {
            put_in(texts_of_prompt(prompt), texts, known)?;
            return Ok((what, Vec::new()));
        }
        let mut whole = vec![Arc::from(""); texts.len()];
        put_in(whole.iter_mut().collect(), texts, known)?;
        Ok((what, whole))
    }
}

/// Texts one behind the other, each with its length before it: `5\nHello3\nyou`.
#[must_use]
pub fn bundle(texts: &[Arc<str>]) -> Vec<u8> {
    let mut bundle = Vec::with_capacity(texts.iter().map(|text| text.len() + 8).sum());
    for text in texts {
        bundle.extend_from_slice(format!("{}\n", text.len()).as_bytes());
        bundle.extend_from_slice(text.as_bytes());
    }
    bundle
}

/// The texts of a [`bundle`].
///
/// Errors: why it is none.
pub fn unbundled(mut bytes: &[u8]) -> Result<Vec<Arc<str>>, &'static str> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.iter().take(LONGEST_LENGTH).position(|&byte| byte == b'\n');
        let (length, rest) = bytes.split_at(end.ok_or("a text's length is missing")?);
        let length = std::str::from_utf8(length).ok().and_then(|length| length.parse::<usize>().ok());
        let text = rest[1..].split_at_checked(length.ok_or("a text's length is no number")?);
        let (text, rest) = text.ok_or("the last text breaks off")?;
        texts.push(Arc::from(std::str::from_utf8(text).map_err(|_| "a text is not UTF-8")?));
        bytes = rest;
    }
    Ok(texts)
}

/// Every text of a command that may be long, in an order that both sides have.
fn texts_of(command: &mut Command) -> Vec<&mut Arc<str>> {
    match command {
        Command::Prefill { prompt, .. } | Command::Forecast { prompt, .. } => texts_of_prompt(prompt),
        Command::Ask(question) => texts_of_prompt(&mut question.prompt),
        Command::Weigh { question, answer } => {
            let mut texts = texts_of_prompt(&mut question.prompt);
            texts.push(answer);
            texts
        }
        Command::ReadAhead(ahead) => {
            let mut texts = texts_of_prompt(&mut ahead.prompt);
            texts.extend(texts_of_prompt(&mut ahead.home.0));
            texts
        }
        Command::Count { texts, .. } => texts.iter_mut().collect(),
        Command::FindHeads { trials, .. } => {
            Arc::make_mut(trials).iter_mut().flat_map(|trial| texts_of_prompt(&mut trial.prompt)).collect()
        }
        Command::AnswerNow { .. } | Command::AllowContext { .. } | Command::Shutdown => Vec::new(),
    }
}

fn texts_of_prompt(prompt: &mut Prompt) -> Vec<&mut Arc<str>> {
    prompt.parts.iter_mut().map(|part| &mut part.text).collect()
}

fn taken_out(places: Vec<&mut Arc<str>>) -> (Vec<WireText>, HashMap<TextHash, Arc<str>>) {
    let mut long: HashMap<TextHash, Arc<str>> = HashMap::new();
    // A text that stands in a prompt twice is hashed once, if it is one text in memory.
    let mut hashed: Vec<(Arc<str>, TextHash)> = Vec::new();
    let mut texts = Vec::with_capacity(places.len());
    for place in places {
        let text = std::mem::replace(place, Arc::from(""));
        if text.len() < LONG_TEXT_BYTES {
            texts.push(WireText::Here(text));
            continue;
        }
        let known = hashed.iter().find(|(known, _)| Arc::ptr_eq(known, &text)).map(|(_, hash)| *hash);
        let hash = known.unwrap_or_else(|| TextHash::of(&text));
        if known.is_none() {
            hashed.push((text.clone(), hash));
        }
        texts.push(WireText::Known(hash));
        long.insert(hash, text);
    }
    (texts, long)
}

fn put_in(
    places: Vec<&mut Arc<str>>,
    texts: Vec<WireText>,
    known: impl Fn(&TextHash) -> Option<Arc<str>>,
) -> Result<(), Incomplete> {
    if places.len() != texts.len() {
        return Err(Incomplete::Uneven);
    }
    let mut missing = Vec::new();
    for (place, text) in places.into_iter().zip(texts) {
        match text {
            WireText::Here(text) => *place = text,
            WireText::Known(hash) => match known(&hash) {
                Some(text) => *place = text,
                None if missing.contains(&hash) => {}
                None => missing.push(hash),
            },
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(Incomplete::Missing(Missing { texts: missing })) }
}

#[cfg(test)]
mod tests;
