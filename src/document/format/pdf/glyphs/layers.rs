//! Optional content: layers that the document switches off are not read, as they are not shown.

use std::collections::HashSet;

use hayro_syntax::object::{Array, Dict, MaybeRef, Name, ObjectIdentifier};

/// The layers that are off when the document is opened.
#[derive(Default)]
pub(super) struct Layers {
    off: HashSet<ObjectIdentifier>,
}

impl Layers {
    pub(super) fn of(catalog: &Dict<'_>) -> Self {
        Self::read(catalog).unwrap_or_default()
    }

    fn read(catalog: &Dict<'_>) -> Option<Self> {
        let all = catalog.get::<Dict<'_>>("OCProperties")?;
        let configuration = all.get::<Dict<'_>>("D")?;
        let is_off_at_first = configuration.get::<Name<'_>>("BaseState").is_some_and(|state| state.as_ref() == b"OFF");
        let mut off = if is_off_at_first { references(&all, "OCGs") } else { HashSet::new() };
        for layer in references(&configuration, "ON") {
            off.remove(&layer);
        }
        off.extend(references(&configuration, "OFF"));
        Some(Self { off })
    }

    /// Whether content with the entry `key` in `owner` is hidden: a layer, or a group of them with a policy.
    pub(super) fn hide(&self, owner: &Dict<'_>, key: &[u8]) -> bool {
        if self.off.is_empty() {
            return false;
        }
        let group = owner.get::<Dict<'_>>(key).filter(|group| group.contains_key("OCGs"));
        match group {
            Some(group) => self.hide_group(&group),
            None => owner.get_ref(key).is_some_and(|layer| self.off.contains(&layer.into())),
        }
    }

    fn hide_group(&self, group: &Dict<'_>) -> bool {
        let mut members = references(group, "OCGs");
        members.extend(group.get_ref("OCGs").map(ObjectIdentifier::from));
        let are_off = members.iter().filter(|layer| self.off.contains(layer)).count();
        if members.is_empty() {
            return false;
        }
        match group.get::<Name<'_>>("P").as_ref().map(AsRef::as_ref) {
            Some(b"AllOn") => are_off > 0,
            Some(b"AnyOff") => are_off == 0,
            Some(b"AllOff") => are_off < members.len(),
            _ => are_off == members.len(),
        }
    }
}

/// The references in the array at `key`.
fn references(owner: &Dict<'_>, key: &str) -> HashSet<ObjectIdentifier> {
    let array = owner.get::<Array<'_>>(key);
    let items = array.iter().flat_map(Array::raw_iter);
    let ids = items.filter_map(|item| match item {
        MaybeRef::Ref(reference) => Some(ObjectIdentifier::from(reference)),
        MaybeRef::NotRef(_) => None,
    });
    ids.collect()
}
