//! Downloads a document: `https://example.org/paper.pdf` becomes bytes, with what the server said about them.
//!
//! Only addresses that the user typed are fetched; links in documents are never followed. Redirects are followed, up to
//! [`MOST_REDIRECTS`] times. A download may take [`MOST_TIME`] and be as large as a file may be. As with files, the
//! bytes decide what a document is. `Content-Type` is used where they don't: for a page without `<html>`, or text in an
//! encoding that only the server knows.

use std::io::Read;
use std::time::{Duration, Instant};

use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::controls::printable;
use super::error::Error;
use super::raw_file::{MAX_BYTES, Served};

const MOST_REDIRECTS: u32 = 5;
/// For the whole download. A book takes seconds; for 200 MB over a slow line there are download programs.
const MOST_TIME: Duration = Duration::from_mins(3);
/// Until the server starts to answer.
const MOST_SILENCE: Duration = Duration::from_secs(30);
/// Progress is reported after each chunk.
const CHUNK_BYTES: usize = 64 << 10;

/// How many bytes have arrived, and of how many, if the server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebProgress {
    pub done: u64,
    pub total: Option<u64>,
}

/// Whether `argument` is an address rather than a path.
pub(super) fn is_address(argument: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| argument.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

/// Downloads the bytes at `url`. Also returns what the server said about them.
pub(super) fn download(url: &str, progress: &mut dyn FnMut(WebProgress)) -> Result<(Vec<u8>, Served), Error> {
    let name = printable(url);
    let unreachable = |reason: String| Error::Unreachable { name: name.clone(), reason: printable(&reason) };
    let response = agent().get(url).call().map_err(|error| unreachable(in_words(&error)))?;
    if response.status() != StatusCode::OK {
        return Err(Error::Status { name, status: response.status().as_u16() });
    }
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let served = Served::read(content_type.unwrap_or_default());
    Ok((read(response, progress, &name)?, served))
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(MOST_REDIRECTS)
        .timeout_global(Some(MOST_TIME))
        .timeout_connect(Some(MOST_SILENCE))
        .timeout_recv_response(Some(MOST_SILENCE))
        .user_agent(concat!("lunette/", env!("CARGO_PKG_VERSION")))
        .build();
    config.into()
}

/// ureq's message, except where it speaks of ureq's internals.
fn in_words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::HostNotFound => "host not found".into(),
        ureq::Error::TooManyRedirects => format!("more than {MOST_REDIRECTS} redirects"),
        ureq::Error::Timeout(_) => "timed out".into(),
        other => other.to_string(),
    }
}

/// The body. Fails if it is larger than a file may be.
fn read(response: Response<Body>, progress: &mut dyn FnMut(WebProgress), name: &str) -> Result<Vec<u8>, Error> {
    let total = response.body().content_length();
    let too_large = || Error::TooLarge { name: name.into(), most_mib: MAX_BYTES >> 20 };
    if total.is_some_and(|total| total > MAX_BYTES) {
        return Err(too_large());
    }
    let deadline = Instant::now() + MOST_TIME;
    let broken = |reason: String| Error::Unreachable { name: name.into(), reason };
    let mut body = response.into_body().into_reader();
    let mut bytes = Vec::new();
    loop {
        let done = bytes.len() as u64;
        progress(WebProgress { done, total });
        let got = (&mut body).take(CHUNK_BYTES as u64).read_to_end(&mut bytes);
        let got =
            got.map_err(|error| broken(format!("the connection broke off after {} bytes: {error}", bytes.len())))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(too_large());
        }
        if got == 0 {
            return Ok(bytes);
        }
        if Instant::now() > deadline {
            return Err(broken(format!("only {done} bytes arrived in {} s", MOST_TIME.as_secs())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_paths() {
        assert!(is_address("https://example.org/a.pdf") && is_address("HTTP://example.org"));
        assert!(!is_address("httpd.conf") && !is_address("ftp://example.org/a") && !is_address("ä"));
    }

    #[test]
    fn a_host_that_is_not_there_is_an_error_with_its_address() {
        // Port 9 of this machine: nothing listens there, and nothing leaves the machine.
        let error = download("http://127.0.0.1:9/a.txt", &mut |_| {}).expect_err("nothing listens there");
        assert!(error.to_string().starts_with("cannot fetch http://127.0.0.1:9/a.txt: "), "{error}");
    }
}
