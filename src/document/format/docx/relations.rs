//! Which parts of a DOCX file belong to a part, and what kind each is: `word/_rels/document.xml.rels`.

use std::collections::HashMap;

use crate::document::error::Error;
use crate::document::format::archive::{Archive, resolve};
use crate::document::format::charset;
use crate::document::format::html::markup::{Attributes, Dialect, Markup, walk};

/// Tells `markup` of the part at `path`.
pub(super) fn read(archive: &mut Archive<'_>, path: &str, markup: &mut dyn Markup) -> Result<(), Error> {
    let bytes = archive.need(path)?;
    let walked = walk(&charset::read(&bytes).text, Dialect::Xml, markup);
    walked.map_err(|count| archive.broken(format!("{path}: a tag with {count} attributes")))
}

/// The parts that a part relates to, by the last word of the relation's type: `styles`, `footnotes`.
pub(super) fn relations(archive: &mut Archive<'_>, part: &str) -> Result<HashMap<String, String>, Error> {
    let (folder, file) = part.rsplit_once('/').map_or(("", part), |(folder, file)| (folder, file));
    let path = resolve("", &format!("{folder}/_rels/{file}.rels")).unwrap_or_default();
    let mut relations = Relations { part, found: HashMap::new() };
    if archive.has(&path) {
        read(archive, &path, &mut relations)?;
    }
    Ok(relations.found.into_iter().filter(|(_, path)| archive.has(path)).collect())
}

struct Relations<'a> {
    part: &'a str,
    found: HashMap<String, String>,
}

impl Markup for Relations<'_> {
    fn open(&mut self, _name: &str, attributes: &Attributes<'_>, _is_closed: bool) {
        let (Some(kind), Some(target)) = (attributes.local("type"), attributes.local("target")) else { return };
        let kind = kind.rsplit('/').next().unwrap_or_default();
        if let Some(path) = resolve(self.part, target) {
            self.found.entry(kind.into()).or_insert(path);
        }
    }

    fn close(&mut self, _name: &str) {}

    fn text(&mut self, _text: &str) {}
}
