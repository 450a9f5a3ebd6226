use proptest::prelude::*;

use super::*;
use crate::format::archive::zipped;

const ROOT: &str =
    "<Relationships><Relationship Type='http://x/officeDocument' Target='word/document.xml'/></Relationships>";
const RELATED: &str = "<Relationships><Relationship Type='http://x/styles' Target='styles.xml'/><Relationship Type='http://x/numbering' \
    Target='numbering.xml'/><Relationship Type='http://x/footnotes' Target='footnotes.xml'/><Relationship Type='http://x/comments' \
    Target='/word/comments.xml'/><Relationship Type='http://x/header' Target='header1.xml'/></Relationships>";
const STYLES: &str = "<w:styles><w:style w:styleId='Titel'><w:name w:val='Title'/></w:style><w:style w:styleId='berschrift1'><w:name w:val='heading 1'/>\
    <w:pPr><w:outlineLvl w:val='0'/></w:pPr></w:style><w:style w:styleId='Eigen'><w:name w:val='Eigene'/><w:basedOn w:val='berschrift2'/></w:style>\
    <w:style w:styleId='berschrift2'><w:name w:val='Heading 2'/></w:style><w:style w:styleId='Quelltext'><w:name w:val='Source Code'/></w:style><w:style w:styleId='Loop'><w:basedOn w:val='Loop'/></w:style></w:styles>";
const NUMBERING: &str = "<w:numbering><w:abstractNum w:abstractNumId='7'><w:lvl w:ilvl='0'><w:start w:val='2'/><w:numFmt w:val='decimal'/><w:lvlText \
    w:val='%1.'/></w:lvl><w:lvl w:ilvl='1'><w:numFmt w:val='lowerLetter'/><w:lvlText w:val='%1.%2)'/></w:lvl></w:abstractNum><w:abstractNum \
    w:abstractNumId='8'><w:lvl w:ilvl='0'><w:numFmt w:val='bullet'/><w:lvlText w:val='&#xf0b7;'/></w:lvl></w:abstractNum><w:num w:numId='1'>\
    <w:abstractNumId w:val='7'/></w:num><w:num w:numId='2'><w:abstractNumId w:val='8'/></w:num></w:numbering>";
const FOOTNOTES: &str = "<w:footnotes><w:footnote w:type='separator' w:id='0'><w:p/></w:footnote><w:footnote w:id='1'><w:p><w:r><w:t>See </w:t></w:r>\
    <w:r><w:t>there.</w:t></w:r></w:p></w:footnote></w:footnotes>";

fn file(body: &str) -> Vec<u8> {
    let document = format!("<?xml version='1.0'?><w:document><w:body>{body}</w:body></w:document>");
    zipped(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("_rels/.rels", ROOT.as_bytes()),
        ("word/document.xml", document.as_bytes()),
        ("word/_rels/document.xml.rels", RELATED.as_bytes()),
        ("word/styles.xml", STYLES.as_bytes()),
        ("word/numbering.xml", NUMBERING.as_bytes()),
        ("word/footnotes.xml", FOOTNOTES.as_bytes()),
        (
            "word/comments.xml",
            b"<w:comments><w:comment w:id='0' w:author='Anna'><w:p><w:r><w:t>Really?</w:t></w:r></w:p></w:comment></w:comments>",
        ),
        ("word/header1.xml", b"<w:hdr><w:p><w:r><w:t>Confidential</w:t></w:r></w:p></w:hdr>"),
    ])
}

fn read(body: &str) -> FileText {
    let file = RawFile::new("a.docx", file(body));
    assert!(Docx.recognises(&file));
    Docx.read(file, &ReadOptions::default()).expect("a document with text")
}

fn paragraph(properties: &str, text: &str) -> String {
    format!("<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space='preserve'>{text}</w:t></w:r></w:p>")
}

fn styled(style: &str, text: &str) -> String {
    paragraph(&format!("<w:pStyle w:val='{style}'/>"), text)
}

