//! Who may ask: whoever has the key, or without one, programs of this machine but not pages of the web.
//!
//! A page of the web that a browser shows may send requests to this machine. Two rules keep it out. `Host` must name this machine where there
//! is no key: a page of `evil.example` whose name a DNS server then gives as 127.0.0.1 still sends `evil.example` (DNS
//! rebinding). And `Origin`, which browsers add to what a page sends, must be the server's own. No answer has a header that lets another
//! page read it (CORS).
//!
//! The key is compared by its hash, so that the time taken says nothing about it.

use std::net::IpAddr;

use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, ORIGIN};
use hyper::http::uri::{Authority, Uri};
use sha2::{Digest, Sha256};

use super::error::ApiError;
use crate::settings::{ApiKey, Serving};

/// Whose requests are answered.
#[derive(Debug)]
pub(super) struct Access {
    key: Option<[u8; 32]>,
    /// The name that the server was told to listen on, if whoever reaches it may ask. With a key, a proxy may call it by any name.
    own_host: Option<String>,
}

impl Access {
    pub(super) fn of(serving: &Serving) -> Self {
        Self {
            key: serving.api_key.as_ref().map(|ApiKey(key)| hash(key.as_bytes())),
            own_host: (serving.api_key.is_none() && serving.listen.is_loopback()).then(|| serving.listen.host.clone()),
        }
    }

    /// Checks where a request comes from.
    pub(super) fn check_place(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
        let host = only(headers, &HOST)?;
        let named = [uri.authority().map(Authority::as_str), host];
        if let Some(own) = &self.own_host {
            if host.is_none() && uri.authority().is_none() {
                return Err(ApiError::forbidden("the request names no host"));
            }
            if let Some(other) = named.into_iter().flatten().find(|named| !is_here(named, own)) {
                let told =
                    format!("the request is for the host {other}, and this server is reached as {own} or localhost");
                return Err(ApiError::forbidden(told));
            }
        }
        match (only(headers, &ORIGIN)?, host) {
            (Some(origin), host) if !host.is_some_and(|host| is_of(origin, host)) => Err(ApiError::forbidden(format!(
                "the request comes from a page of {origin}, and only the server's own may ask"
            ))),
            _ => Ok(()),
        }
    }

    /// Checks the key.
    pub(super) fn check_key(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let Some(key) = &self.key else { return Ok(()) };
        let sent = headers.get(AUTHORIZATION).map(|value| value.as_bytes().trim_ascii());
        let sent = sent.and_then(|sent| {
            let (scheme, key) = sent.split_at_checked("Bearer ".len())?;
            scheme.eq_ignore_ascii_case(b"Bearer ").then(|| hash(key.trim_ascii()))
        });
        if sent.is_some_and(|sent| sent == *key) { Ok(()) } else { Err(ApiError::wrong_key()) }
    }
}

fn hash(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// The value of a header that may be there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    match (first.map(|value| value.to_str()), values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(value)), None) => Ok(Some(value)),
        _ => Err(ApiError::forbidden(format!("the request has no clear {name}"))),
    }
}

/// Whether `authority` (`localhost:8080`) is this machine, or the host `own`.
fn is_here(authority: &str, own: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else { return false };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    is_loopback || host.eq_ignore_ascii_case("localhost") || host.eq_ignore_ascii_case(own)
}

/// Whether a page of `origin` is of this server, which the request calls `host`. A proxy may have taken the encryption off.
fn is_of(origin: &str, host: &str) -> bool {
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Listen;

    fn access(host: &str, key: Option<&str>) -> Access {
        Access::of(&Serving {
            listen: Listen { host: host.to_owned(), port: 8080 },
            api_key: key.map(|key| ApiKey(key.to_owned())),
            most_body_bytes: 1,
            most_waiting: 1,
            most_answers: 1,
            most_connections: 1,
        })
    }

    fn headers(all: &[(HeaderName, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.clone(), value.parse().expect("a header"))).collect()
    }

    fn is_let_in(access: &Access, uri: &str, all: &[(HeaderName, &str)]) -> bool {
        let checked = access.check_place(&uri.parse().expect("a URI"), &headers(all));
        checked.inspect_err(|error| assert_eq!(error.status, 403)).is_ok()
    }

    #[test]
    fn on_this_machine_only_its_own_names_are_answered() {
        let here = access("127.0.0.1", None);
        for host in ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080", "127.3.3.3"] {
            assert!(is_let_in(&here, "/health", &[(HOST, host)]), "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8080", "0.0.0.0", "192.168.0.1", "@", ""]
        {
            assert!(!is_let_in(&here, "/health", &[(HOST, host)]), "{host}");
        }
        assert!(!is_let_in(&here, "/health", &[]), "no host at all");
        assert!(!is_let_in(&here, "http://evil.example/health", &[(HOST, "localhost")]), "the target counts, too");
        for host in ["0.0.0.0", "127.0.0.1"] {
            assert!(is_let_in(&access(host, Some("k")), "/health", &[(HOST, "gpu.example")]), "the key protects it");
        }
    }

    #[test]
    fn pages_of_others_may_not_ask() {
        for access in [access("localhost", None), access("0.0.0.0", Some("k"))] {
            let from = |origin: &str| is_let_in(&access, "/v1/models", &[(HOST, "localhost:8080"), (ORIGIN, origin)]);
            assert!(from("http://localhost:8080") && from("https://localhost:8080"));
            for origin in [
                "http://evil.example",
                "http://localhost:3000",
                "null",
                "file://",
                "http://localhost:8080.evil.example",
            ] {
                assert!(!from(origin), "{origin}");
            }
        }
        let twice = [(HOST, "localhost"), (HOST, "evil.example")];
        let mut headers = HeaderMap::new();
        for (name, value) in &twice {
            headers.append(name, value.parse().expect("a header"));
        }
        assert!(access("localhost", None).check_place(&Uri::from_static("/health"), &headers).is_err());
    }

    #[test]
    fn the_key_is_a_bearer_token() {
        let access = access("0.0.0.0", Some("secret"));
        let with = |value: &str| access.check_key(&headers(&[(AUTHORIZATION, value)])).is_ok();
        assert!(with("Bearer secret") && with("bearer secret"));
        for value in
            ["", "secret", "Bearer", "Bearer ", "Bearer secre", "Bearer secrets", "Basic secret", "Bearer SECRET"]
        {
            assert!(!with(value), "{value}");
        }
        assert_eq!(access.check_key(&HeaderMap::new()).expect_err("no key").status, 401);
        assert!(super::Access { key: None, own_host: None }.check_key(&HeaderMap::new()).is_ok());
    }
}
