use proptest::prelude::*;

use super::*;
use crate::format::archive::zipped;

const CONTAINER: &str = "<container><rootfiles><rootfile full-path='OEBPS/book.opf'/></rootfiles></container>";

/// A book with these chapters in `OEBPS/`, and with other members by their full path.
fn book(chapters: &[(&str, &str)], others: &[(&str, &str)]) -> Vec<u8> {
    let item = |(number, (path, _)): (usize, &(&str, &str))| {
        format!("<item id='c{number}' href='{path}' media-type='application/xhtml+xml'/>")
    };
    let items: String = chapters.iter().enumerate().map(item).collect();
    let itemref = |number| format!("<itemref idref='c{number}'/>");
    let spine: String = (0..chapters.len()).map(itemref).collect();
    let opf = format!(
        "<?xml version='1.0'?><package><manifest><item id='n' href='nav.xhtml' properties='nav'/>\
         <item id='t' href='toc.ncx' media-type='application/x-dtbncx+xml'/>{items}</manifest><spine toc='t'>{spine}</spine></package>"
    );
    let paths: Vec<String> = chapters.iter().map(|(path, _)| format!("OEBPS/{}", decoded(path))).collect();
    // `mimetype` is not the first member, as in many real books.
    let mut members = vec![("META-INF/container.xml", CONTAINER.as_bytes()), ("OEBPS/book.opf", opf.as_bytes())];
    members.extend(
        paths
            .iter()
            .zip(chapters)
            .filter(|(_, (_, text))| !text.is_empty())
            .map(|(path, (_, text))| (path.as_str(), text.as_bytes())),
    );
    members.extend(others.iter().map(|(path, text)| (*path, text.as_bytes())));
    members.push(("mimetype", b"application/epub+zip"));
    zipped(&members)
}

fn read(bytes: Vec<u8>) -> Result<FileText, Error> {
    let file = RawFile::new("b.epub", bytes);
    assert!(Epub.recognises(&file), "an EPUB book");
    Epub.read(file, &ReadOptions::default())
}

/// Level, title and first line of each entry.
fn tabs(file: &FileText) -> Vec<(u8, &str, &str)> {
    let line = |entry: &OutlineEntry| file.text[entry.span.start..].lines().next().unwrap_or_default().len();
    file.outline
        .iter()
        .map(|entry| (entry.level, entry.title.as_str(), &file.text[entry.span.start..entry.span.start + line(entry)]))
        .collect()
}

const NAV: &str = "<html xmlns:epub='x'><nav epub:type='landmarks'><ol><li><a href='two.xhtml'>Cover</a></li></ol></nav>\
    <nav epub:type='toc'><h1>Contents</h1><ol><li><a href='one.xhtml'>One &amp; only</a><ol><li><a href='one.xhtml#b'>Part <i>b</i></a></li></ol></li>\
    <li><span>Rest</span><ol><li><a href='two%20more.xhtml'>Two</a></li><li><a href='gone.xhtml'>Gone</a></li></ol></li></ol></nav></html>";

const ONE: &str = "<?xml version='1.0'?><html><head><title>One</title></head><body><h1>Chapter 1</h1><p>Text<a id='a'/>.</p><h2 id='b'>B</h2><p>More.</p></body></html>";

#[test]
fn chapters_come_in_the_order_of_the_spine_and_titles_lead_into_them() {
    let chapters = [("one.xhtml", ONE), ("two%20more.xhtml", "<html><body><p>The end.</p></body></html>")];
    let file = read(book(&chapters, &[("OEBPS/nav.xhtml", NAV)])).expect("a book");
    assert_eq!(file.text, "# Chapter 1\n\nText.\n\n## B\n\nMore.\n\nThe end.\n");
    let expected =
        [(1, "One & only", "# Chapter 1"), (2, "Part b", "## B"), (1, "Rest", "The end."), (2, "Two", "The end.")];
    assert_eq!(tabs(&file), expected);
    assert_eq!(file.report.remarks, ["1 entry of the table of contents without a target in the text"]);
}

#[test]
fn the_table_of_contents_of_version_2_is_read_too() {
    let ncx = "<ncx><docTitle><text>Book</text></docTitle><navMap><navPoint id='1'><navLabel><text>One</text></navLabel><content src='one.xhtml'/>\
        <navPoint><navLabel><text> Part
        b </text></navLabel><content src='one.xhtml#b'/></navPoint></navPoint></navMap></ncx>";
    let file = read(book(&[("one.xhtml", ONE)], &[("OEBPS/toc.ncx", ncx)])).expect("a book");
    assert_eq!(tabs(&file), [(1, "One", "# Chapter 1"), (2, "Part b", "## B")]);
}

