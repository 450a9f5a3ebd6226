//! Reads the outline of a PDF as a flat list of titles with levels and pages.
//!
//! The outline is a tree of linked objects, which may be huge or circular. It is walked without recursion, visiting
//! each object once, and cut off at [`MOST_BOOKMARKS`]. A title leads to a page directly, or through a name in the
//! catalogue.

use std::collections::{BTreeMap, HashMap, HashSet};

use pdf_extract::{Dictionary, Document, Object, ObjectId};

use super::super::protocol::Bookmark;
use super::dictionary::child;

/// Maximum number of bookmarks. The Bible has 1,189 chapters.
pub(super) const MOST_BOOKMARKS: usize = 20_000;
/// Maximum level. Deeper bookmarks get this level.
const DEEPEST: u8 = 16;
/// Maximum number of nodes visited in the tree of names.
const MOST_NAME_NODES: usize = 100_000;

/// The bookmarks in reading order, and whether the list was cut off.
pub(super) fn bookmarks(document: &Document, pages: &BTreeMap<u32, ObjectId>) -> (Vec<Bookmark>, bool) {
    let Some(first) = first_item(document) else { return (Vec::new(), false) };
    let numbers: HashMap<ObjectId, u32> = pages.iter().map(|(&number, &id)| (id, number)).collect();
    let targets = Targets { document, numbers, names: names(document) };
    let mut bookmarks = Vec::new();
    let mut seen = HashSet::new();
    // A stack: the first child comes before the next sibling.
    let mut open = vec![(first, 1)];
    while let Some((id, level)) = open.pop() {
        if bookmarks.len() == MOST_BOOKMARKS {
            return (bookmarks, true);
        }
        let Ok(item) = document.get_dictionary(id) else { continue };
        if !seen.insert(id) {
            continue;
        }
        let linked = |key| item.get(key).and_then(Object::as_reference).ok();
        open.extend(linked(b"Next").map(|id| (id, level)));
        open.extend(linked(b"First").map(|id| (id, (level + 1).min(DEEPEST))));
        bookmarks.extend(targets.bookmark(item, level));
    }
    (bookmarks, false)
}

fn first_item(document: &Document) -> Option<ObjectId> {
    let root = child(document, document.catalog().ok()?, b"Outlines")?;
    root.get(b"First").and_then(Object::as_reference).ok()
}

/// What the targets of titles are resolved with.
struct Targets<'a> {
    document: &'a Document,
    numbers: HashMap<ObjectId, u32>,
    names: HashMap<&'a [u8], &'a Object>,
}

impl Targets<'_> {
    fn bookmark(&self, item: &Dictionary, level: u8) -> Option<Bookmark> {
        let title = item.get_deref(b"Title", self.document).ok()?;
        let title = pdf_extract::decode_text_string(title).ok()?;
        let action = || child(self.document, item, b"A")?.get_deref(b"D", self.document).ok();
        let target = item.get_deref(b"Dest", self.document).ok().or_else(action)?;
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        (!title.is_empty()).then_some(Bookmark { title, level, page: self.page(target, 0)? })
    }

    /// `[page /Fit]`, `<< /D [page /Fit] >>`, or a name for one of these.
    fn page(&self, target: &Object, steps: usize) -> Option<u32> {
        let (_, target) = self.document.dereference(target).ok()?;
        match target {
            Object::Array(array) => self.numbers.get(&array.first()?.as_reference().ok()?).copied(),
            Object::Dictionary(dictionary) if steps < 8 => self.page(dictionary.get(b"D").ok()?, steps + 1),
            Object::Name(name) | Object::String(name, _) if steps < 8 => {
                self.page(self.names.get(name.as_slice())?, steps + 1)
            }
            _ => None,
        }
    }
}

/// All names of the catalogue, of the old kind (a dictionary) and the new kind (a tree).
fn names(document: &Document) -> HashMap<&[u8], &Object> {
    let mut names = HashMap::new();
    let Ok(catalog) = document.catalog() else { return names };
    if let Some(old) = child(document, catalog, b"Dests") {
        names.extend(old.iter().map(|(name, target)| (name.as_slice(), target)));
    }
    let root = child(document, catalog, b"Names").and_then(|names| child(document, names, b"Dests"));
    let mut open: Vec<&Dictionary> = root.into_iter().collect();
    let mut seen = HashSet::new();
    while let Some(node) = open.pop() {
        if let Ok(pairs) = node.get_deref(b"Names", document).and_then(Object::as_array) {
            for two in pairs.chunks(2) {
                let name = two.first().and_then(|name| document.dereference(name).ok());
                let (Some((_, Object::String(name, _))), Some(target)) = (name, two.get(1)) else { continue };
                names.insert(name.as_slice(), target);
            }
        }
        let kids = node.get_deref(b"Kids", document).and_then(Object::as_array);
        let new = kids.into_iter().flatten().filter_map(|kid| kid.as_reference().ok());
        let new = new.filter(|&id| seen.len() < MOST_NAME_NODES && seen.insert(id));
        open.extend(new.filter_map(|id| document.get_dictionary(id).ok()));
    }
    names
}