fn item(list: u8, level: u8, text: &str) -> String {
    paragraph(&format!("<w:numPr><w:ilvl w:val='{level}'/><w:numId w:val='{list}'/></w:numPr>"), text)
}

#[test]
fn headings_are_known_by_the_names_of_styles_in_any_language() {
    let body = styled("Titel", "The Book")
        + &styled("berschrift1", "One")
        + &paragraph("", "Text.")
        + &styled("Eigen", "Deeper")
        + &paragraph("<w:outlineLvl w:val='0'/>", "Two")
        + &styled("Loop", "Plain.");
    let file = read(&body);
    assert_eq!(file.text, "# The Book\n\n## One\n\nText.\n\n### Deeper\n\n## Two\n\nPlain.\n");
    let outline: Vec<(u8, &str)> = file.outline.iter().map(|entry| (entry.level, entry.title.as_str())).collect();
    assert_eq!(outline, [(1, "The Book"), (2, "One"), (3, "Deeper"), (2, "Two")]);
}

#[test]
fn a_cell_that_spans_columns_leaves_the_others_in_place() {
    let cell =
        |properties: &str, text: &str| format!("<w:tc><w:tcPr>{properties}</w:tcPr>{}</w:tc>", paragraph("", text));
    let head = cell("", "Name") + &cell("<w:gridSpan w:val='2'/>", "Years") + &cell("", "Sum");
    let row = cell("", "North") + &cell("", "1") + &cell("", "2") + &cell("", "3");
    let file = read(&format!("<w:tbl><w:tr>{head}</w:tr><w:tr>{row}</w:tr></w:tbl>"));
    assert_eq!(file.text, "Name | Years |  | Sum\nNorth | 1 | 2 | 3\n");
}

#[test]
fn powers_formulas_signs_hidden_words_and_code_keep_their_meaning() {
    let run = |properties: &str, text: &str| {
        format!("<w:r><w:rPr>{properties}</w:rPr><w:t xml:space='preserve'>{text}</w:t></w:r>")
    };
    let raised = |text: &str| run("<w:vertAlign w:val='superscript'/>", text);
    let sums = format!("<w:p>{}{}{}{}</w:p>", run("", "Power 10"), raised("-9"), run("", " of the 1"), raised("st"));
    let half = "<w:p><m:oMath><m:f><m:num><m:r><m:t>1</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath></w:p>";
    let hidden = format!("<w:p>{}{}</w:p>", run("<w:vanish/>", "HIDDEN"), run("", "Seen."));
    let ticked = format!("<w:p><w:r><w:sym w:font='Wingdings' w:char='F0FE'/></w:r>{}</w:p>", run("", " done"));
    let code = styled("Quelltext", "def f(x):") + &styled("Quelltext", "    return 1") + &paragraph("", "After.");
    let file = read(&(sums + half + &hidden + &ticked + &code));
    let expected = "Power 10^-9 of the 1st\n\n1/2\n\nSeen.\n\n[x] done\n\ndef f(x):\n    return 1\n\nAfter.\n";
    assert_eq!(file.text, expected);
    assert!(file.report.remarks.contains(&"1 run of hidden text left out".to_owned()), "{:?}", file.report.remarks);
}

#[test]
fn lists_count_as_word_counts() {
    let body = paragraph("", "Do:")
        + &item(1, 0, "two")
        + &item(1, 1, "a")
        + &item(1, 1, "b")
        + &item(1, 0, "three")
        + &item(1, 1, "again")
        + &item(2, 0, "bullet")
        + &paragraph("", "Done.");
    assert_eq!(read(&body).text, "Do:\n\n2. two\n  2.a) a\n  2.b) b\n3. three\n  3.a) again\n- bullet\n\nDone.\n");
}

