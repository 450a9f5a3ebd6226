//! Kinds of files that are told by their names or first bytes: mail, notebooks, RTF, subtitles, manual pages, books in XML,
//! markup, archives. Members of zip archives come from the input, so that office files are reached, too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lunette_fuzz::{read, zipped};

fuzz_target!(|bytes: &[u8]| {
    for name in
        ["a.eml", "a.mbox", "a.ipynb", "a.srt", "a.ass", "a.1", "a.tex", "a.org", "a.adoc", "a.rst", "a.tar", "a.gz"]
    {
        read(name, bytes);
    }
    read("a.rtf", &[b"{\\rtf1 ".as_slice(), bytes].concat());
    read("a.fb2", &[b"<?xml version='1.0'?><FictionBook>".as_slice(), bytes].concat());
    let manifest: (&str, &[u8]) = ("META-INF/manifest.xml", b"<m/>");
    read("a.odt", &zipped(&[manifest, ("content.xml", &[b"<body>".as_slice(), bytes].concat())]));
    let workbook: &[u8] = b"<workbook><sheets><sheet name='a' id='r' r:id='r'/></sheets></workbook>";
    let related: &[u8] = b"<R><Relationship Id='r' Target='s.xml'/></R>";
    read(
        "a.xlsx",
        &zipped(&[("xl/workbook.xml", workbook), ("xl/_rels/workbook.xml.rels", related), ("xl/s.xml", bytes)]),
    );
});
