//! Decides whether a request is sent again, and when.
//!
//! Only a request that nothing has come of: once the first piece of an answer is there, it is never asked again. A server
//! that says when to come back (`Retry-After`) is asked then, if that is soon; otherwise after 1 s and 3 s. After three
//! times it is enough.
//!
//! ```text
//! 503                    1 s, 3 s, then the refusal
//! 429, Retry-After: 5    5 s
//! 429, Retry-After: 900  the refusal: nobody waits a quarter of an hour for a line
//! 400, 401, 404          the refusal: it would be the same again
//! ```
//!
//! It sleeps nowhere; the caller does, and stops when it is cancelled.

use std::time::Duration;

use super::refusal::Refusal;
use crate::failure::{Failure, FailureKind};
use crate::harmless;
use crate::remote::http::HttpError;

/// How long to wait before the second and third time, unless the server says.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];
/// The longest wait that a server may ask for.
const LONGEST: Duration = Duration::from_secs(30);

/// How much of an answer is shown that is not what was expected.
const SHOWN_CHARS: usize = 80;

/// Why a request had no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoAnswer {
    Refused(Refusal),
    /// The server was not reached, or the connection broke before it answered.
    Unheard(HttpError),
    /// It said yes, and then nothing; in a sentence.
    Empty(String),
    /// It answered with something else than JSON; its beginning.
    NotJson(String),
}

impl From<HttpError> for NoAnswer {
    fn from(error: HttpError) -> Self {
        Self::Unheard(error)
    }
}

impl NoAnswer {
    /// An answer that is not JSON.
    pub(super) fn not_json(text: &str) -> Self {
        Self::NotJson(harmless::line(&text.trim().chars().take(SHOWN_CHARS).collect::<String>()).into_owned())
    }

    /// As a person reads it.
    pub(super) fn failure(&self) -> Failure {
        let (message, hint) = match self {
            Self::Refused(refusal) => return refusal.failure(),
            Self::Unheard(error) => return error.clone().into(),
            Self::Empty(what) => (what.clone(), "ask again, or look at the server's log"),
            Self::NotJson(text) => {
                (format!("the server's answer is not JSON, but {text:?}"), "is it an OpenAI-compatible server?")
            }
        };
        Failure::new(FailureKind::Runtime, message, Some(hint.to_owned()))
    }
}

/// How long to wait before the request is sent again; `None`: it is not. `times` is how often it was sent.
pub(super) fn wait(why: &NoAnswer, times: usize) -> Option<Duration> {
    let usual = *WAITS.get(times.checked_sub(1)?)?;
    match why {
        NoAnswer::Empty(_) => Some(usual),
        NoAnswer::Unheard(error) => is_passing(error).then_some(usual),
        NoAnswer::NotJson(_) => None,
        NoAnswer::Refused(refusal) => match refusal.status? {
            408 | 429 | 502..=504 | 529 if !refusal.is_about_length() => {
                refusal.retry_after.map_or(Some(usual), |asked| (asked <= LONGEST).then_some(asked))
            }
            _ => None,
        },
    }
}

/// Whether it may be otherwise in a second. Whoever said nothing for a minute is not waited for two times more.
fn is_passing(error: &HttpError) -> bool {
    matches!(error, HttpError::Unreachable { .. } | HttpError::Broken { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, retry_after_s: Option<u64>) -> NoAnswer {
        NoAnswer::Refused(Refusal::of(status, "", retry_after_s.map(Duration::from_secs)))
    }

    #[test]
    fn a_server_that_is_busy_is_asked_three_times() {
        let waits = |why: &NoAnswer| [1, 2, 3].map(|times| wait(why, times).map(|wait| wait.as_secs()));
        let unreachable = HttpError::Unreachable { server: "box:1".to_owned(), why: "refused".to_owned() };
        for why in [refused(503, None), refused(429, None), unreachable.into(), NoAnswer::Empty(String::new())] {
            assert_eq!(waits(&why), [Some(1), Some(3), None], "{why:?}");
        }
        assert_eq!(waits(&refused(429, Some(5))), [Some(5), Some(5), None]);
    }

    #[test]
    fn what_would_be_the_same_again_or_takes_too_long_is_not_asked_again() {
        let silent = HttpError::Silent { server: "box:1".to_owned(), after: Duration::from_mins(1) };
        for why in [
            NoAnswer::not_json("<html>"),
            silent.into(),
            refused(400, None),
            refused(401, None),
            refused(404, None),
            refused(429, Some(900)),
        ] {
            assert_eq!(wait(&why, 1), None, "{why:?}");
        }
    }
}
