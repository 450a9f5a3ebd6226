//! Fetches from the Hugging Face hub over HTTP, and goes on where an earlier connection broke off.
//!
//! A connection that ends early, or brings nothing for [`Patience::read`](crate::models::Patience), is made again with a `Range` for what is
//! missing. As long as each brings more than was ever here there is no limit to how many; after `attempts` in a row that don't it fails.
//! A server that is busy (429, 503) may say in `Retry-After` when to ask again; that is heeded up to [`LONGEST_PAUSE`].

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use ureq::config::RedirectAuthHeaders;
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::job::{Job, PullProgress, refuse_cancelled};
use crate::models::{Error, Hub};

/// A person waits for this; a server that wants longer is as good as none.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// Cancelling has this grain during a pause.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The body of `path` on the hub, as text.
pub(in crate::models) fn get_text(hub: &Hub, path: &str) -> Result<String, Error> {
    let url = format!("{}{path}", hub.endpoint);
    let response = get(&agent(hub), hub, &url, 0)?;
    if response.status() != StatusCode::OK {
        return Err(refused(&url, &response));
    }
    response.into_body().read_to_string().map_err(|error| Error::Unreachable { url, reason: error.to_string() })
}

/// Fetches the job's file to its partial name.
pub(super) fn fetch(job: &mut Job<'_>) -> Result<(), Error> {
    let hub = &job.places.hub;
    let url = format!("{}/{}/resolve/main/{}", hub.endpoint, job.entry.repo, job.entry.path_on_hub());
    (job.progress)(PullProgress::Asking { source: url.clone() });
    let agent = agent(hub);
    let (mut attempts, mut most) = (0, length(&job.partial()));
    loop {
        let Err(error) = fetch_rest(job, &agent, &url) else { return Ok(()) };
        let got = length(&job.partial());
        attempts = if got > most { 1 } else { attempts + 1 };
        most = most.max(got);
        // Nothing was ever heard of the server: it is not worth waiting for.
        let never_reached = most == 0 && matches!(error, Error::Unreachable { .. });
        if never_reached || !may_pass(&error) || attempts >= hub.patience.attempts {
            return Err(error);
        }
        pause(job, &error)?;
    }
}

/// Before the next attempt: as long as the server asked for, or else as usual.
fn pause(job: &Job<'_>, error: &Error) -> Result<(), Error> {
    let asked = if let Error::Status { retry_after, .. } = error { *retry_after } else { None };
    let end = Instant::now() + asked.unwrap_or(job.places.hub.patience.pause).min(LONGEST_PAUSE);
    loop {
        refuse_cancelled(job.cancel)?;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(LOOK_AGAIN));
    }
}

fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

/// Whether the same question may be answered better in a while.
fn may_pass(error: &Error) -> bool {
    match error {
        Error::Broken { .. } | Error::Unreachable { .. } => true,
        Error::Status { status, .. } => matches!(status, 206 | 408 | 416 | 429 | 500..),
        _ => false,
    }
}

/// One connection: asks for what is missing of the partial file and appends it. `Ok` when the file has all its bytes.
fn fetch_rest(job: &mut Job<'_>, agent: &Agent, url: &str) -> Result<(), Error> {
    let path = job.partial();
    let expected = job.entry.bytes;
    let start = length(&path);
    if start == expected {
        return Ok(());
    }
    let response = get(agent, &job.places.hub, url, start)?;
    let start = match response.status() {
        StatusCode::PARTIAL_CONTENT if range_start(&response) == Some(start) => start,
        StatusCode::OK => 0,
        status => {
            // What we have is no beginning of what is there: the next attempt starts afresh.
            if status == StatusCode::RANGE_NOT_SATISFIABLE || status == StatusCode::PARTIAL_CONTENT {
                remove(&path)?;
            }
            return Err(refused(url, &response));
        }
    };
    if let Some(rest) = response.body().content_length().filter(|rest| start + rest != expected) {
        return Err(Error::OtherSize { url: url.into(), got: start + rest, expected });
    }
    let mut file = open_at(&path, start).map_err(|error| Error::from_write(&path, expected, error))?;
    // One byte more than is expected tells a file that is too long, whose end nobody may ever see.
    let mut body = response.into_body().into_reader().take(expected - start + 1);
    let got = job.append(&mut body, &mut file, &path, start)?;
    if got > expected {
        remove(&path)?;
        return Err(Error::OtherSize { url: url.into(), got, expected });
    }
    if got == expected {
        return Ok(());
    }
    Err(Error::Broken { got, expected, reason: "the server closed the connection".into() })
}

fn remove(path: &Path) -> Result<(), Error> {
    fs::remove_file(path).map_err(|source| Error::Disk { path: path.into(), source })
}

/// The error that `response` is no file.
fn refused(url: &str, response: &Response<Body>) -> Error {
    let seconds =
        response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Error::Status { url: url.into(), status: response.status().as_u16(), retry_after: seconds.map(Duration::from_secs) }
}

/// The file, to be written from `start` on: what is behind it is cut off.
fn open_at(path: &Path, start: u64) -> std::io::Result<File> {
    let file = File::options().create(true).append(true).open(path)?;
    if file.metadata()?.len() > start {
        file.set_len(start)?;
    }
    Ok(file)
}

fn agent(hub: &Hub) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_resolve(Some(hub.patience.connect))
        .timeout_connect(Some(hub.patience.connect))
        .timeout_recv_response(Some(hub.patience.read))
        .timeout_per_read(Some(hub.patience.read))
        // A repository that was renamed is elsewhere on the hub; the files of all of them are on other hosts, which need no token.
        .redirect_auth_headers(RedirectAuthHeaders::SameHost)
        .user_agent(concat!("lunette/", env!("CARGO_PKG_VERSION")))
        .build();
    config.into()
}

/// Asks for `url` from byte `start` on; redirects are followed, and the token is not taken along to another host.
fn get(agent: &Agent, hub: &Hub, url: &str, start: u64) -> Result<Response<Body>, Error> {
    // The bytes are counted, so they must come as they are.
    let mut request = agent.get(url).header(header::ACCEPT_ENCODING, "identity");
    if start > 0 {
        request = request.header(header::RANGE, format!("bytes={start}-"));
    }
    if let Some(token) = &hub.token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    request.call().map_err(|error| Error::Unreachable { url: url.into(), reason: error.to_string() })
}

/// `1000` of `Content-Range: bytes 1000-1999/2000`.
fn range_start(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}