#[test]
fn a_table_is_a_line_a_row() {
    let cell = |text: &str| format!("<w:tc><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>");
    let row = |one: &str, two: &str| format!("<w:tr>{}{}</w:tr>", cell(one), cell(two));
    let body = paragraph("", "Prices")
        + &format!("<w:tbl>{}{}{}</w:tbl>", row("what", "price"), row("cat", "3"), row("", "sum"))
        + &paragraph("", "End");
    assert_eq!(read(&body).text, "Prices\n\nwhat | price\ncat | 3\n | sum\n\nEnd\n");
}

#[test]
fn notes_stand_where_they_are_called_for_and_only_once() {
    let body = "<w:p><w:r><w:t>So it is</w:t></w:r><w:r><w:footnoteReference w:id='1'/></w:r><w:r><w:t>, they say</w:t></w:r>\
        <w:r><w:footnoteReference w:id='1'/></w:r></w:p>";
    assert_eq!(read(body).text, "So it is [footnote: See there.], they say\n");
}

#[test]
fn tracked_changes_are_read_as_accepted() {
    let body = "<w:p><w:r><w:t xml:space='preserve'>A </w:t></w:r><w:del><w:r><w:delText>bad </w:delText></w:r></w:del><w:ins><w:r><w:t>good</w:t></w:r></w:ins>\
        <w:moveFrom><w:r><w:t>gone</w:t></w:r></w:moveFrom></w:p><w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t xml:space='preserve'>One </w:t></w:r></w:p>\
        <w:p><w:r><w:t>paragraph</w:t></w:r></w:p>";
    let file = read(body);
    assert_eq!(file.text, "A good\n\nOne paragraph\n");
    let expected = [
        "tracked changes read as accepted: 1 deletion, 1 insertion",
        "1 comment without a place in the text left out",
        "page headers and footers left out",
    ];
    assert_eq!(file.report.remarks, expected);
}

#[test]
fn comments_stand_where_they_are_about_with_their_authors() {
    let body = "<w:p><w:commentRangeStart w:id='0'/><w:r><w:t>All cats</w:t></w:r><w:commentRangeEnd w:id='0'/><w:r><w:commentReference w:id='0'/></w:r>\
        <w:r><w:t xml:space='preserve'> sleep.</w:t></w:r></w:p>";
    let file = read(body);
    assert_eq!(file.text, "All cats [comment by Anna: Really?] sleep.\n");
    assert_eq!(file.report.remarks, ["page headers and footers left out"]);
}

#[test]
fn text_boxes_come_once_and_fields_without_their_codes() {
    let boxed = "<w:txbxContent><w:p><w:r><w:t>In a box</w:t></w:r></w:p></w:txbxContent>";
    let body = format!(
        "<w:p><w:r><mc:AlternateContent><mc:Choice>{boxed}</mc:Choice><mc:Fallback>{boxed}</mc:Fallback></mc:AlternateContent></w:r><w:r><w:t>Page</w:t><w:tab/>\
         <w:instrText>PAGE</w:instrText><w:t>7</w:t><w:br/><w:t>next</w:t></w:r></w:p>"
    );
    assert_eq!(read(&body).text, "In a box\n\nPage 7\nnext\n");
}

#[test]
fn escapes_are_shown() {
    let file = read(&styled("berschrift1", "a&#27;[31m"));
    assert_eq!((file.text.as_str(), file.outline[0].title.as_str()), ("# a␛[31m\n", "a␛[31m"));
}

#[test]
fn nested_tables_without_end_are_read() {
    let body = "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>x</w:t></w:r></w:p>".repeat(50_000);
    assert_eq!(read(&body).text.matches('x').count(), 50_000);
}

/// Reads a file that has only these parts and the relations.
fn read_parts(document: &[u8], styles: &[u8]) -> Result<FileText, Error> {
    let bytes = zipped(&[
        ("_rels/.rels", ROOT.as_bytes()),
        ("word/document.xml", document),
        ("word/_rels/document.xml.rels", RELATED.as_bytes()),
        ("word/styles.xml", styles),
    ]);
    Docx.read(RawFile::new("a.docx", bytes), &ReadOptions::default())
}

