//! Where is the server whose engine is used in place of one on this machine?
//!
//! Example: `--server http://gpu-box:8080`; `gpu-box:8080` means the same. `--server none` uses this machine, whatever the configuration
//! says. An address with a password in it is refused, because addresses are shown.

use std::fmt;

/// A server, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerChoice {
    None,
    At(ServerUrl),
}

/// Whether what is sent is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    const fn usual_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    pub scheme: Scheme,
    /// A name or a number, without brackets.
    pub host: String,
    pub port: u16,
    /// What stands before the paths of its API: empty, or `/lab/llm`. A `/v1` at the end belongs to the API and is not in it.
    pub base: String,
}

impl ServerUrl {
    /// Parses `http://gpu-box:8080`, `https://llm.example/v1`, `gpu-box:8080`.
    pub fn read(text: &str) -> Result<Self, String> {
        let wrong = || "an address such as http://gpu-box:8080 or https://llm.example/v1".to_owned();
        let text = text.trim();
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
            Some(_) => return Err(wrong()),
            None => (Scheme::Http, text),
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        if authority.contains('@') {
            return Err(
                "an address without a name or password in it; the key is given by LUNETTE_SERVER_KEY".to_owned()
            );
        }
        let (host, port) = host_and_port(authority, scheme).ok_or_else(wrong)?;
        let base = path.trim_end_matches('/');
        let base = base.strip_suffix("/v1").unwrap_or(base);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte);
        if !base.bytes().all(is_plain) {
            return Err(wrong());
        }
        Ok(Self { scheme, host: host.to_owned(), port, base: base.to_owned() })
    }

    /// The host and the port, as a request names them: `gpu-box:8080`, `[::1]:8080`.
    #[must_use]
    pub fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// The same without the scheme's usual port, as browsers write it into a request: not every proxy knows itself by both.
    #[must_use]
    pub fn host_header(&self) -> String {
        let whole = self.authority();
        let usual = format!(":{}", self.scheme.usual_port());
        whole.strip_suffix(&usual).map_or_else(|| whole.clone(), str::to_owned)
    }
}

/// `http://gpu-box:8080/lab`.
impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}{}", self.authority(), self.base)
    }
}

fn host_and_port(authority: &str, scheme: Scheme) -> Option<(&str, u16)> {
    let usual = scheme.usual_port();
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, port)
        }
        None => authority.find(':').map_or((authority, ""), |colon| authority.split_at(colon)),
    };
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().ok().filter(|&port| port > 0)?,
        None if port.is_empty() => usual,
        None => return None,
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    (!host.is_empty() && host.bytes().all(is_plain)).then_some((host, port))
}

/// Parses `--server`.
pub(super) fn choice(text: &str) -> Result<ServerChoice, String> {
    if text.trim() == "none" {
        return Ok(ServerChoice::None);
    }
    ServerUrl::read(text).map(ServerChoice::At)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_their_usual_ports() {
        let shown = |text: &str| ServerUrl::read(text).map(|url| url.to_string());
        for (typed, expected) in [
            ("gpu-box:8080", "http://gpu-box:8080"),
            ("http://gpu-box", "http://gpu-box:80"),
            ("HTTPS://llm.example/v1/", "https://llm.example:443"),
            (" http://10.0.0.2:1/lab/llm/v1 ", "http://10.0.0.2:1/lab/llm"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("[::1]", "http://[::1]:80"),
        ] {
            assert_eq!(shown(typed).as_deref(), Ok(expected), "{typed}");
        }
        for wrong in [
            "",
            "http://",
            "ftp://box",
            "http://box:0",
            "http://box:70000",
            "http://a b",
            "http://box/?q",
            "::1",
            "http://[x]",
            "http://box:",
            "box:80:80",
        ] {
            assert!(ServerUrl::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_request_names_the_host_without_the_usual_port() {
        let named = |text: &str| ServerUrl::read(text).expect("an address").host_header();
        assert_eq!(
            ["https://llm.example/v1", "http://gpu-box:8080", "http://[::1]", "https://a:80"].map(named),
            ["llm.example", "gpu-box:8080", "[::1]", "a:80"]
        );
    }

    #[test]
    fn an_address_with_a_password_is_refused_without_repeating_it() {
        let told = ServerUrl::read("http://me:secret@box:8080").expect_err("it would be shown");
        assert!(told.contains("LUNETTE_SERVER_KEY") && !told.contains("secret"), "{told}");
    }
}
