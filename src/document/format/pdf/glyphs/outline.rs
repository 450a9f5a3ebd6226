//! Reads the outline of a PDF as a flat list of titles with levels and pages.
//!
//! The outline is a tree of linked objects, which may be huge or circular. It is walked without recursion, visiting
//! each object once, and cut off at [`MOST_BOOKMARKS`]. A title leads to a page directly, or through a name in the
//! catalogue.

use std::collections::{HashMap, HashSet};

use hayro_syntax::object::{Array, Dict, MaybeRef, Name, Object, ObjectIdentifier, String as PdfString};
use hayro_syntax::page::Page;
use hayro_syntax::xref::XRef;

use super::super::protocol::Bookmark;
use super::text_string::decoded;

/// Maximum number of bookmarks. The Bible has 1,189 chapters.
const MOST_BOOKMARKS: usize = 20_000;
/// Maximum level. Deeper bookmarks get this level.
const DEEPEST: u8 = 16;
/// Maximum number of nodes visited in the tree of names.
const MOST_NAME_NODES: usize = 100_000;
/// Maximum number of names that lead to names.
const MOST_STEPS: usize = 8;

/// The bookmarks in reading order, and whether the list was cut off.
pub(super) fn bookmarks(xref: &XRef, catalog: &Dict<'_>, pages: &[Page<'_>]) -> (Vec<Bookmark>, bool) {
    let Some(first) = catalog.get::<Dict<'_>>("Outlines").and_then(|root| root.get_ref("First")) else {
        return (Vec::new(), false);
    };
    let numbered = (1..).zip(pages).filter_map(|(number, page)| Some((page.raw().obj_id()?, number)));
    let targets = Targets { numbers: numbered.collect(), names: names(catalog) };
    let mut bookmarks = Vec::new();
    let mut seen = HashSet::new();
    // A stack: the first child comes before the next sibling.
    let mut open = vec![(ObjectIdentifier::from(first), 1)];
    while let Some((id, level)) = open.pop() {
        if bookmarks.len() == MOST_BOOKMARKS {
            return (bookmarks, true);
        }
        let Some(item) = xref.get::<Dict<'_>>(id).filter(|_| seen.insert(id)) else { continue };
        open.extend(item.get_ref("Next").map(|next| (next.into(), level)));
        open.extend(item.get_ref("First").map(|first| (first.into(), (level + 1).min(DEEPEST))));
        bookmarks.extend(targets.bookmark(&item, level));
    }
    (bookmarks, false)
}

/// What the targets of titles are resolved with.
struct Targets<'a> {
    numbers: HashMap<ObjectIdentifier, u32>,
    names: HashMap<Vec<u8>, Object<'a>>,
}

impl Targets<'_> {
    fn bookmark(&self, item: &Dict<'_>, level: u8) -> Option<Bookmark> {
        let title = decoded(item.get::<PdfString<'_>>("Title")?.as_bytes());
        let action = || item.get::<Dict<'_>>("A")?.get::<Object<'_>>("D");
        let target = item.get::<Object<'_>>("Dest").or_else(action)?;
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        (!title.is_empty()).then_some(Bookmark { title, level, page: self.page(&target, 0)? })
    }

    /// `[page /Fit]`, `<< /D [page /Fit] >>`, or a name for one of these.
    fn page(&self, target: &Object<'_>, steps: usize) -> Option<u32> {
        let named = |name: &[u8]| {
            let target = self.names.get(name).filter(|_| steps < MOST_STEPS)?;
            self.page(target, steps + 1)
        };
        match target {
            Object::Array(array) => match array.raw_iter().next()? {
                MaybeRef::Ref(page) => self.numbers.get(&page.into()).copied(),
                MaybeRef::NotRef(_) => None,
            },
            Object::Dict(entries) if steps < MOST_STEPS => self.page(&entries.get::<Object<'_>>("D")?, steps + 1),
            Object::Name(name) => named(name.as_ref()),
            Object::String(name) => named(name.as_bytes()),
            _ => None,
        }
    }
}

/// All names of the catalogue, of the old kind (a dictionary) and the new kind (a tree).
fn names<'a>(catalog: &Dict<'a>) -> HashMap<Vec<u8>, Object<'a>> {
    let old = catalog.get::<Dict<'a>>("Dests");
    let mut names: HashMap<Vec<u8>, Object<'a>> = HashMap::new();
    for key in old.iter().flat_map(Dict::keys) {
        let target = old.as_ref().and_then(|old| old.get::<Object<'a>>(&key));
        names.extend(target.map(|target| (key.as_ref().to_vec(), target)));
    }
    let root = catalog.get::<Dict<'a>>("Names").and_then(|names| names.get::<Dict<'a>>("Dests"));
    let mut open: Vec<Dict<'a>> = root.into_iter().collect();
    let mut seen = HashSet::new();
    while let Some(node) = open.pop().filter(|_| seen.len() < MOST_NAME_NODES) {
        // A node may be its own child.
        if !seen.insert(node.data().as_ptr() as usize) {
            continue;
        }
        add_leaf(&node, &mut names);
        open.extend(node.get::<Array<'a>>("Kids").iter().flat_map(Array::iter::<Dict<'a>>));
    }
    names
}

/// Adds the names of a node of the tree: `[(name) target (name) target …]`.
fn add_leaf<'a>(node: &Dict<'a>, names: &mut HashMap<Vec<u8>, Object<'a>>) {
    let Some(pairs) = node.get::<Array<'a>>("Names") else { return };
    let mut items = pairs.iter::<Object<'a>>();
    while let (Some(name), Some(target)) = (items.next(), items.next()) {
        match name {
            Object::String(name) => _ = names.insert(name.as_bytes().to_vec(), target),
            Object::Name(name) => _ = names.insert(Name::as_ref(&name).to_vec(), target),
            _ => {}
        }
    }
}