#[test]
fn a_table_of_contents_may_write_the_names_of_chapters_otherwise() {
    let ncx = "<ncx><navMap><navPoint><navLabel><text>One</text></navLabel><content src='ONE.xhtml'/></navPoint>\
        <navPoint><navLabel><text>B</text></navLabel><content src='One.xhtml#b'/></navPoint></navMap></ncx>";
    let file = read(book(&[("one.xhtml", ONE)], &[("OEBPS/toc.ncx", ncx)])).expect("a book");
    assert_eq!(tabs(&file), [(1, "One", "# Chapter 1"), (1, "B", "## B")]);
    assert!(file.report.remarks.is_empty(), "{:?}", file.report.remarks);
}

/// A book of these members beside the container and a package that lists `chapters`.
fn odd_book(chapters: &[&str], members: &[(&str, &str)]) -> FileText {
    let items: String = (0..)
        .zip(chapters)
        .map(|(id, href): (usize, _)| format!("<item id='c{id}' href='{href}' media-type='text/html'/>"))
        .collect();
    let spine: String = (0..chapters.len()).map(|id| format!("<itemref idref='c{id}'/>")).collect();
    let opf = format!("<package><manifest>{items}</manifest><spine>{spine}</spine></package>");
    let mut all = vec![("META-INF/container.xml", CONTAINER.as_bytes()), ("OEBPS/book.opf", opf.as_bytes())];
    all.extend(members.iter().map(|(name, text)| (*name, text.as_bytes())));
    read(zipped(&all)).expect("a book")
}

#[test]
fn names_are_found_as_other_reading_programs_find_them() {
    let one = "<html><title/><body><p>One.</p></body></html>";
    for (href, member) in [
        ("Text\\a.xhtml", "OEBPS/Text/a.xhtml"),
        ("Text/a.xhtml", "OEBPS\\Text\\a.xhtml"),
        ("A.xhtml", "OEBPS/a.XHTML"),
        ("\u{e9}.xhtml", "OEBPS/e\u{301}.xhtml"),
        ("c%20d.xhtml", "OEBPS/c%20d.xhtml"),
        ("c%20d.xhtml", "OEBPS/c d.xhtml"),
    ] {
        let file = odd_book(&[href], &[(member, one)]);
        assert_eq!(
            (file.text.as_str(), file.report.remarks.len()),
            ("One.\n", 0),
            "{href} in {member}: {:?}",
            file.report.remarks
        );
    }
}

#[test]
fn entities_of_the_book_itself_are_resolved() {
    let chapter = "<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC 'x' 'y' [\n<!ENTITY house \"Haus\">\n]>\n<html><body><p>A &house;.</p></body></html>";
    assert_eq!(odd_book(&["a.xhtml"], &[("OEBPS/a.xhtml", chapter)]).text, "A Haus.\n");
}

#[test]
fn a_damaged_chapter_or_table_of_contents_costs_no_other() {
    let whole = book(
        &[
            ("a.xhtml", "<html><body><p>One.</p></body></html>"),
            ("b.xhtml", "<html><body><p>Twotwotwo.</p></body></html>"),
        ],
        &[("OEBPS/toc.ncx", "<ncx><navMap/></ncx>")],
    );
    for (name, text) in [("OEBPS/b.xhtml", "One."), ("OEBPS/toc.ncx", "One.\n\nTwotwotwo.\n")] {
        let mut bytes = whole.clone();
        let at =
            bytes.windows(name.len()).position(|window| window == name.as_bytes()).expect("a member") + name.len() + 3;
        bytes[at] ^= 0xff;
        let file = read(bytes).expect("the rest of the book");
        assert!(file.text.starts_with(text), "{name}: {}", file.text);
        assert!(file.report.remarks.iter().any(|remark| remark.contains(name)), "{:?}", file.report.remarks);
    }
}

#[test]
fn without_a_table_of_contents_headings_are_the_outline() {
    let file = read(book(&[("one.xhtml", ONE)], &[])).expect("a book");
    assert_eq!(tabs(&file), [(1, "Chapter 1", "# Chapter 1"), (2, "B", "## B")]);
}

