//! Downloads a document: `https://example.org/paper.pdf` becomes bytes, with what the server said about them.
//!
//! Only addresses that the user typed are fetched; links in documents are never followed. Redirects are followed, up to
//! [`MOST_REDIRECTS`] times, and told; but not from a public host to this machine or the network that it is in (SSRF): who can
//! make somebody open an address must not be able to make him read his router. What the user typed is fetched wherever it is.
//! A password in an address (`https://ada:secret@host/`) is sent and never shown. A download may take [`MOST_TIME`] and be as large as a file may be. As with files, the
//! bytes decide what a document is. `Content-Type` is used where they don't: for a page without `<html>`, or text in an
//! encoding that only the server knows.

use std::borrow::Cow;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};
use std::time::{Duration, Instant};

use ureq::http::{Response, StatusCode, Uri, header};
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

/// `text` as it may be shown: an address without the name and password before its host.
///
/// `https://ada:secret@example.org/a` is `https://example.org/a`.
#[must_use]
pub fn without_password(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://").filter(|_| is_address(text)) else { return Cow::Borrowed(text) };
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..host_end].rfind('@') {
        Some(at) => Cow::Owned(format!("{scheme}://{}", &rest[at + 1..])),
        None => Cow::Borrowed(text),
    }
}

/// Downloads the bytes at `url`. Also returns what the server said about them.
pub(super) fn download(url: &str, progress: &mut dyn FnMut(WebProgress)) -> Result<(Vec<u8>, Served), Error> {
    let name = printable(&without_password(url));
    let (response, moved_to) = follow(url, &name)?;
    if response.status() != StatusCode::OK {
        return Err(Error::Status { name, status: response.status().as_u16() });
    }
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let served = Served { moved_to, ..Served::read(content_type.unwrap_or_default()) };
    Ok((read(response, progress, &name)?, served))
}

/// The response at the end of all redirects, and where that is, if it isn't `url`.
fn follow(url: &str, name: &str) -> Result<(Response<Body>, Option<String>), Error> {
    let unreachable = |reason: String| Error::Unreachable { name: name.to_owned(), reason: printable(&reason) };
    let agent = agent();
    let mut at = url.to_owned();
    let mut moved_to = None;
    for _ in 0..=MOST_REDIRECTS {
        let through = |reason: String| match &moved_to {
            Some(shown) => format!("it leads to {shown}, where {reason}"),
            None => reason,
        };
        let response = agent.get(&at).call().map_err(|error| unreachable(through(in_words(&error))))?;
        let Some(location) = location(&response) else { return Ok((response, moved_to)) };
        let next = joined(&at, &location)
            .ok_or_else(|| unreachable(format!("it leads to {location}, which is no address")))?;
        let shown = printable(&without_password(&next));
        if host(&next) != host(url) && is_near(&next) {
            return Err(unreachable(format!("it leads to {shown}, which is on this machine or its network")));
        }
        (at, moved_to) = (next, Some(shown));
    }
    Err(unreachable(format!("more than {MOST_REDIRECTS} redirects")))
}

