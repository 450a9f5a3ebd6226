//! What a DOCX file keeps beside its text: relations between parts, styles, numbering, notes.

use std::collections::HashMap;

use crate::document::error::Error;
use crate::document::format::archive::{Archive, resolve};
use crate::document::format::html::charset;
use crate::document::format::html::markup::{Attributes, Dialect, Markup, walk};

/// Styles are based on others at most so deep; they may be based on themselves, by mistake or to do harm.
const DEEPEST_STYLE: usize = 16;

/// Word has nine levels of lists and of headings.
pub(super) const LEVELS: usize = 9;

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

/// A number in a list, as a paragraph or its style asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct NumberRef {
    pub list: Option<String>,
    pub level: Option<usize>,
}

/// What a paragraph is by its style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    Title,
    /// 1 is the outermost.
    Heading(u8),
}

/// The styles of paragraphs, by id.
#[derive(Debug, Default)]
pub(super) struct Styles {
    styles: HashMap<String, Style>,
    open: Option<(String, Style)>,
}

#[derive(Debug, Default)]
struct Style {
    /// Built-in styles have English names in any language; their ids are translated.
    name: String,
    based_on: Option<String>,
    outline: Option<usize>,
    number: NumberRef,
}

impl Markup for Styles {
    fn open(&mut self, name: &str, attributes: &Attributes<'_>, is_closed: bool) {
        if name == "style" && !is_closed {
            let id = attributes.local("styleid").unwrap_or_default();
            self.open = Some((id.into(), Style::default()));
        }
        let (Some((_, style)), Some(value)) = (&mut self.open, attributes.local("val")) else { return };
        match name {
            "name" => style.name = value.to_lowercase(),
            "basedon" => style.based_on = Some(value.into()),
            "outlinelvl" => style.outline = value.parse().ok(),
            "numid" => style.number.list = Some(value.into()),
            "ilvl" => style.number.level = value.parse().ok(),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if name == "style" {
            self.styles.extend(self.open.take());
        }
    }

    fn text(&mut self, _text: &str) {}
}

impl Styles {
    /// The style `id` and those that it is based on.
    fn chain<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Style> {
        let base = |style: &&'a Style| style.based_on.as_ref().and_then(|id| self.styles.get(id));
        std::iter::successors(self.styles.get(id), base).take(DEEPEST_STYLE)
    }

    pub fn rank(&self, id: &str) -> Option<Rank> {
        let level = self.chain(id).find_map(Style::outline);
        let is_title = self.chain(id).any(|style| style.name == "title");
        if is_title { Some(Rank::Title) } else { heading(level?) }
    }

    pub fn number(&self, id: &str) -> NumberRef {
        let list = self.chain(id).find_map(|style| style.number.list.clone());
        NumberRef { list, level: self.chain(id).find_map(|style| style.number.level) }
    }
}

impl Style {
    /// 0 is the outermost, 9 is text.
    fn outline(&self) -> Option<usize> {
        let by_name = || self.name.strip_prefix("heading ")?.parse::<usize>().ok()?.checked_sub(1);
        self.outline.or_else(by_name)
    }
}

/// The heading of outline level `level`, counted from 0.
pub(super) fn heading(level: usize) -> Option<Rank> {
    (level < LEVELS).then(|| Rank::Heading(level as u8 + 1))
}

/// How lists count, and how far each has counted.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    /// By id of the abstract list.
    formats: HashMap<String, [Format; LEVELS]>,
    /// The abstract list of each list.
    lists: HashMap<String, String>,
    counts: HashMap<String, [u32; LEVELS]>,
    open_format: Option<String>,
    open_list: Option<String>,
    open_level: usize,
}

#[derive(Debug, Clone)]
struct Format {
    start: u32,
    kind: String,
    /// `%1.%2)`
    text: String,
}

impl Default for Format {
    fn default() -> Self {
        Self { start: 1, kind: "decimal".into(), text: String::new() }
    }
}

