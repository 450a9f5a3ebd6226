//! EPUB: the first byte selects the member of the book that the rest replaces. The target `loader` damages whole
//! archives.
#![no_main]

use libfuzzer_sys::fuzz_target;

const CONTAINER: &[u8] = b"<container><rootfiles><rootfile full-path='OEBPS/book.opf'/></rootfiles></container>";
const BOOK: &[u8] = b"<package><manifest><item id='n' href='nav.xhtml' properties='nav'/><item id='t' href='toc.ncx' media-type='application/x-dtbncx+xml'/>\
    <item id='c' href='one.xhtml' media-type='application/xhtml+xml'/></manifest><spine toc='t'><itemref idref='c'/></spine></package>";
const NAV: &[u8] = b"<html><nav epub:type='toc'><ol><li><a href='one.xhtml#b'>B</a></li></ol></nav></html>";
const NCX: &[u8] =
    b"<ncx><navMap><navPoint><navLabel><text>One</text></navLabel><content src='one.xhtml'/></navPoint></navMap></ncx>";
const CHAPTER: &[u8] = b"<html><body><h1>One</h1><p id='b'>Text.</p></body></html>";

fuzz_target!(|bytes: &[u8]| {
    let Some((&which, member)) = bytes.split_first() else { return };
    let mut members = [
        ("META-INF/container.xml", CONTAINER),
        ("OEBPS/book.opf", BOOK),
        ("OEBPS/nav.xhtml", NAV),
        ("OEBPS/toc.ncx", NCX),
        ("OEBPS/one.xhtml", CHAPTER),
        ("META-INF/encryption.xml", b"<encryption/>"),
    ];
    members[usize::from(which) % 6].1 = member;
    // Without the newer table of contents, the older one is read.
    let kept: Vec<(&str, &[u8])> =
        members.into_iter().filter(|(name, _)| which < 128 || !name.ends_with("nav.xhtml")).collect();
    lunette_fuzz::read("a.epub", &lunette_fuzz::zipped(&kept));
});
