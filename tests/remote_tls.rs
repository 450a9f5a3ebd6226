//! `lunette --server https://…`: a server behind a TLS proxy, whose certificate is signed by somebody that the user names, or by nobody.

mod support {
    pub(crate) mod binary;
    pub(crate) mod gguf;
    pub(crate) mod scripted_model;
    pub(crate) mod serving;
    pub(crate) mod tls;
}

use rcgen::{BasicConstraints, IsCa, date_time_ymd};
use support::binary::{Home, Ran, sentence};
use support::serving::{BOOK, Serving};
use support::tls::{Signed, Signer, in_front_of};

/// The home of a client, which has the book, no model, and the certificate of `signer`.
fn client(signer: &Signer) -> Home {
    let home = Home::new();
    home.file("book.txt", &BOOK.repeat(100));
    home.file("signer.pem", &signer.pem());
    home
}

fn ask(home: &Home, server: &str, more: &[&str]) -> Ran {
    home.run(&[&["--server", server, "--preset", "full"], more, &["-p", "Is it?", "book.txt"]].concat())
}

#[test]
fn a_server_behind_a_tls_proxy_answers_whoever_names_its_signer() {
    let served = Home::new();
    let serving = Serving::start(&served, &["--preset", "full", "--no-cache"]);
    let signer = Signer::called("mine");
    let port = in_front_of(&serving.address, &signer.sign("localhost", |_| {}));
    let home = client(&signer);
    let url = format!("https://localhost:{port}");
    let by_flag = ask(&home, &url, &["--server-ca", "signer.pem"]);
    assert_eq!(by_flag.out.trim(), "Yes, it.", "{by_flag:?}");
    let line = ["--server", &*url, "--preset", "full", "-p", "Is it?", "book.txt"];
    let by_variable = home.run_with(&line, &[("LUNETTE_SERVER_CA", "signer.pem")], "");
    assert_eq!(by_variable.out.trim(), "Yes, it.", "{by_variable:?}");
    let by_number = in_front_of(&serving.address, &signer.sign("127.0.0.1", |_| {}));
    let by_number = ask(&home, &format!("https://127.0.0.1:{by_number}"), &["--server-ca", "signer.pem"]);
    assert_eq!(by_number.out.trim(), "Yes, it.", "{by_number:?}");
    serving.stop();
}

#[test]
fn a_certificate_that_signs_itself_can_be_named_unless_it_signs_others() {
    let served = Home::new();
    let serving = Serving::start(&served, &["--preset", "full", "--no-cache"]);
    let home = client(&Signer::called("mine"));
    let own = Signed::by_itself("localhost", IsCa::ExplicitNoCa);
    home.file("own.pem", &own.pem());
    let port = in_front_of(&serving.address, &own);
    let ran = ask(&home, &format!("https://localhost:{port}"), &["--server-ca", "own.pem"]);
    assert_eq!(ran.out.trim(), "Yes, it.", "{ran:?}");
    let signing = Signed::by_itself("localhost", IsCa::Ca(BasicConstraints::Unconstrained));
    home.file("signing.pem", &signing.pem());
    let port = in_front_of(&serving.address, &signing);
    let ran = ask(&home, &format!("https://localhost:{port}"), &["--server-ca", "signing.pem"]);
    assert!(sentence(&ran.err).ends_with("one that signs others, which no server may show"), "{ran:?}");
    serving.stop();
}

/// What is told of a server with this certificate, and the hint below it. Nothing of the request arrives.
fn refusal(signed: &Signed, home: &Home, host: &str, more: &[&str]) -> String {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let behind = nobody.local_addr().expect("an address").to_string();
    let port = in_front_of(&behind, signed);
    let ran = ask(home, &format!("https://{host}:{port}"), more);
    assert!(ran.code != 0 && ran.out.is_empty(), "{ran:?}");
    nobody.set_nonblocking(true).expect("a socket");
    assert!(nobody.accept().is_err(), "it was asked in spite of that");
    ran.err
}

#[test]
fn whom_nobody_trusts_is_refused_in_words_with_what_to_do() {
    let signer = Signer::called("mine");
    let home = client(&signer);
    let named = &["--server-ca", "signer.pem"][..];
    let good = signer.sign("localhost", |_| {});
    let told = refusal(&good, &home, "localhost", &[]);
    assert!(sentence(&told).ends_with("its certificate is signed by nobody who is publicly trusted"), "{told}");
    assert!(told.contains("--server-ca FILE"), "{told}");
    let told = refusal(&Signer::called("another").sign("localhost", |_| {}), &home, "localhost", named);
    assert!(sentence(&told).ends_with("its certificate is signed by nobody in signer.pem"), "{told}");
    let old = signer.sign("localhost", |wanted| wanted.not_after = date_time_ymd(2020, 1, 1));
    let told = refusal(&old, &home, "localhost", named);
    assert!(sentence(&told).ends_with("its certificate has expired") && told.contains("renew it"), "{told}");
    let early = signer.sign("localhost", |wanted| wanted.not_before = date_time_ymd(2090, 1, 1));
    let told = refusal(&early, &home, "localhost", named);
    assert!(sentence(&told).ends_with("its certificate is not valid yet") && told.contains("clock"), "{told}");
    let told = refusal(&signer.sign("gpu-box", |_| {}), &home, "localhost", named);
    assert!(sentence(&told).ends_with("its certificate is for gpu-box, not for localhost"), "{told}");
    let told = refusal(&good, &home, "127.0.0.1", named);
    assert!(sentence(&told).ends_with("its certificate is for localhost, not for 127.0.0.1"), "{told}");
}

#[test]
fn a_file_without_certificates_and_a_server_that_does_not_encrypt_are_told() {
    let home = client(&Signer::called("mine"));
    let told = |file: &str| ask(&home, "https://localhost:1", &["--server-ca", file]).err;
    assert!(sentence(&told("book.txt")).ends_with("book.txt has no certificate in it"), "{}", told("book.txt"));
    assert!(sentence(&told("nothing.pem")).contains("cannot read the certificates of --server-ca from nothing.pem"));
    home.file("half.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let served = Home::new();
    let serving = Serving::start(&served, &["--preset", "full", "--no-cache"]);
    let url = format!("https://{}", serving.address);
    let half = ask(&home, &url, &["--server-ca", "half.pem"]).err;
    assert!(sentence(&half).contains("half.pem has a certificate that can't be read"), "{half}");
    let plain = ask(&home, &url, &[]).err;
    assert!(sentence(&plain).ends_with("it does not encrypt") && plain.contains("http:// is not encrypted"), "{plain}");
    let alone = home.run(&["--server-ca", "signer.pem", "-p", "Is it?", "book.txt"]).err;
    assert!(sentence(&alone).contains("--server-ca is about a server's engine"), "{alone}");
    serving.stop();
}