#[test]
fn any_prefix_will_do_and_none() {
    let document = format!("<w:document xmlns:w='x'><w:body>{}</w:body></w:document>", styled("berschrift1", "One"));
    for (tag, attribute) in [("w:", "w:"), ("ns0:", "ns0:"), ("", ""), ("", "w:")] {
        let prefixed = |part: &str| part.replace(" w:", &format!(" {attribute}")).replace("w:", tag);
        let file = read_parts(prefixed(&document).as_bytes(), prefixed(STYLES).as_bytes()).expect(tag);
        assert_eq!((file.text.as_str(), file.report.remarks), ("# One\n", vec![]), "{tag} {attribute}");
    }
}

#[test]
fn a_document_may_be_in_utf16() {
    let document =
        format!("\u{feff}<?xml version='1.0' encoding='UTF-16'?><w:document>{}</w:document>", paragraph("", "Äh."));
    let bytes: Vec<u8> = document.encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(read_parts(&bytes, STYLES.as_bytes()).expect("a document").text, "Äh.\n");
}

#[test]
fn what_breaks_off_is_read_up_to_there_and_named() {
    let document = format!("\u{feff}<w:document>{}<w:p>", paragraph("", "Before."));
    let file = read_parts(document.as_bytes(), b"<w:styles><w:style").expect("a paragraph of text");
    assert_eq!(file.text, "Before.\n");
    let expected = [
        "word/styles.xml breaks off at byte 10 (tag not closed: `>` not found before end of input); the rest of it is lost".into(),
        format!("word/document.xml breaks off at byte {} (the outermost element is not closed); the rest of it is lost", document.len()),
    ];
    assert_eq!(file.report.remarks, expected);
}

#[test]
fn a_document_that_breaks_off_before_its_text_is_damaged() {
    let error = read_parts(b"<w:document><w:body><w:p", STYLES.as_bytes()).expect_err("no text");
    assert_eq!(
        error.to_string(),
        "cannot read a.docx: it is a Word document (DOCX), but it is damaged: no text in it; \
         word/document.xml breaks off at byte 20 (tag not closed: `>` not found before end of input)"
    );
}

#[test]
fn a_document_without_its_main_part_is_damaged() {
    let bytes = zipped(&[("word/document2.xml", b"<w:document/>"), ("[Content_Types].xml", b"<Types/>")]);
    let error = Docx.read(RawFile::new("a.docx", bytes), &ReadOptions::default()).expect_err("no main part");
    assert_eq!(
        error.to_string(),
        "cannot read a.docx: it is a Word document (DOCX), but it is damaged: no word/document.xml in it"
    );
}

proptest! {
    #[test]
    fn any_order_of_elements_gives_ordered_spans(tags in proptest::collection::vec(any_tag(), 0..60)) {
        let bytes = file(&tags.concat());
        if let Ok(file) = Docx.read(RawFile::new("a.docx", bytes), &ReadOptions::default()) {
            prop_assert!(file.outline.is_sorted_by_key(|entry| entry.span.start));
            for entry in &file.outline {
                prop_assert!(file.text.get(entry.span.start..entry.span.end).is_some(), "{:?}", entry);
            }
            prop_assert!(file.text.chars().all(|char| char == '\n' || char == '\t' || !char.is_control()), "{:?}", file.text);
        }
    }
}

fn any_tag() -> impl Strategy<Value = String> {
    let names = "p pPr r t tbl tr tc del ins br footnoteReference";
    let names: Vec<&str> = names.split(' ').collect();
    let tag = (0..3_u8, proptest::sample::select(names)).prop_map(|(kind, name)| match kind {
        0 => format!("<w:{name} w:id='1'>"),
        1 => format!("</w:{name}>"),
        _ => format!("<w:{name}/>"),
    });
    prop_oneof![4 => tag, 1 => Just(styled("berschrift1", "Heading")), 1 => Just(item(1, 1, "item")), 1 => Just(paragraph("", "text&#7;"))]
}
