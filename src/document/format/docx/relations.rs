//! Reads which parts a part of a DOCX file refers to, from files such as `word/_rels/document.xml.rels`.

use std::collections::HashMap;

use crate::error::Error;
use crate::format::archive::{Archive, resolve};
use crate::format::xml::{Element, XmlHandler};

/// The paths that `part` refers to, by the last word of the relation's type: `styles`, `footnotes`.
pub(super) fn relations(archive: &mut Archive<'_>, part: &str) -> Result<HashMap<String, String>, Error> {
    let (folder, file) = part.rsplit_once('/').map_or(("", part), |(folder, file)| (folder, file));
    let path = resolve("", &format!("{folder}/_rels/{file}.rels")).unwrap_or_default();
    let mut relations = Relations { part, found: HashMap::new() };
    if archive.has(&path) {
        archive.read_xml(&path, &mut relations)?;
    }
    Ok(relations.found.into_iter().filter(|(_, path)| archive.has(path)).collect())
}

struct Relations<'a> {
    part: &'a str,
    found: HashMap<String, String>,
}

impl XmlHandler for Relations<'_> {
    fn open(&mut self, element: &Element<'_>) {
        let (Some(kind), Some(target)) = (element.attribute("Type"), element.attribute("Target")) else { return };
        let kind = kind.rsplit('/').next().unwrap_or_default();
        if let Some(path) = resolve(self.part, &target) {
            self.found.entry(kind.into()).or_insert(path);
        }
    }
}