#[test]
fn missing_chapters_and_paths_out_of_the_book_are_remarks() {
    let chapters =
        [("one.xhtml", ONE), ("gone.xhtml", ""), ("../../etc/passwd", ""), ("svg.xhtml", "<svg><text>x</text></svg>")];
    let file = read(book(&chapters, &[])).expect("a book");
    assert_eq!(
        file.report.remarks,
        [
            "2 chapters of the reading order missing from the book: gone.xhtml, ../../etc/passwd",
            "1 of 2 chapters have no text (images)"
        ]
    );
}

#[test]
fn encrypted_chapters_are_an_error_and_scrambled_fonts_are_none() {
    let encryption = |method: &str, path: &str| {
        format!(
            "<encryption><EncryptedData><EncryptionMethod Algorithm='{method}'/><CipherReference URI='{path}'/></EncryptedData></encryption>"
        )
    };
    let font = encryption("http://www.idpf.org/2008/embedding", "OEBPS/one.xhtml");
    assert!(read(book(&[("one.xhtml", ONE)], &[("META-INF/encryption.xml", &font)])).is_ok());
    let chapter = encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc", "OEBPS/one.xhtml");
    let protected =
        book(&[("one.xhtml", ONE)], &[("META-INF/encryption.xml", &chapter), ("META-INF/rights.xml", "<rights/>")]);
    assert_eq!(
        read(protected).expect_err("protected").to_string(),
        "cannot read b.epub: it is an EPUB book with copy protection: 1 of 1 chapters are encrypted by Adobe ADEPT"
    );
}

#[test]
fn a_chapter_that_unpacks_to_absurd_sizes_is_an_error() {
    let zeros = " ".repeat(64 << 20);
    let error = read(book(&[("one.xhtml", &zeros)], &[])).expect_err("a bomb").to_string();
    assert!(error.contains("that unpacks to more than") && error.contains("OEBPS/one.xhtml"), "{error}");
}

#[test]
fn damaged_books_say_what_is_missing() {
    let message = |members: &[(&str, &[u8])]| read(zipped(members)).expect_err("damaged").to_string();
    assert_eq!(
        message(&[("META-INF/container.xml", b"<container/>")]),
        "cannot read b.epub: it is an EPUB book, but it is damaged: META-INF/container.xml names no package"
    );
    assert_eq!(
        message(&[("META-INF/container.xml", b"<container><rootfile")]),
        "cannot read b.epub: it is an EPUB book, but it is damaged: META-INF/container.xml names no package; \
         META-INF/container.xml breaks off at byte 11 (tag not closed: `>` not found before end of input)"
    );
    assert_eq!(
        message(&[("META-INF/container.xml", CONTAINER.as_bytes())]),
        "cannot read b.epub: it is an EPUB book, but it is damaged: no OEBPS/book.opf in it"
    );
    let cut = book(&[("one.xhtml", ONE)], &[]);
    let error = read(cut[..cut.len() - 40].to_vec()).expect_err("cut off").to_string();
    assert!(error.contains("but it is damaged"), "{error}");
}

#[test]
fn a_sloppy_package_and_table_of_contents_lose_no_chapter() {
    let nav = "<html><br><nav epub:type=toc><ol><li><a href=one.xhtml>AT&T & 1 < 2&nbsp;&eacute;</a></ol></nav></html>";
    let mut members = vec![("META-INF/container.xml", CONTAINER.as_bytes()), ("OEBPS/one.xhtml", ONE.as_bytes())];
    let opf = "<package><metadata><dc:title>Cats & Dogs <3</dc:title><meta name='size' content='5' wide'/></metadata><manifest>\
        <item id='n' href='nav.xhtml' properties='nav'/><item id='c' href='one.xhtml'/></manifest><spine><itemref idref='c'/></spine></package>";
    members.extend([("OEBPS/book.opf", opf.as_bytes()), ("OEBPS/nav.xhtml", nav.as_bytes())]);
    let file = read(zipped(&members)).expect("a book");
    assert_eq!(tabs(&file), [(1, "AT&T & 1 < 2 é", "# Chapter 1")]);
    assert_eq!(file.report.remarks, Vec::<String>::new());
}

