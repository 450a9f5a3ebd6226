use super::*;
use crate::format::archive::zipped;

fn read(members: &[(&str, &str)]) -> FileText {
    let members: Vec<(&str, &[u8])> = members.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    let file = RawFile::new("a.zip", zipped(&members));
    assert!(Office.recognises(&file));
    Office.read(file, &ReadOptions::default()).expect("a document")
}

#[test]
fn an_open_document_text_has_headings_lists_tables_and_notes() {
    let content = "<office:document-content><office:automatic-styles><style:x>no</style:x></office:automatic-styles><office:body><office:text>\
        <text:h text:outline-level='1'>Of Cats</text:h><text:p>They<text:s text:c='2'/>sleep<text:note><text:note-citation>1</text:note-citation>\
        <text:note-body><text:p>noted</text:p></text:note-body></text:note>.</text:p><text:list><text:list-item><text:p>one</text:p></text:list-item>\
        </text:list><table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell/><table:table-cell>\
        <text:p>b</text:p></table:table-cell></table:table-row></table:table><text:p>Odd<office:annotation><dc:creator>Anna</dc:creator><dc:date>2026-11-30</dc:date><text:p>Is it?</text:p></office:annotation>.</text:p>\
        </office:text></office:body></office:document-content>";
    let file = read(&[
        ("mimetype", "application/vnd.oasis.opendocument.text"),
        ("META-INF/manifest.xml", "<m/>"),
        ("content.xml", content),
    ]);
    assert!(file.text.starts_with("# Of Cats\n\nThey sleep [footnote: noted].\n"), "{}", file.text);
    assert!(file.text.ends_with("- one\n\na |  | b\n\nOdd [comment by Anna: Is it?].\n"), "{}", file.text);
    assert_eq!(file.outline.len(), 1);
}

#[test]
fn a_table_of_a_slide_with_a_title_is_rows() {
    let text = |words: &str| format!("<a:txBody><a:p><a:r><a:t>{words}</a:t></a:r></a:p></a:txBody>");
    let cell = |words: &str| format!("<a:tc>{}</a:tc>", text(words));
    let slide = format!(
        "<p:sld><p:spTree><p:sp><p:nvPr><p:ph type='title'/></p:nvPr>{}</p:sp><p:graphicFrame><a:tbl><a:tr>{}{}</a:tr><a:tr>{}{}</a:tr></a:tbl>\
         </p:graphicFrame><p:grpSp><p:sp>{}</p:sp></p:grpSp></p:spTree></p:sld>",
        text("Rain"),
        cell("Corran"),
        cell("19.2"),
        cell("Tarbert"),
        cell("7.5"),
        text("In a group"),
    );
    let file = read(&[
        ("[Content_Types].xml", "<Types/>"),
        ("ppt/presentation.xml", "<p:presentation><p:sldIdLst><p:sldId r:id='r1'/></p:sldIdLst></p:presentation>"),
        (
            "ppt/_rels/presentation.xml.rels",
            "<Relationships><Relationship Id='r1' Type='x/slide' Target='slides/slide1.xml'/></Relationships>",
        ),
        ("ppt/slides/slide1.xml", &slide),
    ]);
    assert_eq!(file.text, "# Slide 1\n\n## Rain\n\nCorran | 19.2\nTarbert | 7.5\n\nIn a group\n");
}