/// Where a response sends its reader.
fn location(response: &Response<Body>) -> Option<String> {
    let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(header::LOCATION).filter(|_| is_redirect)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

/// The address that `location` means on the page `at`; `None` if it isn't one of the web.
fn joined(at: &str, location: &str) -> Option<String> {
    if is_address(location) {
        return Some(location.to_owned());
    }
    let (scheme, rest) = at.split_once("://")?;
    let path = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(path);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    if let Some(other) = location.strip_prefix("//") {
        return Some(format!("{scheme}://{other}"));
    }
    // Another scheme, such as `file:`.
    if location.split(['/', '?', '#']).next().is_some_and(|first| first.contains(':')) {
        return None;
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    Some(match location.chars().next() {
        Some('/') => format!("{scheme}://{host}{location}"),
        Some('?') => format!("{scheme}://{host}{path}{location}"),
        _ => format!("{scheme}://{host}{folder}/{location}"),
    })
}

fn host(url: &str) -> Option<String> {
    Some(url.parse::<Uri>().ok()?.host()?.to_ascii_lowercase())
}

/// Whether the host of `url` is this machine, or in a network that is not public. A name that isn't known here is left to
/// the request, which may go through a proxy that knows it.
fn is_near(url: &str) -> bool {
    let Some(host) = host(url) else { return true };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(address) => !is_public(address),
        Err(_) => (host, 80).to_socket_addrs().is_ok_and(|mut all| all.any(|address| !is_public(address.ip()))),
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => is_public_v4(four),
        IpAddr::V6(six) => match (six.to_ipv4_mapped(), six.segments()) {
            (Some(four), _) => is_public_v4(four),
            // Version 4 behind a translator.
            (None, [0x64, 0xff9b, 0, 0, 0, 0, high, low]) => {
                is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
            }
            (None, [first, ..]) => {
                let is_local = first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80;
                !(six.is_loopback() || six.is_unspecified() || six.is_multicast() || is_local)
            }
        },
    }
}

fn is_public_v4(four: Ipv4Addr) -> bool {
    let [first, second, ..] = four.octets();
    // 100.64.0.0/10 is for the networks of providers, 0.0.0.0/8 is this machine.
    let is_shared = first == 100 && second & 0xc0 == 64;
    !(four.is_loopback()
        || four.is_private()
        || four.is_link_local()
        || four.is_broadcast()
        || four.is_multicast()
        || is_shared
        || first == 0)
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        // They are followed here, where they can be looked at.
        .max_redirects(0)
        .max_redirects_will_error(false)
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
    fn a_password_is_not_shown() {
        let cases = [
            ("https://ada:secret@example.org/a?b=c@d", "https://example.org/a?b=c@d"),
            ("HTTP://ada@example.org", "HTTP://example.org"),
            ("https://a:b@c@example.org/", "https://example.org/"),
            ("https://example.org/@ada", "https://example.org/@ada"),
            ("https://example.org?q=a@b", "https://example.org?q=a@b"),
            ("ada:secret@example.org", "ada:secret@example.org"),
            ("notes/a@b.txt", "notes/a@b.txt"),
        ];
        for (typed, shown) in cases {
            assert_eq!(without_password(typed), shown);
        }
    }

    #[test]
    fn a_redirect_is_an_address_or_a_path_beside_the_page() {
        let at = "https://example.org/books/one?page=2#top";
        let cases = [
            ("http://other.org/x", Some("http://other.org/x")),
            ("//other.org/x", Some("https://other.org/x")),
            ("/x", Some("https://example.org/x")),
            ("two", Some("https://example.org/books/two")),
            ("?page=3", Some("https://example.org/books/one?page=3")),
            ("file:///etc/passwd", None),
            ("ftp://example.org/x", None),
            ("javascript:alert(1)", None),
        ];
        for (location, expected) in cases {
            assert_eq!(joined(at, location).as_deref(), expected, "{location}");
        }
        assert_eq!(joined("https://example.org", "x").as_deref(), Some("https://example.org/x"));
    }

    #[test]
    fn what_is_near_is_told_from_what_is_public() {
        let near = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "[::1]",
            "[fe80::1]",
            "[fd00::1]",
            "[::ffff:127.0.0.1]",
            "[64:ff9b::a00:1]",
            "localhost",
        ];
        for host in near {
            assert!(is_near(&format!("http://{host}/")), "{host}");
        }
        for host in ["93.184.216.34", "100.128.0.1", "172.32.0.1", "[2606:2800:220:1::1]", "no-such-host.invalid"] {
            assert!(!is_near(&format!("http://{host}/")), "{host}");
        }
    }

    #[test]
    fn a_host_that_is_not_there_is_an_error_with_its_address() {
        // Port 9 of this machine: nothing listens there, and nothing leaves the machine.
        let error = download("http://127.0.0.1:9/a.txt", &mut |_| {}).expect_err("nothing listens there");
        assert!(error.to_string().starts_with("cannot fetch http://127.0.0.1:9/a.txt: "), "{error}");
    }
}