#[test]
fn a_table_of_contents_that_breaks_off_is_read_up_to_there_and_named() {
    let nav = &NAV[..NAV.find("<li><span>").expect("the second part")];
    let file = read(book(&[("one.xhtml", ONE)], &[("OEBPS/nav.xhtml", nav)])).expect("a book");
    assert_eq!(tabs(&file), [(1, "One & only", "# Chapter 1"), (2, "Part b", "## B")]);
    let remark = format!(
        "OEBPS/nav.xhtml breaks off at byte {} (the outermost element is not closed); the rest of it is lost",
        nav.len()
    );
    assert_eq!(file.report.remarks, [remark]);
}

#[test]
fn an_error_shows_no_escapes_of_the_book() {
    let container = "<container><rootfile full-path='a%1b[31m.opf'/></container>";
    let error = read(zipped(&[("META-INF/container.xml", container.as_bytes())])).expect_err("no package").to_string();
    assert_eq!(error, "cannot read b.epub: it is an EPUB book, but it is damaged: no a␛[31m.opf in it");
}

#[test]
fn a_book_of_pictures_is_no_empty_success() {
    let error = read(book(&[("one.xhtml", "<svg/>")], &[])).expect_err("no text").to_string();
    assert!(error.starts_with("cannot read b.epub: it is an EPUB book that contains no text ("), "{error}");
}

#[test]
fn tables_of_contents_nested_without_end_are_read() {
    let nav = format!("<nav epub:type='toc'>{}</nav>", "<ol><li><a href='one.xhtml'>x</a>".repeat(100_000));
    let file = read(book(&[("one.xhtml", ONE)], &[("OEBPS/nav.xhtml", &nav)])).expect("a book");
    assert_eq!(file.outline.len(), 100_000);
}

proptest! {
    #[test]
    fn damaged_bytes_never_panic(at in any::<proptest::sample::Index>(), byte in any::<u8>(), cut in any::<proptest::sample::Index>()) {
        let mut bytes = book(&[("one.xhtml", ONE)], &[("OEBPS/nav.xhtml", NAV)]);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let cut = cut.index(bytes.len());
        for bytes in [bytes.clone(), bytes[..cut].to_vec()] {
            if let Ok(file) = Epub.read(RawFile::new("b.epub", bytes), &ReadOptions::default()) {
                prop_assert!(file.outline.iter().all(|entry| file.text.get(entry.span.start..entry.span.end).is_some()));
            }
        }
    }

    #[test]
    fn titles_lead_to_ordered_lines(targets in proptest::collection::vec("(one|two|x)\\.xhtml(#[abx])?", 0..20), levels in proptest::collection::vec(1..4_usize, 20)) {
        let line = |(target, level): (&String, &usize)| format!("{}<li><a href='{target}'>t</a></li>{}", "<ol>".repeat(*level), "</ol>".repeat(*level));
        let nav = format!("<nav>{}</nav>", targets.iter().zip(&levels).map(line).collect::<String>());
        let file = read(book(&[("one.xhtml", ONE), ("two.xhtml", ONE)], &[("OEBPS/nav.xhtml", &nav)])).expect("a book");
        prop_assert!(file.outline.is_sorted_by_key(|entry| entry.span.start));
        for entry in &file.outline {
            prop_assert!(entry.span.start == 0 || file.text[..entry.span.start].ends_with('\n'), "{:?}", entry);
            prop_assert!(entry.span.end <= file.text.len() && entry.span.start <= entry.span.end);
        }
    }
}

#[test]
fn a_book_without_a_reading_order_or_a_container_is_read_as_its_list_has_it() {
    let item = |id: &str| format!("<item id='{id}' href='{id}.xhtml' media-type='application/xhtml+xml'/>");
    let page = |title: &str| format!("<html><body><h1>{title}</h1><p>Text of {title}.</p></body></html>");
    let (one, two) = (page("One"), page("Two"));
    let package = format!("<package><manifest>{}{}</manifest><spine/></package>", item("two"), item("one"));
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let members =
        [("mimetype", "application/epub+zip"), ("c.opf", &*package), ("one.xhtml", &*one), ("two.xhtml", &*two)];
    for (name, text) in members {
        writer.start_file(name, stored).expect("a new member");
        std::io::Write::write_all(&mut writer, text.as_bytes()).expect("memory");
    }
    let file = read(writer.finish().expect("memory").into_inner()).expect("a book");
    assert_eq!(file.text, "# Two\n\nText of Two.\n\n# One\n\nText of One.\n");
    assert_eq!(
        file.report.remarks,
        ["the book has no reading order: its pages are read as its list of files has them"]
    );
}
