//! What stands before a server that speaks plain HTTP: it encrypts, with a certificate of its own.
#![allow(dead_code, reason = "each test file takes what it needs")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Somebody who signs certificates, and is known to nobody.
pub(crate) struct Signer(CertifiedIssuer<'static, KeyPair>);

/// A certificate of a server.
pub(crate) struct Signed {
    certificate: Certificate,
    key: KeyPair,
}

impl Signer {
    pub(crate) fn called(name: &str) -> Self {
        let mut wanted = CertificateParams::new([]).expect("no name is wrong");
        wanted.distinguished_name.push(DnType::CommonName, name);
        wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(wanted, key()).expect("it signs itself"))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a server called `name`.
    pub(crate) fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Signed {
        let mut wanted = CertificateParams::new([name.to_owned()]).expect("a name");
        change(&mut wanted);
        let key = key();
        Signed { certificate: wanted.signed_by(&key, &self.0).expect("it is signed"), key }
    }
}

impl Signed {
    /// One that is signed by itself.
    pub(crate) fn by_itself(name: &str, is_ca: IsCa) -> Self {
        let mut wanted = CertificateParams::new([name.to_owned()]).expect("a name");
        wanted.is_ca = is_ca;
        let key = key();
        Self { certificate: wanted.self_signed(&key).expect("it is signed"), key }
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

/// Encrypts what goes to and comes from `server`, one request a connection. Returns where.
pub(crate) fn in_front_of(server: &str, signed: &Signed) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (server, config) = (server.to_owned(), config(signed));
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (server, config) = (server.clone(), config.clone());
            // Whoever doesn't trust it ends the connection.
            thread::spawn(move || drop(pass_on(client, &server, config)));
        }
    });
    port
}

fn config(signed: &Signed) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signed.key.serialize_der()));
    let chain = vec![signed.certificate.der().clone()];
    let builder = builder.expect("versions that this provider has").with_no_client_auth();
    Arc::new(builder.with_single_cert(chain, key).expect("a certificate with its key"))
}

fn pass_on(client: TcpStream, server: &str, config: Arc<ServerConfig>) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut client = StreamOwned::new(connection, client);
    let request = request(&mut client)?;
    let mut server = TcpStream::connect(server)?;
    server.write_all(&request)?;
    let mut some = [0; 16 << 10];
    while let length @ 1.. = server.read(&mut some)? {
        client.write_all(&some[..length])?;
        client.flush()?;
    }
    client.conn.send_close_notify();
    client.flush()
}

/// The next request, with its body.
fn request(client: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    let mut some = [0; 16 << 10];
    loop {
        let length = client.read(&mut some)?;
        whole.extend_from_slice(&some[..length]);
        if length == 0 || is_whole(&whole) {
            return Ok(whole);
        }
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some(head) = text.find("\r\n\r\n") else { return false };
    let length = text[..head].split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
    let at = request.windows(4).position(|end| end == b"\r\n\r\n").map_or(0, |at| at + 4);
    request.len() >= at + length.unwrap_or(0)
}
