//! DOCX: the first byte selects the part of the document that the rest replaces. The target `loader` damages whole
//! archives.
#![no_main]

use libfuzzer_sys::fuzz_target;

const BODY: &[u8] = b"<w:document><w:body><w:p><w:pPr><w:pStyle w:val='Heading1'/></w:pPr><w:r><w:t>One</w:t></w:r></w:p>\
    <w:p><w:pPr><w:numPr><w:ilvl w:val='0'/><w:numId w:val='1'/></w:numPr></w:pPr><w:r><w:t>a</w:t><w:footnoteReference w:id='2'/></w:r></w:p></w:body></w:document>";
const RELATIONS: &[u8] = b"<Relationships><Relationship Id='r' Type='http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument' Target='word/document.xml'/></Relationships>";

fuzz_target!(|bytes: &[u8]| {
    let Some((&which, part)) = bytes.split_first() else { return };
    let mut parts: [(&str, &[u8]); 6] = [
        ("word/document.xml", BODY),
        ("word/styles.xml", b"<w:styles/>"),
        ("word/numbering.xml", b"<w:numbering/>"),
        ("word/footnotes.xml", b"<w:footnotes/>"),
        ("_rels/.rels", RELATIONS),
        ("word/endnotes.xml", b"<w:endnotes/>"),
    ];
    parts[usize::from(which) % parts.len()].1 = part;
    lunette_fuzz::read("a.docx", &lunette_fuzz::zipped(&parts));
});
