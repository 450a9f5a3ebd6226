//! Reads what is in an EPUB book: `META-INF/container.xml` names the package, and the package lists the files and their
//! reading order (the spine).

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::error::Error;
use crate::format::archive::{Archive, decoded, resolve};
use crate::format::xml::{Element, XmlHandler};

const CONTAINER: &str = "META-INF/container.xml";
const ENCRYPTION: &str = "META-INF/encryption.xml";

/// Algorithms that only scramble fonts.
const FONT_SCRAMBLERS: [&str; 2] = ["http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"];

/// Files that tell which DRM protects a book.
const PROTECTORS: [(&str, &str); 3] = [
    ("META-INF/license.lcpl", "Readium LCP"),
    ("META-INF/sinf.xml", "Apple FairPlay"),
    ("META-INF/rights.xml", "Adobe ADEPT"),
];

/// The reading order of a book, and where its table of contents is.
#[derive(Debug, Default)]
pub(super) struct Package {
    /// In reading order, each file once.
    pub chapters: Vec<Chapter>,
    pub nav: Option<String>,
    pub ncx: Option<String>,
    /// Whether the book says in which order its files are read.
    pub has_order: bool,
    /// Entries of the spine that are missing from the book, as written.
    pub lost: Vec<String>,
}

/// A file of the spine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chapter {
    pub path: String,
    pub media_type: String,
}

/// Reads the package of the book. Fails if chapters are encrypted.
pub(super) fn package(archive: &mut Archive<'_>) -> Result<Package, Error> {
    let mut container = Container::default();
    if archive.has(CONTAINER) {
        archive.read_xml(CONTAINER, &mut container)?;
    }
    // A container that is damaged, or names what is not there: the package is told by its name.
    let named = container.package.map(|path| decoded(&path).replace('\\', "/"));
    let by_name = || archive.names().find(|name| name.to_lowercase().ends_with(".opf"));
    let lost = match &named {
        Some(path) => format!("no {path} in it"),
        None => format!("{CONTAINER} names no package"),
    };
    let path = named.filter(|path| archive.has(path)).or_else(by_name).ok_or_else(|| archive.broken(&lost))?;
    let mut opf = Opf::default();
    archive.read_xml(&path, &mut opf)?;
    let mut package = opf.package(&path, archive);
    if package.chapters.is_empty() {
        package.chapters = opf.listed(&path, archive);
        package.has_order = false;
    }
    if package.chapters.is_empty() {
        return Err(archive.broken(&format!("no chapter of {path} is in it")));
    }
    refuse_protected(archive, &package)?;
    Ok(package)
}

#[derive(Default)]
struct Container {
    package: Option<String>,
}

impl XmlHandler for Container {
    fn open(&mut self, element: &Element<'_>) {
        if element.name() == "rootfile" && self.package.is_none() {
            self.package = element.attribute("full-path").map(Cow::into_owned);
        }
    }
}

/// The package file.
#[derive(Default)]
struct Opf {
    items: HashMap<String, ManifestItem>,
    /// The items in the order of the list.
    ids: Vec<String>,
    spine: Vec<String>,
    ncx_id: Option<String>,
}

struct ManifestItem {
    href: String,
    media_type: String,
    is_nav: bool,
}

impl XmlHandler for Opf {
    fn open(&mut self, element: &Element<'_>) {
        let get = |name| element.attribute(name).unwrap_or_default().into_owned();
        match element.name() {
            "item" => {
                let is_nav = get("properties").split_whitespace().any(|property| property == "nav");
                let item = ManifestItem { href: get("href"), media_type: get("media-type"), is_nav };
                self.ids.push(get("id"));
                self.items.insert(get("id"), item);
            }
            "itemref" => self.spine.push(get("idref")),
            "spine" => self.ncx_id = element.attribute("toc").map(Cow::into_owned),
            _ => {}
        }
    }
}

impl Opf {
    /// Resolves the package file, which is at `path`, to the members of `archive`.
    fn package(&self, path: &str, archive: &Archive<'_>) -> Package {
        let at = |item: &ManifestItem| resolve(path, &item.href).filter(|path| archive.has(path));
        let is_ncx = |item: &&ManifestItem| item.media_type == "application/x-dtbncx+xml";
        let ncx = self.ncx_id.as_ref().and_then(|id| self.items.get(id)).or(self.items.values().find(is_ncx));
        let mut package = Package {
            nav: self.items.values().find(|item| item.is_nav).and_then(at),
            ncx: ncx.and_then(at),
            has_order: true,
            ..Package::default()
        };
        let mut seen = HashSet::new();
        for id in self.spine.iter().filter(|&id| seen.insert(id)) {
            let item = self.items.get(id);
            match item.and_then(|item| Some((at(item)?, &item.media_type))) {
                Some((path, media_type)) => package.chapters.push(Chapter { path, media_type: media_type.clone() }),
                None => package.lost.push(item.map_or(id, |item| &item.href).clone()),
            }
        }
        let mut seen = HashSet::new();
        package.chapters.retain(|chapter| seen.insert(chapter.path.clone()));
        package
    }

    /// The pages of a book that has no reading order, as its list of files has them.
    fn listed(&self, path: &str, archive: &Archive<'_>) -> Vec<Chapter> {
        let mut seen = HashSet::new();
        let pages = self.ids.iter().filter_map(|id| self.items.get(id)).filter(|item| {
            !item.is_nav
                && matches!(item.media_type.as_str(), "application/xhtml+xml" | "text/html" | "text/x-oeb1-document")
        });
        let at = |item: &ManifestItem| resolve(path, &item.href).filter(|path| archive.has(path));
        pages
            .filter_map(|item| Some(Chapter { path: at(item)?, media_type: item.media_type.clone() }))
            .filter(|chapter| seen.insert(chapter.path.clone()))
            .collect()
    }
}

/// Fails if chapters are encrypted: only the vendor's own program can decrypt them.
fn refuse_protected(archive: &mut Archive<'_>, package: &Package) -> Result<(), Error> {
    if !archive.has(ENCRYPTION) {
        return Ok(());
    }
    let mut encryption = Encryption::default();
    archive.read_xml(ENCRYPTION, &mut encryption)?;
    let encrypted = package.chapters.iter().filter(|chapter| encryption.paths.contains(&chapter.path)).count();
    if encrypted == 0 {
        return Ok(());
    }
    let by = PROTECTORS.iter().find(|(path, _)| archive.has(path)).map_or("DRM", |(_, name)| name);
    Err(archive.protected(&format!("{encrypted} of {} chapters are encrypted by {by}", package.chapters.len())))
}

/// The encrypted members, except for fonts.
#[derive(Default)]
struct Encryption {
    is_font: bool,
    paths: HashSet<String>,
}

impl XmlHandler for Encryption {
    fn open(&mut self, element: &Element<'_>) {
        match element.name() {
            "EncryptedData" => self.is_font = false,
            "EncryptionMethod" => {
                self.is_font = element.attribute("Algorithm").is_some_and(|method| FONT_SCRAMBLERS.contains(&&*method));
            }
            "CipherReference" if !self.is_font => {
                self.paths.extend(element.attribute("URI").and_then(|uri| resolve("", &uri)));
            }
            _ => {}
        }
    }
}
