//! Documents by address, through the real program, from a server on this machine.

mod support {
    pub(crate) mod binary;
    pub(crate) mod pdf;
}

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;

use support::binary::{Home, Ran, sentence};
use support::pdf::{Made, line};

/// A response of the server.
struct Answer {
    status: &'static str,
    headers: String,
    body: Vec<u8>,
}

fn ok(content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
    Answer { status: "200 OK", headers: format!("Content-Type: {content_type}\r\n"), body: body.into() }
}

fn answer(path: &str) -> Answer {
    let moved = |to: &str| Answer { status: "302 Found", headers: format!("Location: {to}\r\n"), body: Vec::new() };
    let (shift_jis, ..) = encoding_rs::SHIFT_JIS.encode("吾輩は猫である。");
    match path {
        "/paper" => ok("application/octet-stream", Made::new().page(line(72, 760, 11, "A page of the paper.")).bytes()),
        "/page" => ok("text/html; charset=utf-8", "<title>x</title><main><h1>Cats</h1><p>They purr.</main>"),
        "/neko" => ok("text/html; charset=Shift_JIS", [b"<p>", &*shift_jis].concat()),
        "/neko.txt?raw=1" => ok("text/plain; charset=shift_jis", shift_jis.into_owned()),
        "/notes" => ok("text/markdown", "# One\n\na\n\n# Two\n\nb\n"),
        "/moved" => moved("/page"),
        "/round" => moved("/round"),
        "/endless" => Answer { status: "200 OK", headers: "Content-Length: 99999999999\r\n".into(), body: Vec::new() },
        "/short" => Answer { status: "200 OK", headers: "Content-Length: 500\r\n".into(), body: b"cut off".to_vec() },
        "/empty" => ok("text/plain", ""),
        _ => Answer { status: "404 Not Found", headers: String::new(), body: b"<html>no such page</html>".to_vec() },
    }
}

/// Starts a server that answers every connection once, for as long as the test runs. Returns its address.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("it has one"));
    thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(thread::spawn(|| serve(stream)))));
    address
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|header| !header.is_empty()) {}
    let Answer { status, headers, body } = answer(request.split(' ').nth(1).unwrap_or_default());
    let length = if headers.contains("Length") { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    write!(stream, "HTTP/1.1 {status}\r\n{headers}{length}Connection: close\r\n\r\n")?;
    stream.write_all(&body)
}

fn text_of(home: &Home, documents: &[&str]) -> Ran {
    home.run(&[&["inspect", "--text"], documents].concat())
}

#[test]
fn a_document_is_what_its_bytes_or_else_its_server_say() {
    let (home, address) = (Home::new(), server());
    let cases = [
        ("/paper", "A page of the paper.\n"),
        ("/page", "# Cats\n\nThey purr.\n"),
        ("/moved", "# Cats\n\nThey purr.\n"),
        ("/neko", "吾輩は猫である。\n"),
        ("/neko.txt?raw=1", "吾輩は猫である。"),
        ("/notes", "# One\n\na\n\n# Two\n\nb\n"),
    ];
    for (path, expected) in cases {
        let ran = text_of(&home, &[&format!("{address}{path}")]);
        assert_eq!((ran.code, ran.out.as_str()), (0, expected), "{path}: {}", ran.err);
        assert_eq!(ran.err, "", "no progress where there is no terminal");
    }
}

#[test]
fn addresses_and_files_can_be_mixed() {
    let (home, address) = (Home::new(), server());
    home.file("note.txt", "A note.\n");
    let page = format!("{address}/page");
    let ran = text_of(&home, &["note.txt", &page]);
    assert_eq!(ran.out, format!("==== FILE: note.txt ====\nA note.\n\n==== FILE: {page} ====\n# Cats\n\nThey purr.\n"));
}

#[test]
fn what_cannot_be_fetched_is_an_error_with_its_address() {
    let (home, address) = (Home::new(), server());
    let cases = [
        ("/none", "the server answered with status 404"),
        ("/round", "more than 5 redirects"),
        ("/short", "the connection broke off after "),
    ];
    for (path, reason) in cases {
        let ran = text_of(&home, &[&format!("{address}{path}")]);
        assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{path}");
        assert!(
            sentence(&ran.err).starts_with(&format!("error: cannot fetch {address}{path}: {reason}")),
            "{}",
            ran.err
        );
    }
    let large = text_of(&home, &[&format!("{address}/endless")]);
    assert_eq!(
        (large.code, sentence(&large.err)),
        (3, &*format!("error: cannot read {address}/endless: it is larger than 256 MiB"))
    );
    assert_eq!(text_of(&home, &[&format!("{address}/empty")]).code, 3);
}

/// Runs git in `folder`, with a name for commits and without the user's own settings.
fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Anna", "-c", "user.email=anna@example.org"]).args(arguments).current_dir(folder);
    let output = command.env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1").output().expect("git is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// `ssh` is a script that runs on this machine what it is to run on the other: all that git asks of it.
#[test]
fn the_newest_commit_of_a_repository_is_read_over_ssh() {
    let home = Home::new();
    let (repository, programs) = (home.path("harbour"), home.path("programs"));
    fs::create_dir_all(&repository).expect("a folder");
    fs::create_dir_all(&programs).expect("a folder");
    git(&repository, &["init", "--quiet"]);
    for text in ["# Harbour\n", "# Harbour\nThe lamp is out.\n"] {
        fs::write(repository.join("README.md"), text).expect("written");
        git(&repository, &["add", "README.md"]);
        git(&repository, &["commit", "--quiet", "--message", "A change"]);
    }
    let ssh = programs.join("ssh");
    fs::write(&ssh, "#!/bin/sh\nwhile [ $# -gt 1 ]; do shift; done\nexec sh -c \"$1\"\n").expect("written");
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").expect("a path"));
    let address = format!("git@localhost:{}", repository.display());
    let ran = home.run_with(&["inspect", "--text", &address], &[("PATH", &path)], "");
    assert!(ran.code == 0 && ran.out.ends_with("# Harbour\nThe lamp is out.\n"), "{} {}", ran.out, ran.err);
}
