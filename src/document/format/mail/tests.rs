use super::*;

fn read(name: &str, text: &[u8]) -> FileText {
    let file = RawFile::new(name, text);
    assert!(Mail.recognises(&file), "{name}");
    Mail.read(file, &ReadOptions::default()).expect("a message")
}

const MESSAGE: &str = "Received: from x\r\nFrom: =?utf-8?Q?J=C3=B6rg_Keeper?= <j@example.org>\r\nTo: a@example.org,\r\n\tb@example.org\r\n\
    Subject: =?iso-8859-1?B?TeRyeg==?= =?utf-8?Q?_report?=\r\nDate: Mon, 30 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=\"b 1\"\r\n\r\nnot for people\r\n--b 1\r\n\
    Content-Type: multipart/alternative; boundary=inner\r\n\r\n--inner\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Transfer-Encoding: quoted-printable\r\n\r\nThe lamp of M=C3=A4rz was re=\r\npaired.\r\n--inner\r\n\
    Content-Type: text/html\r\n\r\n<p>The lamp.</p>\r\n--inner--\r\n--b 1\r\nContent-Type: image/png; name=lamp.png\r\n\
    Content-Disposition: attachment; filename*=utf-8''l%C3%A4mp.png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0K\r\nGgo=\r\n--b 1--\r\n";

#[test]
fn a_message_is_read_in_words_and_attachments_are_listed() {
    let file = read("a.eml", MESSAGE.as_bytes());
    let expected = "From: Jörg Keeper <j@example.org>\nTo: a@example.org, b@example.org\nDate: Mon, 30 Nov 2026 10:00:00 +0100\n\
                    Subject: März report\n\nThe lamp of März was repaired.\n\n[attachment: lämp.png, image/png, 8 bytes]\n";
    assert_eq!(file.text, expected);
    assert_eq!(file.report.remarks, ["1 attachment listed, not read"]);
}

#[test]
fn files_of_a_page_are_counted_and_why_a_message_came_back_is_read() {
    let part = |head: &str, text: &str| format!("--b\r\n{head}\r\n\r\n{text}\r\n");
    let page = [
        "From: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n",
        &part("Content-Type: text/html", "<p>The lamp.</p>"),
        &part("Content-Type: text/css\r\nContent-Location: cid:css", "p { color: red }"),
        &part("Content-Type: image/png\r\nContent-Location: http://example.org/a.png", "abc"),
        &part("Content-Type: image/png; name=lamp.png", "abc"),
        "--b--\r\n",
    ]
    .concat();
    let file = read("a.mht", page.as_bytes());
    assert!(file.text.starts_with("From: x\n\nThe lamp.\n\n[attachment: lamp.png, image/png"), "{}", file.text);
    assert_eq!(file.text.matches("[attachment").count(), 1, "{}", file.text);
    let remarks = ["2 files of its pages (pictures, fonts, styles) left out", "1 attachment listed, not read"];
    assert!(remarks.iter().all(|remark| file.report.remarks.contains(&(*remark).to_owned())), "{:?}", file.report);
    let returned = [
        "From: daemon\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; boundary=b\r\n\r\n",
        &part("Content-Type: text/plain", "It came back."),
        &part("Content-Type: message/delivery-status", "Status: 5.1.1"),
        "--b--\r\n",
    ]
    .concat();
    assert_eq!(read("a.eml", returned.as_bytes()).text, "From: daemon\n\nIt came back.\n\nStatus: 5.1.1\n");
}

#[test]
fn each_message_of_a_mailbox_is_an_entry() {
    let one = "From j Mon Nov 30\nFrom: j@example.org\nSubject: One\n\nFrom the sea.\n\n";
    let two = "From k Mon Nov 30\nFrom: k@example.org\n\nTwo.\n";
    let file = read("list.mbox", format!("{one}{two}").as_bytes());
    let titles: Vec<&str> = file.outline.iter().map(|entry| entry.title.as_str()).collect();
    assert_eq!(titles, ["One", "(no subject)"]);
    assert_eq!(file.text, "From: j@example.org\nSubject: One\n\nFrom the sea.\n\nFrom: k@example.org\n\nTwo.\n");
    assert_eq!(&file.text[file.outline[1].span.start..file.outline[1].span.end], "From: k@example.org\n\nTwo.\n");
}

#[test]
fn a_saved_page_is_its_page_without_its_pictures() {
    let page = "From: <Saved by Blink>\nSubject: Lamps\nMIME-Version: 1.0\nContent-Type: multipart/related; type=\"text/html\"; boundary=x\n\n\
        --x\nContent-Type: text/html; charset=windows-1252\nContent-Transfer-Encoding: quoted-printable\n\n<h1>L=E4mps</h1><p>They turn.\n\
        --x\nContent-Type: text/css\n\np{}\n--x\nContent-Type: image/png\nContent-Location: https://x/y.png\nContent-Transfer-Encoding: base64\n\nAAAA\n--x--\n";
    let file = read("page.mhtml", page.as_bytes());
    assert!(file.text.contains("# Lämps\n\nThey turn.\n"), "{}", file.text);
    assert!(!file.text.contains("[attachment"), "{}", file.text);
    assert_eq!(file.report.remarks, ["2 files of its pages (pictures, fonts, styles) left out"]);
}

#[test]
fn text_that_speaks_of_mail_is_no_mail() {
    for text in ["Subject: cats\n\nThey sleep.\n", "From here on: nothing\nTo: be\nor not\n", "Note: x\nDate: y\n\nz"] {
        assert!(!Mail.recognises(&RawFile::new("a.txt", text)), "{text}");
    }
}

#[test]
fn what_is_made_to_take_long_does_not() {
    let deep = "Content-Type: multipart/mixed; boundary=b\n\n--b\n".repeat(10_000);
    let wide = format!("From: a\nContent-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(100_000));
    for text in [format!("From: a\n{deep}"), wide, format!("From: a\nSubject: {}\n\nx", "=?".repeat(100_000))] {
        let file = RawFile::new("a.eml", text.as_bytes());
        let _ = Mail.read(file, &ReadOptions::default());
    }
}

#[test]
fn a_forwarded_message_is_read_and_lines_that_begin_with_from_are_as_they_were_written() {
    let inner = "From: k@example.org\r\nSubject: Inner\r\n\r\nThe inner text.\r\n";
    let head = "From j Mon Nov 30\r\nFrom: j@example.org\r\nSubject: Outer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
    let parts = "--b\r\nContent-Type: text/plain\r\n\r\n>From here on,\r\n> quoted.\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n";
    let file = read("a.mbox", format!("{head}{parts}{inner}\r\n--b--\r\n").as_bytes());
    let expected = "From: j@example.org\nSubject: Outer\n\nFrom here on,\n> quoted.\n\nFrom: k@example.org\nSubject: Inner\n\nThe inner text.\n";
    assert_eq!((file.text.as_str(), file.report.remarks.len()), (expected, 0));
}

#[test]
fn a_message_with_a_wrong_boundary_keeps_its_text() {
    let message = "From: a@b.c\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"x\"\n\n--y\n\nStill here.\n\n--y--\n";
    let file = Mail.read(RawFile::new("a.eml", message), &ReadOptions::default()).expect("a message");
    assert!(file.text.contains("Still here."), "{}", file.text);
}