#[test]
fn lists_of_an_open_document_have_their_numbers_and_raised_letters_are_exponents() {
    let styles = "<office:automatic-styles><style:style style:name='Up' style:family='text'><style:text-properties style:text-position='super 58%'/></style:style>\
        <style:style style:name='Off' style:family='text'><style:text-properties text:display='none'/></style:style><text:list-style style:name='L'>\
        <text:list-level-style-number text:level='1' style:num-format='1' style:num-suffix='.'/><text:list-level-style-number text:level='2' \
        style:num-format='a' style:num-suffix=')'/></text:list-style></office:automatic-styles>";
    let item = |text: &str| format!("<text:list-item><text:p>{text}</text:p></text:list-item>");
    let inner = format!(
        "<text:list-item><text:p>two</text:p><text:list>{}{}</text:list></text:list-item>",
        item("x"),
        item("y")
    );
    let lists = format!(
        "<text:list xml:id='l1' text:style-name='L'>{}{inner}</text:list><text:p>Between.</text:p><text:list text:continue-list='l1' text:style-name='L'>{}</text:list>",
        item("one"),
        item("three")
    );
    let text = "<text:p>It is 10<text:span text:style-name='Up'>-9</text:span> m.<text:span text:style-name='Off'>Ignore this.</text:span></text:p>";
    let flat = format!(
        "<?xml version='1.0'?>\n<office:document xmlns:office='urn:x'>{styles}<office:body><office:text>{lists}{text}</office:text></office:body></office:document>"
    );
    let expected = "1. one\n2. two\n  a) x\n  b) y\n\nBetween.\n\n3. three\n\nIt is 10^-9 m.\n";
    let flat = RawFile::new("a.fodt", flat.into_bytes());
    assert!(Office.recognises(&flat));
    let file = Office.read(flat, &ReadOptions::default()).expect("a document");
    assert_eq!(
        (file.text.as_str(), &file.report.remarks[..]),
        (expected, &["1 run of hidden text left out".to_owned()][..])
    );
}

#[test]
fn open_document_slides_and_sheets_begin_with_their_names() {
    let slides = "<office:body><office:presentation><draw:page><draw:frame><text:p>Lamps</text:p></draw:frame><presentation:notes><text:p>Speak up.</text:p>\
        </presentation:notes></draw:page><draw:page><text:p>End</text:p></draw:page></office:presentation></office:body>";
    let file = read(&[
        ("mimetype", "application/vnd.oasis.opendocument.presentation"),
        ("META-INF/manifest.xml", "<m/>"),
        ("content.xml", slides),
    ]);
    assert_eq!(file.text, "# Slide 1\n\nLamps\n\nNotes:\n\nSpeak up.\n\n# Slide 2\n\nEnd\n");
    let cell = |text: &str| format!("<table:table-cell><text:p>{text}</text:p></table:table-cell>");
    let row = |cells: &str| format!("<table:table-row>{cells}</table:table-row>");
    let empty = "<table:table-cell table:number-columns-repeated='2'/>";
    let rows = row(&(cell("what") + empty + &cell("price")))
        + &row(&(cell("cat") + "<table:table-cell table:number-columns-repeated='1000000'/>"));
    let sheets = format!(
        "<office:body><office:spreadsheet><table:table table:name='Prices'>{rows}</table:table></office:spreadsheet></office:body>"
    );
    let file = read(&[
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
        ("META-INF/manifest.xml", "<m/>"),
        ("content.xml", &sheets),
    ]);
    assert_eq!(file.text, "# Sheet: Prices\n\nwhat | | | price\ncat\n");
}

#[test]
fn slides_of_power_point_come_in_their_order_with_notes() {
    let shape = |kind: &str, text: &str| {
        format!(
            "<p:sp><p:nvPr><p:ph type='{kind}'/></p:nvPr><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"
        )
    };
    let one = shape("title", "Lamps") + &shape("body", "They turn.") + &shape("sldNum", "7");
    let file = read(&[
        (
            "ppt/presentation.xml",
            "<p:presentation><p:sldIdLst><p:sldId id='1' r:id='r2'/><p:sldId id='2' r:id='r1'/></p:sldIdLst></p:presentation>",
        ),
        (
            "ppt/_rels/presentation.xml.rels",
            "<R><Relationship Id='r1' Type='x/slide' Target='slides/slide2.xml'/><Relationship Id='r2' Type='x/slide' Target='slides/slide1.xml'/></R>",
        ),
        ("ppt/slides/slide1.xml", &one),
        (
            "ppt/slides/_rels/slide1.xml.rels",
            "<R><Relationship Id='n' Type='x/notesSlide' Target='../notesSlides/notesSlide1.xml'/></R>",
        ),
        ("ppt/notesSlides/notesSlide1.xml", &(shape("sldImg", "no") + &shape("body", "Speak up."))),
        ("ppt/slides/slide2.xml", &shape("body", "End")),
    ]);
    assert_eq!(file.text, "# Slide 1\n\n## Lamps\n\nThey turn.\n\nNotes: Speak up.\n\n# Slide 2\n\nEnd\n");
}