impl Markup for Numbering {
    fn open(&mut self, name: &str, attributes: &Attributes<'_>, _is_closed: bool) {
        let id = |name| attributes.local(name).map(str::to_owned);
        match name {
            "abstractnum" => self.open_format = id("abstractnumid"),
            "num" => self.open_list = id("numid"),
            "lvl" => self.open_level = attributes.local("ilvl").and_then(|level| level.parse().ok()).unwrap_or(LEVELS),
            "abstractnumid" => {
                if let (Some(list), Some(format)) = (self.open_list.clone(), id("val")) {
                    self.lists.insert(list, format);
                }
            }
            "start" | "numfmt" | "lvltext" => self.set(name, attributes.local("val").unwrap_or_default()),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "abstractnum" => self.open_format = None,
            "num" => self.open_list = None,
            _ => {}
        }
    }

    fn text(&mut self, _text: &str) {}
}

impl Numbering {
    fn set(&mut self, name: &str, value: &str) {
        let Some(list) = &self.open_format else { return };
        let Some(format) = self.formats.entry(list.clone()).or_default().get_mut(self.open_level) else { return };
        match name {
            "start" => format.start = value.parse().unwrap_or(1),
            "numfmt" => format.kind = value.to_lowercase(),
            _ => format.text = value.into(),
        }
    }

    /// Counts one on in `list`: `- `, `2.1 `. `None`: the paragraph is in no list.
    pub fn count(&mut self, list: &str, level: usize) -> Option<String> {
        let id = self.lists.get(list)?;
        let formats = self.formats.get(id)?;
        let counts = self.counts.entry(id.clone()).or_default();
        let level = level.min(LEVELS - 1);
        for upper in 0..=level {
            let is_first = counts[upper] == 0;
            counts[upper] = match (is_first, upper == level) {
                (true, _) => formats[upper].start,
                (false, true) => counts[upper].saturating_add(1),
                (false, false) => counts[upper],
            };
        }
        counts[level + 1..].fill(0);
        let label = label(formats, counts, level);
        Some(if label.is_empty() { "- ".into() } else { format!("{label} ") })
    }
}

/// `2.1` for `%1.%2`; nothing for bullets.
fn label(formats: &[Format; LEVELS], counts: &[u32; LEVELS], level: usize) -> String {
    if matches!(formats[level].kind.as_str(), "bullet" | "none") {
        return String::new();
    }
    let mut label = formats[level].text.clone();
    for (upper, (format, count)) in formats.iter().zip(counts).enumerate() {
        label = label.replace(&format!("%{}", upper + 1), &numeral(&format.kind, *count));
    }
    label
}

/// `count` as letters, Roman or plain.
fn numeral(kind: &str, count: u32) -> String {
    let letter = || char::from(b'a' + ((count.max(1) - 1) % 26) as u8).to_string();
    match kind {
        "lowerletter" => letter(),
        "upperletter" => letter().to_uppercase(),
        "lowerroman" => roman(count).to_lowercase(),
        "upperroman" => roman(count),
        _ => count.to_string(),
    }
}

fn roman(mut count: u32) -> String {
    const NUMERALS: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    if !(1..4000).contains(&count) {
        return count.to_string();
    }
    let mut roman = String::new();
    for (value, numeral) in NUMERALS {
        while count >= value {
            roman.push_str(numeral);
            count -= value;
        }
    }
    roman
}

/// Footnotes or endnotes, by id. Each is taken once, so that a note of a megabyte can't be told a thousand times.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub by_id: HashMap<String, String>,
    open: Option<(String, String)>,
    is_text: bool,
    dropped: usize,
}

impl Markup for Notes {
    fn open(&mut self, name: &str, attributes: &Attributes<'_>, is_closed: bool) {
        match name {
            // Separators are lines, not notes.
            "footnote" | "endnote" if attributes.local("type").is_none_or(|kind| kind == "normal") => {
                self.open = attributes.local("id").map(|id| (id.into(), String::new()));
            }
            "t" => self.is_text = !is_closed,
            "del" | "movefrom" | "fallback" => self.dropped += usize::from(!is_closed),
            "p" | "tab" | "br" => self.write(" "),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "footnote" | "endnote" => self.by_id.extend(self.open.take()),
            "t" => self.is_text = false,
            "del" | "movefrom" | "fallback" => self.dropped = self.dropped.saturating_sub(1),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.is_text {
            self.write(text);
        }
    }
}

impl Notes {
    fn write(&mut self, text: &str) {
        if let (0, Some((_, note))) = (self.dropped, &mut self.open) {
            note.push_str(text);
        }
    }
}
