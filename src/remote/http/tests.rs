use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::*;

/// A server that answers one connection with `answer` and then does `rest`. Returns a client, and what the server read.
fn server(
    answer: &'static str,
    rest: impl FnOnce(&mut std::net::TcpStream) + Send + 'static,
) -> (Client, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = ServerUrl::read(&listener.local_addr().expect("an address").to_string()).expect("a URL");
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut read = vec![0; 4096];
        let length = stream.read(&mut read).expect("a request");
        let _ = stream.write_all(answer.as_bytes());
        rest(&mut stream);
        String::from_utf8_lossy(&read[..length]).into_owned()
    });
    let key = Some(ApiKey("secret".into()));
    (Client::new(&UsedServer { key, ..UsedServer::at(url) }), served)
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na\nbé\r\n";

#[tokio::test]
async fn an_answer_comes_line_by_line_and_the_key_goes_in_its_header() {
    let (client, served) = server(CHUNKED, |stream| {
        let _ = stream.write_all(b"2\r\nc\n\r\n0\r\n\r\n");
    });
    let mut response = client.send(Request::post("/v1/x", "{}")).await.expect("an answer");
    let mut lines = Vec::new();
    while let Some(line) = response.line().await.expect("lines") {
        lines.push(line);
    }
    assert_eq!((response.status, lines), (200, vec!["a".to_owned(), "béc".to_owned()]));
    let asked = served.join().expect("it was served");
    assert!(
        asked.starts_with("POST /v1/x HTTP/1.1\r\n") && asked.contains("authorization: Bearer secret\r\n"),
        "{asked}"
    );
    assert!(!format!("{client:?}").contains("secret"));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error() {
    let (client, _) = server(CHUNKED, |_| {});
    let mut response = client.send(Request::get("/")).await.expect("a status");
    assert_eq!(response.line().await.expect("a line").as_deref(), Some("a"));
    let error = response.line().await.expect_err("it breaks off");
    assert!(matches!(error, HttpError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn a_silent_server_is_not_waited_for_without_an_end() {
    let (client, _) = server("", |stream| {
        let _ = stream.read(&mut [0; 16]);
    });
    let request = Request { patience: Duration::from_millis(50), ..Request::get("/") };
    let error = client.send(request).await.expect_err("it says nothing");
    assert!(matches!(error, HttpError::Silent { .. }), "{error}");
}

#[tokio::test]
async fn dropping_an_answer_closes_the_connection() {
    let (client, served) = server(CHUNKED, |stream| {
        assert_eq!(stream.read(&mut [0; 16]).expect("an end"), 0, "the client went away");
    });
    drop(client.send(Request::get("/")).await.expect("a status"));
    served.join().expect("it saw the end");
}

#[tokio::test]
async fn nobody_there_is_told_with_the_address_and_a_hint() {
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let url = ServerUrl::read(&format!("127.0.0.1:{port}")).expect("a URL");
    let client = Client::new(&UsedServer::at(url));
    let failure = Failure::from(client.send(Request::get("/")).await.expect_err("nobody listens"));
    assert!(failure.message.starts_with(&format!("cannot reach 127.0.0.1:{port}: ")), "{failure}");
    assert!(failure.hint.is_some());
}

#[tokio::test]
async fn a_key_that_no_header_can_have_is_refused_without_repeating_it() {
    let (client, _) = server("", |_| {});
    let client = Client { key: Some(ApiKey("sec\nret".into())), ..client };
    let error = client.send(Request::get("/")).await.expect_err("no header has a line break");
    assert!(matches!(error, HttpError::OddKey { .. }) && !format!("{error} {error:?}").contains("ret\""), "{error:?}");
}

#[tokio::test]
async fn a_server_that_does_not_encrypt_is_told_from_one_that_is_not_there() {
    let (client, _) = server("HTTP/1.1 400 Bad Request\r\n\r\n", |_| {});
    let client = Client { url: ServerUrl { scheme: Scheme::Https, ..client.url }, ..client };
    let error = client.send(Request::get("/")).await.expect_err("it does not encrypt");
    assert!(error.to_string().ends_with("it does not encrypt"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("http://")), "{error:?}");
}

#[test]
fn of_times_to_come_back_only_seconds_are_understood() {
    assert_eq!(retry_after(" 2 "), Some(Duration::from_secs(2)));
    assert_eq!(["soon", "-1", "Fri, 31 Dec 1999 23:59:59 GMT"].map(retry_after), [None; 3]);
}

#[test]
fn a_key_that_the_server_repeats_is_left_out() {
    let url = ServerUrl::read("box").expect("a URL");
    let client = Client::new(&UsedServer { key: Some(ApiKey("sk-1".into())), ..UsedServer::at(url.clone()) });
    assert_eq!(client.without_key("Incorrect API key: sk-1.".into()), "Incorrect API key: ….");
    assert_eq!(Client::new(&UsedServer::at(url)).without_key("sk-1".into()), "sk-1");
}