#[test]
fn sheets_of_excel_have_texts_numbers_and_dates_in_their_columns() {
    let sheet = "<worksheet><sheetData><row r='1'><c r='A1' t='s'><v>0</v></c><c r='C1' t='inlineStr'><is><t>when</t></is></c></row>\
        <row r='2'><c r='A2'><f>1+1</f><v>2.5</v></c><c r='B2' t='b'><v>1</v></c><c r='C2' s='1'><v>45000.5</v></c></row></sheetData></worksheet>";
    let file = read(&[
        ("xl/workbook.xml", "<workbook><sheets><sheet name='Prices' r:id='r1'/></sheets></workbook>"),
        ("xl/_rels/workbook.xml.rels", "<R><Relationship Id='r1' Target='worksheets/sheet1.xml'/></R>"),
        ("xl/sharedStrings.xml", "<sst><si><r><t>wh</t></r><r><t>at</t></r></si></sst>"),
        ("xl/styles.xml", "<styleSheet><cellXfs><xf numFmtId='0'/><xf numFmtId='14'/></cellXfs></styleSheet>"),
        ("xl/worksheets/sheet1.xml", sheet),
    ]);
    assert_eq!(file.text, "# Sheet: Prices\n\nwhat | | when\n2.5 | TRUE | 2023-03-15 12:00\n");
}

/// An Excel workbook of one sheet.
fn workbook(rows: &str, strings: &str) -> Vec<u8> {
    let sheet = format!("<worksheet><sheetData>{rows}</sheetData></worksheet>");
    zipped(&[
        ("xl/workbook.xml", b"<workbook><sheets><sheet name='S' r:id='r1'/></sheets></workbook>"),
        ("xl/_rels/workbook.xml.rels", b"<R><Relationship Id='r1' Target='worksheets/sheet1.xml'/></R>"),
        ("xl/sharedStrings.xml", strings.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

#[test]
fn cells_far_to_the_right_are_read_and_say_where_they_are() {
    let rows = "<row r='1'><c r='A1'><v>1</v></c><c r='XFD1'><v>2</v></c></row><row r='1048576'><c r='B1048576'><v>3</v></c></row>";
    let read = Office.read(RawFile::new("a.xlsx", workbook(rows, "<sst/>")), &ReadOptions::default());
    assert_eq!(read.expect("a sheet").text, "# Sheet: S\n\n1 | … | XFD: 2\n| 3\n");
}

#[test]
fn a_text_that_is_asked_for_again_and_again_is_a_bomb() {
    let strings = format!("<sst><si><t>{}</t></si></sst>", "a".repeat(1 << 20));
    let rows: String = (0..40).map(|_| "<row><c t='s'><v>0</v></c></row>").collect();
    let error = Office.read(RawFile::new("a.xlsx", workbook(&rows, &strings)), &ReadOptions::default());
    let error = error.expect_err("too much").to_string();
    assert!(error.contains("MiB of text, which looks like a decompression bomb"), "{error}");
}

#[test]
fn rows_that_are_there_several_times_are_written_as_often() {
    let cell = |text: &str| format!("<table:table-cell><text:p>{text}</text:p></table:table-cell>");
    let rows = format!(
        "<table:table-row table:number-rows-repeated='3'>{}</table:table-row><table:table-row table:number-rows-repeated='1000000'><table:table-cell \
         table:number-columns-repeated='16384'/></table:table-row><table:table-row>{}</table:table-row>",
        cell("same"),
        cell("end")
    );
    let content = format!(
        "<office:body><office:spreadsheet><table:table table:name='S'>{rows}</table:table></office:spreadsheet></office:body>"
    );
    let file = read(&[
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
        ("META-INF/manifest.xml", "<m/>"),
        ("content.xml", &content),
    ]);
    assert_eq!(file.text, "# Sheet: S\n\nsame\nsame\nsame\nend\n");
}
